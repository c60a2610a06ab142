"""What can perceptrons compute, and what do sigmoid neurons change? Chapter 1's small examples and exercises."""

import itertools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn, Toy
from experiments.training import Job
from jnndl.data import Splits
from jnndl.layers import Affine
from jnndl.network import Network, Params
from jnndl.neurons import Neuron, sigmoid, step

PICTURES = ("sigmoid", "step")  # of the book
SCALES = (0.01, 0.5, 7.0, 1000.0)


def neuron(kind: Neuron, weight: Any, bias: float) -> Any:
    """A single neuron as a function of its inputs."""
    network = jnndl.mlp([len(weight), 1], output=kind)
    params = (Affine(jnp.asarray([weight], float), jnp.asarray([bias], float)),)
    return lambda *x: float(network(params, jnp.asarray(x, float))[0])


def festival() -> int:
    """For 8 inputs and 2 thresholds: how often the perceptron's decision is the wanted one."""
    right = 0
    for x1, x2, x3 in itertools.product((0, 1), repeat=3):
        right += neuron(step, [6, 2, 2], -5)(x1, x2, x3) == x1
        right += neuron(step, [6, 2, 2], -3)(x1, x2, x3) == (x1 or (x2 and x3))
    return right


def half_adder() -> int:
    """For 4 inputs, with the doubled wire and with the merged one: how often sum and carry are right."""
    nand, merged, right = neuron(step, [-2, -2], 3), neuron(step, [-4], 3), 0
    for x1, x2 in itertools.product((0, 1), repeat=2):
        first = nand(x1, x2)
        total = nand(nand(x1, first), nand(x2, first))
        right += (total, nand(first, first)) == (x1 ^ x2, x1 & x2)
        right += (total, merged(first)) == (x1 ^ x2, x1 & x2)
    return right


def scaled(params: Params, c: float) -> Params:
    """All weights and biases times c."""
    return jax.tree.map(lambda a: c * a, params)


def scaling(seed: int) -> tuple[int, float]:
    """A random 3-4-2 network on its 8 inputs, all weights and biases times c.

    Returns:
        How many scales change an output of the perceptron network, and how far the sigmoid network is from it at 10^5.
    """
    perceptrons, sigmoids = jnndl.mlp([3, 4, 2], hidden=step, output=step), jnndl.mlp([3, 4, 2])
    params = perceptrons.init(jax.random.key(seed))
    x = jnp.asarray(list(itertools.product((0.0, 1.0), repeat=3)))

    def outputs(network: Network, c: float) -> np.ndarray:
        return np.asarray(jax.vmap(lambda x: network(scaled(params, c), x))(x))

    plain = outputs(perceptrons, 1.0)
    changed = sum(not np.array_equal(outputs(perceptrons, c), plain) for c in SCALES)
    return changed, float(np.abs(outputs(sigmoids, 1e5) - plain).max())


def bitwise() -> int:
    """For 10 digits and 4 bits, in the worst case that the exercise allows: how many bits the new layer gets right."""
    bits = np.arange(10) >> np.arange(4)[:, None] & 1  # the weights: 1 where a digit has the bit; all biases -1/2
    right = 0
    for digit, bit in itertools.product(range(10), range(4)):
        others = np.where(bits[bit] == 1, 0.01, 0.0)  # the other outputs are below 0.01: just so where it hurts
        others[digit] = 0.99
        right += int(neuron(step, bits[bit].tolist(), -0.5)(*others) == bits[bit, digit])
    return right


