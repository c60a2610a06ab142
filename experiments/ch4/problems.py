"""Is one hidden layer enough, do rectified linear neurons do, and linear ones? The problems of chapter 4."""

import functools
import itertools
import pathlib
from typing import Any

import numpy as np
from scipy.special import dawsn

import jnndl
from experiments import plots
from experiments.ch4.constructions import Built, Function, affine, build, cells, goal, mesh, power
from experiments.ch4.surfaces import grid, surfaces
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job, unstack
from jnndl.data import Dataset, Splits
from jnndl.neurons import linear, relu

POINTS, EXAMPLES, EPOCHS = 20_000, 500, 300
PARTS = (80, 160, 320, 640)
SIDE, CENTRE = 60, (0.5, 0.5)
WIDTH, DIRECTIONS, STEPS, STEEP = 0.12, 40, 100, 5000.0
REACH = 0.75  # from the centre, a little further than the corners of [0, 1]^2

POWER, TIMES = "relu: power of the parts", "relu: parts squared times the mean error"
BENT, TRAINED, ROUND = "linear: distance from a straight line", "linear, trained: error", "one hidden layer: off by"


def polygon(function: Function, parts: int) -> Built:
    """Rectified linear neurons that join the function's values at equal distances by straight lines.

    Each neuron starts at one of these points, and its output weight is by how much the slope changes there.
    """
    knots = np.arange(parts + 1) / parts
    values = function(knots)
    bends = np.diff(np.diff(values) * parts, prepend=0.0)
    starts = knots[:-1]
    layers = affine(np.ones((parts, 1)), -starts), affine(bends[None], values[:1])
    return build(*layers, hidden=relu)


def curvature() -> float:
    """The integral of |f''| over [0, 1], from the second derivative by hand."""
    x = cells(1_000_000)
    second = 0.8 + 9 * np.cos(15 * x) - 67.5 * x * np.sin(15 * x) - 125 * np.cos(50 * x)
    return float(np.abs(second).mean())


def profile(t: np.ndarray) -> np.ndarray:
    """What waves of all directions have to look like to add up to exp(-r^2/2) around a point, with D Dawson's integral.

    The mean of g(r cos phi) over all phi is exp(-r^2/2) for g(t) = 1 - sqrt(2) t D(t/sqrt(2)): both have the same power
    series, as the mean of cos^(2k) is (2k)!/(4^k k!^2).
    """
    found: np.ndarray = 1 - np.sqrt(2) * t * dawsn(t / np.sqrt(2))
    return found


@functools.cache
def round_tower() -> Built:
    """A round tower with a single hidden layer: 100 steps in each of 40 directions, which rise and fall as ``profile``.

    A neuron with the weights w (cos phi, sin phi) is a step in the direction phi, part (a) of the problem.
    """
    angles = np.pi * cells(DIRECTIONS)
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    levels = profile(np.linspace(-REACH, REACH, STEPS + 1) / WIDTH)
    at = cells(STEPS, -REACH, REACH)  # half-way from one level to the next
    weight = np.repeat(STEEP * ways, STEPS, axis=0)
    bias = -STEEP * np.tile(at, DIRECTIONS) - weight @ np.array(CENTRE)
    out = np.tile(np.diff(levels), DIRECTIONS) / DIRECTIONS
    return build(affine(weight, bias), affine(out[None], levels[:1]))


def plain_sum() -> Built:
    """Bumps of one height in 40 directions through a point: a tower, but on a skirt that never ends."""
    angles = np.pi * cells(DIRECTIONS)
    weight = np.repeat(STEEP * np.stack([np.cos(angles), np.sin(angles)], axis=1), 2, axis=0)
    bias = -STEEP * np.tile([-WIDTH, WIDTH], DIRECTIONS) - weight @ np.array(CENTRE)
    return build(affine(weight, bias), affine([[1 / DIRECTIONS, -1 / DIRECTIONS] * DIRECTIONS], [0]))


def bound() -> float:
    """By how much the round tower can be off at most: half of the largest change from one level to the next."""
    levels = profile(np.linspace(-REACH, REACH, STEPS + 1) / WIDTH)
    return float(np.abs(np.diff(levels)).max() / 2)


