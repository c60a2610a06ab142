"""Does cross-entropy help on MNIST? Chapter 3's first runs against chapter 1's, from the same weights and shuffles."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import Comparison, accuracy_curves, best_epoch, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Number, Toy
from experiments.training import Job, unstack
from jnndl.data import Splits

COSTS = {"cross-entropy": (jnndl.costs.cross_entropy, 0.5), "quadratic": (jnndl.costs.quadratic, 3.0)}
WIDTHS = (30, 100)
COMPARED = Comparison(
    tuple(f"{name}, {hidden}" for hidden in WIDTHS for name in COSTS),
    {"best epoch": best_epoch, "final": final},
    {
        minus("cross-entropy", f"quadratic, {hidden}", at): (
            f"cross-entropy, {hidden}: {at}",
            f"quadratic, {hidden}: {at}",
        )
        for hidden in WIDTHS
        for at in ("best epoch", "final")
    },
)
MEAN_SLOPE = "mean of a (1 - a)"


def run(job: Job) -> Outcome:
    """Both costs, each at the book's rate, for both widths; test data after each epoch, as in the book."""
    networks = {hidden: job.mlp(hidden, weight_init=jnndl.initializers.large) for hidden in WIDTHS}
    arms = {
        f"{name}, {hidden}": {"network": networks[hidden], "learning_rate": rate, "cost": cost}
        for hidden in WIDTHS
        for name, (cost, rate) in COSTS.items()
    }
    fits = train_arms(job, arms, job.splits.test, epochs=30, batch_size=10)
    measured = COMPARED.measure(fits)
    a = (np.arange(100_000) + 0.5) / 100_000
    measured[MEAN_SLOPE] = np.mean(a * (1 - a))
    return Outcome(
        config={"hidden": WIDTHS, "weights": "large", "batch_size": 10, "epochs": job.epochs_of(30)}
        | {"rates": {name: rate for name, (_, rate) in COSTS.items()}, "evaluated on": "test, after each epoch"},
        measured={"test_accuracy": measured["cross-entropy, 30: final"], **measured},
        curves={"test_accuracy": accuracy_curves(fits)},
        network=networks[30],
        params=unstack(fits["cross-entropy, 30"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs, and the best epochs beside the book's numbers."""
    about = plots.about(result)
    plots.curves(
        folder / "accuracy.png",
        {f"{name} hidden": a for name, a in plots.percent(result["curves"]["test_accuracy"]).items()},
        title=f"Cross-entropy at rate 0.5 and quadratic cost at rate 3.0: {about}",
        ylabel="test accuracy (%)",
        ylim=plots.if_comparable(result, (90, 98)),
    )
    plots.arms(
        folder / "best.png",
        {arm: plots.percent(plots.per_seed(result, f"{arm}: best epoch")) for arm in COMPARED.arms},
        title=f"Best epoch of 30: {about}",
        xlabel="test accuracy (%)",
        reported=plots.if_comparable(result, dict(zip(COMPARED.arms, (95.49, 95.42, 96.82, 96.59), strict=True))),
    )


BEST = "the same; the best epoch, which chapter 3 quotes, as the author's files show"
EXPERIMENT = Experiment(
    name="ch3-cross-entropy",
    chapter="3",
    shows="cross-entropy at rate 0.5 against chapter 1's quadratic cost at rate 3.0, 30 and 100 hidden neurons",
    minutes=3,
    metrics=("test_accuracy", *COMPARED.names, MEAN_SLOPE),
    rows=(
        Row(
            id="ch3-ce-30",
            did="784-30-10, cross-entropy, rate 0.5, 30 epochs",
            reported="95.49 %",
            place="chapter 3, using the cross-entropy to classify MNIST digits",
            metric="cross-entropy, 30: best epoch",
            rule=Number(0.9549),
            ours=BEST,
        ),
        Row(
            id="ch3-ce-100",
            did="784-100-10, cross-entropy, rate 0.5, 30 epochs",
            reported="96.82 %",
            place="chapter 3, using the cross-entropy to classify MNIST digits",
            metric="cross-entropy, 100: best epoch",
            rule=Number(0.9682),
            ours=BEST,
        ),
        Row(
            id="ch3-ce-100",
            did="compares it with chapter 1's 96.59 %",
            reported="the error falls from 3.41 % to 3.18 %",
            place="chapter 3, using the cross-entropy to classify MNIST digits",
            metric=minus("cross-entropy", "quadratic, 100", "best epoch"),
            rule=Claim("above"),
            ours="the same two arms, paired by seed",
        ),
        Row(
            id="ch3-eta-heuristic",
            did="the mean of sigma' = a (1 - a) for outputs spread over [0, 1], by which the rates are matched",
            reported="1/6",
            place="chapter 3, footnote on the rate",
            metric=MEAN_SLOPE,
            rule=Toy(1 / 6, tolerance=1e-9),
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
)
