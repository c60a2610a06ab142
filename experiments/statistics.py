"""What can be said from a few runs: mean, spread, intervals, and the rule for a verdict, fixed before any run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

NARROW = 0.01  # a prediction interval wider than this (one point of accuracy) is too wide to confirm anything


def summarize(per_seed: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """Mean, standard deviation and 95 % t-interval of the mean of one figure over seeds (None from a single seed)."""
    values = np.asarray(per_seed, float)
    mean, std, ci95 = float(values.mean()), None, None
    if len(values) > 1:
        std = float(values.std(ddof=1))
        half = float(stats.t.ppf(0.975, len(values) - 1)) * std / np.sqrt(len(values))
        ci95 = [mean - half, mean + half]
    return {"mean": mean, "std": std, "ci95": ci95, "per_seed": values.tolist()}


def prediction_interval(per_seed: Sequence[float] | np.ndarray, best_of: int = 1) -> tuple[float, float]:
    """Where 95 % of further runs fall, or of the best of several further runs, if runs are about normal.

    The best of k lies below x with the k-th power of the probability of one run.

    Args:
        per_seed: the figure for each of at least two seeds.
        best_of: of how many runs the book reported the best.
    """
    values = np.asarray(per_seed, float)
    probabilities = np.asarray([0.025, 0.975]) ** (1 / best_of)
    scale = values.std(ddof=1) * np.sqrt(1 + 1 / len(values))
    low, high = values.mean() + stats.t.ppf(probabilities, len(values) - 1) * scale
    return float(low), float(high)


def verdict(per_seed: Sequence[float] | np.ndarray, reported: float, best_of: int = 1, to_beat: bool = False) -> str:
    """Compare a reported figure with the prediction interval of the same statistic.

    Args:
        per_seed: the figure for each seed.
        reported: what was reported.
        best_of: of how many runs it is the best.
        to_beat: whether the claim is only that it is surpassed.
    """
    if len(per_seed) < 2:
        return "open: one seed says nothing about spread"
    if to_beat:
        beaten = int(np.sum(np.asarray(per_seed) > reported))
        return f"{'beaten' if beaten == len(per_seed) else 'not beaten'}: {beaten} of {len(per_seed)} seeds are above"
    low, high = prediction_interval(per_seed, best_of)
    interval = f"95 % of such figures fall in {low:.4f} to {high:.4f}"
    if not low <= reported <= high:
        return f"not reproduced: {interval}, the reported {reported:.4f} does not"
    if high - low > NARROW:
        return f"compatible, but the interval is too wide to confirm: {interval}, reported is {reported:.4f}"
    return f"reproduced: {interval}, reported is {reported:.4f}"
