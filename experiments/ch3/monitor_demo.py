"""What do network2's four monitors show? 784-30-10, cross-entropy, lambda 5.0, rate 0.5, on validation data."""

import pathlib
from typing import Any

import jax
import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row
from experiments.statistics import Measured
from jnndl.data import Splits


def run(job: Job) -> Outcome:
    """Train with all four monitors on; costs as network2 adds them up, penalty included."""
    network = jnndl.mlp([job.pixels, 30, job.splits.classes])
    validation, l2 = job.splits.validation, job.l2(5.0)
    fit, _ = job.fit(network, validation, epochs=30, learning_rate=0.5, batch_size=10, l2=l2)
    history = fit.history
    # network2 divides lambda by the size of the set it looks at, so its two costs are on two scales.
    evaluation_penalty = history.penalty * len(job.training) / len(validation)
    return Outcome(
        config={"sizes": [job.pixels, 30, job.splits.classes], "weights": "default", "epochs": history.penalty.shape[1]}
        | {"learning_rate": 0.5, "batch_size": 10, "cost": "cross_entropy", "l2": l2, "evaluated on": "validation"},
        measured={
            "validation_accuracy": history.evaluation_accuracy[:, -1],
            "training_accuracy": history.training_accuracy[:, -1],
            "best_epoch_validation_accuracy": history.evaluation_accuracy.max(axis=1),
        },
        curves={
            "validation_accuracy": history.evaluation_accuracy.tolist(),
            "training_accuracy": history.training_accuracy.tolist(),
            "validation_cost": (history.evaluation_cost + evaluation_penalty).tolist(),
            "training_cost": (history.training_cost + history.penalty).tolist(),
        },
        network=network,
        params=jax.tree.map(lambda a: a[0], fit.params),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the four monitors."""
    found = result["curves"]
    about = f"{result['data']['name']}, {len(result['seeds'])} seeds"
    accuracy = {part: 100 * np.asarray(found[f"{part}_accuracy"]) for part in ("validation", "training")}
    title = f"ch3-monitor-demo: accuracy, {about}"
    plots.curves(folder / "accuracy.png", accuracy, title=title, ylabel="accuracy (%)")
    plots.curves(
        folder / "cost.png",
        {part: found[f"{part}_cost"] for part in ("validation", "training")},
        title=f"ch3-monitor-demo: cost with penalty, as network2 adds it, {about}",
        ylabel="cross-entropy + penalty (nats)",
    )


EXPERIMENT = Experiment(
    name="ch3-monitor-demo",
    chapter="3",
    shows="784-30-10, cross-entropy, lambda 5.0, rate 0.5: network2's four monitors",
    minutes=0.5,
    rows=(
        Row(
            id="ch3-monitor-demo",
            did="784-30-10, cross-entropy, lambda 5.0, rate 0.5, 30 epochs, all four monitors on",
            reported="no figure: it shows how the monitors are used",
            place="chapter 3, the code of network2",
            figure="validation_accuracy",
            rule=Measured(),
        ),
    ),
    run=run,
    plot=plot,
)
