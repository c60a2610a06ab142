"""Penalties: worked by hand, on weights and never on biases, and their gradient against autodiff."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jnndl import Dropout, regularizers
from jnndl.layers import Affine


class Scaled(NamedTuple):
    """A user's own layer: one penalised field among others with similar names."""

    weight: jax.Array
    weights: jax.Array
    scale: jax.Array


def by_hand(dtype=float):
    """Sum of |w|: 6 + 4 = 10; of w^2: 14 + 16 = 30. Nothing else may count."""
    first = Affine(jnp.array([[1, -2], [0, 3]], dtype), jnp.array([100, -100], dtype))
    return (first, Dropout(0.5).init(jax.random.key(0)), Affine(jnp.array([[-4]], dtype), jnp.array([100], dtype)))


@pytest.mark.parametrize(
    ("l1", "l2", "want"),
    [
        (None, None, 0),
        (2.0, None, 4),
        (None, 3.0, 9),
        (2.0, 3.0, 13),
        (0.0, 0.0, 0),
        (np.asarray(2.0, np.float32), jnp.array(3.0), 13),
    ],
)
def test_penalty_by_hand(l1, l2, want):
    got = regularizers.penalty(by_hand(), 5, l1, l2)  # (2/5) 10 = 4 and (3/10) 30 = 9
    assert got.shape == ()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize(
    ("params", "want"),
    [
        ({"weight": np.float32([3]), "bias": np.float32([100])}, 9),
        ([{"weight": np.float32([3])}, {"gain": np.float32([100])}], 9),
        (Scaled(np.float32([3]), np.float32([100]), np.float32([100])), 9),
        ((Scaled(np.float32([3]), np.float32([100]), np.float32([100])), {"weight": np.float32([1, 1])}), 11),
        ((np.float32([100]), [np.float32([100])]), 0),
        ({"bias": np.float32([100])}, 0),
    ],
    ids=["dict", "list of dicts", "named tuple", "both", "no names", "bias only"],
)
def test_only_fields_named_weight_count(params, want):
    np.testing.assert_allclose(regularizers.penalty(params, 1, l2=2.0), want, rtol=1e-6)
    np.testing.assert_allclose(regularizers.penalty(params, 1, l1=1.0, l2=0.0) > 0, want > 0)


STRENGTHS = pytest.mark.parametrize(("l1", "l2"), [(None, None), (0.7, None), (None, 0.3), (0.7, 0.3)])


def random_params():
    """Weights away from 0, where |w| has a derivative."""
    rng = np.random.default_rng(1)

    def draw(*shape):
        return jnp.asarray(rng.choice([-1, 1], shape) * rng.uniform(0.1, 2, shape))

    return (Affine(draw(3, 4), draw(3)), (), Scaled(draw(5), draw(5), draw(5)), {"weight": draw(2, 2), "bias": draw(2)})


@STRENGTHS
def test_gradient_is_that_of_the_penalty(l1, l2, x64):
    params = random_params()
    grads = jax.tree.map(lambda w: 10 + w, params)
    got = regularizers.add_penalty_gradient(grads, params, 7, l1, l2)
    penalty = jax.grad(regularizers.penalty)(params, 7, l1, l2)
    want = jax.tree.map(jnp.add, grads, penalty)
    assert jax.tree.structure(got) == jax.tree.structure(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-14), got, want)


def test_gradient_by_hand():
    params = by_hand()
    first, nothing, second = regularizers.add_penalty_gradient(
        jax.tree.map(jnp.zeros_like, params), params, 5, 2.0, 3.0
    )
    # (2/5) sgn(w) + (3/5) w, and sgn(0) = 0
    np.testing.assert_allclose(first.weight, [[1.0, -1.6], [0, 2.2]], rtol=1e-6)
    np.testing.assert_allclose(second.weight, [[-2.8]], rtol=1e-6)
    np.testing.assert_array_equal(first.bias, [0, 0])
    np.testing.assert_array_equal(second.bias, [0])
    assert nothing == ()


def test_sign_of_zero_is_zero():
    params = {"weight": jnp.array([0.0, -0.0])}
    got = regularizers.add_penalty_gradient({"weight": jnp.array([1.0, 1.0])}, params, 1, l1=5.0)
    np.testing.assert_array_equal(got["weight"], [1, 1])


def test_l2_decays_weights_as_the_book_says(x64):
    w, eta, lmbda, n = np.array([[3.0, -1.5]]), 0.5, 5.0, 50
    grads = {"weight": jnp.zeros((1, 2))}
    got = w - eta * regularizers.add_penalty_gradient(grads, {"weight": jnp.asarray(w)}, n, l2=lmbda)["weight"]
    np.testing.assert_allclose(got, (1 - eta * lmbda / n) * w, rtol=1e-14)  # chapter 3, equation 93


def test_the_l1_penalty_is_flat_at_zero_for_autodiff_too(x64):
    params = (Affine(jnp.array([[0.0, -2.0, 3.0]]), jnp.array([0.0])),)
    grads = jax.grad(lambda params: regularizers.penalty(params, 10, l1=5.0))(params)
    np.testing.assert_array_equal(grads[0].weight, [[0, -0.5, 0.5]])  # JAX's own derivative of abs is 1 at 0
