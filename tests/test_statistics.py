"""The rules for a verdict, against values worked out by hand, and against simulated runs."""

import json

import numpy as np
import pytest
from scipy import stats

from experiments import intervals, multiplicity, statistics, units
from experiments.catalogue import EXPERIMENTS
from experiments.statistics import Claim, Drawn, Equivalent, Measured, Number, ShareClaim, SpreadClaim, ToBeat, Toy

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


def test_summary_of_two_arms_is_the_ratio_of_their_spreads():
    arms = np.array([[1.0, 2.0, 3.0, 4.0, np.nan, 5.0], [10.0, 30.0, 20.0, 50.0, 40.0, np.nan]])
    summary = statistics.summarize(arms)
    assert summary["per_seed"][0] == [1.0, 2.0, 3.0, 4.0, None, 5.0]
    np.testing.assert_allclose(summary["mean"], 0.1, rtol=1e-12)
    assert summary["ci95"][0] < 0.1 < summary["ci95"][1]
    assert statistics.summarize(arms[:, :3])["mean"] is None  # too few seeds
    json.dumps(summary, allow_nan=False)


@pytest.mark.parametrize("n", [3, 5, 10, 30])
@pytest.mark.parametrize("k", [1, 3])
def test_best_of_k_further_runs_fall_into_the_interval_in_95_of_100_cases(n, k):
    rng, draws = np.random.default_rng(12), 400_000
    mean = rng.normal(size=draws) / np.sqrt(n)
    std = np.sqrt(rng.chisquare(n - 1, draws) / (n - 1))
    best = rng.normal(size=(draws, k)).max(axis=1)
    # mean + q std for these q, which depend on n and k alone
    low, high = ((x - 2.0) for x in statistics.prediction_interval(with_std_1(n), k))
    below, above = np.mean(best < mean + low * std), np.mean(best > mean + high * std)
    assert abs(below + above - 0.05) < 0.005
    assert abs(below - 0.025) < 0.0025
    assert abs(above - 0.025) < 0.0025


def with_std_1(n):
    """Values of mean 2 and standard deviation 1."""
    values = np.linspace(-1, 1, n)
    return 2 + values / values.std(ddof=1)


def test_interval_of_one_further_run_is_students():
    # one run: mean +- t sqrt(1 + 1/n) s
    half = T2 * (1 + 1 / 3) ** 0.5
    np.testing.assert_allclose(statistics.prediction_interval([1.0, 2.0, 3.0]), (2 - half, 2 + half), rtol=1e-6)
    for n in (2, 10, 200):
        expected = stats.t.ppf([0.025, 0.4], n - 1) * np.sqrt(1 + 1 / n)
        np.testing.assert_allclose([intervals.pivot_quantile(p, n) for p in (0.025, 0.4)], expected, rtol=1e-8)


def test_quantiles_of_the_best_of_three_by_an_independent_simulation():
    # found by simulation elsewhere, n = 10, k = 3: 0.743 standard deviations below, and 3.04 above
    np.testing.assert_allclose(intervals.pivot_quantile(0.025, 10, 3), -0.743, atol=0.01)
    np.testing.assert_allclose(intervals.pivot_quantile(0.975, 10, 3), 3.04, atol=0.02)
    # the largest of three standard normal values, from tables of order statistics
    np.testing.assert_allclose(intervals._largest_of(3), (0.84628, 0.55947), atol=1e-4)


STEPS = np.array([0.676, 0.674, 0.772, 0.766, 0.771, 0.868, 0.871, 0.964, 0.962, 0.960])


def test_values_on_steps_fall_into_groups():
    found = intervals.groups(np.random.default_rng(0).permutation(STEPS))
    assert [len(part) for part in found] == [2, 3, 2, 3]
    assert intervals.groups(np.repeat([0.1, 0.2], 5)) is not None
    assert intervals.groups(STEPS[:5]) is None  # too few to tell


