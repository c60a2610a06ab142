"""Data of one's own, divided into training, validation and test data: lists, arrays and data frames.

``tables`` has CSV files, ``folders`` images. Nothing is imported for data frames: they are known by what they offer,
``to_numpy`` and ``columns``.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jnndl.arguments import REQUIRED, as_ndarray, check_keys, in_bits, is_whole, short_repr
from jnndl.data import Dataset, Splits

MISSING = {"", "-", "?", "n/a", "na", "nan", "none", "null"}  # how files say that a number is not there
DIGITS = 1e5  # float32 has seven: a column far from 0 that varies by less than its 100,000th part has lost most of them
MANY = 50  # so many classes, and most of them with one example, are numbers to predict

Place = Callable[[int], str]


def from_arrays(
    inputs: Any,
    targets: Any,
    *,
    key: Any = REQUIRED,
    validation: Any = 0.2,
    test: Any = 0.2,
    standardize: bool = True,
    name: str = "arrays",
) -> Splits:
    """Divide examples and their targets into training, validation and test data.

    Args:
        inputs: n rows of numbers, of shape (n, columns) or (n, height, width): lists, a NumPy array, a data frame.
            Bytes stay bytes, all other numbers become floats.
        targets: n whole numbers, texts or truth values, which name classes; or floats, numbers to predict, of shape
            (n,) or (n, n_out). ``targets.astype(float)`` makes whole numbers such.
        key: decides which example goes where: a ``jax.random.key``, or its seed, a whole number.
        validation, test: how many examples, as a fraction of n or as a whole number; 0 for none.
        standardize: whether to shift and scale each column so that the training data have mean 0 and standard
            deviation 1 in it; a column that is constant there is only shifted. Validation and test data take no part.
            The numbers themselves stay as they are: the network scales them, and keeps the scale when it is saved.
        name: what to call the data.

    Returns:
        The parts. Classes are sorted and numbered from 0; their names are in ``names``, in each part's ``classes`` and
        in every network trained on them, so that ``predict`` answers with them.

    Raises:
        TypeError, ValueError: if an input is missing or no number, naming its row and column; if there are not as many
            targets as inputs, only one class, or nothing left to train on.

    >>> splits = from_arrays([[1.0, 20], [2.0, 10], [3.0, 30], [4.0, 0]], ["no", "no", "yes", "yes"], key=0, test=1)
    >>> len(splits.training), splits.names
    (2, ('no', 'yes'))
    """
    columns = [str(column) for column in getattr(inputs, "columns", ())]
    table = as_ndarray("inputs", inputs)
    if table.ndim < 2 or not table.size:
        hint = "; of one column, make it inputs.reshape(-1, 1)" if table.ndim == 1 and table.size else ""
        raise ValueError(f"inputs have shape {table.shape}; give n rows of numbers{hint}")
    found = as_numbers(table, columns, lambda row: f"inputs: row {row}")
    wanted = as_ndarray("targets", targets)
    if wanted.shape[:1] != found.shape[:1]:
        raise ValueError(f"there are {len(found)} inputs, but targets of shape {wanted.shape}; give one per input")
    labels, names = as_targets(wanted, "targets")
    return divide(found, labels, names, key, validation, test, name, standardize=standardize, columns=columns)


def divide(
    inputs: np.ndarray,
    targets: np.ndarray,
    names: tuple[str, ...] | None,
    key: Any,
    validation: Any,
    test: Any,
    name: str,
    *,
    scale: float = 1.0,
    standardize: bool = False,
    columns: Sequence[str] = (),
) -> Splits:
    """Divide n examples at random into training, validation and test data.

    Args:
        inputs: n examples, bytes or floats.
        targets: n labels, or float vectors.
        names: the names of the classes, or None for numbers to predict.
        key, validation, test, standardize: as for ``from_arrays``.
        name: what to call the data.
        scale: of the inputs, where they are not standardised.
        columns: their names, for errors.
    """
    n = len(inputs)
    counts = [_count(part, value, n) for part, value in (("validation", validation), ("test", test))]
    if sum(counts) >= n:
        raise ValueError(
            f"validation and test take {counts[0]} and {counts[1]} of {n} examples, so none is left to train on; give "
            "smaller parts, or more data"
        )
    order = _generator(key).permutation(n)
    parts = np.split(order, np.cumsum([n - sum(counts), counts[0]]))
    offset: Any = 0.0
    if standardize:
        factors, offset = _standardization(inputs[parts[0]], columns)
        scale = factors  # type: ignore[assignment]
    if inputs.dtype != np.uint8:
        inputs = in_bits(inputs, float)
    sha256 = hashlib.sha256(inputs.tobytes() + targets.tobytes()).hexdigest()
    training, held_out, tested = (Dataset(inputs[rows], targets[rows], scale, offset, names) for rows in parts)
    return Splits(training, held_out, tested, name, {name: sha256}, len(names or ()), names)


def _is_missing(cell: Any) -> bool:
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)


def as_numbers(
    table: np.ndarray, columns: Sequence[str], place: Place, remedy: str = "leave the column out"
) -> np.ndarray:
    """A table as bytes or as floats.

    Args:
        table: n rows of numbers, or of texts that write numbers.
        columns: their names, or nothing.
        place: the number of a row -> where that is, in words.
        remedy: what to do with a column of texts.

    Raises:
        TypeError, ValueError: where a cell is no finite number, with its place and its column.
    """
    if table.dtype == np.uint8:
        return table
    if table.dtype.kind in "cmMV" and not jax.dtypes.issubdtype(table.dtype, np.floating):  # bfloat16 is of kind V
        raise TypeError(f"{place(0)}: columns are {table.dtype}; give real numbers")
    try:
        numbers = table.astype(float)
        bad = np.argwhere(~np.isfinite(in_bits(numbers)))
    except (TypeError, ValueError):
        bad = np.argwhere([not is_number(cell) for cell in table.ravel()]).reshape(-1, 1)
        bad = np.stack(np.unravel_index(bad[:, 0], table.shape), axis=-1)
    if not len(bad):
        return numbers
    row, *rest = bad[0].tolist()
    cell = table[tuple(bad[0])]
    cell = cell.item() if isinstance(cell, np.generic) else cell
    column = repr(columns[rest[0]]) if columns else ", ".join(map(str, rest))
    if _is_missing(cell):
        raise ValueError(
            f"{place(row)}: column {column} is missing ({short_repr(cell)}); fill it in, or leave the row out"
        )
    if isinstance(cell, str):
        raise ValueError(
            f"{place(row)}: column {column} holds a text, {short_repr(cell)}; {remedy}, or make a column of "
            "0 and 1 for each of its values"
        )
    raise ValueError(f"{place(row)}: column {column} is {short_repr(cell)}; give a finite number")


def is_number(cell: Any) -> bool:
    """Whether a cell is a finite number, or a text that writes one."""
    try:
        return bool(np.isfinite(float(cell)))
    except (TypeError, ValueError):
        return False


def as_targets(values: np.ndarray, what: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Labels from 0 with the names of their classes, or floats of shape (n, n_out) and None."""
    cells = values.ravel().tolist()
    kinds = set(map(type, cells))
    for number, cell in enumerate(cells):
        if _is_missing(cell) and (not isinstance(cell, str) or cell in ("", "nan")):  # "none" may be a class
            raise ValueError(f"{what}: number {number} is missing ({cell!r}); fill it in, or leave the row out")
    if kinds <= {int, float} and float in kinds:
        numbers = in_bits(values, float)
        if not np.isfinite(numbers).all():
            raise ValueError(f"{what}: they hold {numbers[~np.isfinite(numbers)][0]}; give finite numbers")
        return numbers.reshape(len(numbers), -1), None
    if values.ndim != 1 and values.size != len(values):
        raise ValueError(f"{what}: classes have shape {values.shape}; give one per example, of shape ({len(values)},)")
    values = values.ravel()
    found, labels = np.unique(values.astype(int if kinds <= {int} else str), return_inverse=True)
    if len(found) < 2:
        raise ValueError(f"{what}: there is only one class, {str(found[0])!r}; give examples of at least two")
    if len(found) > max(MANY, len(values) / 2):
        raise ValueError(
            f"{what}: {len(found)} different values in {len(values)} examples are no classes; if they are numbers to "
            "predict, give floats: targets.astype(float), or regression=True for a file"
        )
    return labels.astype(np.int32), tuple(map(str, found.tolist()))


