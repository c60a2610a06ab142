"""Networks on disk, as safetensors: arrays and a text header in one file, and no executable code."""

import dataclasses
import itertools
import json
import os
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jnndl import initializers, storage, validation
from jnndl.arguments import short_repr
from jnndl.network import LAYERS, Network, Params
from jnndl.neurons import NEURONS, Neuron

FORMAT, VERSION = "jnndl-network", 2
FLOATS = (np.float16, np.float32, np.float64, jnp.bfloat16)


# What the fields of layers may hold besides plain values: each known thing by its name, under the name of its table.
TABLES: dict[str, dict[str, Any]] = {"neuron": NEURONS, "initializer": initializers.INITIALIZERS}
V1_FIELDS = {"neuron": "neuron", "weight_init": "initializer", "bias_init": "initializer"}  # version 1: bare names


def _encode(value: Any, where: str) -> Any:
    """The value of a field as JSON; ``where`` names the field in an error.

    Raises:
        TypeError: if it is not made of plain values, neurons, initializers and layers.
    """
    if type(value) in LAYERS.values():
        return _describe_layer(value, where)
    for kind, table in TABLES.items():
        name = next((name for name, known in table.items() if known is value), None)
        if name is not None:
            return {kind: name}
    if isinstance(value, tuple | list):
        return [_encode(entry, where) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Neuron):
        if value.name in NEURONS:
            raise ValueError(
                f"{where}: a neuron of your own is named {value.name!r}, as one of jnndl's is; rename yours"
            )
        return {"neuron": value.name}  # the user's: load(network=...) supplies it
    raise TypeError(
        f"{where}: {short_repr(value)} cannot be saved; give a number, a text, a neuron, or a tuple of such values"
    )


def _decode(path: pathlib.Path, value: Any) -> Any:
    """The inverse of ``_encode``. Lists become tuples, because layers must be hashable."""
    if isinstance(value, list):
        return tuple(_decode(path, entry) for entry in value)
    if isinstance(value, dict) and "layer" in value:
        return _build_layer(path, value)
    if isinstance(value, dict):
        ((kind, name),) = value.items()
        if name not in TABLES[kind]:
            raise ValueError(
                f"{path}: has the {kind} {name!r}, which is not one of {', '.join(TABLES[kind])}; load it with "
                "network=..., the network that it was saved from"
            )
        return TABLES[kind][name]
    return value


def _describe_layer(layer: Any, where: str) -> dict[str, Any]:
    """A layer of ``LAYERS`` as JSON: all its fields."""
    found: dict[str, Any] = {"layer": type(layer).__name__}
    known = initializers.INITIALIZERS.values()
    for field in dataclasses.fields(layer):
        value = getattr(layer, field.name)
        if field.default in known and value not in known and callable(value):
            # A user's function cannot be saved; loaded parameters do not need it.
            found[field.name] = {"initializer": None}
        elif field.init:
            found[field.name] = _encode(value, f"{where}, {field.name}")
    return found


def _build_layer(path: pathlib.Path, entry: dict[str, Any]) -> Any:
    """The layer of a description."""
    kind = entry["layer"]
    if kind not in LAYERS:
        raise ValueError(
            f"{path}: has a layer {kind!r}, which is not one of {', '.join(LAYERS)}; load it with network=..., the "
            "network that it was saved from"
        )
    unknown = {"initializer": None}
    return LAYERS[kind](**{k: _decode(path, v) for k, v in entry.items() if k != "layer" and v != unknown})


