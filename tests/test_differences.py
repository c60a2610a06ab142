"""Slopes by differences: right, honest about their error, and from both sides of a kink."""

import math

import numpy as np
import pytest

from jnndl.differences import MARGIN, POINTS, STEPS, move_one, slopes

# name: (function, its slope at 0, an error that is good enough)
SMOOTH = {
    "exp": (np.exp, 1.0, 1e-11),
    "a line far from 0": (lambda t: 1e6 + t, 1.0, 1e-5),
    "a flat tanh": (lambda t: np.tanh(9 + t), 1 / math.cosh(9) ** 2, 1e-11),
    "steep": (lambda t: np.sin(100 * t + 1), 100 * math.cos(1), 1e-8),
    "a pole near by": (lambda t: 1 / (0.1 + t), -100.0, 1e-6),
    "constant": (lambda t: 5 + 0 * t, 0.0, 1e-10),
    "zero": (lambda t: 0 * t, 0.0, 0.0),
    "a kink near by": (lambda t: 3 * np.maximum(t + 1e-3, 0) + t**2, 3.0, 1e-3),
    "two kinks near by": (lambda t: 3 * np.maximum(t + 1e-2, 0) + 2 * np.maximum(t - 2e-6, 0), 3.0, 1e-3),
    "a kink very near": (lambda t: np.tanh(t) + np.maximum(t - 1e-7, 0), 1.0, 0.1),
    "steep beyond 1e-5": (lambda t: np.logaddexp(0, 1e5 * t - 1), 1e5 / (1 + math.e), 1e-2),
    "large": (lambda t: 1e9 * np.exp(t), 1e9, 1e-2),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_slope_is_right_within_its_error(name):
    function, slope, good = SMOOTH[name]
    found = slopes(function(POINTS))
    assert abs(found.central - slope) <= MARGIN * found.error
    assert found.error <= good
    assert found.low == found.central == found.high


KINKS = {
    "relu": (lambda t: np.maximum(t, 0), 0, 1),
    "abs": (np.abs, -1, 1),
    "concave": (lambda t: -np.abs(t), -1, 1),
    "curved": (lambda t: np.exp(t) + np.maximum(2 * t, np.sin(t)), 2, 3),
    "nearer than the shortest step": (lambda t: np.maximum(t - 1e-9, 0), 0, 1),
}


@pytest.mark.parametrize("name", KINKS)
def test_both_sides_of_a_kink_are_told(name):
    function, low, high = KINKS[name]
    found = slopes(function(POINTS))
    assert found.low == pytest.approx(low, abs=2e-3)
    assert found.high == pytest.approx(high, abs=2e-3)


UNDEFINED = {
    "a step": lambda t: (t > 0).astype(float),
    "an overflow": lambda t: np.where(t > 0, np.inf, 0),
    "not a number": lambda t: np.where(t < 0, np.nan, t),
    "noise": lambda t: np.random.default_rng(0).normal(size=t.shape),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_where_there_is_no_slope_nothing_is_claimed(name):
    found = slopes(UNDEFINED[name](POINTS))
    assert MARGIN * found.error >= abs(found.central)
    assert np.isfinite(found.central)


def test_many_functions_at_once():
    found = slopes(np.stack([np.exp(POINTS), np.abs(POINTS), POINTS**2], axis=1).reshape(-1, 3, 1))
    assert found.central.shape == found.error.shape == (3, 1)
    np.testing.assert_allclose(found.central.ravel(), [1, 0, 0], atol=1e-11)
    np.testing.assert_allclose(found.low.ravel(), [1, -1, 0], atol=1e-11)


def test_points_lie_on_both_sides():
    assert len(POINTS) == 2 * len(STEPS) + 1
    np.testing.assert_array_equal(np.sort(POINTS), np.sort(-POINTS))


def test_one_array_moves_by_a_length_of_one():
    still, moving = move_one((np.ones(4), np.ones((2, 3))), 1, np.arange(1.0, 4))
    np.testing.assert_array_equal(still, np.zeros(4))
    np.testing.assert_allclose(moving, np.array([[1, 2, 3], [1, 2, 3]]) / math.sqrt(28))
    assert not any(v.any() for v in move_one((np.ones(4), np.ones(2)), 2, np.arange(1.0, 4)))
