"""How much do more data help? The same number of updates on 100 to 50,000 images, against a support vector machine."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.ch3.full_data import train_regularized
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Number
from experiments.training import BOOK_TRAINING, Job, unstack
from experiments.units import ACCURACY, POINTS
from jnndl.data import Splits
from jnndl.training import Fit

SIZES = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
IMAGES_SEEN = 1_500_000  # 30 epochs of 50,000
# The author's files, accuracy on the validation data; ch3-more-data-svm runs the machine again.
BOOK = dict(zip(SIZES, (0.6909, 0.7637, 0.8529, 0.8885, 0.9127, 0.9324, 0.9489, 0.9585, 0.9597), strict=True))
SVM = dict(zip(SIZES, (0.2507, 0.4893, 0.7513, 0.8387, 0.8849, 0.9146, 0.9245, 0.9347, 0.9448), strict=True))
LEAD = "least lead over the SVM, of all sizes"


def images(n: int) -> str:
    """The name of what is measured with n training images."""
    return f"{n} images"


def sizes(job: Job) -> list[int]:
    """The sizes that the training data allow; for a quick run, the first and the last of them."""
    fitting = [n for n in SIZES if n <= len(job.training)]
    return fitting[:: len(fitting) - 1] if job.quick else fitting


def train(job: Job, n: int) -> Fit:
    """Train on the first n images; all of them are those of ch3-regularized-full."""
    if n == BOOK_TRAINING:
        return train_regularized(job, measure_training=0)
    network = job.mlp(30, weight_init=jnndl.initializers.large)
    settings: dict[str, Any] = {"learning_rate": 0.5, "batch_size": 10, "l2": 0.0001 * n, "measure_training": 0}
    epochs, training = IMAGES_SEEN // n, job.training[:n]
    return job.fit(network, None, title=f"{n} images: ", training=training, epochs=epochs, **settings).fit


def run(job: Job) -> Outcome:
    """lambda/n and the number of updates are the same for each size; validation data at the end."""
    network, validation = job.mlp(30, weight_init=jnndl.initializers.large), job.splits.validation
    measured: dict[str, Any] = {}
    params = []
    for n in sizes(job):
        params = unstack(train(job, n).params)
        accuracy = np.asarray([jnndl.evaluate(network, p, validation).accuracy for p in params])
        measured[images(n)] = accuracy
        print(f"{n} images: validation {100 * accuracy.mean():.2f} %", flush=True)
    largest = measured[images(sizes(job)[-1])]
    measured[LEAD] = np.min([measured[images(n)] - SVM[n] for n in sizes(job)], axis=0)
    return Outcome(
        config={"hidden": 30, "weights": "large", "cost": "cross_entropy", "learning_rate": 0.5, "batch_size": 10}
        | {"l2": "0.0001 n", "epochs": "1,500,000 / n", "evaluated on": "validation, after the last epoch"},
        measured={"validation_accuracy": largest, **measured},
        curves={"sizes": sizes(job)},
        network=network,
        params=params[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against the number of images, linear, logarithmic, and beside the machine."""
    at = result["curves"]["sizes"]
    ours = plots.percent([plots.per_seed(result, images(n)) for n in at]).T
    book = {"book, network": [(n, 100 * BOOK[n]) for n in at]}
    machine = {"book, SVM (ours is equal)": [(n, 100 * SVM[n]) for n in at]}
    for name, scale, marks in (
        ("linear.png", "linear", book),
        ("log.png", "log", book),
        ("svm.png", "log", book | machine),
    ):
        plots.curves(
            folder / name,
            {"network, 30 hidden neurons": ours},
            x=at,
            title=f"More training data, the same number of updates: {plots.about(result)}",
            xlabel="training images",
            ylabel="validation accuracy (%)",
            xscale=scale,
            points=plots.if_comparable(result, marks),
        )


PLACE = "chapter 3, more training data; more_data.json"
EXPERIMENT = Experiment(
    name="ch3-more-data",
    chapter="3",
    shows="100 to 50,000 training images, with the same number of updates",
    minutes=5.5,
    metrics=("validation_accuracy", *map(images, SIZES), LEAD),
    rows=(
        *(
            Row(
                id="ch3-more-data",
                did=f"784-30-10, cross-entropy, rate 0.5, lambda 0.0001 n, {n} images, {IMAGES_SEEN // n} epochs",
                reported=f"{100 * value:.2f} % (validation, last epoch)",
                place=PLACE,
                metric=images(n),
                rule=Number(value),
            )
            for n, value in BOOK.items()
        ),
        Row(
            id="ch3-more-data",
            did="compares it with the SVM of the same sizes",
            reported="the network is ahead at every size",
            place=f"{PLACE}, more_data_svm.json",
            metric=LEAD,
            rule=Claim("above", unit=POINTS),
            ours="against the author's results of the SVM, which ch3-more-data-svm finds again exactly; the worst "
            "size, by seed",
        ),
        Row(
            id="ch3-more-data",
            did="compares the network at 5,000 images with the SVM at 50,000, 94.48 %",
            reported="with more data the worse technique wins: 93.24 % is below it",
            place=f"{PLACE}, more_data_svm.json",
            metric=images(5000),
            rule=Claim("below", 0.9448, unit=ACCURACY),
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "linear": "More images help most where there are few.",
        "log": "On a logarithmic axis the gain from more images gets smaller, but has not ended.",
        "svm": "The network is ahead of the support vector machine at every size, and most where there are few images.",
    },
)
UNJUDGED = {"validation_accuracy": "the same as with 50,000 images"}
