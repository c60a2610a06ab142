"""The experiments' plots, written as PNG: ``jnndl.figures`` draws what a library's user needs too."""

import pathlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments import statistics
from jnndl import figures, storage
from jnndl.figures import REPORTED, STYLES, blank, empty, heading, legend

__all__ = [
    "REPORTED",
    "STYLES",
    "about",
    "arms",
    "blank",
    "curves",
    "empty",
    "heading",
    "heat",
    "if_comparable",
    "images",
    "per_seed",
    "percent",
    "powers",
    "save",
]


def about(result: dict[str, Any]) -> str:
    """What a plot's title says of the run: the data and the number of seeds."""
    return f"{result['data']['name']}, {len(result['seeds'])} seeds"


def if_comparable(result: dict[str, Any], value: Any) -> Any:
    """The book's numbers, or the ranges that suit them; None for a run with other data or of another length."""
    return value if result["comparable"] else None


def percent(values: Any) -> Any:
    """Fractions as percentages; of a mapping, each of its entries."""
    if isinstance(values, Mapping):
        return {name: percent(entry) for name, entry in values.items()}
    return 100 * np.asarray(values, float)


def per_seed(result: dict[str, Any], metric: str) -> np.ndarray:
    """What was measured with each seed, NaN where there is no value."""
    return np.asarray(result["measured"][metric]["per_seed"], float)


def save(plot: Figure, path: pathlib.Path) -> None:
    """Write a plot as PNG, whole or not at all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Creating legend with loc")  # matplotlib warns so on a busy machine
        storage.write_atomically(path, lambda temporary: plot.savefig(temporary, dpi=120))


def curves(path: pathlib.Path, lines: Mapping[str, Any], **words: Any) -> None:
    """Draw one line per arm, the mean over seeds in its band, as ``figures.curves`` does, and write it."""
    save(figures.curves(lines, **({"unit": "seeds"} | words)), path)


def images(path: pathlib.Path, pictures: Any, **words: Any) -> None:
    """Draw small pictures in a grid, as ``figures.images`` does, and write them."""
    save(figures.images(pictures, **words), path)


def arms(
    path: pathlib.Path,
    values: Mapping[str, Any],
    *,
    title: str,
    xlabel: str,
    reported: Mapping[str, float] | None = None,
    zero: bool = False,
) -> None:
    """Draw one row per arm: one dot per seed, the mean with its 95 % interval, and the book's number as a diamond.

    Args:
        path: the PNG to write.
        values: arm -> one value per seed; NaN is left out.
        title, xlabel: the words around it.
        reported: arm -> the book's number for it.
        zero: mark zero, for differences.
    """
    new, axes = blank(6.4, 1.5 + 0.42 * len(values))
    every: list[float] = []
    for row, one_arm in enumerate(values.values()):
        found = np.atleast_1d(np.asarray(one_arm, float))
        found = found[~np.isnan(found)]
        if not len(found):
            continue
        every += found.tolist()
        spread = statistics.summarize(found)["ci95"]
        half = 0.0 if spread is None else (spread[1] - spread[0]) / 2
        axes.errorbar(found.mean(), row, xerr=half, fmt="|", markersize=14, color="black", capsize=4, elinewidth=1)
        look: dict[str, Any] = {"color": STYLES[0][0], "alpha": 0.6, "linewidth": 0}
        axes.scatter(found, np.full(len(found), row), s=22, zorder=3, **look)  # above the bar, which may be as short
    marks = [(value, list(values).index(arm)) for arm, value in (reported or {}).items() if arm in values]
    if marks:
        where, heights = np.transpose(marks)
        book: dict[str, Any] = {"marker": "D", "facecolor": "white", "edgecolor": STYLES[1][0]}
        axes.scatter(where, heights, s=42, zorder=4, linewidth=1.6, label="the book", **book)
    if zero:
        axes.axvline(0, color=REPORTED, linestyle=(0, (1, 2)))
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    # With few seeds the interval may be much wider than the spread of the dots: it does not set the range.
    shown = np.asarray([*every, *(value for value, _ in marks), *([0.0] if zero else [])])
    room = 0.15 * (np.ptp(shown) or abs(shown[0]) or 1.0)
    axes.set_xlim(shown.min() - room, shown.max() + room)
    heading(axes, title, "dots: seeds; bar: mean and its 95 % interval")
    axes.set(xlabel=xlabel)
    legend(axes)
    save(new, path)


def powers(
    path: pathlib.Path,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    markers: bool = False,
) -> None:
    """Draw lines on two logarithmic axes, where a power of x is a straight line.

    Args:
        path: the PNG to write.
        lines: label -> x and y; values that are not above 0 are left out.
        title, xlabel, ylabel: the words around it.
        markers: whether to mark each point, with a different shape on each line.
    """
    new, axes = blank(7.0, 4.6)
    for (label, (x, y)), (colour, dash), marker in zip(lines.items(), STYLES, "osD^v", strict=False):
        shown = np.where(np.asarray(y) > 0, y, np.nan)
        axes.plot(x, shown, color=colour, linestyle=dash, label=label, marker=marker if markers else "", markersize=5)
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    heading(axes, title)
    legend(axes)
    save(new, path)


def heat(path: pathlib.Path, mean: Any, spread: Any, **words: Any) -> None:
    """Draw a grid of numbers, as ``figures.heat`` does, and write it."""
    save(figures.heat(mean, spread, **words), path)
