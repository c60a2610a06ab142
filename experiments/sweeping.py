"""How long does a sweep take, beside as many runs of ``fit``? ``python -m experiments benchmark --only sweep``.

7 learning rates x 3 lambdas x 10 seeds of 784-30-10 for 5 epochs: 210 runs of ``fit``, one after the other; ``sweep``;
and ``sweep`` with halving. Each in a process of its own, timed from its first call to its last result, compiling and
measuring on the validation data included.

What was fixed before the first run: halving after 1, 2 and 4 epochs trains 47 of the 105 epochs of all cells, and is as
good if its best cell has the learning rate of the best cell of the whole grid.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import jax
import numpy as np

import jnndl
from jnndl.data import Dataset, Splits
from jnndl.progress import duration

RATES, LAMBDAS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0), (0.0, 1.0, 5.0)  # lambdas for the book's 50,000 images
SEEDS, EPOCHS, HALVING, HIDDEN = 10, 5, (1, 2, 4), 30
FIT, SWEEP, HALVED = "fit", "sweep", "sweep with halving"
HOW, DATA = (FIT, SWEEP, HALVED), ("training", "validation")


def train(how: str, training: Dataset, validation: Dataset, quick: bool) -> dict[str, Any]:
    """Train every cell with every seed in one of three ways.

    Returns:
        Seconds, the epochs trained (of single networks), the mean score of each cell, and the settings of the best.
    """
    rates, seeds = (RATES[2::2], 2) if quick else (RATES, SEEDS)
    l2 = [value * len(training) / 50_000 for value in LAMBDAS]
    network = jnndl.mlp([int(np.prod(training.inputs.shape[1:])), HIDDEN, int(training.targets.max()) + 1])
    cells: list[dict[str, Any]] = [{"learning_rate": rate, "l2": value} for rate in rates for value in l2]
    rest: dict[str, Any] = {"epochs": EPOCHS, "progress": False}
    jax.devices()  # starting JAX is not timed
    started = time.perf_counter()
    if how == FIT:
        fits = [
            jnndl.fit(network, training, validation, key=seed, measure_training=0, **cell, **rest)
            for cell in cells
            for seed in range(seeds)
        ]
        scores = np.asarray([float(fit.state.best.score) for fit in fits]).reshape(len(cells), seeds)
        trained = sum(int(fit.state.epoch) for fit in fits)
    else:
        halving = HALVING if how == HALVED else False
        found = jnndl.sweep(
            network, training, validation, learning_rate=rates, l2=l2, seeds=seeds, halving=halving, **rest
        )
        scores, trained = found.scores, sum(int(fit.state.epoch.sum()) for fit in found.fits)
    seconds, means = time.perf_counter() - started, scores.mean(axis=1)
    best = int(means.argmax())
    told = {"best": cells[best], "accuracy": float(means[best]), "std": float(scores[best].std(ddof=1))}
    return told | {"seconds": seconds, "networks": scores.size, "epochs": trained, "means": means.tolist()}


def measure(splits: Splits, quick: bool) -> dict[str, dict[str, Any]]:
    """The three ways, each in a process of its own, one after the other."""
    training = splits.training[:1000] if quick else splits.training
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in zip(DATA, (training, splits.validation), strict=True):
            np.save(f"{folder}/{name}-inputs.npy", np.asarray(data.inputs))
            np.save(f"{folder}/{name}-targets.npy", np.asarray(data.targets))
        for how in HOW:
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            devices = {"JAX_NUM_CPU_DEVICES": str(1 if how == FIT else cores)}
            fresh = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_COMPILATION_CACHE": "false"}
            command = [
                sys.executable,
                "-m",
                "experiments.sweeping",
                how,
                folder,
                str(float(training.scale)),
                str(quick),
            ]
            root = pathlib.Path(__file__).parents[1]
            done = subprocess.run(
                command, env={**os.environ, **devices, **fresh}, cwd=root, stdout=subprocess.PIPE, check=True, text=True
            )
            rows[how] = json.loads(done.stdout.splitlines()[-1])
            print(f"  {how}: {rows[how]['seconds']:.1f} s, {rows[how]['epochs']} epochs", flush=True)
    return rows


def table(rows: dict[str, dict[str, Any]], title: str) -> list[str]:
    """The same in Markdown, with what the comparison was for."""
    whole, halved, alone = rows[SWEEP], rows[HALVED], rows[FIT]
    lines = [f"{title}: {alone['networks']} networks, {EPOCHS} epochs, compiling and measuring included:", ""]
    lines += ["| | seconds | epochs trained | best rate | lambda | validation accuracy, best epoch |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for how, row in rows.items():
        cells = [f"{row['seconds']:.1f}", str(row["epochs"]), *(f"{value:g}" for value in row["best"].values())]
        lines.append(f"| {how} | {' | '.join(cells)} | {100 * row['accuracy']:.2f} % +- {100 * row['std']:.2f} |")
    same = "the same" if whole["best"]["learning_rate"] == halved["best"]["learning_rate"] else "another"
    bits = "the same" if whole["means"] == alone["means"] else "NOT the same"
    return [
        *lines,
        "",
        f"The sweep takes {whole['seconds'] / alone['seconds']:.2f} of the time of fit ({duration(alone['seconds'])}), "
        f"with halving {halved['seconds'] / alone['seconds']:.2f}. The accuracies of the cells are {bits}. "
        f"Halving finds {same} best rate with {halved['epochs'] / whole['epochs']:.0%} of the epochs.",
        "",
    ]


def main(how: str, folder: str, scale: str, quick: str) -> None:
    """Train in one way, and print what came out as a line of JSON."""
    arrays = [[np.load(f"{folder}/{name}-{part}.npy") for part in ("inputs", "targets")] for name in DATA]
    training, validation = (Dataset(inputs, targets, scale=float(scale)) for inputs, targets in arrays)
    print(json.dumps(train(how, training, validation, quick == "True")))


if __name__ == "__main__":
    main(*sys.argv[1:])
