"""Do shifted, turned and distorted copies of the training images help? Four copies each, as many updates."""

import pathlib
from typing import Any

import jax
import numpy as np

from experiments import distort, plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each
from experiments.statistics import Claim, Toy
from jnndl.data import Dataset, Splits

IMAGES, HIDDEN, EPOCHS, COPIES = 5000, 100, 30, 4
DEGREES, PICTURE_DEGREES = 15.0, 15.0


def expanded(data: Dataset, how: str) -> Dataset:
    """The images and four changed copies of each, with their labels; or, for "plain", the images alone."""
    images, key = np.asarray(data.inputs), jax.random.key(0)
    copies: list[np.ndarray] = []
    if how == "shifts":
        copies = [distort.shift(images, *by) for by in distort.SHIFTS]
    elif how != "plain":
        for copy_key in jax.random.split(key, COPIES):
            degrees = jax.random.uniform(copy_key, (len(images),), minval=-DEGREES, maxval=DEGREES)
            # The field is given for MNIST's 28 pixels; what is smoothed less has to be moved less.
            size = images.shape[1] / 28
            copies.append(
                distort.rotate(images, np.asarray(degrees))
                if how == "rotations"
                else distort.elastic(images, copy_key, alpha=34 * size**2, sigma=4 * size)
            )
    labels = np.tile(np.asarray(data.targets), 1 + len(copies))
    return Dataset(np.concatenate([images, *copies]), labels, data.scale, data.offset)


def run(job: Job) -> Outcome:
    """The first 5,000 images alone and with copies; lambda/n and the number of updates are the same."""
    network, measured = job.mlp(HIDDEN), dict[str, Any]()
    curves, shown, params = {}, {}, None
    for how in ("plain", "shifts", "rotations", "elastic"):
        training = expanded(job.training[:IMAGES], how)
        fit, _ = job.fit(
            network,
            job.splits.validation,
            title=f"{how}: ",
            training=training,
            epochs=EPOCHS * (1 + COPIES) if how == "plain" else EPOCHS,
            learning_rate=0.5,
            batch_size=10,
            l2=0.0001 * len(training),
        )
        accuracy, params = fit.history.evaluation_accuracy, fit.params
        measured[f"{how}: final"] = accuracy[:, -1]
        if how != "plain":
            measured[f"{how} minus plain"] = measured[f"{how}: final"] - measured["plain: final"]
        curves[how] = curve(accuracy[:, 1 + COPIES - 1 :: 1 + COPIES] if how == "plain" else accuracy)
        first = range(0, len(training), min(IMAGES, len(job.training)))
        shown[how] = [np.asarray(training.inputs[i]).tolist() for i in first]
    measured["elastic minus rotations"] = measured["elastic: final"] - measured["rotations: final"]
    measured["label of the rotated image"] = int(job.training.targets[0])
    return Outcome(
        config={"hidden": HIDDEN, "weights": "default", "learning_rate": 0.5, "batch_size": 10, "l2": "0.0001 n"}
        | {"images": IMAGES, "copies": COPIES, "epochs": EPOCHS, "degrees": DEGREES, "elastic": "alpha 34, sigma 4"}
        | {"evaluated on": "validation, after each epoch"},
        measured={"validation_accuracy": measured["shifts: final"], **measured},
        curves={"validation_accuracy": curves, "images": shown},
        network=network,
        params=each(params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs, an image with its copies, and the book's turned five."""
    plots.curves(
        folder / "accuracy.png",
        {how: 100 * np.asarray(values) for how, values in result["curves"]["validation_accuracy"].items()},
        title=f"100 hidden neurons, {IMAGES} images and {COPIES} copies of each: {result['data']['name']}, "
        f"{len(result['seeds'])} seeds",
        xlabel=f"epoch of the expanded data (for plain, {1 + COPIES} epochs)",
        ylabel="validation accuracy (%)",
        ylim=(90, 98) if result["comparable"] else None,
    )
    shown = result["curves"]["images"]
    rows = [(how, picture) for how in ("shifts", "rotations", "elastic") for picture in shown[how]]
    plots.images(
        folder / "copies.png",
        [picture for _, picture in rows],
        captions=[how for how, _ in rows],
        title=f"A training image and its copies, {result['data']['name']}",
        columns=1 + COPIES,
    )
    image = np.asarray(splits.training.inputs[:1])
    plots.images(
        folder / "rotated.png",
        [image[0], distort.rotate(image, PICTURE_DEGREES)[0]],
        title=f"Training image 0, and turned by {PICTURE_DEGREES:.0f} degrees",
        columns=2,
    )


CITED = "cites Simard, Steinkraus and Platt 2003: 800 hidden neurons, cross-entropy, all of MNIST"
OURS = "784-100-10, rate 0.5, first 5,000 images with four copies of each, 30 epochs (150 without copies), validation"
EXPERIMENT = Experiment(
    name="ch3-expanded",
    chapter="3",
    shows="training images and four copies of each, shifted, turned or elastically distorted",
    minutes=3.5,
    rows=(
        Row(
            "ch3-expansion-cited",
            CITED,
            "98.4 % becomes 98.9 % by turning, moving and skewing",
            "chapter 3, expanding the training data",
            "shifts minus plain",
            Claim("above"),
            f"{OURS}: moved by a pixel in four directions, paired by seed",
        ),
        Row(
            "ch3-expansion-cited",
            CITED,
            "98.4 % becomes 98.9 % by turning, moving and skewing",
            "chapter 3, expanding the training data",
            "rotations minus plain",
            Claim("above"),
            f"{OURS}: turned by up to 15 degrees, paired by seed",
        ),
        Row(
            "ch3-expansion-cited",
            CITED,
            "99.3 % by elastic distortion",
            "chapter 3, expanding the training data",
            "elastic minus rotations",
            Claim("above"),
            f"{OURS}: elastic distortion against turning, paired by seed",
        ),
        Row(
            "ch3-rotation-figure",
            "draws a training image of a 5, and the same turned by 15 degrees",
            "two pictures",
            "chapter 3, expanding the training data; fig/mnist.py",
            "label of the rotated image",
            Toy(5),
        ),
    ),
    run=run,
    plot=plot,
)
