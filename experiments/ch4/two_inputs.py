"""What do steps and bumps look like with two inputs? Walls, ridges, and a tower on a plateau."""

import pathlib
from typing import Any

import numpy as np

from experiments.ch4.constructions import Built, affine, build, mesh, step_layer, xy_bump
from experiments.ch4.surfaces import grid, surfaces
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Splits
from jnndl.neurons import linear, sigmoid

SIDE = 50  # squares along an axis, as in the book's surfaces
BUMP, H = (0.3, 0.7), 0.6
BOX, LOW_H = ((0.4, 0.6), (0.3, 0.7)), 0.3
EDGE = 0.015  # what is nearer to a step is not asked
SPREAD, WHERE, STEPS = "w2 = 0: change with y", "w1 = 8, b = -5: step in x", "steps in x and in y: off by"
X_BUMP, Y_BUMP = "bump in x: off by", "bump in y: distance from the one in x, turned"
CORNER, PLATEAU, CENTRE = "xy-bump: corner", "xy-bump: plateau", "xy-bump: centre"


def neuron(w1: float, w2: float, b: float) -> Built:
    """A single neuron with two inputs."""
    return build(affine([[w1, w2]], [b]), output=sigmoid)


def ridge(axis: int) -> Built:
    """A bump along one of two inputs."""
    layer = step_layer(BUMP, 1000.0, (axis,), 2)
    return build(layer, affine([[H, -H]], [0]))


def crossing(built: Built) -> float:
    """Where on the line y = 1/2 the output passes 1/2, between points of distance 0.001."""
    x = np.arange(1001) / 1000
    a = built.output(np.stack([x, np.full_like(x, 0.5)], axis=1))
    return float(x[np.argmin(np.abs(a - 0.5))])


def run(job: Job) -> Outcome:
    """Build each network, and look at its plateaus."""
    points = mesh(SIDE)
    x, y = points.T
    gentle, steep = neuron(8, 0, -5), {"x": neuron(1000, 0, -500), "y": neuron(0, 1000, -500)}
    off = [np.abs(built.output(points) - (at > 0.5)).max() for built, at in zip(steep.values(), (x, y), strict=True)]
    ridges = [grid(ridge(axis).weighted(points)) for axis in (0, 1)]
    wanted = np.where((x > BUMP[0]) & (x < BUMP[1]), H, 0.0)
    away = np.min(np.abs(x[:, None] - np.array([BUMP])), axis=1) > EDGE
    low = xy_bump(BOX, LOW_H, output=linear)
    corner, plateau, centre = low.weighted(np.array([[0.2, 0.2], [0.5, 0.1], [0.5, 0.5]]))
    return Outcome(
        config={"mesh": f"{SIDE} x {SIDE}", "precision": "float64"},
        measured={
            SPREAD: np.ptp(grid(gentle.output(points)), axis=0).max(),
            WHERE: crossing(gentle),
            STEPS: max(off),
            X_BUMP: np.abs(ridges[0].ravel() - wanted)[away].max(),
            Y_BUMP: np.abs(ridges[1] - ridges[0].T).max(),
            CORNER: corner,
            PLATEAU: plateau,
            CENTRE: centre,
        },
        curves={
            "steps": {
                "w1 = 8, w2 = 0, b = -5": curve(grid(gentle.output(points))),
                "w1 = 100, b = -50": curve(grid(neuron(100, 0, -50).output(points))),
                "w2 = 1000, b = -500": curve(grid(steep["y"].output(points))),
            },
            "bumps": {
                "bump in x, h = 0.6": curve(ridges[0]),
                "bump in y, h = 0.6": curve(ridges[1]),
                "both, h = 0.3": curve(grid(low.weighted(points))),
            },
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw steps and bumps as seen from above."""
    found = result["curves"]
    surfaces(folder / "steps.png", found["steps"], title="One neuron with two inputs: its output, seen from above")
    surfaces(folder / "bumps.png", found["bumps"], title="Bumps with two inputs: the weighted output, seen from above")


def _row(entry: str, did: str, reported: str, metric: str, rule: Toy, ours: str = "the same") -> Row:
    return Row(
        id=entry,
        did=did,
        reported=reported,
        place="chapter 4, many input variables",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
    )


CROSSED = "adds a bump in x, 0.40 to 0.60, and one in y, 0.30 to 0.70, both of h = 0.3"
EXPERIMENT = Experiment(
    name="ch4-two-inputs",
    chapter="4",
    shows="steps and bumps with two inputs, and two crossed bumps",
    minutes=0.1,
    metrics=(SPREAD, WHERE, STEPS, X_BUMP, Y_BUMP, CORNER, PLATEAU, CENTRE),
    rows=(
        _row("ch4-two-input-step", "w1 = 8, w2 = 0, b = -5", "y makes no difference", SPREAD, Toy(0)),
        _row(
            "ch4-two-input-step",
            "asks where the step is",
            "at -b/w1, here 0.625",
            WHERE,
            Toy(0.625, tolerance=0.0005),
            "where the output passes 1/2, between points of distance 0.001",
        ),
        _row(
            "ch4-two-input-step",
            "weight 1000 on x or on y, step at 0.5",
            "a step in that direction",
            STEPS,
            Toy(0, tolerance=1e-4),
            "the largest distance from a perfect step on a mesh of 50 x 50; at its points next to the step sigma(-10)",
        ),
        _row(
            "ch4-bump-2d",
            "two steps in x, at 0.30 and 0.70, output weights 0.6 and -0.6",
            "a bump of height 0.6",
            X_BUMP,
            Toy(0, tolerance=1e-6),
            "on the mesh, without the points next to an edge: the largest distance",
        ),
        _row("ch4-bump-2d", "the same in y", "nearly identical", Y_BUMP, Toy(0, tolerance=1e-12)),
        _row(
            "ch4-xy-bump",
            CROSSED,
            "0 in the corners",
            CORNER,
            Toy(0, tolerance=1e-9),
        ),
        _row("ch4-xy-bump", CROSSED, "a plateau of height h", PLATEAU, Toy(0.3, tolerance=1e-9)),
        _row("ch4-xy-bump", CROSSED, "a tower of height 2h", CENTRE, Toy(0.6, tolerance=1e-9)),
    ),
    run=run,
    plot=plot,
    captions={
        "steps": "A neuron with a weight on x alone makes a wall across x, and y does not matter. The larger the "
        "weight, the steeper the wall.",
        "bumps": "Two walls make a ridge. Two crossed ridges add up to a tower, but they leave a plateau of half its "
        "height around it.",
    },
)
