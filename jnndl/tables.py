"""Tables in CSV files as training, validation and test data."""

import csv
import difflib
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from jnndl.arguments import REQUIRED, is_whole, refuse_missing, short_repr
from jnndl.arrays import as_numbers, as_targets, divide, is_number
from jnndl.data import Splits


def load_csv(
    path: str | os.PathLike,
    *,
    target: str | int = REQUIRED,
    key: Any = REQUIRED,
    validation: Any = 0.2,
    test: Any = 0.2,
    standardize: bool = True,
    drop: Sequence[str] = (),
    regression: bool | None = None,
) -> Splits:
    """Load a CSV file: a header with the columns' names, and then an example in each line.

    Commas, semicolons and tabs between columns are all understood; the header decides which.

    Args:
        path: the file, in UTF-8.
        target: the column to predict, by name or by number (from 0; -1 is the last). Texts and whole numbers name
            classes, other numbers are to be predicted.
        key, validation, test, standardize: as for ``from_arrays``.
        drop: the names of columns to leave out, such as row numbers, or texts.
        regression: True if whole numbers in the target column are to be predicted as well, not classes; False if all
            its values name classes; None goes by what the column holds.

    Returns:
        The parts, as ``from_arrays`` makes them, called by the file's name.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such table; if a number is missing, naming the line and the column; if a column holds
            texts; and as ``from_arrays`` does.

    >>> iris = load_csv("iris.csv", target="species", key=0)  # doctest: +SKIP
    >>> network = jnndl.mlp([4, 10, 3])  # doctest: +SKIP
    """
    refuse_missing("target", target, "the column to predict, by its name or number")
    path = pathlib.Path(path)
    columns, rows, lines = _read(path)
    number = _column(path, columns, target, "target")
    left_out = {number, *(_column(path, columns, name, "drop") for name in ([drop] if isinstance(drop, str) else drop))}
    kept = [column for column in range(len(columns)) if column not in left_out]
    if not kept:
        raise ValueError(f"{path}: no column is left beside the target {columns[number]!r}; drop fewer")
    table, names = np.array(rows, dtype=object), [columns[column] for column in kept]
    numbers = as_numbers(
        table[:, kept], names, lambda row: f"{path}, line {lines[row]}", "leave the column out by drop="
    )
    where = f"{path}, column {columns[number]!r}"
    labels, classes = as_targets(_column_of_targets(table[:, number], lines, where, regression), where)
    try:
        return divide(
            numbers, labels, classes, key, validation, test, path.stem, standardize=standardize, columns=names
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read(path: pathlib.Path) -> tuple[list[str], list[list[str]], list[int]]:
    """The names of the columns, the rows, and the number of each row's line in the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give the path of a CSV file")
    rows, lines = list[list[str]](), list[int]()
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=header.count), skipinitialspace=True)
            columns = [name.strip() for name in next(reader, [])]
            _check_header(path, columns)
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(columns):
                    raise ValueError(
                        f"{path}, line {reader.line_num}: has {len(row)} values, but the header has {len(columns)} "
                        "columns; correct the line"
                    )
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: is no text in UTF-8 ({error}); save it as 'CSV UTF-8'") from error
    if not rows:
        raise ValueError(f"{path}: holds no rows below the header; give at least two")
    return columns, rows, lines


def _check_header(path: pathlib.Path, columns: list[str]) -> None:
    if len(columns) < 2:
        raise ValueError(
            f"{path}: line 1 has {len(columns)} columns; give at least two, with commas, semicolons or tabs in between"
        )
    numbers = [name for name in columns if is_number(name)]
    numbered = numbers == columns and columns != [str(number) for number in range(len(columns))]
    if numbered or not all(re.fullmatch(r"\d+", name) for name in numbers):
        raise ValueError(
            f"{path}: line 1 holds numbers ({numbers[0]}), not the names of the columns; add a line of names above it"
        )
    if "" in columns:
        raise ValueError(
            f"{path}: column {columns.index('')} has no name; give it one, or leave it out (row numbers? pandas writes "
            "none with index=False)"
        )
    double = next((name for name in columns if columns.count(name) > 1), None)
    if double is not None:
        raise ValueError(f"{path}: two columns are named {double!r}; rename one")


def _column(path: pathlib.Path, columns: list[str], wanted: Any, what: str) -> int:
    """The number of a column that was named, or numbered."""
    if is_whole(wanted) and -len(columns) <= wanted < len(columns):
        return int(wanted) % len(columns)
    if wanted in columns:
        return columns.index(wanted)
    near = difflib.get_close_matches(str(wanted), columns, 1)
    known = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(columns[:10])}"
    raise ValueError(f"{what} is {wanted!r}, but {path} has no such column; {known}")


def _column_of_targets(cells: np.ndarray, lines: list[int], where: str, regression: bool | None) -> np.ndarray:
    """The target column: whole numbers, floats or texts."""
    for cell, line in zip(cells, lines, strict=True):
        if cell == "":
            raise ValueError(f"{where}: line {line} is empty; fill it in, or leave the line out")
        if regression and not is_number(cell):
            raise ValueError(
                f"{where}: line {line} holds {short_repr(cell)}, no number to predict; correct it, or leave out "
                "regression=True"
            )
    if regression is not False and all(map(is_number, cells)):
        whole = not regression and all(re.fullmatch(r"[+-]?\d+", cell) for cell in cells)
        return cells.astype(int if whole else float)
    return cells.astype(str)