def describe(network: Network) -> dict[str, Any]:
    """A network as JSON: all fields of the layers in ``LAYERS``, only the class name of another layer."""
    layers: list[dict[str, Any]] = []
    for number, layer in enumerate(network.layers):
        kind = type(layer).__name__
        if kind in LAYERS and type(layer) is not LAYERS[kind]:
            raise ValueError(f"layer {number}: a layer of your own is named {kind}, as one of jnndl's is; rename yours")
        known = type(layer) in LAYERS.values()
        layers.append(_describe_layer(layer, f"layer {number}, {kind}") if known else {"layer": kind})
    rest = {name: getattr(network, name) for name in ("input_shape", "scale", "offset", "classes")}
    if network.input_range is not None:
        rest["input_range"] = network.input_range
    return {"layers": layers, "neuron": _encode(network.neuron, "neuron")["neuron"]} | {
        name: _encode(value, name) for name, value in rest.items()
    }


def _structure(description: dict[str, Any]) -> list[Any]:
    """What must agree between two descriptions: layers without their initializers, output neuron, input shape."""
    layers = [
        {k: v for k, v in layer.items() if not (isinstance(v, dict) and "initializer" in v)}
        for layer in description["layers"]
    ]
    return [*layers, {"output neuron": description["neuron"]}, {"input shape": description["input_shape"]}]


def _upgrade(description: dict[str, Any]) -> dict[str, Any]:
    """A description of format version 1 as one of version 2."""
    layers = [
        {name: {V1_FIELDS[name]: value} if name in V1_FIELDS else value for name, value in layer.items()}
        for layer in description["layers"]
    ]
    return {"scale": None, "offset": 0.0, "classes": None} | description | {"layers": layers}


def _build(path: pathlib.Path, description: dict[str, Any]) -> Network:
    """The network of a description."""
    layers = tuple(_build_layer(path, entry) for entry in description["layers"])
    neuron = _decode(path, {"neuron": description["neuron"]})
    rest = {name: _decode(path, description[name]) for name in ("scale", "offset", "classes")}
    return Network(layers, neuron, tuple(description["input_shape"]), **rest)


def _known(path: pathlib.Path, description: dict[str, Any]) -> dict[str, Any]:
    """What a description says of the data on which the network was trained."""
    known = {name: _decode(path, description[name]) for name in ("scale", "offset", "classes")}
    if description.get("input_range") is not None:
        low, high = description["input_range"]
        known["input_range"] = float(low), float(high)
    return known


def rebuild(path: pathlib.Path, description: dict[str, Any], network: Network | None = None) -> Network:
    """The network that ``describe`` described in a file; or the one given, with what the file knows of its data."""
    network = _build(path, description) if network is None else network
    return _with_scaling(path, network, **_known(path, description))


def save(path: str | os.PathLike, network: Network, params: Params) -> None:
    """Save a network: its architecture, the scale of its inputs and its parameters, in one safetensors file.

    >>> network = jnndl.mlp([64, 30, 10])
    >>> jnndl.save("network.safetensors", network, network.init(0))
    >>> network, params = jnndl.load("network.safetensors")

    Save the network that ``fit`` returned (``fit.network``): it knows how its inputs are scaled and what its classes
    are called, so the file alone is enough to predict from raw inputs. The networks of ``fit_many`` go into one file:
    ``save(path, fit.network, fit.params)``; of the best of them, or of number 3, give ``fit.best().best_params`` or
    ``fit.one(3).params``. An initializer that is not one of ``jnndl.initializers`` is not kept: the loaded network has
    the parameters, but would draw new ones by the default.

    Args:
        path: the file to write, by convention ending in '.safetensors'; an existing file is replaced only once the new
            one is complete.
        network: the network.
        params: its parameters; of many networks, each array with a leading axis of networks.

    Raises:
        TypeError, ValueError: if the parameters are those of another network, or a field of a layer cannot be saved.
    """
    validation.check_network(network)
    many = validation.stacked(network, params)
    validation.check_params(network, params, many)
    for name, leaf in storage.named(params).items():
        if leaf.dtype not in FLOATS:
            raise TypeError(f"params: {name} is {leaf.dtype}; give floats of 16, 32 or 64 bits, by astype(float)")
    tensors = {name: np.asarray(leaf, order="C") for name, leaf in storage.named(params).items()}
    description = describe(network) | ({} if many is None else {"networks": many})
    metadata = {"format": FORMAT, "version": str(VERSION), "network": json.dumps(description)}
    storage.write_tensors(path, tensors, metadata)


