"""Checks of arguments: a bad call gets one sentence that names the argument, the value, and what to give instead.

Checked on the host before anything is traced: there the values are known, and a sentence is worth more than a shape
error from deep inside a compiled program.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jnndl.arguments import as_plain, check_kept, in_bits, refuse_missing, short_repr
from jnndl.costs import Cost
from jnndl.data import Dataset, seen_range
from jnndl.network import Network, Params


def check_model(network: Any, cost: Cost) -> None:
    """Raise where the network is something else, or the cost does not fit it."""
    check_network(network)
    cost.check_neuron(network.neuron)


def check_network(network: Any) -> None:
    """Raise where the network is something else, or has nothing to learn."""
    if isinstance(network, Dataset):
        raise TypeError("network is a Dataset; give the network first and the data after it")
    if isinstance(network, tuple):
        raise TypeError(f"network is {short_repr(network)}; give the network first and its parameters after it")
    if not isinstance(network, Network):
        raise TypeError(f"network is {short_repr(network)}; give a Network, such as mlp([784, 30, 10])")
    if not jax.tree.leaves(network.param_shapes):
        raise ValueError(f"network is {short_repr(network)}: no layer of the network has parameters; add a Dense layer")


def check_hyper(count: int | None = None, dtype: Any = float, **hyper: Any) -> None:
    """Raise where a hyper-parameter is not a number, or out of its range (of an array: where any entry is).

    Args:
        count: the number of networks, each may have its own value; None for one network.
        dtype: in which it is computed, where a rate may round to 0 and a momentum to 1.
        hyper: learning_rate, l1, l2 and momentum, by name.
    """
    ranges: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
        "learning_rate": (lambda value: value > 0, "a number above 0"),
        "l1": (lambda value: value >= 0, "a number of at least 0, or None"),
        "l2": (lambda value: value >= 0, "a number of at least 0, or None"),
        "momentum": (lambda value: (value >= 0) & (value < 1), "a number from 0 to below 1, or None"),
    }
    for name, value in hyper.items():
        if value is None and name != "learning_rate":
            continue
        fits, remedy = ranges[name]
        refuse_missing(name, value, remedy)
        try:
            array = np.asarray(value)
        except ValueError:  # rows of different lengths
            array = np.asarray(None)
        if not jnp.issubdtype(array.dtype, jnp.integer) and not jnp.issubdtype(array.dtype, jnp.floating):
            hint = "; a schedule is schedule=" if callable(value) else ""
            raise TypeError(f"{name} is {short_repr(value)}; give {remedy}{hint}")
        array, kept = array.astype(float), in_bits(array, dtype)
        bad = ~(fits(kept) & np.isfinite(kept))
        if bad.any():
            value = array[bad].flat[0]
            rounds = f", which rounds to {kept[bad].flat[0]:g}" if fits(value) and np.isfinite(value) else ""
            raise ValueError(f"{name} is {value:.10g}{rounds}; give {remedy}")
        if array.ndim and array.shape != (count,):
            wanted = "one number; fit_many takes many" if count is None else f"one number, or {count}, one per key"
            raise ValueError(f"{name} has shape {array.shape}; give {wanted}")


def check_params(network: Network, params: Params, count: int | None = None) -> None:
    """Raise where parameters are not of a network's architecture.

    Args:
        network: the network.
        params: the parameters.
        count: the number of networks, where every array may have a leading axis of networks; None for one network.

    Raises:
        TypeError, ValueError: with what to give; for the parameters of many networks where one is wanted, too.
    """
    check_network(network)
    template = network.param_shapes
    remedy = "give what network.init, fit or load returned for it"
    many = stacked(network, params) if count is None else None
    if many is not None:
        raise ValueError(
            f"params are those of {many} networks; give those of one: fit.one(0).params, fit.best().best_params, or "
            "jax.tree.map(lambda leaf: leaf[0], params)"
        )
    if jax.tree.structure(params) != jax.tree.structure(template):  # type: ignore[operator]
        raise ValueError(
            f"params is {short_repr(params)}, not parameters of this network ({len(network.layers)} layers); {remedy}"
        )
    for (path, wanted), leaf in zip(jax.tree.leaves_with_path(template), jax.tree.leaves(params), strict=True):
        found = jnp.shape(leaf)
        kind: Any = getattr(leaf, "dtype", type(leaf).__name__)
        text = isinstance(kind, str)
        plain = text or (as_plain("params", leaf).dtype == kind and not isinstance(leaf, np.ma.MaskedArray))
        if text or not plain or not jnp.issubdtype(kind, jnp.floating):
            kind = kind if plain else f"a {type(leaf).__name__} of {kind}"
            raise TypeError(f"params: {jax.tree_util.keystr(path)} is {kind}, but parameters are floats; {remedy}")
        if found != wanted.shape and (count is None or found != (count, *wanted.shape)):
            raise ValueError(
                f"params: {jax.tree_util.keystr(path)} has shape {found}, but {wanted.shape} in this network; {remedy}"
            )


def stacked(network: Network, params: Params) -> int | None:
    """Of how many networks these parameters are, where every array has a leading axis of networks; else None."""
    template = network.param_shapes
    if jax.tree.structure(params) != jax.tree.structure(template):  # type: ignore[operator]
        return None
    leading = set[tuple[int, ...]]()
    for leaf, one in zip(jax.tree.leaves(params), jax.tree.leaves(template), strict=True):
        extra = np.ndim(leaf) - len(one.shape)
        leading.add(np.shape(leaf)[:extra] if np.shape(leaf)[extra:] == one.shape else ())
    axes = leading.pop()
    return axes[0] if len(axes) == 1 and not leading else None


def bind(network: Network, data: Dataset, name: str) -> Network:
    """The network with the scaling and the class names of these data.

    Raises:
        ValueError: if it knows already that they are scaled otherwise, or that the classes are others.
    """
    known, found = (network.scale, network.offset), (data.scale, data.offset)
    if network.scale is not None and known != found:
        raise ValueError(
            f"{name} data: inputs are scaled as {_scaling(*found)}, but the network was trained on {_scaling(*known)}; "
            "give the Dataset the scale and offset of the training data"
        )
    classes = network.classes if data.classes is None else data.classes
    if network.classes not in (None, classes):
        raise ValueError(
            f"{name} data: classes are {_few(classes)}, but the network's are {_few(network.classes)}; number the "
            "labels as in the training data"
        )
    about = (*found, classes)
    return network if about == (*known, network.classes) else _known(network, about, network.input_range)


def with_range(network: Network, data: Dataset) -> Network:
    """The network, which now knows the smallest and the largest number that it saw in these data."""
    about = network.scale, network.offset, network.classes
    return _known(network, about, seen_range(data.inputs, data.scale, data.offset))


@functools.lru_cache(maxsize=64)  # the same object again: what it has found about itself is kept
def _known(network: Network, about: tuple[Any, Any, Any], input_range: Any) -> Network:
    scale, offset, classes = about
    return dataclasses.replace(network, scale=scale, offset=offset, classes=classes, input_range=input_range)


def _few(names: Any) -> str:
    """The first of some names."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def _scaling(scale: Any, offset: Any) -> str:
    words = [f"{value:g}" if isinstance(value, float) else "(one per column)" for value in (scale, offset)]
    return f"{words[0]} * x" + ("" if offset == 0.0 else f" + {words[1]}")


