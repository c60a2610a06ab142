"""The parts of a picture: axes, lines in their bands, small images side by side. ``plots`` puts them together.

In colours and dashes that can be told apart by colour-blind eyes and in print. Only Matplotlib's own objects are used,
not pyplot: nothing is global, no window opens, and it works without a screen.
"""

import functools
import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

# Okabe and Ito's palette, a different dash with each colour.
STYLES: tuple[tuple[str, Any], ...] = (
    ("#0072B2", "-"),
    ("#D55E00", "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#000000", (0, (5, 1, 1, 1))),
)
REPORTED = "#666666"


def empty(width: float | int, height: float | int) -> Any:
    """A Matplotlib figure of this size, in inches, that shows itself in a notebook.

    Raises:
        ImportError: without Matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ImportError('Matplotlib is needed to draw pictures; pip install "jnndl[experiments]"') from error
    new = Figure(figsize=(width, height), layout="constrained")
    vars(new)["_repr_png_"] = functools.partial(as_png, new)  # IPython knows figures only once pyplot was imported
    return new


def as_png(figure: Any) -> bytes:
    """A figure as the content of a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def blank(width: float | int = 6.4, height: float | int = 4.0) -> tuple[Any, Any]:
    """An empty figure and its axes; sizes in inches."""
    new = empty(width, height)
    return new, plain(new.subplots())


def plain(axes: Any) -> Any:
    """The axes, with a faint grid behind what is drawn, and without a frame."""
    axes.set_axisbelow(True)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def legend(axes: Any) -> None:
    """Draw the legend below the axes, where it hides nothing and its marks cannot be taken for data.

    The figure grows by the height that it takes.
    """
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    new = axes.get_figure()
    width, height = new.get_size_inches()
    columns = max(1, min(len(labels), int(width * 12 / (max(map(len, labels)) + 7))))  # about 12 letters to an inch
    new.set_size_inches(width, height + 0.19 * -(-len(labels) // columns))
    new.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)


def heading(axes: Any, title: str, note: str = "") -> None:
    """The title of a figure, and in small letters above the axes how to read it."""
    new = axes.get_figure()
    if title:
        new.suptitle(textwrap.fill(title, int(14 * new.get_size_inches()[0])), fontsize=10)
    axes.set_title(note, fontsize=8, color=REPORTED)


def curves(
    lines: Mapping[str, Any],
    *,
    title: str,
    ylabel: str,
    unit: str = "networks",
    xlabel: str = "epoch",
    x: Any = None,
    reported: Mapping[str, float] | None = None,
    points: Mapping[str, Any] | None = None,
    xlim: Sequence[float | int] | None = None,
    ylim: Sequence[float | int] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
) -> Any:
    """Draw lines, each the mean of many in a band of one standard deviation, as the figure itself says.

    Args:
        lines: label -> values of shape (networks, epochs), or (epochs,) of one. NaN, for a network that had stopped,
            is left out of the mean; where all values are NaN the line has a gap.
        title, xlabel, ylabel: the words around it.
        unit: what the first axis of the values counts: "networks", "seeds".
        x: the x coordinates, shape (epochs,); None for the epochs, from 0.
        reported: label -> a number to compare with, drawn as a horizontal line.
        points: label -> pairs (x, y) to compare with, drawn as marks; the first label's have the colour of the first
            line, and so on.
        xlim, ylim: the ranges of the axes.
        xscale, yscale: "linear" or "log".
    """
    new, axes = blank()
    drawn = {label: np.atleast_2d(np.asarray(values, float)) for label, values in lines.items()}
    for (label, values), look in zip(drawn.items(), STYLES * len(lines), strict=False):
        draw_line(axes, np.arange(values.shape[1]) if x is None else np.asarray(x), values, label, look)
    for label, value in (reported or {}).items():
        axes.axhline(value, color=REPORTED, linestyle=(0, (1, 2)), label=label)
    for number, (label, pairs) in enumerate((points or {}).items()):
        marks = {"marker": "Dsov^"[number % 5], "facecolor": "white", "edgecolor": STYLES[number % len(STYLES)][0]}
        where, heights = np.transpose(pairs)
        axes.scatter(where, heights, s=28, zorder=3, label=label, linewidth=1.4, **marks)
    heading(axes, title, what_is_shaded([*drawn.values()], unit))
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    if xlim is not None:
        axes.set_xlim(*xlim)
    if ylim is not None:
        axes.set_ylim(*ylim)
    if x is None:
        whole_numbers(axes.xaxis)  # there is no epoch 0.5
    legend(axes)
    return new


def whole_numbers(axis: Any) -> None:
    """Write whole numbers only along an axis."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def draw_line(axes: Any, x: np.ndarray, values: np.ndarray, label: str, look: tuple[str, Any]) -> None:
    """Draw the mean of values of shape (networks, n) at n places x, in a band of one standard deviation."""
    (colour, dash), (mean, std) = look, mean_and_std(values)
    axes.plot(x, mean, color=colour, linestyle=dash, label=label, marker="." if len(x) < 12 else None)
    if len(values) > 1:
        axes.fill_between(x, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)


def what_is_shaded(lines: Sequence[np.ndarray], unit: str) -> str:
    """What the lines and bands of ``draw_line`` are, in words; nothing where there is no band.

    Args:
        lines: the values of each line, shape (networks, n).
        unit: what to call the networks.
    """
    many = [values for values in lines if len(values) > 1]
    if not many:
        return ""
    fewest, most = min(map(len, many)), max(map(len, many))
    counts = [(~np.isnan(values)).sum(axis=0) for values in many]
    stopped = any(((n > 0) & (n < len(values))).any() for n, values in zip(counts, many, strict=True))
    return (
        f"line: mean; shaded: one standard deviation over {most if fewest == most else f'{fewest} to {most}'} {unit}"
        + (", fewer where some had stopped" if stopped else "")
    )


def mean_and_std(values: Float[np.ndarray, "m n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Mean and standard deviation of each column without its NaNs: NaN where there is no value, or only one."""
    count = (~np.isnan(values)).sum(axis=0)
    mean, std = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    mean[count > 0] = np.nanmean(values[:, count > 0], axis=0)
    std[count > 1] = np.nanstd(values[:, count > 1], axis=0, ddof=1)
    return mean, std


def heat(
    mean: Any,
    spread: Any,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    xlabel: str,
    ylabel: str,
) -> Any:
    """Draw a grid of numbers, darker for higher ones, with a frame around the highest.

    Args:
        mean, spread: shape (rows, columns), the numbers in each cell; NaN where there is none.
        rows, columns: the labels of the rows and columns.
        title, xlabel, ylabel: the words around it.
    """
    mean, spread = np.asarray(mean, float), np.asarray(spread, float)
    new, axes = blank(1.6 + 0.95 * max(3, len(columns)), 1.4 + 0.6 * len(rows))
    axes.grid(visible=False)
    shade = np.zeros(mean.shape)
    if np.isfinite(mean).any():
        low = np.nanmin(mean)
        shade = np.nan_to_num((mean - low) / max(np.nanmax(mean) - low, 1e-9))
    axes.imshow(shade**4, cmap="cividis_r", vmin=0, vmax=1, aspect="auto")  # spreads the colours over the best cells
    for (row, column), value in np.ndenumerate(mean):
        text = f"{value:.2f}" + ("" if np.isnan(spread[row, column]) else f"\n+- {spread[row, column]:.2f}")
        colour = "white" if shade[row, column] ** 4 > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    if np.isfinite(mean).any():
        from matplotlib.patches import Rectangle

        row, column = np.unravel_index(np.nanargmax(mean), mean.shape)
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=STYLES[1][0], linewidth=3))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(textwrap.fill(title, 60), fontsize=10)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    return new


