"""How good is a shallow network under chapter 6's protocol? 100 hidden neurons, beside chapter 3's best."""

import pathlib
from typing import Any

from experiments import plots
from experiments.ch6 import network3
from experiments.comparison import accuracy_curves, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Equivalent
from experiments.training import Job
from experiments.units import POINTS
from jnndl.data import Splits

ARM, OTHER = "shallow", "chapter 3's"
BOOK, BOOK_OTHER = 0.9780, 0.9804
LAMBDA = 0.5  # chapter 3's 5.0 in network3's measure
DIFFERENCE = minus(ARM, OTHER)


def train(job: Job) -> network3.Tried:
    """The shallow network of conv.py; the next question subtracts it."""
    return network3.train(job, network3.network(job, maps=()), title=f"{ARM}: ")


def run(job: Job) -> Outcome:
    """Softmax without a penalty, and chapter 3's sigmoid output with cross-entropy and L2; the same rate and length."""
    arms = {ARM: train(job)}
    chapter_3: dict[str, Any] = {"lmbda": LAMBDA, "cost": "cross_entropy", "shuffle": True}
    arms[OTHER] = network3.train(job, job.mlp(100), title=f"{OTHER}: ", **chapter_3)
    config = network3.settings_of(job, hidden=100, learning_rate=0.1)
    measured = {name: value for arm, tried in arms.items() for name, value in network3.figures(arm, tried).items()}
    return Outcome(
        config=config | {OTHER: "sigmoid output, cross-entropy, lambda 5.0, weights 1/sqrt(n_in), reshuffled"},
        measured={"test_accuracy": arms[ARM].test, DIFFERENCE: arms[ARM].test - arms[OTHER].test, **measured},
        curves={"validation_accuracy": accuracy_curves({name: tried.fit for name, tried in arms.items()})},
        network=arms[ARM].fit.network,
        params=arms[ARM].params,
        kept=network3.kept(job, {ARM: arms[ARM]}, config),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs; and the test accuracy of each seed beside the book's figures."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"100 hidden neurons, rate 0.1: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (95, 98.5)),
    )
    plots.arms(
        folder / "test.png",
        {arm: plots.percent(plots.per_seed(result, f"{arm}: test")) for arm in (ARM, OTHER)},
        title=f"After the best validation epoch: {plots.about(result)}",
        xlabel="test accuracy (%)",
        reported=plots.if_comparable(result, {ARM: 100 * BOOK, OTHER: 100 * BOOK_OTHER}),
    )


EXPERIMENT = Experiment(
    name="ch6-shallow",
    chapter="6",
    shows="784-100-10 under network3's protocol, and chapter 3's network of the same size",
    minutes=1,
    book_scale=BookScale(seeds=5, minutes=5),
    metrics=("test_accuracy", *network3.names(ARM), *network3.names(OTHER), DIFFERENCE),
    rows=(
        Row(
            id="ch6-shallow",
            did="784-100-10, sigmoid neurons, softmax output, rate 0.1, no penalty, 60 epochs",
            reported="97.80 % (test)",
            place=network3.PLACE,
            metric=f"{ARM}: test",
            rule=network3.reported(BOOK),
            ours=network3.PROTOCOL,
        ),
        Row(
            id="ch6-vs-ch3",
            did="compares its 97.80 % with the 98.04 % of a similar network in chapter 3, with cross-entropy and L2",
            reported="close",
            place=network3.PLACE,
            metric=DIFFERENCE,
            rule=Equivalent(network3.CLOSE, errors=round(1 - BOOK_OTHER, 4), unit=POINTS),
            ours="both are measured alike, on test data after the best validation epoch, and paired by seed; close is "
            "within a quarter of the errors, twice what lies between the two figures",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "Chapter 3's network has L2, which the other lacks.",
        "test": "One dot for each network. The diamonds are the book's figures; chapter 3's was on validation data.",
    },
)
UNJUDGED = {
    "test_accuracy": "the saved network's arm, judged by its other name",
    **network3.unjudged(ARM),
    f"{OTHER}: test": "the difference is judged; ch3-reg-100-60 judges the figure",
    **network3.unjudged(OTHER),
}
