"""How wide is the range of inputs in which a gradient does not vanish? The problem's bound, in float64."""

import pathlib
from typing import Any

import jax
import numpy as np
from scipy import optimize

from experiments import plots
from experiments.ch5.chain import sigma_prime
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Splits

WEIGHTS, BIASES = (4.001, 4.5, 5.0, 6.9, 10.0, 30.0, 100.0), (-3.0, 0.0, 2.0)
LEAST, OFF = "least |w| with |w sigma'(w a + b)| = 1 for some a", "width by formula minus width by search: greatest"
WIDEST, AT = "greatest width", "|w| of the greatest width"


def width(w: Any) -> Any:
    """The book's bound on the width of the set of a with |w sigma'(w a + b)| >= 1 (chapter 5, equation 123).

    Args:
        w: |w|, at least 4.
    """
    return 2 / w * np.log(w * (1 + np.sqrt(1 - 4 / w)) / 2 - 1)


def size(w: float, a: float, b: float) -> float:
    """|w sigma'(w a + b)|, by the library's neuron."""
    return float(abs(w * sigma_prime(w * a + b)[0]))


def greatest_size(w: float, b: float) -> float:
    """The greatest |w sigma'(w a + b)| over all a, by search."""
    reach = (abs(b) + 3) / w
    found = optimize.minimize_scalar(
        lambda a: -size(w, a, b), bounds=(-reach, reach), method="bounded", options={"xatol": 1e-9}
    )
    return float(-found.fun)


def searched_width(w: float, b: float) -> float:
    """The width of the set of a with |w sigma'(w a + b)| >= 1, by search for its two ends."""
    middle, reach = -b / w, 30 / abs(w)
    ends = [optimize.brentq(lambda a: size(w, a, b) - 1, middle, middle + side * reach, xtol=1e-14) for side in (-1, 1)]
    return float(ends[1] - ends[0])


def run(job: Job) -> Outcome:
    """All three parts of the problem, by search; nothing is random."""
    with jax.enable_x64(True):
        least = optimize.brentq(lambda w: greatest_size(w, BIASES[-1]) - 1, 1.0, 20.0, xtol=1e-10)
        off = [width(w) - searched_width(sign * w, b) for w in WEIGHTS for b in BIASES for sign in (-1, 1)]
    found = optimize.minimize_scalar(lambda w: -width(w), bounds=(4, 100), method="bounded", options={"xatol": 1e-9})
    shown = np.concatenate([np.linspace(4, 5, 51), np.linspace(5.05, 40, 200)])
    return Outcome(
        config={"weights": WEIGHTS, "biases": BIASES, "dtype": "float64"},
        measured={LEAST: least, OFF: float(np.abs(off).max()), WIDEST: float(-found.fun), AT: float(found.x)},
        curves={"w": curve(shown), "width": curve(width(shown))},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the bound against |w|."""
    found = result["curves"]
    plots.curves(
        folder / "width.png",
        {"bound on the width": found["width"]},
        x=found["w"],
        title="The range of inputs a in which |w sigma'(w a + b)| is at least 1",
        xlabel="|w|",
        ylabel="width of the range",
        points={"the book's greatest width": [(6.9, 0.45)]},
        ylim=(0, 0.5),
    )


PLACE = "chapter 5, problem"
EXPERIMENT = Experiment(
    name="ch5-width-bound",
    chapter="5",
    shows="for how narrow a range of inputs |w sigma'(w a + b)| is at least 1",
    minutes=0.1,
    metrics=(LEAST, OFF, WIDEST, AT),
    rows=(
        Row(
            id="ch5-width-bound",
            did="problem, first part: |w sigma'(w a + b)| >= 1 only if |w| is large enough",
            reported="|w| >= 4",
            place=PLACE,
            metric=LEAST,
            rule=Toy(4, tolerance=1e-6),
            ours="by search over a and w, at b = 2",
            anywhere=True,
        ),
        Row(
            id="ch5-width-bound",
            did="problem, second part: such a lie in an interval",
            reported="of width (2/|w|) ln(|w| (1 + sqrt(1 - 4/|w|))/2 - 1) at most",
            place=f"{PLACE}, equation 123",
            metric=OFF,
            rule=Toy(0, tolerance=1e-9),
            ours="the ends by search, for seven |w| from 4.001 to 100 of both signs and three b: the bound is reached",
            anywhere=True,
        ),
        Row(
            id="ch5-width-bound",
            did="problem, third part: the greatest width",
            reported="about 0.45",
            place=PLACE,
            metric=WIDEST,
            rule=Toy(0.45, tolerance=0.005),
            ours="to the book's digits",
            anywhere=True,
        ),
        Row(
            id="ch5-width-bound",
            did="problem, third part: where it is greatest",
            reported="at |w| of about 6.9",
            place=PLACE,
            metric=AT,
            rule=Toy(6.9, tolerance=0.05),
            ours="to the book's digits",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={"width": f"At best the range is {{{WIDEST}}} wide, at |w| = {{{AT}}}."},
)