def check_data(network: Network, cost: Cost, data: Any, name: str) -> None:
    """Raise where a data set does not fit the network or the cost."""
    if not isinstance(data, Dataset):
        hint = ", such as splits.training" if hasattr(data, "training") else "(inputs, targets)"
        raise TypeError(f"{name} data is {short_repr(data)}; give a Dataset{hint}")
    for field in ("inputs", "targets"):
        if not hasattr(getattr(data, field), "dtype"):
            kind = type(getattr(data, field)).__name__
            raise TypeError(f"{name} data: {field} is a {kind}; give an array, numpy.asarray of it")
    n, n_in, n_out = len(data), int(np.prod(network.input_shape)), network.output_shape[0]
    width = int(np.prod(data.inputs.shape[1:]))
    if n == 0:
        raise ValueError(f"{name} data: there are no examples; give at least one")
    if width != n_in:
        raise ValueError(
            f"{name} data: inputs have {width} numbers per example (shape {data.inputs.shape[1:]}), but the network "
            f"takes {n_in}; make the network's first size {width}"
        )
    if data.targets.shape[:1] != (n,):
        raise ValueError(
            f"{name} data: {n} inputs but {data.targets.shape[0] if data.targets.ndim else 0} targets; give one target "
            "per example"
        )
    check_kept(f"{name} data: inputs", data.inputs)
    for field in ("scale", "offset"):
        value = getattr(data, field)
        check_kept(f"{name} data: {field}", np.atleast_1d(value))
        if isinstance(value, tuple) and len(value) != n_in:
            raise ValueError(
                f"{name} data: {field} has {len(value)} numbers, but inputs have {n_in} columns; give one number, or "
                f"{n_in}"
            )
    if data.classes is not None and data.has_labels and len(data.classes) != n_out:
        raise ValueError(
            f"{name} data: there are {len(data.classes)} classes ({_few(data.classes)}), but the network has {n_out} "
            f"outputs; give it {len(data.classes)} outputs"
        )
    bind(network, data, name)
    if data.has_labels:
        _check_labels(n_out, data, name)
        return
    vectors = f"float vectors of shape ({n}, {n_out})"
    if cost.one_hot:
        raise ValueError(
            f"{name} data: targets are {data.targets.dtype}, but the {cost.name} cost needs labels; give integers of "
            f"shape ({n},), or use another cost"
        )
    if data.targets.shape[1:] != (n_out,):
        remedy = vectors if n_out == 1 else f"integer labels of shape ({n},) or {vectors}"
        raise ValueError(
            f"{name} data: targets are floats of shape {data.targets.shape}, but the network has {n_out} outputs; give "
            f"{remedy}"
        )
    low, high = cost.target_range
    targets = np.asarray(data.targets)
    bad = targets[~(np.isfinite(in_bits(targets)) & (targets >= low) & (targets <= high))]
    if bad.size:
        wanted = "finite numbers" if np.isinf(low) else f"numbers from {low:g} to {high:g}"
        raise ValueError(
            f"{name} data: targets hold {bad.flat[0]:g}, but the {cost.name} cost takes {wanted}; rescale the targets"
        )


