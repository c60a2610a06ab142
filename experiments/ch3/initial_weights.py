"""Do smaller initial weights help? Standard deviation 1 against 1/sqrt(n_in), and what L2 makes of the difference."""

import pathlib
from typing import Any

import jax
import numpy as np

import jnndl
from experiments import plots
from experiments.ch3.early_stopping import FIXED, train_fixed
from experiments.ch3.full_data import train_regularized
from experiments.comparison import curve, minus
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Equivalent, Number, Toy
from experiments.training import BOOK_TRAINING, Job, initial_params, unstack
from experiments.units import POINTS
from jnndl.data import Splits
from jnndl.network import Network
from jnndl.training import Fit

WEIGHTS = {"large": jnndl.initializers.large, "default": jnndl.initializers.default}
RATE, LAMBDA, EPOCHS = FIXED["learning_rate"], 5.0, 30
NEURONS, INPUTS, ON = 20_000, 1000, 500
# The author's files: validation accuracy after some epochs, in %.
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
EPOCH = {"first epoch": 0, "final": -1}
LONGER = "60 epochs"
UNLIT = "unlit weights shrink to"
FIRST_DECAY = "first epoch: how much faster than by decay alone all weights shrink"
TAIL = "settled weights: decades above 1/sqrt(n)"
TAIL_IN = "settled weights: decades above 1/sqrt(n_in)"


def deviation(weights: str) -> str:
    """The name of the standard deviation of z with some initial weights."""
    return f"z, {weights}: standard deviation"


def ahead(hidden: int, at: str) -> str:
    """The name of the difference between the default and the large initial weights."""
    return minus(f"{hidden}, default", "large", at)


METRICS = (
    *map(deviation, WEIGHTS),
    *(f"{hidden}, {name}: {at}" for hidden in BOOK for name in WEIGHTS for at in EPOCH),
    *(ahead(hidden, at) for hidden in BOOK for at in EPOCH),
    *(f"100, {name}: {LONGER}" for name in WEIGHTS),
    ahead(100, LONGER),
    UNLIT,
    FIRST_DECAY,
    TAIL,
    TAIL_IN,
)


def weighted_inputs(name: str, seed: int) -> np.ndarray:
    """z of many neurons that see 1000 inputs, half of them 1 and half 0, shape (NEURONS,)."""
    weight_key, bias_key = jax.random.split(jax.random.key(seed))
    weight = WEIGHTS[name](weight_key, (NEURONS, INPUTS))
    return np.asarray(weight[:, :ON].sum(axis=1) + jnndl.initializers.large(bias_key, (NEURONS,)))


def unlit(job: Job, network: Network, seed: int, params: Any) -> float:
    """The factor by which training shrank the weights of pixels that are never lit, which only the penalty moves."""
    before = initial_params(network, seed)[0].weight
    dark = np.asarray(job.training.inputs).reshape(len(job.training), -1).max(axis=0) == 0
    if not dark.any():
        return float("nan")
    return float(np.linalg.norm(params[0].weight[:, dark]) / np.linalg.norm(before[:, dark]))


def squares(penalty: np.ndarray) -> np.ndarray:
    """The sum of squares of all weights, from the penalty lambda/(2n) sum w^2 that was noted after each epoch.

    lambda/n is the same for any number of training examples, see ``Job.l2``.
    """
    found: np.ndarray = penalty * 2 * BOOK_TRAINING / LAMBDA
    return found


