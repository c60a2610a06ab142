"""Does a second convolutional layer help? 20 and then 40 feature maps, with sigmoid neurons."""

import pathlib
from typing import Any

from experiments import plots
from experiments.ch6 import conv1, network3
from experiments.comparison import accuracy_curves, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim
from experiments.training import Job
from experiments.units import POINTS
from jnndl.data import Splits

ARM, BEFORE = "conv2", conv1.ARM
BOOK = 0.9906
STEP = minus(ARM, BEFORE)


def train(job: Job, title: str = f"{ARM}: ", **changes: Any) -> network3.Tried:
    """Two convolutional layers and 100 hidden neurons, sigmoid; later questions subtract it."""
    return network3.train(job, network3.network(job), title=title, **changes)


def run(job: Job) -> Outcome:
    """Two convolutional layers, and the network with one to subtract."""
    tried = train(job)
    earlier = network3.before(job, "ch6-conv1", BEFORE, lambda: conv1.train(job))
    config = network3.settings_of(job, maps=[20, 40], hidden=100, learning_rate=0.1)
    return Outcome(
        config=config | {BEFORE: earlier.source},
        measured={"test_accuracy": tried.test, **network3.figures(ARM, tried), STEP: tried.test - earlier.test},
        curves={"validation_accuracy": {BEFORE: earlier.curve.tolist()} | accuracy_curves({ARM: tried.fit})},
        network=tried.fit.network,
        params=tried.params,
        kept=network3.kept(job, {ARM: tried}, config),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs; and the test accuracy of each seed beside the book's figure."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"One and two convolutional layers, rate 0.1: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (97.5, 99.3)),
    )
    plots.arms(
        folder / "test.png",
        {ARM: plots.percent(plots.per_seed(result, f"{ARM}: test"))},
        title=f"After the best validation epoch: {plots.about(result)}",
        xlabel="test accuracy (%)",
        reported=plots.if_comparable(result, {ARM: 100 * BOOK}),
    )


DID = "20 and 40 feature maps, each with pools of 2 x 2, 100 hidden neurons; sigmoid, rate 0.1, 60 epochs"
EXPERIMENT = Experiment(
    name="ch6-conv2",
    chapter="6",
    shows="a second convolutional layer behind the first",
    minutes=2.5,
    book_scale=BookScale(seeds=5, minutes=22),
    metrics=("test_accuracy", *network3.names(ARM), STEP),
    rows=(
        Row(
            id="ch6-conv2",
            did=DID,
            reported="99.06 % (test)",
            place=network3.PLACE,
            metric=f"{ARM}: test",
            rule=network3.reported(BOOK, rival=conv1.BOOK),
            ours=network3.PROTOCOL,
        ),
        Row(
            id="ch6-conv2",
            did=f"{DID}: after the 98.78 % of one such layer",
            reported="once again an improvement",
            place=network3.PLACE,
            metric=STEP,
            rule=Claim("above", unit=POINTS),
            ours=network3.PAIRED,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": f"The second convolutional layer makes {{{STEP}|points}} on test data after the best epoch.",
        "test": "One dot for each network. The diamond is the book's figure.",
    },
)
UNJUDGED = {"test_accuracy": "the saved network's arm, judged by its other name", **network3.unjudged(ARM)}
