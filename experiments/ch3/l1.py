"""What does L1 do that L2 does not? The same network with each penalty (chapter 3's problem)."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each
from experiments.statistics import Claim, Measured
from jnndl.data import Splits

ARMS: dict[str, dict[str, Any]] = {"none": {}, "L2 5.0": {"l2": 5.0}, "L1 1.0": {"l1": 1.0}, "L1 5.0": {"l1": 5.0}}
TOP = 0.1


def concentration(weights: np.ndarray) -> float:
    """The share of sum |w| that the largest tenth of the weights has."""
    sizes = np.sort(np.abs(weights.ravel()))[::-1]
    return float(sizes[: int(TOP * len(sizes))].sum() / sizes.sum())


def run(job: Job) -> Outcome:
    """Train the arms from the same weights on the same shuffles; validation data after each epoch."""
    network, params = job.mlp(30), None
    measured: dict[str, Any] = {}
    curves, weights = {}, {}
    for name, penalties in ARMS.items():
        scaled: dict[str, Any] = {kind: job.l2(value) for kind, value in penalties.items()}
        fit, _ = job.fit(
            network, job.splits.validation, title=f"{name}: ", epochs=30, learning_rate=0.5, batch_size=10, **scaled
        )
        params, first = fit.params, np.asarray(fit.params[0].weight)
        measured[f"{name}: final"] = fit.history.evaluation_accuracy[:, -1]
        measured[f"{name}: best epoch"] = fit.history.evaluation_accuracy.max(axis=1)
        measured[f"{name}: concentration"] = np.asarray([concentration(w) for w in first])
        curves[name] = curve(fit.history.evaluation_accuracy)
        weights[name] = np.sort(np.abs(first[0].ravel()))[::-1][:: max(1, first[0].size // 400)].tolist()
    measured["concentration: L1 1.0 minus L2 5.0"] = (
        measured["L1 1.0: concentration"] - measured["L2 5.0: concentration"]
    )
    measured["accuracy: L1 1.0 minus none"] = measured["L1 1.0: final"] - measured["none: final"]
    return Outcome(
        config={"hidden": 30, "weights": "default", "cost": "cross_entropy", "learning_rate": 0.5, "batch_size": 10}
        | {"epochs": job.epochs_of(30), "arms": ARMS, "evaluated on": "validation, after each epoch"},
        measured={"validation_accuracy": measured["L1 1.0: final"], **measured},
        curves={"validation_accuracy": curves, "sorted weights": weights},
        network=network,
        params=each(params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs; and the first layer's weights in order of size."""
    about = f"{result['data']['name']}, {len(result['seeds'])} seeds"
    plots.curves(
        folder / "accuracy.png",
        {name: 100 * np.asarray(values) for name, values in result["curves"]["validation_accuracy"].items()},
        title=f"30 hidden neurons, cross-entropy, rate 0.5, penalties: {about}",
        ylabel="validation accuracy (%)",
        ylim=(90, 98) if result["comparable"] else None,
    )
    weights = result["curves"]["sorted weights"]
    count = len(weights["none"])
    plots.curves(
        folder / "weights.png",
        {name: np.maximum(values, 1e-8) for name, values in weights.items()},
        x=100 * (np.arange(count) + 0.5) / count,
        title=f"First-layer weights in order of size, first seed, {result['data']['name']}",
        xlabel="share of the weights that are larger (%)",
        ylabel="|w|",
        yscale="log",
        ylim=(1e-6, 10),
    )


EXPERIMENT = Experiment(
    name="ch3-l1",
    chapter="3",
    shows="L1 against L2 and no penalty: accuracy, and where the weights go",
    minutes=3,
    rows=(
        Row(
            "ch3-l1",
            "describes what the L1 penalty does to the weights",
            "it concentrates them in few important connections and drives the others towards zero",
            "chapter 3, other techniques for regularization",
            "concentration: L1 1.0 minus L2 5.0",
            Claim("above"),
            "784-30-10, rate 0.5, 30 epochs: the share of sum |w| in the largest tenth of the first layer, by seed",
        ),
        Row(
            "ch3-l1",
            "problem: train 784-30-10 with L1",
            "no figure",
            "chapter 3, problem",
            "L1 1.0: final",
            Measured(),
            "lambda 1.0, rate 0.5, 30 epochs, validation",
        ),
    ),
    run=run,
    plot=plot,
)