def decay(job: Job, network: Network, fit: Fit) -> dict[str, Any]:
    """The problem's first and third part: what weight decay does in the first epoch, and where it ends.

    Args:
        job: what was asked for.
        network: with large weights.
        fit: of it at rate 0.1: by decay alone all weights shrink by exp(-0.05) in the first epoch.
    """
    starts = [initial_params(network, seed) for seed in range(job.seeds)]
    before = np.asarray([sum(float((layer.weight**2).sum()) for layer in start) for start in starts])
    updates = -(-len(job.training) // 10)
    alone = updates * np.log1p(-RATE * LAMBDA / BOOK_TRAINING)
    # At rate 0.5 weights that only decay are down to exp(-7.5), a thousandth, after 30 epochs.
    settled = squares(train_regularized(job, measure_training=0).history.penalty[:, -1])
    count = sum(layer.weight.size for layer in starts[0])
    decades = np.log10(np.sqrt(settled / count))
    return {
        FIRST_DECAY: np.log(squares(fit.history.penalty[:, 0]) / before) / 2 / alone - 1,
        TAIL: decades + np.log10(count) / 2,
        TAIL_IN: decades + np.log10(job.pixels) / 2,
    }


def run(job: Job) -> Outcome:
    """Both initial weights for both widths, rate 0.1, lambda 5.0; validation data after each epoch, as in the book."""
    measured: dict[str, Any] = {}
    z = {}
    for name in WEIGHTS:
        drawn = [weighted_inputs(name, seed) for seed in range(min(job.seeds, 3))]
        measured[deviation(name)] = [float(one.std()) for one in drawn]
        heights, edges = np.histogram(drawn, bins=120, range=(-30, 30), density=True)
        z[name] = {"height": curve(heights), "z": curve((edges[1:] + edges[:-1]) / 2)}
    networks = {name: job.mlp(30, weight_init=weight_init) for name, weight_init in WEIGHTS.items()}
    settings: dict[str, Any] = {"epochs": EPOCHS, "learning_rate": RATE, "batch_size": 10, "l2": job.l2(LAMBDA)}
    settings["measure_training"] = 0
    fits = {
        name: job.fit(network, job.splits.validation, title=f"30, {name}: ", **settings).fit
        for name, network in networks.items()
    }
    accuracy = {f"30, {name}": fit.history.evaluation_accuracy for name, fit in fits.items()}
    for name, weight_init in WEIGHTS.items():
        # ch3-early-stopping trains the same networks for 60 epochs; the first 30 of them answer this question.
        history = train_fixed(job, weight_init, f"100, {name}: ").history
        accuracy[f"100, {name}"] = history.evaluation_accuracy[:, : job.epochs_of(EPOCHS)]
        measured[f"100, {name}: {LONGER}"] = history.evaluation_accuracy[:, -1]
    for name, values in accuracy.items():
        measured |= {f"{name}: {at}": values[:, epoch] for at, epoch in EPOCH.items()}
    large = enumerate(unstack(fits["large"].params))
    measured[UNLIT] = [unlit(job, networks["large"], seed, params) for seed, params in large]
    measured |= decay(job, networks["large"], fits["large"])
    for hidden in BOOK:
        for at in (*EPOCH, *([LONGER] if hidden == 100 else [])):
            measured[ahead(hidden, at)] = measured[f"{hidden}, default: {at}"] - measured[f"{hidden}, large: {at}"]
    return Outcome(
        config={"hidden": list(BOOK), "cost": "cross_entropy", "learning_rate": RATE, "batch_size": 10}
        | {"l2": job.l2(LAMBDA), "epochs": job.epochs_of(EPOCHS), "evaluated on": "validation, after each epoch"},
        measured={"validation_accuracy": measured["30, default: final"], **measured},
        curves={"validation_accuracy": {name: curve(values) for name, values in accuracy.items()}, "z": z},
        network=networks["default"],
        params=unstack(fits["default"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw accuracy against epochs for both widths with the author's numbers; and the spread of z."""
    accuracy = plots.percent(result["curves"]["validation_accuracy"])
    for hidden, book in BOOK.items():
        plots.curves(
            folder / f"accuracy_{hidden}.png",
            {f"{name} initial weights": accuracy[f"{hidden}, {name}"] for name in WEIGHTS},
            title=f"{hidden} hidden neurons, cross-entropy, rate 0.1, lambda 5.0: {plots.about(result)}",
            ylabel="validation accuracy (%)",
            points=plots.if_comparable(result, {f"book, {name}": marks for name, marks in book.items()}),
            ylim=plots.if_comparable(result, (85, 100)),
        )
    found = result["curves"]["z"]
    plots.curves(
        folder / "z.png",
        {f"{name} initial weights": one["height"] for name, one in found.items()},
        x=found["large"]["z"],
        title=f"Weighted input of a neuron with {INPUTS} inputs, of which {ON} are 1",
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
    metrics=("validation_accuracy", *METRICS),
    rows=(
        *(
            Row(
                id="ch3-init-30",
                did=DID_30,
                reported=f"{100 * value:.2f} % (validation)",
                place=PLACE_30,
                metric=metric,
                rule=Number(value),
            )
            for metric, value in (
                ("30, large: first epoch", 0.8643),
                ("30, default: first epoch", 0.9270),
                ("30, large: final", 0.9637),
                ("30, default: final", 0.9650),
            )
        ),
        Row(
            id="ch3-init-30",
            did=DID_30,
            reported="after the first epoch the smaller weights are far ahead",
            place=PLACE_30,
            metric=ahead(30, "first epoch"),
            rule=Claim("above", unit=POINTS),
            ours=PAIRED,
        ),
        Row(
            id="ch3-init-30",
            did=DID_30,
            reported="the final accuracy is almost exactly the same with both",
            place=PLACE_30,
            metric=ahead(30, "final"),
            rule=Equivalent(0.05, errors=1 - 0.9650, unit=POINTS),
            ours=f"{PAIRED}; almost the same is within 5 % of the errors",
        ),
        *(
            Row(
                id="ch3-init-100",
                did=DID_100,
                reported=f"{100 * value:.2f} % (validation)",
                place=PLACE_100,
                metric=metric,
                rule=Number(value),
            )
            for metric, value in (
                ("100, large: first epoch", 0.8994),
                ("100, default: first epoch", 0.9295),
                ("100, large: final", 0.9742),
                ("100, default: final", 0.9781),
            )
        ),
        Row(
            id="ch3-init-100",
            did=DID_100,
            reported="the curves do not quite meet in 30 epochs",
            place=PLACE_100,
            metric=ahead(100, "final"),
            rule=Claim("above", unit=POINTS),
            ours=PAIRED,
        ),
        Row(
            id="ch3-init-100",
            did="784-100-10, rate 0.1, lambda 5.0, a few more epochs, both initial weights",
            reported="the accuracies become almost exactly the same",
            place=PLACE_100,
            metric=ahead(100, LONGER),
            rule=Equivalent(0.05, errors=1 - 0.9804, unit=POINTS),
            ours=f"60 epochs, {PAIRED.removeprefix('the same, ')}; almost the same is within 5 % of the errors",
        ),
        Row(
            id="ch3-gaussians",
            did="z of a neuron with 1000 inputs, 500 of them on, large weights",
            reported="standard deviation sqrt(501) = 22.4",
            place="chapter 3, weight initialization",
            metric=deviation("large"),
            rule=Toy(501**0.5, tolerance=0.5),
            ours="20,000 neurons; the tolerance is four times the error of such an estimate",
            anywhere=True,
        ),
        Row(
            id="ch3-gaussians",
            did="the same with the smaller weights",
            reported="standard deviation sqrt(3/2) = 1.22",
            place="chapter 3, weight initialization",
            metric=deviation("default"),
            rule=Toy(1.5**0.5, tolerance=0.025),
            ours="20,000 neurons; the tolerance is four times the error of such an estimate",
            anywhere=True,
        ),
        Row(
            id="ch3-init-l2-link",
            did="problem: with large weights and L2, the first epochs are dominated almost entirely by weight decay",
            reported="argued",
            place="chapter 3, problem",
            metric=FIRST_DECAY,
            rule=Equivalent(0.1, unit="of the decay"),
            ours="784-30-10, rate 0.1, lambda 5.0: in the first epoch all weights together shrink by "
            "exp(-0.05 (1 + r)), where decay alone has r = 0; almost entirely is r within 0.1 of 0",
        ),
        Row(
            id="ch3-init-l2-link",
            did="problem, second part: the weights decay by exp(-eta lambda / m) per epoch",
            reported="exp(-0.05) = 0.951 per epoch, 0.223 in 30",
            place="chapter 3, problem",
            metric=UNLIT,
            rule=Toy(float(np.exp(-RATE * LAMBDA / 10 * EPOCHS)), tolerance=0.001),
            ours="the weights of pixels that no training image lights, which nothing else moves; 784-30-10, 30 epochs",
        ),
        Row(
            id="ch3-init-l2-link",
            did="problem, third part: the decay tails off when the weights are about 1/sqrt(n), n their number",
            reported="argued",
            place="chapter 3, problem",
            metric=TAIL,
            rule=Equivalent(0.5, unit="decades"),
            ours="784-30-10, rate 0.5, lambda 5.0, after 30 epochs, when decay alone has come down to exp(-7.5): the "
            "logarithm (to base 10) of the root mean square of all weights over 1/sqrt(23,820); about is within half a "
            "decade, a factor of 3.2",
            why=f"The weights stay larger: {{{TAIL}|decades}} above 1/sqrt(n), and {{{TAIL_IN}|decades}} above "
            "1/sqrt(784), the standard deviation of the new initial weights.",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy_30": "Small initial weights start far ahead, and large ones almost catch up. The marks are the "
        "book's.",
        "accuracy_100": "With 100 hidden neurons the head start is larger, and large initial weights do not quite "
        "catch up in 30 epochs.",
        "z": "With large weights the weighted input is spread so widely that most neurons start saturated.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: 30, default, after its last epoch",
    ahead(100, "first epoch"): "the book says it of 30 hidden neurons; both figures are judged",
    **{f"100, {name}: {LONGER}": "the difference is judged; ch3-reg-100-60 judges the best epochs" for name in WEIGHTS},
    TAIL_IN: "explains where the decay ends",
}
