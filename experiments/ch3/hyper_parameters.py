"""How does one find hyper-parameters that work at all? Chapter 3's story, from nothing learned to a first signal."""

import dataclasses
import functools
import pathlib
from typing import Any

import jax
import numpy as np
import optax

from experiments import plots
from experiments.comparison import Comparison, curve, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Number, ShareClaim
from experiments.training import Job, forward_fill, unstack
from experiments.units import ACCURACY, POINTS
from jnndl.data import Splits
from jnndl.layers import Affine
from jnndl.network import Params
from jnndl.training import Fit

SMALL, WATCHED, SHOWN = 1000, 100, 4
# hidden neurons, rate, lambda; all but the first on 1,000 images, watched on 100
ARMS: dict[str, tuple[tuple[int, ...], float, float]] = {
    "bad": ((30,), 10.0, 1000.0),
    "small": ((), 10.0, 1000.0),
    "lambda": ((), 10.0, 20.0),
    "eta up": ((), 100.0, 20.0),
    "eta down": ((), 1.0, 20.0),
}
BOOK = {"small": [10, 10, 10], "lambda": [12, 14, 25, 18], "eta up": [10, 10, 10, 10], "eta down": [62, 42, 43, 61]}
NETWORKS = 10  # of 784-10, for each seed: they take a second, and a share wants many
SHOWN_MEAN = "mean of the epochs shown"


def accuracy_of(fit: Fit) -> np.ndarray:
    """The accuracy after each epoch; a network that diverges keeps what it answered last."""
    return forward_fill(fit.history.evaluation_accuracy)


COMPARED = Comparison(
    tuple(ARMS),
    {"final": lambda fit: accuracy_of(fit)[:, -1], SHOWN_MEAN: lambda fit: accuracy_of(fit)[:, :SHOWN].mean(axis=1)},
    {
        minus(better, worse): (f"{better}: {SHOWN_MEAN}", f"{worse}: {SHOWN_MEAN}")
        for better, worse in (("lambda", "small"), ("eta down", "lambda"))
    },
)


def stuck(arm: str) -> str:
    """The name of what is 1 for a network with exactly 10 of 100 images right after each epoch, and else 0."""
    return f"{arm}: 10 of 100 after each epoch"


def ten_each(fit: Fit, epochs: int) -> np.ndarray:
    """For each network, whether it trained all epochs, and exactly a tenth of the images is right after each of them.

    Weights that have overflowed answer 0, too, and so are right in a tenth: such a network has stopped before.
    """
    accuracy = np.asarray(fit.history.evaluation_accuracy)
    whole = accuracy.shape[1] == epochs
    return (whole & np.all(np.isclose(accuracy, 0.1, atol=1e-6), axis=1)).astype(float)


def decaying(learning_rate: Any, decay: float) -> optax.GradientTransformation:
    """Descent with weight decay beside the cost, w <- (1 - eta decay) w - eta nabla, which is L2 without its penalty.

    The penalty of weights of 1e190 is not finite, and the library would stop; network2 does not look at it.
    """

    def weights_only(params: Params) -> Any:
        return tuple(Affine(True, False) for _ in params)  # type: ignore[arg-type]

    return optax.chain(optax.add_decayed_weights(decay, mask=weights_only), optax.sgd(learning_rate))


