"""How does a network make a tower, and a landscape of towers? Chapter 4's second layer, with two inputs and more."""

import itertools
import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch4.constructions import WEIGHT, Box, Built, mesh, power, side_by_side, tower, towers, xy_bump
from experiments.ch4.surfaces import grid, surfaces
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Splits

SIDE = 50
BOX: Box = ((0.4, 0.6), (0.3, 0.7))
START, BOOK = (0.3, -0.5), (10.0, -15.0)  # h and b: as the widget starts, and as the book goes on
SHARP = 40.0  # an h with which a tower is one to 2e-9
HEIGHTS = (10.0, 15.0, 20.0, 25.0, 30.0)
PLACES = np.array([[0.5, 0.5], [0.5, 0.1], [0.1, 0.1]])  # centre, plateau, outside
TWO: tuple[Box, ...] = (((0.1, 0.2), (0.8, 0.9)), ((0.7, 0.8), (0.2, 0.3)))
TWO_HEIGHTS = (0.7, 0.5)
PER_SIDE = (5, 10, 20)
STARTING, CENTRE, PLATEAU = "start: centre minus plateau", "h = 10: centre", "h = 10: plateau"
SLOPE, MANY, TWO_TOWERS = "slope of ln(1 - separation) in h", "25 towers: off by", "two towers: off by"
SURFACE, STEEPER = "surface: power of the towers per side", "surface, w = 1000 n: power of the towers per side"
RIGHT, BIAS = "1 to 6 inputs: points that are right", "bias over h"


def on_grid(n: int) -> list[Box]:
    """The boxes of n x n towers on [0, 1]^2: first along y, then along x."""
    return [(across, along) for across in side_by_side(n) for along in side_by_side(n)]


def of_boxes(boxes: list[Box]) -> np.ndarray:
    """The middle of each box, shape (boxes, inputs)."""
    return np.mean(boxes, axis=2)


def many() -> tuple[Built, np.ndarray]:
    """The book's 25 towers, and their heights (i^2 + j^2)/50."""
    i, j = np.divmod(np.arange(25), 5)
    heights = (i**2 + j**2) / 50
    return towers(on_grid(5), heights, SHARP), heights


def paraboloid(points: np.ndarray) -> np.ndarray:
    """(x^2 + y^2)/2, of which the book's 25 towers are a coarse picture; points of shape (n, 2)."""
    found: np.ndarray = np.sum(points**2, axis=1) / 2
    return found


def surface_error(n: int, weight: float) -> float:
    """The mean distance of n x n towers, each as high as a paraboloid in its middle, from that paraboloid."""
    boxes, points = on_grid(n), mesh(97)  # a prime number: none of its points is on an edge
    built = towers(boxes, paraboloid(of_boxes(boxes)), SHARP, weight=weight)
    return float(np.abs(built.weighted(points) - paraboloid(points)).mean())


def right_points(inputs: int) -> int:
    """Of all points that lie left of, in or right of a box along each input: how often a tower is on just inside."""
    points = np.array(list(itertools.product((0.1, 0.5, 0.9), repeat=inputs)))
    inside = np.all(points == 0.5, axis=1)
    return int(np.sum((tower([(0.3, 0.7)] * inputs, 10.0).output(points) > 0.5) == inside))


