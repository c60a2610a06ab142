"""What every check of an argument needs: whole numbers, names, and how a value is shown in a sentence."""

import difflib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class _Required:
    """The default of an argument that has none, so that a call without it is answered in a sentence."""

    def __repr__(self) -> str:
        return "<required>"


REQUIRED: Any = _Required()


def refuse_missing(name: str, value: Any, remedy: str) -> None:
    """Raise TypeError where an argument that is needed was not given."""
    if value is REQUIRED:
        raise TypeError(f"{name} is missing; give {remedy}")


def short_repr(value: Any) -> str:
    """A value as it stands in a sentence: itself where it is short, else its kind."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def choose(name: str, value: Any, table: Mapping[str, Any]) -> Any:
    """What a text names in a table, such as ``"relu"`` in that of neurons; anything but a text as it is.

    Raises:
        ValueError: if the table has no such name.
    """
    if not isinstance(value, str):
        return value
    if value not in table:
        near = difflib.get_close_matches(value.lower().replace("-", "_"), table, 1)
        raise ValueError(f"{name} is {value!r}; {f'did you mean {near[0]!r}?' if near else f'give {names(table)}'}")
    return table[value]


def names(table: Mapping[str, Any]) -> str:
    """The names in a table, as a sentence lists them."""
    return ", ".join(map(repr, table))


def is_whole(value: Any) -> bool:
    """Whether a value is an integer (NumPy's too), and not True or False."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_whole(name: str, value: Any, remedy: str, high: float | int = np.inf) -> None:
    """Raise TypeError or ValueError unless a value is a whole number from 1 to ``high``."""
    refuse_missing(name, value, remedy)
    if not is_whole(value):
        raise TypeError(f"{name} is {value!r}; give {remedy}")
    if not 1 <= value <= high:
        raise ValueError(f"{name} is {value}; give {remedy}")


def check_keys(name: str, value: Any, ndim: int) -> Any:
    """One typed random key (``ndim`` 0), also made from a seed, or a vector of them (1); raise where it is not one."""
    if ndim == 0:
        value = jax.random.key(value) if is_whole(value) and value >= 0 else value
    remedy = ("a seed, such as 0, or jax.random.key(0)", "jax.random.split(jax.random.key(0), 10), for instance")[ndim]
    refuse_missing(name, value, remedy)
    if not (isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)):
        raise TypeError(f"{name} is {short_repr(value)}, not a random key; give {remedy}")
    if value.ndim != ndim or not value.size:
        raise ValueError(f"{name} has shape {value.shape}; give {remedy}")
    return value


def as_ndarray(name: str, value: Any) -> np.ndarray:
    """Anything array-like (a list, a table, a tensor, a sparse matrix) as a NumPy array in this machine's byte order.

    Raises:
        TypeError, ValueError: if it cannot be one, or if a mask hides some of it.
    """
    for convert in ("to_numpy", "toarray"):
        value = getattr(value, convert)() if hasattr(value, convert) else value
    if np.ma.is_masked(value):
        raise ValueError(f"{name}: {np.ma.count_masked(value)} values are masked; fill them in, by filled(...)")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: the rows are not all of one length; give as many numbers in each") from error
    except (TypeError, RuntimeError) as error:  # a tensor on another device, or one that is being differentiated
        raise TypeError(f"{name}: a {type(value).__name__} that NumPy cannot read ({error}); give an array") from error
    if array.dtype.kind == "f" and array.itemsize > 8:
        return array.astype(float)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_plain(name: str, value: Any) -> Any:
    """The one door for data: an array as JAX takes it, of bytes, whole numbers or floats.

    JAX's own arrays pass as they are, and so does whatever is not like an array: what JAX puts into a pytree for its
    own use has to pass, and the checks of a call refuse the rest.

    Raises:
        TypeError, ValueError: if something like an array does not hold real numbers, or a mask hides some of them.
    """
    if isinstance(value, jax.Array) or not any(hasattr(value, name) for name in ("__array__", "to_numpy", "toarray")):
        return value
    array = as_ndarray(name, value)
    if array.dtype == object:  # numbers of Python
        array = as_ndarray(name, array.tolist())
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.dtype != jax.dtypes.float0 and not any(jnp.issubdtype(array.dtype, k) for k in (np.integer, np.floating)):
        raise TypeError(f"{name} are {array.dtype}; give real numbers")
    return array


def in_bits(numbers: Any, dtype: Any = None) -> np.ndarray:
    """Numbers as JAX keeps them, in 32 bits unless it was told to use 64: there a large float is infinite.

    Args:
        numbers: an array.
        dtype: to compute in; that of the numbers if not given.
    """
    array = np.asarray(numbers)
    with np.errstate(over="ignore"):
        return array.astype(jax.dtypes.canonicalize_dtype(array.dtype if dtype is None else dtype), copy=False)


def check_kept(name: str, numbers: Any) -> None:
    """Raise ValueError where numbers are not finite, or JAX cannot keep them: floats overflow, integers wrap."""
    array, kept = np.asarray(numbers), in_bits(numbers)
    lost = ~np.isfinite(kept) if jnp.issubdtype(kept.dtype, jnp.floating) else kept != array
    if np.any(lost):
        where = np.argwhere(lost)[0].tolist()
        value = array[tuple(where)]
        beyond = f" that {8 * kept.itemsize} bits hold, or use jax.enable_x64" if np.isfinite(value) else ""
        raise ValueError(f"{name}{where} is {value}; give finite numbers{beyond}")


def size(name: str, value: Any) -> int:
    """A size of a layer as a Python integer, so that equal layers are equal and hash alike.

    Raises:
        ValueError: if it is not a whole number of at least 1.
    """
    if not is_whole(value) or value < 1:
        raise ValueError(f"{name} is {value!r}; give a whole number of at least 1")
    return int(value)
