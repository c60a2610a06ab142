"""Functions and layers of a user's own: that they can be called, and that they return what they should.

What they return is looked at while a program is traced, by structure, shape and kind, so it costs nothing afterwards.
Without that, JAX complains of its own loops, or makes do: a gradient of whole numbers becomes one of zeros.
"""

import inspect
from numbers import Number
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jnndl.arguments import short_repr

Anything = TypeVar("Anything")
Like = jax.ShapeDtypeStruct
# How many arguments each gets, and what to give.
FUNCTIONS = {
    "gradient": (1, "gradients.autodiff or gradients.backprop"),
    "optimizer": (1, "a function of the learning rate: optax.adam, not optax.adam(0.1)"),
    "schedule": (1, "an optax schedule, a function of the number of updates, or None"),
    "probe": (3, "a function of the objective, the parameters and the training data, or None"),
    "callback": (2, "a function of the epoch and its scores, or None"),
}


def check_functions(momentum: Any, **functions: Any) -> None:
    """Raise where an argument that has to be a function is none, takes other arguments, or knows no momentum.

    Args:
        momentum: what the optimiser is to be given, or None.
        functions: those of ``FUNCTIONS``, by name.
    """
    for name, function in functions.items():
        if function is not None or name in ("gradient", "optimizer"):
            check_takes(name, function, *FUNCTIONS[name])
    optimizer = functions["optimizer"]
    takes = inspect.signature(optimizer).parameters.values()
    if momentum is not None and not any(p.name == "momentum" or p.kind is p.VAR_KEYWORD for p in takes):
        name = getattr(optimizer, "__name__", repr(optimizer))
        raise ValueError(
            f"momentum is {short_repr(momentum)}, but {name} takes none; leave momentum out, or use optax.sgd"
        )


def check_takes(name: str, function: Any, count: int, remedy: str) -> Any:
    """The function; raises TypeError where it is none, or cannot be called with so many arguments."""
    if not callable(function):
        raise TypeError(f"{name} is {short_repr(function)}; give {remedy}")
    try:
        inspect.signature(function).bind(*range(count))
    except ValueError:  # one that is written in C and does not tell
        return function
    except TypeError as error:
        arguments = "one argument" if count == 1 else f"{count} arguments"
        raise TypeError(f"{name} cannot be called with {arguments} ({error}); give {remedy}") from error
    return function


def returned(name: str, found: Anything, wanted: PyTree, in_words: str) -> Anything:
    """What a function returned.

    Args:
        name: which function, for a sentence.
        found: what it returned, while it is traced.
        wanted: a pytree with the structure, the shapes and the kinds of number of what it should return.
        in_words: the same in words.

    Raises:
        TypeError: if it returned anything else.
    """
    if jax.tree.structure(found) != jax.tree.structure(wanted):  # type: ignore[operator]
        raise TypeError(f"{name} returned {_in_words(found)}; make it return {in_words}")
    for (path, leaf), other in zip(jax.tree.leaves_with_path(found), jax.tree.leaves(wanted), strict=True):
        if np.shape(leaf) != np.shape(other) or not _is_alike(_dtype(leaf), _dtype(other)):
            where = f" at {jax.tree_util.keystr(path)}" if path else ""
            raise TypeError(
                f"{name} returned {_in_words(leaf)}{where}; make it return {in_words}, there {_in_words(other)}"
            )
    return found


def check_numbers(name: str, found: PyTree, what: str = "real numbers") -> None:
    """Raise TypeError where there is anything but real numbers in what a function returned."""
    for leaf in jax.tree.leaves(found):
        if not any(jnp.issubdtype(_dtype(leaf), kind) for kind in (np.floating, np.integer, bool)):
            raise TypeError(f"{name} returned {_in_words(leaf)}; make it return {what}")


def one_number(name: str, found: Any) -> Any:
    """What a function returned, where it is a real number; raises TypeError where it is not."""
    check_numbers(name, [found], "a number")
    if found is None or np.ndim(found):
        raise TypeError(f"{name} returned {_in_words(found)}; make it return a number")
    return found


def check_init(name: str, params: Any) -> Any:
    """What a layer's ``init`` returned; raises TypeError where that is no pytree of arrays of floats."""
    leaves = jax.tree.leaves(params)
    floats = all(hasattr(leaf, "shape") and jnp.issubdtype(_dtype(leaf), np.floating) for leaf in leaves)
    if params is None or not floats:
        raise TypeError(
            f"{name} returned {_in_words(params)}; make it return a NamedTuple of arrays of floats, or () where there "
            "is nothing to learn"
        )
    return params


def check_forward(name: str, found: Any) -> tuple[Any, PyTree]:
    """What a layer's ``forward`` returned; raises TypeError where that is not its output, and arrays or numbers."""
    pair = isinstance(found, tuple) and len(found) == 2 and hasattr(found[0], "shape")
    if not pair or not all(hasattr(leaf, "dtype") or isinstance(leaf, Number) for leaf in jax.tree.leaves(found)):
        raise TypeError(
            f"{name} returned {_in_words(found)}; make it return the output, an array, and what backward wants to see "
            "again, in arrays"
        )
    if not jnp.issubdtype(_dtype(found[0]), np.floating):
        raise TypeError(f"{name} returned {_in_words(found[0])}; make it return an array of floats")
    return found


def optimizer_of(made: Any) -> Any:
    """What an optimiser's function made, which has to be an optax optimiser."""
    if not all(callable(getattr(made, name, None)) for name in ("init", "update")):
        raise TypeError(f"optimizer returned {_in_words(made)}; make it return what optax.adam(learning_rate) does")
    return made


def says_stop(answer: Any) -> bool:
    """Whether a callback's answer ends the training; raises TypeError where it says neither yes nor no."""
    if answer is None:
        return False
    if np.ndim(answer) == 0 and np.asarray(answer).dtype == bool:
        return bool(answer)
    raise TypeError(f"callback returned {short_repr(answer)}; make it return True to end the training, else None")


def _dtype(leaf: Any) -> Any:
    return leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype


def _is_alike(found: Any, wanted: Any) -> bool:
    """Whether a dtype does for another: floats for floats of any precision, else the same."""
    return found == wanted or all(jnp.issubdtype(dtype, np.floating) for dtype in (found, wanted))


def _in_words(value: Any) -> str:
    """What a function returned, or should have: a kind and a shape, or the value itself where it is short."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return short_repr(value)
