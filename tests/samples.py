"""What tests share: small data, costs with output neurons they fit, the oracle of layers, how bits are compared."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jnndl import Dataset
from jnndl.costs import cross_entropy, log_likelihood, quadratic
from jnndl.neurons import linear, relu, sigmoid, softmax, tanh

FITTING = [
    (quadratic, sigmoid),
    (quadratic, tanh),
    (quadratic, linear),
    (cross_entropy, sigmoid),
    (log_likelihood, softmax),
    (quadratic, relu),
    (quadratic, softmax),
]


def draw(network, seed=0):
    """Parameters of the network's shapes, from NumPy: nothing to compile."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), float), network.param_shapes)


def blobs(n, classes=3, seed=0):
    """Labelled points around one centre per class, with enough overlap that no network gets all of them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    angles = 2 * np.pi * labels / classes
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return Dataset((2 * centres + rng.normal(size=(n, 2))).astype(np.float32), labels.astype(np.uint8))


def leaves_as_bytes(tree):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def assert_backward_is_the_vjp(layer, params, key, a, grad):
    """The oracle: autodiff through the vmapped forward, which sums over the mini-batch wherever params are shared."""

    def forward(params, a):
        return jax.vmap(layer.forward, (None, 0, 0))(params, a, key)

    def both(params, a, grad):
        saved = forward(params, a)[1]
        _, vjp = jax.vjp(lambda params, a: forward(params, a)[0], params, a)
        return layer.backward(params, saved, grad), vjp(grad)

    (grad_a, grads), (want_params, want_a) = jax.jit(both)(params, a, grad)
    assert jax.tree.structure(grads) == jax.tree.structure(params)
    assert grad_a.shape == a.shape
    np.testing.assert_allclose(grad_a, want_a, rtol=1e-12, atol=1e-14)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-14), grads, want_params)


def shape_after(layers, shape):
    """The shape of what comes out of some layers."""

    def forward(x):
        for layer in layers:
            x, _ = layer.forward(layer.init(jax.random.key(0)), x)
        return x

    return jax.eval_shape(forward, jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(float))).shape
