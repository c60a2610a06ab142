"""Can a hidden neuron do nothing? The identity neuron of chapter 5's problem, w2 sigma(w1 x + b), in float64."""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize

from experiments import plots
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Splits
from jnndl.neurons import sigmoid

W1 = tuple(float(w) for w in np.logspace(-2, 0.5, 26))
POWER, SHARE, LITERAL = (
    "power of w1 with which the error falls",
    "error over w1^2, at w1 = 0.01",
    "without a constant: the least possible error",
)


def outputs(w1: Any, b: Any, w2: Any, x: np.ndarray) -> np.ndarray:
    """w2 sigma(w1 x + b), by the library's neuron."""
    return np.asarray(w2 * sigmoid.forward(jnp.asarray(w1 * x + b)))


def error(w1: float) -> float:
    """How far an identity neuron is from x on [0, 1], at most, when the next neuron's bias takes its constant.

    With x = 1/2 + d, b = -w1/2 and w2 = 4/w1 Taylor's series is w2 sigma(w1 d) = 2/w1 + d - w1^2 d^3/12 + ...: x, a
    constant, and an error of w1^2/96 at the ends.
    """
    x = np.linspace(0, 1, 101)
    constant = 2 / w1 - 0.5
    return float(np.abs(outputs(w1, -w1 / 2, 4 / w1, x) - constant - x).max())


def least_error() -> float:
    """The least error of w2 sigma(w1 x + b) itself on [0, 1], over w1, b and w2, by search from several starts.

    Given w1 and b, the best w2 is found by search as well.
    """
    x = np.linspace(0, 1, 201)

    def worst(point: np.ndarray) -> float:
        shape = outputs(point[0], point[1], 1.0, x)
        found = optimize.minimize_scalar(lambda w2: np.abs(w2 * shape - x).max(), bracket=(0.5, 2.0))
        return float(found.fun)

    starts = [(w1, b) for w1 in (0.5, 2.0, 5.0) for b in (-4.0, -2.0, 0.0)]
    found = [optimize.minimize(worst, start, method="Nelder-Mead", options={"maxiter": 200}).fun for start in starts]
    return float(min(found))


def run(job: Job) -> Outcome:
    """The error against w1, with the constant taken off; and the least error without. Nothing is random."""
    with jax.enable_x64(True):
        errors = [error(w1) for w1 in W1]
        small = [w1 for w1 in W1 if w1 < 0.1]
        power = np.polyfit(np.log(small), np.log(errors[: len(small)]), 1)[0]
        literal = least_error()
    return Outcome(
        config={"w1": W1, "b": "-w1/2", "w2": "4/w1", "dtype": "float64"},
        measured={POWER: float(power), SHARE: errors[0] / W1[0] ** 2, LITERAL: literal},
        curves={"w1": W1, "error": errors},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the error against w1."""
    found = result["curves"]
    w1 = found["w1"]
    plots.powers(
        folder / "error.png",
        {"an identity neuron": (w1, found["error"]), "w1^2/96": (w1, [w**2 / 96 for w in w1])},
        title="How far w2 sigma(w1 x + b), less a constant, is from x on [0, 1]",
        xlabel="w1",
        ylabel="greatest error",
    )


PLACE = "chapter 5, problem: identity neuron"
EXPERIMENT = Experiment(
    name="ch5-identity-neuron",
    chapter="5",
    shows="a sigmoid neuron that passes its input on",
    minutes=0.1,
    metrics=(POWER, SHARE, LITERAL),
    rows=(
        Row(
            id="ch5-identity-neuron",
            did="problem: w1, b and w2 such that w2 sigma(w1 x + b) is about x on [0, 1]; hint: small w1",
            reported="implied: the error vanishes with w1, by Taylor's series as its square",
            place=PLACE,
            metric=POWER,
            rule=Toy(2, tolerance=0.01),
            ours="b = -w1/2, w2 = 4/w1, less the constant 2/w1 - 1/2, which the next neuron's bias takes; w1 from 0.01 "
            "to 0.1",
            anywhere=True,
        ),
        Row(
            id="ch5-identity-neuron",
            did="the same: the size of the error",
            reported="implied: w1^2/96, at both ends of [0, 1]",
            place=PLACE,
            metric=SHARE,
            rule=Toy(1 / 96, tolerance=1e-6),
            ours="at w1 = 0.01",
            anywhere=True,
        ),
        Row(
            id="ch5-identity-neuron",
            did="the same, to the letter: w2 sigma(w1 x + b) itself is about x, with no constant taken off",
            reported="asked to be shown",
            place=PLACE,
            metric=LITERAL,
            rule=Toy(0, tolerance=0.01),
            ours="the least greatest error over all w1, b and w2, by search; about x is within a hundredth",
            anywhere=True,
            why="By algebra: at x = 0 the output must be near 0 and cannot be, because sigma is above 0 and grows by "
            "at most e^(w1 x). With a small w1 it is nearly constant in proportion to itself, so it is x plus a large "
            f"constant. Whatever the weights, some x on [0, 1] is missed by {{{LITERAL}}}. With a bias in the next "
            "neuron, as every network here has one, the problem is solved by the rows above.",
        ),
    ),
    run=run,
    plot=plot,
    captions={"error": "The smaller w1, the better the neuron passes x on: the error falls as w1^2/96."},
)
