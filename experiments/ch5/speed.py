"""How fast does each hidden layer learn? The norm of its delta at the start and through 500 epochs.

delta is the gradient of the mean cost with respect to the biases of a layer. Norms span decades, so all is compared in
logarithms to base 10. A ratio of two norms is a difference there.
"""

import math
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Equivalent, Number, ShareClaim
from experiments.training import Job, initial_params
from jnndl.data import Dataset, Splits
from jnndl.gradients import Objective
from jnndl.network import Network, Params

WIDTH, IMAGES, EPOCHS, RATE, LAMBDA = 30, 1000, 500, 0.1, 5.0
# The author's files: hidden layers -> epochs done -> the norm of each hidden layer, the first one first.
BOOK: dict[int, dict[int, tuple[float, ...]]] = {
    2: {
        0: (0.0657, 0.3092),
        50: (1.02e-3, 1.34e-3),
        100: (1.49e-3, 1.86e-3),
        250: (2.28e-3, 4.21e-3),
        499: (3.44e-3, 9.63e-3),
    },
    3: {
        0: (0.0118, 0.0600, 0.2831),
        50: (8.5e-5, 3.26e-4, 1.60e-3),
        100: (8.1e-5, 2.81e-4, 1.39e-3),
        250: (8.4e-5, 2.48e-4, 1.33e-3),
        499: (8.6e-5, 2.18e-4, 1.26e-3),
    },
    4: {
        0: (0.00297, 0.0171, 0.0695, 0.2851),
        50: (2.07e-5, 4.80e-5, 2.47e-4, 1.05e-3),
        100: (1.83e-5, 4.24e-5, 2.22e-4, 9.60e-4),
        250: (1.36e-5, 3.52e-5, 2.05e-4, 9.46e-4),
        499: (8.2e-6, 2.61e-5, 1.82e-4, 9.25e-4),
    },
}
NORMS_AT, RATIOS_AT = (0, 499), (0, 100, 499)  # judged; all others are drawn
SHOWN = (*range(0, 60, 2), *range(60, EPOCHS, 10), EPOCHS - 1)  # epochs in the plot
DECADES = "decades"


def log10(x: float) -> float:
    """The logarithm to base 10 of a figure of the author's, to four decimals."""
    return round(math.log10(x), 4)


TWICE = log10(2)


def when(epochs: int) -> str:
    """After how many epochs, in words."""
    return f"after {epochs} epochs" if epochs else "at the start"


def norm_of(hidden: int, layer: int, epochs: int) -> str:
    """The name of a norm; layers are counted from 1."""
    return f"{hidden} hidden layers, layer {layer}, {when(epochs)}: log10 of the norm"


def ratio_of(hidden: int, epochs: int) -> str:
    """The name of the ratio of the last hidden layer's norm to the first's."""
    return f"{hidden} hidden layers, {when(epochs)}: log10 of last over first"


def ordered(hidden: int) -> str:
    """The name of whether each hidden layer is slower than the next throughout."""
    return f"{hidden} hidden layers: each is slower than the next in all epochs"


HUNDRED = "4 hidden layers, mean over the epochs: log10 of last over first, minus 2"
REBOUND = "2 hidden layers: log10 of the last norm over the least, of the layer where it is less"
METRICS = (
    *(norm_of(k, layer + 1, at) for k, book in BOOK.items() for at in book for layer in range(k)),
    *(ratio_of(k, at) for k, book in BOOK.items() for at in book),
    *map(ordered, BOOK),
    HUNDRED,
    REBOUND,
)


def delta_norms(objective: Objective, params: Params, data: Dataset) -> jax.Array:
    """The norm of delta of each hidden layer, averaged over the data first, shape (hidden layers,).

    A penalty makes no difference: it has no part in the gradient of biases.
    """
    grads = jnndl.backprop(objective)(params, data, len(data), None)
    return jnp.stack([jnp.linalg.norm(layer.bias) for layer in grads[:-1]])


_delta_norms = jax.jit(delta_norms)


