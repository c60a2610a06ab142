"""PyTorch as an oracle that shares nothing with JAX: the same networks written with ``torch``, in float64.

PyTorch is an optional extra, ``pip install '.[torch]'``; without it these tests are skipped.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import FITTING

from jnndl import Dataset, Dense, Dropout, Network, mlp
from jnndl.costs import cross_entropy, log_likelihood
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.neurons import linear, relu, sigmoid, softmax, tanh

torch = pytest.importorskip("torch")
functional = torch.nn.functional
pytestmark = pytest.mark.slow

N, M = 40, 6
NEURONS = {
    "linear": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softmax": lambda z: torch.softmax(z, dim=1),
}
# From the output layer's weighted input, one-hot targets (-1 for silent tanh neurons) and labels; summed over outputs.
COSTS = {
    "quadratic": lambda z, y, labels, output: 0.5 * ((NEURONS[output](z) - y) ** 2).sum(dim=1).mean(),
    "cross_entropy": lambda z, y, labels, output: (
        functional.binary_cross_entropy_with_logits(z, y, reduction="none").sum(dim=1).mean()
    ),
    "log_likelihood": lambda z, y, labels, output: functional.cross_entropy(z, labels),
}
PENALTIES = [(None, None), (0.3, None), (None, 0.7), (0.3, 0.7)]


def by_torch(objective, params, batch, masks=()):
    """The cost with penalty, and its gradient: a list of weight and bias, layer by layer."""
    leaves = [torch.tensor(np.asarray(leaf), requires_grad=True) for leaf in jax.tree.leaves(params)]
    output, labels = objective.network.neuron, torch.tensor(batch.targets)
    y = functional.one_hot(labels, objective.network.output_shape[0]).double()
    y = y if output is not tanh else 2 * y - 1
    a, pairs, masks = torch.tensor(batch.inputs), iter(leaves), iter(masks)
    for layer in objective.network.layers:
        if isinstance(layer, Dropout):
            a = a * torch.tensor(next(masks))
        else:
            a = NEURONS[layer.neuron.name](functional.linear(a, next(pairs), next(pairs)))
    total = COSTS[objective.cost.name](a, y, labels, output.name)
    for weight in leaves[::2]:
        total = total + (objective.l1 or 0) / N * weight.abs().sum() + (objective.l2 or 0) / (2 * N) * (weight**2).sum()
    total.backward()
    return float(total.detach()), [leaf.grad.numpy() for leaf in leaves]


def problem(network, seed=0):
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) / np.sqrt(leaf.shape[-1])), shapes)
    n_in, n_out = network.input_shape[0], network.output_shape[0]
    return params, Dataset(rng.normal(size=(M, n_in)), rng.integers(n_out, size=M))


def assert_equal(objective, params, batch, key, total, wanted):
    np.testing.assert_allclose(objective(params, batch, N, key), total, rtol=1e-13)
    for make in (autodiff, backprop):
        for got, want in zip(jax.tree.leaves(make(objective)(params, batch, N, key)), wanted, strict=True):
            assert np.linalg.norm(want) > 0
            assert np.linalg.norm(got - want) <= 1e-12 * np.linalg.norm(want)


@pytest.mark.parametrize("hidden", [sigmoid, tanh, relu, softmax], ids=lambda neuron: neuron.name)
@pytest.mark.parametrize(("cost", "output"), FITTING, ids=lambda part: part.name)
def test_both_gradients_are_pytorchs(cost, output, hidden, x64):
    which = FITTING.index((cost, output)) + [sigmoid, tanh, relu, softmax].index(hidden)
    sizes = [7, 5, 6, 4, 5][: 3 + which % 3]
    objective = Objective(mlp([*sizes, 3], hidden=hidden, output=output), cost, *PENALTIES[which % 4])
    params, batch = problem(objective.network, which)
    assert_equal(objective, params, batch, None, *by_torch(objective, params, batch))


def test_both_gradients_are_pytorchs_with_the_same_dropout_masks(x64):
    layers = (Dense(7, 5, tanh), Dropout(0.4), Dense(5, 6, sigmoid), Dropout(0.2), Dense(6, 3, linear))
    objective = Objective(Network(layers, softmax, (7,)), log_likelihood, l2=0.7)
    params, batch = problem(objective.network)
    key = jax.random.key(3)
    keys = jax.random.split(key, M)
    _, saved = jax.vmap(objective.network.forward, (None, 0, 0))(params, jnp.asarray(batch.inputs), keys)
    masks = [np.asarray(saved[1]), np.asarray(saved[3])]
    assert all(len(np.unique(mask)) == 2 for mask in masks)
    assert_equal(objective, params, batch, key, *by_torch(objective, params, batch, masks))


def test_ten_steps_of_descent_are_pytorchs(x64):
    objective = Objective(mlp([7, 5, 3]), cross_entropy, l2=0.7)
    params, batch = problem(objective.network)
    theirs = params
    for _ in range(10):
        params = jax.tree.map(lambda p, g: p - 0.5 * g, params, backprop(objective)(params, batch, N, None))
        step = iter(by_torch(objective, theirs, batch)[1])
        theirs = jax.tree.map(lambda p, step=step: p - 0.5 * jnp.asarray(next(step)), theirs)
    for got, want in itertools.zip_longest(jax.tree.leaves(params), jax.tree.leaves(theirs)):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
