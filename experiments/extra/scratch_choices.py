"""Which width, initial weights and input scaling should scratch-vs-framework use? Chosen by validation accuracy."""

import dataclasses
import itertools
import pathlib
from typing import Any

import jax
import numpy as np

import jnndl
from experiments import plots
from experiments.extra.scratch_vs_framework import EPOCHS, HE, RATE, network_of
from experiments.runner import Experiment, Job, Outcome
from jnndl.data import Splits

WIDTHS = (64, 128)
WEIGHTS = {"He": HE, "default": jnndl.initializers.default}
SCALINGS = ("plain", "standardized")


def run(job: Job) -> Outcome:
    """Full-batch descent, the arm that has the fewest steps to make up for a bad choice, for every combination."""
    measured, curves = {}, {}
    for width, weights, scaling in itertools.product(WIDTHS, WEIGHTS, SCALINGS):
        splits = jnndl.data.standardize(job.splits) if scaling == "standardized" else job.splits
        arm = dataclasses.replace(job, splits=splits)
        network = network_of(job, width, WEIGHTS[weights])
        name = f"{width} {weights} {scaling}"
        fit, _ = arm.fit(
            network,
            splits.validation,
            title=f"{name}: ",
            epochs=EPOCHS,
            learning_rate=RATE,
            batch_size=len(arm.training),
            cost=jnndl.costs.log_likelihood,
        )
        measured[f"{name}: validation_accuracy"] = fit.history.evaluation_accuracy[:, -1]
        curves[name] = fit.history.evaluation_accuracy.tolist()
    best = max(curves, key=lambda name: np.mean([seed[-1] for seed in curves[name]]))
    return Outcome(
        config={"widths": WIDTHS, "weights": list(WEIGHTS), "inputs": SCALINGS, "learning_rate": RATE}
        | {"epochs": job.epochs_of(EPOCHS), "batch_size": len(job.training), "best": best},
        measured={"validation_accuracy": measured[f"{best}: validation_accuracy"], **measured},
        curves={"validation_accuracy": curves},
        network=network,
        params=jax.tree.map(lambda a: a[0], fit.params),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs for the widest networks."""
    plots.curves(
        folder / "accuracy.png",
        {
            name: 100 * np.asarray(values)
            for name, values in result["curves"]["validation_accuracy"].items()
            if name.startswith(str(WIDTHS[-1]))
        },
        title=f"scratch-choices: full-batch descent, {result['data']['name']}, {len(result['seeds'])} seeds",
        ylabel="validation accuracy (%)",
    )


EXPERIMENT = Experiment(
    name="scratch-choices",
    chapter="",
    shows="width, initial weights and input scaling for scratch-vs-framework, chosen on validation data",
    minutes=20,
    rows=(),
    run=run,
    plot=plot,
)
