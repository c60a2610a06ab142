"""Why is learning slow where a neuron is badly wrong? One neuron, one example, two costs (chapter 3's widgets)."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve
from experiments.statistics import Toy
from jnndl.costs import Cost
from jnndl.data import Dataset, Splits
from jnndl.layers import Affine

EPOCHS = 300
STARTS = {"easy": (0.6, 0.9), "saturated": (2.0, 2.0)}
quadratic, cross_entropy = jnndl.costs.quadratic, jnndl.costs.cross_entropy
# The book's two cross-entropy widgets step along dC/da = 1/(1 - a) where dC/dz = a belongs; y is 0 here.
widget = dataclasses.replace(cross_entropy, name="widget", delta=lambda z, y, neuron: 1 / jax.nn.sigmoid(-z))
ARMS: dict[str, tuple[Cost, float]] = {
    "quadratic, 0.15": (quadratic, 0.15),
    "cross-entropy as the widget steps, 0.005": (widget, 0.005),
    "cross-entropy, 0.005": (cross_entropy, 0.005),
    "cross-entropy, 0.15": (cross_entropy, 0.15),
}


def output(cost: Cost, rate: float, start: tuple[float, float]) -> np.ndarray:
    """The neuron's output before training and after each epoch, shape (EPOCHS + 1,), read off the cost."""
    data = Dataset(jnp.ones((1, 1)), jnp.zeros((1, 1)))  # input 1, wanted output 0
    params = (Affine(jnp.full((1, 1), start[0]), jnp.full((1,), start[1])),)
    fit = jnndl.fit(
        jnndl.mlp([1, 1]),
        data,
        key=jax.random.key(0),
        epochs=EPOCHS,
        learning_rate=rate,
        batch_size=1,
        cost=cost,
        gradient=jnndl.gradients.backprop,
        params=params,
    )
    costs = fit.history.training_cost
    # C = a^2/2, or C = -ln(1 - a).
    after = np.sqrt(2 * costs) if cost is quadratic else 1 - np.exp(-costs)
    return np.concatenate([[float(jax.nn.sigmoid(start[0] + start[1]))], after])


def run(job: Job) -> Outcome:
    """Train every arm from both starts; no chance plays a part."""
    found = {
        f"{name}, {start}": output(cost, rate, STARTS[start]) for start in STARTS for name, (cost, rate) in ARMS.items()
    }
    slow, steep = found["quadratic, 0.15, saturated"], found["cross-entropy as the widget steps, 0.005, saturated"]
    measured = {f"{name}: output at the end": a[-1] for name, a in found.items()}
    measured |= {f"quadratic, saturated: output after {e}": slow[e] for e in (100, 150, 200, 250)}
    measured["fall in 100 epochs: cross-entropy over quadratic"] = (steep[0] - steep[100]) / (slow[0] - slow[100])
    right = found["cross-entropy, 0.15, saturated"]
    measured["fall in 30 epochs at one rate: cross-entropy over quadratic"] = (right[0] - right[30]) / (
        slow[0] - slow[30]
    )
    return Outcome(
        config={"input": 1, "wanted output": 0, "starts (w, b)": STARTS, "epochs": EPOCHS, "arms": list(ARMS)},
        measured=measured,
        curves={name: curve(a) for name, a in found.items()},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the output against epochs from both starts."""
    book = {"easy": {"book, quadratic": [(EPOCHS, 0.09)]}, "saturated": {"re-run of the widget": [
        (100, 0.964), (150, 0.933), (200, 0.789), (250, 0.357), (300, 0.203)]}}  # fmt: skip
    for start in STARTS:
        plots.curves(
            folder / f"{start}.png",
            {name: result["curves"][f"{name}, {start}"] for name in ARMS},
            title=f"One sigmoid neuron that should say 0, from w, b = {STARTS[start]}",
            ylabel="output a",
            points=book[start],
            ylim=(0, 1.02),
        )


def _row(entry: str, did: str, reported: str, figure: str, rule: Toy, ours: str) -> Row:
    return Row(entry, did, reported, "chapter 3, widget", figure, rule, ours, anywhere=True)


QUAD, CE = "quadratic cost, rate 0.15", "cross-entropy, rate 0.005"
EASY, SATURATED = "w, b = 0.6, 0.9, 300 epochs", "w, b = 2.0, 2.0, 300 epochs"
WIDGET = "with the widget's step, dC/da = 1/(1 - a); re-run of its script: {}"
EXPERIMENT = Experiment(
    name="ch3-single-neuron",
    chapter="3",
    shows="one neuron and one example: quadratic cost against cross-entropy, from two starts",
    minutes=0.1,
    rows=(
        _row(
            "ch3-neuron-quad-easy",
            f"{QUAD}, {EASY}",
            "output about 0.09 at the end",
            "quadratic, 0.15, easy: output at the end",
            Toy(0.09, tolerance=0.005),
            "the same",
        ),
        *(
            _row(
                "ch3-neuron-quad-sat",
                f"{QUAD}, {SATURATED}",
                "almost no change for 150 epochs, then it falls",
                figure,
                Toy(value, tolerance=0.001),
                f"the same; re-run of the widget: {value}",
            )
            for figure, value in (
                ("quadratic, saturated: output after 150", 0.933),
                ("quadratic, 0.15, saturated: output at the end", 0.203),
            )
        ),
        _row(
            "ch3-neuron-ce-easy",
            f"{CE}, {EASY}",
            "it learns well; no figure",
            "cross-entropy as the widget steps, 0.005, easy: output at the end",
            Toy(0.040, tolerance=0.001),
            WIDGET.format("0.040"),
        ),
        _row(
            "ch3-neuron-ce-easy",
            f"{CE}, {EASY}",
            "it learns well; no figure",
            "cross-entropy, 0.005, easy: output at the end",
            Toy(0.42, tolerance=0.005),
            "with the correct gradient, which at that rate only reaches 0.42",
        ),
        _row(
            "ch3-neuron-ce-sat",
            f"{CE}, {SATURATED}",
            "steep from the start; no figure",
            "cross-entropy as the widget steps, 0.005, saturated: output at the end",
            Toy(0.048, tolerance=0.001),
            WIDGET.format("0.048"),
        ),
        _row(
            "ch3-neuron-ce-sat",
            f"{CE}, {SATURATED}",
            "steep from the start; no figure",
            "cross-entropy, 0.15, saturated: output at the end",
            Toy(0.012, tolerance=0.001),
            "with the correct gradient at the quadratic cost's rate, 0.15: no slow start",
        ),
    ),
    run=run,
    plot=plot,
)
