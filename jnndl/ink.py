"""Where the ink is in a picture of handwriting: light, shadow and noise taken off, and one digit told from the next.

Pictures are arrays of shape (h, w), black 0 and white 1. NumPy alone.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

WINDOW = 1 / 3  # of the shorter side: strokes are narrower, shadows and tables wider
SKEWED = 0.5  # the third moment of brightness above which it tells ink from paper: ink on a third of a picture has 0.7
MOST, DETAIL = 4, 40  # a grainy picture is smoothed so often at most, and once per so many pixels
FAINT = 0.08  # ink is darker than its paper by this, at least: a pale pencil is by 0.2
GRAIN = 6  # ink stands out from the grain of the paper by so many standard deviations
CLOSE = 0.9  # of both sides of the picture: what reaches so far is a digit all the same, with the picture cut close
PALE = 1.5  # times half as dark as ink: no pixel of a shadow that is left is darker
SPECK = 0.2  # of the height of the tallest: what is smaller, both ways, is dirt
LOW = 0.4  # of the same height: what is lower when all its parts are together is no digit, but a dash or a dot
FRAME = 0.5  # of its height and width together: what touches the picture's edges over more is a shadow or a table
SMALL = 0.5  # of the height of the tallest: a lower part, the bar of a 5, belongs to what it overlaps at all
PIECES = 100  # more than these are no row of digits
# Strokes of MNIST are 1.8 to 3.5 pixels wide (nine in ten of 3,000 training images) where the digit's box has 20.
THIN, USUAL, BOX = 1.6, 2.2, 20


class Found(NamedTuple):
    """A digit in a picture.

    Attributes:
        top, left: where it is, in pixels of the picture.
        ink: how dark each pixel in its box is, from 0 (paper) to 1 (pen).
    """

    top: int
    left: int
    ink: Float[np.ndarray, "height width"]


class Parts(NamedTuple):
    """The connected parts of a mask: for each its box and how many pixels it has; and their runs along rows.

    Attributes:
        top, bottom, left, right: of each part; bottom and right are the first outside.
        light: whether it is rather a shadow, by ``FRAME`` or ``PALE``.
        runs: one row per run of pixels: row, first column, first column after it, number of the part.
    """

    top: np.ndarray
    bottom: np.ndarray
    left: np.ndarray
    right: np.ndarray
    light: np.ndarray
    runs: np.ndarray


def find(grey: Float[np.ndarray, "h w"]) -> list[Found]:
    """The digits in a picture, from left to right; none where it is blank.

    Dark on light or light on dark. Parts that overlap horizontally are one digit.

    Raises:
        ValueError: if there is more in it than a row of digits.
    """
    grey = np.asarray(grey, np.float32)
    dark, smoothed = darkness(grey), 0
    cut, grain = threshold(dark)
    while cut == grain and smoothed < min(MOST, min(grey.shape) // DETAIL):
        grey, smoothed = smooth(grey), smoothed + 1
        dark = darkness(grey)
        cut, grain = threshold(dark)
    parts = connected(dark, cut)
    return [
        _cut_out(dark, parts.runs[np.isin(parts.runs[:, 3], group)], cut, smoothed + 1)
        for group in groups(parts, dark.shape)
    ]


def smooth(grey: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """The weighted mean of each pixel and its neighbours."""
    for axis in (0, 1):
        a = np.pad(np.moveaxis(grey, axis, 0), ((1, 1), (0, 0)), "edge")
        grey = np.moveaxis((a[:-2] + 2 * a[1:-1] + a[2:]) / 4, 0, axis)
    return grey


def highest(a: Float[np.ndarray, "h w"], window: int, axis: int) -> Float[np.ndarray, "h w"]:
    """The highest of the ``window`` (odd) values around each; at the edges, of those that are there."""
    reach, done = window // 2, 1
    a = np.pad(np.moveaxis(a, axis, 0), ((reach, reach), (0, 0)), constant_values=-np.inf)
    while done < window:
        step = min(done, window - done)
        a = np.maximum(a[:-step], a[step:])
        done += step
    return np.moveaxis(a, 0, axis)


def average(a: Float[np.ndarray, "h w"], window: int, axis: int) -> Float[np.ndarray, "h w"]:
    """The mean of the ``window`` (odd) values around each; at the edges, of those that are there."""
    a = np.moveaxis(a, axis, 0)
    sums = np.concatenate([np.zeros((1, a.shape[1])), np.cumsum(a, axis=0, dtype=float)])
    ends = np.clip(np.arange(len(a))[:, None] + [-(window // 2), window // 2 + 1], 0, len(a))
    return np.moveaxis((sums[ends[:, 1]] - sums[ends[:, 0]]) / np.diff(ends), 0, axis)


def darkness(grey: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """How much darker each pixel is than its paper, as a fraction of the paper's own light; light ink counts as dark.

    Paper is what is left when everything narrower than a window is filled up: that keeps shadows, hard ones too, and
    takes off the strokes.
    """
    window = 2 * int(WINDOW * min(grey.shape) / 2) + 1
    if is_light(grey, window):
        grey = 1 - grey
    paper = highest(highest(grey, window, 0), window, 1)
    paper = -highest(highest(-paper, window, 0), window, 1)
    dark = 1 - grey / np.maximum(paper, 1e-3)
    return dark - np.median(_paler_half(dark))  # of the paper, which grain makes look dark


def is_light(grey: Float[np.ndarray, "h w"], window: int) -> bool:
    """Whether the ink is lighter than its paper.

    Few pixels are ink: near a stroke those that differ much from the mean, all in the direction of the ink. Where they
    are many, as on a picture cut close around a digit, paper is what lies along the edges.
    """
    differences = grey - average(average(grey, window, 0), window, 1)
    skewness = np.mean(differences**3) / max(np.mean(differences**2) ** 1.5, 1e-12)
    edges = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return bool(skewness > 0 if abs(skewness) > SKEWED else grey.mean() > np.median(edges))


def _paler_half(dark: Float[np.ndarray, "h w"]) -> Float[np.ndarray, " n"]:
    """The pixels nearer to the palest than to the darkest: paper, but not all of it where there is no ink."""
    return dark[dark <= (dark.min() + dark.max()) / 2]


def threshold(dark: Float[np.ndarray, "h w"]) -> tuple[float, float]:
    """Half as dark as ink is on average, or what the grain of the paper may look like if that is darker; and that."""
    grain = GRAIN * float(np.median(np.abs(_paler_half(dark)))) / 0.6745  # of normal numbers the spread
    cut, before = max(FAINT, grain), 0.0
    while cut > before and np.any(dark > cut):
        before, cut = cut, max(cut, float(dark[dark > cut].mean()) / 2)
    return cut, grain


def connected(dark: Float[np.ndarray, "h w"], cut: float) -> Parts:
    """The parts of what is darker than ``cut`` that hang together, over corners too."""
    mask = dark > cut
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (row, start), end = np.nonzero(steps == 1), np.nonzero(steps == -1)[1]
    # Runs that touch one in the next row: all between the first that ends late enough and the last that starts in time.
    stride = mask.shape[1] + 2
    low = np.searchsorted(row * stride + end, (row + 1) * stride + start)
    count = np.maximum(np.searchsorted(row * stride + start, (row + 1) * stride + end, "right") - low, 0)
    upper = np.repeat(np.arange(len(row)), count)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    number = np.arange(len(row))
    while np.any(number[upper] != number[lower]):
        for a, b in ((upper, lower), (lower, upper)):
            np.minimum.at(number, number[a], number[b])
        while np.any(number[number] != number):
            number = number[number]
    _, number = np.unique(number, return_inverse=True)
    n = int(number.max(initial=-1)) + 1
    box = np.stack([_at(np.maximum, number, values, n) for values in (-row, row + 1, -start, end)])
    edge = (row == 0) * (end - start) + (row == mask.shape[0] - 1) * (end - start)
    edge += (start == 0) * 1 + (end == mask.shape[1])
    frame = np.bincount(number, edge, n) > FRAME * box.sum(axis=0)
    pale = _at(np.maximum, np.repeat(number, end - start), dark[mask], n) < PALE * cut
    return Parts(-box[0], box[1], -box[2], box[3], frame | pale, np.stack([row, start, end, number], axis=1))


def _at(function: np.ufunc, where: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """The highest of the values at each of n places."""
    result = np.full(n, -np.inf if values.dtype.kind == "f" else np.iinfo(int).min)
    function.at(result, where, values)
    return result


def groups(parts: Parts, shape: tuple[int, ...]) -> list[list[int]]:
    """The numbers of the parts of each digit, from left to right; specks and what frames the picture are left out.

    Raises:
        ValueError: if they do not lie in one row, or are too many.
    """
    high, wide = parts.bottom - parts.top, parts.right - parts.left
    kept = ~parts.light
    if not kept.any() and len(high):
        span = parts.bottom.max() - parts.top.min(), parts.right.max() - parts.left.min()
        kept |= np.min(np.divide(span, shape)) > CLOSE
    tall = int(high[kept].max(initial=0))
    kept &= np.maximum(high, wide) >= SPECK * tall
    if kept.sum() > PIECES:
        raise ValueError(f"{kept.sum()} pieces of ink; give a picture with a row of digits, and nothing else")
    found: list[list[int]] = []
    for part in np.flatnonzero(kept)[np.argsort(parts.left[kept], kind="stable")].tolist():
        if found and _together(parts, found[-1], part, tall):
            found[-1].append(part)
        else:
            found.append([part])
    return [group for group in found if np.ptp([parts.top[group].min(), parts.bottom[group].max()]) >= LOW * tall]


def _together(parts: Parts, group: list[int], part: int, tall: int) -> bool:
    """Whether a part belongs to the digit on its left."""
    top, bottom = parts.top[group].min(), parts.bottom[group].max()
    left, right = parts.left[group].min(), parts.right[group].max()
    overlap = min(right, parts.right[part]) - parts.left[part]
    lower = min(bottom - top, parts.bottom[part] - parts.top[part])
    beside = min(bottom, parts.bottom[part]) - max(top, parts.top[part])  # below 0: one is above the other
    neighbours = lower >= SMALL * tall and beside > lower / 2
    if overlap <= (min(right - left, parts.right[part] - parts.left[part]) / 2 if neighbours else 0):
        return False
    if -beside > SMALL * tall:
        raise ValueError("digits in several rows; give a picture with one row of them")
    return True


def _cut_out(dark: Float[np.ndarray, "h w"], runs: np.ndarray, cut: float, soft: int) -> Found:
    """A digit from the runs of its parts, with the soft edge around them."""
    top, left = max(runs[:, 0].min() - soft, 0), max(runs[:, 1].min() - soft, 0)
    dark = dark[top : runs[:, 0].max() + 1 + soft, left : runs[:, 2].max() + soft]
    mask = np.zeros(dark.shape, np.float32)
    for row, start, end, _ in runs:
        mask[row - top, start - left : end - left] = 1
    pen = np.quantile(dark[mask > 0], 0.9)
    ink = np.clip((dark - cut / 2) / (pen - cut / 2), 0, 1) * grow(mask, soft)
    return Found(int(top), int(left), thicken(ink, mask > 0))


def thicken(ink: Float[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "height width"]:
    """The same with strokes as wide as MNIST's, where they are much thinner: shrinking would leave next to nothing."""
    framed = np.pad(mask, 1)
    outline = np.count_nonzero(framed[1:] != framed[:-1]) + np.count_nonzero(framed[:, 1:] != framed[:, :-1])
    pixel = max(np.ptp(np.flatnonzero(mask.any(axis=axis))) + 1 for axis in (0, 1)) / BOX
    width = 2 * np.count_nonzero(mask) / (outline * np.pi / 4) / pixel  # slanting outlines have steps: 4/pi as long
    if width >= THIN:
        return ink
    reach = int((USUAL - width) * pixel / 2 + 0.5)
    return grow(np.pad(ink, reach), reach)


def grow(ink: Float[np.ndarray, "h w"], reach: int) -> Float[np.ndarray, "h w"]:
    """The highest within ``reach`` pixels of each, in an eight-sided neighbourhood."""
    for step in range(reach):
        down, across = highest(ink, 3, 0), highest(ink, 3, 1)
        ink = highest(down, 3, 1) if step % 2 else np.maximum(down, across)
    return ink
