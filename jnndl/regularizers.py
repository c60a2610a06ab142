"""Penalties on the size of the weights, each beside its handwritten gradient.

A penalty is summed over every leaf that sits in a field named ``weight``, in whatever layer; biases are never
penalised (chapter 3, "Overfitting and regularization"). It is divided by ``n``, the size of the training set, as in
network2; network3 divides by the number of mini-batches instead, so its lambda means batch_size times as much.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

Strength = float | Float[Array | np.ndarray, ""] | None
Scalar = Float[Array, ""]


def is_weight(path: tuple) -> bool:
    """Whether a key path of a parameter pytree ends in a field (or dictionary key) named ``weight``."""
    return bool(path) and getattr(path[-1], "name", getattr(path[-1], "key", None)) == "weight"


def penalty(params: PyTree, n: int, l1: Strength = None, l2: Strength = None) -> Scalar:
    """``(l1/n) sum |w| + (l2/2n) sum w^2``.

    Args:
        params: the parameters of a network.
        n: the number of training examples.
        l1: strength of the L1 penalty, or None for none (chapter 3, equation 95; the book's lambda).
        l2: strength of the L2 penalty, or None for none (chapter 3, equation 85; the book's lambda).

    Returns:
        A scalar, in the unit of the cost.
    """
    weights = [leaf for path, leaf in jax.tree.leaves_with_path(params) if is_weight(path)]
    total = jnp.zeros((), jnp.result_type(*jax.tree.leaves(params)))
    if l1 is not None:
        # |w| as w sgn(w): JAX takes the derivative of abs to be 1 at 0, where the book's, and that below, is 0.
        magnitude = sum(jnp.sum(w * jax.lax.stop_gradient(jnp.sign(w))) for w in weights)
        total += jnp.asarray(l1, total.dtype) / n * magnitude
    if l2 is not None:
        total += jnp.asarray(l2, total.dtype) / (2 * n) * sum(jnp.sum(jnp.square(w)) for w in weights)
    return total


def add_penalty_gradient(grads: PyTree, params: PyTree, n: int, l1: Strength = None, l2: Strength = None) -> PyTree:
    """``grads`` plus the gradient of ``penalty``: (l1/n) sgn(w) + (l2/n) w for weights, nothing for biases.

    sgn(0) = 0, as the book asks. Arguments as in ``penalty``; ``grads`` is a pytree like ``params``.
    """
    if l1 is None and l2 is None:
        return grads

    def add(path: tuple, grad: Array, w: Array) -> Array:
        if is_weight(path):
            if l1 is not None:
                grad += jnp.asarray(l1, w.dtype) / n * jnp.sign(w)
            if l2 is not None:
                grad += jnp.asarray(l2, w.dtype) / n * w
        return grad

    return jax.tree.map_with_path(add, grads, params)
