"""Do more hidden layers help? One to four of them, paired by seed; one of them is chapter 3's network."""

import pathlib
from typing import Any

from experiments import plots
from experiments.ch3.initial_weights import EPOCHS, LAMBDA, RATE
from experiments.comparison import Comparison, accuracy_curves, best_epoch, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Equivalent, Number
from experiments.training import Job, unstack
from experiments.units import POINTS
from jnndl.data import Splits
from jnndl.network import Network
from jnndl.training import Fit

WIDTH = 30


def layers(depth: int) -> str:
    """The name of the arm with so many hidden layers."""
    return f"{depth} hidden layer" + ("s" if depth > 1 else "")


BOOK = {1: 0.9648, 2: 0.9690, 3: 0.9657, 4: 0.9653}
LAST, BEST = "final", "best epoch"
COMPARED = Comparison(
    tuple(map(layers, BOOK)),
    {LAST: final, BEST: best_epoch},
    {
        minus(layers(a), layers(b)): (f"{layers(a)}: {LAST}", f"{layers(b)}: {LAST}")
        for a, b in ((2, 1), (3, 2), (3, 1), (4, 3))
    },
)


def networks(job: Job) -> dict[str, Network]:
    """The network of each depth, the shallowest first; that one is ch3-initial-weights' with default weights."""
    return {layers(depth): job.mlp(*[WIDTH] * depth) for depth in BOOK}


def settings_of(job: Job) -> dict[str, Any]:
    """How all of them are trained: as ch3-initial-weights trains, so that those networks are not trained again."""
    settings: dict[str, Any] = {"epochs": EPOCHS, "learning_rate": RATE, "batch_size": 10, "l2": job.l2(LAMBDA)}
    return settings | {"measure_training": 0}


def train(job: Job) -> dict[str, Fit]:
    """Train all depths."""
    arms = {name: {"network": network} for name, network in networks(job).items()}
    return train_arms(job, arms, job.splits.validation, **settings_of(job))


def run(job: Job) -> Outcome:
    """One to four hidden layers of 30 neurons, on the same shuffles; validation data after each epoch."""
    fits = train(job)
    measured = COMPARED.measure(fits)
    deepest = layers(max(BOOK))
    return Outcome(
        config={"hidden": f"{WIDTH} in each of {min(BOOK)} to {max(BOOK)} layers", "weights": "default"}
        | {"cost": "cross_entropy", "evaluated on": "validation, after each epoch"}
        | settings_of(job)
        | {"epochs": job.epochs_of(EPOCHS)},
        measured={"validation_accuracy": measured[f"{deepest}: {LAST}"], **measured},
        curves={"validation_accuracy": accuracy_curves(fits)},
        network=fits[deepest].network,
        params=unstack(fits[deepest].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs; and the last epoch's, seed by seed, with the book's figures."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"{WIDTH} neurons in each hidden layer, rate 0.1, lambda 5.0: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (92, 97.5)),
    )
    plots.arms(
        folder / "last_epoch.png",
        {layers(depth): plots.percent(plots.per_seed(result, f"{layers(depth)}: {LAST}")) for depth in BOOK},
        title=f"After {EPOCHS} epochs: {plots.about(result)}",
        xlabel="validation accuracy (%)",
        reported=plots.if_comparable(result, {layers(depth): 100 * value for depth, value in BOOK.items()}),
    )
    plots.arms(
        folder / "differences.png",
        {name: plots.percent(plots.per_seed(result, name)) for name in COMPARED.differences},
        title=f"Difference after {EPOCHS} epochs, paired by seed: {plots.about(result)}",
        xlabel="validation accuracy (points)",
        zero=True,
    )


PLACE = "chapter 5, the vanishing gradient problem"
PAIRED = "the same, paired by seed: the shuffles are shared"
SAME = "almost the same is within 5 % of the errors, as in chapter 3"
STATISTIC = "the last epoch's accuracy; the book does not say which epoch it quotes"
# What each figure is to be told apart from: that of the step before, or what it fell from.
RIVALS = {2: BOOK[1], 3: BOOK[2], 4: BOOK[2]}


def number(depth: int) -> Row:
    """The row of one accuracy."""
    ours = STATISTIC
    if depth == 1:
        ours += "; these are the networks of ch3-initial-weights, whose figures were known before this rule was written"
    return Row(
        id=f"ch5-depth-{depth}",
        did=f"{'-'.join(map(str, (784, *[WIDTH] * depth, 10)))}, rate 0.1, lambda 5.0, 30 epochs",
        reported=f"{100 * BOOK[depth]:.2f} % (validation)",
        place=PLACE,
        metric=f"{layers(depth)}: {LAST}",
        rule=Number(BOOK[depth], rival=RIVALS.get(depth)),
        ours=ours,
    )


EXPERIMENT = Experiment(
    name="ch5-depth",
    chapter="5",
    shows="one to four hidden layers of 30 neurons with the same settings",
    minutes=3.5,
    metrics=("validation_accuracy", *COMPARED.names),
    rows=(
        *map(number, BOOK),
        Row(
            id="ch5-depth-2",
            did="a second hidden layer of 30 neurons",
            reported="a little more depth is helping",
            place=PLACE,
            metric=minus(layers(2), layers(1)),
            rule=Claim("above", unit=POINTS),
            ours=PAIRED,
        ),
        Row(
            id="ch5-depth-3",
            did="a third hidden layer of 30 neurons",
            reported="it does not help at all: the accuracy drops back",
            place=PLACE,
            metric=minus(layers(3), layers(2)),
            rule=Claim("below", unit=POINTS),
            ours=PAIRED,
        ),
        Row(
            id="ch5-depth-3",
            did="a third hidden layer of 30 neurons",
            reported="close to the shallow network",
            place=PLACE,
            metric=minus(layers(3), layers(1)),
            rule=Equivalent(0.05, errors=round(1 - BOOK[1], 4), unit=POINTS),
            ours=f"{PAIRED}; {SAME}",
        ),
        Row(
            id="ch5-depth-4",
            did="a fourth hidden layer of 30 neurons",
            reported="it drops again, by 0.04 points, probably not significantly",
            place=PLACE,
            metric=minus(layers(4), layers(3)),
            rule=Equivalent(0.05, errors=round(1 - BOOK[3], 4), unit=POINTS),
            ours=f"{PAIRED}; {SAME}",
            why=f"The spread over seeds grows with depth: {{{layers(3)}: {LAST}|%}} against {{{layers(4)}: {LAST}|%}}. "
            f"The worst of the deepest networks ends at {{{layers(4)}: {LAST}|%|least}}.",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "Deeper networks with the settings of a shallow one.",
        "last_epoch": "One dot for each network. The diamonds are the book's single runs.",
        "differences": "Each layer more, seed by seed: a second hidden layer makes "
        f"{{{minus(layers(2), layers(1))}|points}}, a third {{{minus(layers(3), layers(2))}|points}}, a fourth "
        f"{{{minus(layers(4), layers(3))}|points}}.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: four hidden layers, after the last epoch",
    **{f"{layers(depth)}: {BEST}": "the book does not say which epoch it quotes; the last is judged" for depth in BOOK},
}
