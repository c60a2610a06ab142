"""Layers: frozen, hashable descriptions. The arrays that they describe live outside, in a pytree.

A layer is three methods. Whoever writes a new one needs no others, and no change anywhere else:

    init(key) -> params                          a NamedTuple of arrays, or () where there is nothing to learn
    forward(params, a, key) -> (output, saved)   for ONE example; ``saved`` is whatever ``backward`` wants to see again
    backward(params, saved, grad) -> (grad_in, grads)      for a mini-batch, every array with a leading axis

``backward`` is the handwritten vector-Jacobian product. It gets the gradient of the cost with respect to the output,
one row per example. It returns the gradient with respect to the input, one row per example too, and the gradient with
respect to ``params``, summed over the mini-batch. It works on the mini-batch because the weights' gradient is one
matrix product there, four to six times faster than averaging an outer product for each example.

``key`` is None when the network is used rather than trained. Penalties apply to params in fields named ``weight``.
"""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from jnndl import arguments, initializers
from jnndl.neurons import as_neuron, sigmoid

TrainingKey = Key[Array, ""] | None  # None where the network is used rather than trained


@runtime_checkable
class Layer(Protocol):
    """What a network expects of a layer; see the module's docstring."""

    def init(self, key: Key[Array, ""]) -> PyTree:
        """Draw the parameters."""

    def forward(self, params: Any, a: Array, key: TrainingKey) -> tuple[Array, PyTree]:
        """Feed one example forward."""

    def backward(self, params: Any, saved: Any, grad: Array) -> tuple[Array, PyTree]:
        """Send the gradient of a mini-batch back."""


class Affine(NamedTuple):
    """The parameters of a weighted input z = w a + b.

    Attributes:
        weight: w, shape (n_out, n_in); row j holds the weights of neuron j, as in the book.
        bias: b, shape (n_out,).
    """

    weight: Array
    bias: Array


def changed(layer: Any, names: tuple[str, ...]) -> list[str]:
    """The fields of a layer that are not the default, as its repr shows them: ``weight_init=large``."""
    defaults = {field.name: field.default for field in dataclasses.fields(layer)}
    own = [(name, getattr(layer, name)) for name in names if getattr(layer, name) is not defaults[name]]
    return [f"{name}={getattr(value, '__name__', repr(value))}" for name, value in own]


@dataclasses.dataclass(frozen=True)
class Dense:
    """A fully connected layer, a' = sigma(w a + b) (chapter 2, equation 25).

    >>> jnndl.Dense(784, 30, "relu")
    Dense(784, 30, relu)

    Attributes:
        n_in: number of inputs, at least 1.
        n_out: number of neurons, at least 1.
        neuron: the activation, a ``Neuron`` or its name, ``"relu"``; ``linear`` in a network's last layer, after which
            ``Network.neuron`` comes.
        weight_init: initializer of the weights, shape (n_out, n_in), or its name, ``"large"``.
        bias_init: initializer of the biases, shape (n_out,), or its name.
    """

    n_in: int
    n_out: int
    neuron: Any = sigmoid
    weight_init: Any = initializers.default
    bias_init: Any = initializers.large

    def __post_init__(self) -> None:
        for name in ("n_in", "n_out"):
            object.__setattr__(self, name, arguments.size(f"Dense: {name}", getattr(self, name)))
        for name in ("weight_init", "bias_init"):
            object.__setattr__(self, name, initializers.as_initializer(f"Dense: {name}", getattr(self, name)))
        object.__setattr__(self, "neuron", as_neuron("Dense: neuron", self.neuron))

    def __repr__(self) -> str:
        own = changed(self, ("weight_init", "bias_init"))
        return f"Dense({', '.join([str(self.n_in), str(self.n_out), self.neuron.name, *own])})"

    def init(self, key: Key[Array, ""]) -> Affine:
        """Draw weights and biases from two independent keys."""
        weight_key, bias_key = jax.random.split(key)
        return Affine(
            weight=self.weight_init(weight_key, (self.n_out, self.n_in)), bias=self.bias_init(bias_key, (self.n_out,))
        )

    def forward(
        self, params: Affine, a: Float[Array, " n_in"], key: TrainingKey = None
    ) -> tuple[Float[Array, " n_out"], tuple[Array, Array]]:
        """The activation for one example, and (a, z) saved."""
        if a.shape != (self.n_in,):
            raise ValueError(f"Dense takes {self.n_in} numbers, not an input of shape {a.shape}")
        z = params.weight @ a + params.bias
        return self.neuron.forward(z), (a, z)

    def backward(
        self, params: Affine, saved: tuple[Array, Array], grad: Float[Array, "m n_out"]
    ) -> tuple[Float[Array, "m n_in"], Affine]:
        """BP2 to BP4 (chapter 2), the sums over the mini-batch of m examples."""
        a, z = saved
        delta = jax.vmap(self.neuron.backward)(z, grad)  # BP2's Hadamard product with sigma'(z)
        grad_a = delta @ params.weight  # BP2's other half, w^T delta of each example, for the layer below
        return grad_a, Affine(weight=delta.T @ a, bias=jnp.sum(delta, axis=0))  # BP4 and BP3


@dataclasses.dataclass(frozen=True)
class Dropout:
    """Drop each activation with probability ``rate`` while training (chapter 3, "Dropout").

    >>> layers = (jnndl.Dense(784, 100), jnndl.Dropout(0.5), jnndl.Dense(100, 10, "linear"))
    >>> jnndl.Network(layers, "sigmoid", (784,))
    Network(784, Dense(784, 100, sigmoid), Dropout(rate=0.5), Dense(100, 10, linear), sigmoid)

    Inverted scaling: what is kept is multiplied by 1/(1 - rate) in training, and nothing happens in use. The book
    halves the outgoing weights in use instead, which differs from this by the factor 1 - rate in those weights.
    network3 does as the book, on the next layer's weighted sum (not its bias), for the inputs of the layer named.

    Attributes:
        rate: the fraction that is DROPPED, from 0 to below 1.
    """

    rate: float

    def __post_init__(self) -> None:
        if not isinstance(self.rate, int | float | np.floating) or not 0 <= self.rate < 1:
            raise ValueError(f"Dropout: rate is {self.rate!r}; give the fraction to drop, from 0 to below 1")
        object.__setattr__(self, "rate", float(self.rate))

    def init(self, key: Key[Array, ""]) -> tuple[()]:
        """Nothing to learn."""
        return ()

    def forward(self, params: tuple[()], a: Array, key: TrainingKey = None) -> tuple[Array, Array]:
        """``a`` with a random part dropped (or ``a`` itself without a key), and the factor of each entry saved."""
        if key is None:
            return a, jnp.ones_like(a)
        scale = jax.random.bernoulli(key, 1 - self.rate, a.shape).astype(a.dtype) / (1 - self.rate)
        return a * scale, scale

    def backward(self, params: tuple[()], saved: Array, grad: Array) -> tuple[Array, tuple[()]]:
        """The gradient passes where the activation passed."""
        return grad * saved, ()
