"""Do tanh neurons train faster than sigmoid ones? The network with two convolutional layers, paired by seed."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch6 import conv2, network3
from experiments.comparison import accuracy_curves, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim, Equivalent
from experiments.training import Job
from experiments.units import POINTS
from jnndl.data import Splits

ARM, BEFORE = "tanh", conv2.ARM
EARLY = 5  # epochs
FASTER = f"{minus(ARM, 'sigmoid')}: mean of the first {EARLY} epochs, validation"
FINAL = f"{minus(ARM, 'sigmoid')}: test"


def run(job: Job) -> Outcome:
    """The same with tanh in all layers but the softmax, and the sigmoid network to subtract."""
    tried = network3.train(job, network3.network(job, neuron="tanh"), title=f"{ARM}: ")
    earlier = network3.before(job, "ch6-conv2", BEFORE, lambda: conv2.train(job))
    curve = np.asarray(tried.fit.history.evaluation_accuracy)
    config = network3.settings_of(job, maps=[20, 40], hidden=100, neuron="tanh", learning_rate=0.1)
    faster = np.mean(curve[:, :EARLY] - earlier.curve[:, :EARLY], axis=1)
    return Outcome(
        config=config | {"sigmoid": earlier.source},
        measured={"test_accuracy": tried.test, **network3.figures(ARM, tried)}
        | {FASTER: faster, FINAL: tried.test - earlier.test},
        curves={"validation_accuracy": {"sigmoid": earlier.curve.tolist()} | accuracy_curves({ARM: tried.fit})},
        network=tried.fit.network,
        params=tried.params,
        kept=network3.kept(job, {ARM: tried}, config),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs, as the problem asks: the first 20, and all."""
    lines = plots.percent(result["curves"]["validation_accuracy"])
    for name, epochs in (("first_20_epochs", 20), ("all_epochs", None)):
        plots.curves(
            folder / f"{name}.png",
            {arm: values[:, :epochs] for arm, values in lines.items()},
            title=f"Two convolutional layers, rate 0.1: {plots.about(result)}",
            ylabel="validation accuracy (%)",
            ylim=plots.if_comparable(result, (96, 99.4)),
        )


DID = "the network of 99.06 % with tanh instead of sigmoid neurons, 20 and 60 epochs (a problem)"
PLACE = f"{network3.PLACE}, problem"
EXPERIMENT = Experiment(
    name="ch6-conv2-tanh",
    chapter="6",
    shows="two convolutional layers with tanh and with sigmoid neurons, epoch by epoch",
    minutes=2.5,
    book_scale=BookScale(seeds=5, minutes=22),
    metrics=("test_accuracy", *network3.names(ARM), FASTER, FINAL),
    rows=(
        Row(
            id="ch6-conv2-tanh",
            did=DID,
            reported="tanh trains a little faster",
            place=PLACE,
            metric=FASTER,
            rule=Claim("above", unit=POINTS),
            ours=f"{network3.PAIRED}; faster is a higher validation accuracy on average over the first five epochs",
        ),
        Row(
            id="ch6-conv2-tanh",
            did=DID,
            reported="the final accuracies are very similar",
            place=PLACE,
            metric=FINAL,
            rule=Equivalent(network3.CLOSE, errors=round(1 - conv2.BOOK, 4), unit=POINTS),
            ours=f"{network3.PAIRED}, on test data after the best validation epoch; similar is within a quarter of the "
            "errors: what a number's interval may be wide at most",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "first_20_epochs": "tanh and sigmoid neurons from the same first weights, in the problem's shorter run.",
        "all_epochs": f"In the end tanh makes {{{FINAL}|points}} on test data.",
    },
)
UNJUDGED = {
    "test_accuracy": "the saved network's arm; the book has no figure for it",
    f"{ARM}: test": "the book has no figure for it; the difference is judged",
    **network3.unjudged(ARM),
}
