"""The rules for a verdict, fixed before any run. The arithmetic is in ``intervals``, the words in ``units``.

Kinds of row are counted apart. A **toy** has one right answer, and ours is it or is not. A **number** of the book is
one run, so it is held against the interval in which 95 % of such figures fall; a wide interval confirms nothing. A
**claim** is about a mean difference, paired by seed, or about a spread. A **drawing** is drawn.

Each rule can fail: ``failing`` is an outcome that must.
"""

import dataclasses
from typing import ClassVar, NamedTuple

import numpy as np

from experiments.intervals import (
    FEWEST_FOR_SPREAD,
    LEVEL,
    Values,
    mean_interval,
    prediction_interval,
    predictive,
    share_interval,
    spread_interval,
    summarize,
)
from experiments.units import ACCURACY, ANYTHING, POSSIBLE, between, show, words

__all__ = [
    "Claim",
    "Drawn",
    "Equivalent",
    "Measured",
    "Number",
    "Rule",
    "ShareClaim",
    "SpreadClaim",
    "ToBeat",
    "Toy",
    "Verdict",
    "broken",
    "mean_interval",
    "prediction_interval",
    "summarize",
    "words",
]

NARROW = 0.25  # an interval wider than a quarter of the errors that it is about confirms nothing
BROKEN = 0.02  # a digit that is right in fewer of its images is lost
REPRODUCED, COMPATIBLE, NOT, UNDECIDED, OPEN = "reproduced", "compatible", "not reproduced", "undecided", "open"


class Verdict(NamedTuple):
    """What a rule says of an outcome; ``str`` of it begins with the word.

    Attributes:
        word: "reproduced", "compatible", "not reproduced", "undecided", "open", "drawn", "measured", "beaten" or "not
            beaten".
        text: the reasons.
        low, high: the interval that decided, or None.
        percentile: of a number: what share of such figures falls below the book's by our seeds, in per cent.
        z: of a number: how many standard deviations of such figures the book's lies above their middle; None where our
            values fall into groups, or are all equal.
    """

    word: str
    text: str
    low: float | None = None
    high: float | None = None
    percentile: float | None = None
    z: float | None = None

    def __str__(self) -> str:
        return f"{self.word}: {self.text}"


@dataclasses.dataclass(frozen=True)
class Rule:
    """What all rules share.

    Attributes:
        unit: of the metric: "%" for an accuracy (a fraction of 1), "points" for a difference of accuracies, or another.
    """

    kind: ClassVar[str]
    unit: str = dataclasses.field(default="", kw_only=True)

    def verdict(self, per_seed: Values) -> Verdict:
        """The verdict on an outcome, one value per seed."""
        raise NotImplementedError

    def judge(self, per_seed: Values) -> str:
        """The verdict in words; it begins with the verdict's word."""
        return str(self.verdict(per_seed))

    def failing(self, n: int) -> np.ndarray:
        """An outcome of n seeds, all possible values, that is not reproduced."""
        raise NotImplementedError

    def passing(self, n: int) -> np.ndarray:
        """An outcome of n seeds, all possible values, that is reproduced."""
        raise NotImplementedError

    def _limits(self, bounds: tuple[float, float] | None) -> tuple[float, float]:
        """What values the metric can have: those that are given, or those of its unit."""
        return bounds or POSSIBLE.get(self.unit, ANYTHING)


def _open(values: np.ndarray, fewest: int = 2) -> Verdict | None:
    """The verdict where values are too few or missing, or None."""
    if values.shape[-1] < 2:
        return Verdict(OPEN, "one seed says nothing about spread")
    if values.shape[-1] < fewest:
        return Verdict(OPEN, f"a spread needs at least {fewest} seeds, these are {values.shape[-1]}")
    missing = int(np.isnan(values).reshape(-1, values.shape[-1]).any(axis=0).sum())
    return Verdict(OPEN, f"{missing} of {values.shape[-1]} seeds have no such figure") if missing else None


def _around(center: float, n: int, room: float) -> np.ndarray:
    """An outcome of n seeds close around a value, within a thousandth of ``room``."""
    return center + 1e-3 * room * np.linspace(-1, 1, n)


def _finite(room: float, x: float) -> float:
    """How far to step from x: all the room that there is or, where there is no end to it, as far as x is from 0."""
    return room if np.isfinite(room) else max(1.0, abs(x))


