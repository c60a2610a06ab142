"""Do tanh or rectified linear neurons learn better than sigmoid ones? The same network with each."""

import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments import plots
from experiments.comparison import Comparison, accuracy_curves, curve, final, first_epoch, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn, Measured, Toy
from experiments.training import Job, unstack
from experiments.units import POINTS
from jnndl.data import Splits
from jnndl.neurons import NEURONS, relu, sigmoid, tanh

HIDDEN = ("sigmoid", "tanh", "relu")
COMPARED = Comparison(
    HIDDEN,
    {"first epoch": first_epoch, "final": final},
    {
        minus(name, "sigmoid", at): (f"{name}: {at}", f"sigmoid: {at}")
        for name in HIDDEN[1:]
        for at in ("first epoch", "final")
    },
)
RESCALED = "sigmoid - (1 + tanh(z/2))/2"


def run(job: Job) -> Outcome:
    """Hidden neurons of each kind before sigmoid outputs, from the same weights on the same shuffles."""
    settings: dict[str, Any] = {"epochs": 30, "learning_rate": 0.1, "batch_size": 10, "l2": job.l2(5.0)}
    arms = {name: {"network": job.mlp(30, hidden=NEURONS[name])} for name in HIDDEN}
    fits = train_arms(job, arms, job.splits.validation, measure_training=0, **settings)
    z = jnp.linspace(-5, 5, 201)
    shapes = {neuron.name: np.asarray(neuron.forward(z)) for neuron in (sigmoid, tanh, relu)}
    measured = COMPARED.measure(fits)
    measured[RESCALED] = float(jnp.abs(sigmoid.forward(z) - (1 + tanh.forward(z / 2)) / 2).max())
    return Outcome(
        config={"hidden": f"30, of {', '.join(HIDDEN)}", "weights": "default", "cost": "cross_entropy"}
        | {"evaluated on": "validation, after each epoch"}
        | settings,
        measured={"validation_accuracy": measured["sigmoid: final"], **measured},
        curves={
            "validation_accuracy": accuracy_curves(fits),
            "z": curve(z),
            "shapes": {name: curve(a) for name, a in shapes.items()},
        },
        network=arms["sigmoid"]["network"],
        params=unstack(fits["sigmoid"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs; and the three functions."""
    found = result["curves"]
    plots.curves(
        folder / "accuracy.png",
        {f"{name} hidden neurons": a for name, a in plots.percent(found["validation_accuracy"]).items()},
        title=f"30 hidden neurons, rate 0.1, lambda 5.0: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (90, 98)),
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
TUNED = f"{OURS}: the difference to sigmoid neurons, for which the rate was chosen, paired by seed"
EXPERIMENT = Experiment(
    name="ch3-neurons",
    chapter="3",
    shows="tanh and rectified linear hidden neurons beside sigmoid ones",
    minutes=1.2,
    metrics=("validation_accuracy", *COMPARED.names, RESCALED),
    rows=(
        Row(
            id="ch3-tanh",
            did="tanh is a rescaled sigmoid; drawn on [-5, 5]",
            reported="sigma(z) = (1 + tanh(z/2))/2",
            place=PLACE,
            metric=RESCALED,
            rule=Toy(0, tolerance=1e-6),
            ours="the largest difference on [-5, 5]",
            anywhere=True,
        ),
        Row(
            id="ch3-tanh",
            did="asks whether tanh is better",
            reported="no number: sometimes, slightly",
            place=PLACE,
            metric=minus("tanh", "sigmoid", "final"),
            rule=Measured(unit=POINTS),
            ours=TUNED,
        ),
        Row(
            id="ch3-relu",
            did="draws max(0, z) on [-5, 5]",
            reported="the curve",
            place=PLACE,
            metric="relu: final",
            rule=Drawn(),
            anywhere=True,
        ),
        Row(
            id="ch3-relu",
            did="asks when rectified linear neurons are better",
            reported="no number: found so for images by others",
            place=PLACE,
            metric=minus("relu", "sigmoid", "final"),
            rule=Measured(unit=POINTS),
            ours=TUNED,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "Three kinds of hidden neurons with the settings that were chosen for sigmoid ones.",
        "tanh": "Tanh is a sigmoid function that is stretched to go from -1 to 1.",
        "relu": "A rectified linear neuron passes what is above zero and nothing else. It never saturates on the "
        "right.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: sigmoid, after its last epoch",
    **{f"{name}: first epoch": "the book asks about the final accuracy" for name in HIDDEN},
    **{minus(name, "sigmoid", "first epoch"): "the book asks about the final accuracy" for name in HIDDEN[1:]},
    **{f"{name}: final": "the differences are measured" for name in HIDDEN[:2]},
}
