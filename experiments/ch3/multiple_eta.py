"""How does the training cost fall at three learning rates? And at one that is lowered near the end, as suggested."""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import optax

from experiments import plots
from experiments.comparison import Comparison, curve, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Number
from experiments.training import Job, unstack
from jnndl.data import Splits
from jnndl.training import Fit

RATES, DROP, FALLING = (0.025, 0.25, 2.5), 20, "0.25, then 0.025"
# The author's file: the training cost, penalty included, after the first epoch, the last, and where it is least.
BOOK = {0.025: [(0, 0.878), (29, 0.339)], 0.25: [(0, 0.495), (22, 0.320), (29, 0.339)],
        2.5: [(0, 0.925), (5, 1.137), (23, 0.725), (29, 0.861)]}  # fmt: skip


def cost_of(fit: Fit) -> Any:
    """The training cost with the penalty, shape (seeds, epochs)."""
    return fit.history.training_cost + fit.history.penalty


def rises(cost: np.ndarray) -> np.ndarray:
    """In how many epochs the cost rises, for each network."""
    found: np.ndarray = np.sum(np.diff(cost, axis=1) > 0, axis=1)
    return found


def late_fall(cost: np.ndarray) -> np.ndarray:
    """The share of the cost's fall after the first epoch that comes after epoch 20: of means over five epochs."""
    if cost.shape[1] < DROP + 5:
        return np.full(len(cost), np.nan)
    before, end = cost[:, DROP - 5 : DROP].mean(axis=1), cost[:, -5:].mean(axis=1)
    found: np.ndarray = (before - end) / (cost[:, 0] - end)
    return found


RISES = "epochs in which the cost rises"
LATE_FALL, LATE_RISES = "0.25: share of the fall after epoch 20", "0.25: epochs after 20 in which the cost rises"
LARGEST_RISE, WHOLE_FALL = "0.025: largest rise of the cost", "0.025: fall of the cost in all"
# What the book says of one rate: name -> the rate, and a function of the cost, which has shape (seeds, epochs).
OF_ONE: dict[str, tuple[float, Callable[[np.ndarray], np.ndarray]]] = {
    f"0.025: {RISES}": (0.025, rises),
    LARGEST_RISE: (0.025, lambda cost: np.diff(cost, axis=1).max(axis=1)),
    WHOLE_FALL: (0.025, lambda cost: cost[:, 0] - cost[:, -1]),
    LATE_FALL: (0.25, late_fall),
    LATE_RISES: (0.25, lambda cost: rises(cost[:, DROP:])),
    f"2.5: {RISES}": (2.5, rises),
}
LAST_OF_FALLING = f"last cost: {minus('falling', '0.25')}"
COMPARED = Comparison(
    (*map(str, RATES), FALLING),
    {
        "first cost": lambda fit: cost_of(fit)[:, 0],
        "last cost": lambda fit: cost_of(fit)[:, -1],
        "validation, final": final,
    },
    {
        LAST_OF_FALLING: (f"{FALLING}: last cost", "0.25: last cost"),
    },
)


