"""Do early stopping and a falling learning rate spare epochs? Chapter 3's 784-100-10 against its 60 fixed epochs."""

import itertools
import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each
from experiments.statistics import Claim, Measured, Number
from jnndl.data import Splits

# The book: rate 0.1 for 60 epochs; stop after 10 epochs without improvement; halve after 10, until 1/128. The third arm
# starts at chapter 3's usual rate of 0.5, which leaves the halving something to do.
ARMS: dict[str, dict[str, Any]] = {
    "fixed": {"epochs": 60, "learning_rate": 0.1},
    "stopping": {"epochs": 60, "learning_rate": 0.1, "patience": 10},
    "halving": {"epochs": 60, "learning_rate": 0.5, "halve_after": 3, "patience": 10},
}


def run(job: Job) -> Outcome:
    """Train the arms from the same keys on the same shuffles.

    Validation data decide when to stop and which epoch's parameters to keep, so the arms are compared on test data too.
    """
    network = job.mlp(100, weight_init=jnndl.initializers.large)
    measured: dict[str, Any] = {}
    curves, saved = {}, []
    for name, arm in ARMS.items():
        fit, _ = job.fit(network, job.splits.validation, title=f"{name}: ", batch_size=10, l2=job.l2(5.0), **arm)
        accuracy = fit.history.evaluation_accuracy
        chosen = fit.params if name == "fixed" else fit.best_params
        kept = each(chosen)
        measured[f"{name}_epochs"] = np.sum(~np.isnan(accuracy), axis=1)
        measured[f"{name}_best_epoch_validation_accuracy"] = np.nanmax(accuracy, axis=1)
        for part, data in (("validation", job.splits.validation), ("test", job.splits.test)):
            scores = [jnndl.evaluate(network, params, data).accuracy for params in kept]
            measured[f"{name}_{part}_accuracy"] = np.asarray(scores)
        curves[name] = curve(accuracy)
        saved += kept[:1]
    # The book does not name the initial weights of its 60 epochs.
    smaller, _ = job.fit(
        job.mlp(100),
        job.splits.validation,
        title="fixed, default weights: ",
        batch_size=10,
        l2=job.l2(5.0),
        **ARMS["fixed"],
    )
    accuracy = smaller.history.evaluation_accuracy
    measured["fixed_default_weights_best_epoch_validation_accuracy"] = accuracy.max(axis=1)
    curves["fixed, default weights"] = curve(accuracy)
    for name, part in itertools.product(("stopping", "halving"), ("validation", "test")):
        measured[f"{name}_minus_fixed_{part}"] = (
            measured[f"{name}_{part}_accuracy"] - measured[f"fixed_{part}_accuracy"]
        )
    return Outcome(
        config={"sizes": [job.pixels, 100, job.splits.classes], "weights": "large", "cost": "cross_entropy"}
        | {"batch_size": 10, "l2": job.l2(5.0), "arms": ARMS, "evaluated on": "validation"},
        measured={"validation_accuracy": measured["fixed_validation_accuracy"], **measured},
        curves={"validation_accuracy": curves},
        network=network,
        params=saved[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs; a line goes on while any of its networks trains."""
    plots.curves(
        folder / "accuracy.png",
        {name: 100 * np.asarray(values, float) for name, values in result["curves"]["validation_accuracy"].items()},
        title=f"100 hidden neurons, lambda 5.0: {result['data']['name']}, {len(result['seeds'])} seeds",
        ylabel="validation accuracy (%)",
        reported={"book, 60 epochs": 98.04} if result["comparable"] else None,
    )


EXPERIMENT = Experiment(
    name="ch3-early-stopping",
    chapter="3",
    shows="784-100-10, lambda 5.0: 60 fixed epochs against early stopping and halving",
    minutes=6,
    rows=(
        Row(
            "ch3-reg-100-60",
            "784-100-10, rate 0.1, lambda 5.0, 60 epochs; the initial weights are not named",
            "98.04 % (validation)",
            "chapter 3, regularization",
            "fixed_best_epoch_validation_accuracy",
            Number(0.9804),
            "the same with large weights; the best epoch",
        ),
        Row(
            "ch3-early-stopping",
            "problem: stop after 10 epochs without improvement",
            "no figure: it saves the choice of the number of epochs",
            "chapter 3, how to choose hyper-parameters",
            "stopping_epochs",
            Measured(),
            "784-100-10, rate 0.1, lambda 5.0: the epochs trained, of 60 at most",
        ),
        Row(
            "ch3-early-stopping",
            "problem: stop after 10 epochs without improvement",
            "no figure: little is lost",
            "chapter 3, how to choose hyper-parameters",
            "stopping_minus_fixed_test",
            Claim("above", -0.005),
            "the same: test accuracy at the best validation epoch minus that after 60, by seed; above -0.5 points",
        ),
        Row(
            "ch3-lr-schedule",
            "exercise: halve the rate when validation accuracy stops improving, until 1/128",
            "no figure: large steps first, fine ones later",
            "chapter 3, how to choose hyper-parameters",
            "halving_minus_fixed_test",
            Claim("above", -0.005),
            "rate 0.5, halved after 3 epochs without improvement, stopped after 10: test accuracy at the best "
            "validation epoch minus that after 60 at rate 0.1, by seed; above -0.5 points",
        ),
    ),
    run=run,
    plot=plot,
)