@dataclasses.dataclass(frozen=True)
class Toy(Rule):
    """An exact check: every seed's figure is ``expected``, within ``tolerance``."""

    kind: ClassVar[str] = "toy"
    expected: float
    tolerance: float = 0.0

    def verdict(self, per_seed: Values) -> Verdict:
        """The verdict."""
        values = np.atleast_1d(np.asarray(per_seed, float))
        off = np.abs(values - self.expected)
        worst = values[np.argmax(off)]  # of several, and NaN counts as the worst
        within = f" within {self.tolerance:g}" if self.tolerance else " exactly"
        if np.all(off <= self.tolerance):
            return Verdict(REPRODUCED, f"{self.expected:.10g}{within}")
        return Verdict(NOT, f"{worst:.10g}, not {self.expected:.10g}{within}")

    def failing(self, n: int) -> np.ndarray:
        """All seeds right but the last, which is off by twice the tolerance, or by 1 where there is none."""
        return np.append(np.full(n - 1, self.expected), self.expected + (2 * self.tolerance or 1.0))

    def passing(self, n: int) -> np.ndarray:
        """All seeds right."""
        return np.full(n, float(self.expected))


@dataclasses.dataclass(frozen=True)
class Number(Rule):
    """A figure of the book, held against the distribution of the same statistic.

    Not reproduced: it lies outside the interval in which 95 % of such figures fall by our seeds. Reproduced: it lies
    inside, and the interval could have excluded something: it excludes ``rival``, where one is named, and else it is no
    wider than ``narrow``. Compatible: inside an interval too wide for that.

    Attributes:
        value: what was reported.
        best_of: of how many runs it is the best.
        narrow: the greatest width, in the metric's own unit. For an accuracy it may be left out; then it is a quarter
            of the errors, 1 - value (or of the hits, where these are fewer: near chance an error rate is no scale).
        rival: a value that the figure is to be told apart from, such as that of the step before.
        bounds: the least and the greatest possible value; by default those of the unit, 0 and 1 for an accuracy.
        unit: "%" if not given, and none if ``narrow`` is given without one.

    Raises:
        ValueError: for a figure in another unit without ``narrow`` or ``rival``, or outside of what is possible.
    """

    kind: ClassVar[str] = "number"
    value: float
    best_of: int = 1
    narrow: float | None = None
    rival: float | None = dataclasses.field(default=None, kw_only=True)
    bounds: tuple[float, float] | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not self.unit and self.narrow is None:
            object.__setattr__(self, "unit", ACCURACY)
        low, high = self._limits(self.bounds)
        if not low <= self.value <= high or low == high:
            raise ValueError(
                f"Number: value {self.value:g} is not between {low:g} and {high:g}; give its unit, or its bounds"
            )
        if self.unit != ACCURACY and self.narrow is None and self.rival is None:
            raise ValueError(f"Number: value {self.value:g} {self.unit} has no scale; give narrow or rival")

    @property
    def errors(self) -> float:
        """What an accuracy's interval is measured by: the errors, or the hits where these are fewer."""
        return min(self.value, 1 - self.value)

    def verdict(self, per_seed: Values) -> Verdict:
        """The verdict."""
        values = np.atleast_1d(np.asarray(per_seed, float))
        unclear = _open(values)
        if unclear:
            return unclear
        further = predictive(values, self.best_of)
        low, high = (float(np.clip(x, *self._limits(self.bounds))) for x in further.interval())
        percentile, z = 100 * further.cdf(self.value), further.z(self.value)
        shape = (
            "our values are no bell, but fall into groups or are all equal"
            if z is None
            else f"z = {round(z, 1) + 0.0:+.1f}"
        )
        where = f"percentile {percentile:.1f}, {shape}"
        text = (
            f"95 % of such figures fall in {between(low, high, self.unit)}, reported is {show(self.value, self.unit)} "
            f"({where})"
        )
        if not low <= self.value <= high:
            word = NOT
        else:
            word, reason = self._confirms(low, high)
            text += f"; {reason}"
        return Verdict(word, text, low, high, percentile, z)

    def _confirms(self, low: float, high: float) -> tuple[str, str]:
        """The word for a figure within the interval, and why it is that."""
        if self.rival is not None:
            inside = low <= self.rival <= high
            rival = show(self.rival, self.unit)
            return (COMPATIBLE, f"but so does {rival}") if inside else (REPRODUCED, f"{rival} would not")
        if self.narrow is None:
            share = (high - low) / self.errors if self.errors else np.inf if high > low else 0.0
            scale = "errors" if self.value >= 0.5 else "hits"
            reason = f"the interval is as wide as {100 * share:.0f} % of the {scale}"
            wide = share > NARROW
        else:
            width, most = (show(x, self.unit).lstrip("+") for x in (high - low, self.narrow))
            reason = f"the interval is {width} wide, and {most} is narrow"
            wide = high - low > self.narrow
        return (COMPATIBLE, f"{reason}, too wide to confirm") if wide else (REPRODUCED, reason)

    def failing(self, n: int) -> np.ndarray:
        """Runs that agree with each other half-way between the figure and the end of what is possible."""
        low, high = self._limits(self.bounds)
        below, above = self.value - low, high - self.value
        room, side = max((below, -1), (above, 1))
        room = max(_finite(room, self.value), self.narrow or 0)
        return _around(self.value + side * room / 2, n, room)

    def passing(self, n: int) -> np.ndarray:
        """Runs that agree with each other on the figure."""
        low, high = self._limits(self.bounds)
        scale = self.narrow or self.errors if self.rival is None else abs(self.rival - self.value)
        return np.clip(_around(self.value, n, scale), low, high)


