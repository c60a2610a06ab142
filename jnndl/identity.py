"""Settings described as data, so that they can be compared.

``describe`` tells one run from another: a checkpoint keeps it. ``canonical`` finds the function that was made before
in the same way, so that ``optax.exponential_decay(0.1, 100, 0.5)``, written twice, is one setting and one compiled
program.
"""

import dataclasses
import functools
import hashlib
import inspect
import json
import types
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

# Functions of these packages are known by name, and never change what they close over.
TRUSTED = ("jax", "jnndl", "numpy", "optax")
PLAIN = (bool, int, float, str, bytes, complex, type(None))

_known: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()
Function = TypeVar("Function", bound=Callable[..., Any])


def describe(value: Any) -> Any:
    """A setting as JSON; different settings have different descriptions.

    Arrays are described by a checksum, functions by their name and, unless they are part of a known package, by their
    code, their defaults and what they close over: two lambdas are two settings, and so are two optimisers or schedules
    that were made with other numbers.
    """
    return _describe(value, ())


def canonical(function: Function) -> Function:
    """The first function seen that equals this one, or this one.

    JAX compiles anew for each new function object. Two functions count as equal if their code, defaults
    and closures are equal and none of these is mutable.
    """
    try:
        text = _fixed(function, ())
    except _CanChangeError:
        return function
    return _known.setdefault(text, function)


def checksum(array: Any) -> str:
    """The dtype, the shape and the beginning of the sha256 of an array or a random key."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    array = np.asarray(array, order="C")
    return f"{array.dtype} {array.shape} sha256 {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"


def differences(saved: Any, wanted: Any, path: str = "") -> list[str]:
    """A clause for each entry in which two descriptions differ: "config.batch_size is 5, there 4"."""
    if isinstance(saved, dict) and isinstance(wanted, dict):
        names = [*wanted, *(name for name in saved if name not in wanted)]
        pairs = ((saved.get(name), wanted.get(name), f"{path}.{name}" if path else str(name)) for name in names)
        return [clause for pair in pairs for clause in differences(*pair)]
    return [] if saved == wanted else [f"{path} is {json.dumps(wanted)}, there {json.dumps(saved)}"]


def _is_trusted(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").partition(".")[0] in TRUSTED


def _code(code: types.CodeType) -> list[Any]:
    """What a function does, without where it was written."""
    constants = [_code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return [hashlib.sha256(code.co_code).hexdigest()[:16], constants, list(code.co_names)]


def _closure(function: types.FunctionType) -> dict[str, Any]:
    """What a function closes over, by name."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not yet defined
            found[name] = None
    return found


def _describe(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, PLAIN):
        return value if isinstance(value, int | float | str | None) else repr(value)
    if id(value) in above:
        return "itself"
    inner = functools.partial(_describe, above=(*above, id(value)))
    if isinstance(value, functools.partial):
        return [inner(value.func), inner(value.args), inner(value.keywords)]
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return checksum(value)
    if isinstance(value, dict):
        return {str(name): inner(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [inner(entry) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: inner(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__} | fields
    if isinstance(value, types.FunctionType):
        return _describe_function(inspect.unwrap(value), inner)
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return {"object": name, "holds": inner(vars(value))} if hasattr(value, "__dict__") and not callable(value) else name


def _describe_function(function: types.FunctionType, describe: Callable[[Any], Any]) -> Any:
    name, closure = function.__qualname__, _closure(function)
    if _is_trusted(function):
        return {"function": name, "closure": describe(closure)} if closure else name
    used = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    return {
        "function": name,
        "code": hashlib.sha256(json.dumps(_code(function.__code__)).encode()).hexdigest()[:16],
        "defaults": describe([function.__defaults__, function.__kwdefaults__]),
        "closure": describe(closure),
        "constants": describe({name: used for name, used in used.items() if isinstance(used, PLAIN)}),
    }


class _CanChangeError(Exception):
    """Raised for a value that can change."""


def _fixed(value: Any, above: tuple[int, ...]) -> str:
    """An immutable value as text; raises if it is mutable."""
    if isinstance(value, PLAIN):
        return f"{type(value).__name__} {value!r}"
    if id(value) in above:
        raise _CanChangeError
    inner = functools.partial(_fixed, above=(*above, id(value)))
    if isinstance(value, functools.partial):
        pairs = sorted(value.keywords.items())
        return f"partial {inner(value.func)} {inner(value.args)} {[(name, inner(entry)) for name, entry in pairs]}"
    if isinstance(value, tuple):
        return f"{type(value).__name__} {[inner(entry) for entry in value]}"
    if isinstance(value, jax.Array | np.generic):
        return checksum(value)
    if not isinstance(value, types.FunctionType):
        if isinstance(value, type | types.ModuleType | np.dtype) or _is_trusted(value):
            return f"the {type(value).__name__} at {id(value)}"  # alive as long as the function that holds it
        raise _CanChangeError
    parts = [str(id(value.__globals__)), value.__qualname__, json.dumps(_code(value.__code__))]
    held = {"defaults": value.__defaults__, "keywords": tuple((value.__kwdefaults__ or {}).items())} | _closure(value)
    for name, entry in held.items():
        if isinstance(entry, dict) and _is_trusted(value):
            entry = tuple(sorted(entry.items()))
        parts.append(f"{name} {inner(entry)}")
    return f"function {parts}"