def _count(part: str, value: Any, n: int) -> int:
    """How many of n examples a part gets."""
    if is_whole(value) and 0 <= value <= n:
        return int(value)
    if isinstance(value, float | np.floating) and 0 <= value < 1:
        return max(1, round(value * n)) if value else 0
    raise ValueError(
        f"{part} is {short_repr(value)}; give a fraction from 0 to below 1, or a number of examples up to {n}"
    )


def _generator(key: Any) -> np.random.RandomState:
    """A frozen stream of random numbers for a key or its seed: always the same split, and nothing to compile."""
    if is_whole(key) and 0 <= key < 2**32:
        words = [0, int(key)]  # what jax.random.key(key) holds
    else:
        check_keys("key", key, 0)
        words = jax.random.key_data(key).ravel().tolist()
    return np.random.RandomState(words)


def _standardization(training: np.ndarray, columns: Sequence[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The scale and the offset of each column."""
    table = training.reshape(len(training), -1)
    mean, std = table.mean(axis=0, dtype=float), table.std(axis=0, dtype=float)
    constant = table.min(axis=0) == table.max(axis=0)
    std = np.where(constant, 1.0, std)
    coarse = ~constant & (np.abs(mean) > DIGITS * std)
    if coarse.any() and jax.dtypes.canonicalize_dtype(float) == np.float32:
        number = int(coarse.argmax())
        column = repr(columns[number]) if columns else number
        raise ValueError(
            f"inputs: column {column} lies around {mean[number]:g} and varies by {std[number]:g} only, which is lost "
            f"in 32 bits; subtract {mean[number]:g} from it"
        )
    return tuple((1 / std).tolist()), tuple((-mean / std).tolist())
