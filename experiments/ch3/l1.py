"""What does L1 do that L2 does not? The same network with each penalty (chapter 3's problem)."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.comparison import Comparison, accuracy_curves, best_epoch, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Measured
from experiments.training import Job, unstack
from jnndl.data import Splits
from jnndl.training import Fit

ARMS: dict[str, dict[str, float]] = {"none": {}, "L2 5.0": {"l2": 5.0}, "L1 1.0": {"l1": 1.0}, "L1 5.0": {"l1": 5.0}}
TOP = 0.1


def concentration(weights: np.ndarray) -> float:
    """The share of sum |w| that the largest tenth of the weights has."""
    sizes = np.sort(np.abs(weights.ravel()))[::-1]
    return float(sizes[: int(TOP * len(sizes))].sum() / sizes.sum())


def first_layer_concentration(fit: Fit) -> np.ndarray:
    """The concentration of each network's first layer."""
    return np.asarray([concentration(weight) for weight in np.asarray(fit.params[0].weight)])


CONCENTRATION_GAIN = f"concentration: {minus('L1 1.0', 'L2 5.0')}"
COMPARED = Comparison(
    tuple(ARMS),
    {"final": final, "best epoch": best_epoch, "concentration": first_layer_concentration},
    {
        CONCENTRATION_GAIN: ("L1 1.0: concentration", "L2 5.0: concentration"),
        f"accuracy: {minus('L1 1.0', 'none')}": ("L1 1.0: final", "none: final"),
    },
)


def sorted_weights(fit: Fit) -> list[float]:
    """|w| of the first network's first layer in order of size, about 400 of them."""
    first = np.asarray(fit.params[0].weight)[0]
    sizes: list[float] = np.sort(np.abs(first.ravel()))[::-1][:: max(1, first.size // 400)].tolist()
    return sizes


def run(job: Job) -> Outcome:
    """Train the arms from the same weights on the same shuffles; validation data after each epoch."""
    network = job.mlp(30)
    arms = {name: {kind: job.l2(value) for kind, value in penalties.items()} for name, penalties in ARMS.items()}
    shared: dict[str, Any] = {"network": network, "epochs": 30, "learning_rate": 0.5, "batch_size": 10}
    fits = train_arms(job, arms, job.splits.validation, **shared)
    measured = COMPARED.measure(fits)
    return Outcome(
        config={"hidden": 30, "weights": "default", "cost": "cross_entropy", "learning_rate": 0.5, "batch_size": 10}
        | {"epochs": job.epochs_of(30), "arms": ARMS, "evaluated on": "validation, after each epoch"},
        measured={"validation_accuracy": measured["L1 1.0: final"], **measured},
        curves={
            "validation_accuracy": accuracy_curves(fits),
            "sorted weights": {name: sorted_weights(fit) for name, fit in fits.items()},
        },
        network=network,
        params=unstack(fits["L1 1.0"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs; and the first layer's weights in order of size."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"30 hidden neurons, cross-entropy, rate 0.5, penalties: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (90, 98)),
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
    metrics=("validation_accuracy", *COMPARED.names),
    rows=(
        Row(
            id="ch3-l1",
            did="describes what the L1 penalty does to the weights",
            reported="it concentrates them in few important connections and drives the others towards zero",
            place="chapter 3, other techniques for regularization",
            metric=CONCENTRATION_GAIN,
            rule=Claim("above"),
            ours="784-30-10, rate 0.5, 30 epochs: the share of sum |w| in the largest tenth of the first layer, "
            "paired by seed",
        ),
        Row(
            id="ch3-l1",
            did="problem: train 784-30-10 with L1",
            reported="no number",
            place="chapter 3, problem",
            metric="L1 1.0: final",
            rule=Measured(),
            ours="lambda 1.0, rate 0.5, 30 epochs, validation",
        ),
    ),
    run=run,
    plot=plot,
)
