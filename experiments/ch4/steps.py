"""How does a sigmoid neuron become a step? Its weight makes it steep, and its bias moves it to s = -b/w."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch4.constructions import Built, cells, one_neuron, power
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn, Toy
from experiments.training import Job
from jnndl.data import Splits

POINTS = 100_000
BIASES, WIDTHS = (-6.0, -4.0, -2.0), (3.0, 8.0, 30.0, 100.0, 999.0)  # the widget starts at w = 8, b = -4
BOOK_STEP = (100.0, -40.0)
STEEP = (100.0, 200.0, 500.0, 999.0)
# The area between sigma(w x) and a perfect step is 2/w times the integral of sigma(-z) over z > 0, which is ln 2.
AREA = 1.386294  # 2 ln 2
POSITION, POSITIONS, SHAPE = "w = 100, b = -40: where the step is", "distance of the step from -b/w", "change of shape"
DISTANCE, SLOPE = "w = 999: mean distance from a perfect step", "distance from a perfect step: power of w"


def position(neuron: Built) -> float:
    """Where in [0, 1] the output of a neuron passes 1/2, by halving the interval."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if neuron.output(np.array([middle]))[0] > 0.5 else (middle, high)
    return (low + high) / 2


def distance(w: float, s: float = 0.4) -> float:
    """The mean distance of a neuron with its step at s from a perfect step, on [0, 1]."""
    x = cells(POINTS)
    return float(np.abs(one_neuron(w, -w * s).output(x) - (x > s)).mean())


def run(job: Job) -> Outcome:
    """Move the neuron by its bias, make it steep by its weight, and measure how far it is from a step."""
    x = cells(500)
    moved = {f"w = 8, b = {b:g}": one_neuron(8.0, b).output(x) for b in BIASES}
    # Steep ones have their step at 0.3, where the book asks the reader to put it.
    steep = {f"w = {w:g}": one_neuron(w, -0.3 * w).output(x) for w in WIDTHS}
    shape = [np.abs(one_neuron(8.0, b).output(x - (b + 4) / 8) - one_neuron(8.0, -4.0).output(x)).max() for b in BIASES]
    off = [position(one_neuron(w, -w * s)) - s for w in WIDTHS for s in (0.3, 0.5, 0.8)]
    distances = [distance(w) for w in STEEP]
    return Outcome(
        config={"weights": WIDTHS, "biases": BIASES, "points": POINTS, "precision": "float64"},
        measured={
            "pictures": 2,
            SHAPE: max(shape),
            POSITION: position(one_neuron(*BOOK_STEP)),
            POSITIONS: np.abs(off).max(),
            DISTANCE: distance(999.0),
            SLOPE: power(STEEP, distances),
        },
        curves={"x": curve(x), "bias": {name: curve(a) for name, a in moved.items()}}
        | {"weight": {name: curve(a) for name, a in steep.items()}, "distances": curve(distances)},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw a neuron that its bias moves, one that its weight makes steep, and the distance from a perfect step."""
    found = result["curves"]
    titles = {"bias": "The bias moves a neuron", "weight": "The weight makes it steep: steps at 0.3"}
    for name, title in titles.items():
        plots.curves(
            folder / f"{name}.png", found[name], x=found["x"], title=title, xlabel="x", ylabel="output", xlim=(0, 1)
        )
    algebra = [AREA / w for w in STEEP]
    plots.powers(
        folder / "distance.png",
        {"measured": (STEEP, found["distances"]), "2 ln 2 / w, by algebra": (STEEP, algebra)},
        title="How far a sigmoid neuron is from a perfect step, on average over [0, 1]",
        xlabel="weight w",
        ylabel="mean distance",
        markers=True,
    )


def _row(entry: str, did: str, reported: str, metric: str, rule: Any, ours: str = "the same") -> Row:
    place = "chapter 4, universality with one input and one output"
    return Row(id=entry, did=did, reported=reported, place=place, metric=metric, rule=rule, ours=ours, anywhere=True)


EXPERIMENT = Experiment(
    name="ch4-steps",
    chapter="4",
    shows="one sigmoid neuron: moved by its bias, made a step by its weight",
    minutes=0.1,
    metrics=("pictures", SHAPE, POSITION, POSITIONS, DISTANCE, SLOPE),
    rows=(
        _row(
            "ch4-sigmoid-shape",
            "a widget: one neuron, w = 8, b = -4; then other biases and weights, up to 999",
            "pictures",
            "pictures",
            Drawn(unit="pictures"),
            "three biases, five weights; the book does not say the bias of its picture for w = 999",
        ),
        _row(
            "ch4-sigmoid-shape",
            "changes the bias",
            "the curve moves, and its shape does not change",
            SHAPE,
            Toy(0, tolerance=1e-12),
            "w = 8: the largest distance of a curve from that for b = -4, once moved by -(b + 4)/8",
        ),
        _row("ch4-step", "w = 100, b = -40", "a step at 0.40", POSITION, Toy(0.4, tolerance=1e-9)),
        _row(
            "ch4-step",
            "asks where the step is",
            "at s = -b/w",
            POSITIONS,
            Toy(0, tolerance=1e-9),
            "five weights, three positions, the largest distance; the position is where the output passes 1/2",
        ),
        _row(
            "ch4-step",
            "treats the step as perfect where w is large",
            "a very good approximation; no number",
            DISTANCE,
            Toy(0.00138768, tolerance=1e-7),
            "on average over [0, 1]; by algebra 2 ln 2/w",
        ),
        _row(
            "ch4-step",
            "says that it gets better with w",
            "no number",
            SLOPE,
            Toy(-1, tolerance=0.001),
            "w from 100 to 999, the slope in a log-log plot; by algebra the distance is as 1/w",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "bias": "A smaller bias moves the curve to the right. Its shape stays the same.",
        "weight": "The larger the weight, the more a sigmoid neuron looks like a step. With w = 999 the eye sees no "
        "difference.",
        "distance": "Ten times the weight brings the neuron ten times as close to a perfect step, as algebra says: "
        "both lines coincide.",
    },
)
