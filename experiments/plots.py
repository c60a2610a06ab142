"""Plots: figures without a screen, in colours that colour-blind eyes and black-and-white print keep apart."""

import pathlib
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from experiments import statistics
from jnndl import files

# Okabe and Ito's palette, each with a dash of its own.
STYLES = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"), ("#000000", (0, (5, 1, 1, 1))))
REPORTED = "#666666"


def save(figure: Figure, path: pathlib.Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Creating legend with loc")  # matplotlib says so where the machine is busy
        files.write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120))


def figure(width: float = 6.4, height: float = 4.0) -> tuple[Figure, Axes]:
    """One empty plot; sizes in inches."""
    new = Figure(figsize=(width, height), layout="constrained")
    axes = new.subplots()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return new, axes


def legend(axes: Axes) -> None:
    """Say what is what, where there is room; what lies under it shines through."""
    axes.legend(fontsize=9, edgecolor="none", framealpha=0.6)


def curves(
    path: pathlib.Path,
    lines: Mapping[str, Any],
    *,
    title: str,
    ylabel: str,
    xlabel: str = "epoch",
    x: Any = None,
    reported: Mapping[str, float] | None = None,
    points: Mapping[str, Any] | None = None,
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
) -> None:
    """Draw a line an arm: the mean over seeds, in a band of one standard deviation.

    Args:
        path: the PNG to write.
        lines: label -> values of shape (seeds, epochs), or (epochs,) of one run.
        title, xlabel, ylabel: the words around it.
        x: where the values stand; the epochs from 0, if None.
        reported: label -> a figure of the book, drawn as a horizontal line.
        points: label -> figures of the book as pairs (x, y), drawn as marks in the colour of the line of that order.
        xlim, ylim: the ranges of the axes.
        xscale, yscale: "linear" or "log".
    """
    new, axes = figure()
    for (label, values), (colour, dash) in zip(lines.items(), STYLES * len(lines), strict=False):
        values = np.atleast_2d(np.asarray(values, float))
        values = values[:, ~np.isnan(values).all(axis=0)]  # after the last network stopped there is nothing to draw
        where = np.arange(values.shape[1]) if x is None else np.asarray(x)
        mean = np.nanmean(values, axis=0)
        mark = "." if len(where) < 12 else None
        axes.plot(where, mean, color=colour, linestyle=dash, label=label, marker=mark)
        if len(values) > 1:
            # Where one network alone goes on there is no spread to show.
            several = (~np.isnan(values)).sum(axis=0) > 1
            std = np.full(len(mean), np.nan)
            std[several] = np.nanstd(values[:, several], axis=0, ddof=1)
            axes.fill_between(where, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)
    for label, value in (reported or {}).items():
        axes.axhline(value, color=REPORTED, linestyle=(0, (1, 2)), label=label)
    for number, (label, pairs) in enumerate((points or {}).items()):
        marks: dict[str, Any] = {
            "marker": "Dsov^"[number % 5],
            "facecolor": "white",
            "edgecolor": STYLES[number % len(STYLES)][0],
        }
        where, heights = np.transpose(pairs)
        axes.scatter(where, heights, s=28, zorder=3, label=label, linewidth=1.4, **marks)
    new.suptitle(textwrap.fill(title, 90), fontsize=10)
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    if xlim is not None:
        axes.set_xlim(*xlim)
    if ylim is not None:
        axes.set_ylim(*ylim)
    if x is None:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # there is no epoch 0.5
    legend(axes)
    save(new, path)


