"""What about functions with several outputs? A network for each, side by side."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch4.constructions import Built, Function, cells, glued, lookup, power, tower
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Splits
from jnndl.neurons import linear, sigmoid

POINTS = 1000
BUMPS, SHOWN = (10, 20, 40, 80, 160), (10, 40)
LEFT, RIGHT = ((0.1, 0.4), (0.2, 0.6), (0.3, 0.9)), ((0.5, 0.8), (0.1, 0.7), (0.2, 0.5))
APART, POWER = "glued minus apart", "heart: power of the bumps"


def heart(t: np.ndarray) -> np.ndarray:
    """A closed curve, shape (n, 2), for t from 0 to 1."""
    angle = 2 * np.pi * t
    x = 16 * np.sin(angle) ** 3
    y = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
    return np.stack([x, y], axis=1) / 20


def drawn_by(bumps: int) -> Built:
    """One input and two outputs: a table for x and a table for y."""
    functions: tuple[Function, ...] = (lambda t: heart(t)[:, 0], lambda t: heart(t)[:, 1])
    return glued([lookup(function, bumps, weight=1000.0 * bumps) for function in functions], linear)


def glue_error(seed: int) -> float:
    """Three inputs and two outputs, as the book draws: how far the glued network is from its parts at random points."""
    parts = [tower(LEFT, 10.0), tower(RIGHT, 20.0)]
    x = np.random.default_rng(seed).random((POINTS, 3))
    return float(np.abs(glued(parts, sigmoid).output(x) - np.stack([one.output(x) for one in parts], axis=1)).max())


def run(job: Job) -> Outcome:
    """Glue networks together, and draw a curve by two outputs."""
    t = cells(4000)
    away = [np.linalg.norm(drawn_by(bumps).weighted(t) - heart(t), axis=1).mean() for bumps in BUMPS]
    return Outcome(
        config={"glued": "two towers of three inputs", "points": POINTS, "bumps": BUMPS, "precision": "float64"},
        measured={APART: [glue_error(seed) for seed in range(job.seeds)], POWER: power(BUMPS, away)},
        curves={"heart": curve(heart(t[::10]))}
        | {f"{bumps} bumps": curve(drawn_by(bumps).weighted(cells(400))) for bumps in SHOWN},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the curve that the two outputs follow."""
    new, axes = plots.blank(5, 4.6)
    for (label, values), (colour, dash) in zip(result["curves"].items(), plots.STYLES, strict=False):
        axes.plot(*np.transpose(values), color=colour, linestyle=dash, label=label)
    axes.set_aspect("equal")
    axes.set(xlabel="first output", ylabel="second output")
    plots.heading(axes, "A network with one input and two outputs draws a heart")
    plots.legend(axes)
    plots.save(new, folder / "heart.png")


def _row(did: str, metric: str, rule: Toy, ours: str) -> Row:
    return Row(
        id="ch4-vector-output",
        did=did,
        reported="easy: a network for each output",
        place="chapter 4, many input variables",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
    )


EXPERIMENT = Experiment(
    name="ch4-vector-output",
    chapter="4",
    shows="networks with one output each, glued together into one with several",
    minutes=0.1,
    metrics=(APART, POWER),
    rows=(
        _row(
            "glues networks together to get several outputs",
            APART,
            Toy(0, tolerance=1e-12),
            "towers of three inputs as one network of two outputs: the largest distance from the two apart, at 1,000 "
            "random points for each seed",
        ),
        _row(
            "glues networks together to get several outputs",
            POWER,
            Toy(-1, tolerance=0.05),
            "one input, two outputs that draw a heart by 10 to 160 bumps each: the slope of the mean distance in a "
            "log-log plot; by algebra it is as 1/N",
        ),
    ),
    run=run,
    plot=plot,
    captions={"heart": "Each output follows its own function, so that two of them can draw. More bumps draw better."},
)
