"""What does L1 do that L2 does not? The same network with each penalty (chapter 3's problem)."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.comparison import Comparison, accuracy_curves, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Measured
from experiments.training import Job, unstack
from experiments.units import ACCURACY, POINTS
from jnndl.data import Splits
from jnndl.training import Fit

L2, STRONG, MATCHED = "L2 5.0", "L1 1.0", "L1 as strong as L2 5.0"
ARMS: dict[str, dict[str, float]] = {"none": {}, L2: {"l2": 5.0}, STRONG: {"l1": 1.0}}
TOP, NEARLY_ZERO = 0.1, 0.01


def concentration(weights: np.ndarray) -> float:
    """The share of sum |w| that the largest tenth of the weights has."""
    sizes = np.sort(np.abs(weights.ravel()))[::-1]
    return float(sizes[: int(TOP * len(sizes))].sum() / sizes.sum())


def first_layer_concentration(fit: Fit) -> np.ndarray:
    """The concentration of each network's first layer."""
    return np.asarray([concentration(weight) for weight in np.asarray(fit.params[0].weight)])


def nearly_zero(fit: Fit) -> np.ndarray:
    """The share of each network's first-layer weights that are below a hundredth of the largest of them."""
    sizes = np.abs(np.asarray(fit.params[0].weight)).reshape(len(fit.params[0].weight), -1)
    found: np.ndarray = np.mean(sizes < NEARLY_ZERO * sizes.max(axis=1, keepdims=True), axis=1)
    return found


CONCENTRATION, NEAR_ZERO = "share of the largest tenth", "share near zero"
COMPARED = Comparison(
    (*ARMS, MATCHED),
    {"final": final, CONCENTRATION: first_layer_concentration, NEAR_ZERO: nearly_zero},
    {minus(MATCHED, L2, share): (f"{MATCHED}: {share}", f"{L2}: {share}") for share in (CONCENTRATION, NEAR_ZERO)},
)
STRENGTH = "lambda of L1 that is as strong as L2 5.0"


def matching(fit: Fit, l2: float) -> float:
    """The lambda with which L1 takes as much from all weights together as L2 does.

    A step of L1 takes eta lambda/n off |w|, one of L2 eta lambda/n |w|.

    Args:
        fit: trained with L2; the mean is over its networks.
        l2: its lambda.
    """
    total = sum(float(np.abs(np.asarray(layer.weight)).sum()) for layer in fit.params)
    return l2 * total / sum(layer.weight.size for layer in fit.params)


def sorted_weights(fit: Fit) -> list[float]:
    """|w| of the first network's first layer in order of size, about 400 of them."""
    first = np.asarray(fit.params[0].weight)[0]
    sizes: list[float] = np.sort(np.abs(first.ravel()))[::-1][:: max(1, first.size // 400)].tolist()
    return sizes


def run(job: Job) -> Outcome:
    """Train the arms from the same weights on the same shuffles; validation data after each epoch."""
    network = job.mlp(30)
    # ch3-monitor-demo looks at the networks with L2 on the training data, too.
    arms: dict[str, dict[str, Any]] = {
        name: {kind: job.l2(value) for kind, value in penalties.items()} | {"measure_training": int(name == L2)}
        for name, penalties in ARMS.items()
    }
    shared: dict[str, Any] = {"network": network, "epochs": 30, "learning_rate": 0.5, "batch_size": 10}
    fits = train_arms(job, arms, job.splits.validation, **shared)
    strength = matching(fits[L2], arms[L2]["l2"])
    fits |= train_arms(job, {MATCHED: {"l1": strength, "measure_training": 0}}, job.splits.validation, **shared)
    measured = COMPARED.measure(fits) | {STRENGTH: strength}
    return Outcome(
        config={"hidden": 30, "weights": "default", "cost": "cross_entropy", "learning_rate": 0.5, "batch_size": 10}
        | {
            "epochs": job.epochs_of(30),
            "arms": {**ARMS, MATCHED: {"l1": strength}},
            "evaluated on": "validation, after each epoch",
        },
        measured={"validation_accuracy": measured[f"{STRONG}: final"], **measured},
        curves={
            "validation_accuracy": accuracy_curves(fits),
            "sorted weights": {name: sorted_weights(fit) for name, fit in fits.items()},
        },
        network=network,
        params=unstack(fits[STRONG].params)[0],
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
    minutes=2.8,
    metrics=("validation_accuracy", *COMPARED.names, STRENGTH),
    rows=(
        *(
            Row(
                id="ch3-l1",
                did="describes what the L1 penalty does to the weights",
                reported=reported,
                place="chapter 3, other techniques for regularization",
                metric=minus(MATCHED, L2, share),
                rule=Claim("above", unit=POINTS),
                ours=f"784-30-10, rate 0.5, 30 epochs, first layer: the share of {share_of}, with L1 minus with L2, "
                "paired by seed; the penalties are equally strong: at the end of L2's run both take as much from all "
                "weights together",
            )
            for share, reported, share_of in (
                (
                    CONCENTRATION,
                    "it concentrates them in few important connections",
                    "sum |w| in the largest tenth of |w|",
                ),
                (NEAR_ZERO, "it drives the others towards zero", "the weights below a hundredth of the largest"),
            )
        ),
        Row(
            id="ch3-l1",
            did="problem: train 784-30-10 with L1",
            reported="no number",
            place="chapter 3, problem",
            metric=f"{STRONG}: final",
            rule=Measured(unit=ACCURACY),
            ours="lambda 1.0, rate 0.5, 30 epochs, validation",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "From small initial weights and with 50,000 images, no penalty changes the accuracy by much.",
        "weights": "L1 drives a third of the weights to almost nothing and lets a few stay large. L2 shrinks the "
        "large ones most.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: L1 1.0, after its last epoch",
    **{f"{arm}: final": "in the picture; the book gives no figure" for arm in COMPARED.arms if arm != STRONG},
    **{
        f"{arm}: {share}": "the differences are judged" for arm in COMPARED.arms for share in (CONCENTRATION, NEAR_ZERO)
    },
    STRENGTH: "a setting, found from the run with L2",
}
