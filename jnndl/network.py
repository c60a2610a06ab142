"""A network: an immutable sequence of layers and its output neuron."""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from jnndl import initializers
from jnndl.layers import Dense, Dropping, Layer
from jnndl.neurons import Neuron, linear, sigmoid

Params = tuple[PyTree, ...]


@dataclasses.dataclass(frozen=True)
class Network:
    """A feedforward network; hashable, and without arrays: those are ``params``, a tuple with an entry a layer.

    The last layer is a linear one: what leaves it is the output layer's weighted input z (the field's "logits"), and
    ``neuron`` turns that into the output activation. A cost works on z and the neuron, which is what keeps it exact.

    Attributes:
        layers: the layers, first to last.
        neuron: the output neuron.
        input_shape: the shape of one example, (784,) for a dense first layer.

    Raises:
        ValueError: if there is no layer, or two neighbours do not fit together.
    """

    layers: tuple[Layer, ...]
    neuron: Neuron
    input_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))  # a list is no key of a compiled program
        if not isinstance(self.neuron, Neuron):
            raise TypeError(
                f"Network: neuron is {self.neuron!r:.60}; give one of jnndl.neurons, such as neurons.sigmoid"
            )
        if not self.layers:
            raise ValueError("Network: layers is empty; give at least one layer")
        last = self.layers[-1]
        if isinstance(last, Dense) and last.neuron is not linear:
            raise ValueError(
                f"Network: the last layer's neuron is {last.neuron.name}; make it linear, and give the output neuron "
                f"to the network (neuron={last.neuron.name})"
            )
        if len(self.output_shape) != 1:
            raise ValueError(
                f"Network: input_shape {self.input_shape} makes an output of shape {self.output_shape}, which is no "
                "vector; give the shape of one example, flat before the first Dense layer"
            )

    @functools.cached_property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the output, (10,) for ten digits; found by tracing shapes, nothing is computed."""
        key = jax.eval_shape(lambda: jax.random.key(0))
        a = jax.ShapeDtypeStruct(self.input_shape, jax.dtypes.canonicalize_dtype(float))
        for number, layer in enumerate(self.layers):
            try:
                a = jax.eval_shape(lambda key, a, layer=layer: layer.forward(layer.init(key), a, None)[0], key, a)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"Network: layer {number}, {layer}, cannot take an input of shape {a.shape}; make its size that of "
                    f"{'input_shape' if number == 0 else f'the output of layer {number - 1}'} ({error})"
                ) from error
        return a.shape

    @functools.cached_property
    def param_shapes(self) -> Params:
        """``jax.ShapeDtypeStruct`` in place of each array that ``init`` draws; nothing is drawn."""
        return jax.eval_shape(lambda: self.init(jax.random.key(0)))

    def init(self, key: Key[Array, ""]) -> Params:
        """Draw parameters, a tuple with an entry a layer, each layer from its own key."""
        return tuple(
            layer.init(k) for layer, k in zip(self.layers, jax.random.split(key, len(self.layers)), strict=True)
        )

    def forward(self, params: Params, x: Float[Array, "..."], key: Dropping = None) -> tuple[Array, tuple[PyTree, ...]]:
        """Feed one example forward.

        Args:
            params: as from ``init``.
            x: one example, of shape ``input_shape``; batch with ``jax.vmap``.
            key: for layers that are random in training; None means that the network is being used.

        Returns:
            z, the weighted input of the output layer, and for each layer what its ``backward`` needs.
        """
        a, saved = x, []
        for number, (layer, layer_params) in enumerate(zip(self.layers, params, strict=True)):
            a, kept = layer.forward(layer_params, a, None if key is None else jax.random.fold_in(key, number))
            saved.append(kept)
        return a, tuple(saved)

    def __call__(self, params: Params, x: Float[Array, "..."]) -> Array:
        """The output activations for one example (the book's ``feedforward``); batch with ``jax.vmap``."""
        return self.neuron.forward(self.forward(params, x)[0])


def mlp(
    sizes: Sequence[int],
    *,
    hidden: Neuron = sigmoid,
    output: Neuron = sigmoid,
    weight_init: initializers.Initializer = initializers.default,
    bias_init: initializers.Initializer = initializers.large,
) -> Network:
    """A fully connected network of any depth, ``mlp([784, 30, 10])`` for one hidden layer of 30 neurons.

    Args:
        sizes: the number of neurons in each layer, inputs first; at least two whole numbers of at least 1.
        hidden: the neuron of every hidden layer.
        output: the neuron of the output layer.
        weight_init: initializer of all weights; ``initializers.large`` for chapter 1's.
        bias_init: initializer of all biases.

    Raises:
        ValueError: if sizes has fewer than two entries, or one that is no whole number of at least 1.
    """
    sizes = tuple(int(size) if isinstance(size, np.integer) else size for size in sizes)
    if len(sizes) < 2:
        raise ValueError(f"mlp: sizes is {list(sizes)}; give at least two, the inputs and the outputs, as in [784, 10]")
    for size in sizes:
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"mlp: sizes holds {size!r}; give whole numbers of at least 1")
    neurons = [hidden] * (len(sizes) - 2) + [linear]
    layers = tuple(
        Dense(n_in, n_out, neuron, weight_init, bias_init)
        for n_in, n_out, neuron in zip(sizes[:-1], sizes[1:], neurons, strict=True)
    )
    return Network(layers, output, (sizes[0],))
