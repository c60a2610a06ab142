"""How does one find hyper-parameters that work at all? Chapter 3's story, from nothing learned to a first signal."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each, lasting
from experiments.statistics import Claim, Number, Toy
from jnndl.data import Splits

SMALL, WATCHED, SHOWN = 1000, 100, 4
# hidden neurons, rate, lambda; all but the first on 1,000 images, watched on 100
ARMS: dict[str, tuple[tuple[int, ...], float, float]] = {
    "bad": ((30,), 10.0, 1000.0),
    "small": ((), 10.0, 1000.0),
    "lambda": ((), 10.0, 20.0),
    "eta up": ((), 100.0, 20.0),
    "eta down": ((), 1.0, 20.0),
}
BOOK = {"small": [10, 10, 10], "lambda": [12, 14, 25, 18], "eta up": [10, 10, 10, 10], "eta down": [62, 42, 43, 61]}


def run(job: Job) -> Outcome:
    """Each step of the story; a network that diverges keeps what it answered last."""
    validation, measured, curves, network, params = job.splits.validation, {}, {}, None, None
    for name, (hidden, rate, strength) in ARMS.items():
        network = job.mlp(*hidden)
        full = name == "bad"
        training = job.training if full else job.training[:SMALL]
        fit, _ = job.fit(
            network,
            validation if full else validation[:WATCHED],
            title=f"{name}: ",
            training=training,
            epochs=30 if full else SHOWN,
            learning_rate=rate,
            batch_size=10,
            l2=job.l2(strength) if full else job.l2(strength, SMALL),
        )
        accuracy, params = lasting(fit.history.evaluation_accuracy), fit.params
        # The library looks for the largest z. The book looks for the largest output, and where all of them have rounded
        # to 0, or several to 1, the first of these digits is its answer.
        answers = [jnndl.predict(network, p, validation[:WATCHED]).labels for p in each(params)]
        rounded = [np.mean(answer == validation.targets[:WATCHED]) for answer in answers]
        measured[f"{name}: last, by rounded outputs"] = np.asarray(rounded)
        first = accuracy[:, :SHOWN]
        measured[f"{name}: final"] = accuracy[:, -1]
        measured[f"{name}: mean of the first four"] = first.mean(axis=1)
        measured[f"{name}: fourth epoch"] = first[:, -1]
        measured[f"{name}: diverged"] = np.asarray(fit.state.diverged, float)
        curves[name] = curve(accuracy)
    for better, worse in (("lambda", "small"), ("eta down", "lambda")):
        measured[f"{better} minus {worse}"] = (
            measured[f"{better}: mean of the first four"] - measured[f"{worse}: mean of the first four"]
        )
    return Outcome(
        config={"arms (hidden, rate, lambda)": ARMS, "weights": "default", "cost": "cross_entropy", "batch_size": 10}
        | {"images": f"all for bad, else {SMALL}", "epochs": f"30 for bad, else {SHOWN}"}
        | {"evaluated on": f"validation, all for bad, else the first {WATCHED}"},
        measured={"validation_accuracy": measured["eta down: final"], **measured},
        curves={"validation_accuracy": curves},
        network=network,
        params=each(params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs for the steps of the story."""
    plots.curves(
        folder / "accuracy.png",
        {
            f"{name}: rate {ARMS[name][1]:g}, lambda {ARMS[name][2]:g}": 100 * np.asarray(values, float)
            for name, values in reversed(result["curves"]["validation_accuracy"].items())
        },
        xlim=(-0.1, SHOWN - 0.9),
        ylim=(0, 105),  # which leaves room for the legend
        title=f"The search for hyper-parameters: {result['data']['name']}, {len(result['seeds'])} seeds",
        ylabel="validation accuracy (%)",
        points={"book, eta down": list(enumerate(BOOK["eta down"]))} if result["comparable"] else None,
    )


PLACE = "chapter 3, how to choose hyper-parameters"
ON_1000 = "784-10, rate {}, lambda {}, first 1,000 images, 100 validation images"
CHANCE = "at chance"
EXPERIMENT = Experiment(
    name="ch3-hyper-parameters",
    chapter="3",
    shows="chapter 3's search: from rate 10 and lambda 1000 to a network that learns",
    minutes=0.7,
    rows=(
        Row(
            "ch3-hp-bad",
            "784-30-10, rate 10, lambda 1000, 30 epochs",
            "1030, 990, 1009, ..., 967 of 10,000: chance",
            PLACE,
            "bad: final",
            Claim("below", 0.12),
            "the same; below 12 %: the book's counts are those of the validation images of one digit",
        ),
        Row(
            "ch3-hp-small",
            ON_1000.format(10, 1000),
            "10, 10, 10 of 100",
            PLACE,
            "small: last, by rounded outputs",
            Toy(0.10, tolerance=1e-6),
            "the same; in float32 the weights overflow and the answer is always 0. The first 100 validation images "
            "hold ten zeros",
        ),
        Row(
            "ch3-hp-small",
            ON_1000.format(10, 1000),
            "10, 10, 10 of 100",
            PLACE,
            "small: diverged",
            Toy(1),
            "whether the run diverged, for each seed: each step multiplies the weights by 1 - 10 * 1000/1000 = -9",
        ),
        Row(
            "ch3-hp-lambda",
            ON_1000.format(10, 20),
            "12, 14, 25, 18 of 100",
            PLACE,
            "lambda: mean of the first four",
            Number(0.1725),
        ),
        Row(
            "ch3-hp-lambda",
            "lambda 20 in place of 1000",
            "there is a signal",
            PLACE,
            "lambda minus small",
            Claim("above"),
            "mean of the first four epochs, paired by seed",
        ),
        Row(
            "ch3-hp-eta-up",
            ON_1000.format(100, 20),
            "10, 10, 10, 10 of 100",
            PLACE,
            "eta up: last, by rounded outputs",
            Number(0.10),
            "the same, read as the book reads it: where all outputs have rounded to 0, the answer is 0, and the first "
            "100 validation images hold ten zeros. By the largest z it is 6 to 25 of 100",
        ),
        Row(
            "ch3-hp-eta-down",
            ON_1000.format(1, 20),
            "62, 42, 43, 61 of 100",
            PLACE,
            "eta down: mean of the first four",
            Number(0.52),
        ),
        Row(
            "ch3-hp-eta-down",
            "rate 1 in place of 10",
            "much better",
            PLACE,
            "eta down minus lambda",
            Claim("above"),
            "mean of the first four epochs, paired by seed",
        ),
    ),
    run=run,
    plot=plot,
)
