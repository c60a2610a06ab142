"""Chapter 4's networks, made by hand: networks of the library's own layers, evaluated in float64.

A hidden neuron with a large weight is a step, two steps are a bump, and bumps side by side follow any function of one
input. With two inputs and more, a second layer makes towers of the bumps.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import block_diag

from jnndl.layers import Affine, Dense
from jnndl.network import Network, Params
from jnndl.neurons import Neuron, linear, sigmoid

WEIGHT = 1000.0  # the book's, where a step is to be a step
BATCH = 500  # points at once, which bounds the memory
Function = Callable[[np.ndarray], np.ndarray]
Box = Sequence[tuple[float, float]]  # for each input, from where to where


class Built(NamedTuple):
    """A network and its handmade parameters, in float64.

    >>> bump = bumps([(0.4, 0.6)], [0.8])
    >>> bump.weighted(np.array([0.2, 0.5])).round(6)
    array([0. , 0.8])
    """

    network: Network
    params: Params

    def weighted(self, x: np.ndarray) -> np.ndarray:
        """The weighted input of the output layer.

        Args:
            x: n points, shape (n, inputs); or (n,) where there is one input.

        Returns:
            Shape (n, outputs); or (n,) where there is one output.
        """
        return _evaluate(self, x, activated=False)

    def output(self, x: np.ndarray) -> np.ndarray:
        """The activation of the output layer; shapes as in ``weighted``."""
        return _evaluate(self, x, activated=True)


def _evaluate(built: Built, x: np.ndarray, activated: bool) -> np.ndarray:
    x = np.asarray(x, float).reshape(-1, *built.network.input_shape)
    with jax.enable_x64(True):
        found = np.asarray(_forward(built.network, built.params, jnp.asarray(x), activated))
    return found[:, 0] if found.shape[1] == 1 else found


@functools.partial(jax.jit, static_argnames=("network", "activated"))
def _forward(network: Network, params: Params, x: jax.Array, activated: bool) -> jax.Array:
    def one(x: jax.Array) -> jax.Array:
        return network(params, x) if activated else network.forward(params, x)[0]

    return jax.lax.map(one, x, batch_size=BATCH)


def affine(weight: Any, bias: Any) -> Affine:
    """The parameters of a layer, by hand and in float64: weights of shape (n_out, n_in), biases of shape (n_out,)."""
    arrays: list[Any] = [np.asarray(weight, float), np.asarray(bias, float)]
    return Affine(*arrays)


def build(*layers: Affine, hidden: Neuron = sigmoid, output: Neuron = linear) -> Built:
    """The network with these parameters.

    Args:
        layers: weights and biases, first layer to last.
        hidden: the neuron of every hidden layer.
        output: the output neuron.
    """
    neurons = [hidden] * (len(layers) - 1) + [linear]
    described = tuple(
        Dense(layer.weight.shape[1], layer.weight.shape[0], neuron)
        for layer, neuron in zip(layers, neurons, strict=True)
    )
    return Built(Network(described, output, (described[0].n_in,)), layers)


def one_neuron(w: float, b: float, neuron: Neuron = sigmoid) -> Built:
    """A single neuron with one input: its ``output`` is neuron(w x + b)."""
    return build(affine([[w]], [b]), output=neuron)


def step_layer(positions: Sequence[float], weight: float, axes: Sequence[int] = (0,), inputs: int = 1) -> Affine:
    """A layer of steps: the bias -w s puts the step of a neuron at s (chapter 4, s = -b/w).

    Args:
        positions: one for each neuron.
        weight: w, on the input along which a neuron steps; all its other weights are 0.
        axes: the number of that input, one for each neuron or one for all.
        inputs: how many inputs there are.
    """
    at = np.asarray(positions, float)
    matrix = np.zeros((len(at), inputs))
    matrix[np.arange(len(at)), axes] = weight
    return affine(matrix, -weight * at)


def steps(
    positions: Sequence[float],
    weights: Sequence[float],
    *,
    weight: float = WEIGHT,
    hidden: Neuron = sigmoid,
    output: Neuron = linear,
) -> Built:
    """One input and one hidden layer: a step for each position, times its output weight; the output bias is 0."""
    return build(
        step_layer(positions, weight),
        affine([weights], [0]),
        hidden=hidden,
        output=output,
    )


def bumps(
    edges: Sequence[tuple[float, float]],
    heights: Sequence[float] | np.ndarray,
    *,
    weight: float = WEIGHT,
    hidden: Neuron = sigmoid,
    output: Neuron = linear,
    rise: float = 1.0,
) -> Built:
    """A bump for each pair of edges: two steps with the output weights +h and -h.

    Args:
        edges: where each bump starts and ends.
        heights: h of each bump.
        weight: w of the steps.
        hidden: the hidden neuron.
        output: the output neuron.
        rise: by how much the hidden neuron's output rises from its one limit to the other; the output weights are
            divided by it.
    """
    at = [position for pair in edges for position in pair]
    out = [sign * height / rise for height in heights for sign in (1, -1)]
    return steps(at, out, weight=weight, hidden=hidden, output=output)


def side_by_side(n: int, shift: float = 0.0, beyond: int = 0) -> list[tuple[float, float]]:
    """The edges of n bumps that share [0, 1] out equally.

    Args:
        n: how many.
        shift: by how much all of them are moved to the right.
        beyond: how many more there are at either end.
    """
    return [(k / n + shift, (k + 1) / n + shift) for k in range(-beyond, n + beyond)]


def middles(edges: Sequence[tuple[float, float]]) -> np.ndarray:
    """The middle of each bump."""
    return np.mean(edges, axis=1)


def lookup(
    function: Function, n: int, *, weight: float, hidden: Neuron = sigmoid, output: Neuron = linear, rise: float = 1.0
) -> Built:
    """A table of the function, as the book calls it: n bumps on [0, 1], each as high as the function in its middle."""
    edges = side_by_side(n)
    return bumps(edges, function(middles(edges)), weight=weight, hidden=hidden, output=output, rise=rise)


def overlapping(function: Function, n: int, copies: int, *, weight: float, hidden: Neuron = sigmoid) -> Built:
    """The sum of M tables of f/M, each moved by 1/M of a bump against the one before (chapter 4, fixing up the steps).

    Each table goes on beyond 0 and 1 with every bump that touches [0, 1], so that none of them ends within it.
    """
    every = [pair for k in range(copies) for pair in side_by_side(n, k / (n * copies), beyond=1)]
    edges = [(start, end) for start, end in every if start <= 1 and end >= 0]
    return bumps(edges, function(middles(edges)) / copies, weight=weight, hidden=hidden)


def xy_bump(box: Box, h: float, bias: float = 0.0, *, weight: float = WEIGHT, output: Neuron = sigmoid) -> Built:
    """A bump of height h along each of m inputs, all added up.

    Args:
        box: for each input, where its bump starts and ends.
        h: the height.
        bias: of the output neuron.
        weight: w of the steps.
        output: the output neuron.
    """
    at = [position for pair in box for position in pair]
    layer = step_layer(at, weight, [axis for axis in range(len(box)) for _ in range(2)], len(box))
    return build(layer, affine([[h, -h] * len(box)], [bias]), output=output)


def tower(box: Box, h: float, *, weight: float = WEIGHT) -> Built:
    """1 inside the box and 0 outside: with the output bias (-m + 1/2) h only the sum of all m bumps gets through."""
    return xy_bump(box, h, (0.5 - len(box)) * h, weight=weight)


def glued(parts: Sequence[Built], output: Neuron) -> Built:
    """Networks of the same inputs side by side as one network, with the outputs of all.

    Args:
        parts: sigmoid networks with the same number of layers.
        output: the output neuron.
    """
    first, *rest = zip(*(part.params for part in parts), strict=True)
    layers = [affine(np.concatenate([one.weight for one in first]), np.concatenate([one.bias for one in first]))]
    layers += [
        affine(block_diag(*(one.weight for one in layer)), np.concatenate([one.bias for one in layer]))
        for layer in rest
    ]
    return build(*layers, output=output)


def towers(boxes: Sequence[Box], heights: Sequence[float] | np.ndarray, h: float, *, weight: float = WEIGHT) -> Built:
    """Two hidden layers: the second has a tower for each box, and the output adds them up, each times its height."""
    second = glued([tower(box, h, weight=weight) for box in boxes], linear)
    return build(*second.params, affine([heights], [0]))


def goal(x: np.ndarray) -> np.ndarray:
    """The function that chapter 4 wants computed, as its picture draws it (with x times the sine)."""
    return 0.2 + 0.4 * x**2 + 0.3 * x * np.sin(15 * x) + 0.05 * np.cos(50 * x)


def goal_logit(x: np.ndarray) -> np.ndarray:
    """What the hidden layer has to make of it: sigma^-1 of ``goal``, before the output neuron's sigma."""
    return np.log(goal(x) / (1 - goal(x)))


def cells(n: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """The middles of n equal parts of an interval: points that are on no edge of a bump."""
    return low + (high - low) * (np.arange(n) + 0.5) / n


def mesh(n: int) -> np.ndarray:
    """Points (x, y) in [0, 1]^2, the middles of n x n squares; shape (n * n, 2), row by row, the first row at y = 0."""
    y, x = np.meshgrid(cells(n), cells(n), indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1)


def power(x: Sequence[float], y: Sequence[float] | np.ndarray) -> float:
    """The slope of y against x in a log-log plot: p where y is proportional to x^p."""
    return float(np.polyfit(np.log(np.asarray(x, float)), np.log(np.asarray(y, float)), 1)[0])
