"""From scratch or with a framework? One ReLU layer and softmax, both gradients, both kinds of descent.

Others report 90.64 % for such a network written from scratch and 96.69 % for the same one in PyTorch, 100 epochs each.
Here the handwritten gradient and the automatic one are the same function, and what differs is how often a step is
taken: once an epoch, or once a mini-batch. Width, initial weights and input scaling are the best of
``scratch-choices``, by validation accuracy.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row
from experiments.statistics import ToBeat
from jnndl.data import Splits
from jnndl.network import Network

HIDDEN, BATCH_SIZE, EPOCHS, RATE = 128, 64, 100, 0.1
GRADIENTS = {"backprop": jnndl.gradients.backprop, "autodiff": jnndl.gradients.autodiff}
HE = jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2)


def network_of(job: Job, hidden: int = HIDDEN, weight_init: jnndl.initializers.Initializer = HE) -> Network:
    """One hidden layer of ReLU neurons, softmax output, biases zero."""
    return jnndl.mlp(
        [job.pixels, hidden, job.splits.classes],
        hidden=jnndl.neurons.relu,
        output=jnndl.neurons.softmax,
        weight_init=weight_init,
        bias_init=jnndl.initializers.zeros,
    )


def run(job: Job) -> Outcome:
    """Train all four arms from the same initial weights; accuracy after the last epoch, on test data."""
    job = dataclasses.replace(job, splits=jnndl.data.standardize(job.splits))
    network, test = network_of(job), job.splits.test
    measured, curves, params = {}, {}, None
    for descent, batch_size in (("full-batch", len(job.training)), ("mini-batch", BATCH_SIZE)):
        for gradient, make in GRADIENTS.items():
            fit, seconds = job.fit(
                network,
                test,
                title=f"{descent} {gradient}: ",
                epochs=EPOCHS,
                learning_rate=RATE,
                batch_size=batch_size,
                cost=jnndl.costs.log_likelihood,
                gradient=make,
            )
            accuracy = fit.history.evaluation_accuracy
            measured[f"{descent}_{gradient}_test_accuracy"] = accuracy[:, -1]
            measured[f"{descent}_{gradient}_seconds_an_epoch"] = np.full(job.seeds, seconds / job.seeds)
            curves[f"{descent}, {gradient}"] = accuracy.tolist()
            params = fit.params
    return Outcome(
        config={"sizes": [job.pixels, HIDDEN, job.splits.classes], "neurons": "relu, softmax", "weights": "He"}
        | {"biases": "zero", "inputs": "standardized", "learning_rate": RATE, "cost": "log_likelihood"}
        | {"batch_size": [len(job.training), BATCH_SIZE], "epochs": job.epochs_of(EPOCHS)}
        | {"evaluated on": "test, after the last epoch"},
        measured={"test_accuracy": measured["mini-batch_autodiff_test_accuracy"], **measured},
        curves={"test_accuracy": curves},
        network=network,
        params=jax.tree.map(lambda a: a[0], params),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw test accuracy against epochs for the four arms."""
    plots.curves(
        folder / "accuracy.png",
        {label: 100 * np.asarray(values) for label, values in result["curves"]["test_accuracy"].items()},
        title=f"scratch-vs-framework: test accuracy, {result['data']['name']}, {len(result['seeds'])} seeds",
        ylabel="test accuracy (%)",
        reported={"reported: scratch, PyTorch": 90.64, "": 96.69} if result["data"]["name"] == "mnist" else None,
        ylim=(80, 100),
    )


EXPERIMENT = Experiment(
    name="scratch-vs-framework",
    chapter="",
    shows="one ReLU layer and softmax: handwritten against automatic, full batch against mini-batches",
    minutes=20,
    rows=(
        Row(
            id="scratch-vs-framework",
            did="one ReLU layer and softmax in NumPy, 100 epochs at rate 0.1",
            reported="90.64 % of the test images",
            place="a summary of chapter 1, from scratch in NumPy",
            figure="full-batch_backprop_test_accuracy",
            rule=ToBeat(0.9064),
        ),
        Row(
            id="scratch-vs-framework",
            did="the same network in PyTorch",
            reported="96.69 % of the test images",
            place="the same summary, PyTorch",
            figure="mini-batch_autodiff_test_accuracy",
            rule=ToBeat(0.9669),
        ),
    ),
    run=run,
    plot=plot,
)