@dataclasses.dataclass(frozen=True)
class Claim(Rule):
    """The mean of a metric (a difference paired by seed, as a rule) is above, or below, a bound.

    Reproduced: the 95 % interval of the mean lies wholly on the side that is claimed. Not reproduced: it lies wholly on
    the other. Undecided: it holds the bound.

    Attributes:
        side: "above" or "below".
        bound: of what; 0 for a difference.
        errors: the errors, 1 - accuracy, of which ``bound`` is a share; by default bound is in the metric's own unit.
        bounds: the least and the greatest possible value of the metric; by default those of its unit.

    Raises:
        ValueError: if no possible outcome could fail.
    """

    kind: ClassVar[str] = "claim"
    of: ClassVar[str] = "mean"
    side: str
    bound: float = 0.0
    errors: float | None = dataclasses.field(default=None, kw_only=True)
    bounds: tuple[float, float] | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.side not in ("above", "below"):
            raise ValueError(f"Claim: side is {self.side!r}; it is above or below")
        if min(self._rooms()) <= 0:
            low, high = self._limits(self.bounds)
            raise ValueError(
                f"Claim: {self.side} {self.limit:g} cannot fail, or cannot hold, for a metric between {low:g} and "
                f"{high:g}; choose another metric or bound"
            )

    @property
    def limit(self) -> float:
        """The bound in the metric's own unit."""
        return self.bound if self.errors is None else self.bound * self.errors

    def verdict(self, per_seed: Values, level: float = LEVEL) -> Verdict:
        """The verdict; ``level`` is the probability of error, both sides together."""
        values = np.atleast_1d(np.asarray(per_seed, float))
        unclear = _open(values)
        if unclear:
            return unclear
        low, high = self._interval(values, level)
        text = f"the {100 * (1 - level):.4g} % interval of the {self.of} is {between(low, high, self.unit)}"
        return Verdict(*_side(self.side, low, high, self.limit, text, self._bound()), low=low, high=high)

    def _interval(self, values: np.ndarray, level: float) -> tuple[float, float]:
        """The interval that decides."""
        return mean_interval(values, level)

    def _bound(self) -> str:
        """The bound in words."""
        if self.errors is None:
            return show(self.limit, self.unit)
        return f"{show(self.limit, self.unit)}, {100 * abs(self.bound):g} % of the errors"

    def _rooms(self) -> tuple[float, float]:
        """How much room the metric has on the side that is not claimed, and on the one that is."""
        low, high = self._limits(self.bounds)
        rooms = self.limit - low, high - self.limit
        return rooms if self.side == "above" else rooms[::-1]

    def _outcome(self, n: int, holds: bool) -> np.ndarray:
        """Runs that agree with each other on one side of the bound."""
        room = _finite(self._rooms()[holds], self.limit)
        sign = 1 if holds == (self.side == "above") else -1
        return _around(self.limit + sign * room / 2, n, room / 2)

    def failing(self, n: int) -> np.ndarray:
        """Runs that agree with each other on the other side of the bound."""
        return self._outcome(n, holds=False)

    def passing(self, n: int) -> np.ndarray:
        """Runs that agree with each other on the claimed side of the bound."""
        return self._outcome(n, holds=True)


