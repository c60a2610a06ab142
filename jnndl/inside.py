"""Pictures of the inside of a network: its weights, and what each layer makes of an image."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jnndl import figures, images, validation
from jnndl.arguments import check_whole, is_whole, short_repr
from jnndl.data import Dataset, rescale
from jnndl.measures import predict
from jnndl.network import Network, Params

MOST_BARS = 40  # more neurons than that are drawn as squares


def weights(
    network: Network,
    params: Params,
    layer: int = 0,
    *,
    shape: Any = None,
    count: int = 100,
    columns: int = 10,
    title: str = "",
) -> Any:
    """Draw the weights of a layer, red where positive and blue where negative, all on one scale.

    Of a network of images, the weights of each neuron of the first layer are an image. The weights of a convolution, of
    shape (maps, height, width, channels), are images too, one per map and channel. All others are one matrix, a row for
    each neuron.

    >>> network = jnndl.mlp([784, 30, 10])
    >>> jnndl.plots.weights(network, network.init(0)).get_suptitle()
    'Weights of layer 0, Dense(784, 30, sigmoid), one image per neuron'

    Args:
        network, params: the network.
        layer: which layer, from 0.
        shape: (height, width) of the images, where they are not square and the network takes them flat.
        count: how many neurons to draw at most.
        columns: how many images stand side by side.
        title: above them; without one, the layer.

    Raises:
        TypeError, ValueError: if the parameters are not those of the network, or the layer is none or has no weights.
    """
    check_whole("count", count, "how many neurons to draw, at least 1")
    check_whole("columns", columns, "how many images stand side by side, at least 1")
    validation.check_network(network)
    validation.check_params(network, params)
    having = [number for number, entry in enumerate(params) if np.ndim(getattr(entry, "weight", 0.0)) > 1]
    if not is_whole(layer) or layer not in having:
        kind = f", {network.layers[layer]}, which has no matrix of weights" if layer in range(len(params)) else ""
        raise ValueError(f"layer is {layer!r}{kind}; give one of {', '.join(map(str, having)) or 'another network'}")
    weight = np.asarray(params[layer].weight, float)
    few, total = weight[:count], len(weight)
    one = f"Weights of layer {layer}, {network.layers[layer]}"
    of = f" (0 to {count - 1} of {total})" if count < total else ""
    if weight.ndim == 4:
        channels = weight.shape[-1]
        few, columns = np.moveaxis(few, -1, 1).reshape(-1, *weight.shape[1:3]), channels if channels > 1 else columns
        what = f"one row per map{of}, one column per channel" if channels > 1 else f"one image per map{of}"
        return figures.images(few, title=title or f"{one}, {what}", columns=columns, signed=True, values="weight")
    image = shape_of_images(network, _checked_shape(shape, weight.shape[1])) if layer == 0 else None
    if image is not None:
        title = title or f"{one}, one image per neuron{of}"
        return figures.images(few.reshape(-1, *image), title=title, columns=columns, signed=True, values="weight")
    few = few.reshape(len(few), -1)
    new, axes = figures.blank(
        float(np.clip(2.0 + 0.15 * few.shape[1], 4.0, 9.0)), float(np.clip(1.2 + 0.15 * len(few), 2.4, 9.0))
    )
    axes.grid(visible=False)
    new.colorbar(figures.show(axes, few, True, aspect="auto"), ax=axes, label="weight")
    axes.set(xlabel="input" if layer == 0 else f"output of layer {layer - 1}", ylabel=f"neuron of layer {layer}")
    figures.whole_numbers(axes.xaxis)
    figures.whole_numbers(axes.yaxis)
    figures.heading(axes, title or one + of)
    return new


def activations(network: Network, params: Params, image: Any, *, title: str = "") -> Any:
    """Draw what a network makes of one image, layer by layer, from the image to the outputs.

    Few neurons are bars, many are squares, read like a text, from the left and from the top; maps (a layer's output of
    shape (rows, columns, channels)) are images. Layers that change nothing when the network is used are left out.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    >>> fit = jnndl.fit(network, digits.training, key=0, epochs=2, learning_rate=0.5)
    >>> figure = jnndl.plots.activations(fit.network, fit.params, digits.test.inputs[0])
    >>> [axes.get_title() for axes in figure.axes if axes.get_title()]
    ['input: 8 x 8', 'layer 0, sigmoid: 30', 'output, sigmoid: 10']

    Args:
        network, params: the network, one that ``fit`` returned or that was loaded: it knows how to scale the image.
        image: one example as it was before scaling, ``digits.test.inputs[0]``, say.
        title: above it; without one, what the network says.

    Raises:
        TypeError, ValueError: if image is no single example for this network, or the parameters are not its own.
    """
    validation.check_network(network)
    x = None if isinstance(image, Dataset | tuple) else np.asarray(image)
    if x is None or x.dtype.kind not in "iuf":
        raise TypeError(f"image is {short_repr(image)}; give one example as an array, such as data.inputs[0]")
    if x.size != math.prod(network.input_shape):
        raise ValueError(
            f"image has shape {x.shape}, but the network takes {network.input_shape}; give one example, such as "
            "data.inputs[0]"
        )
    if not np.isfinite(x).all():
        raise ValueError(f"image holds {x[~np.isfinite(x)][0]}; give finite numbers")
    outputs = predict(network, params, x[None]).outputs[0]
    names = list(network.classes or map(str, range(len(outputs))))
    stages = _stages(network, params, x)
    down = -(-len(stages) // 4)
    across = -(-len(stages) // down)
    new = figures.empty(2.7 * across, 3.1 * down + 0.4)
    every = new.subplots(down, across, squeeze=False).ravel()
    for axes in every[len(stages) :]:
        axes.axis("off")
    for axes, (name, values) in zip(every, stages, strict=False):
        axes.set_title(f"{name}: {' x '.join(map(str, values.shape))}", fontsize=9)
        if values is stages[-1][1]:
            _bars(axes, values, names)
        elif values.ndim == 1 and len(values) <= MOST_BARS:
            _bars(axes, values)
        else:
            _squares(new, axes, values)
    told = f"The network says {names[outputs.argmax()]} (output {outputs.max():.2f})"
    new.suptitle(title or told, fontsize=10)
    return new


def shape_of_images(network: Network, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """The height and width of images: a shape of two numbers, or else what the network takes; None for no images."""
    if len(shape) == 2:
        return shape[0], shape[1]
    try:
        return images.image_shape(network)
    except ValueError:
        return None


def _checked_shape(shape: Any, size: int) -> tuple[int, ...]:
    """The shape of images that was given, or nothing; raises where it does not hold as many pixels."""
    if shape is None:
        return ()
    if not isinstance(shape, tuple) or len(shape) != 2 or not all(map(is_whole, shape)) or math.prod(shape) != size:
        raise ValueError(f"shape is {short_repr(shape)}; give (height, width) of {size} pixels in all, or None")
    return shape


def _stages(network: Network, params: Params, x: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The image and what each layer makes of it, with names; without what a layer only passes on."""
    dtype = jnp.result_type(*jax.tree.leaves(params))
    scale = 1.0 if network.scale is None else network.scale
    a = rescale(x[None], scale, network.offset, network.input_shape, dtype)[0]
    shape = shape_of_images(network, ())
    stages = [("input", np.asarray(a).reshape(shape or a.shape))]
    for number, (layer, entry) in enumerate(zip(network.layers, params, strict=True)):
        a, _ = layer.forward(entry, a, None)
        name = layer.neuron.name if hasattr(layer, "neuron") else type(layer).__name__
        stages.append((f"layer {number}, {name}", np.asarray(a)))
    stages[-1] = f"output, {network.neuron.name}", np.asarray(network.neuron.forward(a))
    changed = [
        number == 0 or number + 1 == len(stages) or not np.array_equal(values.ravel(), stages[number - 1][1].ravel())
        for number, (_, values) in enumerate(stages)
    ]
    return [stage for stage, kept in zip(stages, changed, strict=True) if kept]


