"""Do five networks that vote make fewer errors than one? The plurality of the networks of ch6-dropout."""

import collections
import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch6 import double_fc_dropout, groups
from experiments.comparison import minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim, Drawn, Measured, Number
from experiments.training import Job
from experiments.units import POINTS
from jnndl.data import Splits

MEMBERS, BOOK, SHOWN = 5, 0.9967, 40
ENSEMBLE, ERRORS, SHARED, TIES = (
    "ensemble: test",
    "ensemble: errors",
    "errors with digit and vote of one of the book's",
    "ties",
)
GAIN = minus("ensemble", "its members")
# The book's errors, digit>vote, read off its picture: five rows of eight. It does not say which images they are.
PICTURE = """
6>0 5>3 8>9 6>5 7>1 9>4 9>5 7>1
9>4 5>3 6>0 4>9 9>4 5>3 6>1 7>9
6>0 2>7 1>7 2>7 6>1 3>5 9>4 4>9
7>2 5>3 3>8 7>1 0>7 7>2 4>9 5>6
4>9
"""
BOOK_ERRORS = [(int(one[0]), int(one[2])) for one in PICTURE.split()]


def vote(answers: Any) -> tuple[np.ndarray, np.ndarray]:
    """The answer that most networks give, of equals the smallest class; and for which images there were equals.

    Args:
        answers: shape (networks, n).
    """
    answers = np.asarray(answers)
    counts = np.stack([np.sum(answers == one, axis=0) for one in range(int(answers.max()) + 1)])
    return counts.argmax(axis=0), np.sum(counts == counts.max(axis=0), axis=0) > 1


def in_common(pairs: Any, others: Any) -> int:
    """How many of the pairs (digit, vote) are among the others, each of which counts once."""
    return (collections.Counter(pairs) & collections.Counter(others)).total()


def run(job: Job) -> Outcome:
    """Count the votes of each five networks; those that are known are not trained again."""
    found, kept = groups.train(
        job, double_fc_dropout.NAME, {double_fc_dropout.ARM: double_fc_dropout.arm_of(job)}, again=False
    )
    networks, labels = found[double_fc_dropout.ARM], np.asarray(job.splits.test.targets)
    members = [slice(start, start + MEMBERS) for start in range(0, max(1, job.seeds - MEMBERS + 1), MEMBERS)]
    every = [vote(networks.answers[which]) for which in members]
    accuracies, errors, shared, ties, gains = [], [], [], [], []
    for which, (votes, tied) in zip(members, every, strict=True):
        wrong = np.flatnonzero(votes != labels)
        accuracies.append(float(np.mean(votes == labels)))
        errors.append(len(wrong))
        shared.append(in_common([(int(labels[i]), int(votes[i])) for i in wrong], BOOK_ERRORS))
        ties.append(int(tied.sum()))
        gains += (accuracies[-1] - networks.test[which]).tolist()
    votes, _ = every[0]
    wrong = np.flatnonzero(votes != labels)
    return Outcome(
        config={"recipes": kept["recipes"], "members": MEMBERS, "of equals": "the smallest class"},
        measured={ENSEMBLE: accuracies, ERRORS: errors, SHARED: shared, TIES: ties, GAIN: gains},
        curves={
            "numbers": wrong[:SHOWN].tolist(),
            "digits": labels[wrong[:SHOWN]].tolist(),
            "votes": votes[wrong[:SHOWN]].tolist(),
            "images": np.asarray(job.splits.test.inputs)[wrong[:SHOWN]].tolist(),
            "members": [float(x) for x in networks.test],
        },
        kept={"data": kept["data"], "recipes": kept["recipes"]}
        | {"errors": {str(i): [int(labels[i]), int(votes[i])] for i in wrong}},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the errors as the book does, and the members beside the ensemble."""
    found = result["curves"]
    images = np.asarray(found["images"], float)
    errors = plots.per_seed(result, ERRORS)[0]
    of = f"{len(images)} of " if errors > len(images) else ""
    new = plots.empty(8.0, 0.7 + 1.0 * max(1, -(-len(images) // 8)))
    new.suptitle(
        f"{of}{errors:.0f} errors on {result['data']['name']}: digit top right, vote bottom right", fontsize=10
    )
    for place, image in enumerate(images):
        axes = new.add_subplot(-(-len(images) // 8), 8, place + 1)
        axes.imshow(image if image.ndim == 2 else image[..., 0], cmap="Greys")
        axes.axis("off")
        for text, height in ((found["digits"][place], 0.97), (found["votes"][place], 0.03)):
            at = {"ha": "right", "va": "top" if height > 0.5 else "bottom", "transform": axes.transAxes}
            axes.text(0.99, height, str(text), fontsize=9, color=plots.STYLES[1][0], **at)
    plots.save(new, folder / "errors.png")
    plots.arms(
        folder / "test.png",
        {"members": plots.percent(found["members"]), "ensemble": plots.percent(plots.per_seed(result, ENSEMBLE))},
        title=f"Five networks that vote, and each by itself: {plots.about(result)}",
        xlabel="test accuracy (%)",
        reported=plots.if_comparable(result, {"members": 100 * double_fc_dropout.BOOK, "ensemble": 100 * BOOK}),
    )


DID = "lets five networks with dropout vote"
PLACE = "chapter 6, using an ensemble of networks; conv.py, ensemble"
EXPERIMENT = Experiment(
    name="ch6-ensemble",
    chapter="6",
    shows="five networks of ch6-dropout vote",
    minutes=3,
    book_scale=BookScale(seeds=MEMBERS, minutes=215),
    metrics=(ENSEMBLE, ERRORS, SHARED, TIES, GAIN),
    rows=(
        Row(
            id="ch6-ensemble",
            did=DID,
            reported="99.67 % (test)",
            place=PLACE,
            metric=ENSEMBLE,
            rule=Number(BOOK, rival=double_fc_dropout.BOOK),
            ours="of equally many votes the smallest digit; one ensemble for each five seeds, and one alone "
            "says nothing of how others would do",
        ),
        Row(
            id="ch6-ensemble",
            did="compares it with one such network",
            reported="99.60 % becomes 99.67 %",
            place=PLACE,
            metric=GAIN,
            rule=Claim("above", unit=POINTS),
            ours="the ensemble against each of its members; so it is about these five, on these test images",
        ),
        Row(
            id="ch6-ensemble",
            did=DID,
            reported="33 of 10,000 wrong",
            place=PLACE,
            metric=ERRORS,
            rule=Measured(unit="errors"),
        ),
        Row(
            id="ch6-ensemble",
            did="shows the 33 errors, without the numbers of the images",
            reported="33 digits with the vote for each",
            place="chapter 6, ensemble_errors.png",
            metric=SHARED,
            rule=Measured(unit="errors"),
            ours="how many of ours have the digit and the vote of one of the book's, each of which counts once: at "
            "most so many are the same images",
        ),
        Row(
            id="ch6-errors-figure",
            did="draws the errors, digit top right, vote bottom right",
            reported="five rows of eight",
            place="chapter 6, ensemble_errors.png",
            metric=ERRORS,
            rule=Drawn(),
            ours="the first 40 errors of the first ensemble",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "errors": f"What is left: {{{ERRORS}|errors}}. Some of them a person would not read either.",
        "test": f"Voting changes the accuracy by {{{GAIN}|points}}.",
    },
)
UNJUDGED = {TIES: "how often the rule for equal votes decided"}
