"""Settings described as data, so that they can be compared.

``describe`` tells one run from another: a checkpoint keeps it. ``canonical`` finds the function that was made before
in the same way, so that ``optax.exponential_decay(0.1, 100, 0.5)``, written twice, is one setting and one compiled
program.
"""

import dataclasses
import functools
import hashlib
import json
import types
import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# Functions of these packages are known by name, and never change what they close over.
TRUSTED = ("jax", "jnndl", "numpy", "optax")
PLAIN = (bool, int, float, str, bytes, complex, type(None))

_known: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()


def describe(value: Any) -> Any:
    """A setting as JSON; different settings have different descriptions.

    Arrays are described by a checksum. Functions are described by their name and, unless they are part of a known
    package, by their code, their defaults, what they close over and the globals that they use: two lambdas are two
    settings, and so are two optimisers or schedules that were made with other numbers.
    """
    return _describe(value, ())


def canonical(function: Any) -> Any:
    """The first function seen that equals this one, or this one.

    JAX compiles anew for each new function object. Two functions count as equal if they were made by the same function
    of a known package, such as an optax schedule, from equal plain values. Functions of your own stay as they are.
    """
    if not isinstance(function, types.FunctionType | functools.partial):
        return function
    try:
        return _known.setdefault(_recipe(function), function)
    except _UnknownError:
        return function


def checksum(array: Any) -> str:
    """The dtype, the shape and the beginning of the sha256 of an array or a random key."""
    kind = ""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        kind, array = f"{jax.random.key_impl(array)} ", jax.random.key_data(array)
    array = np.asarray(array, order="C")
    return f"{kind}{array.dtype} {array.shape} sha256 {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"


def differences(saved: Any, wanted: Any, path: str = "") -> list[str]:
    """A clause for each entry in which two descriptions differ: "config.batch_size is 5, there 4"."""
    if isinstance(saved, dict) and isinstance(wanted, dict):
        names = [*wanted, *(name for name in saved if name not in wanted)]
        pairs = ((saved.get(name), wanted.get(name), f"{path}.{name}" if path else str(name)) for name in names)
        return [clause for pair in pairs for clause in differences(*pair)]
    return [] if saved == wanted else [f"{path} is {json.dumps(wanted)}, there {json.dumps(saved)}"]


def _is_trusted(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").partition(".")[0] in TRUSTED


def _constant(value: Any) -> Any:
    """A constant of a function's code, with sets in order."""
    if isinstance(value, types.CodeType):
        return _code(value)
    if isinstance(value, tuple):
        return [_constant(entry) for entry in value]
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def _code(code: types.CodeType) -> list[Any]:
    """What a function does, without where it was written."""
    arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    body = hashlib.sha256(code.co_code + code.co_exceptiontable).hexdigest()[:16]
    return [body, [_constant(c) for c in code.co_consts], *map(list, (arguments, *names))]


def _names(code: types.CodeType) -> set[str]:
    """The global names that code uses, and the code nested in it."""
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*inner)


def _closure(function: types.FunctionType) -> dict[str, Any]:
    """What a function closes over, by name."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {
        name: cell.cell_contents for name, cell in cells if cell != types.CellType()
    }  # an empty one: not yet defined


def _describe(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, PLAIN):
        return value if isinstance(value, int | float | str | None) else repr(value)
    if id(value) in above:
        return "itself"
    inner = functools.partial(_describe, above=(*above, id(value)))
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return checksum(value)
    if isinstance(value, types.ModuleType | type):
        return f"{getattr(value, '__module__', 'module')}.{getattr(value, '__qualname__', value.__name__)}"
    if isinstance(value, functools.partial):
        return [inner(value.func), inner(value.args), inner(value.keywords)]
    if isinstance(value, dict):
        return {str(name): inner(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [inner(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted(json.dumps(inner(entry)) for entry in value)
    if dataclasses.is_dataclass(value):
        fields = {field.name: inner(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__} | fields
    if isinstance(value, types.FunctionType):
        return _describe_function(value, inner)
    for part in ("__func__", "__wrapped__"):  # a bound method; jax.jit and its like
        if hasattr(value, part):
            return [type(value).__name__, inner(getattr(value, part)), inner(getattr(value, "__self__", None))]
    if _is_trusted(value) or isinstance(value, types.BuiltinFunctionType):
        return getattr(value, "__qualname__", type(value).__qualname__)
    if hasattr(value, "__dict__"):
        return {"object": type(value).__qualname__, "holds": inner(vars(value))}
    text = repr(value)
    return (
        text if " at 0x" not in text else f"{type(value).__qualname__} {id(value)}"
    )  # nothing known: equals itself alone


def _describe_function(function: types.FunctionType, describe: Callable[[Any], Any]) -> Any:
    while function.__globals__.get("__name__", "").partition(".")[0] in ("jaxtyping", "beartype"):
        function = function.__wrapped__  # type: ignore[attr-defined]  # a checker of types around it
    name, closure = function.__qualname__, _closure(function)
    if _is_trusted(function):
        return {"function": name, "closure": describe(closure)} if closure else name
    used = {
        name: function.__globals__[name] for name in sorted(_names(function.__code__)) if name in function.__globals__
    }
    return {
        "function": name,
        "code": hashlib.sha256(json.dumps(_code(function.__code__)).encode()).hexdigest()[:16],
        "defaults": describe([function.__defaults__, function.__kwdefaults__]),
        "closure": describe(closure),
        "globals": describe({name: value for name, value in used.items() if not isinstance(value, types.ModuleType)}),
    }


class _UnknownError(Exception):
    """Raised for a function that is not known to be made of plain values."""


def _recipe(value: Any) -> str:
    """How a value of a known package was made, as text; raises where that is not known."""
    if isinstance(value, PLAIN):
        return f"{type(value).__name__} {value!r}"
    if type(value) in (tuple, dict):
        return (
            f"{type(value)} {[_recipe(entry) for entry in (sorted(value.items()) if type(value) is dict else value)]}"
        )
    if isinstance(value, functools.partial):
        return f"partial {_recipe(value.func)} {_recipe(value.args)} {_recipe(value.keywords)}"
    if not _is_trusted(value) or not callable(value):
        raise _UnknownError
    if isinstance(value, types.FunctionType) and value.__closure__:
        return f"function {value.__qualname__} of {id(value.__code__)} with {_recipe(_closure(value))}"
    return f"{type(value).__name__} at {id(value)}"  # alive as long as the function that holds it
