"""A network: an immutable sequence of layers and its output neuron."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from jnndl import arguments, functions, initializers
from jnndl.chunks import chunk_size
from jnndl.convolution import Conv, Flatten
from jnndl.data import as_scale
from jnndl.distortion import Distort
from jnndl.layers import Dense, Dropout, Layer, TrainingKey
from jnndl.neurons import Neuron, as_neuron, linear, sigmoid
from jnndl.pooling import AvgPool, L2Pool, MaxPool

Params = tuple[PyTree, ...]
LAYERS = {layer.__name__: layer for layer in (Dense, Dropout, Conv, MaxPool, AvgPool, L2Pool, Flatten, Distort)}
MOST_LAYERS = 1000  # each is traced by itself: a file with 20,000 of them would take a minute to refuse


@dataclasses.dataclass(frozen=True)
class Network:
    """A feedforward network; hashable, and without arrays: those are ``params``, a tuple with one entry per layer.

    The last layer is a linear one: its output is the output layer's weighted input z (the field's "logits"), and
    ``neuron`` turns that into the output activation. A cost works on z and the neuron, which is what keeps it exact.

    >>> network = jnndl.Network((jnndl.Dense(4, 3, "tanh"), jnndl.Dense(3, 2, "linear")), "softmax", (4,))
    >>> params = network.init(0)
    >>> network(params, np.ones(4)).shape
    (2,)

    A network from ``fit`` or from a file also knows how its inputs were scaled in training, so that ``predict`` takes
    raw inputs, and data that are scaled in another way are refused.

    Attributes:
        layers: the layers, first to last.
        neuron: the output neuron, a ``Neuron`` or its name.
        input_shape: the shape of one example, (784,) for a dense first layer.
        scale, offset: it was trained on ``scale * inputs + offset``, each a number or one number per column; scale None
            means not known yet.
        classes: the names of the classes, one per output, or None.
        input_range: the smallest and the largest number that it saw in training, after scaling, or None. ``predict``
            warns of inputs far outside. It takes no part in comparing networks.

    Raises:
        TypeError, ValueError: if there is no layer, one is not a layer, or two neighbours do not fit together.
    """

    layers: tuple[Layer, ...]
    neuron: Any
    input_shape: tuple[int, ...]
    scale: Any = None
    offset: Any = 0.0
    classes: Sequence[str] | None = None
    input_range: tuple[float, float] | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        self._normalize()
        if not self.layers:
            raise ValueError("Network: layers is empty; give at least one layer")
        if len(self.layers) > MOST_LAYERS:
            raise ValueError(f"Network: there are {len(self.layers)} layers; give at most {MOST_LAYERS}")
        for number, layer in enumerate(self.layers):
            if not isinstance(layer, Layer) or isinstance(layer, type):
                raise TypeError(
                    f"Network: layer {number} is {arguments.short_repr(layer)}; give a layer, with init, forward and "
                    "backward, such as Dense(784, 30)"
                )
            try:
                hash(layer)
            except TypeError as error:
                raise TypeError(
                    f"Network: layer {number}, {arguments.short_repr(layer)}, cannot be hashed ({error}); make it a "
                    "frozen dataclass with numbers, texts and tuples as fields"
                ) from error
        # Dropout and the like have no neuron: the rule is for the last layer that has one.
        last = next((layer for layer in reversed(self.layers) if hasattr(layer, "neuron")), None)
        if last is not None and last.neuron is not linear:
            raise ValueError(
                f"Network: the last layer's neuron is {last.neuron.name}; make it linear, and give the output neuron "
                f"to the network (neuron={last.neuron.name})"
            )
        if len(self.output_shape) != 1:
            raise ValueError(
                f"Network: input_shape {self.input_shape} makes an output of shape {self.output_shape}, which is not a "
                "vector; give the shape of one example, flat before the first Dense layer, or put Flatten() there"
            )
        if self.classes is not None and len(self.classes) != self.output_shape[0]:
            raise ValueError(
                f"Network: classes has {len(self.classes)} names, but there are {self.output_shape[0]} outputs; give "
                "one name per output"
            )

    def _normalize(self) -> None:
        """Make tuples of plain values: a static argument of ``jit`` must be hashable, and equal ones compare equal."""
        for name, kind in (("layers", "layers"), ("input_shape", "whole numbers, such as (784,)")):
            if not isinstance(getattr(self, name), Sequence) or isinstance(getattr(self, name), str):
                raise TypeError(
                    f"Network: {name} is {arguments.short_repr(getattr(self, name))}; give a tuple of {kind}"
                )
        clean = {
            "neuron": as_neuron("Network: neuron", self.neuron),
            "layers": tuple(self.layers),
            "input_shape": tuple(arguments.size("Network: input_shape", axis) for axis in self.input_shape),
            "scale": None if self.scale is None else as_scale(self.scale),
            "offset": as_scale(0.0 if self.scale is None or self.offset is None else self.offset),
            "classes": None if self.classes is None else tuple(map(str, self.classes)),
            "input_range": None if self.input_range is None else tuple(map(float, self.input_range)),
        }
        for name, value in clean.items():
            object.__setattr__(self, name, value)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the output, (10,) for ten digits."""
        return self.shapes[-1]

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of the input and of each layer's output; found by tracing shapes, nothing is computed."""
        return _shapes(self.layers, self.input_shape)

    @functools.cached_property
    def bytes_per_example(self) -> tuple[int, int]:
        """Bytes that one more example in a mini-batch takes on the way forward: in all arrays, and in the largest."""

        def sizes(m: int) -> list[int]:
            x = jax.ShapeDtypeStruct((m, *self.input_shape), jax.dtypes.canonicalize_dtype(float))
            traced = jax.make_jaxpr(jax.vmap(self.forward, (None, 0)))(self.param_shapes, x)
            return [a.size * a.dtype.itemsize for a in [x, *_arrays(traced.jaxpr)]]

        # What does not grow depends on the parameters alone, such as the weights in another shape.
        growth = [more - fewer for fewer, more in zip(sizes(2), sizes(3), strict=True)]
        return sum(growth), max(growth)

    @property
    def chunk(self) -> int:
        """How many examples to look at together, so that its largest array stays small (``chunks.chunk_size``)."""
        return chunk_size(self.bytes_per_example[1])

    @functools.cached_property
    def param_shapes(self) -> Params:
        """``jax.ShapeDtypeStruct`` in place of each array that ``init`` draws; nothing is drawn."""
        return jax.eval_shape(lambda: self.init(jax.random.key(0)))

    def __repr__(self) -> str:
        inputs = " x ".join(map(str, self.input_shape))
        return f"Network({', '.join([inputs, *map(repr, self.layers), self.neuron.name])})"

    def summary(self) -> str:
        """A table with one row per layer: the shape of its output and how many numbers it learns.

        >>> print(jnndl.mlp([784, 30, 10]).summary())
        layer                         output        parameters
        input                         784
        0 Dense(784, 30, sigmoid)     30                23,550
        1 Dense(30, 10, linear)       10                   310
        sigmoid                       10
        in all                                          23,860
        """
        shapes = [" x ".join(map(str, shape)) for shape in self.shapes]
        counts = [sum(leaf.size for leaf in jax.tree.leaves(entry)) for entry in self.param_shapes]
        rows = [("layer", "output", "parameters"), ("input", shapes[0], "")]
        rows += [
            (f"{number} {layer!r}", shape, f"{count:,}")
            for number, (layer, shape, count) in enumerate(zip(self.layers, shapes[1:], counts, strict=True))
        ]
        rows += [(self.neuron.name, shapes[-1], ""), ("in all", "", f"{sum(counts):,}")]
        width = max(28, *(len(name) for name, _, _ in rows))
        return "\n".join(f"{name:{width}}  {shape:12}{count:>12}".rstrip() for name, shape, count in rows)

    def init(self, key: Key[Array, ""] | int = arguments.REQUIRED) -> Params:
        """Draw parameters, a tuple with one entry per layer, each layer from its own key; ``key`` may be a seed."""
        keys = jax.random.split(arguments.check_keys("key", key, 0), len(self.layers))
        return tuple(layer.init(key) for layer, key in zip(self.layers, keys, strict=True))

    def forward(
        self, params: Params, x: Float[Array | np.ndarray, "..."], key: TrainingKey = None
    ) -> tuple[Array, tuple[PyTree, ...]]:
        """Feed one example forward.

        Args:
            params: as from ``init``.
            x: one example, of shape ``input_shape``; batch with ``jax.vmap``.
            key: for layers that are random in training; None means that the network is being used.

        Returns:
            z, the weighted input of the output layer, and for each layer what its ``backward`` needs.
        """
        a, saved = jnp.asarray(x), []
        if a.shape != self.input_shape:
            raise ValueError(
                f"x has shape {a.shape}; give one example, of shape {self.input_shape}; for many of any shape there is "
                "predict(network, params, inputs)"
            )
        for number, (layer, layer_params) in enumerate(zip(self.layers, params, strict=True)):
            found = layer.forward(layer_params, a, None if key is None else jax.random.fold_in(key, number))
            a, kept = functions.check_forward(f"layer {number}, {layer}: its forward", found)
            if a.shape != self.shapes[number + 1]:  # in training it may be another than in use
                raise ValueError(
                    f"layer {number}, {layer}: its forward returned an output of shape {a.shape} in training, and "
                    f"{self.shapes[number + 1]} in use; make it return the same"
                )
            saved.append(kept)
        return a, tuple(saved)

    def __call__(self, params: Params, x: Float[Array | np.ndarray, "..."]) -> Array:
        """The output activations for one example (the book's ``feedforward``); batch with ``jax.vmap``."""
        return self.neuron.forward(self.forward(params, x)[0])