def run(job: Job) -> Outcome:
    """Go through every input of each network, and count the right answers."""
    scalings = [scaling(seed) for seed in range(job.seeds)]
    nand = neuron(step, [-2, -2], 3)
    measured = {
        "festival_right": festival(),
        "nand_right": sum(nand(a, b) == 1 - a * b for a, b in itertools.product((0, 1), repeat=2)),
        "half_adder_right": half_adder(),
        "scaling_changed": [changed for changed, _ in scalings],
        "sigmoid_limit_distance": [distance for _, distance in scalings],
        "sigmoid_where_z_is_zero": neuron(sigmoid, [1000, 1000], -1000)(1, 0),
        "bitwise_right": bitwise(),
        "pictures": len(PICTURES),
    }
    z = np.linspace(-5, 5, 1001)
    draws = {"z": z, "sigmoid": sigmoid.forward(jnp.asarray(z)), "step": step.forward(jnp.asarray(z))}
    draws |= {f"sigmoid, z times {c}": sigmoid.forward(c * jnp.asarray(z)) for c in (3, 10)}
    return Outcome(
        config={
            "scales": SCALES,
            "networks of the scaling exercise": "3-4-2, weights and biases N(0, 1/n_in), N(0, 1)",
        },
        measured=measured,
        curves={name: np.round(np.asarray(values, float), 5).tolist() for name, values in draws.items()},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the sigmoid function, the step function, and how one becomes the other."""
    found = dict(result["curves"])
    z = found.pop("z")
    pictures = {name: ({name: found[name]}, f"{name} function") for name in PICTURES}
    pictures["sharpened"] = (found, "The sigmoid function, and the step function that it sharpens into")
    for name, (lines, title) in pictures.items():
        plots.curves(
            folder / f"{name}.png",
            lines,
            x=z,
            title=title,
            xlabel="z",
            ylabel="output",
            xlim=(-5, 5),
            ylim=(-0.02, 1.02),
        )


PERCEPTRONS = "chapter 1, perceptrons"
EXPERIMENT = Experiment(
    name="ch1-perceptrons",
    chapter="1",
    shows="perceptrons that decide, add and are scaled; sigmoid neurons beside them",
    minutes=0.1,
    metrics=(
        "festival_right",
        "nand_right",
        "half_adder_right",
        "scaling_changed",
        "sigmoid_limit_distance",
        "sigmoid_where_z_is_zero",
        "bitwise_right",
        "pictures",
    ),
    rows=(
        Row(
            id="ch1-perceptron-festival",
            did="three binary inputs, weights 6, 2, 2, thresholds 5 and 3",
            reported="fires iff x1; fires iff x1 or (x2 and x3)",
            place=PERCEPTRONS,
            metric="festival_right",
            rule=Toy(16),
            ours="all 8 inputs, both thresholds",
            anywhere=True,
        ),
        Row(
            id="ch1-nand",
            did="weights -2, -2, bias 3",
            reported="a NAND gate",
            place=PERCEPTRONS,
            metric="nand_right",
            rule=Toy(4),
            anywhere=True,
        ),
        Row(
            id="ch1-half-adder",
            did="five NAND perceptrons; the doubled connection also merged into one of weight -4",
            reported="sum and carry of two bits",
            place=PERCEPTRONS,
            metric="half_adder_right",
            rule=Toy(8),
            ours="all 4 inputs, both forms",
            anywhere=True,
        ),
        Row(
            id="ch1-perceptron-scaling",
            did="exercise: multiply all weights and biases by c > 0",
            reported="a network of perceptrons does not change",
            place="chapter 1, exercises on sigmoid neurons",
            metric="scaling_changed",
            rule=Toy(0),
            ours="one random 3-4-2 network per seed, all 8 inputs, c from 0.01 to 1000",
            anywhere=True,
        ),
        Row(
            id="ch1-perceptron-scaling",
            did="exercise: let c grow in the same network of sigmoid neurons",
            reported="it becomes the network of perceptrons, unless some w x + b is 0",
            place="chapter 1, exercises on sigmoid neurons",
            metric="sigmoid_limit_distance",
            rule=Toy(0, tolerance=1e-6),
            ours="the same networks, c = 100,000: the largest distance of an output",
            anywhere=True,
        ),
        Row(
            id="ch1-perceptron-scaling",
            did="exercise: the exception, w x + b = 0",
            reported="there the limit fails",
            place="chapter 1, exercises on sigmoid neurons",
            metric="sigmoid_where_z_is_zero",
            rule=Toy(0.5),
            ours="weights 1000, 1000, bias -1000, input 1, 0: the sigmoid neuron stays at 1/2, the perceptron says 0",
            anywhere=True,
        ),
        Row(
            id="ch1-bitwise",
            did="exercise: add a layer of four neurons that writes the digit in binary",
            reported="weights and biases are asked for",
            place="chapter 1, exercise",
            metric="bitwise_right",
            rule=Toy(40),
            ours="weight 1 where the digit has the bit, bias -1/2; every digit and bit, at its worst",
            anywhere=True,
        ),
        Row(
            id="ch1-sigmoid-step-plots",
            did="draws the sigmoid function and the step function on [-5, 5]",
            reported="two pictures",
            place="chapter 1, sigmoid neurons",
            metric="pictures",
            rule=Drawn(unit="pictures"),
            ours="the same, and a third picture: the one sharpens into the other",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "step": "A perceptron's output jumps from 0 to 1.",
        "sigmoid": "A sigmoid neuron's output changes smoothly, so a small change of a weight makes a small change of "
        "the output.",
        "sharpened": "The larger the weights, the more a sigmoid neuron is like a perceptron.",
    },
)