def arms(
    path: pathlib.Path,
    values: Mapping[str, Any],
    *,
    title: str,
    xlabel: str,
    reported: Mapping[str, float] | None = None,
    zero: bool = False,
) -> None:
    """Draw a row an arm: a dot a seed, the mean with its 95 % interval, and the book's figure as a diamond.

    Args:
        path: the PNG to write.
        values: arm -> a value a seed.
        title, xlabel: the words around it.
        reported: arm -> the book's figure for it.
        zero: mark zero, for differences.
    """
    new, axes = figure(6.4, 1.5 + 0.42 * len(values))
    every: list[float] = []
    for row, (_, per_seed) in enumerate(values.items()):
        found = np.asarray([x for x in np.atleast_1d(np.asarray(per_seed, float)) if not np.isnan(x)])
        if not len(found):
            continue
        every += found.tolist()
        axes.scatter(found, np.full(len(found), row), s=14, color=STYLES[0][0], alpha=0.5, linewidth=0)
        spread = statistics.summarize(found)["ci95"]
        half = 0.0 if spread is None else (spread[1] - spread[0]) / 2
        axes.errorbar(found.mean(), row, xerr=half, fmt="|", markersize=14, color="black", capsize=4)
    marks = [(value, list(values).index(arm)) for arm, value in (reported or {}).items() if arm in values]
    if marks:
        look: dict[str, Any] = {"marker": "D", "facecolor": "white", "edgecolor": STYLES[1][0]}
        where, heights = np.transpose(marks)
        axes.scatter(where, heights, s=42, zorder=3, linewidth=1.6, label="the book", **look)
        legend(axes)
    if zero:
        axes.axvline(0, color=REPORTED, linestyle=(0, (1, 2)))
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    # Of few seeds the interval may be wider than all that is to be seen.
    shown = np.asarray([*every, *(value for value, _ in marks), *([0.0] if zero else [])])
    room = 0.15 * (np.ptp(shown) or abs(shown[0]) or 1.0)
    axes.set_xlim(shown.min() - room, shown.max() + room)
    new.suptitle(f"{textwrap.fill(title, 90)}\n(dots: seeds; bar: mean and its 95 % interval)", fontsize=10)
    axes.set(xlabel=xlabel)
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
        lines: label -> x and y; what is not above 0 is left out.
        title, xlabel, ylabel: the words around it.
        markers: whether each point gets a mark, a shape of its own a line.
    """
    new, axes = figure(7.0, 4.6)
    for (label, (x, y)), (colour, dash), marker in zip(lines.items(), STYLES, "osD^v", strict=False):
        shown = np.where(np.asarray(y) > 0, y, np.nan)
        axes.plot(x, shown, color=colour, linestyle=dash, label=label, marker=marker if markers else "", markersize=5)
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False)
    save(new, path)


def heat(
    path: pathlib.Path,
    mean: Any,
    spread: Any,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    xlabel: str,
    ylabel: str,
) -> None:
    """Draw a grid of figures, the highest in a frame; the darker, the higher.

    Args:
        path: the PNG to write.
        mean, spread: shape (rows, columns), what to write into each cell.
        rows, columns: what the cells stand for.
        title, xlabel, ylabel: the words around it.
    """
    mean, spread = np.asarray(mean, float), np.asarray(spread, float)
    new, axes = figure(1.6 + 0.95 * len(columns), 1.4 + 0.6 * len(rows))
    axes.grid(visible=False)
    low = np.nanmin(mean) if np.isfinite(mean).any() else 0.0
    shade = (mean - low) / max(np.nanmax(mean) - low, 1e-9)
    axes.imshow(shade**4, cmap="cividis_r", vmin=0, vmax=1, aspect="auto")  # the differences that matter are at the top
    for (row, column), value in np.ndenumerate(mean):
        text = f"{value:.2f}" + ("" if np.isnan(spread[row, column]) else f"\n+- {spread[row, column]:.2f}")
        colour = "white" if shade[row, column] ** 4 > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    row, column = np.unravel_index(np.nanargmax(mean), mean.shape)
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=STYLES[1][0], linewidth=3))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(textwrap.fill(title, 60), fontsize=10)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    save(new, path)


def confusion(path: pathlib.Path, counts: Any, *, title: str) -> None:
    """Draw a confusion matrix; shades are by the logarithm of the count, the diagonal is left white."""
    counts = np.asarray(counts)
    new, axes = figure(5.6, 5.2)
    axes.grid(visible=False)
    off_diagonal = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    shade = np.log1p(off_diagonal) / np.log1p(max(10, off_diagonal.max()))
    axes.imshow(shade, cmap="Oranges", vmin=0, vmax=1.2)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8)
    axes.set(title=title, xlabel="the network's answer", ylabel="right answer")
    axes.set_xticks(range(len(counts)))
    axes.set_yticks(range(len(counts)))
    save(new, path)


def images(
    path: pathlib.Path,
    pictures: Any,
    *,
    title: str,
    captions: Sequence[str] = (),
    columns: int = 8,
    signed: bool = False,
) -> None:
    """Draw small pictures in a grid.

    Args:
        path: the PNG to write.
        pictures: shape (n, height, width).
        title: above them all.
        captions: one above each, or none.
        columns: pictures in a row.
        signed: blue for negative, red for positive values, one scale for all; otherwise dark for large values.
    """
    pictures = np.asarray(pictures, float)
    rows = max(1, -(-len(pictures) // columns))
    width = max(4.0, columns * 0.9)
    new = Figure(figsize=(width, rows * (1.1 if captions else 0.9) + 0.5), layout="constrained")
    new.suptitle(textwrap.fill(title, int(14 * width)), fontsize=10)
    axes = new.subplots()
    axes.axis("off")
    limit = np.abs(pictures).max() if len(pictures) else 1.0
    scale: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if signed else {"cmap": "Greys"}
    # All in one image, which is drawn twenty times as fast as one each; between them NaN, which stays white.
    height, breadth = pictures.shape[1:] if len(pictures) else (1, 1)
    above, beside = (0.45 if captions else 0.12) * height, 0.12 * breadth
    step = round(height + above), round(breadth + beside)
    page = np.full((rows * step[0], columns * step[1]), np.nan)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        top, left = row * step[0] + step[0] - height, column * step[1]
        page[top : top + height, left : left + breadth] = picture
        if captions:
            axes.text(left + breadth / 2, top - 1, captions[number], ha="center", va="bottom", fontsize=8)
    axes.imshow(page, **scale)
    save(new, path)
