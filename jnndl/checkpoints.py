"""Checkpoints: the whole state of training in one safetensors file, to resume from bit for bit.

A checkpoint knows which run it is of: the configuration, the hyper-parameters, the keys and the data. A checkpoint of
another run is refused, with what differs.
"""

import dataclasses
import json
import os
import pathlib
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jnndl import identity, storage

FORMAT, VERSION = "jnndl-checkpoint", 2

Tree = TypeVar("Tree")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Where and how often a run is saved, and which run it is.

    Attributes:
        path: the file.
        every: epochs from one writing to the next; after the last epoch it is always written.
        run: what tells this run from others, as from ``identity.describe``.
    """

    path: str | os.PathLike
    every: int
    run: dict[str, Any]

    def write(self, state: PyTree, history: PyTree) -> None:
        """Replace the file by one of this state and the history so far; at any moment, a complete file exists."""
        tensors = storage.named(jax.tree.map(_plain, {"state": state, "history": history}))
        metadata = {"format": FORMAT, "version": str(VERSION), "run": json.dumps(self.run)}
        pathlib.Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        storage.write_tensors(self.path, tensors, metadata)

    def read(self, state: Tree, history: Any) -> tuple[Tree, Any]:
        """The state and the history in the file.

        Args:
            state: a state of the same shapes and dtypes, on the devices on which the saved one should lie.
            history: a pytree of ``jax.ShapeDtypeStruct`` or arrays, the shapes and dtypes of one epoch.

        Returns:
            Both as they were written; the arrays of the history with a last axis of epochs.

        Raises:
            ValueError: if the file is not a checkpoint, of another format version, or of another run.
        """
        metadata, tensors = storage.read_tensors(self.path, FORMAT, (VERSION,), "checkpoint of fit or fit_many")
        different = identity.differences(json.loads(metadata["run"]), self.run)
        if different:
            raise ValueError(
                f"{self.path}: is of another run: {'; '.join(different)}; resume it with its own settings and data, or "
                "start anew without resuming"
            )
        template = storage.named({"state": state, "history": history})
        wanted = {name: _kind(leaf) for name, leaf in template.items()}
        found = {name: (str(tensor.dtype), tensor.shape) for name, tensor in tensors.items()}
        for name in [*wanted, *found]:
            shape = found.get(name, ("nothing", ()))
            if name.startswith("history"):
                shape = shape[0], shape[1][:-1]  # its last axis is that of epochs
            if shape != wanted.get(name):
                raise ValueError(
                    f"{self.path}: its arrays are not those of this run ({name} is {shape}, here {wanted.get(name)}); "
                    "start anew without resuming, or resume with the same precision and number of devices"
                )
        leaves = [
            tensors[name] if name.startswith("history") else _like(leaf, tensors[name])
            for name, leaf in template.items()
        ]
        read = jax.tree.unflatten(jax.tree.structure({"state": state, "history": history}), leaves)
        return read["state"], read["history"]


def _plain(leaf: Any) -> np.ndarray:
    """An array as it lies on disk; of a random key its data."""
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf, order="C")


def _kind(leaf: Any) -> tuple[str, tuple[int, ...]]:
    """The dtype and the shape of an array as it lies on disk."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.eval_shape(jax.random.key_data, leaf)
    return str(leaf.dtype), tuple(leaf.shape)


def _like(leaf: Any, tensor: np.ndarray) -> jax.Array:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        key = jax.random.wrap_key_data(jnp.asarray(tensor), impl=jax.random.key_impl(leaf))
        return jax.device_put(key, leaf.sharding)
    return jax.device_put(tensor, leaf.sharding if isinstance(leaf, jax.Array) else None)
