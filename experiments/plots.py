"""Plots: figures without a screen, in colours that colour-blind eyes and black-and-white print keep apart."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jnndl import files

# Okabe and Ito's palette, each with a dash of its own.
STYLES = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"), ("#000000", (0, (5, 1, 1, 1))))
REPORTED = "#666666"


def save(figure: Figure, path: pathlib.Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    files.write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120))


def figure(width: float = 6.4, height: float = 4.0) -> tuple[Figure, Axes]:
    """One empty plot; sizes in inches."""
    new = Figure(figsize=(width, height), layout="constrained")
    axes = new.subplots()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return new, axes


def curves(
    path: pathlib.Path,
    lines: Mapping[str, Any],
    *,
    title: str,
    ylabel: str,
    xlabel: str = "epoch",
    reported: Mapping[str, float] | None = None,
    ylim: Sequence[float] | None = None,
) -> None:
    """Draw a line an arm: the mean over seeds, in a band of one standard deviation.

    Args:
        path: the PNG to write.
        lines: label -> values of shape (seeds, epochs).
        title, xlabel, ylabel: the words around it.
        reported: label -> a figure of the book, drawn as a horizontal line.
        ylim: the range of the vertical axis.
    """
    new, axes = figure()
    for (label, values), (colour, dash) in zip(lines.items(), STYLES * len(lines), strict=False):
        values = np.asarray(values, float)
        epochs, mean = np.arange(values.shape[1]), np.nanmean(values, axis=0)
        axes.plot(epochs, mean, color=colour, linestyle=dash, label=label)
        if len(values) > 1:
            std = np.nanstd(values, axis=0, ddof=1)
            axes.fill_between(epochs, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)
    for label, value in (reported or {}).items():
        axes.axhline(value, color=REPORTED, linestyle=(0, (1, 2)), label=label)
    axes.set_title(title, fontsize=10)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if ylim is not None:
        axes.set_ylim(*ylim)
    axes.legend(frameon=False)
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
    new = Figure(figsize=(columns * 0.9, rows * (1.1 if captions else 0.9) + 0.5), layout="constrained")
    new.suptitle(title, fontsize=10)
    limit = np.abs(pictures).max() if len(pictures) else 1.0
    scale: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if signed else {"cmap": "Greys"}
    for axes in new.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for number, (axes, picture) in enumerate(zip(new.axes, pictures, strict=False)):
        axes.imshow(picture, **scale)
        if captions:
            axes.set_title(captions[number], fontsize=8)
    save(new, path)
