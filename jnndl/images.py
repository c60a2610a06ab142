"""A person's own digits, made ready for a network as MNIST's were."""

import numpy as np
from jaxtyping import Float

BOX = 20 / 28  # MNIST: the longer side of a digit is 20 of 28 pixels


def centre(
    ink: Float[np.ndarray, "h w"], shape: tuple[int, int] = (28, 28), box: float | int = BOX
) -> Float[np.ndarray, "height width"]:
    """Scale a digit into a box of 20 of 28 pixels and put its centre of mass into the middle, as MNIST was made.

    MNIST's own images stay as they are. The page to draw on does the same, pixel for pixel.

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
    return int(np.clip(np.ceil(size / 2 - middle), 0, size - len(mass)))  # up, as MNIST: its images stay as they are
