"""What a user might use instead of jnndl, each written as in its own documentation, behind one interface.

All train the same network by plain mini-batch gradient descent from the same initial weights. A dense network has
sigmoid neurons throughout and the quadratic cost (scikit-learn: the cross-entropy, the only cost it has for such a
network). A convolutional one is as in chapter 6: ReLU, the maximum of 2 x 2, softmax and the log-likelihood cost. All
take the maximum before the neuron, which is the same function and a quarter of the neuron's work.
"""

import dataclasses
import importlib
import itertools
import json
import math
import pathlib
from typing import Any, Protocol

import numpy as np

ARRAYS = ("inputs", "labels", "validation", "validation_labels")
SMALL = ("sizes", "batch_size", "learning_rate", "networks", "scale", "image", "maps", "kernel", "dropout")
# Weight and bias, first layer to last: (n_out, n_in) or (n_out, rows, columns, n_in), and (n_out,). An image is a
# vector row by row, and pixel by pixel of all its maps.
Layers = list[tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be trained.

    Attributes:
        sizes: the number of neurons in each layer, input first; without those of convolutional layers.
        batch_size, learning_rate: of gradient descent.
        networks: how many, for alternatives that can train several at once.
        scale: the factor by which the pixels are multiplied.
        inputs: uint8, shape (n, pixels).
        labels: uint8, shape (n,).
        validation, validation_labels: the same, of the data to evaluate on.
        layers: the initial parameters, float32.
        image: rows and columns, where the first layers are convolutional.
        maps: feature maps of each convolutional layer; empty for a dense network.
        kernel: rows and columns of their local receptive fields.
        dropout: the fraction dropped of what goes into each dense layer of a convolutional network.
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
    image: tuple[int, ...] = ()
    maps: tuple[int, ...] = ()
    kernel: int = 5
    dropout: float = 0.0

    def floats(self, inputs: np.ndarray) -> np.ndarray:
        """Pixels as float32, scaled."""
        return np.multiply(inputs, np.float32(self.scale), dtype=np.float32)

    def batches(self, order: np.ndarray) -> list[slice]:
        """The mini-batches of an epoch, as slices of the shuffled data; the last may be short."""
        return [slice(k, k + self.batch_size) for k in range(0, len(order), self.batch_size)]

    def targets(self) -> np.ndarray:
        """Labels as unit vectors, float32."""
        return np.eye(self.sizes[-1], dtype=np.float32)[self.labels]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of each layer's weights."""
        return weight_shapes(self.sizes, self.image, self.maps, self.kernel)

    def channels_first(self) -> Layers:
        """The initial parameters for a library whose images have the shape (maps, rows, columns)."""
        rows, columns = flattened(self.image, self.maps, self.kernel)
        return self._turned(self.layers, (0, 3, 1, 2), (rows, columns, -1))

    def channels_last(self, layers: Layers) -> Layers:
        """The inverse: parameters of such a library in the order of ``Layers``."""
        return self._turned(layers, (0, 2, 3, 1), (-1, *flattened(self.image, self.maps, self.kernel)))

    def _turned(self, layers: Layers, axes: tuple[int, ...], image: tuple[int, ...]) -> Layers:
        """The axes of convolutions turned, and those of the images that the first dense layer sees as vectors."""
        count = len(self.maps)
        turned = [(w.transpose(axes), b) for w, b in layers[:count]]
        for w, b in layers[count : count + 1] if count else ():
            turned.append((w.reshape(len(w), *image).transpose(axes).reshape(w.shape), b))
        return [*turned, *layers[len(turned) :]]

    def write(self, folder: pathlib.Path) -> None:
        """Write it as raw files, which a program in any language can read."""
        small = {name: getattr(self, name) for name in SMALL}
        (folder / "task.json").write_text(json.dumps(small))
        for name in ARRAYS:
            getattr(self, name).tofile(folder / f"{name}.u8")
        join(self.layers).tofile(folder / "params.f32")

    @staticmethod
    def read(folder: pathlib.Path) -> "Task":
        """The task that ``write`` wrote."""
        small = json.loads((folder / "task.json").read_text())
        small |= {name: tuple(small[name]) for name in ("sizes", "image", "maps")}
        shapes = weight_shapes(*(small[name] for name in ("sizes", "image", "maps", "kernel")))
        arrays: dict[str, Any] = {name: np.fromfile(folder / f"{name}.u8", np.uint8) for name in ARRAYS}
        for name in ("inputs", "validation"):
            arrays[name] = arrays[name].reshape(-1, small["sizes"][0])
        return Task(**small, **arrays, layers=split(np.fromfile(folder / "params.f32", np.float32), shapes))


def map_sides(image: tuple[int, ...], count: int, kernel: int) -> list[tuple[int, ...]]:
    """Rows and columns of the maps of each of so many convolutional layers, before their pooling."""
    sides = []
    for _ in range(count):
        sides.append(tuple(side - kernel + 1 for side in image))
        image = tuple(side // 2 for side in sides[-1])
    return sides


def flattened(image: tuple[int, ...], maps: tuple[int, ...], kernel: int) -> tuple[int, ...]:
    """Rows and columns of the maps that the first dense layer gets; (1, 1) for a dense network."""
    return tuple(side // 2 for side in map_sides(image, len(maps), kernel)[-1]) if maps else (1, 1)


def weight_shapes(
    sizes: tuple[int, ...], image: tuple[int, ...], maps: tuple[int, ...], kernel: int
) -> list[tuple[int, ...]]:
    """The shape of each layer's weights; arguments as in ``Task``."""
    shapes: list[tuple[int, ...]] = [(b, kernel, kernel, a) for a, b in itertools.pairwise((1, *maps))]
    first = maps[-1] * math.prod(flattened(image, maps, kernel)) if maps else sizes[0]
    return shapes + [(n_out, n_in) for n_in, n_out in itertools.pairwise((first, *sizes[1:]))]


def join(layers: Layers) -> np.ndarray:
    """Weights and biases as one vector."""
    return np.concatenate([array.ravel() for layer in layers for array in layer])


def split(flat: np.ndarray, weights: list[tuple[int, ...]]) -> Layers:
    """A vector as weights of these shapes and biases; the inverse of ``join``."""
    shapes = [shape for weight in weights for shape in (weight, weight[:1])]
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


DENSE, CONVOLUTIONAL = "dense", "convolutional"


@dataclasses.dataclass(frozen=True)
class Alternative:
    """Where a rival is implemented, and what it needs.

    Attributes:
        place: "module:name" in this package; empty for the program in C.
        needs: a package that must be installed besides those of jnndl; empty for none.
        kinds: the kinds of networks for which it is measured.
        many: whether it trains many networks at once, on one device per core.
    """

    place: str
    needs: str = ""
    kinds: tuple[str, ...] = (DENSE,)
    many: bool = False

    def make(self, task: Task) -> Rival:
        """Import what it needs, and make it from a task."""
        module, _, name = self.place.partition(":")
        rival: Rival = getattr(importlib.import_module(f"experiments.rivals.{module}"), name)(task)
        return rival


BOOK, MATRIX = "NumPy, per example (the book)", "NumPy, matrix form"
OURS, MANY, LIMIT = "jnndl, autodiff", "jnndl, many networks", "C, one core: the limit"
BY_HAND, MANY_BY_HAND = "jnndl, backprop", "jnndl, many networks, backprop"
PYTORCH, FLAX, EQUINOX = "PyTorch, eager", "Flax NNX, cached_partial", "Equinox, filter_jit step"
BOTH = (DENSE, CONVOLUTIONAL)
ALTERNATIVES = {
    BOOK: Alternative("plain:PerExample"),
    MATRIX: Alternative("plain:MatrixForm"),
    "scikit-learn MLPClassifier": Alternative("scikit:Scikit"),
    PYTORCH: Alternative("pytorch:Eager", "torch", BOTH),
    "PyTorch, compiled": Alternative("pytorch:Compiled", "torch"),
    "Flax NNX, tutorial loop": Alternative("flax_nnx:Tutorial", "flax"),
    FLAX: Alternative("flax_nnx:Cached", "flax", BOTH),
    EQUINOX: Alternative("equinox_loop:Equinox", "equinox", BOTH),
    LIMIT: Alternative(""),
    OURS: Alternative("ours:Autodiff", "", BOTH),
    BY_HAND: Alternative("ours:Backprop", "", BOTH),
    MANY: Alternative("ours:Many", "", BOTH, many=True),
    MANY_BY_HAND: Alternative("ours:ManyBackprop", "", (CONVOLUTIONAL,), many=True),
}
# ``jnndl.fit`` and ``fit_many`` as a user calls them, with all their measuring: for the memory that they need.
MEASURED = {"jnndl.fit": Alternative("ours:Fit"), "jnndl.fit_many": Alternative("ours:FitMany", many=True)}
