"""Pictures of a run and of a network: learning curves, confusion, mistakes, weights, activations.

>>> fit = jnndl.fit(network, digits.training, digits.validation, key=0, epochs=9, learning_rate=1)  # doctest: +SKIP
>>> jnndl.plots.history(fit).savefig("history.png")  # doctest: +SKIP

Each function returns a Matplotlib figure. A notebook shows it if it is the last value of a cell; ``savefig`` writes it
to a file. Nothing needs pyplot. Without Matplotlib they raise an ImportError: ``pip install "jnndl[experiments]"``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jnndl import costs, figures, grids, validation
from jnndl.arguments import check_whole, short_repr
from jnndl.data import Dataset
from jnndl.inside import activations, shape_of_images, weights
from jnndl.measures import History, predict
from jnndl.network import Network, Params
from jnndl.swept import Sweep
from jnndl.training import Fit

__all__ = ["activations", "confusion", "heat", "history", "mistakes", "weights"]

MOST_COUNTS = 30  # with more classes than that there is no room for the counts


def history(fit: Any, *, title: str = "", unit: str = "networks") -> Any:
    """Draw cost and accuracy after each epoch, on the evaluation data and on the training data.

    Of many networks it is the mean over those that still train, in a band of one standard deviation; a line above the
    axes says so, and over how many. Epochs in which nothing was measured are left out.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    >>> fit = jnndl.fit(network, digits.training, digits.validation, key=0, epochs=2, learning_rate=0.5)
    >>> [axes.get_ylabel() for axes in jnndl.plots.history(fit).axes]
    ['cost', 'accuracy (%)']

    Args:
        fit: what ``fit`` or ``fit_many`` returned, or its history.
        title: above it all.
        unit: what to call many networks: "seeds", where they differ in nothing else.

    Raises:
        TypeError: if fit is something else.
        ValueError: if nothing was measured.
    """
    found = fit.history if isinstance(fit, Fit) else fit
    if not isinstance(found, History):
        raise TypeError(f"fit is {short_repr(fit)}; give what fit or fit_many returned, or its history")
    measured: dict[str, dict[str, np.ndarray]] = {"cost": {}, "accuracy": {}}
    for what, lines in measured.items():
        for part in ("evaluation", "training"):
            values = getattr(found, f"{part}_{what}")
            values = np.atleast_2d(np.asarray(np.nan if values is None else values, float))
            values = np.where(np.isfinite(values), 100 * values if what == "accuracy" else values, np.nan)
            if not np.isnan(values).all():
                lines[part] = values
    rows = [what for what, lines in measured.items() if lines]
    if not rows:
        raise ValueError("fit: nothing was measured; give fit evaluation data, or measure_training=1")
    new = figures.empty(6.4, 1.0 + 2.4 * len(rows))
    every = new.subplots(len(rows), sharex=True, squeeze=False)[:, 0]
    looks = dict(zip(("evaluation", "training"), figures.STYLES, strict=False))
    for axes, what in zip(every, rows, strict=True):
        figures.plain(axes)
        for part, values in measured[what].items():
            epochs = np.flatnonzero(~np.isnan(values).all(axis=0))
            figures.draw_line(axes, epochs, values[:, epochs], part, looks[part])
        axes.set_ylabel("accuracy (%)" if what == "accuracy" else "cost")
    if np.any(np.asarray(found.penalty) > 0):
        every[0].set_ylabel("cost without penalty")
    every[-1].set_xlabel("epoch")
    figures.whole_numbers(every[-1].xaxis)
    shown = [values for lines in measured.values() for values in lines.values()]
    figures.heading(every[0], title, figures.what_is_shaded(shown, unit))
    figures.legend(every[0])
    return new


def confusion(counts: Any, classes: Sequence[Any] | None = None, *, title: str = "") -> Any:
    """Draw which class was taken for which: a row for each correct answer, a column for each answer of the network.

    The darker a cell, the more mistakes (its shade goes with the logarithm of their number); the diagonal, the right
    answers, stays white.

    >>> jnndl.plots.confusion([[9, 1], [0, 8]], ["cat", "dog"]).axes[0].get_xlabel()
    "the network's answer"

    Args:
        counts: what ``evaluate`` returned, or its confusion, whole numbers of shape (n, n).
        classes: the names of the classes, one per row; numbers without it.
        title: above it; without one, how many are right.

    Raises:
        ValueError: if counts is something else, or there are too few or too many names.
    """
    table = getattr(counts, "confusion", counts)
    if table is None:
        raise ValueError("counts has no confusion, because the data had no labels; evaluate on data with labels")
    try:
        table = np.asarray(table)
    except ValueError:  # rows of different lengths
        table = np.asarray(None)
    square = table.ndim == 2 and table.shape[0] == table.shape[1] > 0
    if not square or table.dtype.kind not in "iu" or table.min() < 0:
        raise ValueError(
            f"counts is {short_repr(counts)}; give what evaluate returned, or a square array of whole numbers from 0"
        )
    size = len(table)
    labels = [str(name) for name in (range(size) if classes is None else classes)]
    if len(labels) != size:
        raise ValueError(f"classes has {len(labels)} names, but counts has {size} rows; give one name per class")
    inches = max(4.0, 1.4 + 0.42 * size) if size <= MOST_COUNTS else 7.0
    new, axes = figures.blank(inches, inches + 0.3)
    axes.grid(visible=False)
    wrong = np.where(np.eye(size, dtype=bool), 0, table)
    axes.imshow(np.log1p(wrong) / np.log1p(max(10, wrong.max())), cmap="Oranges", vmin=0, vmax=1.2)
    if size <= MOST_COUNTS:
        for (row, column), count in np.ndenumerate(table):
            if count:
                axes.text(column, row, str(count), ha="center", va="center", fontsize=8)
        long = max(map(len, labels)) > 3
        slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(size), labels, **(slanted if long else {}))
        axes.set_yticks(range(size), labels)
    axes.set(xlabel="the network's answer", ylabel="correct answer")
    right = f"{np.trace(table):,} of {table.sum():,} right"
    figures.heading(axes, title or right, "the darker, the more mistakes" + (f"; {right}" if title else ""))
    return new


def heat(found: Sweep, rows: str | None = None, columns: str | None = None, *, title: str = "") -> Any:
    """Draw what a sweep found: the mean and the standard deviation of each cell, with a frame around the best.

    Of more than two settings that were swept, the others are those of the best cell; the title names them. A cell that
    halving stopped shows its best epoch until then.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 10])
    >>> given = {"learning_rate": [0.1, 1.0], "l2": [0.0, 1.0], "epochs": 1, "seeds": 2}
    >>> found = jnndl.sweep(network, digits.training, digits.validation, **given)
    >>> jnndl.plots.heat(found).axes[0].get_xlabel()
    'l2'

    Args:
        found: what ``sweep`` returned.
        rows, columns: the names of two settings that were swept; the first two that have several values without it.
        title: above it; without one, what is drawn.

    Raises:
        TypeError: if found is something else.
        ValueError: if there is no such setting, or the cells form no grid, because both were drawn from ranges.
    """
    if not isinstance(found, Sweep):
        raise TypeError(f"found is {short_repr(found)}; give what sweep returned")
    values = {name: list(dict.fromkeys(cell[name] for cell in found.cells)) for name in found.cells[0]}
    order = sorted(values, key=lambda name: (len(values[name]) == 1, name in ("network", *grids.STRUCTURE)))
    rows = order[0] if rows is None else rows
    columns = next((name for name in order if name != rows), None) if columns is None else columns
    for argument, name in (("rows", rows), ("columns", columns)):
        if name is not None and (name not in values or columns == rows):
            raise ValueError(f"{argument} is {name!r}; give two of {', '.join(values)}")
    best, kind = found.best(), "cost" if "cost" in found.rows()[0] else "accuracy"
    shown = [name for name in (rows, columns) if name is not None]
    # What was drawn together with a setting that is shown goes with it.
    tied = {n for n in values for m in shown if len({(cell[m], cell[n]) for cell in found.cells}) == len(values[m])}
    others = {name: best[name] for name in values if name not in tied}
    by_place = {
        tuple(row[name] for name in shown): row
        for row in reversed(found.rows())
        if all(row[name] == value for name, value in others.items())
    }
    grid = [[(a, b) if columns else (a,) for b in (values[columns] if columns else [""])] for a in values[rows]]
    if not all(place in by_place for line in grid for place in line):
        raise ValueError(
            f"{rows} and {columns} were drawn together and form no grid; give another setting as rows or columns, or "
            "look at found.table()"
        )
    factor = 100 if kind == "accuracy" else -1
    mean, spread = (np.asarray([[by_place[place][what] for place in line] for line in grid]) for what in (kind, "std"))
    words = f"{kind}{' (%)' if factor > 0 else ' (with a minus)'} on the evaluation data, best epoch, mean"
    words += f" and standard deviation of {len(found.seeds)} seeds" if len(found.seeds) > 1 else ""
    return figures.heat(
        factor * mean,
        abs(factor) * spread,
        rows=[_short(value) for value in values[rows]],
        columns=[_short(value) for value in values[columns]] if columns else [""],
        title=title or words + (f"; {grids.in_words(others)}" if others else ""),
        xlabel=columns or "",
        ylabel=rows,
    )


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def mistakes(
    network: Network, params: Params, data: Dataset, *, count: int = 24, columns: int = 6, title: str = ""
) -> Any:
    """Draw the images that a network gets wrong, those first where it is most sure of a wrong answer.

    Above each stands "true 6, network says 5", with the names of the classes where they are known. How sure it is: how
    far the output of its answer is above that of the right one.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    >>> figure = jnndl.plots.mistakes(network, network.init(0), digits.test, count=5)
    >>> len(figure.axes[0].texts)
    5

    Args:
        network, params: the network.
        data: images with labels; what is no image is drawn as a strip.
        count: how many to draw at most.
        columns: how many side by side.
        title: above them; without one, how many are wrong.

    Raises:
        TypeError, ValueError: if data, parameters and network do not fit together, or the data have no labels.
    """
    check_whole("count", count, "how many mistakes to draw, at least 1")
    check_whole("columns", columns, "how many images stand side by side, at least 1")
    validation.check_network(network)
    validation.check_params(network, params)
    validation.check_data(network, costs.quadratic, data, "drawn")
    if not data.has_labels:
        raise ValueError(
            f"drawn data: targets are {data.targets.dtype}, not labels; give a Dataset with integer labels"
        )
    outputs, labels = predict(network, params, data).outputs, np.asarray(data.targets).astype(int)
    answers = outputs.argmax(axis=-1)
    wrong = np.flatnonzero(answers != labels)
    too_sure = outputs[wrong, answers[wrong]] - outputs[wrong, labels[wrong]]
    worst = wrong[np.argsort(-too_sure, kind="stable")][:count]
    names = network.classes or data.classes or range(outputs.shape[-1])
    shape = shape_of_images(network, data.inputs.shape[1:])
    told = f"{len(wrong):,} of {len(data):,} wrong"
    if len(worst) < len(wrong):
        told += f": the {len(worst)} of which the network is most sure"
    return figures.images(
        np.asarray(data.inputs)[worst].reshape(len(worst), *(shape or (-1,))) if len(worst) else np.zeros((0, 1, 1)),
        captions=[f"true {names[labels[i]]}, network says {names[answers[i]]}" for i in worst],
        title=title or told,
        columns=columns,
        side=1.45,
    )
