"""The report in numbers: how many rows got which verdict, and what there being many of them means."""

from collections import Counter
from collections.abc import Iterable

from experiments import catalogue, statistics
from experiments.catalogue import EXPERIMENTS, TWO_SCALES
from experiments.ledger import SHARED, Ledger
from experiments.multiplicity import expected_misses
from experiments.report.answers import DRAWN, NONE, SMALLER, WORDS, Answer, Judged, rows_of, survive_bonferroni
from experiments.training import duration
from jnndl.idx import MNIST_SHA256

NOT_JUDGED = ("open", NONE)
MANY = 8  # names in a sentence
SHOWN = 16  # digits of a checksum


def words(rows: Iterable[Judged]) -> str:
    """How many rows got which verdict: "12 reproduced, 3 compatible"."""
    counts = Counter(row.word for row in rows)
    return ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word]) or "no rows"


def tally(answers: dict[str, Answer], ledger: Ledger | None = None, committed: bool = False) -> list[str]:
    """The report in numbers, in sentences: verdicts, chance, entries, data.

    Args:
        answers: the results.
        ledger: knows the age of the rules.
        committed: whether these are all results that are kept, so that what is missing is still to be run.
    """
    every = [row for answer in answers.values() if answer.experiment.chapter for row in answer.rows]
    book = [row for row in every if row.word != SMALLER]
    lines = [f"{len(book)} rows for the book's chapters: {words(book)}."]
    if len(book) < len(every):
        lines.append(f"{len(every) - len(book)} rows at a smaller scale, not compared with the book.")
    beside = [row for answer in answers.values() if not answer.experiment.chapter for row in answer.rows]
    if beside:
        lines.append(f"{len(beside)} rows beside the book: {words(beside)}.")
    numbers = [row.word for row in book if row.row.rule.kind == "number"]
    misses = expected_misses(numbers)
    if misses.judged:
        lines.append(str(misses))
    held = survive_bonferroni(book)
    decided = [is_held for is_held in held if is_held is not None]
    if decided:
        lines.append(
            f"Of {len(held)} claims, {len(decided)} are decided at 95 %, and {sum(decided)} of these also at "
            f"Bonferroni's level, where all {len(held)} together err in 5 % of cases."
        )
    lines.append(
        "Rows are not independent: all questions use the same seeds, and some look at the same networks, so one "
        "unlucky seed can move several rows."
    )
    missing = not_yet_run(answers) if committed else []
    return [*lines, *entries(answers), *missing, *ages(book, ledger or Ledger()), *data_files(answers)]


def data_files(answers: dict[str, Answer]) -> list[str]:
    """Which data they were, by the checksum of each file's content: a name alone says little."""
    found = {}
    for answer in answers.values():
        data = answer.result["data"]
        found[data["name"]] = data.get("sha256") or (MNIST_SHA256 if data["name"] == "mnist" else {})
    return [
        f"The data `{name}`, by the first digits of the sha256 of each file's content: "
        + ", ".join(f"{file} {sha256[:SHOWN]}" for file, sha256 in sums.items())
        + "."
        for name, sums in sorted(found.items())
        if sums
    ]


def entries(answers: dict[str, Answer]) -> list[str]:
    """How many entries of the book have a verdict, which have none, and for which there is nothing to run."""
    seen = {answer.experiment.chapter for answer in answers.values()}
    chapters = sorted(seen - {"", *TWO_SCALES})
    wanted = {i for e in EXPERIMENTS.values() if e.chapter in chapters for i in e.ids}
    known = {row.row.id for row in rows_of(answers.values()) if row.word not in NOT_JUDGED}
    lines = []
    if wanted:
        of = f"chapter{'s' if len(chapters) > 1 else ''} {', '.join(chapters)}"
        lines.append(f"Entries of {of} with a verdict: {len(wanted & known)} of {len(wanted)}.{named(wanted - known)}")
    lines += [scales(answers, chapter) for chapter in TWO_SCALES if chapter in seen]
    return lines + [f"Not run: {name}, because {why}." for name, why in catalogue.NOT_RUN.items()]


def named(missing: Iterable[str]) -> str:
    """The entries without a verdict, the first of them by name; empty if there are none."""
    ids = sorted(missing)
    more = f" and {len(ids) - MANY} more" if len(ids) > MANY else ""
    return f" Without one: {', '.join(ids[:MANY])}{more}." if ids else ""


