"""Do later neurons learn faster at the start? The gradient of six biases in each of two hidden layers, as bars."""

import pathlib
from typing import Any

import jax
import numpy as np

import jnndl
from experiments import plots
from experiments.ch5.speed import DECADES, IMAGES, TWICE, WIDTH
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Drawn, Number
from experiments.training import Job, initial_params
from jnndl.data import Dataset, Splits
from jnndl.gradients import Objective
from jnndl.network import Params

TOP = 6
# The author's file: dC/db of the first six neurons of each hidden layer, averaged over the first 1,000 images.
BOOK = (
    (-0.0040, -0.0032, 0.0081, 0.0126, -0.0265, 0.0018),
    (0.0415, 0.0440, -0.0097, 0.0467, 0.0388, 0.0123),
)
NEURONS = {"six": TOP, "thirty": WIDTH}


def ratio_of(neurons: str) -> str:
    """The name of how much longer the second layer's bars are."""
    return f"{neurons} neurons: log10 of mean |dC/db|, second over first hidden layer"


def longer(bars: Any) -> Any:
    """By how many decades the mean length of the second layer's bars is above that of the first's.

    Args:
        bars: shape (..., 2, neurons).
    """
    lengths = np.abs(bars).mean(axis=-1)
    return np.log10(lengths[..., 1] / lengths[..., 0])


REPORTED = round(float(longer(BOOK)), 4)


@jax.jit
def gradients(objective: Objective, params: Params, data: Dataset) -> list[jax.Array]:
    """dC/db of each hidden layer, averaged over the data."""
    return [layer.bias for layer in jnndl.backprop(objective)(params, data, len(data), None)[:-1]]


def run(job: Job) -> Outcome:
    """784-30-30-10 with default weights, before any training; the first 1,000 training images."""
    network, images = job.mlp(WIDTH, WIDTH), job.training[:IMAGES]
    starts = [initial_params(network, seed) for seed in range(job.seeds)]
    bars = np.stack([np.stack(gradients(Objective(network), params, images)) for params in starts])
    return Outcome(
        config={"hidden": [WIDTH, WIDTH], "weights": "default", "cost": "cross_entropy", "images": IMAGES},
        measured={ratio_of(name): longer(bars[..., :count]) for name, count in NEURONS.items()},
        curves={"bars": curve(bars[0, :, :TOP])},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw six bars for each hidden layer: the first seed's beside the author's."""
    new, axes = plots.blank(6.4, 3.8)
    sets = {"first seed": result["curves"]["bars"], "the author's": plots.if_comparable(result, BOOK)}
    for number, (label, bars) in enumerate((label, bars) for label, bars in sets.items() if bars is not None):
        where = np.concatenate([np.arange(TOP), TOP + 1 + np.arange(TOP)]) + 0.38 * (number - 0.5)
        axes.bar(where, np.ravel(bars), width=0.36, color=plots.STYLES[number][0], label=label)
    axes.axhline(0, color=plots.REPORTED, linewidth=0.8)
    axes.set_xticks([(TOP - 1) / 2, TOP + 1 + (TOP - 1) / 2], ["first hidden layer", "second hidden layer"])
    axes.set(ylabel="dC/db")
    plots.heading(axes, f"Gradient of the first {TOP} biases of each hidden layer before training, 784-30-30-10")
    plots.legend(axes)
    plots.save(new, folder / "bars.png")


PLACE = "chapter 5, the vanishing gradient problem; initial_gradient.json"
EXPERIMENT = Experiment(
    name="ch5-initial-gradient",
    chapter="5",
    shows="the gradient of six biases in each of two hidden layers before training",
    minutes=0.1,
    metrics=tuple(map(ratio_of, NEURONS)),
    rows=(
        Row(
            id="ch5-initial-gradient",
            did="draws the gradient of the first six biases in each hidden layer of 784-30-30-10 as bars",
            reported="a picture",
            place=PLACE,
            metric=ratio_of("six"),
            rule=Drawn(unit=DECADES),
            ours="the first seed's bars beside the author's",
            anywhere=True,
        ),
        Row(
            id="ch5-initial-gradient",
            did="the same: mean length of the bars in the second hidden layer over that in the first",
            reported=f"{10**REPORTED:.2f} times (log10 {REPORTED:.2f})",
            place=PLACE,
            metric=ratio_of("six"),
            rule=Number(REPORTED, rival=0.0, unit=DECADES),
            ours="the logarithm; the figure is to be told apart from 0, bars of equal length",
        ),
        Row(
            id="ch5-initial-gradient",
            did="the same, not merely by coincidence",
            reported="the bars in the second hidden layer are mostly much longer",
            place=PLACE,
            metric=ratio_of("thirty"),
            rule=Claim("above", TWICE, unit=DECADES),
            ours="all thirty neurons of each layer; much longer is at least twice, on average",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "bars": "The bars of the second hidden layer are longer. Over all neurons and seeds log10 of the ratio is "
        f"{{{ratio_of('thirty')}|decades}}.",
    },
)
