"""Plots, drawn without a screen, in colours and dashes that can be told apart by colour-blind eyes and in print."""

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
from jnndl import storage

# Okabe and Ito's palette, a different dash with each colour.
STYLES = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"), ("#000000", (0, (5, 1, 1, 1))))
REPORTED = "#666666"


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


def blank(width: float = 6.4, height: float = 4.0) -> tuple[Figure, Axes]:
    """An empty plot and its axes; sizes in inches."""
    new = Figure(figsize=(width, height), layout="constrained")
    axes = new.subplots()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return new, axes


def legend(axes: Axes) -> None:
    """Draw the legend below the axes, where it hides nothing and its marks cannot be taken for data.

    The plot grows by the height that it takes.
    """
    handles, labels = axes.get_legend_handles_labels()
    new = axes.get_figure()
    if not handles or not isinstance(new, Figure):
        return
    width, height = new.get_size_inches()
    columns = max(1, min(len(labels), int(width * 12 / (max(map(len, labels)) + 7))))  # about 12 letters to an inch
    new.set_size_inches(width, height + 0.19 * -(-len(labels) // columns))
    new.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)


def heading(axes: Axes, title: str, note: str = "") -> None:
    """The title of a plot, and in small letters below it how to read it."""
    new = axes.get_figure()
    if isinstance(new, Figure):
        new.suptitle(textwrap.fill(title, 90), fontsize=10)
    axes.set_title(note, fontsize=8, color=REPORTED)


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
    """Draw one line per arm: the mean over seeds, in a band of one standard deviation, as the plot itself says.

    Args:
        path: the PNG to write.
        lines: label -> values of shape (seeds, epochs), or (epochs,) of one run. NaN, for a network that had stopped,
            is left out of the mean; where all values are NaN the line has a gap.
        title, xlabel, ylabel: the words around it.
        x: the x coordinates, shape (epochs,); None for the epochs, from 0.
        reported: label -> a number of the book, drawn as a horizontal line.
        points: label -> numbers of the book as pairs (x, y), drawn as marks; the first label's have the colour of the
            first line, and so on.
        xlim, ylim: the ranges of the axes.
        xscale, yscale: "linear" or "log".
    """
    new, axes = blank()
    seeds = 1
    for (label, values), (colour, dash) in zip(lines.items(), STYLES * len(lines), strict=False):
        values = np.atleast_2d(np.asarray(values, float))
        seeds = max(seeds, len(values))
        where = np.arange(values.shape[1]) if x is None else np.asarray(x)
        mean, std = mean_and_std(values)
        mark = "." if len(where) < 12 else None
        axes.plot(where, mean, color=colour, linestyle=dash, label=label, marker=mark)
        if len(values) > 1:
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
    heading(axes, title, f"line: mean; shaded: one standard deviation over {seeds} seeds" if seeds > 1 else "")
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    if xlim is not None:
        axes.set_xlim(*xlim)
    if ylim is not None:
        axes.set_ylim(*ylim)
    if x is None:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # there is no epoch 0.5
    legend(axes)
    save(new, path)


def mean_and_std(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column without its NaNs: NaN where there is no value, or only one."""
    count = (~np.isnan(values)).sum(axis=0)
    mean, std = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    mean[count > 0] = np.nanmean(values[:, count > 0], axis=0)
    std[count > 1] = np.nanstd(values[:, count > 1], axis=0, ddof=1)
    return mean, std


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
    """Draw a grid of numbers, darker for higher ones, with a frame around the highest.

    Args:
        path: the PNG to write.
        mean, spread: shape (rows, columns), the numbers in each cell.
        rows, columns: the labels of the rows and columns.
        title, xlabel, ylabel: the words around it.
    """
    mean, spread = np.asarray(mean, float), np.asarray(spread, float)
    new, axes = blank(1.6 + 0.95 * len(columns), 1.4 + 0.6 * len(rows))
    axes.grid(visible=False)
    low = np.nanmin(mean) if np.isfinite(mean).any() else 0.0
    shade = (mean - low) / max(np.nanmax(mean) - low, 1e-9)
    axes.imshow(shade**4, cmap="cividis_r", vmin=0, vmax=1, aspect="auto")  # spreads the colours over the best cells
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
    """Draw a confusion matrix, shaded by the logarithm of the count; the diagonal stays white."""
    counts = np.asarray(counts)
    new, axes = blank(5.6, 5.2)
    axes.grid(visible=False)
    off_diagonal = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    shade = np.log1p(off_diagonal) / np.log1p(max(10, off_diagonal.max()))
    axes.imshow(shade, cmap="Oranges", vmin=0, vmax=1.2)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8)
    axes.set(title=title, xlabel="the network's answer", ylabel="correct answer")
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
        pictures: shape (n, height, width), or (n, columns) of a table.
        title: above them all.
        captions: one above each picture, or none.
        columns: how many pictures stand side by side.
        signed: blue for negative, red for positive values, with one scale for all; otherwise dark for large values.
    """
    pictures = np.asarray(pictures, float)
    pictures = pictures[:, None] if pictures.ndim == 2 else pictures  # a row of a table: a line of pixels
    rows = max(1, -(-len(pictures) // columns))
    width = max(4.0, columns * 0.9)
    new = Figure(figsize=(width, rows * (1.1 if captions else 0.9) + 0.5), layout="constrained")
    new.suptitle(textwrap.fill(title, int(12 * width)), fontsize=10)
    axes = new.subplots()
    axes.axis("off")
    limit = np.abs(pictures).max() if len(pictures) else 1.0
    scale: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if signed else {"cmap": "Greys"}
    # All in one image: that draws twenty times as fast as one image per picture. NaN between them stays white.
    height, breadth = pictures.shape[1:] if len(pictures) else (1, 1)
    above, beside = (0.45 if captions else 0.12) * height, 0.12 * breadth
    step = round(height + above), round(breadth + beside)
    canvas = np.full((rows * step[0], columns * step[1]), np.nan)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        top, left = row * step[0] + step[0] - height, column * step[1]
        canvas[top : top + height, left : left + breadth] = picture
        if captions:
            axes.text(left + breadth / 2, top - 1, captions[number], ha="center", va="bottom", fontsize=8)
    axes.imshow(canvas, **scale)
    save(new, path)
