"""Are rectified linear neurons better than sigmoid ones? In two convolutional layers, with a little L2 and without."""

import pathlib
from typing import Any

from experiments import plots
from experiments.ch6 import conv2, network3
from experiments.comparison import accuracy_curves, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim
from experiments.training import Job
from experiments.units import POINTS
from jnndl.data import Splits

ARM, PLAIN, BEFORE = "ReLU", "ReLU without L2", conv2.ARM
BOOK, LAMBDA, RATE = 0.9923, 0.1, 0.03
STEP, HELP = minus(ARM, BEFORE), minus(ARM, PLAIN)


def train(job: Job, lmbda: float = LAMBDA, title: str = f"{ARM}: ", **changes: Any) -> network3.Tried:
    """Two convolutional layers and 100 hidden neurons, ReLU; later questions subtract it."""
    net = network3.network(job, neuron="relu")
    return network3.train(job, net, title=title, lmbda=lmbda, learning_rate=RATE, **changes)


def run(job: Job) -> Outcome:
    """ReLU with the book's lambda and without any, and the sigmoid network to subtract."""
    arms = {ARM: train(job), PLAIN: train(job, 0.0, f"{PLAIN}: ")}
    earlier = network3.before(job, "ch6-conv2", BEFORE, lambda: conv2.train(job))
    config = network3.settings_of(job, maps=[20, 40], hidden=100, neuron="relu", learning_rate=RATE)
    config["lambda"] = {ARM: LAMBDA, PLAIN: 0.0}
    measured = {name: value for arm, tried in arms.items() for name, value in network3.figures(arm, tried).items()}
    curves = {BEFORE: earlier.curve.tolist()} | accuracy_curves({name: tried.fit for name, tried in arms.items()})
    return Outcome(
        config=config | {BEFORE: earlier.source},
        measured={"test_accuracy": arms[ARM].test, **measured}
        | {STEP: arms[ARM].test - earlier.test, HELP: arms[ARM].test - arms[PLAIN].test},
        curves={"validation_accuracy": curves},
        network=arms[ARM].fit.network,
        params=arms[ARM].params,
        kept=network3.kept(job, arms, config),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs; and the test accuracy of each seed beside the book's figure."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"Two convolutional layers, sigmoid and ReLU: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (97.5, 99.5)),
    )
    plots.arms(
        folder / "test.png",
        {arm: plots.percent(plots.per_seed(result, f"{arm}: test")) for arm in (ARM, PLAIN)},
        title=f"After the best validation epoch: {plots.about(result)}",
        xlabel="test accuracy (%)",
        reported=plots.if_comparable(result, {ARM: 100 * BOOK}),
    )


DID = "20 and 40 feature maps, 100 hidden neurons; ReLU, rate 0.03, lambda 0.1, 60 epochs"
PLACE = "chapter 6, using rectified linear units; conv.py"
EXPERIMENT = Experiment(
    name="ch6-relu",
    chapter="6",
    shows="two convolutional layers of rectified linear neurons, with a little L2 and without",
    minutes=5,
    book_scale=BookScale(seeds=5, minutes=42),
    metrics=("test_accuracy", *network3.names(ARM), *network3.names(PLAIN), STEP, HELP),
    rows=(
        Row(
            id="ch6-relu",
            did=DID,
            reported="99.23 % (test)",
            place=PLACE,
            metric=f"{ARM}: test",
            rule=network3.reported(BOOK, rival=conv2.BOOK),
            ours=network3.PROTOCOL,
        ),
        Row(
            id="ch6-relu",
            did=f"{DID}: after the 99.06 % of sigmoid neurons",
            reported="a modest improvement, and a real gain in all its experiments",
            place=PLACE,
            metric=STEP,
            rule=Claim("above", unit=POINTS),
            ours=network3.PAIRED,
        ),
        Row(
            id="ch6-relu",
            did=f"{DID}: tries lambda 0.1 and others",
            reported="some L2 helps a little",
            place=PLACE,
            metric=HELP,
            rule=Claim("above", unit=POINTS),
            ours=f"lambda 0.1 against 0; {network3.PAIRED}",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": f"ReLU makes {{{STEP}|points}} on test data after the best epoch; L2's part is {{{HELP}|points}}.",
        "test": "One dot for each network. The diamond is the book's figure.",
    },
)
UNJUDGED = {
    "test_accuracy": "the saved network's arm, judged by its other name",
    f"{PLAIN}: test": "the difference that lambda makes is judged",
    **network3.unjudged(ARM),
    **network3.unjudged(PLAIN),
}
