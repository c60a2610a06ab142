"""Does dropout help a dense network? A thousand images, with and without it, and with L2."""

import pathlib
from typing import Any

import jnndl
from experiments import plots
from experiments.comparison import Comparison, accuracy_curves, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim
from experiments.training import Job, unstack
from experiments.units import POINTS
from jnndl.data import Splits
from jnndl.network import Network
from jnndl.training import Fit

HIDDEN, RATE, IMAGES, EPOCHS = 100, 0.5, 1000, 200
# dropped fraction, lambda
ARMS = {"plain": (0.0, 0.0), "dropout": (RATE, 0.0), "L2": (0.0, 0.1), "dropout and L2": (RATE, 0.1)}


def last_tenth(fit: Fit) -> Any:
    """The mean test accuracy over the last tenth of the epochs."""
    accuracy = fit.history.evaluation_accuracy
    return accuracy[:, -max(1, accuracy.shape[1] // 10) :].mean(axis=1)


COMPARED = Comparison(
    tuple(ARMS),
    {"final": final, "last tenth": last_tenth},
    {
        minus("dropout", "plain"): ("dropout: last tenth", "plain: last tenth"),
        minus("dropout and L2", "L2"): ("dropout and L2: last tenth", "L2: last tenth"),
    },
)


def network_of(job: Job, rate: float) -> Network:
    """One hidden layer, whose activations are dropped with probability ``rate``; see ``jnndl.Dropout``.

    Ours scales the activations that are left by 1/(1 - rate) in training. Chapter 3 halves the outgoing weights when
    the network is used instead; network3 does that by multiplying the next layer's weighted input by 1 - rate, and
    drops the *inputs* of a layer.
    """
    first = jnndl.Dense(job.pixels, HIDDEN)
    last = jnndl.Dense(HIDDEN, job.splits.classes, jnndl.neurons.linear)
    layers = (first, jnndl.Dropout(rate), last) if rate else (first, last)
    return Network(layers, jnndl.neurons.sigmoid, (job.pixels,))


def run(job: Job) -> Outcome:
    """All arms by the handwritten gradient, on the same shuffles; test data after each epoch, as in ch3-overfitting."""
    networks = {name: network_of(job, rate) for name, (rate, _) in ARMS.items()}
    arms = {name: {"network": networks[name], "l2": l2 or None} for name, (_, l2) in ARMS.items()}
    fits = train_arms(
        job,
        arms,
        job.splits.test,
        training=job.training[:IMAGES],
        epochs=EPOCHS,
        learning_rate=0.5,
        batch_size=10,
        gradient=jnndl.gradients.backprop,
        measure_training=0,
    )
    measured = COMPARED.measure(fits)
    return Outcome(
        config={"hidden": HIDDEN, "weights": "default", "cost": "cross_entropy", "learning_rate": 0.5}
        | {"batch_size": 10, "images": IMAGES, "epochs": job.epochs_of(EPOCHS), "arms (dropped, lambda)": ARMS}
        | {"gradient": "backprop", "evaluated on": "test, after each epoch"},
        measured={"test_accuracy": measured["dropout: final"], **measured},
        curves={"test_accuracy": accuracy_curves(fits)},
        network=networks["dropout"],
        params=unstack(fits["dropout"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw test accuracy against epochs."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["test_accuracy"]),
        title=f"100 hidden neurons, half of them dropped, {IMAGES} images: {plots.about(result)}",
        ylabel="test accuracy (%)",
        ylim=plots.if_comparable(result, (80, 92)),
    )


CITED = "cites Hinton et al. 2012: a dense network with dropout and a modified L2, all of MNIST"
EXPERIMENT = Experiment(
    name="ch3-dropout",
    chapter="3",
    shows="a thousand images, 100 hidden neurons: half of them dropped at each step, with and without L2",
    minutes=2.3,
    metrics=("test_accuracy", *COMPARED.names),
    rows=(
        Row(
            id="ch3-dropout",
            did=CITED,
            reported="98.4 % becomes 98.7 %: dropout lessens overfitting",
            place="chapter 3, dropout",
            metric=minus("dropout", "plain"),
            rule=Claim("above", unit=POINTS),
            ours="784-100-10, first 1,000 images, rate 0.5, 200 epochs, mean of the last 20, test, paired by seed "
            "(hidden weights and shuffles are shared, output weights are not); what is left is scaled up in training, "
            "where the book scales the outgoing weights down afterwards",
        ),
        Row(
            id="ch3-dropout",
            did=CITED,
            reported="dropout helps together with L2",
            place="chapter 3, dropout",
            metric=minus("dropout and L2", "L2"),
            rule=Claim("above", unit=POINTS),
            ours="the same, with lambda 0.1 in both arms",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "With a thousand images dropout gains a little, from about the twentieth epoch on.",
    },
)
UNJUDGED = {
    "test_accuracy": "the saved network's arm: dropout, after its last epoch",
    **{f"{arm}: {name}": "the differences are judged" for arm in ARMS for name in COMPARED.metrics},
}
