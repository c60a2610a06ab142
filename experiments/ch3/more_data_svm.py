"""How much do more data help a support vector machine? The machine of chapter 3's comparison, nine sizes."""

import pathlib
from typing import Any

from experiments import plots
from experiments.ch3.more_data import SIZES, SVM, images, sizes
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.svm import BOOK, Machine, correct
from experiments.training import Job
from jnndl.data import Splits


def run(job: Job) -> Outcome:
    """Fit the machine to the first images of the training data, count on validation data; nothing in it is random.

    The largest is chapter 1's machine: where ch1-svm has fitted it, it is only asked.
    """
    validation, used = job.splits.validation, sizes(job)
    found = correct({images(n): Machine(BOOK, job.training[:n], validation) for n in reversed(used)})
    hits = {n: found[images(n)] for n in used}
    equal = sum(count == round(10_000 * SVM[n]) for n, count in hits.items())
    return Outcome(
        config={"machine": BOOK, "evaluated on": "validation"},
        measured={"validation_accuracy": [*hits.values()][-1] / len(validation), "sizes_equal": equal}
        | {images(n): count for n, count in hits.items()},
        curves={"sizes": list(hits)},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against the number of images, with the author's numbers."""
    at, total = result["curves"]["sizes"], result["data"]["sizes"]["validation"]
    plots.curves(
        folder / "svm.png",
        {"SVM, gamma = 1/784": plots.percent([result["measured"][images(n)]["mean"] / total for n in at])},
        x=at,
        title=f"More training data for a support vector machine: {result['data']['name']}",
        xlabel="training images",
        ylabel="validation accuracy (%)",
        xscale="log",
        points=plots.if_comparable(result, {"book": [(n, 100 * SVM[n]) for n in at]}),
    )


UNJUDGED = {"validation_accuracy": "the largest size, which sizes_equal counts"} | {
    images(n): "one of the nine counts that sizes_equal compares" for n in SIZES
}
EXPERIMENT = Experiment(
    name="ch3-more-data-svm",
    chapter="3",
    shows="a support vector machine on 100 to 50,000 training images",
    minutes=6,
    metrics=("validation_accuracy", "sizes_equal", *map(images, SIZES)),
    rows=(
        Row(
            id="ch3-more-data-svm",
            did="scikit-learn's SVC with its defaults, gamma = 1/784, nine sizes",
            reported="25.07 48.93 75.13 83.87 88.49 91.46 92.45 93.47 94.48 % (validation)",
            place="chapter 3, more training data; more_data_svm.json",
            metric="sizes_equal",
            rule=Toy(9, unit="sizes"),
            ours="the same: how many of the nine counts are equal",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "svm": "The line is ours, the diamonds are the book's counts.",
    },
)
