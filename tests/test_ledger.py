"""Since when rules stand; and explanations with their figures."""

import dataclasses
import json
import subprocess

import numpy as np
import pytest

from experiments import ledger, units
from experiments.catalogue import EXPERIMENTS
from experiments.intervals import summarize
from experiments.ledger import Ledger, blamed, seen, text_of, updated
from experiments.runner import Row, rule_text
from experiments.statistics import Claim, Measured, Number, Toy

DAY = "2026-01-0{}T00:00:00+00:00".format


def test_every_rule_stands_in_the_ledger_as_it_is_in_the_rows():
    kept = {key: entry["rule"] for key, entry in ledger.read()["rules"].items()}
    wanted = ledger.wanted()
    differ = sorted(key for key in kept.keys() | wanted.keys() if kept.get(key) != wanted.get(key))
    assert not differ, "a rule has changed: run python -m experiments rules, and commit rules.json together with it"


def test_the_ledger_knows_every_row_and_is_written_a_line_a_rule():
    rows = [row for e in EXPERIMENTS.values() for row in e.rows]
    assert len(ledger.wanted()) == len(rows) + len(ledger.SHARED)
    kept = ledger.read()
    assert ledger.PATH.read_text() == text_of(kept)
    assert text_of(kept).count("\n") == len(kept["rules"]) + len(kept["seen"]) + 6
    assert json.loads(text_of(kept)) == kept


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Toy(16), "Toy(16)"),
        (Toy(0.5, tolerance=0.01), "Toy(0.5, tolerance=0.01)"),
        (Number(0.9542, best_of=3), "Number(0.9542, best_of=3)"),
        (Claim("above", 0.01, unit="points"), "Claim('above', bound=0.01)"),
        (Claim("above"), "Claim('above')"),
        (Measured(), "Measured()"),
    ],
)
def test_a_rule_is_written_down_by_what_decides(rule, text):
    assert rule_text(rule) == text


def test_what_changes_gets_a_new_time_and_keeps_what_it_was():
    rules = {"a: x": {"rule": "Toy(1)", "since": DAY(1), "commit": "abc"}, "a: y": {"rule": "Toy(2)", "since": DAY(1)}}
    found = updated(rules, {"a: x": "Toy(3)", "a: y": "Toy(2)", "b: z": "Toy(4)"}, DAY(2))
    assert found["a: y"] == rules["a: y"]
    assert found["b: z"] == {"rule": "Toy(4)", "since": DAY(2)}
    # The commit belonged to the earlier form.
    assert found["a: x"] == {"rule": "Toy(3)", "since": DAY(2), "before": [{"rule": "Toy(1)", "since": DAY(1)}]}
    again = updated(found, {"a: x": "Toy(1)"}, DAY(3))
    assert again == {
        "a: x": {
            "rule": "Toy(1)",
            "since": DAY(3),
            "before": [{"rule": "Toy(3)", "since": DAY(2)}, {"rule": "Toy(1)", "since": DAY(1)}],
        }
    }


def test_the_same_rule_of_another_metric_is_new_and_says_what_it_was_about():
    rules = {"a: x: y": {"rule": "Toy(1)", "since": DAY(1)}}
    found = updated(rules, {"a: new": "Toy(1)", "a: newer": "Toy(1)", "b: new": "Toy(1)"}, DAY(2))
    assert found["a: new"] == {
        "rule": "Toy(1)",
        "since": DAY(2),
        "before": [{"rule": "Toy(1), of x: y", "since": DAY(1)}],
    }
    # One old rule is the past of one new rule only, and not of one of another entry of the book.
    assert found["a: newer"] == found["b: new"] == {"rule": "Toy(1)", "since": DAY(2)}


def test_figures_are_known_from_their_first_run_on():
    known = seen({"seen": {"a": DAY(1)}, "rules": {}}, ["a", "b"], DAY(2))
    assert known == {"seen": {"a": DAY(1), "b": DAY(2)}, "rules": {}}


def test_a_rule_that_is_younger_than_figures_says_so():
    rules = {
        "a: old": {"rule": "Toy(1)", "since": DAY(1)},
        "a: new": {"rule": "Toy(1)", "since": DAY(3), "before": [{"rule": "Toy(2)", "since": DAY(1)}]},
        "b: x": {"rule": "Toy(1)", "since": DAY(3)},
    }
    book = Ledger({"seen": {"a": DAY(2)}, "rules": rules}, {"a: new": "c0ffee"})
    assert book.since("a: old", "", DAY(4)) == (DAY(1), "", "", "")
    assert book.since("a: new", "", DAY(4)) == (DAY(3), "c0ffee", "an earlier run", "Toy(2)")
    assert book.since("b: x", "", DAY(4)).after == ""
    assert book.since("b: x", "", DAY(2)).after == "this run"
    at_once = Ledger({"seen": {"a": DAY(1)}, "rules": rules}, {})
    assert at_once.since("a: old", "", DAY(4)).after == "an earlier run"  # committed together with its figures
    assert book.since("b: x", "", "").after == "this run"  # a run of unknown age proves nothing
    assert book.since("c: x", "", DAY(4)).after == "not in rules.json"


