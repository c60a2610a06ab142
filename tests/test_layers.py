"""Layers: forward against NumPy, backward over a mini-batch against autodiff, dropout's statistics, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import assert_backward_is_the_vjp

from jnndl import Dense, Distort, Dropout, neurons
from jnndl.layers import Affine, Layer
from jnndl.network import LAYERS

KEY = jax.random.key(5)
STANDARD_ERRORS = 5


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def affine(n_in, n_out):
    return Affine(draw(n_out, n_in, seed=1), draw(n_out, seed=2))


FORMULAS = {
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_dense_forward_is_sigma_of_w_a_plus_b(name, x64):
    params, a = affine(3, 5), draw(3)
    got, (kept_a, kept_z) = Dense(3, 5, neurons.NEURONS[name]).forward(params, a)
    z = np.array([sum(params.weight[j, k] * a[k] for k in range(3)) + params.bias[j] for j in range(5)])
    np.testing.assert_allclose(got, FORMULAS[name](z), rtol=1e-13)
    np.testing.assert_array_equal(kept_a, a)
    np.testing.assert_allclose(kept_z, z, rtol=1e-13)


def test_a_sigmoid_neuron_by_hand(x64):
    params = Affine(jnp.array([[1.0, -2.0]]), jnp.array([0.5]))
    got, _ = Dense(2, 1).forward(params, jnp.array([1.5, 1.0]))  # z = 1.5 - 2 + 0.5 = 0
    np.testing.assert_array_equal(got, [0.5])


def test_dense_parameters_have_the_books_shapes():
    params = jax.eval_shape(Dense(3, 5).init, KEY)
    assert params.weight.shape == (5, 3)
    assert params.bias.shape == (5,)


@pytest.mark.parametrize(("name", "m"), [*((name, 4) for name in FORMULAS), ("sigmoid", 1)])
def test_dense_backward_is_the_vector_jacobian_product(name, m, x64):
    layer = Dense(3, 5, neurons.NEURONS[name])
    assert_backward_is_the_vjp(layer, affine(3, 5), None, draw(m, 3, seed=3), draw(m, 5, seed=4))


@pytest.mark.parametrize("training", [True, False])
def test_dropout_backward_is_the_vector_jacobian_product(training, x64):
    key = jax.random.split(KEY, 4) if training else None
    assert_backward_is_the_vjp(Dropout(0.5), (), key, draw(4, 6, seed=3), draw(4, 6, seed=4))


def test_dense_backward_sums_over_the_mini_batch():
    params, ones = Affine(jnp.array([[2.0, -3.0]]), jnp.array([0.0])), jnp.ones((2, 1))
    a = jnp.array([[1.0, 10.0], [2.0, 20.0]])
    grad_a, grads = Dense(2, 1, neurons.linear).backward(params, (a, ones), jnp.array([[1.0], [5.0]]))
    np.testing.assert_array_equal(grads.weight, [[1 * 1 + 5 * 2, 1 * 10 + 5 * 20]])  # BP4
    np.testing.assert_array_equal(grads.bias, [1 + 5])  # BP3
    np.testing.assert_array_equal(grad_a, [[2, -3], [10, -15]])  # BP2


N = 100_000


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.8])
def test_dropout_drops_the_fraction_rate_and_keeps_the_mean(rate):
    got, _ = Dropout(rate).forward((), jnp.full(N, 3.0), KEY)
    dropped = np.mean(got == 0)
    assert abs(dropped - rate) <= STANDARD_ERRORS * np.sqrt(rate * (1 - rate) / N)
    np.testing.assert_allclose(got[got != 0], 3 / (1 - rate), rtol=1e-6)
    spread = 3 * np.sqrt(rate / (1 - rate))  # standard deviation of 3/(1 - rate) with probability 1 - rate, else 0
    assert abs(np.mean(got, dtype=float) - 3) <= STANDARD_ERRORS * spread / np.sqrt(N) + 1e-6


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_dropout_does_nothing_in_use(rate):
    a = draw(7)
    got, _ = Dropout(rate).forward((), a, None)
    np.testing.assert_array_equal(got, a)


def test_dropout_has_nothing_to_learn():
    assert Dropout(0.5).init(KEY) == ()


def agreement(rate, one, other):
    """Where two masks agree; for independent ones a fraction rate^2 + (1 - rate)^2 on average."""
    return np.mean((one == 0) == (other == 0)), rate**2 + (1 - rate) ** 2


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_masks_of_examples_and_of_keys_are_independent(rate):
    mask = jax.vmap(lambda key: Dropout(rate).forward((), jnp.ones(N), key)[0])
    one, other = mask(jax.random.split(KEY, 2))
    third, _ = mask(jax.random.split(jax.random.key(6), 2))
    for a, b in ((one, other), (one, third), (other, third)):
        got, want = agreement(rate, a, b)
        assert abs(got - want) < STANDARD_ERRORS * np.sqrt(want * (1 - want) / N)


def test_entries_of_a_mask_are_independent():
    mask = np.asarray(Dropout(0.5).forward((), jnp.ones(N), KEY)[0]).reshape(N // 100, 100)
    assert len(np.unique(mask, axis=0)) == N // 100  # no two of a thousand rows are alike
    assert len(np.unique(mask, axis=1).T) == 100


def test_the_same_key_drops_the_same():
    one, other = (Dropout(0.5).forward((), jnp.ones(N), KEY)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_refuses_a_rate(rate):
    with pytest.raises(ValueError, match=f"Dropout: rate is {rate}; give the fraction to drop, from 0 to below 1"):
        Dropout(rate)


@pytest.mark.parametrize("size", [0, -3])
@pytest.mark.parametrize("name", ["n_in", "n_out"])
def test_dense_refuses_a_size(name, size):
    with pytest.raises(ValueError, match=f"Dense: {name} is {size}; give a whole number of at least 1"):
        Dense(**{"n_in": 2, "n_out": 2, name: size})


@pytest.mark.parametrize("layer", [Dense(3, 5, neurons.tanh), Dropout(0.5), Distort(shift=2)])
def test_layers_are_values(layer):
    assert isinstance(layer, Layer)
    again = type(layer)(**vars(layer))
    assert again == layer
    assert hash(again) == hash(layer)
    assert LAYERS[type(layer).__name__] is type(layer)
    with pytest.raises(AttributeError):
        layer.rate = layer.n_in = layer.shift = 3


@pytest.mark.parametrize("other", [Dense(3, 4), Dense(4, 5), Dense(3, 5, neurons.relu), Dropout(0.5)])
def test_different_layers_are_unequal(other):
    assert other != Dense(3, 5)
