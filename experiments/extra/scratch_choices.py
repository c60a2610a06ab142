"""Which width, initial weights and input scaling should scratch-vs-framework use? Chosen by validation accuracy."""

import dataclasses
import itertools
import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import final
from experiments.extra.scratch_vs_framework import EPOCHS, HE, RATE, network_of
from experiments.runner import Experiment, Outcome
from experiments.training import Job, unstack
from jnndl.data import Splits

WIDTHS = (64, 128)
WEIGHTS = {"He": HE, "default": jnndl.initializers.default}
SCALINGS = ("plain", "standardized")
CHOICES = tuple(itertools.product(WIDTHS, WEIGHTS, SCALINGS))


def name_of(width: int, weights: str, scaling: str) -> str:
    """What a choice is called."""
    return f"{width} {weights} {scaling}"


def run(job: Job) -> Outcome:
    """Try every combination with full-batch descent, which takes the fewest steps: a bad choice hurts it most."""
    measured, curves, networks = {}, {}, {}
    for width, weights, scaling in CHOICES:
        splits = jnndl.data.standardize(job.splits) if scaling == "standardized" else job.splits
        arm = dataclasses.replace(job, splits=splits)
        network = network_of(job, width, WEIGHTS[weights])
        name = name_of(width, weights, scaling)
        fit = arm.fit(
            network,
            splits.validation,
            title=f"{name}: ",
            epochs=EPOCHS,
            learning_rate=RATE,
            batch_size=len(arm.training),
            cost=jnndl.costs.log_likelihood,
            measure_training=0,
        ).fit
        measured[f"{name}: validation_accuracy"] = final(fit)
        curves[name] = fit.history.evaluation_accuracy.tolist()
        networks[name] = fit.network, unstack(fit.params)[0]
    best = max(curves, key=lambda name: np.mean([seed[-1] for seed in curves[name]]))
    return Outcome(
        config={"widths": WIDTHS, "weights": list(WEIGHTS), "inputs": SCALINGS, "learning_rate": RATE}
        | {"epochs": job.epochs_of(EPOCHS), "batch_size": len(job.training), "best": best},
        measured={"validation_accuracy": measured[f"{best}: validation_accuracy"], **measured},
        curves={"validation_accuracy": curves},
        network=networks[best][0],
        params=networks[best][1],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs for the widest networks."""
    plots.curves(
        folder / "accuracy.png",
        {
            name: plots.percent(values)
            for name, values in result["curves"]["validation_accuracy"].items()
            if name.startswith(str(WIDTHS[-1]))
        },
        title=f"scratch-choices: full-batch descent, {plots.about(result)}",
        ylabel="validation accuracy (%)",
    )


METRICS = ("validation_accuracy", *(f"{name_of(*choice)}: validation_accuracy" for choice in CHOICES))
UNJUDGED = dict.fromkeys(METRICS, "a choice for scratch-vs-framework; nobody reports it")
EXPERIMENT = Experiment(
    name="scratch-choices",
    chapter="",
    shows="width, initial weights and input scaling for scratch-vs-framework, chosen on validation data",
    minutes=20,
    metrics=METRICS,
    run=run,
    plot=plot,
    captions={
        "accuracy": "The settings among which scratch-vs-framework chooses, on validation data.",
    },
)
