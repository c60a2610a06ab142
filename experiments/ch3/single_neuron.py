"""Why is learning slow where a neuron is badly wrong? One neuron, one example, two costs (chapter 3's widgets)."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
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
AFTER = (100, 150, 200, 250)
STEEPNESS = "saturated, first epoch: fall of cross-entropy's output over quadratic's, {}"
AS_DRAWN, AT_ONE_RATE = (STEEPNESS.format(how) for how in ("as the widgets step", "right gradients, rate 0.15"))


def ratios(z: float) -> tuple[float, float]:
    """What both ratios are, from one step worked out by hand.

    The input is 1, so that w and b step alike and z by their sum: with the quadratic cost by 2 eta a sigma'(z), with
    the cross-entropy by 2 eta a, and in the widget by 2 eta/(1 - a).

    Args:
        z: where the neuron starts.
    """
    a = 1 / (1 + np.exp(-z))
    steps = 2 * 0.15 * a * a * (1 - a), 2 * 0.005 / (1 - a), 2 * 0.15 * a
    by_quadratic, in_widget, by_entropy = (a - 1 / (1 + np.exp(step - z)) for step in steps)
    return float(in_widget / by_quadratic), float(by_entropy / by_quadratic)


def at_end(arm: str, start: str) -> str:
    """The name of an arm's output at the end."""
    return f"{arm}, {start}: output at the end"


def slow_after(epochs: int) -> str:
    """The name of the output of the saturated neuron with the quadratic cost."""
    return f"quadratic, saturated: output after {epochs}"


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
    """Train every arm from both starts; nothing in it is random."""
    found = {
        f"{name}, {start}": output(cost, rate, STARTS[start]) for start in STARTS for name, (cost, rate) in ARMS.items()
    }
    slow, steep = found["quadratic, 0.15, saturated"], found["cross-entropy as the widget steps, 0.005, saturated"]
    right = found["cross-entropy, 0.15, saturated"]
    measured = {at_end(name, start): found[f"{name}, {start}"][-1] for start in STARTS for name in ARMS}
    measured |= {slow_after(epochs): slow[epochs] for epochs in AFTER}
    falls = {name: a[0] - a[1] for name, a in (("quadratic", slow), ("widget", steep), ("right", right))}
    measured[AS_DRAWN] = falls["widget"] / falls["quadratic"]
    measured[AT_ONE_RATE] = falls["right"] / falls["quadratic"]
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


def _row(entry: str, did: str, reported: str, metric: str, rule: Toy, ours: str) -> Row:
    return Row(
        id=entry,
        did=did,
        reported=reported,
        place="chapter 3, widget",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
    )


QUAD, CE = "quadratic cost, rate 0.15", "cross-entropy, rate 0.005"
EASY, SATURATED = "w, b = 0.6, 0.9, 300 epochs", "w, b = 2.0, 2.0, 300 epochs"
WIDGET = "with the widget's step, dC/da = 1/(1 - a); re-run of its script: {}"
EXPERIMENT = Experiment(
    name="ch3-single-neuron",
    chapter="3",
    shows="one neuron and one example: quadratic cost against cross-entropy, from two starts",
    minutes=0.1,
    metrics=(
        *(at_end(name, start) for start in STARTS for name in ARMS),
        *map(slow_after, AFTER),
        AS_DRAWN,
        AT_ONE_RATE,
    ),
    rows=(
        _row(
            "ch3-neuron-quad-easy",
            f"{QUAD}, {EASY}",
            "output about 0.09 at the end",
            at_end("quadratic, 0.15", "easy"),
            Toy(0.09, tolerance=0.005),
            "the same",
        ),
        *(
            _row(
                "ch3-neuron-quad-sat",
                f"{QUAD}, {SATURATED}",
                "almost no change for 150 epochs, then it falls",
                metric,
                Toy(value, tolerance=0.001),
                f"the same; re-run of the widget: {value}",
            )
            for metric, value in (
                (slow_after(100), 0.964),
                (slow_after(150), 0.933),
                (slow_after(200), 0.789),
                (slow_after(250), 0.357),
                (at_end("quadratic, 0.15", "saturated"), 0.203),
            )
        ),
        _row(
            "ch3-neuron-ce-easy",
            f"{CE}, {EASY}",
            "it learns well; no number",
            at_end("cross-entropy as the widget steps, 0.005", "easy"),
            Toy(0.040, tolerance=0.001),
            WIDGET.format("0.040"),
        ),
        _row(
            "ch3-neuron-ce-sat",
            f"{CE}, {SATURATED}",
            "steep from the start; no number",
            at_end("cross-entropy as the widget steps, 0.005", "saturated"),
            Toy(0.048, tolerance=0.001),
            WIDGET.format("0.048"),
        ),
        *(
            _row(
                "ch3-neuron-ce-sat",
                f"{CE}, {SATURATED}",
                "much steeper at the start than with the quadratic cost; no number",
                metric,
                Toy(expected, tolerance=0.01 * expected),
                f"how far the output falls in the first epoch, over the same with the quadratic cost, {how}; "
                f"{expected:.1f} times by hand",
            )
            for metric, how, expected in zip(
                (AS_DRAWN, AT_ONE_RATE),
                ("both as the widgets step", "both with the right gradient at rate 0.15"),
                ratios(sum(STARTS["saturated"])),
                strict=True,
            )
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "easy": "From this start the neuron unlearns quickly with either cost.",
        "saturated": "From a start that is badly wrong, learning with the quadratic cost hardly begins for a hundred "
        "epochs. With the cross-entropy it starts at once.",
    },
)
UNJUDGED = {
    at_end(name, start): "not what the book's widget draws; the tests work it out by hand"
    for name in ("cross-entropy, 0.005", "cross-entropy, 0.15")
    for start in STARTS
}
