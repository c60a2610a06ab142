"""What changes in backpropagation when one neuron differs, or all are linear? Chapter 2's exercises, in numbers."""

import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Dataset, Splits
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.network import Network
from jnndl.neurons import Neuron, linear, sigmoid

SIZES, EXAMPLES = [5, 4, 3, 2], 7


def _first(z: Any) -> Any:
    return jnp.arange(z.shape[0]) == 0


# A layer whose first neuron has the activation f(z) = sin z; only there its backward has f' in place of sigma'.
one_other = Neuron(
    "one sine among sigmoids",
    lambda z: jnp.where(_first(z), jnp.sin(z), sigmoid.forward(z)),
    lambda z, grad_a: jnp.where(_first(z), grad_a * jnp.cos(z), sigmoid.backward(z, grad_a)),
)


@functools.partial(jax.jit, static_argnames="network")
def distance(network: Network, seed: int) -> jax.Array:
    """The largest relative distance, over all arrays, between the handwritten gradient and ``jax.grad``'s."""
    x_key, y_key, key = jax.random.split(jax.random.key(seed), 3)
    data = Dataset(jax.random.normal(x_key, (EXAMPLES, SIZES[0])), jax.random.uniform(y_key, (EXAMPLES, SIZES[-1])))
    objective, params = Objective(network, jnndl.costs.quadratic), network.init(key)
    hand, auto = (make(objective)(params, data, EXAMPLES, None) for make in (backprop, autodiff))
    pairs = zip(jax.tree.leaves(hand), jax.tree.leaves(auto), strict=True)
    return jnp.max(jnp.stack([jnp.linalg.norm(h - a) / jnp.linalg.norm(a) for h, a in pairs]))


@jax.jit
def collapsed(seed: int) -> jax.Array:
    """The distance of an all-linear network's output from that of the single matrix that it amounts to."""
    network = jnndl.mlp(SIZES, hidden=linear, output=linear)
    x_key, key = jax.random.split(jax.random.key(seed))
    params, x = network.init(key), jax.random.normal(x_key, (SIZES[0],))
    matrix, bias = jnp.eye(SIZES[0]), jnp.zeros(SIZES[0])
    for w, b in params:
        matrix, bias = w @ matrix, w @ bias + b
    return jnp.abs(network(params, x) - (matrix @ x + bias)).max()


def run(job: Job) -> Outcome:
    """One small random network per seed, in float64."""
    networks = {
        "one other neuron": jnndl.mlp(SIZES, hidden=one_other),
        "all linear": jnndl.mlp(SIZES, hidden=linear, output=linear),
    }
    with jax.enable_x64(True):
        measured = {
            f"{name}: distance": np.asarray([distance(network, seed) for seed in range(job.seeds)])
            for name, network in networks.items()
        }
        measured["all linear: distance from one matrix"] = np.asarray([collapsed(seed) for seed in range(job.seeds)])
    return Outcome(config={"sizes": SIZES, "examples": EXAMPLES, "dtype": "float64"}, measured=measured, curves={})


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the distances, which are rounding errors."""
    plots.arms(
        folder / "distances.png",
        {name: 1e16 * plots.per_seed(result, name) for name in result["measured"]},
        title="Backpropagation by hand against jax.grad, 5-4-3-2 networks, float64",
        xlabel="distance, in 1e-16 (float64 rounds at 2e-16)",
    )


EXPERIMENT = Experiment(
    name="ch2-variants",
    chapter="2",
    shows="backpropagation where one neuron has another activation, and where all are linear",
    minutes=0.1,
    metrics=("one other neuron: distance", "all linear: distance", "all linear: distance from one matrix"),
    rows=(
        Row(
            id="ch2-variants",
            did="exercise: one neuron with another activation f",
            reported="only f' takes the place of sigma' for that neuron",
            place="chapter 2, exercise",
            metric="one other neuron: distance",
            rule=Toy(0, tolerance=1e-12),
            ours="f = sin; handwritten against jax.grad, relative, the worst array",
            anywhere=True,
        ),
        Row(
            id="ch2-variants",
            did="exercise: sigma(z) = z throughout",
            reported="sigma' = 1: backpropagation is a product of the transposed weights",
            place="chapter 2, exercise",
            metric="all linear: distance",
            rule=Toy(0, tolerance=1e-12),
            ours="handwritten against jax.grad, relative, the worst array",
            anywhere=True,
        ),
        Row(
            id="ch2-variants",
            did="exercise: sigma(z) = z throughout",
            reported="implied: such a network is one matrix",
            place="chapter 2, exercise",
            metric="all linear: distance from one matrix",
            rule=Toy(0, tolerance=1e-12),
            ours="the output against that of the product of the weights",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "distances": "All distances are rounding errors: both ways compute the same gradient.",
    },
)
