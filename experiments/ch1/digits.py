"""What do the digits look like? Chapter 1's pictures of MNIST."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Splits

# Test images that chapter 1 shows as hard even for people.
HARD = (324, 582, 659, 726, 846, 956, 1124, 1393, 1773, 1868, 2018, 2109, 2654, 4199, 4201, 4620, 5457, 5642)
ZERO, TWO, ONE = 1, 5, 3  # training images


def run(job: Job) -> Outcome:
    """Read the labels of the images that are drawn."""
    labels, test = np.asarray(job.splits.training.targets), np.asarray(job.splits.test.targets)
    return Outcome(
        config={"first six": "training images 0 to 5", "zero, two, one": [ZERO, TWO, ONE], "hard": HARD},
        measured={
            "first_six": int("".join(map(str, labels[:6]))),
            "zero": int(labels[ZERO]),
            "two_and_one": int(f"{labels[TWO]}{labels[ONE]}"),
        },
        curves={"hard_labels": [int(test[i]) for i in HARD if i < len(test)]},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the book's pictures, uncropped."""
    images, test = np.asarray(splits.training.inputs), np.asarray(splits.test.inputs)
    name = result["data"]["name"]
    plots.images(folder / "six.png", images[:6], title=f"The first six training images, {name}", columns=6)
    plots.images(folder / "hundred.png", images[:100], title=f"The first hundred training images, {name}", columns=10)
    middle = images.shape[1] // 2
    zero = images[ZERO]
    at = np.indices(zero.shape) >= middle
    quadrants = [np.where((at[0] == low) & (at[1] == right), zero, 0) for low in (0, 1) for right in (0, 1)]
    plots.images(
        folder / "quadrants.png",
        [zero, *quadrants],
        title=f"A zero, and its four quadrants, {name}",
        captions=["whole", "top left", "top right", "bottom left", "bottom right"],
        columns=5,
    )
    plots.images(folder / "two_one.png", images[[TWO, ONE]], title="A 2 and a 1", columns=2)
    hard = [i for i in HARD if i < len(test)]
    plots.images(
        folder / "hard.png",
        test[hard],
        title=f"Hard test images and their labels, {name}",
        captions=[f"{i}: {label}" for i, label in zip(hard, result["curves"]["hard_labels"], strict=True)],
        columns=9,
    )


PLACE = "chapter 1, pictures; fig/mnist.py"
EXPERIMENT = Experiment(
    name="ch1-digits",
    chapter="1",
    shows="the pictures of digits in chapter 1",
    minutes=0.1,
    metrics=("first_six", "zero", "two_and_one"),
    rows=(
        Row(
            id="ch1-digits",
            did="draws the first six training images",
            reported="they read 504192",
            place=PLACE,
            metric="first_six",
            rule=Toy(504192),
            ours="these, the first hundred, a zero in quadrants, a 2 beside a 1, 18 hard test images",
        ),
        Row(
            id="ch1-digits",
            did="splits training image 1 into quadrants",
            reported="it is a zero",
            place=PLACE,
            metric="zero",
            rule=Toy(0),
        ),
        Row(
            id="ch1-digits",
            did="draws training images 5 and 3 side by side",
            reported="a 2 and a 1",
            place=PLACE,
            metric="two_and_one",
            rule=Toy(21),
        ),
    ),
    run=run,
    plot=plot,
)
