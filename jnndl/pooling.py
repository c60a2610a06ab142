"""Pooling (chapter 6, "Pooling layers"): each window of an image becomes one number, in each map by itself.

The input of one example has shape (rows, columns, channels), as in ``convolution``.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jnndl import arguments
from jnndl.layers import TrainingKey

Image = Float[Array, "rows columns channels"]
Images = Float[Array, "m rows columns channels"]
Maps = Float[Array, "down across maps"]
ManyMaps = Float[Array, "m down across maps"]


def as_pair(name: str, value: Any) -> tuple[int, int]:
    """A size in rows and columns, from a pair or from one number for both."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(arguments.is_whole(n) and n >= 1 for n in pair):
        raise ValueError(f"{name} is {value!r}; give a whole number of at least 1, or two for rows and columns")
    return int(pair[0]), int(pair[1])


def short(pair: tuple[int, int]) -> str:
    """A size as it was given: one number where both are the same."""
    return str(pair[0]) if pair[0] == pair[1] else str(pair)


def check_image(layer: Any, shape: tuple[int, ...], channels: int | None = None) -> None:
    """Raise ValueError unless a layer's input has the shape of an image (with so many channels)."""
    wanted = f"(rows, columns, {'channels' if channels is None else channels})"
    if len(shape) != 3 or shape[2] != (channels or shape[2]):
        raise ValueError(f"{type(layer).__name__} takes images of shape {wanted}, not {shape}")


@dataclasses.dataclass(frozen=True)
class Pool:
    """What the three poolings share: a window's size, nothing to learn.

    The windows lie side by side. Rows and columns at the end that do not fill a window are left out, as in the book.
    """

    size: Any = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", as_pair(f"{type(self).__name__}: size", self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({short(self.size)})"

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


class MaxPool(Pool):
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
        check_image(self, a.shape)
        best, winner = _first_largest(self._split(a))
        return best, (winner, a)

    def backward(self, params: tuple[()], saved: tuple[Array, Array], grad: ManyMaps) -> tuple[Images, tuple[()]]:
        """The gradient goes to the winner of each window, and nothing to the others."""
        winner, a = saved
        windows = jnp.where(_won(winner, self.size), grad[:, :, None, :, None, :], 0)
        return self._join(windows, a.shape), ()


class AvgPool(Pool):
    """The mean of each window, in each map by itself.

    >>> jnndl.AvgPool(2).forward((), jnp.array([[[1.0], [3.0]], [[3.0], [2.0]]]))[0]
    Array([[[2.25]]], dtype=float32)

    Attributes:
        size: rows and columns of a window, or one number for both.
    """

    def forward(self, params: tuple[()], a: Image, key: TrainingKey = None) -> tuple[Maps, Array]:
        """The means for one example; saved is the image for its shape."""
        check_image(self, a.shape)
        return jnp.mean(self._split(a), axis=(1, 3)), a

    def backward(self, params: tuple[()], saved: Array, grad: ManyMaps) -> tuple[Images, tuple[()]]:
        """Every entry of a window gets the same share."""
        high, wide = self.size
        share = grad[:, :, None, :, None, :] / (high * wide)
        m, down, _, across, _, channels = share.shape
        return self._join(jnp.broadcast_to(share, (m, down, high, across, wide, channels)), saved.shape), ()


class L2Pool(Pool):
    """The square root of the sum of the squares of each window (chapter 6, "Pooling layers": "L2 pooling").

    Where all of a window is 0 there is no derivative; it is taken to be 0.

    >>> jnndl.L2Pool(2).forward((), jnp.array([[[3.0], [0.0]], [[0.0], [4.0]]]))[0]
    Array([[[5.]]], dtype=float32)

    Attributes:
        size: rows and columns of a window, or one number for both.
    """

    def forward(self, params: tuple[()], a: Image, key: TrainingKey = None) -> tuple[Maps, tuple[Array, Array]]:
        """The roots for one example; saved are the image and the roots."""
        check_image(self, a.shape)
        total = jnp.sum(jnp.square(self._split(a)), axis=(1, 3))
        some = total > 0
        root = jnp.where(some, jnp.sqrt(jnp.where(some, total, 1)), 0)  # no 0/0 on jax.grad's way back either
        return root, (a, root)

    def backward(self, params: tuple[()], saved: tuple[Array, Array], grad: ManyMaps) -> tuple[Images, tuple[()]]:
        """The derivative of the root by an entry is the entry over the root."""
        a, root = saved
        factor = jnp.where(root > 0, grad / jnp.where(root > 0, root, 1), 0)
        return self._join(self._split(a) * factor[:, :, None, :, None, :], a.shape), ()
