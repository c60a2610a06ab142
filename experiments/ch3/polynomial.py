"""Which fits ten points better, a polynomial of degree nine or a straight line? Chapter 3's picture of simplicity."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Splits

X = (0.7, 1.3, 1.9, 2.6, 2.9, 3.6, 3.8, 3.95, 4.4, 4.9)
Y = (1.8, 2.2, 4.0, 5.0, 6.1, 7.0, 7.4, 8.0, 9.1, 10.0)


def interpolate() -> np.ndarray:
    """The coefficients of the polynomial of degree nine through all points, the leading one first."""
    return np.linalg.solve(np.vander(X), Y)


def run(job: Job) -> Outcome:
    """Solve for the polynomial of degree nine through all points."""
    coefficients = interpolate()
    fine = np.linspace(0, 5, 501)
    return Outcome(
        config={"x": X, "y": Y, "degree": 9, "line": "y = 2x"},
        measured={
            "leading coefficient": coefficients[0],
            "second coefficient": coefficients[1],
            "third coefficient": coefficients[2],
        },
        curves={"x": curve(fine), "polynomial": curve(np.polyval(coefficients, fine)), "line": curve(2 * fine)},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the points, the polynomial and the line."""
    found = result["curves"]
    plots.curves(
        folder / "polynomial.png",
        {"degree nine": found["polynomial"], "y = 2x": found["line"]},
        x=found["x"],
        title="Ten points, a polynomial through all of them, and a line",
        xlabel="x",
        ylabel="y",
        points={"the points": list(zip(X, Y, strict=True))},
        xlim=(0, 5),
        ylim=(0, 10.4),
    )


def _row(did: str, reported: str, metric: str, rule: Toy) -> Row:
    return Row(
        id="ch3-polynomial",
        did=did,
        reported=reported,
        place="chapter 3, why does regularization help",
        metric=metric,
        rule=rule,
        anywhere=True,
    )


EXPERIMENT = Experiment(
    name="ch3-polynomial",
    chapter="3",
    shows="ten points, the polynomial of degree nine through them, and a line",
    minutes=0.1,
    metrics=(
        "leading coefficient",
        "second coefficient",
        "third coefficient",
    ),
    rows=(
        _row("fits degree nine", "leading coefficient 0.220539", "leading coefficient", Toy(0.220539, 1e-6)),
        _row("fits degree nine", "second coefficient -5.49143", "second coefficient", Toy(-5.49143, 1e-5)),
        _row("fits degree nine", "third coefficient 58.7844", "third coefficient", Toy(58.7844, 1e-4)),
    ),
    run=run,
    plot=plot,
    captions={
        "polynomial": "Both curves explain the ten points. Which one would you trust at x = 5?",
    },
)
UNJUDGED: dict[str, str] = {}