def bent(seed: int) -> float:
    """How far a random network of linear neurons, 1-20-20-1, is from the line through its ends."""
    rng = np.random.default_rng(seed)
    sizes = (1, 20, 20, 1)
    layers = [affine(rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in itertools.pairwise(sizes)]
    x = np.linspace(0, 1, 101)
    a = build(*layers, hidden=linear).weighted(x)
    return float(np.abs(a - (a[0] + (a[-1] - a[0]) * x)).max() / np.abs(a).max())


def train_linear(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Networks of linear neurons, 1-20-1, trained on f.

    Returns:
        Their root mean square error over that of the best straight line, one per seed; and the first one's output at
        the examples.
    """
    x = cells(EXAMPLES)
    best = np.sqrt(np.mean((np.polyval(np.polyfit(x, goal(x), 1), x) - goal(x)) ** 2))
    network = jnndl.mlp([1, 20, 1], hidden="linear", output="linear")
    data = Dataset((4 * (x - 0.5))[:, None].astype(np.float32), goal(x)[:, None].astype(np.float32))
    settings: dict[str, Any] = {"cost": "quadratic", "batch_size": EXAMPLES, "learning_rate": 0.01}
    fit = job.fit(network, None, training=data, epochs=EPOCHS, title="linear neurons: ", **settings).fit
    outputs = [Built(network, params).weighted(4 * (x - 0.5)) for params in unstack(fit.params)]
    return np.array([np.sqrt(np.mean((a - goal(x)) ** 2)) for a in outputs]) / best, outputs[0]


def run(job: Job) -> Outcome:
    """Build what the problems ask for."""
    x = cells(POINTS)
    errors = [np.abs(polygon(goal, parts).weighted(x) - goal(x)).mean() for parts in PARTS]
    points = mesh(SIDE)
    wanted = np.exp(-np.sum((points - np.array(CENTRE)) ** 2, axis=1) / (2 * WIDTH**2))
    tower = round_tower().weighted(points)
    slanted = build(affine([[40, 30]], [-35]), output=jnndl.neurons.sigmoid)
    excess, line = train_linear(job)
    few = cells(EXAMPLES)
    return Outcome(
        config={"relu": f"w = 1, {PARTS} parts", "one hidden layer": f"{DIRECTIONS} directions, {STEPS} steps each"}
        | {"linear": f"1-20-1, {EXAMPLES} points, {EPOCHS} epochs of full-batch descent at 0.01"},
        measured={
            POWER: power(PARTS, errors),
            TIMES: PARTS[-1] ** 2 * errors[-1],
            BENT: [bent(seed) for seed in range(job.seeds)],
            TRAINED: excess,
            ROUND: np.abs(tower - wanted).max(),
        },
        curves={
            "errors": errors,
            "x": curve(few),
            "lines": {
                "f": curve(goal(few)),
                "20 rectified linear neurons": curve(polygon(goal, 20).weighted(few)),
                "linear neurons, trained": curve(line),
            },
            "one layer": {
                "a step in a slanted direction": curve(grid(slanted.output(points))),
                "bumps of one height, 40 directions": curve(grid(plain_sum().weighted(points))),
                "bumps of chosen heights": curve(grid(tower)),
            },
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw f by rectified linear and by linear neurons, the error of the former, and the round tower."""
    found = result["curves"]
    plots.curves(
        folder / "lines.png",
        found["lines"],
        x=found["x"],
        title="Chapter 4's function by other neurons",
        xlabel="x",
        ylabel="f(x)",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    plots.powers(
        folder / "relu.png",
        {
            "rectified linear neurons": (PARTS, found["errors"]),
            "by algebra": (PARTS, [curvature() / (12 * parts**2) for parts in PARTS]),
        },
        title="Straight lines between points of f",
        xlabel="neurons",
        ylabel="mean distance from f",
        markers=True,
    )
    surfaces(folder / "one_layer.png", found["one layer"], title="Two inputs and a single hidden layer, from above")


def _row(did: str, reported: str, metric: str, rule: Toy, ours: str, *, anywhere: bool = True) -> Row:
    return Row(
        id="ch4-problems",
        did=did,
        reported=reported,
        place="chapter 4, problems",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=anywhere,
    )


RELU, LINEAR = "asks for a proof that rectified linear neurons are universal", "asks why linear neurons are not"
EXPERIMENT = Experiment(
    name="ch4-problems",
    chapter="4",
    shows="rectified linear neurons, linear neurons, and a single hidden layer with two inputs",
    minutes=0.1,
    metrics=(POWER, TIMES, BENT, TRAINED, ROUND),
    rows=(
        _row(
            RELU,
            "they are",
            POWER,
            Toy(-2, tolerance=0.05),
            "n neurons join points of f by straight lines, 80 to 640 of them: the slope of the mean error in a log-log "
            "plot; by algebra it is as 1/n^2",
        ),
        _row(
            RELU,
            "no number",
            TIMES,
            Toy(6.76131, tolerance=0.135),
            "640 neurons; by algebra a twelfth of the integral of |f''|",
        ),
        _row(
            LINEAR,
            "they cannot compute any function",
            BENT,
            Toy(0, tolerance=1e-12),
            "a random 1-20-20-1 for each seed: its largest distance from a straight line, relative to its values",
        ),
        _row(
            LINEAR,
            "no number",
            TRAINED,
            Toy(1, tolerance=0.001),
            "1-20-1 trained on f by the quadratic cost: its error over that of the best straight line",
            anywhere=False,
        ),
        _row(
            "asks for a proof with a single hidden layer, by round towers from steps in all directions",
            "it is possible",
            ROUND,
            Toy(0, tolerance=0.0646),
            "exp(-r^2/2s^2) with s = 0.12 by 40 directions of 100 steps, the heights from Dawson's integral: the "
            "largest distance on a mesh of 60 x 60; by algebra at most half of the largest step",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "lines": "Twenty rectified linear neurons follow f by straight lines. Twenty linear neurons are one straight "
        "line, whatever is trained.",
        "relu": "Straight pieces follow f better than stairs do: twice as many neurons, a quarter of the error, as "
        "algebra says: both lines coincide.",
        "one_layer": "One neuron is a step in any direction. Bumps in all directions through a point make a tower with "
        "a skirt; with heights that go below zero the skirt cancels, and a round tower stands alone, made by "
        "one hidden layer.",
    },
)
