"""What a user might use instead of jnndl, each written as in its own documentation, behind one interface.

All train the same network, sigmoid neurons throughout, with the quadratic cost (scikit-learn: the cross-entropy, the
only cost it has for such a network), by plain mini-batch gradient descent from the same initial weights.
"""

import dataclasses
import importlib
import itertools
import json
import pathlib
from typing import Any, Protocol

import numpy as np

ARRAYS = ("inputs", "labels", "validation", "validation_labels")
Layers = list[tuple[np.ndarray, np.ndarray]]  # weight (n_out, n_in) and bias (n_out,), first layer to last


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be trained.

    Attributes:
        sizes: the number of neurons in each layer, input first.
        batch_size, learning_rate: of gradient descent.
        networks: how many, for alternatives that can train several at once.
        scale: the factor by which the pixels are multiplied.
        inputs: uint8, shape (n, pixels).
        labels: uint8, shape (n,).
        validation, validation_labels: the same, of the data to evaluate on.
        layers: the initial parameters, float32.
    """

    sizes: tuple[int, ...]
    batch_size: int
    learning_rate: float
    networks: int
    scale: float
    inputs: np.ndarray
    labels: np.ndarray
    validation: np.ndarray
    validation_labels: np.ndarray
    layers: Layers

    def floats(self, inputs: np.ndarray) -> np.ndarray:
        """Pixels as float32, scaled."""
        return np.multiply(inputs, np.float32(self.scale), dtype=np.float32)

    def batches(self, order: np.ndarray) -> list[slice]:
        """The mini-batches of an epoch, as slices of the shuffled data; the last may be short."""
        return [slice(k, k + self.batch_size) for k in range(0, len(order), self.batch_size)]

    def targets(self) -> np.ndarray:
        """Labels as unit vectors, float32."""
        return np.eye(self.sizes[-1], dtype=np.float32)[self.labels]

    def write(self, folder: pathlib.Path) -> None:
        """Write it as raw files, which a program in any language can read."""
        small = {name: getattr(self, name) for name in ("sizes", "batch_size", "learning_rate", "networks", "scale")}
        (folder / "task.json").write_text(json.dumps(small))
        for name in ARRAYS:
            getattr(self, name).tofile(folder / f"{name}.u8")
        join(self.layers).tofile(folder / "params.f32")

    @staticmethod
    def read(folder: pathlib.Path) -> "Task":
        """The task that ``write`` wrote."""
        small = json.loads((folder / "task.json").read_text())
        arrays: dict[str, Any] = {name: np.fromfile(folder / f"{name}.u8", np.uint8) for name in ARRAYS}
        for name in ("inputs", "validation"):
            arrays[name] = arrays[name].reshape(-1, small["sizes"][0])
        return Task(**small, **arrays, layers=split(np.fromfile(folder / "params.f32", np.float32), small["sizes"]))


def join(layers: Layers) -> np.ndarray:
    """Weights and biases as one vector."""
    return np.concatenate([array.ravel() for layer in layers for array in layer])


def split(flat: np.ndarray, sizes: list[int] | tuple[int, ...]) -> Layers:
    """A vector as weights and biases; the inverse of ``join``."""
    shapes = [shape for n_in, n_out in itertools.pairwise(sizes) for shape in ((n_out, n_in), (n_out,))]
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    arrays = [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]
    return list(zip(arrays[::2], arrays[1::2], strict=True))


class Rival(Protocol):
    """An alternative, made from a ``Task``."""

    def epoch(self, order: np.ndarray) -> None:
        """Train on every example once, in that order (jnndl draws its own); return when that is done."""

    def layers(self) -> Layers:
        """The present parameters."""

    def outputs(self, x: np.ndarray) -> Any:
        """The output activations for scaled float32 inputs, shape (n, n_out)."""


@dataclasses.dataclass(frozen=True)
class Alternative:
    """Where a rival is implemented, and what it needs.

    Attributes:
        place: "module:name" in this package; empty for the program in C.
        needs: a package that must be installed besides those of jnndl; empty for none.
    """

    place: str
    needs: str = ""

    def make(self, task: Task) -> Rival:
        """Import what it needs, and make it from a task."""
        module, _, name = self.place.partition(":")
        rival: Rival = getattr(importlib.import_module(f"experiments.rivals.{module}"), name)(task)
        return rival


OURS, MANY, LIMIT = "jnndl, autodiff", "jnndl, many networks", "C, one core: the limit"
ALTERNATIVES = {
    "NumPy, per example (the book)": Alternative("plain:PerExample"),
    "NumPy, matrix form": Alternative("plain:MatrixForm"),
    "scikit-learn MLPClassifier": Alternative("scikit:Scikit"),
    "PyTorch, eager": Alternative("pytorch:Eager", "torch"),
    "PyTorch, compiled": Alternative("pytorch:Compiled", "torch"),
    "Flax NNX, tutorial loop": Alternative("flax_nnx:Tutorial", "flax"),
    "Flax NNX, cached_partial": Alternative("flax_nnx:Cached", "flax"),
    "Equinox, filter_jit step": Alternative("equinox_loop:Equinox", "equinox"),
    LIMIT: Alternative(""),
    OURS: Alternative("ours:Autodiff"),
    "jnndl, backprop": Alternative("ours:Backprop"),
    MANY: Alternative("ours:Many"),
}
