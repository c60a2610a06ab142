"""Why do gradients vanish, and when do they explode? A chain of single neurons, worked out in float64."""

import math
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Drawn, Measured, Toy
from experiments.training import Job
from jnndl.data import Dataset, Splits
from jnndl.gradients import Objective
from jnndl.layers import Affine
from jnndl.network import Params
from jnndl.neurons import sigmoid

DEPTH = 4  # three hidden neurons and the output neuron
CHAINS, BIG = 10_000, 100.0
NETWORK = jnndl.mlp([1] * (DEPTH + 1))
OFF = "product of the chain against backpropagation: relative distance"
SHARED = "the same with the last gradient, dC/db4, divided out"
SIXTEENTH, MEDIAN = "chains in which b1's gradient is a sixteenth of b3's or less", "b3's gradient over b1's: median"
PEAK = "greatest sigma'"
FACTORS, GROWTH = "w = 100: factor w sigma'(z)", "w = 100: b1's gradient over b4's"


def sigma_prime(z: Any) -> jax.Array:
    """sigma'(z) of a vector, by the library's neuron."""
    z = jnp.atleast_1d(z)
    return sigmoid.backward(z, jnp.ones_like(z))


def products(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    """dC/db_j for all neurons of a chain as the book writes it down, sigma'(z_j) w_(j+1) sigma'(z_(j+1)) ... dC/da.

    Args:
        params: of ``NETWORK``.
        x, y: input and target, scalars; the cost is quadratic, so dC/da is a - y.

    Returns:
        Shape (neurons,), the first one first (chapter 5, equation 122).
    """
    a, slopes, weights = x[None], [], []
    for w, b in params:
        z = w[0] * a + b
        a = sigmoid.forward(z)
        slopes.append(sigma_prime(z))
        weights.append(w[0])
    found = [slopes[-1] * (a - y)]
    for slope, weight in zip(slopes[-2::-1], weights[:0:-1], strict=True):
        found.insert(0, slope * weight * found[0])
    return jnp.concatenate(found)


def by_backprop(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    """The same by the library's backpropagation."""
    grads = jnndl.backprop(Objective(NETWORK, "quadratic"))(params, Dataset(x[None, None], y[None, None]), 1, None)
    return jnp.concatenate([layer.bias for layer in grads])


@jax.jit
def both_ways(params: Params, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """dC/db of many chains as products and by backpropagation, each of shape (chains, neurons)."""
    return jax.vmap(products)(params, x, y), jax.vmap(by_backprop)(params, x, y)


def random_chains(seed: int, count: int) -> tuple[Params, jax.Array, jax.Array]:
    """Parameters from N(0, 1), inputs and targets from 0 to 1, of many chains."""
    params_key, data_key = jax.random.split(jax.random.key(seed))
    w, b = jax.random.normal(params_key, (2, DEPTH, count))
    params = tuple(Affine(w[layer, :, None, None], b[layer, :, None]) for layer in range(DEPTH))
    x, y = jax.random.uniform(data_key, (2, count))
    return params, x, y


def exploding(a0: float) -> tuple[np.ndarray, float]:
    """The book's chain with all weights 100, and biases that make every weighted input 0.

    Args:
        a0: the input.

    Returns:
        The three factors w sigma'(z), and b1's gradient over b4's.
    """
    inputs = [a0, *[0.5] * (DEPTH - 1)]  # sigma(0) = 1/2 comes out of each neuron
    params = tuple(Affine(jnp.full((1, 1), BIG), jnp.full((1,), -BIG * a)) for a in inputs)
    x, y = jnp.asarray(a0), jnp.asarray(0.0)
    _, saved = NETWORK.forward(params, x[None])
    zs = jnp.concatenate([z for _, z in saved])
    grads = by_backprop(params, x, y)
    return BIG * np.asarray(sigma_prime(zs[:-1])), float(grads[0] / grads[-1])


def farthest(values: np.ndarray, expected: float) -> float:
    """Of some values, the one that is farthest from what is expected."""
    return float(values[np.argmax(np.abs(values - expected))])


def worst(found: np.ndarray, expected: np.ndarray) -> float:
    """The greatest relative distance between two vectors, over many pairs of them."""
    return float((np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)).max())


def run(job: Job) -> Outcome:
    """Random chains and the exploding one, in float64."""
    measured: dict[str, list[float]] = {name: [] for name in (OFF, SHARED, SIXTEENTH, MEDIAN, FACTORS, GROWTH)}
    ratios = []
    with jax.enable_x64(True):
        for seed in range(job.seeds):
            found, hand = map(np.asarray, both_ways(*random_chains(seed, CHAINS)))
            ratios.append(np.abs(found[:, 2] / found[:, 0]))
            measured[OFF].append(worst(found, hand))
            measured[SHARED].append(worst(found / found[:, -1:], hand / hand[:, -1:]))
            measured[SIXTEENTH].append(float(np.mean(ratios[-1] >= 16)))
            measured[MEDIAN].append(float(np.median(ratios[-1])))
            factors, growth = exploding(float(jax.random.uniform(jax.random.key(seed))))
            measured[FACTORS].append(farthest(factors, 25))
            measured[GROWTH].append(growth)
        z = jnp.linspace(-5, 5, 201)
        slope = np.asarray(sigma_prime(z))
    heights, edges = np.histogram(np.log10(ratios), bins=80, range=(0, 5), density=True)
    return Outcome(
        config={"neurons": DEPTH, "chains": CHAINS, "weights": "N(0, 1)", "biases": "N(0, 1)", "cost": "quadratic"}
        | {"dtype": "float64"},
        measured={**measured, PEAK: float(slope.max())},
        curves={
            "z": curve(z),
            "sigma_prime": curve(slope),
            "log10 of the ratio": curve((edges[1:] + edges[:-1]) / 2),
            "density": curve(heights),
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw sigma'; and how much smaller the gradient of b1 is than that of b3."""
    found = result["curves"]
    plots.curves(
        folder / "sigma_prime.png",
        {"sigma'": found["sigma_prime"]},
        x=found["z"],
        title="The derivative of the sigmoid function",
        xlabel="z",
        ylabel="sigma'(z)",
        reported={"1/4": 0.25},
    )
    plots.curves(
        folder / "chain.png",
        {f"{CHAINS * len(result['seeds']):,} chains with weights and biases from N(0, 1)": found["density"]},
        x=found["log10 of the ratio"],
        title="How much smaller the gradient of b1 is than that of b3",
        xlabel="log10 of |dC/db3| / |dC/db1|",
        ylabel="density",
        points={"a factor of 16": [(math.log10(16), 0)]},
    )


PLACE = "chapter 5, what's causing the vanishing gradient problem"
EXPERIMENT = Experiment(
    name="ch5-chain",
    chapter="5",
    shows="vanishing and exploding gradients in a chain of single neurons",
    minutes=0.1,
    metrics=(OFF, SHARED, SIXTEENTH, MEDIAN, PEAK, FACTORS, GROWTH),
    rows=(
        Row(
            id="ch5-sigma-prime",
            did="draws sigma'(z) on [-5, 5]",
            reported="a curve with its maximum, 1/4, at 0",
            place=PLACE,
            metric=PEAK,
            rule=Drawn(),
            anywhere=True,
        ),
        Row(
            id="ch5-chain",
            did="three hidden neurons in a chain: dC/db1 as a product of weights and slopes",
            reported="sigma'(z1) w2 sigma'(z2) w3 sigma'(z3) w4 sigma'(z4) dC/da4",
            place=f"{PLACE}, equation 122",
            metric=OFF,
            rule=Toy(0, tolerance=1e-12),
            ours="10,000 chains with weights and biases from N(0, 1): all four gradients as products against "
            "backpropagation, the worst",
            anywhere=True,
            why="It is rounding, not the formula. a - y, which the product ends with, loses digits in the few chains "
            "whose output happens to be almost the target; the library takes the difference in a form that does not. "
            f"With the last gradient divided out the worst distance is {{{SHARED}||greatest}}.",
        ),
        Row(
            id="ch5-chain",
            did="the same: dC/db1 beside dC/db3",
            reported="usually smaller by a factor of 16 or more",
            place=PLACE,
            metric=SIXTEENTH,
            rule=Claim("above", 0.75, unit="%"),
            ours="the same chains; usually is in more than three quarters of them",
            anywhere=True,
        ),
        Row(
            id="ch5-chain",
            did="the same",
            reported="no figure for the typical factor: at least 16",
            place=PLACE,
            metric=MEDIAN,
            rule=Measured(unit="times"),
            ours="the median over the chains",
            anywhere=True,
        ),
        Row(
            id="ch5-exploding",
            did="all weights 100, biases such that every z is 0",
            reported="each factor w sigma'(z) is 25",
            place=PLACE,
            metric=FACTORS,
            rule=Toy(25),
            ours="a random input for each seed; of three factors the one that is farthest from 25, in float64",
            anywhere=True,
        ),
        Row(
            id="ch5-exploding",
            did="the same: the gradient of b1 beside that of b4, three factors on",
            reported="implied: 25 x 25 x 25 = 15,625",
            place=PLACE,
            metric=GROWTH,
            rule=Toy(25**3),
            ours="by backpropagation, in float64",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "sigma_prime": "The slope of a sigmoid neuron is never above 1/4.",
        "chain": f"In {{{SIXTEENTH}|%|at}} of the chains the gradient of b1 is smaller than that of b3 by a factor of "
        f"16 or more; the median is {{{MEDIAN}|times|at}}.",
    },
)
UNJUDGED = {SHARED: "explains what the products lose to rounding"}
