"""Is L2 pooling what the book defines, and does it do as well as max pooling? Two convolutions with either."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots, runner
from experiments.ch6 import network3
from experiments.comparison import curve, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Measured, Toy
from experiments.training import Job
from experiments.units import POINTS
from jnndl.data import Splits
from jnndl.network import Network

NAME, BEFORE = "ch6-l2-pooling", "ch6-conv2"
OFF, ROWS, GAIN = "L2 pooling: off from its definition", "rows of 24 after pooling", minus("L2", "max")
SHORT_EPOCHS = 6


def by_definition(maps: np.ndarray) -> np.ndarray:
    """The root of the sum of the squares of each 2 x 2 window, in each map, one window at a time."""
    rows, columns, channels = maps.shape
    found = np.empty((rows // 2, columns // 2, channels))
    for i, j, c in np.ndindex(found.shape):
        window = maps[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c]
        found[i, j, c] = np.sqrt(sum(a * a for a in window.ravel()))
    return found


def pooled(network: Network) -> Network:
    """The same network with L2 pooling, of activations, as it is defined: after bias and neuron."""
    layers: list[Any] = []
    for layer in network.layers:
        if isinstance(layer, jnndl.Conv):
            layers += [dataclasses.replace(layer, pool=None), jnndl.L2Pool(layer.pool.size)]
        else:
            layers.append(layer)
    return dataclasses.replace(network, layers=tuple(layers))


def run(job: Job) -> Outcome:
    """Pool random maps; then train two convolutions with L2 pooling, and with max pooling where no run has done so."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        maps = [rng.normal(size=(24, 24, 3)) for _ in range(3)]
        ours = [np.asarray(jnndl.L2Pool(2).forward((), jnp.asarray(one))[0]) for one in maps]
    off = max(np.abs(a - by_definition(b)).max() for a, b in zip(ours, maps, strict=True))
    network = network3.network(job)
    settings: dict[str, Any] = {"short_epochs": SHORT_EPOCHS}
    largest = runner.earlier_values(job, BEFORE, "conv2: test") if job.book else None
    l2 = network3.train(job, pooled(network), title="L2: ", **settings)
    if largest is None:
        largest = network3.train(job, network, title="max: ", **settings).test
    return Outcome(
        config={"layers": repr(pooled(network)), "evaluated on": "test, after the best epoch on validation"},
        measured={OFF: off, ROWS: len(ours[0])}
        | network3.figures("L2", l2)
        | {"max: test": largest}
        | {GAIN: l2.test - largest},
        curves={"validation_accuracy": {"L2 pooling": curve(l2.fit.history.evaluation_accuracy)}},
        kept=network3.kept(job, {"L2": l2}, {"network": repr(pooled(network))}),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the test accuracies with either pooling."""
    plots.arms(
        folder / "test.png",
        {arm: plots.percent(plots.per_seed(result, f"{arm}: test")) for arm in ("L2", "max")},
        title=f"Two convolutions, sigmoid, L2 or max pooling: {plots.about(result)}",
        xlabel="test accuracy after the best epoch (%)",
    )


PLACE = "chapter 6, pooling layers"
EXPERIMENT = Experiment(
    name=NAME,
    chapter="6",
    shows="L2 pooling by its definition, and in a network",
    minutes=5,
    book_scale=BookScale(seeds=3, minutes=45),
    metrics=(OFF, ROWS, *network3.names("L2"), "max: test", GAIN),
    rows=(
        Row(
            id=NAME,
            did="defines L2 pooling",
            reported="the square root of the sum of the squares of the activations in a 2 x 2 region",
            place=PLACE,
            metric=OFF,
            rule=Toy(0, 1e-12),
            ours="jnndl.L2Pool on random maps, window by window, in float64",
            anywhere=True,
        ),
        Row(
            id=NAME,
            did="pools maps of 24 x 24",
            reported="12 x 12",
            place=PLACE,
            metric=ROWS,
            rule=Toy(12),
            anywhere=True,
        ),
        Row(
            id=NAME,
            did="says that both poolings are widely used",
            reported="not run",
            place=PLACE,
            metric=GAIN,
            rule=Measured(unit=POINTS),
            ours="the network of ch6-conv2 with L2 pooling, paired by seed",
        ),
    ),
    run=run,
    plot=plot,
    captions={"test": f"L2 pooling in place of max pooling changes the accuracy by {{{GAIN}|points}}."},
)
UNJUDGED = {
    **network3.unjudged("L2"),
    network3.names("L2")[0]: "the difference stands in the report",
    "max: test": "judged in ch6-conv2",
}
