"""A person's own digits, made ready for a network as MNIST's were."""

import math

import numpy as np
from jaxtyping import Float

from jnndl.network import Network

BOX = 20 / 28  # MNIST: the longer side of a digit is 20 of 28 pixels
SMALLEST = 7  # pixels each way: four numbers are no image of 2x2


def image_shape(network: Network) -> tuple[int, int]:
    """Height and width of the images that a network takes: (28, 28) for 784 inputs; axes of length 1 do not count.

    Raises:
        ValueError: if its inputs are no image of one value per pixel, or a very small one.
    """
    shape = tuple(size for size in network.input_shape if size > 1)
    side = math.isqrt(math.prod(shape))
    if len(shape) == 1 and side * side == shape[0]:
        shape = (side, side)
    if len(shape) != 2 or min(shape) < SMALLEST:
        raise ValueError(
            f"the network's input_shape is {network.input_shape}, which is no image of one value per pixel; give a "
            "network trained on images, such as 784 inputs, or (28, 28, 1), for 28x28 pixels"
        )
    return shape[0], shape[1]


def brightest(network: Network) -> int:
    """What the brightest pixel is in the raw images of a network, as far as its scale tells: 255, 16 or 1, mostly.

    Without an offset the network sees ``scale * pixel``, and the brightest pixel is to become about 1: 255 for a scale
    below 1/20 (MNIST's is 1/256), else 1/scale as a whole number (16 for the 8x8 digits). With an offset, 1/scale is a
    standard deviation: 255 where it is above 20, 16 where it is above 1. A network that does not know its scale was
    trained on numbers as they are: 1.
    """
    scale = np.abs(np.asarray(1.0 if network.scale is None else network.scale))
    step = np.max(1 / scale[scale > 0], initial=0.0)  # of one number per column, the column that varies most
    if step > 20:
        return 255
    if network.offset != 0.0:
        return 16 if step > 1 else 1
    return max(1, round(step))


def centre(
    ink: Float[np.ndarray, "h w"], shape: tuple[int, int] = (28, 28), box: float | int = BOX
) -> Float[np.ndarray, "height width"]:
    """Scale a digit into a box of 20 of 28 pixels and put its centre of mass into the middle, as MNIST was made.

    MNIST's own images stay as they are, but for the few that its makers cut off at an edge (three of the test images).
    The page to draw on does the same, pixel for pixel.

    Args:
        ink: how dark each pixel of the drawing is, from 0 (paper) to 1 (pen).
        shape: of the image to make.
        box: the longer side of the digit as a fraction of the shorter side of the image.

    Returns:
        The image: 0 is paper, 1 the darkest pixel of the digit. Without any ink, all 0.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return np.zeros(shape)
    ink = np.asarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], float)
    factor = box * min(shape) / max(ink.shape)
    down, across = (averages(size, max(1, int(size * factor + 0.5))) for size in ink.shape)
    small = down @ ink @ across.T
    small /= small.max()
    image = np.zeros(shape)
    corner = [_corner(small.sum(axis=1 - axis), shape[axis]) for axis in (0, 1)]
    image[corner[0] : corner[0] + small.shape[0], corner[1] : corner[1] + small.shape[1]] = small
    return image


def averages(size: int, wanted: int) -> Float[np.ndarray, "wanted size"]:
    """The matrix that makes a line of ``wanted`` pixels from one of ``size``, each the mean over the part it covers."""
    edges = np.arange(wanted + 1) * size / wanted
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(overlap, 0.0) * wanted / size


def _corner(mass: Float[np.ndarray, " n"], size: int) -> int:
    """Where a line of pixels has to start for its centre of mass to be in the middle, and all of it inside."""
    middle = (mass * (np.arange(len(mass)) + 0.5)).sum() / mass.sum()
    # Up, as MNIST: its images stay as they are. Less a hair: a straight line's middle is on no side of a whole number.
    return int(np.clip(np.ceil(size / 2 - middle - 1e-9), 0, size - len(mass)))
