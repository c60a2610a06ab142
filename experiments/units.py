"""How figures are written: one unit for each kind, everywhere.

A metric that is an accuracy is a fraction of 1 and is written in per cent with two digits ("%"); a difference of two
accuracies in points ("points"), with its sign. Any other unit ("nats", "epochs", "times", or none) follows the number.
"""

from typing import Any

ACCURACY, POINTS = "%", "points"
POSSIBLE = {ACCURACY: (0.0, 1.0), POINTS: (-1.0, 1.0)}  # the least and the greatest value of a metric
ANYTHING = (float("-inf"), float("inf"))


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
