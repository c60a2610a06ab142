"""What can be said from a few runs: mean, spread, intervals, and the rules for a verdict, fixed before any run.

Three kinds of row are counted apart. A **toy** has one right answer, and ours is it or is not. A **number** of the book
is one run, so it is held against the interval in which 95 % of single runs fall; and where that interval is wide, lying
in it says little. A **claim** is about a difference, so it needs the interval of the *mean* difference, paired by seed,
to lie wholly on the side that the book names.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from scipy import stats

NARROW = 0.01  # a prediction interval wider than this (one point of accuracy) is too wide to confirm anything
ONE_SEED = "open: one seed says nothing about spread"


def summarize(per_seed: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """Mean, standard deviation and 95 % t-interval of the mean of one figure over seeds (None from a single seed).

    A seed without a value (NaN: a run that never got there) is left out of them, and is null in ``per_seed``.
    """
    every = np.atleast_1d(np.asarray(per_seed, float))
    values = every[~np.isnan(every)]
    mean, std, ci95 = float(values.mean()) if len(values) else None, None, None
    if len(values) > 1:
        std = float(values.std(ddof=1))
        ci95 = list(mean_interval(values))
    return {"mean": mean, "std": std, "ci95": ci95, "per_seed": [None if np.isnan(x) else float(x) for x in every]}


def mean_interval(per_seed: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The 95 % t-interval of the mean of at least two values."""
    values = np.asarray(per_seed, float)
    half = float(stats.t.ppf(0.975, len(values) - 1)) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


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


def words(figure: dict[str, Any]) -> str:
    """What ``summarize`` found, to read: mean, standard deviation, number of seeds."""

    def short(x: float) -> str:
        return f"{x:.0f}" if x == round(x) and abs(x) != 1 else f"{x:.4f}" if abs(x) >= 1e-3 else f"{x:.1e}"

    if figure["mean"] is None:
        return "none"
    if figure["std"] is None:
        return short(figure["mean"])
    seeds = sum(x is not None for x in figure["per_seed"])
    return f"{short(figure['mean'])} +- {short(figure['std'])} ({seeds} seeds)"


@dataclasses.dataclass(frozen=True)
class Toy:
    """An exact check: every seed's figure is ``expected``, within ``tolerance``."""

    kind: ClassVar[str] = "toy"
    expected: float
    tolerance: float = 0.0

    def judge(self, per_seed: Sequence[float] | np.ndarray) -> str:
        """The verdict."""
        values = np.atleast_1d(np.asarray(per_seed, float))
        off = np.abs(values - self.expected)
        worst = values[np.argmax(off)]  # of several, and NaN counts as the worst
        within = f" within {self.tolerance:g}" if self.tolerance else " exactly"
        if np.all(off <= self.tolerance):
            return f"reproduced: {self.expected:.10g}{within}"
        return f"not reproduced: {worst:.10g}, not {self.expected:.10g}{within}"


@dataclasses.dataclass(frozen=True)
class Number:
    """A figure of the book, held against the prediction interval of the same statistic.

    Attributes:
        value: what was reported.
        best_of: of how many runs it is the best.
        narrow: "reproduced" needs an interval of at most this width; one point of accuracy, unless the figure is in
            another unit.
    """

    kind: ClassVar[str] = "number"
    value: float
    best_of: int = 1
    narrow: float = NARROW

    def judge(self, per_seed: Sequence[float] | np.ndarray) -> str:
        """The verdict."""
        values = np.atleast_1d(np.asarray(per_seed, float))
        if len(values) < 2:
            return ONE_SEED
        if np.isnan(values).any():
            return f"open: {int(np.isnan(values).sum())} of {len(values)} seeds have no such figure"
        low, high = prediction_interval(values, self.best_of)
        interval = f"95 % of such figures fall in {low:.4f} to {high:.4f}"
        if not low <= self.value <= high:
            return f"not reproduced: {interval}, the reported {self.value:.4f} does not"
        if high - low > self.narrow:
            return f"compatible, but the interval is too wide to confirm: {interval}, reported is {self.value:.4f}"
        return f"reproduced: {interval}, reported is {self.value:.4f}"


@dataclasses.dataclass(frozen=True)
class Claim:
    """The mean of a figure (a difference paired by seed, as a rule) is above, or below, a bound.

    Attributes:
        side: "above" or "below".
        bound: of what; 0 for a difference.
    """

    kind: ClassVar[str] = "claim"
    side: str
    bound: float = 0.0

    def judge(self, per_seed: Sequence[float] | np.ndarray) -> str:
        """The verdict."""
        values = np.atleast_1d(np.asarray(per_seed, float))
        if len(values) < 2:
            return ONE_SEED
        if np.isnan(values).any():
            return f"open: {int(np.isnan(values).sum())} of {len(values)} seeds have no such figure"
        low, high = mean_interval(values)
        interval = f"the 95 % interval of the mean is {low:.4f} to {high:.4f}"
        ahead, behind = (low > self.bound, high < self.bound)
        if self.side == "below":
            ahead, behind = behind, ahead
        if ahead:
            return f"reproduced: {interval}, {self.side} {self.bound:g}"
        if behind:
            return f"not reproduced: {interval}, on the other side of {self.bound:g}"
        return f"not reproduced: {interval}, which holds {self.bound:g}: these seeds do not decide it"


@dataclasses.dataclass(frozen=True)
class ToBeat:
    """A figure of others that every seed is to surpass."""

    kind: ClassVar[str] = "claim"
    value: float

    def judge(self, per_seed: Sequence[float] | np.ndarray) -> str:
        """The verdict."""
        beaten = int(np.sum(np.asarray(per_seed) > self.value))
        return f"{'beaten' if beaten == len(per_seed) else 'not beaten'}: {beaten} of {len(per_seed)} seeds are above"


@dataclasses.dataclass(frozen=True)
class Measured:
    """The book gives no figure: ours stands for itself."""

    kind: ClassVar[str] = "number"

    def judge(self, per_seed: Sequence[float] | np.ndarray) -> str:
        """The verdict."""
        return "measured: the book gives no figure to meet"


Rule = Toy | Number | Claim | ToBeat | Measured