def run(job: Job) -> Outcome:
    """Three constant rates, and 0.25 for 20 epochs before 0.025, from the same weights on the same shuffles."""
    network = job.mlp(30)
    settings: dict[str, Any] = {"epochs": 30, "batch_size": 10, "l2": job.l2(5.0)}
    arms: dict[str, dict[str, Any]] = {str(rate): {"learning_rate": rate} for rate in RATES}
    falling = optax.piecewise_constant_schedule(1.0, {DROP * -(-len(job.training) // 10): 0.1})
    arms[FALLING] = {"learning_rate": 0.25, "schedule": falling}
    titled = {name: arm | {"title": f"rate {name}: "} for name, arm in arms.items()}
    fits = train_arms(job, titled, job.splits.validation, network=network, **settings)
    measured = COMPARED.measure(fits)
    measured |= {name: of(np.asarray(cost_of(fits[str(rate)]))) for name, (rate, of) in OF_ONE.items()}
    return Outcome(
        config={"hidden": 30, "weights": "default", "cost": "cross_entropy", "rates": list(arms)}
        | {"falls after epoch": DROP, "evaluated on": "training (cost with penalty), validation"}
        | settings,
        measured={"validation_accuracy": measured["0.25: validation, final"], **measured},
        curves={"training_cost": {name: curve(cost_of(fit)) for name, fit in fits.items()}},
        network=network,
        params=unstack(fits["0.25"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the training cost against epochs with the author's numbers."""
    plots.curves(
        folder / "cost.png",
        {f"rate {name}": values for name, values in result["curves"]["training_cost"].items()},
        title=f"30 hidden neurons, lambda 5.0: {plots.about(result)}",
        ylabel="training cost with penalty (nats)",
        points=plots.if_comparable(result, {f"book, rate {rate}": marks for rate, marks in BOOK.items()}),
    )


PLACE, DID = "chapter 3, how to choose hyper-parameters; multiple_eta.json", "784-30-10, lambda 5.0, rate {}, 30 epochs"
WIDTH = 0.1  # of the cost: a wider interval confirms nothing
NARROW = "the same; an interval of a tenth of the cost counts as narrow"
EXPERIMENT = Experiment(
    name="ch3-multiple-eta",
    chapter="3",
    shows="the training cost at the rates 0.025, 0.25 and 2.5; and at one that falls",
    minutes=3,
    metrics=("validation_accuracy", *COMPARED.names, *OF_ONE),
    rows=(
        *(
            Row(
                id="ch3-multiple-eta",
                did=DID.format(rate),
                reported=f"{which} training cost {value}",
                place=PLACE,
                metric=f"{rate}: {which} cost",
                rule=Number(value, narrow=WIDTH * value, unit="nats", bounds=(0, np.inf)),
                ours=NARROW,
            )
            for rate, which, value in (
                (0.025, "first", 0.878),
                (0.025, "last", 0.339),
                (0.25, "first", 0.495),
                (0.25, "last", 0.339),
                (2.5, "first", 0.925),
                (2.5, "last", 0.861),
            )
        ),
        Row(
            id="ch3-multiple-eta",
            did=DID.format(0.025),
            reported="the cost falls smoothly",
            place=PLACE,
            metric=f"0.025: {RISES}",
            rule=Claim("below", 1, unit="epochs", bounds=(0, 29)),
            ours="the same: the cost rises in less than one of 29 epochs",
            why="The rises are the noise of mini-batches where the cost is nearly flat: the largest rise of any seed "
            f"is {{{LARGEST_RISE}|nats|greatest}}, where the cost falls by {{{WHOLE_FALL}|nats|at}} in all.",
        ),
        Row(
            id="ch3-multiple-eta",
            did=DID.format(0.25),
            reported="the cost falls until about epoch 20 and is near saturation then",
            place=PLACE,
            metric=LATE_FALL,
            rule=Claim("below", 0.05, unit="of the fall"),
            ours="the mean of epochs 15 to 19 minus that of the last five, over the fall from the first epoch to the "
            "last five; near saturation is below 0.05",
        ),
        Row(
            id="ch3-multiple-eta",
            did=DID.format(0.25),
            reported="after that it jitters",
            place=PLACE,
            metric=LATE_RISES,
            rule=Claim("above", 9 / 4, unit="epochs", bounds=(0, 9)),
            ours="the same: of the last 9 changes more than a quarter go up",
        ),
        Row(
            id="ch3-multiple-eta",
            did=DID.format(2.5),
            reported="the cost oscillates from the start",
            place=PLACE,
            metric=f"2.5: {RISES}",
            rule=Claim("above", 29 / 4, unit="epochs", bounds=(0, 29)),
            ours="the same: of 29 changes more than a quarter go up",
        ),
        Row(
            id="ch3-multiple-eta",
            did="suggests rate 0.25 for 20 epochs, then 0.025",
            reported="better than 0.25 throughout",
            place="chapter 3, how to choose hyper-parameters",
            metric=LAST_OF_FALLING,
            rule=Claim("below", unit="nats"),
            ours="the last training cost, paired by seed",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "cost": "The highest rate makes the cost jump. The lowest falls smoothly, but slowly.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: 0.25, after its last epoch",
    **{f"{arm}: validation, final": "the question is about the training cost" for arm in COMPARED.arms},
    f"{FALLING}: first cost": "is that of rate 0.25",
    f"{FALLING}: last cost": "the difference to rate 0.25 is judged",
    **dict.fromkeys((LARGEST_RISE, WHOLE_FALL), "explains the rises at rate 0.025"),
}