@functools.lru_cache(maxsize=256)  # the same for networks that differ in what they know of their data
def _shapes(layers: tuple[Layer, ...], input_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    key = jax.eval_shape(lambda: jax.random.key(0))
    a = jax.ShapeDtypeStruct(input_shape, jax.dtypes.canonicalize_dtype(float))
    shapes = [a.shape]
    for number, layer in enumerate(layers):
        try:
            a = jax.eval_shape(functools.partial(_output, layer), key, a)
        except (TypeError, ValueError) as error:
            if str(error).startswith("its "):
                raise ValueError(f"Network: layer {number}, {layer}: {error}") from error
            below = "input_shape" if number == 0 else f"the output of layer {number - 1}"
            image = isinstance(layer, Dense) and len(a.shape) > 1
            raise ValueError(
                f"Network: layer {number}, {layer}, cannot take an input of shape {a.shape}; "
                f"{'put Flatten() before it' if image else f'make its size that of {below}'} ({error})"
            ) from error
        shapes.append(a.shape)
    return tuple(shapes)


def _output(layer: Layer, key: Key[Array, ""], a: Array) -> Array:
    params = functions.check_init("its init", layer.init(key))
    return functions.check_forward("its forward", layer.forward(params, a, None))[0]


def _arrays(jaxpr: Any) -> Iterator[Any]:
    """Shape and dtype of every array that a traced program makes, in the programs inside of it too."""
    for equation in jaxpr.eqns:
        yield from (out.aval for out in equation.outvars if hasattr(out.aval, "size"))
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda leaf: hasattr(leaf, "jaxpr")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _arrays(inner)


def mlp(
    sizes: Sequence[int],
    *,
    hidden: Neuron | str = sigmoid,
    output: Neuron | str = sigmoid,
    weight_init: initializers.Initializer | str = initializers.default,
    bias_init: initializers.Initializer | str = initializers.large,
) -> Network:
    """A fully connected network of any depth.

    >>> jnndl.mlp([784, 30, 10])  # chapter 1's: 784 inputs, one hidden layer of 30 sigmoid neurons, 10 outputs
    Network(784, Dense(784, 30, sigmoid), Dense(30, 10, linear), sigmoid)
    >>> jnndl.mlp([784, 100, 10], hidden="relu", output="softmax").output_shape
    (10,)

    Args:
        sizes: the number of neurons in each layer, inputs first; at least two whole numbers of at least 1.
        hidden: the neuron of every hidden layer, or its name, ``"relu"``.
        output: the neuron of the output layer, or its name, ``"softmax"``.
        weight_init: initializer of all weights, or its name; ``"large"`` for chapter 1's.
        bias_init: initializer of all biases, or its name.

    Raises:
        ValueError: if sizes has fewer than two entries, or one that is not a whole number of at least 1.
    """
    if not hasattr(sizes, "__len__") or isinstance(sizes, str):
        raise TypeError(f"mlp: sizes is {sizes!r}; give a list, as in [784, 30, 10]")
    for size in sizes:
        if not arguments.is_whole(size) or size < 1:
            raise ValueError(f"mlp: sizes holds {size!r}; give whole numbers of at least 1")
    if len(sizes) < 2:
        raise ValueError(f"mlp: sizes is {list(sizes)}; give at least two, the inputs and the outputs, as in [784, 10]")
    neurons = [as_neuron("mlp: hidden", hidden)] * (len(sizes) - 2) + [linear]
    weight_init = arguments.choose("mlp: weight_init", weight_init, initializers.INITIALIZERS)
    bias_init = arguments.choose("mlp: bias_init", bias_init, initializers.INITIALIZERS)
    layers = tuple(
        Dense(n_in, n_out, neuron, weight_init, bias_init)
        for n_in, n_out, neuron in zip(sizes[:-1], sizes[1:], neurons, strict=True)
    )
    return Network(layers, as_neuron("mlp: output", output), (sizes[0],))
