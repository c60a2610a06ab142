"""Does momentum speed up gradient descent? The same rate with and without it, and the exercises on mu."""

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
ARMS = {f"mu {mu or 0}": {"momentum": mu} for mu in (None, *MUS)}


def lead(mu: float) -> str:
    """The name of the difference in cost between a value of mu and plain descent."""
    return f"first cost: {minus(f'mu {mu}', 'mu 0')}"


COMPARED = Comparison(
    tuple(ARMS),
    {"first cost": lambda fit: fit.history.training_cost[:, 0], "validation, final": final},
    {lead(mu): (f"mu {mu}: first cost", "mu 0: first cost") for mu in MUS},
)
PLAIN, ABOVE, BELOW = "distance of mu = 0 from plain descent", "mu above 1: distance grows", "mu below 0 is slower"


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
    """Three values of mu at a small rate, from the same weights on the same shuffles."""
    network = job.mlp(30)
    settings: dict[str, Any] = {"epochs": EPOCHS, "learning_rate": RATE, "batch_size": 10}
    fits = train_arms(job, ARMS, job.splits.validation, network=network, **settings)
    measured = COMPARED.measure(fits)
    measured[PLAIN] = distance_from_plain(job, network)
    measured[ABOVE] = float(roll(1.1)[-1] > 1e3)
    # With mu below 0 each step takes back part of the last one, so after the same number of steps w is farther away.
    measured[BELOW] = float(roll(-0.5)[-1] > roll(0.0)[-1])
    return Outcome(
        config={"hidden": 30, "weights": "default", "cost": "cross_entropy", "mu": [0, *MUS]}
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
    shows="momentum 0, 0.5 and 0.9 at one rate; what mu above 1 and below 0 would do",
    minutes=0.4,
    metrics=("validation_accuracy", *COMPARED.names, PLAIN, ABOVE, BELOW),
    rows=(
        *(
            Row(
                id="ch3-momentum",
                did=f"problem: stochastic gradient descent with momentum, mu = {mu}",
                reported="no number: it is said to build up speed",
                place=PLACE,
                metric=lead(mu),
                rule=Claim("below"),
                ours="784-30-10, rate 0.025: the training cost after one epoch, paired by seed",
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
        Row(
            id="ch3-momentum",
            did="exercise: what would go wrong with mu > 1?",
            reported="asked",
            place=PLACE,
            metric=ABOVE,
            rule=Toy(1),
            ours="mu = 1.1 on the bowl C = w^2/2: speed is fed back with interest, and w runs away",
            anywhere=True,
        ),
        Row(
            id="ch3-momentum",
            did="exercise: what would go wrong with mu < 0?",
            reported="asked",
            place=PLACE,
            metric=BELOW,
            rule=Toy(1),
            ours="mu = -0.5 on the same bowl: each step takes back part of the last, and w is farther from the bottom",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
)