def test_normal_values_fall_into_groups_rarely():
    rng = np.random.default_rng(3)
    for n, share in ((6, 0.03), (10, 0.015), (30, 0.001)):
        assert np.mean([intervals.groups(rng.normal(size=n)) is not None for _ in range(2000)]) <= share


def test_where_values_fall_into_groups_the_interval_ends_with_the_last_group():
    # as if normal, the best of three would be up to mean + 3.04 s = 1.17
    low, high = statistics.prediction_interval(STEPS, best_of=3)
    assert 0.66 < low < 0.78
    assert 0.96 < high < 1.0
    assert statistics.prediction_interval(STEPS)[0] < low
    # groups without any width: a best of three is the upper one with probability about 1 - 1/8
    further = intervals.predictive(np.repeat([0.1, 0.2], 5), best_of=3)
    assert further.cdf(0.15) == pytest.approx(1 / 8, abs=0.06)
    assert further.interval()[0] == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize(("n", "least"), [(10, 0.86), (30, 0.91)])
def test_best_of_three_networks_that_lose_digits_falls_into_the_interval(n, least):
    rng, share = np.random.default_rng(1), 0.0965

    def accuracies(size):
        lost = rng.binomial(10, 0.14, size=size)
        return 0.965 - share * lost + 0.0025 * rng.normal(size=size)

    held = []
    for _ in range(200):
        low, high = statistics.prediction_interval(accuracies(n), 3)
        held.append(low <= accuracies(3).max() <= high)
    assert np.mean(held) > least


def test_equal_values_have_an_interval_without_width():
    assert statistics.prediction_interval([0.1] * 10, 3) == (0.1, 0.1)
    assert Number(0.1).judge([0.1] * 10).startswith("reproduced")
    assert Number(0.11).judge([0.1] * 10).startswith("not reproduced")


# For a, a + d, a + 2d the standard deviation is d; the prediction interval is +- T2 sqrt(4/3) d = 4.9683 d about a + d.
@pytest.mark.parametrize(
    ("per_seed", "reported", "settings", "start"),
    [
        ([0.949, 0.950, 0.951], 0.9549, {}, "reproduced: 95 % of such figures fall in 94.50 to 95.50 %"),
        ([0.949, 0.950, 0.951], 0.9551, {}, "not reproduced: 95 % of such figures fall in 94.50 to 95.50 %"),
        # a width of 9.9366 * 0.0013 = 0.0129 is more than a quarter of the errors, 0.05; 0.0119 is less
        ([0.9487, 0.9500, 0.9513], 0.9500, {}, "compatible: "),
        ([0.9488, 0.9500, 0.9512], 0.9500, {}, "reproduced: "),
        # the same width is too wide for errors of 0.02, and for hits of 0.02
        ([0.9788, 0.9800, 0.9812], 0.9800, {}, "compatible: "),
        ([0.0188, 0.0200, 0.0212], 0.0200, {}, "compatible: "),
        ([0.9489, 0.9500, 0.9511], 0.9500, {"narrow": 0.01}, "compatible: "),
        ([0.9489, 0.9500, 0.9511], 0.9500, {"narrow": 0.02}, "reproduced: "),
        # 0.9450 to 0.9550
        ([0.949, 0.950, 0.951], 0.9500, {"rival": 0.9551}, "reproduced: "),
        ([0.949, 0.950, 0.951], 0.9500, {"rival": 0.9549}, "compatible: "),
        ([0.949, 0.950, 0.951], 0.9551, {"rival": 0.9}, "not reproduced: "),
        ([10, 20, 30], 69.6, {"narrow": 200}, "reproduced"),
        ([10, 20, 30], 69.8, {"narrow": 200}, "not reproduced"),
        ([0.95], 0.95, {}, "open: one seed"),
        ([0.95, np.nan, 0.95], 0.95, {}, "open: 1 of 3 seeds have no such figure"),
    ],
)
def test_number(per_seed, reported, settings, start):
    assert Number(reported, **settings).judge(per_seed).startswith(start)


