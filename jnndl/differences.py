"""Slopes of functions by finite differences: each with its error, and from both sides.

Differences know nothing of calculus. That makes them a witness for derivatives, if a rough one: they have to say how
far they can be trusted.
"""

import functools
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

STEPS = 4.0 ** -np.arange(2, 16)  # from 1/16 to 1e-9: kinks near by, and functions that are steep, need the short ones
POINTS = np.concatenate([-STEPS, [0.0], STEPS])
MARGIN = 4  # an error is an estimate; what is off by more than this many of it is wrong

# For what hardly runs twice: most of the time goes into compiling. The older of two code generators is the faster one.
COMPILER_OPTIONS = {"xla_backend_optimization_level": 0}
if jax.__version_info__ < (0, 11):  # as long as there are two
    COMPILER_OPTIONS["xla_cpu_use_fusion_emitters"] = False
once = functools.partial(jax.jit, compiler_options=COMPILER_OPTIONS)


class Slopes(NamedTuple):
    """What ``slopes`` found, an entry for each function.

    Attributes:
        central: the slope at 0, where there is one; halfway between the two sides' at a kink.
        error: an estimate of its error; infinite if differences come to no result.
        low: the smaller of the slopes to the left and to the right at a kink; elsewhere ``central``.
        high: the larger of the two at a kink; elsewhere ``central``.
    """

    central: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray


def slopes(values: np.ndarray) -> Slopes:
    """The slopes at 0 of functions of one number.

    Args:
        values: what the functions are at ``POINTS``, along the first axis, in float64.

    Returns:
        ``Slopes``, of the shape of the other axes.
    """
    values = np.asarray(values, float)
    behind, here, ahead = values[: len(STEPS)], values[len(STEPS)], values[len(STEPS) + 1 :]
    h = STEPS.reshape(-1, *[1] * here.ndim)
    with np.errstate(all="ignore"):  # what overflows counts as an error without bound
        rounding = np.asarray(np.finfo(float).eps * np.max(np.abs(values), axis=0))
        central, error = _limit((ahead - behind) / (2 * h), (2, 4), rounding)
        right, off_right = _limit((ahead - here) / h, (1, 2, 3), rounding)
        left, off_left = _limit((here - behind) / h, (1, 2, 3), rounding)
        kink = np.abs(right - left) > MARGIN * (off_left + off_right) + 1e-9 * (np.abs(left) + np.abs(right))
    low, high = np.where(kink, np.minimum(left, right), central), np.where(kink, np.maximum(left, right), central)
    return Slopes(central, error, low, high)


def _limit(estimates: np.ndarray, orders: tuple[int, ...], rounding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The limit of estimates whose steps shrink fourfold, and its error.

    Neighbours are combined so that the error's terms of the given orders in h cancel (Richardson). Of the results, the
    one with the smallest error is taken: the distance from its neighbours, plus rounding, plus what results of shorter
    steps differ from it by more than their rounding. That is what they do if a kink lies between. Rounding is at least
    one unit in the last place of the values; it is more if the shortest steps say so, whose results differ by nothing
    else.
    """
    for order in orders:
        estimates = (4**order * estimates[1:] - estimates[:-1]) / (4**order - 1)
    steps = STEPS[len(orders) :].reshape(-1, *[1] * rounding.ndim)  # the shorter one in each
    apart = np.abs(np.diff(estimates, axis=0))
    rounding = np.maximum(rounding, np.max((apart * steps[1:])[-3:], axis=0))
    error = apart[:-1] + apart[1:] + 2 * rounding / steps[1:-1]  # of all but the first and the last
    for i, estimate in enumerate(estimates[1:-1]):
        error[i] += np.max(
            np.abs(estimates[i + 2 :] - estimate) - MARGIN * rounding / steps[i + 2 :], axis=0, initial=0
        )
    known = np.isfinite(error)
    error, estimates = np.where(known, error, np.inf), np.where(known, estimates[1:-1], 0.0)
    best = np.argmin(error, axis=0)[None]
    return np.take_along_axis(estimates, best, axis=0).squeeze(0), np.take_along_axis(error, best, axis=0).squeeze(0)


def move_one(tree: PyTree, number: int, numbers: np.ndarray) -> PyTree:
    """A direction of length one in which one array of a pytree moves.

    Args:
        tree: arrays.
        number: which of them; where there are fewer, nothing moves.
        numbers: what is proportional to the array's direction, repeated if there are too few.

    Returns:
        A pytree like ``tree``.
    """
    leaves, structure = jax.tree.flatten(tree)
    along = [np.resize(numbers, leaf.shape) * (i == number) for i, leaf in enumerate(leaves)]
    return jax.tree.unflatten(structure, [v / (np.linalg.norm(v) or 1.0) for v in along])