def run(job: Job) -> Outcome:
    """Build every tower, and look at its parts."""
    start, book = (xy_bump(BOX, h, b).output(PLACES) for h, b in (START, BOOK))
    separations = [np.subtract(*tower(BOX, h).output(PLACES[:2])) for h in HEIGHTS]
    (landscape, heights), two = many(), towers(TWO, TWO_HEIGHTS, SHARP)
    middles, points = of_boxes(on_grid(5)), mesh(SIDE)
    aside = np.array([[0.5, 0.5], [0.15, 0.25], [0.75, 0.85], [0.95, 0.05]])  # on a ridge or two, on no tower
    at_two = two.weighted(np.concatenate([of_boxes(list(TWO)), aside]))
    errors = [surface_error(n, WEIGHT) for n in PER_SIDE]
    steeper = [surface_error(n, WEIGHT * n) for n in PER_SIDE]
    drawn = {
        "tower": {
            "h = 0.3, b = -0.5, as the widget starts": xy_bump(BOX, *START).output(points),
            "h = 10, b = -15": xy_bump(BOX, *BOOK).output(points),
            "the same, times 0.7": towers([BOX], [0.7], BOOK[0]).weighted(points),
        },
        "towers": {
            "two towers, 0.7 and 0.5": two.weighted(points),
            "5 x 5 towers": landscape.weighted(points),
            "20 x 20 towers": towers(on_grid(20), paraboloid(of_boxes(on_grid(20))), SHARP).weighted(points),
        },
    }
    return Outcome(
        config={"w": 1000, "h of the landscapes": SHARP, "towers per side": PER_SIDE, "precision": "float64"},
        measured={
            STARTING: start[0] - start[1],
            CENTRE: book[0],
            PLATEAU: book[1],
            SLOPE: np.polyfit(HEIGHTS, np.log(1 - np.array(separations)), 1)[0],
            MANY: np.abs(landscape.weighted(middles) - heights).max(),
            TWO_TOWERS: np.abs(at_two - [*TWO_HEIGHTS, 0, 0, 0, 0]).max(),
            SURFACE: power(PER_SIDE, errors),
            STEEPER: power(PER_SIDE, steeper),
            RIGHT: sum(right_points(inputs) for inputs in range(1, 7)),
            BIAS: tower([(0.3, 0.7)] * 3, 10.0).params[1].bias[0] / 10,
        },
        curves={name: {label: curve(grid(a)) for label, a in panels.items()} for name, panels in drawn.items()}
        | {"errors": errors, "steeper": steeper, "separations": curve(1 - np.array(separations))},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the towers from above, and the error of a landscape against the number of towers."""
    found = result["curves"]
    surfaces(folder / "tower.png", found["tower"], title="A tower: the output of a network with two inputs, from above")
    surfaces(folder / "towers.png", found["towers"], title="Many towers: the weighted output, from above")
    plots.powers(
        folder / "error.png",
        {
            "w = 1000": (PER_SIDE, found["errors"]),
            "w = 1000 n": (PER_SIDE, found["steeper"]),
            "as 1/n": (PER_SIDE, [found["errors"][0] * PER_SIDE[0] / n for n in PER_SIDE]),
        },
        title="n x n towers for (x² + y²)/2",
        xlabel="towers per side n",
        ylabel="mean distance",
        markers=True,
    )


def _row(entry: str, did: str, reported: str, metric: str, rule: Toy, ours: str = "the same", why: str = "") -> Row:
    return Row(
        id=entry,
        did=did,
        reported=reported,
        place="chapter 4, many input variables",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
        why=why,
    )


BY_H = "makes the tower from an xy-bump by h = 10 and b = -15"
EXPERIMENT = Experiment(
    name="ch4-towers",
    chapter="4",
    shows="towers with two and with more inputs, and landscapes of towers",
    minutes=0.2,
    metrics=(STARTING, CENTRE, PLATEAU, SLOPE, MANY, TWO_TOWERS, SURFACE, STEEPER, RIGHT, BIAS),
    rows=(
        _row(
            "ch4-tower",
            "starts with h = 0.3, b = -0.5",
            "a flattened tower on its plateau",
            STARTING,
            Toy(0.07481318, tolerance=1e-8),
            "by algebra sigma(2h + b) - sigma(h + b) = sigma(0.1) - sigma(-0.2)",
        ),
        _row(
            "ch4-tower",
            BY_H,
            "a pretty good tower",
            CENTRE,
            Toy(0.99330715, tolerance=1e-8),
            "by algebra sigma(h/2) = sigma(5)",
        ),
        _row(
            "ch4-tower",
            BY_H,
            "the plateau is gone",
            PLATEAU,
            Toy(0.00669285, tolerance=1e-8),
            "by algebra sigma(-h/2) = sigma(-5)",
        ),
        _row(
            "ch4-tower",
            "says that it gets as good as we want with h, at b = -3h/2",
            "no number",
            SLOPE,
            Toy(-0.5, tolerance=0.001),
            "centre minus plateau for h from 10 to 30: 1 minus it, by algebra 2/(exp(h/2) + 1), falls as exp(-h/2)",
        ),
        _row(
            "ch4-many-towers",
            "5 x 5 towers of the heights (i^2 + j^2)/50",
            "any heights",
            MANY,
            Toy(0, tolerance=1e-6),
            "one network of 100 and 25 hidden neurons, h = 40: the largest distance at the middle of a tower",
        ),
        _row(
            "ch4-many-towers",
            "says that enough thin towers approximate any function of two inputs",
            "no number",
            SURFACE,
            Toy(-1, tolerance=0.05),
            "(x^2 + y^2)/2 by 5 x 5, 10 x 10 and 20 x 20 towers: the slope of the mean error in a log-log plot; by "
            "algebra it is as 1/n",
            "Where four towers meet, none of them is on. At w = 1000 these windows of failure stay as wide while the "
            "towers get narrower, and with 20 x 20 they matter. With steps that get steeper as towers get narrower, "
            "w = 1000 n, the power is {surface, w = 1000 n: power of the towers per side}.",
        ),
        _row(
            "ch4-two-towers",
            "two networks glued together, second-layer weights 0.7 and 0.5",
            "two towers of these heights",
            TWO_TOWERS,
            Toy(0, tolerance=1e-6),
            "h = 40: the largest distance at their middles and at four points outside",
        ),
        _row(
            "ch4-tower-nd",
            "three inputs, output bias -5h/2",
            "1 inside all three intervals, 0 elsewhere",
            BIAS,
            Toy(-2.5, tolerance=1e-12),
        ),
        _row(
            "ch4-tower-nd",
            "m inputs, output bias (-m + 1/2) h",
            "the same in m dimensions",
            RIGHT,
            Toy(3 + 9 + 27 + 81 + 243 + 729, unit="points"),
            "1 to 6 inputs, h = 10, all points left of, in and right of the box along each input: on iff inside",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "tower": "The output neuron's bias is a threshold between plateau and tower. With h = 10 the plateau is all "
        "but gone.",
        "towers": "Two towers, and landscapes of many: with enough of them the stairs look like a smooth bowl. The "
        "dark dots where four towers meet are windows of failure.",
        "error": "Twice as many towers along each side halve the error, if the steps get steeper as the towers get "
        "narrower. At a fixed weight the windows of failure take over.",
    },
)
UNJUDGED = {STEEPER: "explains the row beside it"}
