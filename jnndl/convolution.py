"""Layers of images (chapter 6): convolution, pooling, and the way from images to vectors.

One example is an image of shape (rows, columns, channels): (28, 28, 1) for a digit of MNIST, (12, 12, 20) for the
book's 20 feature maps after pooling. As in ``layers``, ``forward`` takes one example and ``backward`` a mini-batch.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jnndl import arguments, initializers
from jnndl.correlation import Geometry, correlate, correlate_backward, geometry
from jnndl.layers import Affine, TrainingKey, changed
from jnndl.neurons import as_neuron, sigmoid

Image = Float[Array, "rows columns channels"]
Images = Float[Array, "m rows columns channels"]
Maps = Float[Array, "down across maps"]
ManyMaps = Float[Array, "m down across maps"]


def _pair(name: str, value: Any) -> tuple[int, int]:
    """A size in rows and columns, from a pair or from one number for both."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(arguments.is_whole(n) and n >= 1 for n in pair):
        raise ValueError(f"{name} is {value!r}; give a whole number of at least 1, or two for rows and columns")
    return int(pair[0]), int(pair[1])


def _short(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else str(pair)


def _check_image(layer: Any, shape: tuple[int, ...], channels: int | None = None) -> None:
    wanted = f"(rows, columns, {'channels' if channels is None else channels})"
    if len(shape) != 3 or shape[2] != (channels or shape[2]):
        raise ValueError(f"{type(layer).__name__} takes images of shape {wanted}, not {shape}")


@dataclasses.dataclass(frozen=True)
class _Pool:
    """What the three poolings share: a window's size, nothing to learn.

    The windows lie side by side. Rows and columns at the end that do not fill a window are left out, as in the book.
    """

    size: Any = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _pair(f"{type(self).__name__}: size", self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_short(self.size)})"

    def init(self, key: Key[Array, ""]) -> tuple[()]:
        """Nothing to learn."""
        return ()

    def _split(self, a: Array) -> Float[Array, "... down rows across columns channels"]:
        """Images cut into windows, of shape (..., windows down, rows, windows across, columns, channels)."""
        rows, columns, channels = a.shape[-3:]
        (high, wide), (down, across) = self.size, (rows // self.size[0], columns // self.size[1])
        if not down * across:
            raise ValueError(f"{self} needs images of at least {high} x {wide}, not {rows} x {columns}")
        a = a[..., : down * high, : across * wide, :]
        return a.reshape(*a.shape[:-3], down, high, across, wide, channels)

    def _join(self, windows: Array, shape: tuple[int, ...]) -> Images:
        """The images of these windows, with zeros where something was left out."""
        m, down, high, across, wide, channels = windows.shape
        images = windows.reshape(m, down * high, across * wide, channels)
        return jnp.pad(images, [(0, 0), (0, shape[1] - down * high), (0, shape[2] - across * wide), (0, 0)])


@jax.custom_jvp
def _first_largest(windows: Float[Array, "down rows across columns channels"]) -> tuple[Maps, Int[Array, "..."]]:
    """The largest entry of each window and its number, counted along the rows; of equals the first."""
    _, rows, _, columns, _ = windows.shape
    best = windows[:, 0, :, 0]
    winner = jnp.zeros(best.shape, jnp.int8 if rows * columns < 128 else jnp.int32)
    for number in range(1, rows * columns):
        entry = windows[:, number // columns, :, number % columns]
        better = (entry > best) | (entry != entry)  # NaN wins, so that it is not lost
        best, winner = jnp.where(better, entry, best), jnp.where(better, winner.dtype.type(number), winner)
    return best, winner


@_first_largest.defjvp
def _first_largest_jvp(primals: tuple, tangents: tuple) -> tuple:
    """For ``jax.grad``: the winner's slope is 1, the others' 0. The same rule as ``MaxPool.backward``.

    JAX would find this through the comparisons above, but its program would take twice the time.
    """
    best, winner = _first_largest(*primals)
    moved = jnp.where(_won(winner, primals[0].shape[1::2]), tangents[0], 0)
    return (best, winner), (jnp.sum(moved, axis=(1, 3)), np.zeros(winner.shape, jax.dtypes.float0))


def _won(winner: Array, size: tuple[int, int]) -> Array:
    """Whether each entry of windows of this size is the winner of its window."""
    rows, columns = size
    number = jnp.arange(rows * columns, dtype=winner.dtype)
    windows = winner[..., :, None, :, None, :]
    return windows == number.reshape(*[1] * (windows.ndim - 4), rows, 1, columns, 1)


class MaxPool(_Pool):
    """The largest activation of each window, in each map by itself (chapter 6, "Pooling layers").

    Where several are equal, as everywhere in MNIST's blank margin, the gradient goes to the first of them, counted
    along the rows. PyTorch does the same; ``jnp.max`` would divide it among them. NaN counts as the largest.

    >>> jnndl.MaxPool(2).forward((), jnp.array([[[1.0], [3.0]], [[3.0], [2.0]]]))[0]
    Array([[[3.]]], dtype=float32)

    Attributes:
        size: rows and columns of a window, or one number for both.
    """

    def forward(self, params: tuple[()], a: Image, key: TrainingKey = None) -> tuple[Maps, tuple[Array, Array]]:
        """The maxima for one example; saved are who won, and the image for its shape."""
        _check_image(self, a.shape)
        best, winner = _first_largest(self._split(a))
        return best, (winner, a)

    def backward(self, params: tuple[()], saved: tuple[Array, Array], grad: ManyMaps) -> tuple[Images, tuple[()]]:
        """The gradient goes to the winner of each window, and nothing to the others."""
        winner, a = saved
        windows = jnp.where(_won(winner, self.size), grad[:, :, None, :, None, :], 0)
        return self._join(windows, a.shape), ()


class AvgPool(_Pool):
    """The mean of each window, in each map by itself.

    >>> jnndl.AvgPool(2).forward((), jnp.array([[[1.0], [3.0]], [[3.0], [2.0]]]))[0]
    Array([[[2.25]]], dtype=float32)

    Attributes:
        size: rows and columns of a window, or one number for both.
    """

    def forward(self, params: tuple[()], a: Image, key: TrainingKey = None) -> tuple[Maps, Array]:
        """The means for one example; saved is the image for its shape."""
        _check_image(self, a.shape)
        return jnp.mean(self._split(a), axis=(1, 3)), a

    def backward(self, params: tuple[()], saved: Array, grad: ManyMaps) -> tuple[Images, tuple[()]]:
        """Every entry of a window gets the same share."""
        high, wide = self.size
        share = grad[:, :, None, :, None, :] / (high * wide)
        m, down, _, across, _, channels = share.shape
        return self._join(jnp.broadcast_to(share, (m, down, high, across, wide, channels)), saved.shape), ()


class L2Pool(_Pool):
    """The square root of the sum of the squares of each window (chapter 6, "Pooling layers": "L2 pooling").

    Where all of a window is 0 there is no derivative; it is taken to be 0.

    >>> jnndl.L2Pool(2).forward((), jnp.array([[[3.0], [0.0]], [[0.0], [4.0]]]))[0]
    Array([[[5.]]], dtype=float32)

    Attributes:
        size: rows and columns of a window, or one number for both.
    """

    def forward(self, params: tuple[()], a: Image, key: TrainingKey = None) -> tuple[Maps, tuple[Array, Array]]:
        """The roots for one example; saved are the image and the roots."""
        _check_image(self, a.shape)
        total = jnp.sum(jnp.square(self._split(a)), axis=(1, 3))
        some = total > 0
        root = jnp.where(some, jnp.sqrt(jnp.where(some, total, 1)), 0)  # no 0/0 on jax.grad's way back either
        return root, (a, root)

    def backward(self, params: tuple[()], saved: tuple[Array, Array], grad: ManyMaps) -> tuple[Images, tuple[()]]:
        """The derivative of the root by an entry is the entry over the root."""
        a, root = saved
        factor = jnp.where(root > 0, grad / jnp.where(root > 0, root, 1), 0)
        return self._join(self._split(a) * factor[:, :, None, :, None, :], a.shape), ()


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
        checked |= {name: _pair(f"Conv: {name}", getattr(self, name)) for name in ("kernel", "stride")}
        for name in ("weight_init", "bias_init"):
            checked[name] = initializers.as_initializer(f"Conv: {name}", getattr(self, name))
        checked["neuron"] = as_neuron("Conv: neuron", self.neuron)
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.padding not in ("valid", "same"):
            raise ValueError(f"Conv: padding is {self.padding!r}; give 'valid' or 'same'")
        if self.pool is not None and not isinstance(self.pool, _Pool):
            raise TypeError(
                f"Conv: pool is {arguments.short_repr(self.pool)}; give MaxPool(2), AvgPool(2), L2Pool(2) or None"
            )

    def __repr__(self) -> str:
        sizes = [str(self.n_in), str(self.n_out), _short(self.kernel), self.neuron.name]
        stride = [] if self.stride == (1, 1) else [f"stride={_short(self.stride)}"]
        return f"Conv({', '.join([*sizes, *stride, *changed(self, ('padding', 'pool', 'weight_init', 'bias_init'))])})"

    def init(self, key: Key[Array, ""]) -> Affine:
        """Draw weights and biases from two independent keys."""
        weight_key, bias_key = jax.random.split(key)
        shape = (self.n_out, *self.kernel, self.n_in)
        return Affine(weight=self.weight_init(weight_key, shape), bias=self.bias_init(bias_key, (self.n_out,)))

    def _geometry(self, shape: tuple[int, ...]) -> Geometry:
        """Where the fields lie in one image of this shape."""
        _check_image(self, shape, self.n_in)
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