def run(job: Job) -> Outcome:
    """Train each step of the story; the networks whose outputs saturate in float64, as network2 does.

    In float32 an output rounds to exactly 1 from z = 17 on, in float64 from z = 37 on. Where several outputs are equal,
    the first of them is the answer, so the precision decides what a saturated network answers.
    """
    many, training, watched = dataclasses.replace(job, seeds=NETWORKS * job.seeds), job.training[:SMALL], WATCHED
    arms: dict[str, dict[str, Any]] = {
        name: {"network": job.mlp(*hidden), "learning_rate": rate, "l2": job.l2(strength, SMALL), "epochs": SHOWN}
        for name, (hidden, rate, strength) in ARMS.items()
    }
    # The book shows three epochs of it, and in the fourth the weights overflow.
    small = functools.partial(decaying, decay=arms["small"].pop("l2") / len(training))
    arms["small"] |= {"optimizer": small, "epochs": len(BOOK["small"])}
    bad = arms.pop("bad") | {"epochs": 30, "l2": job.l2(ARMS["bad"][2]), "evaluation": job.splits.validation}
    shared: dict[str, Any] = {"batch_size": 10, "measure_training": 0}
    fits = train_arms(job, {"bad": bad}, None, **shared)
    with jax.enable_x64(True):
        fits |= train_arms(many, arms, job.splits.validation[:watched], training=training, **shared)
    measured = COMPARED.measure(fits)
    measured |= {stuck(name): ten_each(fits[name], job.epochs_of(arms[name]["epochs"])) for name in ("small", "eta up")}
    network = arms["eta down"]["network"]
    return Outcome(
        config={"arms (hidden, rate, lambda)": ARMS, "weights": "default", "cost": "cross_entropy", "batch_size": 10}
        | {"images": f"all for bad, else {SMALL}", "epochs": f"30 for bad, 3 for small, else {SHOWN}"}
        | {"evaluated on": f"validation, all for bad, else the first {WATCHED}", "precision": "float64, bad float32"}
        | {"networks": f"{NETWORKS} for each seed, bad 1"},
        measured={"validation_accuracy": measured["eta down: final"][: job.seeds], **measured},
        curves={"validation_accuracy": {name: curve(accuracy_of(fit)) for name, fit in fits.items()}},
        network=network,
        params=jax.tree.map(np.float32, unstack(fits["eta down"].params)[0]),
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs for the steps of the story."""
    found = plots.percent(result["curves"]["validation_accuracy"])
    plots.curves(
        folder / "accuracy.png",
        {f"{name}: rate {ARMS[name][1]:g}, lambda {ARMS[name][2]:g}": found[name] for name in reversed(found)},
        xlim=(-0.1, SHOWN - 0.9),
        ylim=(0, 105),  # which leaves room for the legend
        title=f"The search for hyper-parameters: {plots.about(result)}, ten networks each (bad: one)",
        unit="networks",
        ylabel="validation accuracy (%)",
        points=plots.if_comparable(
            result, {f"book, {name}": list(enumerate(BOOK[name])) for name in reversed(found) if name in BOOK}
        ),
    )


PLACE = "chapter 3, how to choose hyper-parameters"
MEAN = "the same, in float64 as network2 computes, ten networks for each seed: the mean of the epochs shown"
ON_1000 = "784-10, rate {}, lambda {}, first 1,000 images, 100 validation images"
EXACT = (
    "the same, in float64 as network2 computes, ten networks for each seed: in how many it is exactly 10 after each of "
    "these epochs. Several outputs of each image round to exactly 1, the first of them is the answer, and ten of the "
    "hundred images are zeros. The rule: the book's run is what most networks do"
)
EXPERIMENT = Experiment(
    name="ch3-hyper-parameters",
    chapter="3",
    shows="chapter 3's search: from rate 10 and lambda 1000 to a network that learns",
    minutes=0.8,
    metrics=("validation_accuracy", *COMPARED.names, stuck("small"), stuck("eta up")),
    rows=(
        Row(
            id="ch3-hp-bad",
            did="784-30-10, rate 10, lambda 1000, 30 epochs",
            reported="1030, 990, 1009, ..., 967 of 10,000: chance",
            place=PLACE,
            metric="bad: final",
            rule=Claim("below", 0.12, unit=ACCURACY),
            ours="the same; below 12 %: the book's counts are those of the validation images of one digit",
        ),
        Row(
            id="ch3-hp-small",
            did=ON_1000.format(10, 1000),
            reported="10, 10, 10 of 100",
            place=PLACE,
            metric=stuck("small"),
            rule=ShareClaim("above", 0.5),
            ours=EXACT,
        ),
        Row(
            id="ch3-hp-lambda",
            did=ON_1000.format(10, 20),
            reported="12, 14, 25, 18 of 100",
            place=PLACE,
            metric=f"lambda: {SHOWN_MEAN}",
            rule=Number(0.1725),
            ours=MEAN,
        ),
        Row(
            id="ch3-hp-lambda",
            did="lambda 20 in place of 1000",
            reported="there is a signal",
            place=PLACE,
            metric=minus("lambda", "small"),
            rule=Claim("above", unit=POINTS),
            ours=f"{MEAN}, paired by network",
        ),
        Row(
            id="ch3-hp-eta-up",
            did=ON_1000.format(100, 20),
            reported="10, 10, 10, 10 of 100",
            place=PLACE,
            metric=stuck("eta up"),
            rule=ShareClaim("above", 0.5),
            ours=EXACT,
        ),
        Row(
            id="ch3-hp-eta-down",
            did=ON_1000.format(1, 20),
            reported="62, 42, 43, 61 of 100",
            place=PLACE,
            metric=f"eta down: {SHOWN_MEAN}",
            rule=Number(0.52),
            ours=MEAN,
        ),
        Row(
            id="ch3-hp-eta-down",
            did="rate 1 in place of 10",
            reported="much better",
            place=PLACE,
            metric=minus("eta down", "lambda"),
            rule=Claim("above", unit=POINTS),
            ours=f"{MEAN}, paired by network",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "Three settings stay at ten of a hundred. With a smaller lambda the network learns something, and "
        "with a lower rate (eta down) much more.",
    },
)
SHOWN_BY = "the rows look at the mean of the epochs that the book shows"
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: eta down after its last epoch",
    **{f"{name}: final": SHOWN_BY for name in ARMS if name != "bad"},
    f"bad: {SHOWN_MEAN}": "the book shows the first and the last three of 30 epochs; the row looks at the last",
    **{f"{name}: {SHOWN_MEAN}": "the row counts the networks with exactly 10 of 100" for name in ("small", "eta up")},
}