def test_number_tells_where_the_figure_lies():
    verdict = Number(0.952).verdict([0.949, 0.950, 0.951])
    # (0.952 - 0.950) / (0.001 sqrt(4/3)) = sqrt(3); for 2 degrees of freedom P(t <= x) = 1/2 + x / (2 sqrt(2 + x^2))
    assert verdict.z == pytest.approx(3**0.5, rel=1e-6)
    assert verdict.percentile == pytest.approx(100 * (0.5 + 3**0.5 / (2 * 5**0.5)), rel=1e-6)
    assert "reported is 95.20 % (percentile 88.7, z = +1.7)" in verdict.text
    # best of three: the middle lies 0.84628 s higher, and the variance is 0.55947 + 1/3
    verdict = Number(0.952, best_of=3).verdict([0.949, 0.950, 0.951])
    assert verdict.z == pytest.approx((2 - 0.84628) / (0.55947 + 1 / 3) ** 0.5, rel=1e-4)
    assert Number(0.96, best_of=3).verdict(STEPS).z is None


def test_no_interval_reaches_beyond_what_is_possible():
    spread = [0.6, 0.7, 0.8, 0.9, 0.97]
    verdict = Number(0.9659, best_of=3).verdict(spread)
    assert statistics.prediction_interval(spread, 3)[1] > 1.1
    assert verdict.high == 1.0
    assert "100.00 %" in verdict.text
    assert Number(3, narrow=10, unit="epochs", bounds=(0, 400)).verdict([1, 5, 9]).low == 0.0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Number(14), "Number: value 14 is not between 0 and 1; give its unit, or its bounds"),
        (lambda: Number(0.9, unit="nats"), "Number: value 0.9 nats has no scale; give narrow or rival"),
        (lambda: Number(0.02, unit="points"), "Number: value 0.02 points has no scale; give narrow or rival"),
        (lambda: Claim("up"), "Claim: side is 'up'; it is above or below"),
        (lambda: Claim("above", bounds=(0, 1)), "Claim: above 0 cannot fail, or cannot hold, for a metric between 0 "),
        (lambda: Claim("below", bounds=(0, 1)), "Claim: below 0 cannot fail, or cannot hold"),
        (lambda: Claim("below", 1.0, unit="%"), "Claim: below 1 cannot fail"),
        (lambda: Equivalent(0.0), "Equivalent: margin 0 is no margin"),
        (lambda: Equivalent(1.0, unit="points"), "Equivalent: margin 1 is no margin"),
        (lambda: SpreadClaim("above").judge([1.0, 2.0]), "SpreadClaim: the outcome has shape (2,); it needs two arms"),
    ],
)
def test_a_rule_that_cannot_fail_or_has_no_scale_is_refused(make, sentence):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  (the sentence is compared)
        make()
    assert str(refusal.value).startswith(sentence)


# The mean's interval is +- T2 / sqrt(3) d = 2.4841 d about a + d.
@pytest.mark.parametrize(
    ("per_seed", "side", "bound", "start"),
    [
        ([0.0015, 0.0025, 0.0035], "above", 0.0, "reproduced: the 95 % interval of the mean is 0.0000 to 0.0050, abov"),
        ([0.0014, 0.0024, 0.0034], "above", 0.0, "undecided: the 95 % interval of the mean is -0.0001 to 0.0049, whic"),
        ([0.0015, 0.0025, 0.0035], "below", 0.0, "not reproduced: the 95 % interval of the mean is 0.0000 to 0.0050,"),
        ([-0.0015, -0.0025, -0.0035], "below", 0.0, "reproduced"),
        ([1.5, 2.5, 3.5], "below", 4.99, "reproduced"),
        ([1.5, 2.5, 3.5], "below", 4.98, "undecided"),
        ([1.0], "above", 0.0, "open"),
        ([1.0, np.nan], "above", 0.0, "open: 1 of 2"),
    ],
)
def test_claim(per_seed, side, bound, start):
    assert Claim(side, bound).judge(per_seed).startswith(start)