def _side(side: str, low: float, high: float, limit: float, text: str, bound: str) -> tuple[str, str]:
    """Word and text for an interval that is to lie on one side of a limit."""
    ahead, behind = low > limit, high < limit
    if side == "below":
        ahead, behind = behind, ahead
    if ahead:
        return REPRODUCED, f"{text}, {side} {bound}"
    if behind:
        return NOT, f"{text}, on the other side of {bound}"
    return UNDECIDED, f"{text}, which holds {bound}: these seeds do not decide it"


@dataclasses.dataclass(frozen=True)
class ShareClaim(Claim):
    """Something holds for a share of the seeds that is above, or below, a bound; the outcome is 1 or 0 for each seed.

    Reproduced, not reproduced, undecided: as for ``Claim``, by the exact interval of a share
    (``intervals.share_interval``). Where ten of ten seeds agree, a t-interval has no width; this one is 69 to 100 %.
    """

    of: ClassVar[str] = "share"
    unit: str = dataclasses.field(default=ACCURACY, kw_only=True)

    def _interval(self, values: np.ndarray, level: float) -> tuple[float, float]:
        """The interval that decides."""
        if not np.isin(values, (0, 1)).all():
            raise ValueError(f"ShareClaim: the outcome is {values.tolist()}; it needs 1 or 0 for each seed")
        return share_interval(int(values.sum()), len(values), level)

    def _outcome(self, n: int, holds: bool) -> np.ndarray:
        """All seeds agree, and they are enough to decide."""
        value = float(holds == (self.side == "above"))
        share = self.limit if value else 1 - self.limit
        return np.full(max(n, int(np.log(LEVEL / 2) / np.log(share)) + 1), value)


@dataclasses.dataclass(frozen=True)
class SpreadClaim(Rule):
    """The standard deviation over seeds in one arm is above, or below, ``bound`` times that in another.

    The outcome has shape (2, seeds): the first arm is the one that is claimed to spread more (or less). Reproduced, not
    reproduced, undecided: as for ``Claim``, by the interval of the ratio (``intervals.spread_interval``).

    Attributes:
        side: "above" or "below".
        bound: of the ratio.
    """

    kind: ClassVar[str] = "claim"
    side: str
    bound: float = 1.0

    def verdict(self, per_seed: Values, level: float = LEVEL) -> Verdict:
        """The verdict; ``level`` is the probability of error, both sides together."""
        values = np.asarray(per_seed, float)
        if values.ndim != 2 or len(values) != 2:
            raise ValueError(f"SpreadClaim: the outcome has shape {values.shape}; it needs two arms, (2, seeds)")
        unclear = _open(values, FEWEST_FOR_SPREAD)
        if unclear:
            return unclear
        first, second = values
        if not np.ptp(first) or not np.ptp(second):
            return Verdict(OPEN, "an arm without any spread has no ratio to the other")
        # Both arms' kurtosis is estimated together, so they are put on the scale where the bound makes them equal.
        low, high = (self.bound * x for x in spread_interval(first, self.bound * second, level))
        ratio = first.std(ddof=1) / second.std(ddof=1)
        text = f"the standard deviation is {ratio:.2f} times the other's, {100 * (1 - level):.4g} % interval "
        return Verdict(
            *_side(self.side, low, high, self.bound, text + f"{low:.2f} to {high:.2f}", f"{self.bound:g}"),
            low=low,
            high=high,
        )

    def _outcome(self, n: int, wider: bool) -> np.ndarray:
        """Two arms, the first of a spread a thousand times as large as the bound, or as small."""
        arm = np.linspace(-1, 1, max(n, FEWEST_FOR_SPREAD))
        return np.stack([0.5 + 1e-4 * self.bound * arm * (1000 if wider else 0.001), 0.5 + 1e-4 * arm])

    def failing(self, n: int) -> np.ndarray:
        """Two arms of which the wrong one spreads more; at least five seeds."""
        return self._outcome(n, wider=self.side == "below")

    def passing(self, n: int) -> np.ndarray:
        """Two arms of which the right one spreads more; at least five seeds."""
        return self._outcome(n, wider=self.side == "above")


