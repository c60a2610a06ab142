"""How far does one small convolutional network go in twenty epochs? Three convolutions, one dense layer of 512.

The recipe: every image is shifted, turned, scaled, sheared and bent anew in every epoch; a quarter of the pooled maps
and half of the dense layer are dropped; Adam, mini-batches of 100, one cycle of the learning rate. No batch norm.

It was chosen by validation accuracy, with a seed that is none of the five: two convolutions of 5 x 5 ended at 99.49 %,
one of 5 x 5 and two of 3 x 3 at 99.57 %.
"""

from collections.abc import Mapping
from typing import Any

import jnndl
from experiments.beyond import recipe
from experiments.ch6.groups import Arm
from experiments.ch6.network3 import SMALL
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim
from experiments.training import QUICK_HIDDEN, Job
from experiments.units import ACCURACY
from jnndl.layers import Layer
from jnndl.network import Network

NAME, TARGET = "beyond-convolutional", 0.996
MAPS = ((32, 5, 2), (64, 3, 1), (64, 3, 2))  # of each convolution: how many, of which fields, pooled by what
NEURONS = 512
DROPPED = (0.25, 0.5)  # of the input of the dense layer, and of that of the softmax
MOVED = {"shift": 2, "rotation": 12, "scale": 0.12, "shear": 0.12}
BENT = {"alpha": 20, "sigma": 5}
SETTINGS: dict[str, Any] = {"epochs": 20, "short_epochs": 3, "rate": 2e-3}
INGREDIENTS = ("affine maps", "elastic distortion", "any distortion", "dropout", "the cycle")


def network(job: Job, changes: Mapping[str, float], dropped: tuple[float, ...] = DROPPED) -> Network:
    """The network: 586,186 parameters for MNIST.

    Args:
        job: what was asked for; a quick run has at most 30 neurons in the dense layer. On images of fewer than 16 rows
            there are zeros around them, as in chapter 6.
        changes: see ``recipe.distort``.
        dropped: the fractions that are dropped in training, or none.
    """
    shape = (*job.training.inputs.shape[1:], 1)[:3]
    rows, columns, channels = shape
    padding = "same" if min(rows, columns) < SMALL else "valid"
    layers: list[Layer] = recipe.distort(job, changes)
    for maps, kernel, size in MAPS:
        pool = jnndl.MaxPool(size) if size > 1 else None
        layers.append(jnndl.Conv(channels, maps, kernel, "relu", padding=padding, pool=pool, **recipe.START))
        rows, columns = ((side if padding == "same" else side - kernel + 1) // size for side in (rows, columns))
        channels = maps
    neurons = min(NEURONS, QUICK_HIDDEN) if job.quick else NEURONS
    dense = jnndl.Dense(rows * columns * channels, neurons, "relu", **recipe.START)
    last = jnndl.Dense(neurons, job.splits.classes, "linear", **recipe.START)
    before, after = ([jnndl.Dropout(rate)] for rate in dropped) if dropped else ([], [])
    return Network((*layers, jnndl.Flatten(), *before, dense, *after, last), "softmax", shape)


def arms_of(job: Job) -> dict[str, Arm]:
    """The whole recipe, and what is left without one ingredient at a time."""
    whole = network(job, MOVED | BENT)
    arms = {recipe.ALL: recipe.arm(job, whole, SETTINGS | {"keep": NAME}, recipe.SEEDS)}
    lacking: dict[str, Any] = {
        "affine maps": {"network": network(job, BENT)},
        "elastic distortion": {"network": network(job, MOVED)},
        "any distortion": {"network": network(job, {})},
        "dropout": {"network": network(job, MOVED | BENT, dropped=())},
        "the cycle": {"network": whole, "settings": SETTINGS | {"one_cycle": False}},
    }
    for ingredient in INGREDIENTS:
        own = {"settings": SETTINGS} | lacking[ingredient]
        arms[recipe.without(ingredient)] = recipe.arm(job, **own, seeds=recipe.FEW)
    return arms


def run(job: Job) -> Outcome:
    """Train the whole recipe with five seeds, and with three what lacks an ingredient."""
    return recipe.outcome(job, NAME, arms_of(job))


EXPERIMENT = Experiment(
    name=NAME,
    chapter="",
    shows="one small convolutional network on images that are distorted anew, 20 epochs",
    minutes=20,
    book_scale=BookScale(seeds=recipe.SEEDS, minutes=120),
    metrics=recipe.names(INGREDIENTS),
    rows=(
        Row(
            id=NAME,
            did="ends at 99.60 % for one network: 1,672,570 parameters, 250,000 images, 40 epochs",
            reported="a target of ours: 99.6 % of the test images, the mean of five seeds, in 20 epochs",
            place="beside the book; chapter 6, dropout",
            metric="test_accuracy",
            rule=Claim("above", TARGET, unit=ACCURACY),
            ours="586,186 parameters, trained on 50,000 images and chosen on the other 10,000, after the last epoch",
        ),
    ),
    run=run,
    plot=recipe.plot,
    captions={
        "ingredients": "Each row lacks one ingredient; a dot is a seed. To the right of 0 it is missed.",
        "validation": "The learning rate falls to almost nothing at the end, and there accuracy gains most.",
    },
)
UNJUDGED = recipe.unjudged(INGREDIENTS)
