"""How far does one get without learning? Guessing, and the darkness of an image (chapter 1's baselines)."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Number, Toy
from experiments.training import Job
from jnndl.data import Dataset, Splits


def darkness(data: Dataset) -> np.ndarray:
    """The sum of each image's pixels, in the units that the network sees."""
    sums = np.asarray(data.inputs, np.int64).reshape(len(data), -1).sum(axis=1)
    return sums * float(data.scale)


def run(job: Job) -> Outcome:
    """Name the digit whose mean darkness is nearest; and, for each seed, a digit at random."""
    training, test, classes = job.training, job.splits.test, job.splits.classes
    dark, labels = darkness(training), np.asarray(training.targets)
    means = np.asarray([dark[labels == digit].mean() for digit in range(classes)])
    answers = np.abs(darkness(test)[:, None] - means).argmin(axis=1)
    guesses = [np.random.default_rng(seed).integers(classes, size=len(test)) for seed in range(job.seeds)]
    right = [np.mean(guess == test.targets) for guess in guesses]
    return Outcome(
        config={"training images": len(training), "evaluated on": "test"},
        measured={
            "test_accuracy": np.mean(answers == test.targets),
            "darkness_correct": np.sum(answers == test.targets),
            "random_test_accuracy": np.asarray(right),
        },
        curves={
            "means": means.tolist(),
            "spread": [float(dark[labels == digit].std()) for digit in range(classes)],
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the mean darkness of each digit, and its spread over the images of that digit."""
    found = result["curves"]
    new, axes = plots.blank()
    digits = np.arange(len(found["means"]))
    axes.bar(digits, found["means"], yerr=found["spread"], color=plots.STYLES[0][0], alpha=0.7, capsize=3)
    correct, size = result["measured"]["darkness_correct"]["mean"], result["data"]["sizes"]["test"]
    book = plots.if_comparable(result, "; book 2225") or ""
    title = f"Darkness of the digits, {result['data']['name']}: {correct:.0f} of {size} right{book}"
    plots.heading(axes, title, "bar: mean; line: one standard deviation each way, over the images of that digit")
    axes.set(xlabel="digit", ylabel="sum of the pixels (white 0, black 1)")
    axes.set_xticks(digits)
    plots.save(new, folder / "darkness.png")


UNJUDGED = {"test_accuracy": "the count of darkness_correct as a share"}
EXPERIMENT = Experiment(
    name="ch1-darkness",
    chapter="1",
    shows="two classifiers that do not learn: guessing, and the darkness of an image",
    minutes=0.1,
    metrics=("test_accuracy", "darkness_correct", "random_test_accuracy"),
    rows=(
        Row(
            id="ch1-random",
            did="guess a digit",
            reported="about 10 %",
            place="chapter 1, baselines",
            metric="random_test_accuracy",
            rule=Number(0.1, unit="%", rival=0.2225),
            ours="guess for each test image, once per seed; to be told apart from the 22.25 % of the darkness",
        ),
        Row(
            id="ch1-darkness",
            did="name the digit whose mean darkness in the training data is nearest",
            reported="2225 of 10,000",
            place="chapter 1, baselines",
            metric="darkness_correct",
            rule=Toy(2225, unit="images"),
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "darkness": "A one has little ink and a zero has much, but the bars of most digits overlap. Still, darkness "
        "alone gets {darkness_correct||at} of the 10,000 test images right.",
    },
)