def images(
    pictures: Any,
    *,
    title: str,
    captions: Sequence[str] = (),
    columns: int = 8,
    signed: bool = False,
    side: float | int = 0.9,
    values: str = "",
) -> Any:
    """Draw small pictures in a grid.

    Args:
        pictures: shape (n, height, width), or (n, columns) of a table.
        title: above them all.
        captions: one above each picture, or none.
        columns: how many pictures stand side by side.
        signed: blue for negative, red for positive values, with one scale for all; otherwise dark for large values.
        side: the width of a picture, in inches.
        values: what the numbers in the pictures are, written beside a scale of the colours; none without it.
    """
    pictures = np.asarray(pictures, float)
    if pictures.ndim == 2:  # rows of a table: a strip each, high enough for a caption above
        pictures = pictures[:, None].repeat(8, axis=1).repeat(-(-32 // max(1, pictures.shape[1])), axis=2)
    shown = len(pictures) > 0
    width = pictures.shape[2] if shown else 1
    columns = min(columns, max(1, len(pictures)))
    captions = [textwrap.fill(caption, max(8, int(15.5 * side)), break_on_hyphens=False) for caption in captions]
    room = 0.08 if not captions else 0.1 + 0.14 * (1 + max(caption.count("\n") for caption in captions))  # inches
    # All in one image: that draws twenty times as fast as one image per picture.
    gap = math.ceil(room * width / side), max(1, round(0.12 * width))
    canvas, corners = mosaic(pictures, columns, gap) if shown else (np.full((1, 1), np.nan), [])
    down, across = (side / width * pixels if shown else 0.0 for pixels in canvas.shape)
    new = empty(max(4.0, across + (0.9 if values else 0.1)), down + 0.5)
    new.suptitle(textwrap.fill(title, int(12 * new.get_size_inches()[0])), fontsize=10)
    axes = new.subplots()
    axes.axis("off")
    image = show(axes, canvas, signed)
    for caption, (top, left) in zip(captions, corners, strict=True) if captions else ():
        axes.text(left + (width - 1) / 2, top - 1, caption, ha="center", va="bottom", fontsize=8)
    if values:
        new.colorbar(image, ax=axes, label=values, shrink=0.7, aspect=30)
    return new


def mosaic(
    pictures: np.ndarray, columns: int, gap: tuple[int, int] = (1, 1)
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Pictures of shape (n, height, width) in one, NaN between them; and where the top left corner of each is.

    Args:
        pictures: at least one.
        columns: how many stand side by side.
        gap: pixels above each picture, and to the right of it.
    """
    (above, beside), (count, height, width) = gap, pictures.shape
    corners = [
        (number // columns * (height + above) + above, number % columns * (width + beside)) for number in range(count)
    ]
    canvas = np.full((-(-count // columns) * (height + above), columns * (width + beside) - beside), np.nan)
    for picture, (top, left) in zip(pictures, corners, strict=True):
        canvas[top : top + height, left : left + width] = picture
    return canvas, corners


def show(axes: Any, picture: np.ndarray, signed: bool, **look: Any) -> Any:
    """Draw an array: blue for negative, red for positive values where it is signed, otherwise dark for large values."""
    if not signed:
        return axes.imshow(picture, cmap="Greys", **look)
    limit = max(np.abs(picture[np.isfinite(picture)]).max(initial=0.0), 1e-30)
    return axes.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, **look)