def norms_at_start(job: Job, network: Network, images: Dataset) -> np.ndarray:
    """The norms before any training, shape (seeds, hidden layers)."""
    starts = [initial_params(network, seed) for seed in range(job.seeds)]
    return np.stack([_delta_norms(Objective(network), params, images) for params in starts])


def follow(job: Job, hidden: int) -> np.ndarray:
    """The norms at the start and after each epoch of full-batch descent, shape (seeds, hidden layers, epochs + 1)."""
    images, network = job.training[:IMAGES], job.mlp(*[WIDTH] * hidden)
    fit = job.fit(
        network,
        None,
        training=images,
        title=f"{hidden} hidden layers: ",
        epochs=EPOCHS,
        learning_rate=RATE,
        batch_size=len(images),
        l2=job.l2(LAMBDA, IMAGES),
        measure_training=0,
        probe=delta_norms,
    ).fit
    return np.concatenate([norms_at_start(job, network, images)[..., None], fit.history.probe], axis=-1)


def measure(log: np.ndarray) -> dict[str, Any]:
    """All metrics of networks of one depth, one value per seed.

    Args:
        log: logarithms to base 10 of what ``follow`` returns. NaN where a run is too short.
    """
    hidden, found = log.shape[1], dict[str, Any]()
    for at in BOOK[hidden]:
        values = log[..., at] if at < log.shape[-1] else np.full(log.shape[:-1], np.nan)
        found |= {norm_of(hidden, layer + 1, at): values[:, layer] for layer in range(hidden)}
        found[ratio_of(hidden, at)] = values[:, -1] - values[:, 0]
    log = log[..., :EPOCHS]  # the author noted the norms before each of 500 updates
    found[ordered(hidden)] = np.all(np.diff(log, axis=1) > 0, axis=(1, 2)).astype(float)
    if hidden == 4:
        found[HUNDRED] = (log[:, -1] - log[:, 0]).mean(axis=-1) - 2
    if hidden == 2:
        found[REBOUND] = (log[..., -1] - log.min(axis=-1)).min(axis=1)
    return found


