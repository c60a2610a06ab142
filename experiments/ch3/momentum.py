"""Does momentum speed up gradient descent, more than a larger rate does? And the exercises on mu."""

import pathlib
from typing import Any

import jax
import numpy as np

from experiments import plots
from experiments.comparison import Comparison, curve, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Toy
from experiments.training import Job, unstack
from jnndl.data import Splits
from jnndl.network import Network

RATE, MUS, EPOCHS = 0.025, (0.5, 0.9), 5


def arm_of(mu: float) -> str:
    """The name of the arm with a value of mu."""
    return f"mu {mu:g}"


def faster(mu: float) -> str:
    """The name of the arm without momentum at the rate eta/(1 - mu), whose steps are as long in the end.

    Where the gradient hardly changes, the velocity grows until v = mu v - eta nabla, so v = -eta/(1 - mu) nabla.
    """
    return f"rate {RATE / (1 - mu):g}"


ARMS: dict[str, dict[str, Any]] = {
    arm_of(0): {},
    **{arm_of(mu): {"momentum": mu} for mu in MUS},
    **{faster(mu): {"learning_rate": RATE / (1 - mu)} for mu in MUS},
}


def lead(mu: float, over: str) -> str:
    """The name of the difference in cost between a value of mu and an arm without momentum."""
    return minus(arm_of(mu), over, "first cost")


COMPARED = Comparison(
    tuple(ARMS),
    {"first cost": lambda fit: fit.history.training_cost[:, 0], "validation, final": final},
    {
        lead(mu, over): (f"{arm_of(mu)}: first cost", f"{over}: first cost")
        for mu in MUS
        for over in (arm_of(0), faster(mu))
    },
)
PLAIN = "distance of mu = 0 from plain descent"


def roll(mu: float, steps: int = 200, rate: float = 0.1) -> np.ndarray:
    """|w| on the bowl C = w^2/2 from w = 1, under v <- mu v - eta w, w <- w + v."""
    w, v, path = 1.0, 0.0, []
    for _ in range(steps):
        v = mu * v - rate * w
        w += v
        path.append(abs(w))
    return np.asarray(path)


def distance_from_plain(job: Job, network: Network) -> float:
    """The largest difference of a parameter between plain descent and an optimiser with mu = 0, after one epoch."""
    few: dict[str, Any] = {"training": job.training[:200], "epochs": 1, "learning_rate": RATE}
    plain, zero = (job.fit(network, None, title="one epoch: ", momentum=mu, **few).fit.params for mu in (None, 0.0))
    pairs = zip(jax.tree.leaves(plain), jax.tree.leaves(zero), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def run(job: Job) -> Outcome:
    """Three values of mu at a small rate, and larger rates without it, from the same weights on the same shuffles."""
    network = job.mlp(30)
    settings: dict[str, Any] = {"epochs": EPOCHS, "learning_rate": RATE, "batch_size": 10}
    fits = train_arms(job, ARMS, job.splits.validation, network=network, **settings)
    measured = COMPARED.measure(fits)
    measured[PLAIN] = distance_from_plain(job, network)
    return Outcome(
        config={"hidden": 30, "weights": "default", "cost": "cross_entropy", "arms": ARMS}
        | {"evaluated on": "validation, training cost"}
        | settings,
        measured={"validation_accuracy": measured["mu 0.9: validation, final"], **measured},
        curves={"training_cost": {name: curve(fit.history.training_cost) for name, fit in fits.items()}},
        network=network,
        params=unstack(fits["mu 0.9"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the training cost against epochs."""
    plots.curves(
        folder / "cost.png",
        result["curves"]["training_cost"],
        title=f"30 hidden neurons, rate {RATE}, with momentum: {plots.about(result)}",
        ylabel="training cost (nats)",
    )


PLACE = "chapter 3, variations on stochastic gradient descent"
EXPERIMENT = Experiment(
    name="ch3-momentum",
    chapter="3",
    shows="momentum 0, 0.5 and 0.9 at one rate, and plain descent at rates that are as fast",
    minutes=0.6,
    metrics=("validation_accuracy", *COMPARED.names, PLAIN),
    rows=(
        *(
            Row(
                id="ch3-momentum",
                did=f"problem: stochastic gradient descent with momentum, mu = {mu}",
                reported="no number: it is said to build up speed",
                place=PLACE,
                metric=lead(mu, faster(mu)),
                rule=Claim("below", unit="nats"),
                ours=f"784-30-10, rate 0.025: the training cost after one epoch, minus that of plain descent at "
                f"0.025/(1 - {mu}) = {RATE / (1 - mu):g}, whose steps are as long in the end; paired by seed",
            )
            for mu in MUS
        ),
        Row(
            id="ch3-momentum",
            did="mu = 0",
            reported="is plain gradient descent",
            place=PLACE,
            metric=PLAIN,
            rule=Toy(0, tolerance=1e-6),
            ours="one epoch on 200 images: the largest difference of a parameter",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "cost": "The higher the momentum, the faster the cost falls, at the same learning rate. Where the rate is "
        "raised as much instead, the cost falls as fast.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: mu 0.9, after its last epoch",
    **{f"{arm}: {name}": "the differences in cost are judged" for arm in ARMS for name in COMPARED.metrics},
    **{lead(mu, arm_of(0)): "at a rate that is too small any larger step is faster: it cannot fail" for mu in MUS},
}