def test_a_margin_can_be_a_share_of_the_errors():
    # 5 % of errors of 2 % are 0.1 points; the interval is +- 0.0248 points
    rule = Claim("above", -0.05, errors=0.02, unit="points")
    assert rule.judge([-0.00084, -0.00074, -0.00064]).startswith(
        "reproduced: the 95 % interval of the mean is -0.10 to"
    )
    assert rule.judge([-0.00086, -0.00076, -0.00066]).startswith("undecided")
    assert rule.judge([-0.00136, -0.00126, -0.00116]).endswith("on the other side of -0.10 points, 5 % of the errors")


@pytest.mark.parametrize(
    ("middle", "start"),
    [  # +- 0.2484 points about the middle; the margin is 1 point
        (
            0.0000,
            "reproduced: the 95 % interval of the mean difference is -0.25 to +0.25 points, within the margin (1.00",
        ),
        (0.0074, "reproduced: the 95 % interval of the mean difference is +0.49 to +0.99 points"),  # real, and small
        (-0.0074, "reproduced"),
        (0.0076, "undecided: the 95 % interval of the mean difference is +0.51 to +1.01 points: there is a difference"),
        (-0.0076, "undecided"),
        (0.0124, "undecided"),
        (0.0126, "not reproduced: the 95 % interval of the mean difference is +1.01 to +1.51 points, beyond"),
        (-0.0126, "not reproduced"),
    ],
)
def test_equivalent(middle, start):
    per_seed = [middle - 0.001, middle, middle + 0.001]
    assert Equivalent(0.01, unit="points").judge(per_seed).startswith(start)
    share = Equivalent(0.25, errors=0.04, unit="points").judge(per_seed)
    assert share.startswith(start.partition(":")[0])
    assert "(1.00 points, 25 % of the errors)" in share


def test_equivalent_from_too_noisy_seeds_is_undecided_whether_there_is_any_difference():
    # 100 (0 +- 2.4841 d) with d = 1 point
    verdict = Equivalent(0.01, unit="points").judge([-0.01, 0.0, 0.01])
    assert verdict.startswith(
        "undecided: the 95 % interval of the mean difference is -2.48 to +2.48 points: whether it"
    )


def bonett(a, b):
    """The interval as its author writes it, for arms of one length n."""
    n = len(a)
    cut = int(n / (2 * (n - 4) ** 0.5))
    fourth = sum(np.sum((x - np.sort(x)[cut : n - cut].mean()) ** 4) for x in (a, b))
    second = sum(np.sum((x - x.mean()) ** 2) for x in (a, b))
    se = (2 * (2 * n * fourth / second**2 - (n - 3) / n) / (n - 1)) ** 0.5
    return np.sqrt(np.exp(np.log(a.var(ddof=1) / b.var(ddof=1)) + 1.959964 * np.array([-se, se])))


def test_interval_of_a_ratio_of_spreads_by_its_formula():
    a, b = np.random.default_rng(5).normal(size=(2, 10)) * [[3], [1]]
    np.testing.assert_allclose(intervals.spread_interval(a, b), bonett(a, b), rtol=1e-6)
    low, high = intervals.spread_interval(a, b[:7])  # arms of different lengths: turned round is the inverse
    np.testing.assert_allclose(intervals.spread_interval(b[:7], a), (1 / high, 1 / low), rtol=1e-12)
    # and the middle of the logarithms is moved by n/(n - z) of each: 10/8.040036 and 7/5.040036
    ratio = a.var(ddof=1) / b[:7].var(ddof=1) * (10 / 8.040036) / (7 / 5.040036)
    np.testing.assert_allclose(low * high, ratio, rtol=1e-6)


