"""What does one convolutional layer bring? 20 feature maps, with and without a fully connected layer behind them."""

import pathlib
from typing import Any

from experiments import plots
from experiments.ch6 import network3, shallow
from experiments.comparison import accuracy_curves, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim, Measured
from experiments.training import Job
from experiments.units import ACCURACY, POINTS
from jnndl.data import Splits

ARM, WITHOUT, BEFORE = "conv1", "without the layer", shallow.ARM
BOOK = 0.9878
STEP, LAYER = minus(ARM, BEFORE), minus(ARM, WITHOUT)
SHARE = f"errors of {ARM} over those of {BEFORE}"


def train(job: Job, title: str = f"{ARM}: ", **changes: Any) -> network3.Tried:
    """One convolutional layer and 100 hidden neurons; the next question subtracts it."""
    return network3.train(job, network3.network(job, maps=(20,)), title=title, **changes)


def run(job: Job) -> Outcome:
    """Both networks, and the shallow one to subtract."""
    arms = {ARM: train(job)}
    arms[WITHOUT] = network3.train(job, network3.network(job, maps=(20,), hidden=()), title=f"{WITHOUT}: ")
    earlier = network3.before(job, "ch6-shallow", BEFORE, lambda: shallow.train(job))
    config = network3.settings_of(job, maps=20, hidden=100, learning_rate=0.1)
    measured = {name: value for arm, tried in arms.items() for name, value in network3.figures(arm, tried).items()}
    measured |= {STEP: arms[ARM].test - earlier.test, LAYER: arms[ARM].test - arms[WITHOUT].test}
    measured[SHARE] = (1 - arms[ARM].test) / (1 - earlier.test)
    return Outcome(
        config=config | {BEFORE: earlier.source},
        measured={"test_accuracy": arms[ARM].test, **measured},
        curves={"validation_accuracy": accuracy_curves({name: tried.fit for name, tried in arms.items()})},
        network=arms[ARM].fit.network,
        params=arms[ARM].params,
        kept=network3.kept(job, arms, config),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs; and the test accuracy of each seed beside the book's figure."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"20 feature maps, rate 0.1: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (97, 99.2)),
    )
    plots.arms(
        folder / "test.png",
        {arm: plots.percent(plots.per_seed(result, f"{arm}: test")) for arm in (ARM, WITHOUT)},
        title=f"After the best validation epoch: {plots.about(result)}",
        xlabel="test accuracy (%)",
        reported=plots.if_comparable(result, {ARM: 100 * BOOK}),
    )


DID = "20 feature maps of 5 x 5 fields, pools of 2 x 2, 100 hidden neurons; sigmoid, rate 0.1, 60 epochs"
EXPERIMENT = Experiment(
    name="ch6-conv1",
    chapter="6",
    shows="one convolutional layer before the hidden one, and instead of it",
    minutes=3,
    book_scale=BookScale(seeds=5, minutes=20),
    metrics=("test_accuracy", *network3.names(ARM), *network3.names(WITHOUT), STEP, LAYER, SHARE),
    rows=(
        Row(
            id="ch6-conv1",
            did=DID,
            reported="98.78 % (test)",
            place=network3.PLACE,
            metric=f"{ARM}: test",
            rule=network3.reported(BOOK, rival=shallow.BOOK),
            ours=network3.PROTOCOL,
        ),
        Row(
            id="ch6-conv1",
            did=f"{DID}: after the shallow network's 97.80 %",
            reported="a considerable improvement",
            place=network3.PLACE,
            metric=STEP,
            rule=Claim("above", unit=POINTS),
            ours=network3.PAIRED,
        ),
        Row(
            id="ch6-conv1",
            did=f"{DID}: after the shallow network's 97.80 %",
            reported="the error rate is reduced by better than a third",
            place=network3.PLACE,
            metric=SHARE,
            rule=Claim("below", 2 / 3, unit="times"),
            ours=network3.PAIRED,
        ),
        Row(
            id="ch6-conv1-nofc",
            did="asks in an exercise what is left without the fully connected layer",
            reported="no figure",
            place=f"{network3.PLACE}, exercise",
            metric=f"{WITHOUT}: test",
            rule=Measured(unit=ACCURACY),
            ours=network3.PROTOCOL,
        ),
        Row(
            id="ch6-conv1-nofc",
            did="asks in an exercise whether the fully connected layer helps",
            reported="no answer",
            place=f"{network3.PLACE}, exercise",
            metric=LAYER,
            rule=Measured(unit=POINTS),
            ours=network3.PAIRED,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "Twenty feature maps, with a hidden layer behind them and without.",
        "test": f"One dot for each network. The hidden layer makes {{{LAYER}|points}}; beside the shallow network, "
        f"both together make {{{STEP}|points}}.",
    },
)
UNJUDGED = {
    "test_accuracy": "the saved network's arm, judged by its other name",
    **network3.unjudged(ARM),
    **network3.unjudged(WITHOUT),
}
