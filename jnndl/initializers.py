"""Initial weights and biases.

An initializer is ``(key, shape, dtype) -> array``, as in ``jax.nn.initializers``, whose members can be used here as
they are. Weights have shape (n_out, n_in), so theirs need ``in_axis=-1, out_axis=-2``; for example, for ReLU layers,
``jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2)``.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Float, Key

from jnndl import arguments, identity

Initializer = Callable[..., Array]


def default(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any = float) -> Float[Array, "..."]:
    """Gaussian weights of mean 0 and standard deviation 1/sqrt(n_in), network2's default.

    With them the weighted input of a neuron starts near its steep middle, however many inputs it has.

    Args:
        key: the random key.
        shape: (n_out, ...); the product of all axes but the first is n_in, the number of inputs of one neuron.
        dtype: a floating dtype; ``float`` means JAX's default, float32.

    Reference: chapter 3, "Weight initialization".
    """
    return jax.random.normal(key, shape, dtype) / math.sqrt(math.prod(shape[1:]))


def large(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any = float) -> Float[Array, "..."]:
    """Gaussian values of mean 0 and standard deviation 1: chapter 1's weights, and the book's biases throughout.

    Args and dtype as in ``default``. Reference: chapter 1, "Implementing our network to classify digits".
    """
    return jax.random.normal(key, shape, dtype)


def zeros(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any = float) -> Float[Array, "..."]:
    """All zero, whatever the key: the usual biases of ReLU networks, and network3's softmax layer."""
    return jax.nn.initializers.zeros(key, shape, dtype)


INITIALIZERS = {"default": default, "large": large, "zeros": zeros}


def as_initializer(name: str, value: Any) -> Initializer:
    """An initializer, or the one that is called so.

    Raises:
        TypeError, ValueError: if the value of the argument ``name`` is neither.
    """
    value = arguments.choose(name, value, INITIALIZERS)
    if not callable(value):
        raise TypeError(f"{name} is {value!r}; give a function of a key and a shape, such as initializers.default")
    return identity.canonical(value)