def test_the_history_of_commits_decides_where_it_is_known(tmp_path, monkeypatch):
    def git(*arguments):
        own = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run([*own, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    path = tmp_path / "rules.json"
    monkeypatch.setattr(ledger, "PATH", path)
    git("init", "-q")
    names = []
    rules = {"a: x": {"rule": "Toy(1)", "since": DAY(1)}, "a: y: z": {"rule": "Toy(1)", "since": DAY(1)}}
    for since in (1, 2):
        rules["a: x"]["since"] = DAY(since)
        path.write_text(text_of({"seen": {"a: x": DAY(9)}, "rules": rules}))
        git("add", "rules.json")
        git("commit", "-qm", "rules")
        names.append(git("rev-parse", "--short=10", "HEAD"))
    first, second = names
    assert ledger.commits() == {"a: x": second, "a: y: z": first}
    assert ledger.is_older(first, second)
    assert ledger.is_older(second, second + "+")
    assert not ledger.is_older(second, first)
    assert ledger.is_older("", second) is None
    assert ledger.is_older(first, "0123456789") is None
    book = Ledger({"seen": {}, "rules": rules})
    # By the clock, both are older than the run; by the commits, one is not.
    assert [book.since(key, first, DAY(5)).after for key in rules] == ["this run", ""]
    rules["a: x"]["since"] = DAY(3)
    path.write_text(text_of({"seen": {}, "rules": rules}))
    assert ledger.commits()["a: x"] == ""  # not committed yet


def test_no_history_is_no_error():
    assert blamed("") == {}


def test_the_command_writes_what_has_changed(tmp_path, monkeypatch, capsys):
    path = tmp_path / "rules.json"
    key = next(key for key, text in ledger.wanted().items() if text.startswith("Toy"))
    entry = {"rule": "Toy(0.123)", "since": DAY(1)}
    path.write_text(json.dumps({"seen": {}, "rules": {key: entry, "ch1-gone: x": entry | {"rule": "Toy(77)"}}}))
    monkeypatch.setattr(ledger, "PATH", path)
    monkeypatch.setattr(ledger.read, "__defaults__", (path,))
    assert ledger.main([]) == 0
    told = capsys.readouterr().out
    assert f"changed: {key}: {ledger.wanted()[key]}, was Toy(0.123)" in told
    assert "gone: ch1-gone: x: Toy(77)" in told
    kept = json.loads(path.read_text())["rules"]
    assert {k: e["rule"] for k, e in kept.items()} == ledger.wanted()
    assert kept[key]["before"] == [entry]


# Explanations.


def test_figures_are_filled_in_with_their_unit():
    measured = {"a: final, of 30": summarize([0.9, 0.95, np.nan]), "b": summarize([3.0]), "c": summarize([np.nan])}
    # Mean 92.5, standard deviation 5 / sqrt(2).
    assert units.explain("It is {a: final, of 30|%}.", measured) == "It is 92.50 +- 3.54 % (2 seeds)."
    assert units.explain("{a: final, of 30|points|least}, {a: final, of 30|%|greatest}", measured) == (
        "+90.00 points, 95.00 %"
    )
    assert units.explain("{a: final, of 30|%|at} of {b}, {b|epochs}", measured) == "92.50 % of 3, 3 epochs"
    # Of two spreads, the ratio: these deviate from their middles by 2 and by 1 times the same.
    spreads = {"s": summarize([[0.0, 2, 4, 6, 8], [0.0, 1, 2, 3, 4]])}
    assert units.explain("{s||at} times, up to {s||greatest}", spreads) == "2 times, up to 8"
    assert units.explain("{c}", measured) == ""
    assert units.explain("{d}", measured) == ""
    assert units.explain("nothing to fill", {}) == "nothing to fill"


def test_an_explanation_or_a_caption_of_what_is_not_measured_is_refused_before_anything_runs():
    old = EXPERIMENTS["ch1-darkness"]
    row = Row(id="x", did="did", reported="said", place="there", metric=old.metrics[0], rule=Toy(1), why="{nowhere|%}")
    with pytest.raises(ValueError, match="ch1-darkness, x: no metric is called 'nowhere'"):
        dataclasses.replace(old, rows=(row,))
    with pytest.raises(ValueError, match="ch1-darkness, darkness: no metric is called 'nowhere'"):
        dataclasses.replace(old, captions={"darkness": "see {nowhere}"})
