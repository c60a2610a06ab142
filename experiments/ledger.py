"""Since when each rule stands: ``python -m experiments rules`` writes what has changed into rules.json.

A rule that was written, or changed, when the figures were already known is weaker than one that was not. So each row's
rule stands in rules.json with the time at which it got its present form, and with the forms that it had before. A test
fails where a row and rules.json differ. The commit of a rule is the one that last changed its line there.

The same rule of another metric is another rule. Where a metric only got another name, rename it in rules.json, too,
before running the command.
"""

import argparse
import collections
import datetime
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from experiments import statistics
from experiments.catalogue import EXPERIMENTS
from experiments.runner import Row, now, rule_text, write

PATH = pathlib.Path(__file__).with_name("rules.json")
SHARED = ("LEVEL", "NARROW", "BROKEN")  # constants of statistics that many rules rest on
Entry = dict[str, Any]  # rule, since; before (earlier forms, the latest first) and commit where there are any


class Since(NamedTuple):
    """What a reader is told about the age of a rule.

    Attributes:
        date: since when it stands; empty if it is not in rules.json.
        commit: of that change; empty if unknown.
        after: "" for a rule that is older than all figures; otherwise what it is younger than, in words.
        before: the form that it had before, or empty.
    """

    date: str
    commit: str
    after: str = ""
    before: str = ""


def wanted() -> dict[str, str]:
    """Every row's key and the text of its rule, and the constants that the rules share."""
    found = {f"statistics: {name}": repr(getattr(statistics, name)) for name in SHARED}
    counts: collections.Counter[str] = collections.Counter()
    for experiment in EXPERIMENTS.values():
        for row in experiment.rows:
            counts[key_of(row)] += 1
            found[key_of(row, counts[key_of(row)])] = rule_text(row.rule)
    return found


def key_of(row: Row, number: int = 1) -> str:
    """What a row is called in rules.json; the second rule of an entry for one metric is number 2."""
    return f"{row.id}: {row.metric}" + (f" ({number})" if number > 1 else "")