@pytest.mark.parametrize("shape", ["normal", "exponential", "contaminated"])
def test_claims_about_spread_err_in_no_more_than_their_share(shape):
    rng = np.random.default_rng(8)

    def arms():
        if shape == "contaminated":
            return rng.normal(size=(2, 10)) * np.where(rng.random((2, 10)) < 0.1, 4, 1)
        return rng.normal(size=(2, 10)) if shape == "normal" else rng.exponential(size=(2, 10))

    words = [SpreadClaim("above").verdict(arms()).word for _ in range(2000)]
    for word in ("reproduced", "not reproduced"):  # 2.5 % each; of the F test 11 to 13 % each, but for the normal
        assert words.count(word) / 2000 < 0.036
    wide = [SpreadClaim("above").verdict(arms() * [[6], [1]]).word for _ in range(200)]
    assert wide.count("reproduced") / 200 > 0.6


def test_claim_about_spread():
    a = np.linspace(0, 1, 10)
    assert (
        SpreadClaim("above").judge([5 * a, a]).startswith("reproduced: the standard deviation is 5.00 times the other")
    )
    assert SpreadClaim("below").judge([5 * a, a]).startswith("not reproduced")
    assert SpreadClaim("above").judge([1.2 * a, a]).startswith("undecided")
    # a bound of 2 asks of 5a and a what a bound of 1 asks of 5a and 2a
    twice, once = SpreadClaim("above", 2.0).verdict([5 * a, a]), SpreadClaim("above").verdict([5 * a, 2 * a])
    np.testing.assert_allclose([twice.low / 2, twice.high / 2], [once.low, once.high], rtol=1e-12)
    assert SpreadClaim("above").judge([a[:4], a[:4]]).startswith("open: a spread needs at least 5 seeds, these are 4")
    assert SpreadClaim("above").judge([a, np.zeros(10)]).startswith("open: an arm without any spread")
    assert SpreadClaim("above").judge([a, [np.nan, *a[1:]]]).startswith("open: 1 of 10 seeds")


def test_interval_of_a_share_against_a_table():
    # Clopper and Pearson's table for n = 10, 95 %.
    for right, low, high in ((0, 0.0, 0.3085), (5, 0.1871, 0.8129), (9, 0.5550, 0.9975), (10, 0.6915, 1.0)):
        np.testing.assert_allclose(intervals.share_interval(right, 10), (low, high), atol=5e-5)


@pytest.mark.parametrize(
    ("right", "start"),
    [
        (10, "reproduced: the 95 % interval of the share is 69.15 to 100.00 %, above 50.00 %"),
        (9, "reproduced"),
        (8, "undecided"),  # 44 to 97 %
        (2, "undecided"),
        (1, "not reproduced: the 95 % interval of the share is 0.25 to 44.50 %, on the other side of 50.00 %"),
    ],
)
def test_claim_about_a_share(right, start):
    assert ShareClaim("above", 0.5).judge([1] * right + [0] * (10 - right)).startswith(start)


def test_a_share_of_what_is_neither_one_nor_nought_is_refused():
    with pytest.raises(ValueError, match="needs 1 or 0 for each seed"):
        ShareClaim("above", 0.5).judge([1, 0, 0.5])


def test_toy():
    assert Toy(2225).judge(2225) == "reproduced: 2225 exactly"
    assert Toy(2225).judge(2226) == "not reproduced: 2226, not 2225 exactly"
    assert Toy(0.5, tolerance=0.01).judge([0.5, 0.5099]).startswith("reproduced: 0.5 within 0.01")
    assert Toy(0.5, tolerance=0.01).judge([0.5, 0.5101]).startswith("not reproduced: 0.5101")
    assert Toy(0.5).judge([0.5, np.nan]).startswith("not reproduced: nan")


def test_a_figure_to_beat_is_beaten_by_every_seed_or_not():
    assert ToBeat(0.9).judge([0.92, 0.93]) == "beaten: 2 of 2 seeds are above"
    assert ToBeat(0.9).judge([0.92, 0.89]) == "not beaten: 1 of 2 seeds are above"
    assert ToBeat(0.9).judge(0.92) == "beaten: it is above"  # nothing in it is random: no seeds
    assert ToBeat(0.9).judge([0.9]) == "not beaten: it is not above"


