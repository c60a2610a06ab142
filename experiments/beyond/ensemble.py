"""How far do five such networks go together? The mean of their outputs decides; every error is drawn."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.beyond import convolutional, recipe
from experiments.ch6 import groups
from experiments.ch6.ensemble import vote
from experiments.comparison import minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Drawn, ToBeat
from experiments.training import Job
from experiments.units import ACCURACY
from jnndl.data import Splits

NAME, TARGET = "beyond-ensemble", 0.99765  # 23 errors of 10,000 are enough for 99.77 %, 24 are not
ERRORS, BY_VOTES, VALIDATION = "errors", "by votes: test", "validation"
GAIN = minus("ensemble", "its members")


def run(job: Job) -> Outcome:
    """Ask the five networks of ``beyond-convolutional``; where their files are gone, train them again."""
    arms = {recipe.ALL: convolutional.arms_of(job)[recipe.ALL]}
    wanted = job, convolutional.NAME, arms, arms[recipe.ALL].seeds
    networks = recipe.saved(*wanted)
    if len(networks) < arms[recipe.ALL].seeds:
        groups.train(*wanted[:3], again=True)
        networks = recipe.saved(*wanted)
    outputs = {
        name: np.stack([jnndl.predict(network, params, data).outputs for network, params in networks])
        for name, data in (("test", job.splits.test), (VALIDATION, job.splits.validation))
    }
    labels = np.asarray(job.splits.test.targets)
    answers, members = outputs["test"].mean(axis=0).argmax(axis=-1), outputs["test"].argmax(axis=-1)
    wrong, accuracy = np.flatnonzero(answers != labels), float(np.mean(answers == labels))
    return Outcome(
        config={"members": len(networks), "network": repr(networks[0][0]), "the answer": "the largest mean output"},
        measured={
            "test_accuracy": accuracy,
            ERRORS: len(wrong),
            BY_VOTES: float(np.mean(vote(members)[0] == labels)),
            VALIDATION: float(
                np.mean(outputs[VALIDATION].mean(axis=0).argmax(axis=-1) == np.asarray(job.splits.validation.targets))
            ),
            GAIN: accuracy - np.mean(members == labels, axis=1),
        },
        curves={
            "numbers": wrong.tolist(),
            "digits": labels[wrong].tolist(),
            "answers": answers[wrong].tolist(),
            "images": np.asarray(job.splits.test.inputs)[wrong].tolist(),
            "members": np.mean(members == labels, axis=1).tolist(),
        },
        kept={"data": job.splits.sha256}
        | {"errors": {str(i): [int(labels[i]), int(answers[i]), members[:, i].tolist()] for i in wrong}},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw every error, and the members beside the ensemble."""
    found = result["curves"]
    of_each = zip(found["digits"], found["answers"], found["numbers"], strict=True)
    plots.images(
        folder / "errors.png",
        found["images"],
        captions=[f"{digit}, not {answer} ({number})" for digit, answer, number in of_each],
        title=f"All {len(found['images'])} errors on {result['data']['name']}: label, answer, number of the image",
        columns=8,
    )
    plots.arms(
        folder / "test.png",
        {"members": plots.percent(found["members"])}
        | {"votes": plots.percent(plots.per_seed(result, BY_VOTES))}
        | {"mean outputs": plots.percent(plots.per_seed(result, "test_accuracy"))},
        title=f"Five networks together, and each by itself: {result['data']['name']}",
        xlabel="test accuracy (%)",
        reported=plots.if_comparable(result, {"votes": 99.67}),
    )


EXPERIMENT = Experiment(
    name=NAME,
    chapter="",
    shows="five networks of beyond-convolutional together, and all that they get wrong",
    minutes=1,
    book_scale=BookScale(seeds=recipe.SEEDS, minutes=1),
    metrics=("test_accuracy", ERRORS, BY_VOTES, VALIDATION, GAIN),
    rows=(
        Row(
            id=NAME,
            did="ends at 99.67 % by the votes of five networks",
            reported="a target of ours: 99.77 % of the test images, at most 23 errors",
            place="beside the book; chapter 6, using an ensemble of networks",
            metric="test_accuracy",
            rule=ToBeat(TARGET, unit=ACCURACY),
            ours="one ensemble, which says nothing of how others would do; the answer is the largest mean output",
        ),
        Row(
            id=NAME,
            did="draws its 33 errors",
            reported="33 digits with the vote for each",
            place="chapter 6, ensemble_errors.png",
            metric=ERRORS,
            rule=Drawn(),
            ours="all errors of ours",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "errors": f"All that is left: {{{ERRORS}}} images. The number in brackets counts the test images from 0.",
        "test": f"Together they are better by {{{GAIN}|points}} than one by one. The diamond is the book's ensemble.",
    },
)
UNJUDGED = {
    BY_VOTES: "the book's way, beside ours",
    VALIDATION: "what the way of deciding was chosen by",
    GAIN: "one ensemble, whose members are not independent of it",
}
