"""Checkpoints: the whole state of training in one safetensors file, to resume from bit for bit.

A checkpoint knows which run it is of: the configuration, the hyper-parameters, the keys and the data. A checkpoint of
another run is refused, with what differs.
"""

import dataclasses
import json
import os
import pathlib
import warnings
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jnndl import identity, storage
from jnndl.processes import is_key, is_shared, on_host, place

FORMAT, VERSION = "jnndl-checkpoint", 3

Tree = TypeVar("Tree")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Where and how often a run is saved, and which run it is.

    Attributes:
        path: the file.
        every: epochs from one writing to the next; after the last epoch it is always written.
        run: what tells this run from others, as from ``identity.describe``.
        networks: how many networks there are, the first rows of every array; None for one network. The rows that fill
            up the devices are not kept, so that a run goes on with any number of devices.
    """

    path: str | os.PathLike
    every: int
    run: dict[str, Any]
    networks: int | None = None

    def write(self, state: PyTree, history: PyTree) -> None:
        """Write a file of this state and the history so far, and keep the one before; one of them is always whole.

        Where several processes share the state, all of them have to ask, and only the first one writes.
        """
        rows, tree = ... if self.networks is None else slice(self.networks), {"state": state, "history": history}
        tensors = storage.named(jax.tree.map(lambda leaf: np.asarray(leaf[rows], order="C"), on_host(tree)))
        if is_shared(state) and jax.process_index() > 0:
            return
        metadata = {"format": FORMAT, "version": str(VERSION), "run": json.dumps(self.run)}
        storage.write_tensors(self.path, tensors, metadata, keep=self.previous)

    def prepare(self) -> None:
        """Make the folder, and raise now what writing would raise after the first epoch."""
        pathlib.Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        storage.check_writable(self.path)

    @property
    def previous(self) -> pathlib.Path:
        """The file with the checkpoint before the last, for where the last is damaged."""
        path = pathlib.Path(os.path.realpath(self.path))
        return path.with_name(f"{path.stem}.previous{path.suffix}")

    def exists(self) -> bool:
        """Whether there is anything to resume from."""
        return os.path.exists(self.path) or self.previous.exists()

    def read(self, state: Tree, history: Any) -> tuple[Tree, Any]:
        """The state and the history in the file, or in the previous one where it is damaged, with a warning.

        Arguments, what it returns and what it raises are those of ``_read``.
        """
        try:
            return self._read(pathlib.Path(self.path), state, history)
        except (storage.DamagedError, FileNotFoundError) as error:
            if not self.previous.exists():
                raise
            warnings.warn(f"{error}; resuming from the checkpoint before it, {self.previous}", stacklevel=4)
            return self._read(self.previous, state, history)

    def _read(self, path: pathlib.Path, state: Tree, history: Any) -> tuple[Tree, Any]:
        """The state and the history in a file.

        Args:
            state: a state of the same shapes and dtypes, on the devices on which the saved one should lie.
            history: a pytree of ``jax.ShapeDtypeStruct`` or arrays, the shapes and dtypes of one epoch.

        Returns:
            Both as they were written; the arrays of the history with a last axis of epochs.

        Raises:
            DamagedError: if the file is not whole, or not what was written.
            ValueError: if it is not a checkpoint, of another format version, or of another run.
        """
        metadata, tensors = storage.read_tensors(path, FORMAT, (VERSION,), "checkpoint of fit or fit_many")
        with storage.reading(path, "its description of the run is damaged", "start anew without resuming"):
            different = identity.differences(json.loads(metadata["run"]), self.run)
        if different:
            raise ValueError(
                f"{path}: is of another run: {'; '.join(different)}; resume it with its own settings and data, or "
                "start anew without resuming"
            )
        template = storage.named({"state": state, "history": history})
        found = {name: (str(tensor.dtype), tensor.shape) for name, tensor in tensors.items()}
        _, done = found.get("history.penalty", ("", ()))  # the last axis of a history is that of epochs
        wanted = {
            name: self._kind(leaf, done[-1:] if name.startswith("history") else ()) for name, leaf in template.items()
        }
        for name in [*wanted, *found]:
            if found.get(name) != wanted.get(name):
                raise ValueError(
                    f"{path}: its arrays are not those of this run ({name} is {found.get(name, 'not there')}, here "
                    f"{wanted.get(name, 'not there')}); start anew without resuming, or resume with the same precision"
                )
        leaves = [
            tensors[name] if name.startswith("history") else _like(leaf, tensors[name])
            for name, leaf in template.items()
        ]
        read = jax.tree.unflatten(jax.tree.structure({"state": state, "history": history}), leaves)
        return read["state"], read["history"]

    def _kind(self, leaf: Any, more: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        """The dtype and the shape of an array as it lies on disk, with ``more`` axes at the end."""
        if is_key(leaf):
            leaf = jax.eval_shape(jax.random.key_data, leaf)
        rows = leaf.shape[:1] if self.networks is None else (self.networks,)
        return str(leaf.dtype), (*rows, *leaf.shape[1:], *more)


def _like(leaf: Any, tensor: np.ndarray) -> jax.Array:
    """An array from disk where ``leaf`` lies; copies of its last row fill up the devices."""
    if leaf.shape[:1] > tensor.shape[:1]:
        tensor = tensor[np.minimum(np.arange(leaf.shape[0]), len(tensor) - 1)]
    if is_key(leaf):
        key = jax.random.wrap_key_data(jnp.asarray(tensor), impl=jax.random.key_impl(leaf))
        return place(key, leaf.sharding)
    return place(tensor, leaf.sharding if isinstance(leaf, jax.Array) else None)
