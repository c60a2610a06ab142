"""Runs that survive: the whole state of training in one safetensors file, to go on from bit for bit.

A checkpoint knows what it belongs to: the recipe, the hyper-parameters, the keys and the data. One that belongs to
something else is refused, with what differs.
"""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jnndl import files
from jnndl.neurons import Neuron

FORMAT, VERSION = "jnndl-checkpoint", 1
UPDATES = (0, 1, 10, 100, 1000, 10_000, 100_000)  # where a schedule is looked at, to tell it from another one

Tree = TypeVar("Tree")


def describe(value: Any) -> Any:
    """What a checkpoint remembers of a setting, as JSON: enough to tell another setting from it.

    Of arrays a checksum, of functions the name; a ``schedule`` is described by its values instead.
    """
    if isinstance(value, functools.partial):
        return [describe(value.func), describe(value.args), describe(value.keywords)]
    if isinstance(value, Neuron):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: describe(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__} | fields
    if isinstance(value, dict):
        return {str(name): describe(entry) for name, entry in value.items()}
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return _checksum(value)
    if isinstance(value, list | tuple):
        return [describe(entry) for entry in value]
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return value if isinstance(value, int | float | str | None) else repr(value)


def describe_schedule(schedule: Callable[[Any], Any] | None) -> list[float] | None:
    """A schedule by its values: a function that another function made has no name of its own."""
    return None if schedule is None else [float(schedule(count)) for count in UPDATES]


def _checksum(array: Any) -> str:
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    array = np.asarray(array, order="C")
    return f"{array.dtype} {array.shape} sha256 {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"


def _differences(saved: Any, wanted: Any, path: str = "") -> list[str]:
    if isinstance(saved, dict) and isinstance(wanted, dict):
        names = [*wanted, *(name for name in saved if name not in wanted)]
        return [
            line
            for name in names
            for line in _differences(saved.get(name), wanted.get(name), f"{path}.{name}" if path else name)
        ]
    return [] if saved == wanted else [f"{path} is {json.dumps(wanted)}, there {json.dumps(saved)}"]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept, how often, and what it belongs to.

    Attributes:
        path: the file.
        every: epochs from one writing to the next; after the last epoch it is always written.
        resume: whether to go on from the file, where there is one.
        belongs: what the run is, as from ``describe``.
    """

    path: str | os.PathLike
    every: int
    resume: bool
    belongs: dict[str, Any]

    def write(self, state: PyTree, history: PyTree) -> None:
        """Replace the file by one of this state and the history so far; a whole file is there at any moment."""
        from safetensors.numpy import save_file  # here, so that importing the library stays light

        tensors = files.named(jax.tree.map(_plain, {"state": state, "history": history}))
        metadata = {"format": FORMAT, "version": str(VERSION), "belongs": json.dumps(self.belongs)}
        pathlib.Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        files.write_atomically(self.path, lambda temporary: save_file(tensors, temporary, metadata))

    def read(self, state: Tree, columns: Sequence[str]) -> tuple[Tree, dict[str, np.ndarray]]:
        """The state and the history's columns; of a ``state`` of the same shapes, and on the same devices.

        Raises:
            ValueError: if the file is no checkpoint, of another format version, or belongs to another run.
        """
        metadata, tensors = files.read_tensors(self.path, FORMAT, VERSION, "checkpoint of fit or fit_many")
        different = _differences(json.loads(metadata["belongs"]), self.belongs)
        if different:
            raise ValueError(
                f"{self.path}: belongs to another run: {'; '.join(different)}; resume it with its own settings and "
                "data, or start anew without resuming"
            )
        template = files.named({"state": state})
        found = {name: tensor.shape for name, tensor in tensors.items() if name in template}
        if found != {name: jnp.shape(_plain(leaf)) for name, leaf in template.items()}:
            raise ValueError(
                f"{self.path}: its arrays are not those of this run; start anew without resuming, or, "
                "where only the number of devices is another, with as many as before"
            )
        leaves = [_like(leaf, tensors[name]) for name, leaf in template.items()]
        history = {name: tensors[f"history.{name}"] for name in columns if f"history.{name}" in tensors}
        return jax.tree.unflatten(jax.tree.structure(state), leaves), history


def _plain(leaf: Any) -> np.ndarray:
    """An array as bytes on disk; of a random key its data."""
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf, order="C")


def _like(leaf: Any, tensor: np.ndarray) -> jax.Array:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        key = jax.random.wrap_key_data(jnp.asarray(tensor), impl=jax.random.key_impl(leaf))
        return jax.device_put(key, leaf.sharding)
    return jax.device_put(tensor, leaf.sharding if isinstance(leaf, jax.Array) else None)
