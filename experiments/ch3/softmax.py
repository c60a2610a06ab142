"""What does a softmax output do? Its rules in numbers, and a network with it beside one with sigmoid outputs."""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import Comparison, accuracy_curves, curve, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn, Measured, Toy
from experiments.training import Job, unstack
from experiments.units import POINTS
from jnndl.data import Splits
from jnndl.neurons import linear, softmax

WIDGET = (2.5, -1.0, 3.2, 0.5)  # where the book's four sliders start
RULES = ("wrong signs", "inversion", "temperature", "likelihood delta", "linear delta")
COMPARED = Comparison(
    ("softmax", "sigmoid"), {"final": final}, {minus("softmax", "sigmoid"): ("softmax: final", "sigmoid: final")}
)


def rules(seed: int) -> dict[str, float]:
    """The rules of chapter 3's problems on softmax, for random weighted inputs; distances, or counts of exceptions."""
    keys = jax.random.split(jax.random.key(seed))
    z, y = 2 * jax.random.normal(keys[0], (4,)), jax.nn.one_hot(seed % 4, 4)
    a, slopes = softmax.forward(z), jax.jacobian(softmax.forward)(z)
    signs = jnp.where(jnp.eye(4) == 1, slopes > 0, slopes < 0)
    back = jnp.log(a) + (z[0] - jnp.log(a)[0])
    cold = softmax.forward(200 * z)  # the temperature form e^(cz)
    quadratic = jnndl.costs.quadratic.delta(z, y, linear)
    likelihood = jax.grad(lambda z: -jnp.log(softmax.forward(z)[seed % 4]))(z)
    return {
        "wrong signs": float(jnp.sum(~signs)),
        "inversion": float(jnp.abs(back - z).max()),
        "temperature": float(jnp.abs(cold - (z == z.max())).max()),
        "likelihood delta": float(jnp.abs(likelihood - (a - y)).max()),
        "linear delta": float(jnp.abs(quadratic - (z - y)).max()),
    }


def run(job: Job) -> Outcome:
    """The rules for ten random vectors, in float64; then MNIST, with both outputs from the same weights."""
    with jax.enable_x64(True):
        found = [rules(seed) for seed in range(10)]
        shown = np.asarray(softmax.forward(jnp.asarray(WIDGET, float)))
    measured: dict[str, Any] = {name: np.asarray([one[name] for one in found]) for name in RULES}
    settings: dict[str, Any] = {"epochs": 30, "learning_rate": 0.1, "batch_size": 10, "l2": job.l2(5.0)}
    network = job.mlp(30, output=softmax)
    arms: dict[str, dict[str, Any]] = {
        "sigmoid": {"network": job.mlp(30)},
        "softmax": {"network": network, "cost": jnndl.costs.log_likelihood},
    }
    fits = train_arms(job, arms, job.splits.validation, measure_training=0, **settings)
    measured |= COMPARED.measure(fits)
    return Outcome(
        config={"hidden": 30, "weights": "default", "evaluated on": "validation"} | settings,
        measured={"validation_accuracy": measured["softmax: final"], **measured},
        curves={"validation_accuracy": accuracy_curves(fits), "widget": curve(shown)},
        network=network,
        params=unstack(fits["softmax"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs; and the widget's bars."""
    plots.curves(
        folder / "accuracy.png",
        {f"{name} output": a for name, a in plots.percent(result["curves"]["validation_accuracy"]).items()},
        title=f"30 hidden neurons, rate 0.1, lambda 5.0: {plots.about(result)}",
        ylabel="validation accuracy (%)",
    )
    new, axes = plots.blank(5, 3)
    axes.bar([f"z = {z}" for z in WIDGET], result["curves"]["widget"], color=plots.STYLES[0][0])
    axes.set(ylabel="output activation a", ylim=(0, 1))
    axes.set_title("Softmax at the widget's start", fontsize=10)
    plots.save(new, folder / "widget.png")


def _toy(entry: str, did: str, reported: str, metric: str, tolerance: float = 1e-9, ours: str = "") -> Row:
    return Row(
        id=entry,
        did=did,
        reported=reported,
        place="chapter 3, softmax and its problems",
        metric=metric,
        rule=Toy(0, tolerance),
        ours=ours or "ten random z, float64: the largest distance",
        anywhere=True,
    )


PROBLEM = "ch3-softmax-problems"
EXPERIMENT = Experiment(
    name="ch3-softmax",
    chapter="3",
    shows="softmax: the book's rules in numbers, and a network with it beside one with sigmoid outputs",
    minutes=1.2,
    metrics=("validation_accuracy", *COMPARED.names, *RULES),
    rows=(
        Row(
            id="ch3-softmax",
            did="widget with four sliders",
            reported="bars of a = e^z / sum e^z",
            place="chapter 3, softmax",
            metric="softmax: final",
            rule=Drawn(),
            ours="at the sliders' start",
            anywhere=True,
        ),
        _toy("ch3-softmax", "log-likelihood cost", "delta = a - y", "likelihood delta"),
        Row(
            id="ch3-softmax",
            did="no run on MNIST in this chapter",
            reported="no number",
            place="chapter 3, softmax",
            metric=minus("softmax", "sigmoid"),
            rule=Measured(unit=POINTS),
            ours="784-30-10, rate 0.1, lambda 5.0, 30 epochs, validation: softmax minus sigmoid, paired by seed",
        ),
        _toy(PROBLEM, "monotonicity", "da_j/dz_k is above 0 for j = k and below 0 else", "wrong signs"),
        _toy(PROBLEM, "inversion", "z_j = ln a_j + a constant", "inversion"),
        _toy(PROBLEM, "e^(cz) for large c", "the largest output is 1, the others 0", "temperature", 1e-4, "c = 200"),
        _toy("ch3-quad-linear-output", "linear output with quadratic cost", "delta = a - y", "linear delta"),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "Softmax outputs with the log-likelihood cost do at least as well as sigmoid outputs with the "
        "cross-entropy.",
        "widget": "Softmax turns any four numbers into four shares of 1.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: softmax, after its last epoch",
    "sigmoid: final": "the difference is measured",
}
