"""The four equations, each against ``jax.grad`` of exactly the quantity that it names; the two matrix forms."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jnndl import Dense, equations, neurons
from jnndl.layers import Affine
from jnndl.neurons import linear, relu, sigmoid, softmax, tanh

NEURONS = [sigmoid, tanh, relu, linear, softmax]
SIZES = [4, 3, 5, 3, 2]
each_neuron = pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: neuron.name)


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng([seed, *shape]).normal(size=shape))


WEIGHTS = [(n_out, n_in) for n_in, n_out in itertools.pairwise(SIZES)]


def network(neuron):
    """Weights and biases, an input and a target, and every z and a of a network that has this neuron throughout."""
    ws, bs = [draw(*shape, seed=1) for shape in WEIGHTS], [draw(shape[0], seed=2) for shape in WEIGHTS]
    a, zs, activations = draw(SIZES[0], seed=3), [], [draw(SIZES[0], seed=3)]
    for w, b in zip(ws, bs, strict=True):
        zs.append(w @ a + b)
        a = neuron.forward(zs[-1])
        activations.append(a)
    return ws, bs, zs, activations


def cost(a):
    """Of one example, as a function of the output activations alone; as good as any."""
    return jnp.sum((a - draw(SIZES[-1], seed=4)) ** 2) / 2 + jnp.prod(a)


def rest(neuron, ws, bs, start, z):
    """The cost as a function of the weighted input z of layer ``start``."""
    for w, b in zip(ws[start + 1 :], bs[start + 1 :], strict=True):
        z = w @ neuron.forward(z) + b
    return cost(neuron.forward(z))


def errors(neuron):
    """delta of every layer: ``jax.grad`` of the cost with respect to that layer's weighted input."""
    ws, bs, zs, _ = network(neuron)
    return [jax.grad(lambda z, layer=layer: rest(neuron, ws, bs, layer, z))(z) for layer, z in enumerate(zs)]


def close(got, want):
    assert np.linalg.norm(want) > 1e-3
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@each_neuron
def test_bp1_is_the_derivative_by_the_output_layers_weighted_input(neuron, x64):
    _, _, zs, activations = network(neuron)
    want = jax.grad(lambda z: cost(neuron.forward(z)))(zs[-1])
    close(equations.bp1(zs[-1], jax.grad(cost)(activations[-1]), neuron), want)


@each_neuron
def test_bp2_is_the_derivative_by_a_layers_weighted_input(neuron, x64):
    ws, _, zs, _ = network(neuron)
    deltas = errors(neuron)
    for layer in range(len(zs) - 1):
        close(equations.bp2(ws[layer + 1], deltas[layer + 1], zs[layer], neuron), deltas[layer])


@each_neuron
def test_bp3_is_the_derivative_by_a_bias(neuron, x64):
    ws, bs, _, activations = network(neuron)
    for layer, delta in enumerate(errors(neuron)):
        a = activations[layer]
        want = jax.grad(lambda b, layer=layer, a=a: rest(neuron, ws, bs, layer, ws[layer] @ a + b))(bs[layer])
        close(equations.bp3(delta), want)


@each_neuron
def test_bp4_is_the_derivative_by_a_weight(neuron, x64):
    ws, bs, _, activations = network(neuron)
    for layer, delta in enumerate(errors(neuron)):
        a = activations[layer]
        want = jax.grad(lambda w, layer=layer, a=a: rest(neuron, ws, bs, layer, w @ a + bs[layer]))(ws[layer])
        assert want.shape == WEIGHTS[layer]
        close(equations.bp4(a, delta), want)


def test_the_four_equations_by_hand():
    """One neuron behind another: w1 = 2, z1 = 0, a0 = 3; sigma(0) = 1/2 and sigma'(0) = 1/4."""
    zero = jnp.zeros(1)
    delta = equations.bp1(zero, jnp.array([8.0]), sigmoid)
    np.testing.assert_array_equal(delta, [2])
    np.testing.assert_array_equal(equations.bp2(jnp.array([[2.0]]), delta, zero, sigmoid), [1])  # 2 * 2 / 4
    np.testing.assert_array_equal(equations.bp3(delta), [2])
    np.testing.assert_array_equal(equations.bp4(jnp.array([3.0]), delta), [[6]])