def load(path: str | os.PathLike, network: Network | None = None) -> tuple[Network, Params]:
    """Load a network saved by ``save``.

    >>> network = jnndl.mlp([64, 30, 10])
    >>> jnndl.save("network.safetensors", network, network.init(0))
    >>> network, params = jnndl.load("network.safetensors")
    >>> params[0].weight.shape
    (30, 64)

    Args:
        path: the file.
        network: the network that was saved; needed only if it has layers or neurons of your own. None builds it from
            the file.

    Returns:
        The network, which knows the scale of its inputs if it was saved with it, and its parameters. Of a file of many
        networks, these have a leading axis of networks.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no network, of another format version, or of another architecture than ``network``.
    """
    path = pathlib.Path(path)
    metadata, tensors = storage.read_tensors(path, FORMAT, (1, VERSION), "network saved by jnndl.save")
    if network is not None:
        validation.check_network(network)
    with storage.reading(path, "its description of the network is damaged", "save the network again"):
        return _network_of(path, metadata, tensors, network)


def _network_of(
    path: pathlib.Path, metadata: dict[str, str], tensors: dict[str, np.ndarray], network: Network | None
) -> tuple[Network, Params]:
    """The network and the parameters of a file's texts and arrays; arguments as of ``load``."""
    description = json.loads(metadata["network"])
    description = _upgrade(description) if metadata["version"] == "1" else description
    saved = _structure(description)
    network = _build(path, description) if network is None else network
    known = _known(path, description)
    leading = (description["networks"],) if "networks" in description else ()
    template = network.param_shapes
    expected = {name: (*leading, *leaf.shape) for name, leaf in storage.named(template).items()}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if expected != found:
        name = next(name for name in [*expected, *found] if expected.get(name) != found.get(name))
        raise ValueError(
            f"{path}: holds another architecture: {name} has shape {found.get(name, 'none')} in the file, "
            f"{expected.get(name, 'none')} in the network; load it without network=, or with the one it was saved from"
        )
    other = [pair for pair in itertools.zip_longest(saved, _structure(describe(network))) if pair[0] != pair[1]]
    if other:
        raise ValueError(
            f"{path}: holds another architecture: {other[0][0]} in the file, {other[0][1]} in the network; load it "
            "without network=, or with the one it was saved from"
        )
    network = _with_scaling(path, network, **known)
    for name, tensor in tensors.items():
        kept = jax.dtypes.canonicalize_dtype(tensor.dtype)
        if tensor.dtype not in FLOATS or kept != tensor.dtype:
            raise ValueError(
                f"{path}: {name} is {tensor.dtype}, which would become {kept}; load it under jax.enable_x64(True)"
                if tensor.dtype in FLOATS
                else f"{path}: {name} is {tensor.dtype}, but parameters are floats; save the network again"
            )
    return network, jax.tree.unflatten(
        jax.tree.structure(template), [jnp.asarray(tensors[name]) for name in storage.named(template)]
    )


def _with_scaling(
    path: pathlib.Path, network: Network, scale: Any, offset: Any, classes: Any, input_range: Any = None
) -> Network:
    """The network, with the input scaling, the class names and the range of inputs of a file."""
    saved = {"classes": classes} | ({} if scale is None else {"scale": scale, "offset": offset})
    if network.scale is None and scale is not None:
        network = dataclasses.replace(network, scale=scale, offset=offset)
    if network.classes is None and classes is not None:
        network = dataclasses.replace(network, classes=classes)
    for name, value in saved.items():
        if value is not None and getattr(network, name) != value:
            raise ValueError(
                f"{path}: {name} is {value} in the file, {getattr(network, name)} in the network; load it without "
                "network=, or with the one it was saved from"
            )
    return network if input_range is None else dataclasses.replace(network, input_range=input_range)
