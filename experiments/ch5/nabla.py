"""Do the gradients of the weights shrink towards the input, too? The author's unpublished figure of their norms.

It was made with a program older than network2 (backprop2, in the history of the author's repository). That program adds
up the gradients of a mini-batch where network2 takes the mean, in the norms as in the update, and draws weights and
biases with the standard deviation 1/sqrt(n_out). So is it here: the rate 0.01 is 1.0 for the mean over 100 images.
"""

import functools
import math
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.ch5.speed import DECADES
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Number, ShareClaim
from experiments.training import Job
from jnndl.data import Dataset, Splits
from jnndl.gradients import Objective
from jnndl.network import Network

WIDTH, HIDDEN, IMAGES, BATCHES, RATE, LAMBDA = 30, 5, 1000, 10, 0.01, 0.05
PLOTTED, INNER = (7, 8, 9), (2, 3, 4, 5)  # mini-batches and layers of weights, both counted from 1
# The author's figures: for each of those mini-batches, the norm of dC/dw of each inner layer.
BOOK = (
    (0.12917, 0.42429, 1.61547, 7.54516),
    (0.12571, 0.44231, 1.84358, 7.61974),
    (0.15854, 0.70244, 2.62948, 10.42706),
)


def norm_of(layer: int) -> str:
    """The name of a layer's norm."""
    return f"weights of layer {layer}, mini-batches 7 to 9: mean log10 of the norm"


ORDERED = "the norm grows from each inner layer to the next"
REPORTED = dict(zip(INNER, np.log10(BOOK).mean(axis=0).round(4).tolist(), strict=True))


def by_fan_out(key: jax.Array, shape: tuple[int, ...], dtype: Any = float) -> jax.Array:
    """Gaussian values with the standard deviation 1/sqrt(n_out): the older program's weights and biases."""
    return jax.random.normal(key, shape, dtype) / math.sqrt(shape[0])


@functools.partial(jax.jit, static_argnames="network")
def follow(network: Network, seed: int, data: Dataset) -> jax.Array:
    """One epoch of ten mini-batches; the norm of dC/dw of each layer before each update.

    Args:
        network: what to train.
        seed: of the parameters and the shuffle.
        data: all images.

    Returns:
        Shape (mini-batches, layers). dC/dw is the sum over the mini-batch, without the penalty.
    """
    n, m = len(data), len(data) // BATCHES
    params_key, shuffle_key = jax.random.split(jax.random.key(seed))
    plain, whole = (jnndl.backprop(Objective(network, l2=l2)) for l2 in (None, LAMBDA))

    def update(params: Any, rows: jax.Array) -> tuple[Any, jax.Array]:
        batch = data[rows]
        norms = jnp.stack([m * jnp.linalg.norm(layer.weight) for layer in plain(params, batch, n, None)])
        return jax.tree.map(lambda p, g: p - RATE * m * g, params, whole(params, batch, n, None)), norms

    rows = jax.random.permutation(shuffle_key, n)[: BATCHES * m].reshape(BATCHES, m)
    return jax.lax.scan(update, network.init(params_key), rows)[1]


def run(job: Job) -> Outcome:
    """784-30-30-30-30-30-10, ten mini-batches of 100 of the first 1,000 training images."""
    network = job.mlp(*[WIDTH] * HIDDEN, weight_init=by_fan_out, bias_init=by_fan_out)
    log = np.log10([follow(network, seed, job.training[:IMAGES]) for seed in range(job.seeds)])
    inner = log[:, [number - 1 for number in PLOTTED]][..., [layer - 1 for layer in INNER]]
    mean = inner.mean(axis=1)
    return Outcome(
        config={"hidden": [WIDTH] * HIDDEN, "weights": "1/sqrt(n_out)", "biases": "1/sqrt(n_out)", "images": IMAGES}
        | {"batch_size": IMAGES // BATCHES, "learning_rate": RATE, "l2": LAMBDA, "gradients": "summed, not averaged"}
        | {"cost": "cross_entropy"},
        measured={
            **{norm_of(layer): mean[:, number] for number, layer in enumerate(INNER)},
            ORDERED: np.all(np.diff(inner, axis=-1) > 0, axis=(1, 2)).astype(float),
        },
        curves={str(number): curve(inner[:, index]) for index, number in enumerate(PLOTTED)},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the norms of three mini-batches against the layer, with the author's as marks."""
    plots.curves(
        folder / "norms.png",
        {f"mini-batch {number}": result["curves"][str(number)] for number in PLOTTED},
        x=INNER,
        title=f"Norm of dC/dw in the inner layers of 784-30-30-30-30-30-10: {plots.about(result)}",
        xlabel="layer of weights",
        ylabel="log10 of the norm",
        xlim=(1, HIDDEN + 1),
        points=plots.if_comparable(
            result,
            {
                f"the author's, mini-batch {number}": list(zip(INNER, np.log10(norms).tolist(), strict=True))
                for number, norms in zip(PLOTTED, BOOK, strict=True)
            },
        ),
    )


PLACE = "not in the published text; backprop_magnitude_nabla.py"
DID = "784-30-30-30-30-30-10, ten mini-batches of 100, rate 0.01, lambda 0.05"


def norm_row(layer: int) -> Row:
    """The row of an inner layer's norm."""
    neighbour = layer + 1 if layer + 1 in INNER else layer - 1
    return Row(
        id="ch5-nabla-norms",
        did=f"{DID}: norm of dC/dw in layer {layer}",
        reported=f"log10 {REPORTED[layer]:.2f}, the mean of mini-batches 7, 8 and 9",
        place=PLACE,
        metric=norm_of(layer),
        rule=Number(REPORTED[layer], rival=REPORTED[neighbour], unit=DECADES),
        ours="weights, biases and sums of gradients as in backprop2, the older program that made the figure; to be "
        "told apart from the neighbouring layer",
    )


EXPERIMENT = Experiment(
    name="ch5-nabla-norms",
    chapter="5",
    shows="the norm of dC/dw in each inner layer of a network with five hidden layers",
    minutes=0.1,
    metrics=(*map(norm_of, INNER), ORDERED),
    rows=(
        *map(norm_row, INNER),
        Row(
            id="ch5-nabla-norms",
            did=DID,
            reported="the magnitude decreases as we go back through the layers",
            place=PLACE,
            metric=ORDERED,
            rule=ShareClaim("above", 0.5),
            ours="in how many seeds each inner layer's norm is above that of the one before, in all three mini-batches",
        ),
    ),
    run=run,
    plot=plot,
    captions={"norms": "The gradients of the weights grow by the same factor from layer to layer, towards the output."},
)
