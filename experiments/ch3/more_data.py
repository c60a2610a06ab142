"""What do more data bring? The same number of updates on 100 to 50,000 images, against a support vector machine."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, each
from experiments.statistics import Claim, Number
from jnndl.data import Splits

SIZES = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
IMAGES_SEEN = 1_500_000  # 30 epochs of 50,000
# The author's files, accuracy on the validation data; ch3-more-data-svm runs the machine again.
BOOK = dict(zip(SIZES, (0.6909, 0.7637, 0.8529, 0.8885, 0.9127, 0.9324, 0.9489, 0.9585, 0.9597), strict=True))
SVM = dict(zip(SIZES, (0.2507, 0.4893, 0.7513, 0.8387, 0.8849, 0.9146, 0.9245, 0.9347, 0.9448), strict=True))


def sizes(job: Job) -> list[int]:
    """The sizes that the training data allow; the first and the last of them for a quick run."""
    fitting = [n for n in SIZES if n <= len(job.training)]
    return fitting[:: len(fitting) - 1] if job.quick else fitting


def run(job: Job) -> Outcome:
    """lambda/n and the number of updates are the same for each size; validation data at the end."""
    network = job.mlp(30, weight_init=jnndl.initializers.large)
    accuracy, params = {}, None
    for n in sizes(job):
        fit, _ = job.fit(
            network,
            None,
            title=f"{n} images: ",
            training=job.training[:n],
            epochs=IMAGES_SEEN // n,
            learning_rate=0.5,
            batch_size=10,
            l2=0.0001 * n,
        )
        params = each(fit.params)
        scores = [jnndl.evaluate(network, p, job.splits.validation).accuracy for p in params]
        accuracy[n] = np.asarray(scores)
        print(f"{n} images: validation {100 * accuracy[n].mean():.2f} %", flush=True)
    measured = {f"{n} images": values for n, values in accuracy.items()}
    ahead = [values - SVM[n] for n, values in accuracy.items()]
    measured["least lead over the SVM, of all sizes"] = np.min(ahead, axis=0)
    assert params is not None
    return Outcome(
        config={"hidden": 30, "weights": "large", "cost": "cross_entropy", "learning_rate": 0.5, "batch_size": 10}
        | {"l2": "0.0001 n", "epochs": "1,500,000 / n", "evaluated on": "validation, after the last epoch"},
        measured={"validation_accuracy": [*accuracy.values()][-1], **measured},
        curves={"sizes": list(accuracy)},
        network=network,
        params=params[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against the number of images, linear, logarithmic, and beside the machine."""
    at, comparable = result["curves"]["sizes"], result["comparable"]
    ours = 100 * np.asarray([result["measured"][f"{n} images"]["per_seed"] for n in at]).T
    about = f"{result['data']['name']}, {len(result['seeds'])} seeds"
    words: dict[str, Any] = {"xlabel": "training images", "ylabel": "validation accuracy (%)"}
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
            title=f"More training data, as many updates: {about}",
            xscale=scale,
            points=marks if comparable else None,
            **words,
        )


PLACE = "chapter 3, more training data; more_data.json"
EXPERIMENT = Experiment(
    name="ch3-more-data",
    chapter="3",
    shows="100 to 50,000 training images, as many updates each",
    minutes=7.5,
    rows=(
        *(
            Row(
                "ch3-more-data",
                f"784-30-10, cross-entropy, rate 0.5, lambda 0.0001 n, {n} images, {IMAGES_SEEN // n} epochs",
                f"{100 * value:.2f} % (validation, last epoch)",
                PLACE,
                f"{n} images",
                Number(value),
            )
            for n, value in BOOK.items()
        ),
        Row(
            "ch3-more-data",
            "compares it with the SVM of the same sizes",
            "the network is ahead at every size",
            f"{PLACE}, more_data_svm.json",
            "least lead over the SVM, of all sizes",
            Claim("above"),
            "the author's figures of the SVM, which ch3-more-data-svm finds again exactly; the worst size of each seed",
        ),
        Row(
            "ch3-more-data",
            "compares the network at 5,000 images with the SVM at 50,000, 94.48 %",
            "with more data the worse technique wins: 93.24 % is below it",
            f"{PLACE}, more_data_svm.json",
            "5000 images",
            Claim("below", 0.9448),
        ),
    ),
    run=run,
    plot=plot,
)
