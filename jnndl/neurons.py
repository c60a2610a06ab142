"""Neurons: an activation function and, directly under it, its handwritten derivative.

Every function takes the weighted inputs ``z`` of one layer for one example. ``forward(z)`` is the activation ``a``
(chapter 1, equation 3 for the sigmoid); ``backward(z, grad_a)`` is the vector-Jacobian product: given the gradient of
the cost with respect to ``a`` it returns the one with respect to ``z``. For a neuron that looks only at its own input
that is ``grad_a * sigma'(z)``, the Hadamard product of BP1 and BP2; softmax, where every output depends on every
input, fits the same form.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jnndl import arguments

Vector = Float[Array, " n"]


@dataclasses.dataclass(frozen=True)
class Neuron:
    """An activation function with its derivative; hashable, so that it can be part of a compiled program's structure.

    Attributes:
        name: what a saved file calls it.
        forward: ``z -> a``, both of shape (n,).
        backward: ``(z, grad_a) -> grad_z``, all of shape (n,).
        low: the target of an output neuron that should stay silent (its partner, for the right class, is 1).
        error: ``(z, y) -> a - y`` in a form that keeps its digits where the neuron saturates; None for the plain one.
    """

    name: str
    forward: Callable[[Vector], Vector] = dataclasses.field(repr=False)
    backward: Callable[[Vector, Vector], Vector] = dataclasses.field(repr=False)
    low: float = dataclasses.field(default=0.0, repr=False)
    error: Callable[[Vector, Vector], Vector] | None = dataclasses.field(default=None, repr=False)

    def minus(self, z: Vector, y: Vector) -> Vector:
        """The output error a - y for a target y, both of shape (n,)."""
        return self.forward(z) - y if self.error is None else self.error(z, y)


def _step(z: Vector) -> Vector:
    return (z > 0).astype(z.dtype)  # strictly: output 0 at z = 0, chapter 1, equation 2


def _step_backward(z: Vector, grad_a: Vector) -> Vector:
    return jnp.zeros_like(z)  # flat wherever it is smooth: why the book moves on to sigmoid neurons


def _linear(z: Vector) -> Vector:
    return z


def _linear_backward(z: Vector, grad_a: Vector) -> Vector:
    return grad_a


def _sigmoid(z: Vector) -> Vector:
    return jax.nn.sigmoid(z)


def _sigmoid_backward(z: Vector, grad_a: Vector) -> Vector:
    # sigma' = sigma(z) sigma(-z); the book's sigma(z) (1 - sigma(z)) rounds to zero from z = 17 on in float32.
    return grad_a * jax.nn.sigmoid(z) * jax.nn.sigmoid(-z)


def _sigmoid_error(z: Vector, y: Vector) -> Vector:
    return (1 - y) * jax.nn.sigmoid(z) - y * jax.nn.sigmoid(-z)  # as sigma(z) + sigma(-z) = 1; nothing cancels


def _tanh(z: Vector) -> Vector:
    return jnp.tanh(z)


def _tanh_backward(z: Vector, grad_a: Vector) -> Vector:
    # tanh' = 1 - tanh^2 = 4 sigma(2z) sigma(-2z), without the subtraction of two numbers close to one.
    return grad_a * 4 * jax.nn.sigmoid(2 * z) * jax.nn.sigmoid(-2 * z)


def _tanh_error(z: Vector, y: Vector) -> Vector:
    return (1 - y) * jax.nn.sigmoid(2 * z) - (1 + y) * jax.nn.sigmoid(-2 * z)


def _relu(z: Vector) -> Vector:
    return jax.nn.relu(z)


def _relu_backward(z: Vector, grad_a: Vector) -> Vector:
    return jnp.where(z > 0, grad_a, 0)  # the derivative at the kink is taken to be 0


def _softmax(z: Vector) -> Vector:
    return jax.nn.softmax(z)


def _softmax_backward(z: Vector, grad_a: Vector) -> Vector:
    a = jax.nn.softmax(z)  # da_j/dz_k = a_j (delta_jk - a_k)
    return a * (grad_a - jnp.vdot(a, grad_a))


step = Neuron("step", _step, _step_backward)
linear = Neuron("linear", _linear, _linear_backward)
sigmoid = Neuron("sigmoid", _sigmoid, _sigmoid_backward, error=_sigmoid_error)
tanh = Neuron("tanh", _tanh, _tanh_backward, low=-1.0, error=_tanh_error)
relu = Neuron("relu", _relu, _relu_backward)
softmax = Neuron("softmax", _softmax, _softmax_backward)

NEURONS = {neuron.name: neuron for neuron in (step, linear, sigmoid, tanh, relu, softmax)}


def as_neuron(name: str, value: Any) -> Neuron:
    """A neuron, or the one that is called so.

    Raises:
        TypeError, ValueError: if the value of the argument ``name`` is neither.
    """
    value = arguments.choose(name, value, NEURONS)
    if not isinstance(value, Neuron):
        called = getattr(value, "__name__", "")  # jax.nn.relu and numpy.tanh are known by their names
        which = repr(called) if called in NEURONS else "one of jnndl.neurons, such as neurons.sigmoid"
        raise TypeError(f"{name} is {arguments.short_repr(value)}; give {which}")
    return value
