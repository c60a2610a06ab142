"""The results under a folder, each row judged by its rule as it stands now and explained as it is understood now."""

import dataclasses
import json
import pathlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from experiments import units
from experiments.catalogue import EXPERIMENTS
from experiments.ledger import Ledger, Since, key_of
from experiments.multiplicity import bonferroni
from experiments.runner import Experiment, Row
from experiments.statistics import NOT, REPRODUCED, Claim, Equivalent, SpreadClaim, Verdict

NONE = "not compared"  # the word for a row that this run cannot judge
# In the order in which they are told.
WORDS = {
    "reproduced": "✓",
    "compatible": "≈",
    "undecided": "?",
    "not reproduced": "✗",
    "drawn": "✎",
    "measured": "•",
    "beaten": "▲",
    "not beaten": "▽",
    "open": "…",
    NONE: "-",
}


@dataclasses.dataclass(frozen=True)
class Judged:
    """A row of the report.

    Attributes:
        row: what the book did and reported.
        summary: of ``intervals.summarize``; None where this run did not measure the row's metric.
        verdict: of the row's rule.
        why: the explanation with its figures, empty where none is needed or known.
        since: the age of the rule.
    """

    row: Row
    summary: dict[str, Any] | None
    verdict: Verdict
    why: str
    since: Since

    @property
    def word(self) -> str:
        """The verdict's word."""
        return self.verdict.word

    @property
    def values(self) -> np.ndarray:
        """What each seed gave: shape (seeds,), or (2, seeds) where two spreads are compared; NaN for no value."""
        return np.asarray([] if self.summary is None else self.summary["per_seed"], float)


@dataclasses.dataclass(frozen=True)
class Answer:
    """A question with its result.

    Attributes:
        experiment: the question.
        result: what result.json holds.
        folder: where it and the plots lie.
        rows: the question's rows, judged.
    """

    experiment: Experiment
    result: dict[str, Any]
    folder: pathlib.Path
    rows: tuple[Judged, ...]

    @property
    def plots(self) -> list[pathlib.Path]:
        """The plots, in the order of their names."""
        return sorted(self.folder.glob("*.png"))


def load(folder: pathlib.Path, ledger: Ledger | None = None) -> dict[str, Answer]:
    """The results under a folder by question, in the order of the book. What is no question any more is left out.

    Raises:
        FileNotFoundError: if there are none.
    """
    ledger = Ledger() if ledger is None else ledger
    found = {}
    for path in sorted(folder.glob("*/result.json")):
        result = json.loads(path.read_text())
        name = result["experiment"]
        if name in EXPERIMENTS:
            found[name] = answer(EXPERIMENTS[name], result, path.parent, ledger)
        else:
            print(f"{path} is left out: there is no question {name!r}")
    if not found:
        raise FileNotFoundError(
            f"no result.json under {folder}; run python -m experiments NAME first, or name a folder"
        )
    return {name: found[name] for name in EXPERIMENTS if name in found}


def answer(experiment: Experiment, result: dict[str, Any], folder: pathlib.Path, ledger: Ledger) -> Answer:
    """A question's rows, judged."""
    counts: Counter[str] = Counter()
    rows = []
    for row in experiment.rows:
        counts[key_of(row)] += 1
        since = ledger.since(key_of(row, counts[key_of(row)]), result["commit"], result.get("started", ""))
        rows.append(judged(row, result, since))
    return Answer(experiment, result, folder, tuple(rows))


def judged(row: Row, result: dict[str, Any], since: Since) -> Judged:
    """A row with the verdict on what a run measured."""
    summary = result["measured"].get(row.metric)
    if not (result["comparable"] or row.anywhere):
        verdict = Verdict(NONE, "other data or another length than the book's")
    elif summary is None:
        verdict = Verdict(NONE, "this run did not measure it")
    else:
        verdict = row.rule.verdict(np.asarray(summary["per_seed"], float))
    wanted = row.why and verdict.word not in (REPRODUCED, NONE)
    why = units.explain(row.why, result["measured"]) if wanted else ""
    return Judged(row, summary, verdict, why, since)


def rows_of(answers: Iterable[Answer]) -> Iterator[Judged]:
    """Every row."""
    return (row for answer in answers for row in answer.rows)


def survive_bonferroni(rows: Iterable[Judged]) -> list[bool | None]:
    """For each claim whether its verdict holds at Bonferroni's level, too; None for one that is not decided."""
    claims = [(row.row.rule, row.values) for row in rows if row.word in (REPRODUCED, NOT, "undecided")]
    return bonferroni([(rule, v) for rule, v in claims if isinstance(rule, Claim | SpreadClaim | Equivalent)])


def spread_over_chapters(answers: dict[str, Answer]) -> dict[str, list[Answer]]:
    """The answers by chapter; those of no chapter last, under an empty name."""
    found: dict[str, list[Answer]] = {}
    for one in answers.values():
        found.setdefault(one.experiment.chapter, []).append(one)
    return {chapter: found[chapter] for chapter in sorted(found, key=lambda chapter: (not chapter, chapter))}
