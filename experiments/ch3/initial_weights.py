"""Do smaller initial weights help? Standard deviation 1 against 1/sqrt(n_in), and what L2 makes of the difference."""

import pathlib
from typing import Any

import jax
import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each
from experiments.statistics import Claim, Number, Toy
from jnndl.data import Splits

WEIGHTS = {"large": jnndl.initializers.large, "default": jnndl.initializers.default}
RATE, LAMBDA, EPOCHS = 0.1, 5.0, 30
NEURONS, INPUTS, ON = 20_000, 1000, 500
# The author's files: validation hits after some epochs, in %.
BOOK = {
    30: {
        "large": [(0, 86.43), (4, 92.99), (9, 94.49), (14, 95.21), (19, 95.92), (24, 96.06), (29, 96.37)],
        "default": [(0, 92.70), (4, 95.37), (9, 95.94), (14, 96.36), (19, 96.34), (24, 96.46), (29, 96.50)],
    },
    100: {
        "large": [(0, 89.94), (4, 94.27), (9, 95.78), (14, 96.44), (19, 97.08), (24, 97.19), (29, 97.42)],
        "default": [(0, 92.95), (4, 96.64), (9, 97.26), (14, 97.45), (19, 97.66), (24, 97.77), (29, 97.81)],
    },
}


def weighted_inputs(name: str, seed: int) -> np.ndarray:
    """z of many neurons that see 1000 inputs, half of them 1 and half 0, shape (NEURONS,)."""
    weight_key, bias_key = jax.random.split(jax.random.key(seed))
    weight = WEIGHTS[name](weight_key, (NEURONS, INPUTS))
    return np.asarray(weight[:, :ON].sum(axis=1) + jnndl.initializers.large(bias_key, (NEURONS,)))


def unlit(job: Job, seed: int, params: Any) -> float:
    """By how much training shrank the weights of pixels that are never lit, which only the penalty moves."""
    network = job.mlp(30, weight_init=jnndl.initializers.large)
    before = network.init(jax.random.split(jax.random.key(seed))[0])[0].weight  # as jnndl.train.start draws them
    dark = np.asarray(job.training.inputs).reshape(len(job.training), -1).max(axis=0) == 0
    if not dark.any():
        return float("nan")
    return float(np.linalg.norm(params[0].weight[:, dark]) / np.linalg.norm(before[:, dark]))


