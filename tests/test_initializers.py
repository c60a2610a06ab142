"""Initial weights: their mean and spread, which key decides what, and JAX's own initializers beside ours."""

import jax
import numpy as np
import pytest

from jnndl import Dense, initializers, mlp

KEY = jax.random.key(20)
SHAPE = (400, 250)  # 100,000 draws: five standard errors are 1.6 % of sigma for the mean, 1.1 % for sigma
STANDARD_ERRORS = 5
NETWORK = mlp([20, 20, 20])
init = jax.jit(NETWORK.init)


@pytest.mark.parametrize(
    ("initializer", "shape", "std"),
    [
        (initializers.default, SHAPE, 1 / np.sqrt(250)),
        (initializers.default, (400, 10, 5, 5), 1 / np.sqrt(250)),  # a kernel's inputs are all axes but the first
        (initializers.large, SHAPE, 1),
        (jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2), SHAPE, np.sqrt(2 / 250)),
    ],
)
def test_mean_and_standard_deviation(initializer, shape, std):
    w = np.asarray(initializer(KEY, shape), float)
    assert w.shape == shape
    assert abs(w.mean()) < STANDARD_ERRORS * std / np.sqrt(w.size)
    assert abs(w.std() / std - 1) < STANDARD_ERRORS / np.sqrt(2 * w.size)


@pytest.mark.parametrize(("initializer", "std"), [(initializers.default, 1 / np.sqrt(250)), (initializers.large, 1)])
def test_draws_are_gaussian(initializer, std):
    inside = np.mean(np.abs(initializer(KEY, SHAPE)) < std)  # 68.27 % within one sigma; 57.7 % if they were uniform
    assert abs(inside - 0.6827) < STANDARD_ERRORS * np.sqrt(0.6827 * 0.3173 / np.prod(SHAPE))


def test_zeros():
    np.testing.assert_array_equal(initializers.zeros(KEY, (3, 4)), np.zeros((3, 4)))


def dtype(initializer, *args):
    return jax.eval_shape(lambda key: initializer(key, (3, 4), *args), KEY).dtype


@pytest.mark.parametrize("initializer", initializers.INITIALIZERS.values(), ids=initializers.INITIALIZERS)
def test_dtype(initializer):
    assert dtype(initializer) == np.float32
    assert dtype(initializer, np.float16) == np.float16
    with jax.enable_x64(True):
        assert dtype(initializer) == np.float64


def nothing_in_common(a, b):
    return not np.intersect1d(a, b).size


def test_weight_and_bias_come_from_different_keys():
    params = Dense(1, 500, weight_init=initializers.large, bias_init=initializers.large).init(KEY)
    assert nothing_in_common(params.weight, params.bias)
    assert abs(np.corrcoef(params.weight[:, 0], params.bias)[0, 1]) < STANDARD_ERRORS / np.sqrt(500)


def test_layers_come_from_different_keys():
    one, other = init(KEY)
    assert nothing_in_common(one.weight, other.weight)
    assert nothing_in_common(one.bias, other.bias)


def test_different_keys_draw_different_values():
    one, other = init(KEY), init(jax.random.key(0))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert nothing_in_common(a, b)


def test_the_same_key_draws_the_same_bits():
    one, other = init(KEY), init(jax.random.key(20))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_a_network_uses_the_initializers_it_is_given():
    def filled_with(value):
        return lambda key, shape: np.full(shape, value, np.float32)

    for layer in mlp([5, 4, 3], weight_init=filled_with(2), bias_init=filled_with(3)).init(KEY):
        assert np.all(layer.weight == 2)
        assert np.all(layer.bias == 3)


def test_dense_has_network2s_initializers():
    layer = Dense(250, 400).init(KEY)
    assert abs(np.std(layer.weight) * np.sqrt(250) - 1) < STANDARD_ERRORS / np.sqrt(2 * 100_000)
    assert abs(np.std(layer.bias) - 1) < STANDARD_ERRORS / np.sqrt(2 * 400)
    assert {(layer.weight_init, layer.bias_init) for layer in NETWORK.layers} == {
        (initializers.default, initializers.large)
    }