def read(path: pathlib.Path = PATH) -> dict[str, Any]:
    """The ledger: "rules", key -> entry; and "seen", id -> when figures of it were first known, at the latest."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(found[name], dict) for name in ("rules", "seen")):
            raise TypeError("rules and seen are no objects")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: these are no rules ({error!r:.120}); restore it") from error
    return found


def text_of(ledger: Mapping[str, Any]) -> str:
    """The ledger as JSON, one line for each rule, so that history knows each by its line."""
    parts = []
    for name in ("seen", "rules"):
        lines = [f"  {json.dumps(key)}: {json.dumps(entry)}" for key, entry in ledger[name].items()]
        parts.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def updated(rules: Mapping[str, Entry], texts: Mapping[str, str], when: str) -> dict[str, Entry]:
    """The rules as they are now: unchanged ones keep their time, changed ones also keep what they were.

    Args:
        rules: the ledger so far.
        texts: key -> present text, see ``wanted``.
        when: the time for what is new or changed.
    """
    gone = {key: entry for key, entry in rules.items() if key not in texts}
    found: dict[str, Entry] = {}
    for key, text in texts.items():
        known = rules.get(key) or _of_another_metric(gone, key, text)
        if known is None:
            found[key] = {"rule": text, "since": when}
        elif known["rule"] == text:
            found[key] = known
        else:
            last = {name: known[name] for name in ("rule", "since")}
            found[key] = {"rule": text, "since": when, "before": [last, *known.get("before", [])]}
    return found


def _of_another_metric(gone: dict[str, Entry], key: str, text: str) -> Entry | None:
    """The entry of the same id and rule that is no longer there, with the metric that it was about."""
    for other, entry in gone.items():
        if id_of(other) == id_of(key) and entry["rule"] == text:
            del gone[other]
            return entry | {"rule": f"{text}, of {other.partition(': ')[2]}"}
    return None


def id_of(key: str) -> str:
    """The entry of the book that a rule belongs to."""
    return key.partition(": ")[0]


def seen(ledger: Mapping[str, Any], ids: Iterable[str], when: str) -> dict[str, Any]:
    """The ledger, with a time for those ids whose figures were not known before."""
    return {**ledger, "seen": dict.fromkeys(ids, when) | ledger["seen"]}


def git(*arguments: str) -> str | None:
    """What git says in this folder, or None where it fails or there is none."""
    try:
        done = subprocess.run(["git", "-C", str(PATH.parent), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout


def commits() -> dict[str, str]:
    """Key -> the commit that last changed its line of rules.json; nothing outside a repository."""
    return blamed(git("blame", "--line-porcelain", "--abbrev=10", "--", PATH.name) or "")


def blamed(text: str) -> dict[str, str]:
    """Key -> commit, from what ``git blame --line-porcelain`` says of rules.json."""
    found, commit, rules = {}, "", False
    for line in text.splitlines():
        if header := re.match(r"([0-9a-f]{40}) \d+ \d+", line):
            commit = header[1][:10]
        elif line.startswith("\t"):
            rules = rules or line.strip() == '"rules": {'
            key = re.match(r'\t  ("(?:[^"\\]|\\.)*"): \{', line)
            if key and rules:
                found[json.loads(key[1])] = "" if not commit.strip("0") else commit
    return found


def is_older(commit: str, other: str) -> bool | None:
    """Whether one commit is among the ancestors of another, or the same; None where git knows one of them not."""
    other = other.rstrip("+")
    if not commit or git("cat-file", "-e", f"{commit}^{{commit}}") is None or git("cat-file", "-e", other) is None:
        return None
    return git("merge-base", "--is-ancestor", commit, other) is not None


class Ledger:
    """Answers since when a rule stands, and whether that was before its figures were known."""

    def __init__(self, ledger: Mapping[str, Any] | None = None, commits_of: Mapping[str, str] | None = None) -> None:
        self.ledger = read() if ledger is None else ledger
        self.commits = commits() if commits_of is None else commits_of
        self._older: dict[tuple[str, str], bool | None] = {}

    def since(self, key: str, run_commit: str = "", run_started: str = "") -> Since:
        """The age of a rule, beside a run that it judges.

        Args:
            key: of the rule, see ``key_of``.
            run_commit: the commit of the run; empty if unknown.
            run_started: when it started; empty if unknown.
        """
        entry = self.ledger["rules"].get(key)
        if entry is None:
            return Since("", "", "not in rules.json")
        commit = entry.get("commit") or self.commits.get(key, "")
        before = entry["before"][0]["rule"] if entry.get("before") else ""
        first = self.ledger["seen"].get(id_of(key), "")
        after = ""
        if self._follows(commit, entry["since"], run_commit, run_started):
            after = "this run"
        elif first and not later(first, entry["since"]):
            after = "an earlier run"
        return Since(entry["since"], commit, after, before)

    def _follows(self, commit: str, since: str, run_commit: str, run_started: str) -> bool:
        """Whether a rule is younger than a run: by the commits, else by the clock; where neither is known, it is."""
        pair = commit, run_commit
        if pair not in self._older:
            self._older[pair] = is_older(*pair) if all(pair) else None
        older = self._older[pair]
        return not older if older is not None else not run_started or later(since, run_started)


def later(one: str, other: str) -> bool:
    """Whether one time is after another."""
    return datetime.datetime.fromisoformat(one) > datetime.datetime.fromisoformat(other)


def main(arguments: list[str]) -> int:
    """Bring rules.json up to date, and say what has changed; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m experiments rules", description=__doc__)
    parser.parse_args(arguments)
    try:
        return update()
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def update() -> int:
    """Do so; returns the exit status."""
    ledger = read()
    old, new = ledger["rules"], updated(ledger["rules"], wanted(), now())
    for key, entry in new.items():
        if key not in old:
            print(f"new: {key}: {entry['rule']}" + ("" if "before" not in entry else f", was {entry['before'][0]}"))
        elif old[key]["rule"] != entry["rule"]:
            print(f"changed: {key}: {entry['rule']}, was {old[key]['rule']}")
    for key in old.keys() - new.keys():
        print(f"gone: {key}: {old[key]['rule']}")
    write(PATH, text_of({**ledger, "rules": new}))
    print(f"{len(new)} rules in {PATH}; commit it together with the rows")
    return 0