def test_what_is_not_judged_is_called_so():
    assert Measured().judge([0.9]).startswith("measured")
    assert Drawn().judge([0.9]).startswith("drawn")


def test_a_verdict_in_words_begins_with_its_word_and_is_json():
    verdict = Number(0.95).verdict([0.94, 0.95, 0.96])
    assert str(verdict) == Number(0.95).judge([0.94, 0.95, 0.96]) == f"{verdict.word}: {verdict.text}"
    assert type(Number(0.95).judge([0.94, 0.95, 0.96])) is str
    assert json.loads(json.dumps(verdict._asdict(), allow_nan=False))["word"] == "compatible"


RULES = [
    Toy(0),
    Toy(0.22, tolerance=1e-9),
    Toy(2225),
    Number(0.9542, best_of=3),
    Number(0.0982),
    Number(1.0),
    Number(0.0),
    Number(0.9937, rival=0.9906),
    Number(14, narrow=10, unit="epochs", bounds=(0, 400)),
    Number(1.2028, narrow=0.06, unit="nats"),
    Number(-3.0, rival=-2.0, unit="nats"),
    Number(0.0253, narrow=0.005, unit="points"),
    Claim("above"),
    Claim("below", 0.12, unit="%"),
    Claim("above", -0.05, errors=0.02, unit="points"),
    Claim("below", 1.0, bounds=(0, np.inf)),
    ShareClaim("above", 0.5),
    ShareClaim("below", 0.9),
    SpreadClaim("above"),
    SpreadClaim("below", 0.5),
    Equivalent(0.05, errors=0.04, unit="points"),
    Equivalent(0.7, unit="points"),
    ToBeat(0.9064),
]


@pytest.mark.parametrize("n", [2, 5, 6, 10])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_every_rule_can_fail_and_can_hold(rule, n):
    assert rule.judge(rule.passing(n)).startswith(("reproduced", "beaten"))
    assert rule.judge(rule.failing(n)).startswith(("not reproduced", "not beaten"))
    for outcome in (rule.passing(n), rule.failing(n)):  # all of them possible
        least, greatest = rule._limits(getattr(rule, "bounds", None))
        assert least <= outcome.min() <= outcome.max() <= greatest


JUDGED = [
    pytest.param(row.rule, id=f"{name}, {number}, {row.id}")
    for name, experiment in EXPERIMENTS.items()
    for number, row in enumerate(experiment.rows)
    if not isinstance(row.rule, Measured | Drawn)
]


@pytest.mark.parametrize("rule", JUDGED)
def test_every_row_of_the_catalogue_has_an_outcome_that_must_fail(rule):
    assert rule.verdict(rule.failing(10)).word in ("not reproduced", "not beaten")
    assert rule.verdict(rule.passing(10)).word in ("reproduced", "beaten")


def test_bonferroni_asks_each_claim_for_its_share_of_the_level():
    # t = mean sqrt(3) / s; two-sided p for 2 degrees of freedom: 1 - t / sqrt(2 + t^2)
    sharp = [0.049, 0.050, 0.051]  # t = 86.6, p = 0.00013
    loose = [0.003, 0.004, 0.005]  # t = 6.93, p = 0.0202: 95 %, not 98.75 %
    claims = [(Claim("above"), sharp), (Claim("above"), loose), (Claim("below"), sharp)]
    undecided = (Claim("above"), [-1.0, 0.0, 1.0])
    assert multiplicity.bonferroni([*claims, undecided]) == [True, False, True, None]
    assert multiplicity.bonferroni(claims[:2]) == [True, True]
    a = np.linspace(0, 1, 10)
    others = [(SpreadClaim("above"), [20 * a, a]), (Equivalent(0.02), sharp), (Equivalent(0.02), [-1e-4, 0.0, 1e-4])]
    assert multiplicity.bonferroni(others) == [True, True, True]


