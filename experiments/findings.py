"""Ten sentences on what held, what did not and what surprised. The figures are filled in from the results.

A sentence whose figures were not measured, or whose verdicts are no longer those that it speaks of, is left out: so the
report never opens with what its tables contradict.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from experiments import units

HELD, FAILED, SURPRISED = "What held", "What did not hold", "What surprised"
YES = ("reproduced", "compatible")
NO = ("not reproduced",)
UNCLEAR = ("not reproduced", "undecided")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A sentence of the opening.

    Attributes:
        group: under which heading it stands.
        question: whose result it tells.
        text: the sentence; figures are filled in, see ``units.explain``.
        supposes: metric -> the words of verdicts with which the sentence is true. Where several rows look at a metric,
            each must have one of them.
    """

    group: str
    question: str
    text: str
    supposes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


FINDINGS = (
    Finding(
        HELD,
        "ch1-baseline",
        "The book's first network, 784-30-10, does what the book says: 95.42 % is its best of three runs, and our runs "
        "reach {best_epoch_test_accuracy|%} at their best epoch.",
        {"best_epoch_test_accuracy": YES},
    ),
    Finding(
        HELD,
        "gradients",
        "Backpropagation by hand is right to the last digits: in float64 its four equations differ from automatic "
        "derivatives by at most {bp4_off||greatest} of the gradient's length.",
        {"bp1_off": YES, "bp2_off": YES, "bp3_off": YES, "bp4_off": YES},
    ),
    Finding(
        HELD,
        "ch3-overfitting",
        "A thousand images overfit as drawn in the book, and L2 regularization helps: "
        "{L2 minus plain: best epoch|points} at the best epoch.",
        {"L2 minus plain: best epoch": YES},
    ),
    Finding(
        HELD,
        "ch3-full-data",
        "With all 50,000 images, L2 regularization still gains {L2 minus plain: best epoch|points}.",
        {"L2 minus plain: best epoch": YES},
    ),
    Finding(
        HELD,
        "ch3-expanded",
        "More images made from the old ones help: copies that are shifted by a pixel gain {shifts minus plain|points}.",
        {"shifts minus plain": YES},
    ),
    Finding(
        HELD,
        "ch3-initial-weights",
        "Smaller initial weights give a head start: after the first epoch, 30 hidden neurons are ahead by "
        "{30, default minus large: first epoch|points}.",
        {"30, default minus large: first epoch": YES},
    ),
    Finding(
        FAILED,
        "ch3-full-data",
        "The 97.92 % of 100 hidden neurons with L2 does not come out: the same setting gives "
        "{100 hidden, L2: best epoch, validation|%} here.",
        {"100 hidden, L2: best epoch, validation": NO},
    ),
    Finding(
        FAILED,
        "ch3-multiple-eta",
        "At the rate 0.025 the cost does not quite fall smoothly: it rises in "
        "{0.025: epochs in which the cost rises|epochs} out of 29.",
        {"0.025: epochs in which the cost rises": UNCLEAR},
    ),
    Finding(
        SURPRISED,
        "ch1-rates-widths",
        "More hidden neurons are worse at first: from the book's large initial weights, a network with 100 often loses "
        "whole digits. Its difference to one with 30 is {100 minus 30 hidden|points}.",
        {"100 minus 30 hidden": NO},
    ),
    Finding(
        SURPRISED,
        "ch3-neurons",
        "Newer neurons are no gain by themselves: in place of sigmoid neurons, tanh changes the accuracy by "
        "{tanh minus sigmoid: final|points} and rectified linear ones by {relu minus sigmoid: final|points}.",
    ),
)


def told(answers: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """The sentences that these results bear out, by heading: pairs of the question's name and the sentence.

    Args:
        answers: what a run is called -> ``report.answers.Answer``, at the book's scale first; a smaller tells nothing.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in FINDINGS:
        answer = next((one for one in answers.values() if one.experiment.name == finding.question), None)
        if answer is None or answer.is_smaller or not answer.result["comparable"]:
            continue
        if is_true(finding, answer.rows):
            text = units.explain(finding.text, answer.result["measured"])
            if text:
                found.setdefault(finding.group, []).append((finding.question, text))
    return found


def is_true(finding: Finding, rows: tuple[Any, ...]) -> bool:
    """Whether every verdict is one with which the sentence is true, and there is one for each metric."""
    words = [(judged.row.metric, judged.word) for judged in rows if judged.row.metric in finding.supposes]
    return {metric for metric, _ in words} == set(finding.supposes) and all(
        word in finding.supposes[metric] for metric, word in words
    )
