"""Can five bumps compute chapter 4's function to 0.40? The challenge, scored by the book's own rule."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch4.constructions import Built, bumps, cells, goal, goal_logit, side_by_side
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Measured, Rule, Toy
from experiments.training import Job
from jnndl.data import Splits
from jnndl.neurons import sigmoid

BUMPS, POINTS = 5, 100
X = np.arange(POINTS) / POINTS  # 0, 0.01, ..., 0.99
TRIES = 10_000
WON = Toy(0.2, tolerance=0.2)  # 0.40 or less
BY_HEIGHTS, TENTHS, BY_NETWORK = "score", "score, heights in tenths", "score of the network itself"
BETTER, BIAS, ERROR = "random heights with a better score", "second bias", "mean error of the output"


def score(heights: np.ndarray) -> np.ndarray:
    """The average deviation, as the book's script computes it.

    Args:
        heights: shape (..., 5); the height of a bin counts at its left edge, too.

    Returns:
        Shape (...): the mean over x = 0, 0.01, ..., 0.99 of the distance from logit f.
    """
    steps: np.ndarray = np.repeat(heights, POINTS // BUMPS, axis=-1)
    found: np.ndarray = np.abs(steps - goal_logit(X).reshape((1,) * (steps.ndim - 1) + (POINTS,))).mean(axis=-1)
    return found


def best_heights() -> np.ndarray:
    """The heights with the least score: in each bin the median of logit f, which is nearest to all of it."""
    found: np.ndarray = np.median(goal_logit(X).reshape(BUMPS, -1), axis=1)
    return found


def network(heights: np.ndarray) -> Built:
    """The network with these five heights: w = 1000, b = -1000 s, output weights h and -h, output bias 0."""
    return bumps(side_by_side(BUMPS), heights, output=sigmoid)


def better(seed: int) -> int:
    """How many of 10,000 sets of heights near the best ones have a better score."""
    heights = best_heights() + np.random.default_rng(seed).normal(0, 0.1, (TRIES, BUMPS))
    return int(np.sum(score(heights) < score(best_heights()) - 1e-12))


def run(job: Job) -> Outcome:
    """Score the best five heights, and the network that they make."""
    heights, x = best_heights(), cells(1000)
    built = network(heights)
    return Outcome(
        config={"heights": curve(heights), "w": 1000, "output bias": 0, "precision": "float64"},
        measured={
            BY_HEIGHTS: score(heights),
            TENTHS: score(heights.round(1)),
            BY_NETWORK: np.abs(built.weighted(X) - goal_logit(X)).mean(),
            BETTER: [better(seed) for seed in range(job.seeds)],
            BIAS: built.params[0].bias[1],
            ERROR: np.abs(built.output(x) - goal(x)).mean(),
        },
        curves={
            "x": curve(x),
            "weighted": {"sigma^-1 of f": curve(goal_logit(x)), "five bumps": curve(built.weighted(x))},
            "output": {"f": curve(goal(x)), "the network": curve(built.output(x))},
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the weighted output beside what it should be, and the output beside f."""
    found = result["curves"]
    for name, title, ylabel, ylim in (
        ("weighted", "The challenge: five bumps that should be sigma^-1 of f", "weighted output", (-2.5, 3)),
        ("output", "What comes out of the same network, beside f", "output", (0, 1)),
    ):
        plots.curves(
            folder / f"{name}.png",
            found[name],
            x=found["x"],
            title=title,
            xlabel="x",
            ylabel=ylabel,
            xlim=(0, 1),
            ylim=ylim,
        )


def _row(did: str, reported: str, metric: str, rule: Rule, ours: str) -> Row:
    place = "chapter 4, universality with one input and one output"
    return Row(
        id="ch4-challenge",
        did=did,
        reported=reported,
        place=place,
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
    )


HEIGHTS = "asks for five heights so that the weighted output is near sigma^-1 of f"
EXPERIMENT = Experiment(
    name="ch4-challenge",
    chapter="4",
    shows="five bumps whose heights are chosen by algebra, scored by the book's rule",
    minutes=0.1,
    metrics=(BY_HEIGHTS, TENTHS, BY_NETWORK, BETTER, BIAS, ERROR),
    rows=(
        _row(
            HEIGHTS,
            "an average deviation of 0.40 or less; no number for the least",
            BY_HEIGHTS,
            Toy(0.372, tolerance=0.0005),
            "the median of each bin, -1.24, -1.42, -0.34, -0.98, 1.14; by its script's rule 0.372",
        ),
        _row(
            HEIGHTS,
            "an average deviation of 0.40 or less",
            TENTHS,
            WON,
            "heights in tenths, as its widget sets them; the rule is 0 to 0.40",
        ),
        _row(
            HEIGHTS,
            "an average deviation of 0.40 or less",
            BY_NETWORK,
            WON,
            "the weighted output of the network, which on an edge is half-way between two heights; the rule is 0 to "
            "0.40",
        ),
        _row(
            "asks for a deviation as low as possible",
            "no number",
            BETTER,
            Toy(0, unit="heights"),
            "10,000 random heights near the medians for each seed: how many are better",
        ),
        _row(
            "converts the second neuron, s = 0.2, back to w = 1000 and b",
            "b = -200",
            BIAS,
            Toy(-200, tolerance=1e-9),
            "the same",
        ),
        _row(
            "says that the network computes f, coarsely",
            "no number",
            ERROR,
            Measured(unit="in f(x)"),
            "the mean distance of the output from f over [0, 1]",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "weighted": "With the best five heights the average deviation is {score}. The book asks for 0.40.",
        "output": "Five bumps see the large waves of f and miss the small ones: on average the output is off by "
        "{mean error of the output}.",
    },
)
