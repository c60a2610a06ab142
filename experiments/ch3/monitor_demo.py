"""What do network2's four monitors show? 784-30-10, cross-entropy, lambda 5.0, rate 0.5, on validation data."""

import pathlib
from typing import Any

import jnndl
from experiments import plots
from experiments.comparison import best_epoch, final
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Measured
from experiments.training import Job, unstack
from experiments.units import ACCURACY
from jnndl.data import Splits


def run(job: Job) -> Outcome:
    """Train with all four monitors on; costs as network2 adds them up, penalty included."""
    network = jnndl.mlp([job.pixels, 30, job.splits.classes])
    validation, l2 = job.splits.validation, job.l2(5.0)
    fit = job.fit(network, validation, epochs=30, learning_rate=0.5, batch_size=10, l2=l2).fit
    history = fit.history
    # network2 divides lambda by the size of the set it looks at, so its two costs are on different scales.
    evaluation_penalty = history.penalty * len(job.training) / len(validation)
    return Outcome(
        config={"sizes": [job.pixels, 30, job.splits.classes], "weights": "default", "epochs": history.penalty.shape[1]}
        | {"learning_rate": 0.5, "batch_size": 10, "cost": "cross_entropy", "l2": l2, "evaluated on": "validation"},
        measured={
            "validation_accuracy": final(fit),
            "training_accuracy": history.training_accuracy[:, -1],
            "best_epoch_validation_accuracy": best_epoch(fit),
        },
        curves={
            "validation_accuracy": history.evaluation_accuracy.tolist(),
            "training_accuracy": history.training_accuracy.tolist(),
            "validation_cost": (history.evaluation_cost + evaluation_penalty).tolist(),
            "training_cost": (history.training_cost + history.penalty).tolist(),
        },
        network=network,
        params=unstack(fit.params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the four monitors."""
    found, about = result["curves"], plots.about(result)
    plots.curves(
        folder / "accuracy.png",
        plots.percent({part: found[f"{part}_accuracy"] for part in ("validation", "training")}),
        title=f"ch3-monitor-demo: accuracy, {about}",
        ylabel="accuracy (%)",
    )
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
    metrics=("validation_accuracy", "training_accuracy", "best_epoch_validation_accuracy"),
    rows=(
        Row(
            id="ch3-monitor-demo",
            did="784-30-10, cross-entropy, lambda 5.0, rate 0.5, 30 epochs, all four monitors on",
            reported="no number: it shows how the monitors are used",
            place="chapter 3, the code of network2",
            metric="validation_accuracy",
            rule=Measured(unit=ACCURACY),
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "The training accuracy stays above the validation accuracy.",
        "cost": "network2 divides the penalty by the size of the data measured, so that the penalty weighs five times "
        "as much in the validation cost.",
    },
)
UNJUDGED = dict.fromkeys(
    ("training_accuracy", "best_epoch_validation_accuracy"), "the book shows how to monitor it, and gives no figure"
)
