"""Images distorted at random while training (chapter 3, "Artificially expanding the training data").

A distorted image is the image looked up at other places, between its pixels: a linear function of it. ``look_up`` is
that function, and ``put_back`` its transpose, which sends a gradient back.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jnndl.layers import TrainingKey

Places = Float[Array, "height width"]


def _shares(n: int, places: Places) -> Float[Array, "n places"]:
    """How much each of n pixels in a line counts at each place: 1 on the pixel, and 0 one pixel away and beyond."""
    return jnp.maximum(1 - jnp.abs(places.ravel()[None] - jnp.arange(n, dtype=places.dtype)[:, None]), 0)


def look_up(image: Float[Array, "h w *channels"], rows: Places, columns: Places) -> Array:
    """An image at places between its pixels: bilinear interpolation, 0 outside.

    Two small products in place of a gather of four pixels, which takes twice the time on a CPU, and backward a scatter.

    >>> look_up = jnndl.distortion.look_up
    >>> look_up(jnp.array([[0.0, 4.0], [8.0, 12.0]]), jnp.array([[0.25, 1.5]]), jnp.array([[0.5, 0.0]]))
    Array([[4., 4.]], dtype=float32)

    Args:
        image: one image; channels, if it has any, are looked up alike.
        rows, columns: where, in pixels from the middle of the first one.

    Returns:
        What is there, of the shape of ``rows``, with the image's channels.
    """
    down, across = _shares(image.shape[0], rows), _shares(image.shape[1], columns)
    found = jnp.sum(down[None] * (_channels_first(image) @ across), axis=1)
    return found.T.reshape(*rows.shape, *image.shape[2:])


def put_back(shape: tuple[int, ...], rows: Places, columns: Places, grad: Array) -> Float[Array, "h w *channels"]:
    """The transpose of ``look_up``: each place gives to its four pixels what it took from them.

    Args:
        shape: of the image.
        rows, columns: as they were given to ``look_up``.
        grad: the gradient with respect to what was found there.
    """
    down, across = _shares(shape[0], rows), _shares(shape[1], columns)
    image = (_channels_first(grad).reshape(-1, 1, rows.size) * down[None]) @ across.T
    return jnp.moveaxis(image, 0, 2).reshape(shape)


def _channels_first(image: Array) -> Float[Array, "channels rows columns"]:
    return image[None] if image.ndim == 2 else jnp.moveaxis(image, 2, 0)


def _smoothing(n: int, sigma: float) -> Float[np.ndarray, "n n"]:
    """The matrix that smooths a line of n pixels by a Gaussian; beyond its ends the line is taken to be 0."""

    def bell(distance: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (distance / sigma) ** 2)

    reach = math.ceil(5 * sigma)
    return bell(np.subtract.outer(np.arange(n), np.arange(n))) / bell(np.arange(-reach, reach + 1)).sum()


@dataclasses.dataclass(frozen=True)
class Distort:
    """Shift, turn, scale, shear and bend each image at random while training; leave it alone in use.

    >>> distort = jnndl.Distort(shift=2, rotation=15, scale=0.15, shear=0.1, alpha=30, sigma=4)
    >>> jnndl.Network((distort, jnndl.Dense(784, 10, "linear")), "softmax", (784,)).shapes
    ((784,), (784,), (10,))

    Every example is distorted in a new way in every epoch, so it does what a training set without end would do. Each
    has one affine map about the image's centre and one field of displacements (the "elastic distortions" of Simard,
    Steinkraus and Platt 2003): every pixel is displaced by random numbers from -1 to 1, smoothed by a Gaussian and
    multiplied by ``alpha``. Pixels in between are interpolated bilinearly.

    Outside of an image is 0. That has to mean blank: the layer gets ``scale * input + offset``, so with an offset, as
    standardised inputs have, the edges would be grey. It is for a network's first layer, where its way back costs
    nothing, because nobody asks for the gradient of the inputs. An input is an image of shape (rows, columns) or
    (rows, columns, channels), or a square one as a vector, such as (784,).

    Attributes:
        shift: up to how many pixels in each direction.
        rotation: up to how many degrees in each direction.
        scale: up to which share larger or smaller, rows and columns each by a factor of their own: 0.15 for factors
            from 0.85 to 1.15.
        shear: up to which share of its height above the centre a row moves to a side.
        alpha: how strong the field of displacements is, in pixels; 0 for none.
        sigma: how smooth it is: the standard deviation of the Gaussian, in pixels.

    Raises:
        ValueError: if one is not a finite number of at least 0, scale is not below 1, or sigma is 0.
    """

    shift: float | int = 0.0
    rotation: float | int = 0.0
    scale: float | int = 0.0
    shear: float | int = 0.0
    alpha: float | int = 0.0
    sigma: float | int = 4.0

    def __post_init__(self) -> None:
        wanted = {"rotation": "degrees", "scale": "a share below 1", "shear": "a share"}
        for name, value in vars(self).copy().items():
            number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
            if not number or not 0 <= value < (1 if name == "scale" else math.inf):
                raise ValueError(f"Distort: {name} is {value!r}; give {wanted.get(name, 'pixels')}, at least 0")
            object.__setattr__(self, name, float(value))
        if not self.sigma:
            raise ValueError("Distort: sigma is 0; give the Gaussian's standard deviation in pixels, or alpha=0")

    def init(self, key: Key[Array, ""]) -> tuple[()]:
        """Nothing to learn."""
        return ()

    def forward(self, params: tuple[()], a: Array, key: TrainingKey = None) -> tuple[Array, tuple[Places, Places]]:
        """``a`` distorted (or ``a`` itself without a key); saved are the places where it was looked up."""
        shape = _image_shape(a.shape)
        if key is None:
            rows, columns = jnp.indices(shape[:2], dtype=a.dtype)
            return a, (rows, columns)
        rows, columns = self.places(shape[:2], key, a.dtype)
        return look_up(a.reshape(shape), rows, columns).reshape(a.shape), (rows, columns)

    def backward(
        self, params: tuple[()], saved: tuple[Array, Array], grad: Float[Array, "m *shape"]
    ) -> tuple[Array, tuple[()]]:
        """The gradient goes to the pixels from which the output was interpolated, in the same shares."""
        shape = _image_shape(grad.shape[1:])
        below = jax.vmap(functools.partial(put_back, shape))(*saved, grad.reshape(-1, *shape))
        return below.reshape(grad.shape), ()

    def places(self, shape: tuple[int, ...], key: Key[Array, ""], dtype: jnp.dtype) -> tuple[Places, Places]:
        """Where to look an image up: the affine map of each pixel, undone step by step, and its displacement."""
        affine_key, field_key = jax.random.split(key)
        down, right, turn, high, wide, lean = jax.random.uniform(affine_key, (6,), minval=-1, maxval=1).astype(dtype)
        middle = [(n - 1) / 2 for n in shape]
        row = jnp.arange(shape[0], dtype=dtype)[:, None] - middle[0] - self.shift * down
        column = jnp.arange(shape[1], dtype=dtype)[None] - middle[1] - self.shift * right
        angle = math.radians(self.rotation) * turn
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        row, column = cos * row + sin * column, cos * column - sin * row
        column = column + self.shear * lean * row
        rows = row / (1 + self.scale * high) + middle[0]
        columns = column / (1 + self.scale * wide) + middle[1]
        if self.alpha:  # a number that is known when the program is compiled
            field = jax.random.uniform(field_key, (2, *shape), minval=-self.alpha, maxval=self.alpha)
            for n in shape[::-1]:  # along the rows, then along the columns
                field = (field.astype(dtype) @ _smoothing(n, self.sigma).astype(dtype)).swapaxes(1, 2)
            rows, columns = rows + field[0], columns + field[1]
        return rows, columns


def _image_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Height, width and what follows them, of an input: (28, 28) for 784 numbers."""
    side = math.isqrt(shape[0]) if len(shape) == 1 else 0
    if len(shape) not in (1, 2, 3) or (len(shape) == 1 and side * side != shape[0]):
        raise ValueError(f"Distort takes images, (rows, columns, channels), or square ones as vectors, not {shape}")
    return (side, side) if side else shape