def run(job: Job) -> Outcome:
    """Both initial weights for both widths, rate 0.1, lambda 5.0; validation data after each epoch, as in the book."""
    measured: dict[str, Any] = {}
    curves, z, network, params = {}, {}, None, None
    for name in WEIGHTS:
        drawn = [weighted_inputs(name, seed) for seed in range(min(job.seeds, 3))]
        measured[f"z, {name}: standard deviation"] = [float(one.std()) for one in drawn]
        heights, edges = np.histogram(drawn, bins=120, range=(-30, 30), density=True)
        z[name] = {"height": curve(heights), "z": curve((edges[1:] + edges[:-1]) / 2)}
    for hidden in BOOK:
        for name, weight_init in WEIGHTS.items():
            network = job.mlp(hidden, weight_init=weight_init)
            # The networks of ch3-early-stopping train on for 60 epochs; their first 30 are these.
            epochs = 60 if hidden == 100 else EPOCHS
            fit, _ = job.fit(
                network,
                job.splits.validation,
                title=f"{hidden}, {name}: ",
                batch_size=10,
                l2=job.l2(LAMBDA),
                epochs=epochs,
                learning_rate=RATE,
            )
            accuracy, params = fit.history.evaluation_accuracy[:, : job.epochs_of(EPOCHS)], fit.params
            measured[f"{hidden}, {name}: first epoch"] = accuracy[:, 0]
            measured[f"{hidden}, {name}: final"] = accuracy[:, -1]
            curves[f"{hidden}, {name}"] = curve(accuracy)
            if (hidden, name) == (30, "large"):
                measured["unlit weights shrink to"] = [unlit(job, seed, p) for seed, p in enumerate(each(params))]
        for at in ("first epoch", "final"):
            new, old = measured[f"{hidden}, default: {at}"], measured[f"{hidden}, large: {at}"]
            measured[f"{hidden}, default minus large: {at}"] = new - old
    return Outcome(
        config={"hidden": list(BOOK), "cost": "cross_entropy", "learning_rate": RATE, "batch_size": 10}
        | {"l2": job.l2(LAMBDA), "epochs": job.epochs_of(EPOCHS), "evaluated on": "validation, after each epoch"},
        measured={"validation_accuracy": measured["30, default: final"], **measured},
        curves={"validation_accuracy": curves, "z": z},
        network=network,
        params=each(params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs for both widths with the author's figures; and the spread of z."""
    about, comparable = f"{result['data']['name']}, {len(result['seeds'])} seeds", result["comparable"]
    for hidden, book in BOOK.items():
        plots.curves(
            folder / f"accuracy_{hidden}.png",
            {
                f"{name} initial weights": 100
                * np.asarray(result["curves"]["validation_accuracy"][f"{hidden}, {name}"])
                for name in WEIGHTS
            },
            title=f"{hidden} hidden neurons, cross-entropy, rate 0.1, lambda 5.0: {about}",
            ylabel="validation accuracy (%)",
            points={f"book, {name}": marks for name, marks in book.items()} if comparable else None,
            ylim=(85, 100) if comparable else None,
        )
    found = result["curves"]["z"]
    plots.curves(
        folder / "z.png",
        {f"{name} initial weights": one["height"] for name, one in found.items()},
        x=found["large"]["z"],
        title=f"Weighted input of a neuron, {INPUTS} inputs of which {ON} are 1",
        xlabel="z",
        ylabel="density",
    )


PLACE_30, PLACE_100 = (f"chapter 3, weight initialization; weight_initialization_{hidden}.json" for hidden in (30, 100))
DID_30, DID_100 = (f"784-{hidden}-10, rate 0.1, lambda 5.0, 30 epochs, both initial weights" for hidden in (30, 100))
PAIRED = "the same, paired by seed (shuffles and biases are shared)"
EXPERIMENT = Experiment(
    name="ch3-initial-weights",
    chapter="3",
    shows="initial weights of standard deviation 1 against 1/sqrt(n_in), 30 and 100 hidden neurons",
    minutes=7,
    rows=(
        *(
            Row("ch3-init-30", DID_30, f"{100 * value:.2f} % (validation)", PLACE_30, figure, Number(value))
            for figure, value in (
                ("30, large: first epoch", 0.8643),
                ("30, default: first epoch", 0.9270),
                ("30, large: final", 0.9637),
                ("30, default: final", 0.9650),
            )
        ),
        Row(
            "ch3-init-30",
            DID_30,
            "after the first epoch the smaller weights are far ahead",
            PLACE_30,
            "30, default minus large: first epoch",
            Claim("above"),
            PAIRED,
        ),
        *(
            Row("ch3-init-100", DID_100, f"{100 * value:.2f} % (validation)", PLACE_100, figure, Number(value))
            for figure, value in (
                ("100, large: first epoch", 0.8994),
                ("100, default: first epoch", 0.9295),
                ("100, large: final", 0.9742),
                ("100, default: final", 0.9781),
            )
        ),
        Row(
            "ch3-init-100",
            DID_100,
            "the curves do not quite meet in 30 epochs",
            PLACE_100,
            "100, default minus large: final",
            Claim("above"),
            PAIRED,
        ),
        Row(
            "ch3-gaussians",
            "z of a neuron with 1000 inputs, 500 of them on, large weights",
            "standard deviation sqrt(501) = 22.4",
            "chapter 3, weight initialization",
            "z, large: standard deviation",
            Toy(501**0.5, tolerance=0.5),
            "20,000 neurons; the tolerance is four times the error of such an estimate",
            anywhere=True,
        ),
        Row(
            "ch3-gaussians",
            "the same with the smaller weights",
            "standard deviation sqrt(3/2) = 1.22",
            "chapter 3, weight initialization",
            "z, default: standard deviation",
            Toy(1.5**0.5, tolerance=0.025),
            "20,000 neurons; the tolerance is four times the error of such an estimate",
            anywhere=True,
        ),
        Row(
            "ch3-init-l2-link",
            "problem: with large weights L2 first shrinks them by exp(-eta lambda / m) an epoch",
            "exp(-0.05) = 0.951 an epoch, 0.223 in 30",
            "chapter 3, problem",
            "unlit weights shrink to",
            Toy(float(np.exp(-RATE * LAMBDA / 10 * EPOCHS)), tolerance=0.001),
            "the weights of pixels that no training image lights, which nothing else moves; 784-30-10, 30 epochs",
        ),
    ),
    run=run,
    plot=plot,
)
