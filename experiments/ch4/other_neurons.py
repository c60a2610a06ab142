"""Does it have to be the sigmoid? Any neuron with two different limits makes steps."""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments import plots
from experiments.ch4.challenge import WON, X, best_heights
from experiments.ch4.constructions import bumps, cells, goal_logit, one_neuron, power, side_by_side
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn, Rule, Toy
from experiments.training import Job
from jnndl.data import Splits
from jnndl.neurons import Neuron, tanh

POINTS = 200_000
STEEP = (100.0, 200.0, 500.0, 1000.0)
RAMP = ((6.0, -3.0), (20.0, -10.0), (100.0, -50.0))


def _wavy(z: jax.Array) -> jax.Array:
    return jax.nn.sigmoid(z) + 0.2 * jnp.sin(10 * z) * jnp.exp(-jnp.abs(z))


def _wavy_backward(z: jax.Array, grad_a: jax.Array) -> jax.Array:
    waves = 0.2 * jnp.exp(-jnp.abs(z)) * (10 * jnp.cos(10 * z) - jnp.sign(z) * jnp.sin(10 * z))
    return grad_a * (jax.nn.sigmoid(z) * jax.nn.sigmoid(-z) + waves)


def _bell(z: jax.Array) -> jax.Array:
    return jnp.exp(-jnp.square(z))


def _bell_backward(z: jax.Array, grad_a: jax.Array) -> jax.Array:
    return grad_a * -2 * z * _bell(z)


wavy = Neuron("wavy", _wavy, _wavy_backward)  # the book's example
bell = Neuron("bell", _bell, _bell_backward)  # 0 far on either side: no step
RISES = {wavy: 1.0, tanh: 2.0}  # from one limit to the other
SLOPE, FLAT = "wavy: distance from a perfect step: power of w", "equal limits: height of a bump"


def won(neuron: Neuron) -> str:
    """The name of a neuron's score."""
    return f"{neuron.name}: score of the challenge"


def distance(w: float) -> float:
    """The mean distance of a wavy neuron with its step at 0.5 from a perfect step, on [0, 1]."""
    x = cells(POINTS)
    return float(np.abs(one_neuron(w, -w / 2, wavy).output(x) - (x > 0.5)).mean())


def run(job: Job) -> Outcome:
    """Make steps of other neurons, and meet the challenge with them."""
    z, x = np.arange(-300, 301) / 100, cells(1000)
    built = {neuron: bumps(side_by_side(5), best_heights(), hidden=neuron, rise=rise) for neuron, rise in RISES.items()}
    flat = bumps([(0.4, 0.6)], [1.0], hidden=bell)
    distances = [distance(w) for w in STEEP]
    return Outcome(
        config={"w": 1000, "heights": curve(best_heights()), "precision": "float64"},
        measured={
            "pictures": 2,
            SLOPE: power(STEEP, distances),
            **{won(neuron): np.abs(one.weighted(X) - goal_logit(X)).mean() for neuron, one in built.items()},
            FLAT: flat.weighted(np.array([0.5]))[0],
        },
        curves={
            "z": curve(z),
            "shape": {name: curve(one_neuron(1, 0, n).output(z)) for name, n in (("s(z)", wavy), ("bell", bell))},
            "x": curve(x),
            "ramping": {f"w = {w:g}, b = {b:g}": curve(one_neuron(w, b, wavy).output(x)) for w, b in RAMP},
            "challenge": {"sigma^-1 of f": curve(goal_logit(x))}
            | {f"{neuron.name} neurons": curve(one.weighted(x)) for neuron, one in built.items()},
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the neuron, its steps, and the challenge met by it."""
    found = result["curves"]
    for name, title, x, xlabel, ylabel in (
        ("shape", "The book's other neuron, and one with equal limits", "z", "weighted input z", "activation"),
        ("ramping", "The book's other neuron becomes a step, too", "x", "x", "output"),
        ("challenge", "The challenge, met by other neurons", "x", "x", "weighted output"),
    ):
        plots.curves(
            folder / f"{name}.png",
            found[name],
            x=found[x],
            title=title,
            xlabel=xlabel,
            ylabel=ylabel,
            xlim=(-3, 3) if x == "z" else (0, 1),
        )


def _row(did: str, reported: str, metric: str, rule: Rule, ours: str) -> Row:
    return Row(
        id="ch4-other-activation",
        did=did,
        reported=reported,
        place="chapter 4, extension beyond sigmoid neurons",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
    )


SAYS = "says that all the tricks work for any s(z) with different limits"
EXPERIMENT = Experiment(
    name="ch4-other-neurons",
    chapter="4",
    shows="steps and the challenge with other neurons than the sigmoid",
    minutes=0.1,
    metrics=("pictures", SLOPE, *map(won, RISES), FLAT),
    rows=(
        _row(
            "draws s(z) = sigma(z) + 0.2 sin(10 z) exp(-|z|), and its steps from w = 6, b = -3 on",
            "pictures",
            "pictures",
            Drawn(unit="pictures"),
            "the same, at w = 6, 20 and 100",
        ),
        _row(
            "raises the weight",
            "a very good approximation to a step; no number",
            SLOPE,
            Toy(-1, tolerance=0.001),
            "w from 100 to 1000, step at 0.5: the slope of the mean distance from a perfect step in a log-log plot; by "
            "algebra it is as 1/w",
        ),
        *(
            _row(
                SAYS,
                "no number",
                won(neuron),
                WON,
                f"the challenge by ten {neuron.name} neurons, w = 1000: the rule is 0 to 0.40, as for the sigmoid",
            )
            for neuron in RISES
        ),
        _row(
            "says that without two different limits there is no step",
            "a flat graph",
            FLAT,
            Toy(0, tolerance=1e-9),
            "exp(-z^2), w = 1000: the weighted output in the middle of what would be a bump of height 1",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "shape": "The wavy neuron is no good sigmoid, but far away it is 0 on the left and 1 on the right. That is all "
        "it takes. The bell is 0 on both sides.",
        "ramping": "A large weight squeezes all the waves into a narrow window.",
        "challenge": "With wavy neurons the average deviation is {wavy: score of the challenge}, with tanh neurons "
        "{tanh: score of the challenge}; 0.40 is asked for.",
    },
)