@dataclasses.dataclass(frozen=True)
class Equivalent(Rule):
    """Two arms are "almost exactly the same": the mean of their paired differences is within ``margin`` of 0.

    Reproduced: the whole 95 % interval of the mean lies within -margin to margin (two one-sided tests), be 0 in it or
    not: a difference that is real and smaller than the margin is what "almost" says. Not reproduced: the whole interval
    lies beyond the margin, on one side. Undecided: it holds -margin or margin; where it does not hold 0, the text says
    that there is a difference, of which it is open whether it is too large. So either word is wrong in at most 2.5 of
    100 cases, whatever the true difference. An interval that excludes 0 alone does not refute: with enough seeds it
    does so for any two arms.

    Attributes:
        margin: what still is the same.
        errors: the errors, 1 - accuracy, of which ``margin`` is a share; by default it is in the metric's own unit.

    Raises:
        ValueError: if the margin is not above 0, or so large that no outcome could fail.
    """

    kind: ClassVar[str] = "claim"
    margin: float
    errors: float | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not 0 < self.limit < self._limits(None)[1]:
            raise ValueError(f"Equivalent: margin {self.limit:g} is no margin; give one above 0 that can be exceeded")

    @property
    def limit(self) -> float:
        """The margin in the metric's own unit."""
        return self.margin if self.errors is None else self.margin * self.errors

    def verdict(self, per_seed: Values, level: float = LEVEL) -> Verdict:
        """The verdict; ``level`` is the probability of error, both sides together."""
        values = np.atleast_1d(np.asarray(per_seed, float))
        unclear = _open(values)
        if unclear:
            return unclear
        low, high = mean_interval(values, level)
        margin = show(self.limit, self.unit).lstrip("+")
        if self.errors is not None:
            margin += f", {100 * self.margin:g} % of the errors"
        text = f"the {100 * (1 - level):.4g} % interval of the mean difference is {between(low, high, self.unit)}"
        if -self.limit < low and high < self.limit:
            return Verdict(REPRODUCED, f"{text}, within the margin ({margin})", low, high)
        if low > self.limit or high < -self.limit:
            return Verdict(NOT, f"{text}, beyond the margin ({margin})", low, high)
        real = "there is a difference, but whether" if low > 0 or high < 0 else "whether"
        return Verdict(UNDECIDED, f"{text}: {real} it exceeds the margin ({margin}) is not decided", low, high)

    def failing(self, n: int) -> np.ndarray:
        """Differences that agree with each other beyond the margin."""
        room = min(self.limit, self._limits(None)[1] - self.limit)
        return _around(self.limit + room / 2, n, room)

    def passing(self, n: int) -> np.ndarray:
        """Differences that are small beside the margin."""
        return _around(0.0, n, self.limit)


@dataclasses.dataclass(frozen=True)
class ToBeat(Rule):
    """A figure of others that every seed is to surpass."""

    kind: ClassVar[str] = "claim"
    value: float

    def verdict(self, per_seed: Values) -> Verdict:
        """The verdict."""
        above = np.atleast_1d(per_seed) > self.value
        word = "beaten" if above.all() else "not beaten"
        if len(above) == 1:
            return Verdict(word, "it is above" if above.all() else "it is not above")
        return Verdict(word, f"{above.sum()} of {len(above)} seeds are above")

    def failing(self, n: int) -> np.ndarray:
        """All seeds above but the last, which is equal."""
        return np.append(self.passing(n)[1:], self.value)

    def passing(self, n: int) -> np.ndarray:
        """All seeds just above."""
        return np.full(n, np.nextafter(self.value, np.inf))


@dataclasses.dataclass(frozen=True)
class Measured(Rule):
    """The book gives no figure: ours stands for itself."""

    kind: ClassVar[str] = "number"

    def verdict(self, per_seed: Values) -> Verdict:
        """The verdict."""
        return Verdict("measured", "the book gives no figure to meet")


@dataclasses.dataclass(frozen=True)
class Drawn(Rule):
    """A picture of the book that is drawn again: there is nothing to be right or wrong about."""

    kind: ClassVar[str] = "drawing"

    def verdict(self, per_seed: Values) -> Verdict:
        """The verdict."""
        return Verdict("drawn", "a picture to compare by eye")


def broken(per_class_accuracy: np.ndarray) -> np.ndarray:
    """Which networks have lost a class: it is right in fewer than 2 % of its images.

    Such a network measures how often training gets stuck. It is no baseline for anything else.

    Args:
        per_class_accuracy: fractions of shape (seeds, classes); NaN for a class without images.

    Returns:
        One bool per seed.
    """
    return np.any(np.asarray(per_class_accuracy) < BROKEN, axis=-1)