def scales(answers: dict[str, Answer], chapter: str) -> str:
    """Of a chapter with two scales, how many entries were compared with the book, and what became of the others."""
    wanted = {i for e in EXPERIMENTS.values() if e.chapter == chapter for i in e.ids}
    cited = {i for i in catalogue.NOT_RUN if i.startswith(f"ch{chapter}-")}
    found: dict[str, set[str]] = {}
    for row in rows_of(answers.values()):
        if row.row.id in wanted and row.word not in NOT_JUDGED:
            found.setdefault(row.word if row.word in (SMALLER, DRAWN) else "", set()).add(row.row.id)
    book = found.get("", set())
    smaller = found.get(SMALLER, set()) - book
    drawn = found.get(DRAWN, set()) - book - smaller
    left = wanted - book - smaller - drawn
    return (
        f"Entries of chapter {chapter}: {len(book)} at the book's scale, {len(smaller)} at a smaller scale, "
        f"{len(drawn)} drawn, {len(cited)} cited: {len(wanted | cited) - len(left)} of {len(wanted | cited)}."
        f"{named(left)}"
    )


def not_yet_run(answers: dict[str, Answer]) -> list[str]:
    """Which questions of the book have no result at all."""
    wanted = [name for name, experiment in EXPERIMENTS.items() if experiment.chapter]
    ran = {answer.experiment.name for answer in answers.values()}
    missing = [name for name in wanted if name not in ran]
    return [f"Not yet run: {len(missing)} of {len(wanted)} questions: {', '.join(missing)}."] if missing else []


def ages(rows: list[Judged], ledger: Ledger) -> list[str]:
    """How many rules are younger than figures that they judge; and what all rules share, where that is."""
    late = sum(bool(row.since.after) for row in rows)
    lines = [
        f"{len(rows) - late} of {len(rows)} rules are older than all figures of their entries"
        + (f"; {late} were written or changed after a run, and say so." if late else ".")
    ]
    for name in SHARED:
        now, since = getattr(statistics, name), ledger.since(f"statistics: {name}")
        if since.before:
            lines.append(
                f"What all rules share was changed after the first runs: {name} is {now} since {since.date[:10]} "
                f"({since.commit or 'not committed'}); it was {since.before}."
            )
    return lines


def answer_in_words(answer: Answer) -> str:
    """One sentence: what the verdicts say about a question."""
    rows = answer.rows
    if not rows:
        return "Measured; the book says nothing about it."
    total = len(rows)
    counts = Counter(row.word for row in rows)
    if counts[NONE] == total:
        return "No verdict: this run is not the book's, by its data or its length."
    if counts[SMALLER] == total:
        return "Measured at a smaller scale, and so not compared with the book."
    if len(counts) == 1:
        (word,) = counts
        told = {1: f"The one result is {word}", 2: f"Both results are {word}"}
        return told.get(total, f"All {total} results are {word}") + "."
    failed = list(dict.fromkeys(row.row.id for row in rows if row.word in ("not reproduced", "not beaten")))
    named = f" What failed is in {', '.join(failed)}." if failed else ""
    return f"Of {total} results: {words(rows)}.{named}"


def took(answers: dict[str, Answer]) -> str:
    """The time of all questions together."""
    return duration(sum(answer.result["seconds"]["total"] for answer in answers.values()))


def command(answer: Answer) -> str:
    """The one command that makes a question's section again."""
    result = answer.result
    parts = ["python -m experiments", answer.experiment.name]
    if result["data"]["name"] != "mnist":
        parts.append(f"--data {result['data']['name']}")
    if len(result["seeds"]) != 10:
        parts.append(f"--seeds {len(result['seeds'])}")
    if result["scale"] == "book":
        parts.append("--scale book")
    if result["quick"]:
        parts.append("--quick")
    return " ".join(parts)


def machine(answer: Answer) -> str:
    """How long a question took, on what, when, and with which code."""
    result = answer.result
    seconds = result["seconds"]
    when = f"{result['started'][:10]} at commit {result['commit']}"
    usual = not result["quick"] and result["scale"] != "book"
    alone = f"; about {answer.experiment.minutes:g} min alone on two cores" if usual else ""
    return (
        f"{duration(seconds['total'])} in this run, {duration(seconds['compile'])} of them compiling, "
        f"{len(result['seeds'])} seeds, on {result['device']}, {when}{alone}"
    )
