"""Does dropout help the largest network, and what do its filters look for? Conv.py's best one on expanded data."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch6 import expanded_data, groups, network3
from experiments.ch6.groups import Arm
from experiments.ch6.network3 import Tried
from experiments.comparison import curve, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim, Drawn
from experiments.training import Job
from experiments.units import POINTS
from jnndl.data import Dataset, Splits

NAME, ARM, NEURONS, RATE, BOOK = "ch6-dropout", "dropout", 1000, 0.5, 0.9960
GAIN = minus(ARM, "100, no dropout")
SETTINGS: dict[str, Any] = {"learning_rate": 0.03, "epochs": 40, "short_epochs": expanded_data.SHORT_EPOCHS}
LAYERS = ("filters of the first layer", "filters of the second layer")
PATCHES = 3  # of the test images, drawn beside each filter
DIGITS = 4  # of a weight, more than a shade of grey shows


def filters(tried: Tried) -> dict[str, Any]:
    """The filters of a group's first network, as JSON: all of the first layer, of the second those on the first map."""
    first, second = (np.asarray(layer.weight) for layer in tried.params[:2])
    return {"filters": [np.round(weight[..., 0].astype(float), DIGITS).tolist() for weight in (first, second)]}


def arm_of(job: Job) -> Arm:
    """How the networks are trained: dropout before both fully connected layers and before the softmax, no penalty."""
    network = network3.network(job, hidden=(NEURONS, NEURONS), neuron="relu", dropout=RATE)
    return Arm(network, network3.expanded(expanded_data.images_of(job)), SETTINGS, job.seeds, filters)


