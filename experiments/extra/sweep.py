"""Which learning rate with how much regularisation? 784-30-10 on a grid of both, all networks in one program."""

import pathlib
from typing import Any

import jax
import numpy as np

from experiments import plots
from experiments.comparison import curve, final
from experiments.runner import Experiment, Outcome, write
from experiments.training import Job
from jnndl.data import Splits

RATES, L2 = (0.05, 0.16, 0.5, 1.6, 5.0), (0.0, 0.5, 1.6, 5.0, 16.0, 50.0)
QUICK_RATES, QUICK_L2 = (0.5, 5.0), (0.0, 5.0)


def run(job: Job) -> Outcome:
    """Train every cell of the grid from the same keys; validation accuracy after the last epoch."""
    rates, strengths = (QUICK_RATES, QUICK_L2) if job.quick else (RATES, L2)
    grid = [(rate, strength) for rate in rates for strength in strengths]
    network = job.mlp(30)
    fit = job.fit(
        network,
        job.splits.validation,
        cells=len(grid),
        epochs=10,
        batch_size=10,
        learning_rate=np.asarray([rate for rate, _ in grid]),
        l2=np.asarray([job.l2(strength) for _, strength in grid]),
        measure_training=0,
    ).fit
    accuracy = final(fit).reshape(len(rates), len(strengths), job.seeds)
    best = divmod(int(np.argmax(np.nan_to_num(accuracy).mean(axis=-1))), len(strengths))
    chosen = (best[0] * len(strengths) + best[1]) * job.seeds
    return Outcome(
        config={"sizes": [job.pixels, 30, job.splits.classes], "weights": "default", "cost": "cross_entropy"}
        | {"batch_size": 10, "epochs": fit.history.penalty.shape[-1], "evaluated on": "validation, last epoch"}
        | {"learning_rate": list(rates), "l2": [job.l2(strength) for strength in strengths]},
        measured={
            "validation_accuracy": accuracy[best],
            "best_learning_rate": np.asarray([rates[best[0]]]),
            "best_l2": np.asarray([job.l2(strengths[best[1]])]),
            "book_cell_validation_accuracy": accuracy[rates.index(0.5), strengths.index(5.0)],
        },
        curves={"accuracy": curve(accuracy)},
        network=network,
        params=jax.tree.map(lambda a: a[chosen], fit.params),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the grid as a heat map, and write it as a table."""
    accuracy = plots.percent(result["curves"]["accuracy"])
    rates, strengths = result["config"]["learning_rate"], result["config"]["l2"]
    mean = accuracy.mean(axis=-1)
    spread = accuracy.std(axis=-1, ddof=1) if accuracy.shape[-1] > 1 else np.full(mean.shape, np.nan)
    cells = [[f"{m:.2f} +- {s:.2f}" for m, s in zip(*row, strict=True)] for row in zip(mean, spread, strict=True)]
    head = ["rate \\ lambda", *(f"{strength:g}" for strength in strengths)]
    lines = [head, ["---"] * len(head), *([f"{rate:g}", *row] for rate, row in zip(rates, cells, strict=True))]
    write(folder / "table.md", "".join(f"| {' | '.join(line)} |\n" for line in lines))
    plots.heat(
        folder / "accuracy.png",
        mean,
        spread,
        rows=[f"{rate:.3g}" for rate in rates],
        columns=[f"{strength:.3g}" for strength in strengths],
        title=f"sweep: validation accuracy (%) after {result['config']['epochs']} epochs, {result['data']['name']}, "
        f"mean and standard deviation of {len(result['seeds'])} seeds",
        xlabel="lambda",
        ylabel="learning rate",
    )


METRICS = ("validation_accuracy", "best_learning_rate", "best_l2", "book_cell_validation_accuracy")
UNJUDGED = dict.fromkeys(METRICS, "a grid of our own, of which the book reports nothing")
EXPERIMENT = Experiment(
    name="sweep",
    chapter="",
    shows="784-30-10, cross-entropy: learning rate against lambda, 30 cells, every network at once",
    minutes=8.5,
    metrics=METRICS,
    run=run,
    plot=plot,
    captions={
        "accuracy": "Each cell is the mean of its seeds. The frame is around the best.",
    },
)
