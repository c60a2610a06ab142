"""Does momentum speed up gradient descent? The same rate with and without it, and the exercises on mu."""

import pathlib
from typing import Any

import jax
import numpy as np

from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each
from experiments.statistics import Claim, Toy
from jnndl.data import Splits

RATE, MUS, EPOCHS = 0.025, (0.5, 0.9), 5


def roll(mu: float, steps: int = 200, rate: float = 0.1) -> np.ndarray:
    """|w| on the bowl C = w^2/2 from w = 1, under v <- mu v - eta w, w <- w + v."""
    w, v, path = 1.0, 0.0, []
    for _ in range(steps):
        v = mu * v - rate * w
        w += v
        path.append(abs(w))
    return np.asarray(path)


def run(job: Job) -> Outcome:
    """Three values of mu at a small rate, from the same weights on the same shuffles."""
    network = job.mlp(30)
    settings: dict[str, Any] = {"epochs": EPOCHS, "learning_rate": RATE, "batch_size": 10}
    measured: dict[str, Any] = {}
    cost, params = {}, {}
    for mu in (None, *MUS):
        name = f"mu {mu or 0}"
        fit, _ = job.fit(network, job.splits.validation, title=f"{name}: ", momentum=mu, **settings)
        params[name], cost[name] = fit.params, fit.history.training_cost
        measured[f"{name}: first cost"] = cost[name][:, 0]
        measured[f"{name}: validation, final"] = fit.history.evaluation_accuracy[:, -1]
    for mu in MUS:
        measured[f"first cost: mu {mu} minus mu 0"] = measured[f"mu {mu}: first cost"] - measured["mu 0: first cost"]
    # mu = 0 through the optimiser's momentum is plain descent.
    few: dict[str, Any] = {"training": job.training[:200], "epochs": 1, "learning_rate": RATE}
    plain, zero = (job.fit(network, None, title="an epoch: ", momentum=mu, **few)[0].params for mu in (None, 0.0))
    pairs = zip(jax.tree.leaves(plain), jax.tree.leaves(zero), strict=True)
    measured["distance of mu = 0 from plain descent"] = max(float(np.abs(a - b).max()) for a, b in pairs)
    measured["mu above 1: distance grows"] = float(roll(1.1)[-1] > 1e3)
    # Below 0 each step takes back part of the last: after so many steps it is farther from the bottom.
    measured["mu below 0 is slower"] = float(roll(-0.5)[-1] > roll(0.0)[-1])
    return Outcome(
        config={"hidden": 30, "weights": "default", "cost": "cross_entropy", "mu": [0, *MUS]}
        | {"evaluated on": "validation, training cost"}
        | settings,
        measured={"validation_accuracy": measured["mu 0.9: validation, final"], **measured},
        curves={"training_cost": {name: curve(values) for name, values in cost.items()}},
        network=network,
        params=each(params["mu 0.9"])[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the training cost against epochs."""
    plots.curves(
        folder / "cost.png",
        result["curves"]["training_cost"],
        title=f"30 hidden neurons, rate {RATE}, with momentum: {result['data']['name']}, {len(result['seeds'])} seeds",
        ylabel="training cost (nats)",
    )


PLACE = "chapter 3, variations on stochastic gradient descent"
EXPERIMENT = Experiment(
    name="ch3-momentum",
    chapter="3",
    shows="momentum 0, 0.5 and 0.9 at one rate; what mu above 1 and below 0 would do",
    minutes=0.4,
    rows=(
        *(
            Row(
                "ch3-momentum",
                f"problem: stochastic gradient descent with momentum, mu = {mu}",
                "no figure: it is said to build up speed",
                PLACE,
                f"first cost: mu {mu} minus mu 0",
                Claim("below"),
                "784-30-10, rate 0.025: the training cost after one epoch, paired by seed",
            )
            for mu in MUS
        ),
        Row(
            "ch3-momentum",
            "mu = 0",
            "is plain gradient descent",
            PLACE,
            "distance of mu = 0 from plain descent",
            Toy(0, tolerance=1e-6),
            "an epoch on 200 images: the largest difference of a parameter",
            anywhere=True,
        ),
        Row(
            "ch3-momentum",
            "exercise: what would go wrong with mu > 1?",
            "asked",
            PLACE,
            "mu above 1: distance grows",
            Toy(1),
            "mu = 1.1 on the bowl C = w^2/2: speed is fed back with interest, and w runs away",
            anywhere=True,
        ),
        Row(
            "ch3-momentum",
            "exercise: what would go wrong with mu < 0?",
            "asked",
            PLACE,
            "mu below 0 is slower",
            Toy(1),
            "mu = -0.5 on the same bowl: each step takes back part of the last, and w is farther from the bottom",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
)
