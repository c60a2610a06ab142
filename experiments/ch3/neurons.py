"""Do tanh or rectified linear neurons learn better than sigmoid ones? The same network with each."""

import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each
from experiments.statistics import Measured, Toy
from jnndl.data import Splits
from jnndl.neurons import NEURONS, relu, sigmoid, tanh

HIDDEN = ("sigmoid", "tanh", "relu")


def run(job: Job) -> Outcome:
    """Hidden neurons of each kind before sigmoid outputs, from the same weights on the same shuffles."""
    settings: dict[str, Any] = {"epochs": 30, "learning_rate": 0.1, "batch_size": 10, "l2": job.l2(5.0)}
    measured: dict[str, Any] = {}
    curves, network, params = {}, None, None
    for name in HIDDEN:
        network = job.mlp(30, hidden=NEURONS[name])
        fit, _ = job.fit(network, job.splits.validation, title=f"{name}: ", **settings)
        accuracy, params = fit.history.evaluation_accuracy, fit.params
        measured[f"{name}: first epoch"], measured[f"{name}: final"] = accuracy[:, 0], accuracy[:, -1]
        curves[name] = curve(accuracy)
    for name in HIDDEN[1:]:
        for at in ("first epoch", "final"):
            measured[f"{name} minus sigmoid: {at}"] = measured[f"{name}: {at}"] - measured[f"sigmoid: {at}"]
    z = jnp.linspace(-5, 5, 201)
    shapes = {neuron.name: np.asarray(neuron.forward(z)) for neuron in (sigmoid, tanh, relu)}
    measured["sigmoid - (1 + tanh(z/2))/2"] = float(jnp.abs(sigmoid.forward(z) - (1 + tanh.forward(z / 2)) / 2).max())
    measured["relu - max(0, z)"] = float(np.abs(shapes["relu"] - np.maximum(0, np.asarray(z))).max())
    return Outcome(
        config={"hidden": f"30, of {', '.join(HIDDEN)}", "weights": "default", "cost": "cross_entropy"}
        | {"evaluated on": "validation, after each epoch"}
        | settings,
        measured={"validation_accuracy": measured["sigmoid: final"], **measured},
        curves={
            "validation_accuracy": curves,
            "z": curve(z),
            "shapes": {name: curve(a) for name, a in shapes.items()},
        },
        network=network,
        params=each(params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs; and the three functions."""
    found = result["curves"]
    plots.curves(
        folder / "accuracy.png",
        {f"{name} hidden neurons": 100 * np.asarray(a) for name, a in found["validation_accuracy"].items()},
        title=f"30 hidden neurons, rate 0.1, lambda 5.0: {result['data']['name']}, {len(result['seeds'])} seeds",
        ylabel="validation accuracy (%)",
        ylim=(90, 98) if result["comparable"] else None,
    )
    for name, low, high in (("tanh", -1.05, 1.05), ("relu", -5, 5)):
        plots.curves(
            folder / f"{name}.png",
            {name: found["shapes"][name]} | ({"sigmoid": found["shapes"]["sigmoid"]} if name == "tanh" else {}),
            x=found["z"],
            title=f"The {name} function",
            xlabel="weighted input z",
            ylabel="activation a",
            ylim=(low, high),
        )


PLACE, OURS = "chapter 3, other models of artificial neuron", "784-30-10, rate 0.1, lambda 5.0, 30 epochs, validation"
EXPERIMENT = Experiment(
    name="ch3-neurons",
    chapter="3",
    shows="tanh and rectified linear hidden neurons beside sigmoid ones",
    minutes=1.5,
    rows=(
        Row(
            "ch3-tanh",
            "tanh is a rescaled sigmoid; drawn on [-5, 5]",
            "sigma(z) = (1 + tanh(z/2))/2",
            PLACE,
            "sigmoid - (1 + tanh(z/2))/2",
            Toy(0, tolerance=1e-6),
            "the largest difference on [-5, 5]",
            anywhere=True,
        ),
        Row(
            "ch3-tanh",
            "asks whether tanh is better",
            "no figure: sometimes, slightly",
            PLACE,
            "tanh minus sigmoid: final",
            Measured(),
            f"{OURS}: the difference, paired by seed",
        ),
        Row(
            "ch3-relu",
            "draws max(0, z) on [-5, 5]",
            "the curve",
            PLACE,
            "relu - max(0, z)",
            Toy(0),
            anywhere=True,
        ),
        Row(
            "ch3-relu",
            "asks when rectified linear neurons are better",
            "no figure: found so for images by others",
            PLACE,
            "relu minus sigmoid: final",
            Measured(),
            f"{OURS}: the difference, paired by seed",
        ),
    ),
    run=run,
    plot=plot,
)
