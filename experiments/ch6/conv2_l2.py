"""Does L2 help a network with two convolutional layers? A sweep that was left out of the chapter."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch6 import conv2, network3
from experiments.comparison import curve, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim
from experiments.training import Job
from experiments.units import POINTS
from jnndl.data import Splits

LAMBDAS, SHORT = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0, 100.0), (1e-3, 0.1)
ARM = "the best lambda"
GAIN = minus(ARM, "none")
CHOSEN = f"{ARM}: which"


def run(job: Job) -> Outcome:
    """One network per seed for each lambda; of the one that is best on validation data, less the network without."""
    lambdas = LAMBDAS if job.book else SHORT
    arms = {lmbda: conv2.train(job, f"lambda {lmbda:g}: ", lmbda=lmbda) for lmbda in lambdas}
    earlier = network3.before(job, "ch6-conv2", conv2.ARM, lambda: conv2.train(job))
    chosen = max(lambdas, key=lambda lmbda: arms[lmbda].validation.mean())
    tried = arms[chosen]
    config = network3.settings_of(job, maps=[20, 40], hidden=100, learning_rate=0.1)
    config["lambda"] = list(lambdas)
    return Outcome(
        config=config | {"none": earlier.source},
        measured={"test_accuracy": tried.test, GAIN: tried.test - earlier.test, CHOSEN: chosen},
        curves={
            "validation": curve([earlier.curve.max(axis=1), *(arms[lmbda].validation for lmbda in lambdas)]),
            "test": curve([earlier.test, *(arms[lmbda].test for lmbda in lambdas)]),
            "lambda": [0.0, *lambdas],
        },
        network=tried.fit.network,
        params=tried.params,
        kept=network3.kept(job, {f"lambda {lmbda:g}": one for lmbda, one in arms.items()}, config),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the accuracies of each lambda."""
    curves = result["curves"]
    for part in ("validation", "test"):
        values = {f"{lmbda:g}": 100 * np.asarray(a) for lmbda, a in zip(curves["lambda"], curves[part], strict=True)}
        plots.arms(
            folder / f"{part}.png",
            values,
            title=f"Lambda, two convolutional layers: {plots.about(result)}",
            xlabel=f"{part} accuracy after the best validation epoch (%)",
        )


EXPERIMENT = Experiment(
    name="ch6-conv2-l2",
    chapter="6",
    shows="two convolutional layers with sigmoid neurons and L2 of many strengths",
    minutes=5,
    book_scale=BookScale(seeds=3, minutes=105),
    metrics=("test_accuracy", GAIN, CHOSEN),
    rows=(
        Row(
            id="ch6-conv2-l2",
            did="the network of 99.06 % with lambda from 1e-5 to 100 in factors of ten (not in the chapter)",
            reported="L2 did not help much",
            place="conv.py, regularized_dbl_conv",
            metric=GAIN,
            rule=Claim("below", network3.CLOSE, errors=round(1 - conv2.BOOK, 4), unit=POINTS),
            ours=f"the lambda that is best on validation data, against none; {network3.PAIRED}. Much is a quarter of "
            "the errors, 0.24 points: the second convolutional layer brought 0.28",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "validation": "The lambda is chosen by these.",
        "test": f"The lambda that was chosen makes {{{GAIN}|points}} beside none.",
    },
)
UNJUDGED = {
    "test_accuracy": "the saved network's arm: the lambda that was chosen",
    CHOSEN: "the script names no best one",
}
