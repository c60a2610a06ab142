"""Results with their rows, each judged by its rule as it stands now and explained as it is understood now."""

import dataclasses
import datetime
import itertools
import json
import math
import pathlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from experiments import evidence, units
from experiments.catalogue import EXPERIMENTS, TWO_SCALES
from experiments.intervals import summarize
from experiments.ledger import Ledger, Since, key_of
from experiments.multiplicity import bonferroni
from experiments.runner import Experiment, Row
from experiments.statistics import NOT, REPRODUCED, Claim, Drawn, Equivalent, SpreadClaim, Verdict
from jnndl.arguments import is_whole

# What a report needs of result.json.
NEEDED: dict[str, type] = dict.fromkeys(("experiment", "scale", "commit", "started", "device", "command"), str)
NEEDED |= dict.fromkeys(("quick", "comparable"), bool) | dict.fromkeys(("data", "config", "measured", "seconds"), dict)
NEEDED |= {"seeds": list}
NONE = "not compared"  # the word for a row that this run cannot judge
DRAWN = "drawn"
SMALLER = "smaller scale"  # and for one that it could, were it at the book's scale
# In the order in which they are told.
WORDS = {
    "reproduced": "✓",
    "compatible": "≈",
    "undecided": "?",
    "not reproduced": "✗",
    DRAWN: "✎",
    "measured": "•",
    "beaten": "▲",
    "not beaten": "▽",
    "open": "…",
    SMALLER: "~",
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
    def label(self) -> str:
        """The verdict's sign and word, as the report writes them."""
        more = ", not compared with the book" if self.word == SMALLER else ""
        return f"{WORDS[self.word]} {self.word}{more}"

    @property
    def values(self) -> np.ndarray:
        """What each seed gave: shape (seeds,), or (2, seeds) where two spreads are compared; NaN for no value."""
        return np.asarray([] if self.summary is None else self.summary["per_seed"], float)


@dataclasses.dataclass(frozen=True)
class Answer:
    """A question with its result.

    Attributes:
        experiment: the question.
        result: what result.json holds, as far as it is kept.
        folder: where the plots lie.
        rows: the question's rows, judged.
    """

    experiment: Experiment
    result: dict[str, Any]
    folder: pathlib.Path
    rows: tuple[Judged, ...]

    @property
    def name(self) -> str:
        """What the run is called, see ``evidence.name_of``."""
        return evidence.name_of(self.result)

    @property
    def scale(self) -> str:
        """At which scale it was run, in words; empty where there is only the book's."""
        if self.experiment.chapter not in TWO_SCALES:
            return ""
        return "At a smaller scale" if self.is_smaller else "At the book's scale"

    @property
    def is_smaller(self) -> bool:
        """Whether this run is not at the book's scale."""
        return self.experiment.chapter in TWO_SCALES and self.result["scale"] != "book"

    @property
    def plots(self) -> list[pathlib.Path]:
        """The plots, in the order of their names."""
        return sorted([*self.folder.glob("*.png"), *self.folder.glob("*.webp")])


def load(folder: pathlib.Path, ledger: Ledger | None = None) -> dict[str, Answer]:
    """The results under a folder, by what the runs are called. What is no question any more, or is broken, is left out.

    Raises:
        FileNotFoundError: if there are none.
    """
    results, ledger = {}, Ledger() if ledger is None else ledger
    for path in sorted(folder.glob("*/result.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            if result["experiment"] in EXPERIMENTS:
                result = whole(result)
                answer(EXPERIMENTS[result["experiment"]], result, path.parent, ledger)  # its rules can judge it
            results[path.parent] = result
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            print(f"{path} is left out: it is no whole result ({error!r:.120}); run its experiment again", flush=True)
    found = answers_of(results, ledger)
    if not found:
        raise FileNotFoundError(
            f"no result.json under {folder}; run python -m experiments NAME first, or name a folder"
        )
    return found


def whole(result: dict[str, Any]) -> dict[str, Any]:
    """What a result.json holds, if all is there that a report needs; the summaries are made anew from the values.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: if something is missing, or of another kind.
    """
    for name, kind in NEEDED.items():
        if not isinstance(result[name], kind):
            raise TypeError(f"{name} is a {type(result[name]).__name__}")
    if "kept" in result and not isinstance(result["kept"], dict):
        raise TypeError("kept is no object")
    datetime.datetime.fromisoformat(result["started"]).timestamp()
    if datetime.datetime.fromisoformat(result["started"]).tzinfo is None:
        raise ValueError("started has no time zone")
    for name in ("total", "compile"):
        if not 0 <= float(result["seconds"][name]) < math.inf:
            raise ValueError(f"seconds: {name} is {result['seconds'][name]}")
    if not isinstance(result["data"]["name"], str) or not result["seeds"] or not all(map(is_whole, result["seeds"])):
        raise TypeError("no name of the data, or no seeds")
    if result["scale"] not in ("default", "book"):
        raise ValueError(f"scale is {result['scale']}")
    measured = {name: summarize(entry["per_seed"]) for name, entry in result["measured"].items()}
    for name, entry in measured.items():
        values = np.asarray(entry["per_seed"], float)
        if np.isinf(values).any():  # none at all is possible: a difference of the seeds that did not break, say
            raise ValueError(f"{name} has infinite values")
    return result | {"measured": measured}


def recall(ledger: Ledger | None = None) -> dict[str, Answer]:
    """The results that are kept as evidence, by what the runs are called."""
    return answers_of({evidence.FOLDER / name: run for name, run in evidence.read(evidence.FOLDER).items()}, ledger)


def answers_of(results: Mapping[pathlib.Path, dict[str, Any]], ledger: Ledger | None = None) -> dict[str, Answer]:
    """Results in the order of the book, one at the book's scale before a smaller one.

    Rows that do not depend on the scale stand with the former alone.

    Args:
        results: the folder of a run's plots -> what its result.json holds.
        ledger: knows the age of the rules.
    """
    ledger = Ledger() if ledger is None else ledger
    found = {}
    for folder, result in results.items():
        if result["experiment"] in EXPERIMENTS:
            found[evidence.name_of(result)] = answer(EXPERIMENTS[result["experiment"]], result, folder, ledger)
        else:
            print(f"{folder} is left out: there is no question {result['experiment']!r}")
    full = {one.experiment.name for one in found.values() if not one.is_smaller}
    for name, one in found.items():
        if one.is_smaller and one.experiment.name in full:
            rows = tuple(row for row in one.rows if row.word in (SMALLER, NONE))
            found[name] = dataclasses.replace(one, rows=rows)
    place = list(EXPERIMENTS).index
    return dict(sorted(found.items(), key=lambda item: (place(item[1].experiment.name), item[1].is_smaller)))


def answer(experiment: Experiment, result: dict[str, Any], folder: pathlib.Path, ledger: Ledger) -> Answer:
    """A question's rows, judged."""
    counts: Counter[str] = Counter()
    rows = []
    found = Answer(experiment, result, folder, ())
    for row in experiment.rows:
        counts[key_of(row)] += 1
        since = ledger.since(key_of(row, counts[key_of(row)]), result["commit"], result.get("started", ""))
        rows.append(judged(row, result, since, found.is_smaller))
    return dataclasses.replace(found, rows=tuple(rows))


def judged(row: Row, result: dict[str, Any], since: Since, smaller: bool = False) -> Judged:
    """A row with the verdict on what a run measured.

    At a smaller scale than the book's only what does not depend on it is judged: a toy without data, a drawing.
    """
    summary = result["measured"].get(row.metric)
    if not (result["comparable"] or row.anywhere):
        verdict = Verdict(NONE, "other data or another length than the book's")
    elif summary is None:
        verdict = Verdict(NONE, "this run did not measure it")
    elif smaller and not (row.anywhere or isinstance(row.rule, Drawn)):
        verdict = Verdict(SMALLER, "")
    else:
        verdict = row.rule.verdict(np.asarray(summary["per_seed"], float))
    wanted = row.why and verdict.word not in (REPRODUCED, NONE, SMALLER)
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


def by_question(answered: list[Answer]) -> list[list[Answer]]:
    """The runs of each question, those at the book's scale first."""
    return [list(runs) for _, runs in itertools.groupby(answered, key=lambda answer: answer.experiment.name)]
