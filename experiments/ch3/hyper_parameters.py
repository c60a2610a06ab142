"""How does one find hyper-parameters that work at all? Chapter 3's story, from nothing learned to a first signal."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import Comparison, curve, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Number, Toy
from experiments.training import Job, forward_fill, unstack
from jnndl.data import Splits
from jnndl.training import Fit

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


def accuracy_of(fit: Fit) -> np.ndarray:
    """The accuracy after each epoch; a network that diverges keeps what it answered last."""
    return forward_fill(fit.history.evaluation_accuracy)


COMPARED = Comparison(
    tuple(ARMS),
    {
        "final": lambda fit: accuracy_of(fit)[:, -1],
        "mean of the first four": lambda fit: accuracy_of(fit)[:, :SHOWN].mean(axis=1),
        "fourth epoch": lambda fit: accuracy_of(fit)[:, :SHOWN][:, -1],
        "diverged": lambda fit: np.asarray(fit.state.diverged, float),
    },
    {
        minus(better, worse): (f"{better}: mean of the first four", f"{worse}: mean of the first four")
        for better, worse in (("lambda", "small"), ("eta down", "lambda"))
    },
)


def rounded(arm: str) -> str:
    """The name of an arm's accuracy as the book counts it.

    The library looks for the largest z. The book looks for the largest output, and where all of them have rounded to 0,
    or several to 1, the first of these digits is its answer.
    """
    return f"{arm}: last, by rounded outputs"


def run(job: Job) -> Outcome:
    """Train each step of the story."""
    validation = job.splits.validation
    arms: dict[str, dict[str, Any]] = {
        name: {
            "network": job.mlp(*hidden),
            "learning_rate": rate,
            "training": job.training[:SMALL],
            "evaluation": validation[:WATCHED],
            "epochs": SHOWN,
            "l2": job.l2(strength, SMALL),
        }
        for name, (hidden, rate, strength) in ARMS.items()
    }
    full = {"training": job.training, "evaluation": validation, "epochs": 30, "l2": job.l2(ARMS["bad"][2])}
    arms["bad"] |= full
    fits = train_arms(job, arms, validation, batch_size=10)
    measured = COMPARED.measure(fits)
    for name, fit in fits.items():
        network, watched = arms[name]["network"], validation[:WATCHED]
        answers = [jnndl.predict(network, params, watched).labels for params in unstack(fit.params)]
        measured[rounded(name)] = np.asarray([np.mean(answer == watched.targets) for answer in answers])
    return Outcome(
        config={"arms (hidden, rate, lambda)": ARMS, "weights": "default", "cost": "cross_entropy", "batch_size": 10}
        | {"images": f"all for bad, else {SMALL}", "epochs": f"30 for bad, else {SHOWN}"}
        | {"evaluated on": f"validation, all for bad, else the first {WATCHED}"},
        measured={"validation_accuracy": measured["eta down: final"], **measured},
        curves={"validation_accuracy": {name: curve(accuracy_of(fit)) for name, fit in fits.items()}},
        network=arms["eta down"]["network"],
        params=unstack(fits["eta down"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs for the steps of the story."""
    found = plots.percent(result["curves"]["validation_accuracy"])
    plots.curves(
        folder / "accuracy.png",
        {f"{name}: rate {ARMS[name][1]:g}, lambda {ARMS[name][2]:g}": found[name] for name in reversed(found)},
        xlim=(-0.1, SHOWN - 0.9),
        ylim=(0, 105),  # which leaves room for the legend
        title=f"The search for hyper-parameters: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        points=plots.if_comparable(result, {"book, eta down": list(enumerate(BOOK["eta down"]))}),
    )


PLACE = "chapter 3, how to choose hyper-parameters"
ON_1000 = "784-10, rate {}, lambda {}, first 1,000 images, 100 validation images"
CHANCE = "at chance"
EXPERIMENT = Experiment(
    name="ch3-hyper-parameters",
    chapter="3",
    shows="chapter 3's search: from rate 10 and lambda 1000 to a network that learns",
    minutes=0.7,
    metrics=("validation_accuracy", *COMPARED.names, *map(rounded, ARMS)),
    rows=(
        Row(
            id="ch3-hp-bad",
            did="784-30-10, rate 10, lambda 1000, 30 epochs",
            reported="1030, 990, 1009, ..., 967 of 10,000: chance",
            place=PLACE,
            metric="bad: final",
            rule=Claim("below", 0.12),
            ours="the same; below 12 %: the book's counts are those of the validation images of one digit",
        ),
        Row(
            id="ch3-hp-small",
            did=ON_1000.format(10, 1000),
            reported="10, 10, 10 of 100",
            place=PLACE,
            metric=rounded("small"),
            rule=Toy(0.10, tolerance=1e-6),
            ours="the same; in float32 the weights overflow and the answer is always 0. There are ten zeros among the "
            "first 100 validation images",
        ),
        Row(
            id="ch3-hp-small",
            did=ON_1000.format(10, 1000),
            reported="10, 10, 10 of 100",
            place=PLACE,
            metric="small: diverged",
            rule=Toy(1),
            ours="whether the run diverged, for each seed: each step multiplies the weights by 1 - 10 * 1000/1000 = -9",
        ),
        Row(
            id="ch3-hp-lambda",
            did=ON_1000.format(10, 20),
            reported="12, 14, 25, 18 of 100",
            place=PLACE,
            metric="lambda: mean of the first four",
            rule=Number(0.1725),
        ),
        Row(
            id="ch3-hp-lambda",
            did="lambda 20 in place of 1000",
            reported="there is a signal",
            place=PLACE,
            metric=minus("lambda", "small"),
            rule=Claim("above"),
            ours="mean of the first four epochs, paired by seed",
        ),
        Row(
            id="ch3-hp-eta-up",
            did=ON_1000.format(100, 20),
            reported="10, 10, 10, 10 of 100",
            place=PLACE,
            metric=rounded("eta up"),
            rule=Number(0.10),
            ours="the same, counted as in the book: where all outputs have rounded to 0, the answer is 0, and there "
            "are ten zeros among the first 100 validation images. By the largest z it is 6 to 25 of 100",
        ),
        Row(
            id="ch3-hp-eta-down",
            did=ON_1000.format(1, 20),
            reported="62, 42, 43, 61 of 100",
            place=PLACE,
            metric="eta down: mean of the first four",
            rule=Number(0.52),
        ),
        Row(
            id="ch3-hp-eta-down",
            did="rate 1 in place of 10",
            reported="much better",
            place=PLACE,
            metric=minus("eta down", "lambda"),
            rule=Claim("above"),
            ours="mean of the first four epochs, paired by seed",
        ),
    ),
    run=run,
    plot=plot,
)