def _check_labels(n_out: int, data: Dataset, name: str) -> None:
    n = len(data)
    if data.targets.ndim != 1 or not jnp.issubdtype(data.targets.dtype, jnp.integer):
        raise ValueError(
            f"{name} data: targets are {data.targets.dtype} of shape {data.targets.shape}; give integer labels of "
            f"shape ({n},) or float vectors of shape ({n}, {n_out})"
        )
    if n_out == 1:
        raise ValueError(
            f"{name} data: targets are labels, but the network has one output; give it one output per class, or give "
            f"float targets of shape ({n}, 1)"
        )
    low, high = int(data.targets.min()), int(data.targets.max())
    if low < 0 or high >= n_out:
        raise ValueError(
            f"{name} data: labels go from {low} to {high}, but the network has {n_out} outputs, for labels 0 to "
            f"{n_out - 1}; give it {high + 1} outputs, or correct the labels"
        )


def check_inputs(network: Network, inputs: Any) -> None:
    """Raise where inputs to ``predict`` are neither a data set nor an array of n examples of the network's input."""
    array = inputs.inputs if isinstance(inputs, Dataset) else inputs
    dtype, shape = getattr(array, "dtype", None), getattr(array, "shape", ())
    if dtype is None or not (jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer)):
        kind = type(array).__name__ if dtype is None else dtype
        raise TypeError(f"inputs are {kind}; give a Dataset, or an array of n examples")
    if isinstance(inputs, Dataset):
        bind(network, inputs, "predicted")
    check_kept("inputs", array)
    if not isinstance(inputs, Dataset) and network.scale is None and not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"inputs are {dtype}, and this network does not know how its inputs were scaled; give the network that fit "
            "returned or that was loaded, or a Dataset with its scale, or floats as the network sees them"
        )
    if int(np.prod(shape[1:])) != int(np.prod(network.input_shape)) or not shape:
        raise ValueError(
            f"inputs have shape {shape}; give n examples, of shape (n, {', '.join(map(str, network.input_shape))})"
        )