def answered(weights: Any, images: Any, count: int) -> list[list[Any]]:
    """For each filter the patches to which it answers most, each of another image.

    Args:
        weights: shape (filters, rows, columns).
        images: shape (n, height, width).
        count: how many patches.

    Returns:
        For each filter: patches of the filters' size, the strongest answer first.
    """
    weights, images = np.asarray(weights, np.float32), np.asarray(images, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(images, weights.shape[1:], axis=(1, 2))
    across = windows.shape[2]
    found: list[list[Any]] = []
    best = np.empty((len(weights), len(images)), np.float32)
    where = np.empty(best.shape, int)
    for start in range(0, len(images), 500):  # all windows at once would be half a gigabyte
        part = windows[start : start + 500]
        answers = np.einsum("nijab,fab->fnij", part, weights, optimize=True).reshape(len(weights), len(part), -1)
        best[:, start : start + 500], where[:, start : start + 500] = answers.max(axis=2), answers.argmax(axis=2)
    for strongest, places in zip(best, where, strict=True):
        order = np.argsort(-strongest, kind="stable")[:count]
        found.append([windows[i, places[i] // across, places[i] % across].tolist() for i in order])
    return found


def pixels(data: Dataset, padded: bool) -> np.ndarray:
    """Images of one channel as the first layer sees them, with zeros around where it pads."""
    images = np.asarray(data.inputs, np.float32)
    images = images if images.ndim == 3 else images[..., 0]
    room = network3.KERNEL // 2 if padded else 0
    return np.pad(images, ((0, 0), (room, room), (room, room)))


def run(job: Job) -> Outcome:
    """Train the networks that are missing, and look for what the first one's filters answer to."""
    arm = arm_of(job)
    found, kept = groups.train(job, NAME, {ARM: arm}, again=not job.trainer.resume)
    networks = found[ARM]
    others = expanded_data.arms_of(job)["100"]
    count = min(job.seeds, expanded_data.BOOK_SEEDS) if job.book else job.seeds
    before, _ = groups.train(job, expanded_data.NAME, {"100": others._replace(seeds=count)}, again=False)
    first, second = networks.records[0]["filters"]
    padded = arm.network.layers[0].padding == "same"  # type: ignore[attr-defined]
    return Outcome(
        config={"recipes": kept["recipes"], "evaluated on": "test, after the best epoch on validation"},
        measured=networks.figures(ARM)
        | {GAIN: networks.test[:count] - before["100"].test, LAYERS[0]: len(first), LAYERS[1]: len(second)},
        curves={
            "validation_accuracy": {ARM: curve(networks.curve)},
            "filters": [first, second],
            "answered": answered(first, pixels(job.splits.test, padded), PATCHES),
        },
        kept=kept,
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs, and the filters: darker for larger weights."""
    found = result["curves"]
    plots.curves(
        folder / "validation.png",
        plots.percent(found["validation_accuracy"]),
        title=f"Expanded data, two layers of 1,000 with dropout: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (98.5, 99.7)),
    )
    first, second = (np.asarray(weights, float) for weights in found["filters"])
    plots.images(folder / "filters_0.png", first, title="First layer, 20 filters: darker is larger", columns=5)
    title = "Second layer, 40 filters, their weights for the first map: darker is larger"
    plots.images(folder / "filters_1.png", second, title=title, columns=8)
    beside = []
    for weights, patches in zip(first, found["answered"], strict=True):
        shade = (weights - weights.min()) / max(np.ptp(weights), 1e-9)
        beside += [shade, *(np.asarray(patch) / max(np.max(patch), 1e-9) for patch in patches)]
    plots.images(
        folder / "answers.png",
        beside,
        title="Each filter of the first layer, and the three patches of test images that it answers to most",
        captions=[text for number in range(len(first)) for text in (f"filter {number}", *[""] * PATCHES)],
        columns=4 * (1 + PATCHES),
        side=0.6,
    )


PLACE = "chapter 6, problem and text on dropout; conv.py, double_fc_dropout"
EXPERIMENT = Experiment(
    name=NAME,
    chapter="6",
    shows="two layers of 1,000 with dropout on expanded data, and its filters",
    minutes=4,
    book_scale=BookScale(seeds=5, minutes=215),
    metrics=(*network3.names(ARM), GAIN, *LAYERS),
    rows=(
        Row(
            id="ch6-dropout",
            did="two convolutions, twice 1,000 ReLU, 250,000 images, rate 0.03, no penalty, dropout 0.5, 40 epochs",
            reported=f"{100 * BOOK:.2f} % (test, the best of three by validation)",
            place=PLACE,
            metric=network3.names(ARM)[0],
            rule=network3.reported(BOOK, rival=0.9948),
            ours="dropout on the input of both fully connected layers and of the softmax, as there; what is left is "
            "scaled up in training, where network3 scales the weighted sums down in use",
        ),
        Row(
            id="ch6-dropout",
            did="compares it with 100 neurons, one layer, without dropout",
            reported="99.37 % becomes 99.60 %",
            place=PLACE,
            metric=GAIN,
            rule=Claim("above", unit=POINTS),
            ours="paired by seed, as far as both are trained",
        ),
        Row(
            id="ch6-filters-0",
            did="draws the 20 filters of the first layer of the ensemble's first network, 5 x 4",
            reported="a picture; darker is a larger weight",
            place="chapter 6; conv.py, net_full_layer_0.png",
            metric=LAYERS[0],
            rule=Drawn(),
            ours="four rows of five; and beside each the patches of the test images that it answers to most",
            anywhere=True,
        ),
        Row(
            id="ch6-filters-1",
            did="draws the 40 filters of the second layer for the first map, 8 x 5",
            reported="made by the script, not shown",
            place="conv.py, net_full_layer_1.png",
            metric=LAYERS[1],
            rule=Drawn(),
            ours="five rows of eight",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "validation": f"After their best epochs the networks are right in {{{network3.names(ARM)[0]}|%}} of the test "
        "images.",
        "filters_0": "The first network's filters. Many have a light and a dark side: they answer to an edge.",
        "filters_1": "One of the twenty slices of each filter in the second layer; harder to read, as the book says.",
        "answers": "To the right of each filter is what it answers to most: strokes that lie as its dark weights do.",
    },
)
UNJUDGED = network3.unjudged(ARM)
