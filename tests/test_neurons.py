"""Neurons: values against NumPy, handwritten derivatives against autodiff, and the perceptrons of chapter 1."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jnndl import Dense, neurons
from jnndl.layers import Affine

FORMULAS = {
    "step": lambda z: np.where(z > 0, 1.0, 0.0),
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(),
}

each_neuron = pytest.mark.parametrize("neuron", neurons.NEURONS.values(), ids=neurons.NEURONS)


def weighted_inputs(seed, shape, dtype=float):
    return jnp.asarray(np.random.default_rng(seed).normal(scale=3, size=shape), dtype)


def in_float64(z):
    return np.asarray(z, float)


def test_every_neuron_is_in_the_table_under_its_name():
    assert {name: neuron.name for name, neuron in neurons.NEURONS.items()} == {name: name for name in FORMULAS}


@each_neuron
def test_forward_is_the_formula(neuron, x64):
    z = weighted_inputs(0, 50)
    np.testing.assert_allclose(neuron.forward(z), FORMULAS[neuron.name](in_float64(z)), rtol=1e-13, atol=0)


@each_neuron
def test_forward_is_the_formula_in_float32(neuron):
    z = weighted_inputs(1, 50, np.float32)
    got = neuron.forward(z)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, FORMULAS[neuron.name](in_float64(z)), rtol=1e-6, atol=0)


@each_neuron
def test_backward_is_the_vector_jacobian_product(neuron, x64):
    z, grad_a = weighted_inputs(2, 20), weighted_inputs(3, 20)
    (want,) = jax.vjp(neuron.forward, z)[1](grad_a)
    # Of the two, autodiff is the one to lose digits, in tanh's 1 - a^2.
    np.testing.assert_allclose(neuron.backward(z, grad_a), want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu"])
def test_backward_of_an_elementwise_neuron_is_its_derivative(name, x64):
    neuron, z = neurons.NEURONS[name], weighted_inputs(2, 20)
    want = jax.vmap(jax.grad(lambda z: neuron.forward(z[None])[0]))(z)
    np.testing.assert_allclose(neuron.backward(z, jnp.ones(20)), want, rtol=1e-12, atol=1e-14)


@each_neuron
def test_backward_is_linear_in_the_gradient(neuron, x64):
    z, one, two = weighted_inputs(3, 6), weighted_inputs(4, 6), weighted_inputs(5, 6)
    want = 2 * neuron.backward(z, one) - 5 * neuron.backward(z, two)
    np.testing.assert_allclose(neuron.backward(z, 2 * one - 5 * two), want, rtol=1e-12, atol=1e-14)


@each_neuron
def test_vmap_makes_the_mini_batch(neuron):
    z = weighted_inputs(6, (4, 7), np.float32)
    got = jax.vmap(neuron.forward)(z)
    assert got.shape == z.shape
    want = [FORMULAS[neuron.name](row) for row in in_float64(z)]
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=0)


@each_neuron
def test_vmap_makes_the_mini_batch_backward(neuron, x64):
    z, grad_a = weighted_inputs(7, (4, 7)), weighted_inputs(8, (4, 7))
    want = jax.vjp(jax.vmap(neuron.forward), z)[1](grad_a)[0]
    got = jax.vmap(neuron.backward)(z, grad_a)
    assert got.shape == z.shape
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (4, 4)])
def test_softmax_of_each_example_sums_to_one(shape):
    a = jax.vmap(neurons.softmax.forward)(weighted_inputs(9, shape, np.float32))
    np.testing.assert_allclose(np.sum(a, axis=1), np.ones(shape[0]), rtol=1e-6)


def test_softmax_by_hand():
    z = jnp.log(jnp.array([1.0, 2.0, 5.0]))  # so that e^z = 1, 2, 5, together 8
    np.testing.assert_allclose(neurons.softmax.forward(z), [0.125, 0.25, 0.625], rtol=1e-6)
    grad_a = jnp.array([1.0, 0, 0])  # da_1/dz_k = a_1 (1 - a_1), -a_1 a_2, -a_1 a_3
    np.testing.assert_allclose(neurons.softmax.backward(z, grad_a), [7 / 64, -2 / 64, -5 / 64], rtol=1e-6)


def test_softmax_keeps_to_its_range_for_huge_inputs():
    np.testing.assert_array_equal(neurons.softmax.forward(jnp.array([1e4, -1e4, 0])), [1, 0, 0])


def test_sigmoid_is_a_rescaled_tanh(x64):
    z = weighted_inputs(10, 50)
    np.testing.assert_allclose(neurons.sigmoid.forward(z), (1 + neurons.tanh.forward(z / 2)) / 2, rtol=1e-13)
    np.testing.assert_allclose(neurons.sigmoid.forward(z), (1 + np.tanh(in_float64(z) / 2)) / 2, rtol=1e-13)


def test_sigmoid_derivative_keeps_its_digits_in_float32():
    z = jnp.linspace(-80, 80, 3201)
    small = np.exp(-np.abs(in_float64(z)))
    want = small / (1 + small) ** 2
    got = neurons.sigmoid.backward(z, jnp.ones_like(z))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=0)


def test_tanh_derivative_keeps_its_digits_in_float32():
    z = jnp.linspace(-42, 42, 3201)  # beyond 43 the derivative leaves float32's range
    want = 1 / np.cosh(in_float64(z)) ** 2
    got = neurons.tanh.backward(z, jnp.ones_like(z))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=0)


def test_step_is_strict_at_zero():
    np.testing.assert_array_equal(neurons.step.forward(jnp.array([-1e-30, -0.0, 0.0, 1e-30])), [0, 0, 0, 1])


def test_step_is_flat():
    np.testing.assert_array_equal(neurons.step.backward(jnp.array([-1.0, 0, 1]), jnp.ones(3)), [0, 0, 0])


def test_relu_derivative_is_zero_at_zero():
    z = jnp.array([-1e-30, -0.0, 0.0, 1e-30])
    np.testing.assert_array_equal(neurons.relu.backward(z, jnp.full(4, 7.0)), [0, 0, 0, 7])


def test_targets_of_silent_neurons_are_the_lower_end_of_the_range():
    assert {name: neuron.low for name, neuron in neurons.NEURONS.items() if neuron.low != 0} == {"tanh": -1}


def nand(x, y):
    perceptron, params = Dense(2, 1, neurons.step), Affine(jnp.array([[-2.0, -2.0]]), jnp.array([3.0]))
    return float(perceptron.forward(params, jnp.array([x, y], float))[0][0])


@pytest.mark.parametrize(("x", "y", "want"), [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_perceptron_computes_nand(x, y, want):
    assert nand(x, y) == want


@pytest.mark.parametrize(("x", "y", "total", "carry"), [(0, 0, 0, 0), (0, 1, 1, 0), (1, 0, 1, 0), (1, 1, 0, 1)])
def test_nands_make_a_half_adder(x, y, total, carry):
    both = nand(x, y)
    assert nand(nand(x, both), nand(y, both)) == total
    assert nand(both, both) == carry
