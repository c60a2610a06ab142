"""Numbers at the edges: very large, very small, none, all the same. No NaN that is not reported."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import draw

import jnndl
from jnndl import Dataset, DivergenceError, mlp

N, SIDE, CLASSES = 13, 4, 3  # 13 is divided by no mini-batch
NETWORK = mlp([SIDE * SIDE, 5, CLASSES])
RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (N, SIDE, SIDE), dtype=np.uint8), np.arange(N, dtype=np.uint8) % CLASSES
TINY = float(np.finfo(np.float32).smallest_subnormal)

EDGES = {
    "all-zero images": (np.zeros_like(IMAGES), LABELS, 1 / 256),
    "one class only": (IMAGES, np.full_like(LABELS, 2), 1 / 256),
    "all images alike": (np.repeat(IMAGES[:1], N, axis=0), LABELS, 1 / 256),
    "denormal inputs": (IMAGES, LABELS, TINY),
    "inputs up to 2.5e6": (IMAGES, LABELS, 1e4),
    "inputs up to 2.5e32": (IMAGES, LABELS, 1e30),
}


def trained(data, network=NETWORK, params=None, **settings):
    """A run in which a NaN is either not there or reported."""
    settings = {"key": 0, "epochs": 2, "learning_rate": 0.5, "l2": 0.1, "batch_size": 5, "params": params} | settings
    try:
        fit = jnndl.fit(network, data, data, **settings)
    except DivergenceError as error:
        return str(error)
    assert all(np.isfinite(np.asarray(leaf, float)).all() for leaf in jax.tree.leaves((fit.history, fit.params)))
    return fit


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
@pytest.mark.parametrize("edge", EDGES)
def test_data_at_the_edges_train(edge, gradient):
    inputs, targets, scale = EDGES[edge]
    # The scale is part of the program, and compiling takes a second: floats have it in them.
    data = Dataset(inputs.astype(np.float32) * np.float32(scale), targets)
    assert isinstance(trained(data, gradient=gradient), jnndl.Fit)  # sigmoid neurons hold whatever comes


@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_neurons_without_a_bound_diverge_on_large_inputs_and_it_is_said(gradient):
    network = mlp([SIDE * SIDE, 5, CLASSES], hidden="relu", output="linear")
    data = Dataset(IMAGES.astype(np.float32) * np.float32(1e15), LABELS)
    found = trained(data, network, gradient=gradient, cost="quadratic")
    assert re.match(r"training diverged in epoch 0 at learning_rate 0\.5: .* is (nan|inf)", found)


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_one_example_trains(gradient):
    found = trained(Dataset(IMAGES[:1], LABELS[:1], 1 / 256), gradient=gradient, batch_size=1)
    assert found.history.training_cost[-1] < found.history.training_cost[0]


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_bfloat16_trains(gradient):
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), draw(NETWORK))
    found = trained(Dataset(IMAGES, LABELS, 1 / 256), params=params, gradient=gradient)
    assert {leaf.dtype for leaf in jax.tree.leaves(found.params)} == {np.dtype(jnp.bfloat16)}