def test_expected_misses_by_hand():
    words = ["reproduced"] * 13 + ["compatible"] * 29 + ["not reproduced"] + ["measured"] * 8 + ["open"]
    misses = multiplicity.expected_misses(words)
    assert misses[:2] == (43, 1)
    assert misses.expected == pytest.approx(2.15)
    assert misses.std == pytest.approx((43 * 0.05 * 0.95) ** 0.5)
    assert misses.probability == pytest.approx(1 - 0.95**43)
    assert str(misses).startswith(
        "Of 43 numbers, 2.1 +- 1.4 are expected outside of their 95 % intervals by chance alone, and 1 lies outside"
    )
    assert multiplicity.expected_misses([]).probability == 1.0


def test_a_network_that_has_lost_a_digit_is_broken():
    right = np.full((3, 10), 0.95)
    right[0, 4], right[1, 4], right[2, 0] = 0.0199, 0.02, np.nan
    np.testing.assert_array_equal(statistics.broken(right), [True, False, False])


@pytest.mark.parametrize(
    ("values", "unit", "words"),
    [
        ([0.95, 0.96, 0.97], "", "0.9600 +- 0.0100 (3 seeds)"),
        ([0.95, 0.96, 0.97], "%", "96.00 +- 1.00 % (3 seeds)"),
        ([0.001, 0.002, 0.003], "points", "+0.20 +- 0.10 points (3 seeds)"),
        ([-0.00001, 0.0, 0.00001], "points", "+0.00 +- 0.00 points (3 seeds)"),
        ([1.5, 2.5, np.nan], "nats", "2 +- 0.7071 nats (2 seeds)"),
        ([2225], "", "2225"),
        ([0.9659], "%", "96.59 %"),
        ([3e-7], "", "3.0e-07"),
        ([np.nan], "%", "none"),
    ],
)
def test_words(values, unit, words):
    assert statistics.words(statistics.summarize(values), unit) == words


def test_figures_and_intervals_in_their_units():
    assert units.show(0.9659, "%") == "96.59 %"
    assert units.show(-0.00001, "points") == "+0.00 points"
    assert units.show(14, "epochs") == "14 epochs"
    assert units.between(0.96189, 0.96731, "%") == "96.19 to 96.73 %"
    assert units.between(-0.001, 0.0025, "points") == "-0.10 to +0.25 points"
    assert units.between(9.1234, 18.5, "epochs") == "9.1234 to 18.5000 epochs"
    assert units.between(1e-7, 2e-7) == "1.0e-07 to 2.0e-07"


FINAL = statistics.summarize([0.95, 0.96, np.nan, 0.97])
SUMMARIES = {"100, 3.0: final": FINAL, "steps": statistics.summarize([14]), "nothing": statistics.summarize([np.nan])}


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("Tested: {100, 3.0: final|%}.", "Tested: 96.00 +- 1.00 % (3 seeds)."),
        ("{100, 3.0: final|%|least} to {100, 3.0: final|%|greatest}", "95.00 % to 97.00 %"),
        ("on average {100, 3.0: final|%|at}", "on average 96.00 %"),
        ("{100, 3.0: final}", "0.9600 +- 0.0100 (3 seeds)"),
        ("after {steps|epochs}, or {steps}", "after 14 epochs, or 14"),
        ("nothing to fill in", "nothing to fill in"),
        ("{nothing|%} has no value", ""),
        ("{steps} of {what a quick run leaves out|%}", ""),
    ],
)
def test_explanations_are_filled_from_the_run(why, told):
    assert units.explain(why, SUMMARIES) == told
    assert units.explain(why, json.loads(json.dumps(SUMMARIES))) == told  # as result.json holds it


def test_the_metrics_that_an_explanation_needs():
    assert units.metrics_in("{a: final|%} and {b, c|%|least}, {d}") == ("a: final", "b, c", "d")