@each_neuron
def test_sigma_prime_is_the_jacobian_transposed(neuron, x64):
    z = draw(5, seed=5)
    got = equations.sigma_prime_matrix(z, neuron)
    close(got, jax.jacobian(neuron.forward)(z).T)
    if neuron is not softmax:
        np.testing.assert_array_equal(got, np.diag(np.diagonal(got)))


def test_sigma_prime_of_a_sigmoid_is_at_most_a_quarter(x64):
    z = jnp.linspace(-5, 5, 11)
    diagonal = np.diagonal(equations.sigma_prime_matrix(z, sigmoid))
    assert diagonal.max() == diagonal[5] == 0.25  # chapter 5's figure of sigma', highest at 0


@each_neuron
def test_the_matrix_form_gives_every_layers_error(neuron, x64):
    ws, _, zs, activations = network(neuron)
    grad_a = jax.grad(cost)(activations[-1])
    for layer, delta in enumerate(errors(neuron)):
        got = equations.delta_by_matrices(zs[layer:], ws[layer + 1 :], grad_a, [neuron] * len(zs[layer:]))
        close(got, delta)


def test_the_matrix_form_with_a_neuron_of_its_own_in_each_layer(x64):
    kinds = [tanh, relu, sigmoid, softmax]
    ws, bs, _, _ = network(sigmoid)
    x = draw(SIZES[0], seed=3)

    def forward(first, a=None):
        z, zs = first, [first]
        for w, b, kind in zip(ws[1:], bs[1:], kinds[:-1], strict=True):
            z = w @ kind.forward(z) + b
            zs.append(z)
        return cost(kinds[-1].forward(z)), zs

    first = ws[0] @ x + bs[0]
    want, (_, zs) = jax.grad(lambda z: forward(z)[0])(first), forward(first)
    grad_a = jax.grad(cost)(kinds[-1].forward(zs[-1]))
    close(equations.delta_by_matrices(zs, ws[1:], grad_a, kinds), want)


def test_the_product_of_jacobians_is_the_derivative_of_a_layer_by_an_earlier_one(x64):
    """Chapter 5: dz^L/dz^1 is the product of w^l Sigma'(z^(l-1)) over the layers between, here transposed."""
    ws, bs, zs, _ = network(sigmoid)

    def last(z):
        for w, b in zip(ws[1:], bs[1:], strict=True):
            z = w @ sigmoid.forward(z) + b
        return z

    product = jnp.eye(len(zs[0]))
    for w, z in zip(ws[1:], zs[:-1], strict=True):
        product = w @ equations.sigma_prime_matrix(z, sigmoid).T @ product
    close(product, jax.jacobian(last)(zs[0]))
    # and with it, what delta_by_matrices multiplies from the other end
    grad_z = equations.bp1(zs[-1], draw(SIZES[-1], seed=6), sigmoid)
    close(
        product.T @ grad_z,
        equations.delta_by_matrices(zs, ws[1:], draw(SIZES[-1], seed=6), [sigmoid] * len(zs)),
    )


def test_the_equations_are_the_derivatives_that_layers_use(x64):
    """The same numbers from Dense.backward, for a mini-batch of one."""
    ws, bs, zs, activations = network(sigmoid)
    grad_a = draw(SIZES[2], seed=7)
    below, grads = Dense(SIZES[1], SIZES[2]).backward(
        Affine(ws[1], bs[1]), (activations[1][None], zs[1][None]), grad_a[None]
    )
    delta = equations.bp1(zs[1], grad_a, sigmoid)
    close(grads.weight, equations.bp4(activations[1], delta))
    close(grads.bias, equations.bp3(delta))
    close(neurons.sigmoid.backward(zs[0], below[0]), equations.bp2(ws[1], delta, zs[0], sigmoid))
