"""What every check of an argument needs: what is a whole number, and how a value is shown in a sentence."""

from typing import Any

import numpy as np


def short_repr(value: Any) -> str:
    """A value as it stands in a sentence: itself where it is short, else its kind."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def is_whole(value: Any) -> bool:
    """Whether a value is an integer (NumPy's too), and not True or False."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_whole(name: str, value: Any, remedy: str, high: float | int = np.inf) -> None:
    """Raise TypeError or ValueError unless a value is a whole number from 1 to ``high``."""
    if not is_whole(value):
        raise TypeError(f"{name} is {value!r}; give {remedy}")
    if not 1 <= value <= high:
        raise ValueError(f"{name} is {value}; give {remedy}")


def size(name: str, value: Any) -> int:
    """A size of a layer as a Python integer, so that equal layers are equal and hash alike.

    Raises:
        ValueError: if it is not a whole number of at least 1.
    """
    if not is_whole(value) or value < 1:
        raise ValueError(f"{name} is {value!r}; give a whole number of at least 1")
    return int(value)
