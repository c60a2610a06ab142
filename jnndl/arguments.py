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


def size(name: str, value: Any) -> int:
    """A size of a layer as a Python integer, so that equal layers are equal and hash alike.

    Raises:
        ValueError: if it is not a whole number of at least 1.
    """
    if not is_whole(value) or value < 1:
        raise ValueError(f"{name} is {value!r}; give a whole number of at least 1")
    return int(value)