def _bars(axes: Any, values: np.ndarray, names: Sequence[str] = ()) -> None:
    """A bar for each neuron, from top to bottom; of those with names, the longest in another colour."""
    figures.plain(axes)
    best = int(values.argmax())
    colours = [figures.STYLES[1 if names and number == best else 0][0] for number in range(len(values))]
    axes.barh(range(len(values)), values, color=colours)
    axes.set_ylim(len(values) - 0.5, -0.5)
    if values.min() >= 0 and values.max() <= 1:
        axes.set_xlim(0, 1)
    if 0 < len(names) <= MOST_BARS:
        axes.set_yticks(range(len(names)), names)
    else:
        figures.whole_numbers(axes.yaxis)
        axes.set_ylabel("neuron", fontsize=9)
    axes.set_xlabel("activation", fontsize=9)
    axes.tick_params(labelsize=8)


def _squares(new: Any, axes: Any, values: np.ndarray) -> None:
    """Neurons as squares: an image as it is, maps side by side, many neurons in lines; with a scale of the colours."""
    if values.ndim == 3:
        values, _ = figures.mosaic(np.moveaxis(values, -1, 0), math.isqrt(values.shape[-1] - 1) + 1)
        axes.set_facecolor("#d8e4ee")  # between the maps
    elif values.ndim == 1:
        lines = math.isqrt(len(values) - 1) + 1
        values = np.pad(values.astype(float), (0, -len(values) % lines), constant_values=np.nan).reshape(-1, lines)
    axes.set(xticks=[], yticks=[])
    image = figures.show(axes, values, bool(np.nanmin(values) < 0))
    new.colorbar(image, ax=axes, orientation="horizontal", shrink=0.8).ax.tick_params(labelsize=8)
