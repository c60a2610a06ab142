"""Does dropout help a dense network? A thousand images, with and without it, and with L2."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each
from experiments.statistics import Claim
from jnndl.data import Splits

HIDDEN, RATE, IMAGES, EPOCHS = 100, 0.5, 1000, 200
# dropped fraction, lambda
ARMS = {"plain": (0.0, 0.0), "dropout": (RATE, 0.0), "L2": (0.0, 0.1), "dropout and L2": (RATE, 0.1)}


def network_of(job: Job, rate: float) -> jnndl.Network:
    """One hidden layer, whose activations are dropped with probability ``rate``; see ``jnndl.Dropout``.

    Ours scales what is kept by 1/(1 - rate) in training; chapter 3 halves the outgoing weights in use instead, and
    network3 does that by multiplying the next layer's weighted sum by 1 - rate, and drops the *inputs* of a layer.
    """
    first = jnndl.Dense(job.pixels, HIDDEN)
    last = jnndl.Dense(HIDDEN, job.splits.classes, jnndl.neurons.linear)
    return jnndl.Network((first, jnndl.Dropout(rate), last) if rate else (first, last), jnndl.neurons.sigmoid,
                         (job.pixels,))  # fmt: skip


def run(job: Job) -> Outcome:
    """All arms by the handwritten gradient, on the same shuffles; test data after each epoch, as in ch3-overfitting."""
    measured: dict[str, Any] = {}
    curves, network, params = {}, None, None
    for name, (rate, l2) in ARMS.items():
        network = network_of(job, rate)
        fit, _ = job.fit(
            network,
            job.splits.test,
            title=f"{name}: ",
            training=job.training[:IMAGES],
            epochs=EPOCHS,
            learning_rate=0.5,
            batch_size=10,
            gradient=jnndl.gradients.backprop,
            l2=l2 or None,
        )
        accuracy, params = fit.history.evaluation_accuracy, fit.params
        last = max(1, accuracy.shape[1] // 10)
        measured[f"{name}: final"] = accuracy[:, -1]
        measured[f"{name}: last tenth"] = accuracy[:, -last:].mean(axis=1)
        curves[name] = curve(accuracy)
    for name, than in (("dropout", "plain"), ("dropout and L2", "L2")):
        measured[f"{name} minus {than}"] = measured[f"{name}: last tenth"] - measured[f"{than}: last tenth"]
    return Outcome(
        config={"hidden": HIDDEN, "weights": "default", "cost": "cross_entropy", "learning_rate": 0.5}
        | {"batch_size": 10, "images": IMAGES, "epochs": job.epochs_of(EPOCHS), "arms (dropped, lambda)": ARMS}
        | {"gradient": "backprop", "evaluated on": "test, after each epoch"},
        measured={"test_accuracy": measured["dropout: final"], **measured},
        curves={"test_accuracy": curves},
        network=network,
        params=each(params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw test accuracy against epochs."""
    plots.curves(
        folder / "accuracy.png",
        {name: 100 * np.asarray(values) for name, values in result["curves"]["test_accuracy"].items()},
        title=f"100 hidden neurons, half of them dropped, {IMAGES} images: {result['data']['name']}, "
        f"{len(result['seeds'])} seeds",
        ylabel="test accuracy (%)",
        ylim=(80, 92) if result["comparable"] else None,
    )


CITED = "cites Hinton et al. 2012: a dense network with dropout and a modified L2, all of MNIST"
EXPERIMENT = Experiment(
    name="ch3-dropout",
    chapter="3",
    shows="a thousand images, 100 hidden neurons: half of them dropped at each step, with and without L2",
    minutes=2.5,
    rows=(
        Row(
            "ch3-dropout",
            CITED,
            "98.4 % becomes 98.7 %: dropout lessens overfitting",
            "chapter 3, dropout",
            "dropout minus plain",
            Claim("above"),
            "784-100-10, first 1,000 images, rate 0.5, 200 epochs, mean of the last 20, test, paired by seed",
        ),
        Row(
            "ch3-dropout",
            CITED,
            "dropout helps together with L2",
            "chapter 3, dropout",
            "dropout and L2 minus L2",
            Claim("above"),
            "the same, with lambda 0.1 in both arms",
        ),
    ),
    run=run,
    plot=plot,
)
