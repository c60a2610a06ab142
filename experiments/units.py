"""How figures are written: one unit for each kind, everywhere.

A metric that is an accuracy is a fraction of 1 and is written in per cent with two digits ("%"); a difference of two
accuracies in points ("points"), with its sign. Any other unit ("nats", "epochs", "times", or none) follows the number.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

ACCURACY, POINTS = "%", "points"
POSSIBLE = {ACCURACY: (0.0, 1.0), POINTS: (-1.0, 1.0)}  # the least and the greatest value of a metric
ANYTHING = (float("-inf"), float("inf"))
PLACE = re.compile(r"\{([^{}|]+)(?:\|([^{}|]*))?(?:\|(least|greatest|at))?\}")  # of a figure in an explanation


def short(x: float) -> str:
    """A number without a unit of its own: whole, or with four decimals, or as a power of ten where it is small."""
    return f"{x:.0f}" if x == round(x) and abs(x) != 1 else f"{x:.4f}" if abs(x) >= 1e-3 else f"{x:.1e}"


def _digits(x: float, unit: str) -> str:
    """The number alone, as its unit wants it."""
    if unit == ACCURACY:
        return f"{100 * x:.2f}"
    if unit == POINTS:
        return f"{round(100 * x, 2) + 0.0:+.2f}"  # + 0.0, so that there is no -0.00
    return short(x)


def show(x: float, unit: str = "") -> str:
    """One figure with its unit: "96.59 %", "+0.23 points", "14 epochs"."""
    return f"{_digits(x, unit)} {unit}".rstrip()


def between(low: float, high: float, unit: str = "") -> str:
    """An interval with its unit: "96.19 to 96.73 %"."""
    if unit in POSSIBLE or max(abs(low), abs(high)) < 1e-3:
        return f"{_digits(low, unit)} to {show(high, unit)}"
    return f"{low:.4f} to {high:.4f} {unit}".rstrip()


def words(summary: dict[str, Any], unit: str = "") -> str:
    """What ``intervals.summarize`` found, to read: "96.46 +- 0.11 % (10 seeds)"."""
    if summary["mean"] is None:
        return "none"
    if summary["std"] is None:
        return show(summary["mean"], unit)
    seeds = sum(x is not None for x in summary["per_seed"])
    spread = _digits(summary["std"], unit).lstrip("+")
    return f"{_digits(summary['mean'], unit)} +- {spread} {unit}".rstrip() + f" ({seeds} seeds)"


def metrics_in(why: str) -> tuple[str, ...]:
    """The metrics whose figures an explanation wants, see ``explain``."""
    return tuple(place[1] for place in PLACE.finditer(why))


def explain(why: str, measured: Mapping[str, Any]) -> str:
    """An explanation with its figures filled in from a run, so that none is typed by hand.

    Args:
        why: may hold places such as ``{plain: final|%}``: a metric and its unit, which become its mean, its standard
            deviation and the number of seeds. ``{plain: final|%|least}`` and ``{plain: final|%|greatest}`` become the
            value of the least and of the greatest seed, ``{plain: final|%|at}`` the mean alone.
        measured: metric -> what ``intervals.summarize`` found: "measured" of result.json.

    Returns:
        The explanation; empty where a figure that it needs was not measured, or has no value.
    """
    if any(measured.get(name, {}).get("mean") is None for name in metrics_in(why)):
        return ""

    def figure(place: re.Match[str]) -> str:
        summary, unit, which = measured[place[1]], place[2] or "", place[3]
        if which is None:
            return words(summary, unit)
        if which == "at":
            return show(summary["mean"], unit)
        values = [x for x in np.ravel(np.asarray(summary["per_seed"], float)) if not np.isnan(x)]
        return show(min(values) if which == "least" else max(values), unit)

    return PLACE.sub(figure, why)
