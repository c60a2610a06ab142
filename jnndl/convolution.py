"""Layers of images (chapter 6): convolution, and the way from images to vectors.

One example is an image of shape (rows, columns, channels): (28, 28, 1) for a digit of MNIST, (12, 12, 20) for the
book's 20 feature maps after pooling. As in ``layers``, ``forward`` takes one example and ``backward`` a mini-batch.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jnndl import arguments, initializers
from jnndl.correlation import Geometry, correlate, correlate_backward, geometry
from jnndl.layers import Affine, TrainingKey, changed
from jnndl.neurons import as_neuron, sigmoid
from jnndl.pooling import Image, Images, ManyMaps, Maps, Pool, as_pair, check_image, short


@dataclasses.dataclass(frozen=True)
class Flatten:
    """An image as a vector, row by row, for the dense layers above.

    >>> jnndl.Flatten().forward((), jnp.zeros((12, 12, 20)))[0].shape
    (2880,)
    """

    def init(self, key: Key[Array, ""]) -> tuple[()]:
        """Nothing to learn."""
        return ()

    def forward(self, params: tuple[()], a: Array, key: TrainingKey = None) -> tuple[Float[Array, " n"], Array]:
        """The vector; saved is the image for its shape."""
        return a.reshape(-1), a

    def backward(self, params: tuple[()], saved: Array, grad: Float[Array, "m n"]) -> tuple[Array, tuple[()]]:
        """The gradient in the image's shape."""
        return grad.reshape(saved.shape), ()


@dataclasses.dataclass(frozen=True)
class Conv:
    """A convolutional layer: sigma(pool(w * a) + b), the same weights at every place (chapter 6, equation 125).

    >>> conv = jnndl.Conv(1, 20, 5, "relu", pool=jnndl.MaxPool(2))  # the book's ConvPoolLayer
    >>> layers = (conv, jnndl.Flatten(), jnndl.Dense(12 * 12 * 20, 10, "linear"))
    >>> print(jnndl.Network(layers, "softmax", (28, 28, 1)).summary())
    layer                                    output        parameters
    input                                    28 x 28 x 1
    0 Conv(1, 20, 5, relu, pool=MaxPool(2))  12 x 12 x 20         520
    1 Flatten()                              2880                   0
    2 Dense(2880, 10, linear)                10                28,810
    softmax                                  10
    in all                                                     29,330

    ``pool`` comes before bias and neuron, as in the book's program. With ``MaxPool`` and a neuron that never falls
    (sigmoid, tanh, ReLU) that is the same function as pooling afterwards: the largest z has the largest sigma(z + b).
    It leaves the neuron a quarter of the work. For the other order, give no ``pool`` and put a layer of pooling behind.

    Attributes:
        n_in: channels of the image: 1 for a grey one, or the number of maps of the layer below.
        n_out: number of feature maps.
        kernel: rows and columns of the local receptive field, or one number for both.
        neuron: the activation, a ``Neuron`` or its name, ``"relu"``.
        stride: the step from one field to the next, a pair or one number.
        padding: "valid" (fields lie inside the image) or "same" (zeros around it; at stride 1 the maps have the
            image's size).
        pool: a layer of pooling, such as ``MaxPool(2)``, or None.
        weight_init: initializer of the weights, shape (n_out, rows, columns, n_in), or its name.
        bias_init: initializer of the biases, shape (n_out,), or its name.

    Raises:
        TypeError, ValueError: if a size is no whole number of at least 1, or a name is unknown.
    """

    n_in: int
    n_out: int
    kernel: Any
    neuron: Any = sigmoid
    stride: Any = 1
    padding: str = "valid"
    pool: Any = None
    weight_init: Any = initializers.default
    bias_init: Any = initializers.large

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {n: arguments.size(f"Conv: {n}", getattr(self, n)) for n in ("n_in", "n_out")}
        checked |= {name: as_pair(f"Conv: {name}", getattr(self, name)) for name in ("kernel", "stride")}
        for name in ("weight_init", "bias_init"):
            checked[name] = initializers.as_initializer(f"Conv: {name}", getattr(self, name))
        checked["neuron"] = as_neuron("Conv: neuron", self.neuron)
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.padding not in ("valid", "same"):
            raise ValueError(f"Conv: padding is {self.padding!r}; give 'valid' or 'same'")
        if self.pool is not None and not isinstance(self.pool, Pool):
            raise TypeError(
                f"Conv: pool is {arguments.short_repr(self.pool)}; give MaxPool(2), AvgPool(2), L2Pool(2) or None"
            )

    def __repr__(self) -> str:
        sizes = [str(self.n_in), str(self.n_out), short(self.kernel), self.neuron.name]
        stride = [] if self.stride == (1, 1) else [f"stride={short(self.stride)}"]
        return f"Conv({', '.join([*sizes, *stride, *changed(self, ('padding', 'pool', 'weight_init', 'bias_init'))])})"

    def init(self, key: Key[Array, ""]) -> Affine:
        """Draw weights and biases from two independent keys."""
        weight_key, bias_key = jax.random.split(key)
        shape = (self.n_out, *self.kernel, self.n_in)
        return Affine(weight=self.weight_init(weight_key, shape), bias=self.bias_init(bias_key, (self.n_out,)))

    def _geometry(self, shape: tuple[int, ...]) -> Geometry:
        """Where the fields lie in one image of this shape."""
        check_image(self, shape, self.n_in)
        where, counts = geometry(shape, self.kernel, self.stride, self.padding)
        if min(counts) < 1:
            raise ValueError(f"{self} needs images of at least {self.kernel[0]} x {self.kernel[1]}")
        return where

    def forward(self, params: Affine, a: Image, key: TrainingKey = None) -> tuple[Maps, tuple]:
        """The maps for one example; saved are a, the pooled z, and what the pooling saved."""
        z = correlate(self._geometry(a.shape), a, params.weight)
        z, kept = (z, ()) if self.pool is None else self.pool.forward((), z)
        z = z + params.bias[None, None]
        return self.neuron.forward(z.ravel()).reshape(z.shape), (a, z, kept)

    def backward(self, params: Affine, saved: tuple, grad: ManyMaps) -> tuple[Images, Affine]:
        """BP2 to BP4 with shared weights (chapter 6's problem), the sums over the mini-batch."""
        a, z, kept = saved
        delta = jax.vmap(lambda z, grad: self.neuron.backward(z.ravel(), grad.ravel()).reshape(z.shape))(z, grad)
        bias = jnp.sum(delta, axis=(0, 1, 2))
        if self.pool is not None:
            delta, _ = self.pool.backward((), kept, delta)
        grad_a, weight = correlate_backward(self._geometry(a.shape[1:]), params.weight, a, delta)
        return grad_a, Affine(weight, bias)
