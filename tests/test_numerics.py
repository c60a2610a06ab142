"""Numbers at the edges: very large, very small, none, all the same. No NaN that is not reported."""

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
    "inputs of 1e4": (IMAGES, LABELS, 1e4),
    "inputs of 1e30": (IMAGES, LABELS, 1e30),
}


def trained(data, params=None, **settings):
    """A run in which a NaN is either not there or reported."""
    settings = {"key": 0, "epochs": 2, "learning_rate": 0.5, "l2": 0.1, "batch_size": 5, "params": params} | settings
    try:
        fit = jnndl.fit(NETWORK, data, data, **settings)
    except DivergenceError as error:
        return str(error)
    assert all(np.isfinite(np.asarray(leaf, float)).all() for leaf in jax.tree.leaves((fit.history, fit.params)))
    return fit


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
@pytest.mark.parametrize("edge", EDGES)
def test_data_at_the_edges_train_or_it_is_said_that_they_do_not(edge, gradient):
    inputs, targets, scale = EDGES[edge]
    # The scale is part of the program, and compiling takes a second: floats have it in them.
    data = Dataset(inputs.astype(np.float32) * np.float32(scale), targets)
    found = trained(data, gradient=gradient)
    assert isinstance(found, jnndl.Fit) or "training diverged in epoch" in found
    if edge not in ("inputs of 1e4", "inputs of 1e30"):
        assert isinstance(found, jnndl.Fit)


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_one_example_trains(gradient):
    found = trained(Dataset(IMAGES[:1], LABELS[:1], 1 / 256), gradient=gradient, batch_size=1)
    assert found.history.training_cost[-1] < found.history.training_cost[0]


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_bfloat16_trains(gradient):
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), draw(NETWORK))
    found = trained(Dataset(IMAGES, LABELS, 1 / 256), params, gradient=gradient)
    assert {leaf.dtype for leaf in jax.tree.leaves(found.params)} == {np.dtype(jnp.bfloat16)}
