"""The rules for a verdict, against values worked out by hand from tables of the t distribution."""

import json

import numpy as np
import pytest
from scipy import stats

from experiments import statistics
from experiments.statistics import Claim, Measured, Number, ToBeat, Toy

T2 = 4.302653  # t(0.975) for 2 degrees of freedom, from a table


def test_summary_by_hand():
    # mean 2, deviations -1 0 1: variance 2/2 = 1; t(0.975, 2) times 1/sqrt(3)
    summary = statistics.summarize([1.0, 2.0, 3.0])
    assert (summary["mean"], summary["std"]) == (2.0, 1.0)
    np.testing.assert_allclose(summary["ci95"], [2 - T2 / 3**0.5, 2 + T2 / 3**0.5], rtol=1e-6)
    alone = {"mean": 0.5, "std": None, "ci95": None, "per_seed": [0.5]}
    assert statistics.summarize([0.5]) == statistics.summarize(0.5) == alone


def test_a_seed_without_a_value_is_left_out_and_shown_as_null():
    summary = statistics.summarize([1.0, np.nan, 3.0])
    assert summary["mean"] == 2.0
    assert summary["per_seed"] == [1.0, None, 3.0]
    assert statistics.summarize([np.nan])["mean"] is None
    json.dumps(summary, allow_nan=False)


def test_prediction_interval_holds_what_it_promises():
    rng = np.random.default_rng(0)
    for best_of in (1, 3):
        hits = 0
        for _ in range(2000):
            low, high = statistics.prediction_interval(rng.normal(size=8), best_of)
            hits += low <= rng.normal(size=best_of).max() <= high
        assert abs(hits / 2000 - 0.95) < 0.02
    # one run: mean +- t sqrt(1 + 1/n) s
    half = stats.t.ppf(0.975, 2) * (1 + 1 / 3) ** 0.5
    np.testing.assert_allclose(statistics.prediction_interval([1.0, 2.0, 3.0]), (2 - half, 2 + half))


# For a, a + d, a + 2d the standard deviation is d; the prediction interval is +- T2 sqrt(4/3) d = 4.9683 d about a + d.
@pytest.mark.parametrize(
    ("per_seed", "reported", "narrow", "start"),
    [
        ([0.949, 0.950, 0.951], 0.9549, 0.01, "reproduced: 95 % of such figures fall in 0.9450 to 0.9550"),
        ([0.949, 0.950, 0.951], 0.9551, 0.01, "not reproduced: 95 % of such figures fall in 0.9450 to 0.9550"),
        # half a width of 4.9683 * 0.0011 = 0.0055 is more than half a point
        ([0.9489, 0.9500, 0.9511], 0.9500, 0.01, "compatible, but the interval is too wide to confirm"),
        ([0.9489, 0.9500, 0.9511], 0.9500, 0.02, "reproduced"),
        ([10, 20, 30], 69.6, 200, "reproduced"),
        ([10, 20, 30], 69.8, 200, "not reproduced"),
        ([0.95], 0.95, 0.01, "open: one seed"),
        ([0.95, np.nan, 0.95], 0.95, 0.01, "open: 1 of 3 seeds have no such figure"),
    ],
)
def test_number(per_seed, reported, narrow, start):
    assert Number(reported, narrow=narrow).judge(per_seed).startswith(start)


# The mean's interval is +- T2 / sqrt(3) d = 2.4841 d about a + d.
@pytest.mark.parametrize(
    ("per_seed", "side", "bound", "start"),
    [
        (
            [0.0015, 0.0025, 0.0035],
            "above",
            0.0,
            "reproduced: the 95 % interval of the mean is 0.0000 to 0.0050, above 0",
        ),
        (
            [0.0014, 0.0024, 0.0034],
            "above",
            0.0,
            "not reproduced: the 95 % interval of the mean is -0.0001 to 0.0049, wh",
        ),
        (
            [0.0015, 0.0025, 0.0035],
            "below",
            0.0,
            "not reproduced: the 95 % interval of the mean is 0.0000 to 0.0050, on",
        ),
        ([-0.0015, -0.0025, -0.0035], "below", 0.0, "reproduced"),
        ([1.5, 2.5, 3.5], "below", 4.99, "reproduced"),
        ([1.5, 2.5, 3.5], "below", 4.98, "not reproduced"),
        ([1.0], "above", 0.0, "open"),
        ([1.0, np.nan], "above", 0.0, "open: 1 of 2"),
    ],
)
def test_claim(per_seed, side, bound, start):
    assert Claim(side, bound).judge(per_seed).startswith(start)


def test_toy():
    assert Toy(2225).judge(2225) == "reproduced: 2225 exactly"
    assert Toy(2225).judge(2226) == "not reproduced: 2226, not 2225 exactly"
    assert Toy(0.5, tolerance=0.01).judge([0.5, 0.5099]).startswith("reproduced: 0.5 within 0.01")
    assert Toy(0.5, tolerance=0.01).judge([0.5, 0.5101]).startswith("not reproduced: 0.5101")
    assert Toy(0.5).judge([0.5, np.nan]).startswith("not reproduced: nan")


def test_a_figure_to_beat_is_beaten_by_every_seed_or_not():
    assert ToBeat(0.9).judge([0.92, 0.93]) == "beaten: 2 of 2 seeds are above"
    assert ToBeat(0.9).judge([0.92, 0.89]) == "not beaten: 1 of 2 seeds are above"


def test_without_a_figure_in_the_book_ours_stands_for_itself():
    assert Measured().judge([0.9]).startswith("measured")


@pytest.mark.parametrize(
    ("values", "words"),
    [([0.95, 0.96, 0.97], "0.9600 +- 0.0100 (3 seeds)"), ([2225], "2225"), ([3e-7], "3.0e-07"), ([np.nan], "none")],
)
def test_words(values, words):
    assert statistics.words(statistics.summarize(values)) == words
