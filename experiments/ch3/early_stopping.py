"""Do early stopping and a falling learning rate save epochs? Chapter 3's 784-100-10 against its 60 fixed epochs."""

import itertools
import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import accuracy_curves, best_epoch, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Measured, Number
from experiments.training import Job, unstack
from jnndl.data import Splits
from jnndl.network import Network
from jnndl.training import Fit

# The book: rate 0.1 for 60 epochs; stop after 10 epochs without improvement; halve after 10, until 1/128. The third arm
# starts at chapter 3's usual rate of 0.5, which leaves the halving something to do.
FIXED: dict[str, Any] = {"epochs": 60, "learning_rate": 0.1}
ARMS: dict[str, dict[str, Any]] = {
    "fixed": FIXED,
    "stopping": {"epochs": 60, "learning_rate": 0.1, "patience": 10},
    "halving": {"epochs": 60, "learning_rate": 0.5, "halve_after": 3, "patience": 10},
}
PARTS = ("validation", "test")
DEFAULT_WEIGHTS = "fixed_default_weights_best_epoch_validation_accuracy"


def difference(arm: str, part: str) -> str:
    """The name of the difference between an arm and the fixed epochs."""
    return f"{minus(arm, 'fixed').replace(' ', '_')}_{part}"


METRICS = (
    *(f"{arm}_{what}" for arm in ARMS for what in ("epochs", "best_epoch_validation_accuracy")),
    *(f"{arm}_{part}_accuracy" for arm in ARMS for part in PARTS),
    *(difference(arm, part) for arm in ("stopping", "halving") for part in PARTS),
    DEFAULT_WEIGHTS,
)


def hundred(job: Job, weight_init: jnndl.initializers.Initializer) -> tuple[Network, dict[str, Any]]:
    """The network of 100 hidden neurons and what all its runs share; ch3-initial-weights looks at two of them, too."""
    network = job.mlp(100, weight_init=weight_init)
    return network, {"evaluation": job.splits.validation, "batch_size": 10, "l2": job.l2(5.0)}


def train_fixed(job: Job, weight_init: jnndl.initializers.Initializer, title: str) -> Fit:
    """Train the network of 100 hidden neurons for 60 epochs at rate 0.1, lambda 5.0."""
    network, shared = hundred(job, weight_init)
    return job.fit(network, title=title, **shared, **FIXED).fit


def run(job: Job) -> Outcome:
    """Train the arms from the same keys on the same shuffles.

    Validation data decide when to stop and which epoch's parameters to keep, so the arms are compared on test data too.
    """
    network, shared = hundred(job, jnndl.initializers.large)
    fits = train_arms(job, ARMS, network=network, **shared)
    measured: dict[str, Any] = {}
    chosen = {name: unstack(fit.params if name == "fixed" else fit.best_params) for name, fit in fits.items()}
    for name, fit in fits.items():
        accuracy = fit.history.evaluation_accuracy
        measured[f"{name}_epochs"] = np.sum(~np.isnan(accuracy), axis=1)
        measured[f"{name}_best_epoch_validation_accuracy"] = np.nanmax(accuracy, axis=1)
        for part in PARTS:
            data = getattr(job.splits, part)
            scores = [jnndl.evaluate(network, params, data).accuracy for params in chosen[name]]
            measured[f"{name}_{part}_accuracy"] = np.asarray(scores)
    # The book does not name the initial weights of its 60 epochs.
    smaller = train_fixed(job, jnndl.initializers.default, "fixed, default weights: ")
    measured[DEFAULT_WEIGHTS] = best_epoch(smaller)
    for name, part in itertools.product(("stopping", "halving"), PARTS):
        measured[difference(name, part)] = measured[f"{name}_{part}_accuracy"] - measured[f"fixed_{part}_accuracy"]
    return Outcome(
        config={"sizes": [job.pixels, 100, job.splits.classes], "weights": "large", "cost": "cross_entropy"}
        | {"batch_size": 10, "l2": job.l2(5.0), "arms": ARMS, "evaluated on": "validation"},
        measured={"validation_accuracy": measured["fixed_validation_accuracy"], **measured},
        curves={"validation_accuracy": accuracy_curves(fits | {"fixed, default weights": smaller})},
        network=network,
        params=chosen["fixed"][0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs; a line ends where the last of its networks stopped."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"100 hidden neurons, lambda 5.0: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        reported=plots.if_comparable(result, {"book, 60 epochs": 98.04}),
    )


EXPERIMENT = Experiment(
    name="ch3-early-stopping",
    chapter="3",
    shows="784-100-10, lambda 5.0: 60 fixed epochs against early stopping and halving",
    minutes=6,
    metrics=("validation_accuracy", *METRICS),
    rows=(
        Row(
            id="ch3-reg-100-60",
            did="784-100-10, rate 0.1, lambda 5.0, 60 epochs; the initial weights are not named",
            reported="98.04 % (validation)",
            place="chapter 3, regularization",
            metric="fixed_best_epoch_validation_accuracy",
            rule=Number(0.9804),
            ours="the same with large weights; the best epoch",
        ),
        Row(
            id="ch3-early-stopping",
            did="problem: stop after 10 epochs without improvement",
            reported="no number: it saves the choice of the number of epochs",
            place="chapter 3, how to choose hyper-parameters",
            metric="stopping_epochs",
            rule=Measured(),
            ours="784-100-10, rate 0.1, lambda 5.0: the epochs trained, of 60 at most",
        ),
        Row(
            id="ch3-early-stopping",
            did="problem: stop after 10 epochs without improvement",
            reported="no number: little is lost",
            place="chapter 3, how to choose hyper-parameters",
            metric=difference("stopping", "test"),
            rule=Claim("above", -0.005),
            ours="the same: test accuracy at the best validation epoch minus that after 60, by seed; above -0.5 points",
        ),
        Row(
            id="ch3-lr-schedule",
            did="exercise: halve the rate when validation accuracy stops improving, until 1/128",
            reported="no number: large steps first, fine ones later",
            place="chapter 3, how to choose hyper-parameters",
            metric=difference("halving", "test"),
            rule=Claim("above", -0.005),
            ours="rate 0.5, halved after 3 epochs without improvement, stopped after 10: test accuracy at the best "
            "validation epoch minus that after 60 at rate 0.1, by seed; above -0.5 points",
        ),
    ),
    run=run,
    plot=plot,
)
