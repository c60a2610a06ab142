"""Do shifted, turned and distorted copies of the training images help? Four copies of each, equally many updates."""

import pathlib
from typing import Any

import jax
import numpy as np

from experiments import distort, plots
from experiments.comparison import Comparison, accuracy_curves, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Drawn
from experiments.training import Job, unstack
from experiments.units import POINTS
from jnndl.data import Dataset, Splits

IMAGES, HIDDEN, EPOCHS, COPIES = 5000, 100, 30, 4
DEGREES, PICTURE_DEGREES = 15.0, 15.0
CHANGES = ("shifts", "rotations", "elastic")
COMPARED = Comparison(
    ("plain", *CHANGES),
    {"final": final},
    {minus(how, "plain"): (f"{how}: final", "plain: final") for how in CHANGES}
    | {minus("elastic", "rotations"): ("elastic: final", "rotations: final")},
)
BRIGHTNESS = 1.3  # of the book's rotated picture: bilinear interpolation makes strokes paler


def expanded(data: Dataset, how: str) -> Dataset:
    """The images and four changed copies of each, with their labels; or, for "plain", the images alone."""
    images, key = np.asarray(data.inputs), jax.random.key(0)
    copies: list[np.ndarray] = []
    if how == "shifts":
        copies = [distort.shift(images, *by) for by in distort.SHIFTS]
    elif how != "plain":
        for copy_key in jax.random.split(key, COPIES):
            degrees = jax.random.uniform(copy_key, (len(images),), minval=-DEGREES, maxval=DEGREES)
            # alpha and sigma are meant for MNIST's 28 pixels. A field that is smoothed less must be scaled less, too.
            size = images.shape[1] / 28
            copies.append(
                distort.rotate(images, np.asarray(degrees))
                if how == "rotations"
                else distort.elastic(images, copy_key, alpha=34 * size**2, sigma=4 * size)
            )
    labels = np.tile(np.asarray(data.targets), 1 + len(copies))
    return Dataset(np.concatenate([images, *copies]), labels, data.scale, data.offset)


def rotated_as_drawn(image: np.ndarray) -> np.ndarray:
    """An image of bytes turned as in the book's picture, and 1.3 times as dark, up to black (255)."""
    turned = distort.rotate(image[None], PICTURE_DEGREES)[0]
    return np.rint(np.minimum(BRIGHTNESS * turned, 255)).astype(np.uint8)


def run(job: Job) -> Outcome:
    """The first 5,000 images alone and with copies; lambda/n and the number of updates are the same."""
    network, images = job.mlp(HIDDEN), job.training[:IMAGES]
    data = {how: expanded(images, how) for how in COMPARED.arms}
    arms = {
        how: {"training": training, "epochs": EPOCHS * (1 + COPIES) if how == "plain" else EPOCHS}
        | {"l2": 0.0001 * len(training)}
        for how, training in data.items()
    }
    settings: dict[str, Any] = {"learning_rate": 0.5, "batch_size": 10, "measure_training": 0}
    fits = train_arms(job, arms, job.splits.validation, network=network, **settings)
    measured = COMPARED.measure(fits)
    curves = accuracy_curves(fits)
    curves["plain"] = [one[COPIES :: 1 + COPIES] for one in curves["plain"]]  # an epoch of the others is five of plain
    return Outcome(
        config={"hidden": HIDDEN, "weights": "default", "learning_rate": 0.5, "batch_size": 10, "l2": "0.0001 n"}
        | {"images": IMAGES, "copies": COPIES, "epochs": EPOCHS, "degrees": DEGREES, "elastic": "alpha 34, sigma 4"}
        | {"evaluated on": "validation, after each epoch"},
        measured={"validation_accuracy": measured["shifts: final"], **measured},
        curves={
            "validation_accuracy": curves,
            "images": {how: np.asarray(copies.inputs)[:: len(images)].tolist() for how, copies in data.items()},
        },
        network=network,
        params=unstack(fits["shifts"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs, an image with its copies, and the book's rotated five."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"100 hidden neurons, {IMAGES} images and {COPIES} copies of each: {plots.about(result)}",
        xlabel=f"epoch of the expanded data (for plain, {1 + COPIES} epochs)",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (90, 98)),
    )
    shown = result["curves"]["images"]
    pictures = [(how, picture) for how in CHANGES for picture in shown[how]]
    plots.images(
        folder / "copies.png",
        [picture for _, picture in pictures],
        captions=[how for how, _ in pictures],
        title=f"A training image and its copies, {result['data']['name']}",
        columns=1 + COPIES,
    )
    image = np.asarray(splits.training.inputs[0])
    plots.images(
        folder / "rotated.png",
        [image, rotated_as_drawn(image)],
        title=f"Training image 0, turned by {PICTURE_DEGREES:.0f} degrees and darker",
        columns=2,
    )


CITED = "cites Simard, Steinkraus and Platt 2003: 800 hidden neurons, cross-entropy, all of MNIST"
OURS = "784-100-10, rate 0.5, first 5,000 images with four copies of each, 30 epochs (150 without copies), validation"
EXPERIMENT = Experiment(
    name="ch3-expanded",
    chapter="3",
    shows="training images and four copies of each, shifted, turned or elastically distorted",
    minutes=3,
    metrics=("validation_accuracy", *COMPARED.names),
    rows=(
        Row(
            id="ch3-expansion-cited",
            did=CITED,
            reported="98.4 % becomes 98.9 % by turning, moving and skewing",
            place="chapter 3, expanding the training data",
            metric=minus("shifts", "plain"),
            rule=Claim("above", unit=POINTS),
            ours=f"{OURS}: moved by a pixel in four directions, paired by seed",
        ),
        Row(
            id="ch3-expansion-cited",
            did=CITED,
            reported="98.4 % becomes 98.9 % by turning, moving and skewing",
            place="chapter 3, expanding the training data",
            metric=minus("rotations", "plain"),
            rule=Claim("above", unit=POINTS),
            ours=f"{OURS}: turned by up to 15 degrees, paired by seed",
        ),
        Row(
            id="ch3-expansion-cited",
            did=CITED,
            reported="99.3 % by elastic distortion",
            place="chapter 3, expanding the training data",
            metric=minus("elastic", "rotations"),
            rule=Claim("above", unit=POINTS),
            ours=f"{OURS}: elastic distortion against turning, paired by seed",
        ),
        Row(
            id="ch3-rotation-figure",
            did="draws a training image of a 5, and the same turned by 15 degrees",
            reported="two pictures",
            place="chapter 3, expanding the training data; fig/mnist.py",
            metric="rotations: final",
            rule=Drawn(),
            ours="the same, 1.3 times as dark, as there",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "Copies that are shifted, turned or distorted help, each in the same number of updates as plain.",
        "copies": "Each row is one way of making new training images from an old one.",
        "rotated": "The book's example, turned and made darker: to us still a five, to a network a new image.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: shifts, after its last epoch",
    **{f"{arm}: final": "the differences are judged" for arm in COMPARED.arms if arm != "rotations"},
    minus("elastic", "plain"): "the book says what elastic distortion adds to turning, which is judged",
}
