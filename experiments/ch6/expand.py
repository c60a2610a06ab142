"""Are five images made of each training image? The original and four copies, each moved by one pixel."""

import collections
import dataclasses
import hashlib
import pathlib
from typing import Any

import numpy as np

from experiments import distort, plots
from experiments.ch6 import network3
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn, Toy
from experiments.training import Job
from jnndl.data import Dataset, Splits

COPIES = 1 + len(distort.SHIFTS)
PAIRS, EACH, WRONG, CHANGED = (
    "pairs of image and label",
    "pairs for each training image",
    "pairs that plain slices do not make",
    "validation and test images that are not the same",
)


def by_slices(data: Dataset) -> Dataset:
    """The same pairs by plain slices, not shuffled."""
    images = np.asarray(data.inputs)
    down, up, right, left = (np.zeros_like(images) for _ in range(4))
    down[:, 1:] = images[:, :-1]
    up[:, :-1] = images[:, 1:]
    right[:, :, 1:] = images[:, :, :-1]
    left[:, :, :-1] = images[:, :, 1:]
    every = np.concatenate([images, down, up, right, left])
    return dataclasses.replace(data, inputs=every, targets=np.concatenate([np.asarray(data.targets)] * 5))


def counted(data: Dataset) -> collections.Counter[tuple[bytes, int]]:
    """How often there is each pair of image (its checksum) and label."""
    return collections.Counter((hashlib.sha1(x.tobytes()).digest(), int(y)) for x, y in data)


def differing(one: Dataset, other: Dataset) -> int:
    """How many pairs of either are not in the other, whatever their order."""
    first, second = counted(one), counted(other)
    return (first - second).total() + (second - first).total()


def moved(one: Splits, other: Splits) -> int:
    """How many validation and test images, in their order, are not the same in both; all, where the numbers differ."""
    count = 0
    for a, b in ((one.validation, other.validation), (one.test, other.test)):
        if len(a) != len(b):
            return len(one.validation) + len(one.test)
        same = (np.asarray(a.inputs) == np.asarray(b.inputs)).reshape(len(a), -1).all(axis=1)
        count += int((~(same & (np.asarray(a.targets) == np.asarray(b.targets)))).sum())
    return count


def run(job: Job) -> Outcome:
    """Expand the training data, and look for every pair. Nothing is random."""
    splits = job.splits._replace(training=job.training)
    found = splits._replace(training=network3.expanded(splits.training))
    images = np.asarray(splits.training.inputs)
    return Outcome(
        config={"moved by (down, right)": ((0, 0), *distort.SHIFTS), "shuffled": "once"},
        measured={
            PAIRS: len(found.training),
            EACH: len(found.training) / len(splits.training),
            WRONG: differing(found.training, by_slices(splits.training)),
            CHANGED: moved(found, splits),
        },
        curves={"copies": [images[0].tolist(), *(distort.shift(images[:1], *by)[0].tolist() for by in distort.SHIFTS)]},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw an image with its copies."""
    plots.images(
        folder / "copies.png",
        result["curves"]["copies"],
        captions=("training image 0", "down", "up", "right", "left"),
        title=f"A training image and its four copies, {result['data']['name']}",
        columns=COPIES,
        side=1.2,
    )


def _row(reported: str, metric: str, rule: Any, ours: str, *, anywhere: bool = True) -> Row:
    return Row(
        id="ch6-expand",
        did="makes more training data: each image and four copies of it, moved by one pixel",
        reported=reported,
        place="chapter 6; expand_mnist.py",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=anywhere,
    )


EXPERIMENT = Experiment(
    name="ch6-expand",
    chapter="6",
    shows="five training images from each one, by moving it",
    minutes=0.1,
    metrics=(PAIRS, EACH, WRONG, CHANGED),
    rows=(
        _row("250,000 images", PAIRS, Toy(250_000), "the same", anywhere=False),
        _row("the original and four copies", EACH, Toy(COPIES), "pairs over training images"),
        _row(
            "down, up, right and left, the row or column that comes in is blank",
            WRONG,
            Toy(0),
            "compared with slices of plain NumPy, pair by pair, whatever the order",
        ),
        _row("validation and test data stay as they are", CHANGED, Toy(0), "image by image"),
        _row("no picture", EACH, Drawn(), "the first training image with its copies"),
    ),
    run=run,
    plot=plot,
    captions={"copies": "To us the same digit; to a network that sees pixels, five images."},
)
