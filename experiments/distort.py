"""More training images from the given ones: shifts, rotations, elastic distortion (chapter 3, "Expanding data").

Images have shape (n, height, width) and any dtype, with 0 for paper. Results have the same shape and dtype.

These make a larger training set once, as the book does. ``jnndl.Distort`` distorts each image anew in every epoch, and
looks it up by two small products, which is faster for a mini-batch but would need a gigabyte for 5,000 images at once.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import ndimage
from jaxtyping import Array, Key

SHIFTS = ((1, 0), (-1, 0), (0, 1), (0, -1))  # down, up, right, left, as in the book's expand_mnist


def shift(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Move images by whole pixels; the pixels that come in at the edge are paper."""
    moved = np.roll(images, (down, right), axis=(1, 2))
    for axis, by in ((1, down), (2, right)):
        edge: list[Any] = [slice(None)] * 3
        edge[axis] = slice(0, by) if by > 0 else slice(images.shape[axis] + by, None)
        moved[tuple(edge)] = 0
    return moved


@jax.jit
def _sample(images: Array, rows: Array, columns: Array) -> Array:
    """Each image sampled at (rows, columns), bilinearly; outside it is paper."""

    def one(image: Array, row: Array, column: Array) -> Array:
        return ndimage.map_coordinates(image, [row, column], order=1)

    return jax.vmap(one)(images, rows, columns)


def _warp(images: np.ndarray, rows: Any, columns: Any) -> np.ndarray:
    found = np.asarray(_sample(jnp.asarray(images, float), rows, columns))
    top = 255 if images.dtype == np.uint8 else None
    return (np.rint(found).clip(0, top) if images.dtype.kind in "ui" else found).astype(images.dtype)


def _grid(images: np.ndarray) -> np.ndarray:
    return np.indices(images.shape[1:], dtype=np.float32)


def rotate(images: np.ndarray, degrees: Any) -> np.ndarray:
    """Turn images anticlockwise about their centres.

    Args:
        images: shape (n, height, width).
        degrees: one angle for all, or one for each image.
    """
    row, column = (grid - (grid.max() / 2) for grid in _grid(images))
    angle = np.deg2rad(np.broadcast_to(degrees, len(images))).astype(np.float32)[:, None, None]
    # Each pixel of the result comes from where it was before the turn. The row axis points down.
    rows = np.cos(angle) * row + np.sin(angle) * column + (images.shape[1] - 1) / 2
    columns = -np.sin(angle) * row + np.cos(angle) * column + (images.shape[2] - 1) / 2
    return _warp(images, rows, columns)


def elastic(images: np.ndarray, key: Key[Array, ""], alpha: float = 34.0, sigma: float = 4.0) -> np.ndarray:
    """Move each pixel by a smooth random field, different for each image (Simard, Steinkraus and Platt 2003).

    Args:
        images: shape (n, height, width).
        key: determines the fields.
        alpha: how far pixels move: the smoothed field is multiplied by it, in pixels.
        sigma: how smooth the field is: the width in pixels of the Gaussian that smooths a field uniform in [-1, 1].
    """
    field = jax.random.uniform(key, (2, *images.shape), minval=-1.0, maxval=1.0)
    reach = int(3 * sigma)
    gauss = jnp.exp(-0.5 * (jnp.arange(-reach, reach + 1) / sigma) ** 2)
    gauss = gauss / gauss.sum()

    def smooth(lines: Array) -> Array:
        return jax.vmap(lambda line: jnp.convolve(line, gauss, mode="same"))(lines.reshape(-1, lines.shape[-1]))

    for _ in range(2):  # along columns, then, transposed, along rows
        field = smooth(field).reshape(field.shape).swapaxes(2, 3)
    row, column = _grid(images)
    return _warp(images, row[None] + alpha * field[0], column[None] + alpha * field[1])
