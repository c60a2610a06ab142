"""From scratch or with a framework? One ReLU layer and softmax, both gradients, both kinds of descent.

Others report 90.64 % for such a network written from scratch and 96.69 % for the same one in PyTorch, 100 epochs each.
Here the handwritten gradient and the automatic one are the same function. What differs is how often a step is taken:
once per epoch, or once per mini-batch. Width, initial weights and input scaling are the best of ``scratch-choices``, by
validation accuracy.
"""

import dataclasses
import pathlib
from typing import Any

import jax

import jnndl
from experiments import plots
from experiments.comparison import final
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import ToBeat
from experiments.training import Job, unstack
from jnndl.data import Splits
from jnndl.network import Network

HIDDEN, BATCH_SIZE, EPOCHS, RATE = 128, 64, 100, 0.1
GRADIENTS = {"backprop": jnndl.gradients.backprop, "autodiff": jnndl.gradients.autodiff}
DESCENTS = ("full-batch", "mini-batch")
HE = jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2)


def accuracy_of(descent: str, gradient: str) -> str:
    """The name of an arm's test accuracy."""
    return f"{descent}_{gradient}_test_accuracy"


def seconds_of(descent: str, gradient: str) -> str:
    """The name of an arm's time per epoch of one network."""
    return f"{descent}_{gradient}_seconds_an_epoch"


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
    batch_sizes = (len(job.training), BATCH_SIZE)
    for descent, batch_size in zip(DESCENTS, batch_sizes, strict=True):
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
                measure_training=0,
            )
            measured[accuracy_of(descent, gradient)] = final(fit)
            measured[seconds_of(descent, gradient)] = [seconds / job.seeds] * job.seeds
            curves[f"{descent}, {gradient}"] = fit.history.evaluation_accuracy.tolist()
            params = unstack(fit.params)[0]
    return Outcome(
        config={"sizes": [job.pixels, HIDDEN, job.splits.classes], "neurons": "relu, softmax", "weights": "He"}
        | {"biases": "zero", "inputs": "standardized", "learning_rate": RATE, "cost": "log_likelihood"}
        | {"batch_size": batch_sizes, "epochs": job.epochs_of(EPOCHS)}
        | {"evaluated on": "test, after the last epoch"},
        measured={"test_accuracy": measured[accuracy_of("mini-batch", "autodiff")], **measured},
        curves={"test_accuracy": curves},
        network=fit.network,  # knows that its inputs were standardised
        params=params,
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw test accuracy against epochs for the four arms."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["test_accuracy"]),
        title=f"scratch-vs-framework: test accuracy, {plots.about(result)}",
        ylabel="test accuracy (%)",
        reported=plots.if_comparable(result, {"reported: scratch, PyTorch": 90.64, "": 96.69}),
        ylim=(80, 100),
    )


UNJUDGED = {
    "test_accuracy": "the same as mini-batch, autodiff",
    accuracy_of("full-batch", "autodiff"): "the other gradient of the same arm",
    accuracy_of("mini-batch", "backprop"): "the other gradient of the same arm",
} | {seconds_of(descent, gradient): "times, which nobody reports" for descent in DESCENTS for gradient in GRADIENTS}
EXPERIMENT = Experiment(
    name="scratch-vs-framework",
    chapter="",
    shows="one ReLU layer and softmax: handwritten against automatic, full batch against mini-batches",
    minutes=20,
    metrics=(
        "test_accuracy",
        *(of(descent, gradient) for of in (accuracy_of, seconds_of) for descent in DESCENTS for gradient in GRADIENTS),
    ),
    rows=(
        Row(
            id="scratch-vs-framework",
            did="one ReLU layer and softmax in NumPy, 100 epochs at rate 0.1",
            reported="90.64 % of the test images",
            place="a summary of chapter 1, from scratch in NumPy",
            metric=accuracy_of("full-batch", "backprop"),
            rule=ToBeat(0.9064, unit="%"),
        ),
        Row(
            id="scratch-vs-framework",
            did="the same network in PyTorch",
            reported="96.69 % of the test images",
            place="the same summary, PyTorch",
            metric=accuracy_of("mini-batch", "autodiff"),
            rule=ToBeat(0.9669, unit="%"),
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "The dotted lines are what others report. Both gradients give the same curves.",
    },
)