def run(job: Job) -> Outcome:
    """Full-batch descent on the first 1,000 training images, with two, three and four hidden layers."""
    measured: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    for hidden in BOOK:
        log = np.log10(follow(job, hidden))
        measured |= measure(log)
        shown[str(hidden)] = curve(log[..., [at for at in SHOWN if at < log.shape[-1]]])
    return Outcome(
        config={"hidden": f"{WIDTH} in each of {', '.join(map(str, BOOK))} layers", "weights": "default"}
        | {"cost": "cross_entropy", "images": IMAGES, "batch_size": IMAGES, "learning_rate": RATE, "l2": LAMBDA}
        | {"epochs": job.epochs_of(EPOCHS), "averaged over": "the same images"},
        measured=measured,
        curves={"log10 of the norms": shown},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the logarithms of the norms against epochs, with the author's figures as marks."""
    for hidden, book in BOOK.items():
        log = np.asarray(result["curves"]["log10 of the norms"][str(hidden)], float)
        numbers = range(hidden)
        marks = {f"the author's, layer {n + 1}": [(at, log10(norms[n])) for at, norms in book.items()] for n in numbers}
        plots.curves(
            folder / f"{hidden}_layers.png",
            {f"hidden layer {n + 1}": log[:, n] for n in numbers},
            x=SHOWN[: log.shape[-1]],
            title=f"Speed of learning, {hidden} hidden layers, {IMAGES} images, full batch: {plots.about(result)}",
            xlabel="epochs of training",
            ylabel="log10 of the norm of delta",
            points=plots.if_comparable(result, marks),
        )


PLACE = "chapter 5, the vanishing gradient problem; norms_during_training_{}_layers.json"
OURS = "the logarithm; the figure is to be told apart from that of the next layer"


def sizes(hidden: int) -> str:
    """The network, as the book writes it."""
    return "-".join(map(str, (784, *[WIDTH] * hidden, 10)))


def norm_row(hidden: int, layer: int, at: int) -> Row:
    """The row of a norm; layers are counted from 0 here."""
    norms = BOOK[hidden][at]
    neighbour = norms[layer + 1] if layer + 1 < hidden else norms[layer - 1]
    return Row(
        id=f"ch5-speed-{hidden}",
        did=f"{sizes(hidden)}: norm of delta of hidden layer {layer + 1}, {when(at)}",
        reported=f"{norms[layer]:g} (log10 {log10(norms[layer]):.2f})",
        place=PLACE.format(hidden),
        metric=norm_of(hidden, layer + 1, at),
        rule=Number(log10(norms[layer]), rival=log10(neighbour), unit=DECADES),
        ours=OURS if layer + 1 < hidden else OURS.replace("next", "previous"),
    )


def ratio_row(hidden: int, at: int) -> Row:
    """The row of the last hidden layer's norm over the first's."""
    norms = BOOK[hidden][at]
    return Row(
        id=f"ch5-speed-{hidden}",
        did=f"{sizes(hidden)}: norm of the last hidden layer's delta over the first's, {when(at)}",
        reported=f"{norms[-1] / norms[0]:.3g} times (log10 {log10(norms[-1] / norms[0]):.2f})",
        place=PLACE.format(hidden),
        metric=ratio_of(hidden, at),
        rule=Number(log10(norms[-1] / norms[0]), rival=0.0, unit=DECADES),
        ours="the logarithm; the figure is to be told apart from 0, layers of equal speed",
    )


def order_row(hidden: int) -> Row:
    """The row of whether early layers are slower throughout."""
    return Row(
        id=f"ch5-speed-{hidden}",
        did=f"{sizes(hidden)}, 500 epochs",
        reported="through it all, earlier hidden layers learn more slowly than later ones",
        place=PLACE.format(hidden),
        metric=ordered(hidden),
        rule=ShareClaim("above", 0.5),
        ours="in how many seeds each hidden layer's norm is below that of the next at the start and after each of 499 "
        "epochs",
        why=f"In some seeds the second layer is the slower one for a while: the least ratio after 250 epochs is "
        f"{{{ratio_of(2, 250)}|{DECADES}|least}}. The author's single run fell to 1.20 times (0.08 decades)."
        if hidden == 2
        else "",
    )


EXPERIMENT = Experiment(
    name="ch5-speed",
    chapter="5",
    shows="the norm of delta of each hidden layer through 500 epochs of full-batch descent",
    minutes=1.5,
    metrics=METRICS,
    rows=(
        *(norm_row(hidden, layer, at) for hidden in BOOK for at in NORMS_AT for layer in range(hidden)),
        *(ratio_row(hidden, at) for hidden in BOOK for at in RATIOS_AT),
        *map(order_row, BOOK),
        Row(
            id="ch5-speed-2",
            did=f"{sizes(2)}, 500 epochs",
            reported="the speed in both layers drops very quickly, and then rebounds",
            place=PLACE.format(2),
            metric=REBOUND,
            rule=Claim("above", TWICE, bounds=(0, math.inf), unit=DECADES),
            ours="a rebound is at least to twice the least norm (the author's are 3.6 and 7.2 times), in both layers",
        ),
        Row(
            id="ch5-speed-4",
            did=f"{sizes(4)}, 500 epochs",
            reported="the first hidden layer learns roughly 100 times slower than the last",
            place=PLACE.format(4),
            metric=HUNDRED,
            rule=Equivalent(0.5, unit=DECADES),
            ours="log10 of the ratio, averaged over the epochs, minus 2; roughly is within half a decade, a factor of "
            "3.2",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "2_layers": "The first hidden layer learns more slowly than the second, and both speeds fall quickly at first.",
        "3_layers": "Each of three hidden layers is slower than the next. The marks are the author's single run.",
        "4_layers": "Of four hidden layers the last is ahead of the first by "
        f"{{{ratio_of(4, 0)}|decades}} when training starts.",
    },
)
UNJUDGED = {
    norm_of(k, layer + 1, at): "drawn beside the author's figure; start and end are judged"
    for k, book in BOOK.items()
    for at in book
    for layer in range(k)
    if at not in NORMS_AT
} | {
    ratio_of(k, at): "drawn; start, middle and end are judged"
    for k, book in BOOK.items()
    for at in book
    if at not in RATIOS_AT
}
