"""What do the digits look like? Chapter 1's pictures of MNIST."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn
from experiments.training import Job
from jnndl.data import Splits

# Test images that chapter 1 shows as hard even for people.
HARD = (324, 582, 659, 726, 846, 956, 1124, 1393, 1773, 1868, 2018, 2109, 2654, 4199, 4201, 4620, 5457, 5642)
ZERO, TWO, ONE = 1, 5, 3  # training images
CROP = slice(3, 25)  # of 28: the book cuts off the empty margins where digits stand together
PICTURES = ("joined", "six", "hundred", "first", "quadrants", "two_one", "hard")


def cropped(images: np.ndarray, rows: bool) -> np.ndarray:
    """The middle columns of MNIST's images, and the middle rows; images of another size stay whole."""
    if images.shape[1:] != (28, 28):
        return images
    return images[:, CROP if rows else slice(None), CROP]


def quadrants(image: np.ndarray) -> list[np.ndarray]:
    """The image with only one quadrant left: top left, top right, bottom left, bottom right."""
    lower, right = np.indices(image.shape) >= image.shape[0] // 2
    return [np.where((lower == down) & (right == across), image, 0) for down in (0, 1) for across in (0, 1)]


def run(job: Job) -> Outcome:
    """Read the labels of the images that are drawn."""
    labels, test = np.asarray(job.splits.training.targets), np.asarray(job.splits.test.targets)
    return Outcome(
        config={"first six": "training images 0 to 5", "zero, two, one": [ZERO, TWO, ONE], "hard": HARD},
        measured={"pictures": len(PICTURES)},
        curves={"labels": labels[:6].tolist(), "hard_labels": [int(test[i]) for i in HARD if i < len(test)]},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the book's pictures."""
    images, test = np.asarray(splits.training.inputs), np.asarray(splits.test.inputs)
    name, hard = result["data"]["name"], [i for i in HARD if i < len(test)]
    pictures: dict[str, tuple[Any, dict[str, Any]]] = {
        "joined": (
            [np.concatenate([*cropped(images[:6], rows=False)], axis=1)],
            {"title": f"The first six training images, joined, {name}", "columns": 1, "side": 4.0},
        ),
        "six": (images[:6], {"title": f"The first six training images, {name}", "columns": 6}),
        "hundred": (
            cropped(images[:100], rows=True),
            {"title": f"The first hundred training images, {name}", "columns": 10},
        ),
        "first": (images[:1], {"title": f"The first training image, {name}", "columns": 1}),
        "quadrants": (
            [images[ZERO], *quadrants(images[ZERO])],
            {"title": f"A zero, and its four quadrants, {name}", "columns": 5}
            | {"captions": ["whole", "top left", "top right", "bottom left", "bottom right"]},
        ),
        "two_one": (images[[TWO, ONE]], {"title": "A 2 and a 1", "columns": 2}),
        "hard": (
            test[hard],
            {"title": f"Hard test images and their labels, {name}", "columns": 9}
            | {"captions": [f"{i}: {label}" for i, label in zip(hard, result["curves"]["hard_labels"], strict=True)]},
        ),
    }
    for picture in PICTURES:
        shown, words = pictures[picture]
        plots.images(folder / f"{picture}.png", shown, **words)


EXPERIMENT = Experiment(
    name="ch1-digits",
    chapter="1",
    shows="the pictures of digits in chapter 1",
    minutes=0.1,
    metrics=("pictures",),
    rows=(
        Row(
            id="ch1-digits",
            did="shows digits: the first six training images joined and separate, the first hundred, the first, a zero "
            "whole and in quadrants, a 2 beside a 1, 18 test images that are hard to read",
            reported="pictures",
            place="chapter 1; fig/mnist.py",
            metric="pictures",
            rule=Drawn(unit="pictures"),
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "joined": "The digits as one strip: people read them at once, a program has to cut them apart first.",
        "six": "The same six digits, each in a picture of its own.",
        "hundred": "The first hundred training images, as the book shows them.",
        "first": "The first training image, a five.",
        "quadrants": "The book asks whether hidden neurons could look for the four parts of a zero.",
        "two_one": "A 2 and a 1 from the training images.",
        "hard": "Test images that the book calls hard, with their labels. Some could be read in two ways.",
    },
)
