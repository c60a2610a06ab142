"""Networks on disk: safetensors, arrays and a text header in one file, with nothing in it that could run.

Also the JSON files of the book's network2.
"""

import itertools
import json
import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from jnndl import initializers
from jnndl.costs import Cost, cross_entropy, quadratic
from jnndl.layers import LAYERS, Affine, Dense, Layer
from jnndl.network import Network, Params, mlp
from jnndl.neurons import NEURONS, Neuron, sigmoid

FORMAT, VERSION = "jnndl-network", 1
NETWORK2_COSTS = {"QuadraticCost": quadratic, "CrossEntropyCost": cross_entropy}


def write_atomically(path: str | os.PathLike, write: Callable[[str], Any]) -> None:
    """Let ``write(temporary)`` make a file, and give it its name only when it is whole."""
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; make it first")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = pathlib.Path(folder) / path.name
        write(str(temporary))
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before it has its name: a crash leaves the old file or the new
        os.replace(temporary, path)


def _describe_field(value: Any) -> Any:
    if isinstance(value, Neuron):
        return value.name
    if callable(value):  # an initializer: the book's have names, another one's is not kept
        return next((name for name, known in initializers.INITIALIZERS.items() if known is value), None)
    return value


def _describe(network: Network) -> dict[str, Any]:
    def fields(layer: Layer) -> dict[str, Any]:
        known = type(layer) in LAYERS.values()  # of a layer of one's own only the name: a file cannot build it
        return {name: _describe_field(value) for name, value in vars(layer).items()} if known else {}

    layers = [{"layer": type(layer).__name__} | fields(layer) for layer in network.layers]
    return {"layers": layers, "neuron": network.neuron.name, "input_shape": list(network.input_shape)}


def _structure(description: dict[str, Any]) -> list[Any]:
    """What has to be equal in two descriptions: all but the initializers, which no longer matter."""
    layers = [{k: v for k, v in layer.items() if not k.endswith("_init")} for layer in description["layers"]]
    return [*layers, {"output neuron": description["neuron"]}, {"input shape": description["input_shape"]}]


def _build_layer(path: pathlib.Path, description: dict[str, Any]) -> Layer:
    fields = dict(description)
    kind = fields.pop("layer")
    if kind not in LAYERS:
        raise ValueError(
            f"{path}: has a layer {kind!r}, which is not one of {', '.join(LAYERS)}; load it with network=..., the "
            "network that it was saved from"
        )
    for name, known in (
        ("neuron", NEURONS),
        ("weight_init", initializers.INITIALIZERS),
        ("bias_init", initializers.INITIALIZERS),
    ):
        if name in fields:
            value = fields.pop(name)
            if value is not None:
                fields[name] = _lookup(path, name, value, known)
    return LAYERS[kind](**fields)


def _lookup(path: pathlib.Path, what: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise ValueError(
            f"{path}: has the {what} {name!r}, which is not one of {', '.join(known)}; load it with network=..., the "
            "network that it was saved from"
        )
    return known[name]


def named(params: PyTree) -> dict[str, Any]:
    """Each array under its path, '0.weight' for the weights of the first layer."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in jax.tree.leaves_with_path(params)
    }


def save(path: str | os.PathLike, network: Network, params: Params) -> None:
    """Save a network: its architecture and its parameters, in one safetensors file.

    An initializer that is not one of ``jnndl.initializers`` is not kept: the loaded network has the parameters, but
    would draw new ones by the default.

    Args:
        path: the file to write, '.safetensors' by custom; an old one is replaced only by a whole new one.
        network: the network.
        params: its parameters.
    """
    from safetensors.numpy import save_file  # here, so that importing the library stays light

    tensors = {name: np.asarray(leaf, order="C") for name, leaf in named(params).items()}
    metadata = {"format": FORMAT, "version": str(VERSION), "network": json.dumps(_describe(network))}
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata))


def read_tensors(
    path: str | os.PathLike, kind: str, version: int, what: str
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The metadata and the arrays of a safetensors file of ours.

    Args:
        path: the file.
        kind: its kind, under "format" in its metadata.
        version: the version of that format.
        what: the kind in words.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not whole, of another kind, or of another version.
    """
    from safetensors import SafetensorError, safe_open

    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give the path of a {what}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error}); give a {what}") from error
    if metadata.get("format") != kind:
        raise ValueError(f"{path}: a safetensors file, but not a {what}; give one that is")
    if metadata.get("version") != str(version):
        raise ValueError(
            f"{path}: has format version {metadata.get('version')}, this jnndl reads version {version}; load it with "
            "the jnndl that saved it"
        )
    return metadata, tensors


def load(path: str | os.PathLike, network: Network | None = None) -> tuple[Network, Params]:
    """Load a network saved by ``save``.

    Args:
        path: the file.
        network: the network it should be, needed where it has layers of your own; None builds it from the file.

    Returns:
        The network and its parameters.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no network, of another format version, or of another architecture than ``network``.
    """
    path = pathlib.Path(path)
    metadata, tensors = read_tensors(path, FORMAT, VERSION, "network saved by jnndl.save")
    try:
        description = json.loads(metadata["network"])
        saved = _structure(description)
        if network is None:
            layers = tuple(_build_layer(path, layer) for layer in description["layers"])
            neuron = _lookup(path, "neuron", description["neuron"], NEURONS)
            network = Network(layers, neuron, tuple(description["input_shape"]))
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: its description of the network is damaged ({error!r}); save the network again"
        ) from error
    template = network.param_shapes
    expected, found = ({name: tuple(leaf.shape) for name, leaf in tree.items()} for tree in (named(template), tensors))
    if expected != found:
        name = next(name for name in [*expected, *found] if expected.get(name) != found.get(name))
        raise ValueError(
            f"{path}: holds another architecture: {name} has shape {found.get(name, 'none')} in the file, "
            f"{expected.get(name, 'none')} in the network; load it without network=, or with the one it was saved from"
        )
    other = [pair for pair in itertools.zip_longest(saved, _structure(_describe(network))) if pair[0] != pair[1]]
    if other:
        raise ValueError(
            f"{path}: holds another architecture: {other[0][0]} in the file, {other[0][1]} in the network; load it "
            "without network=, or with the one it was saved from"
        )
    for name, tensor in tensors.items():
        kept = jax.dtypes.canonicalize_dtype(tensor.dtype)
        if tensor.dtype.kind != "f" or kept != tensor.dtype:
            raise ValueError(
                f"{path}: {name} is {tensor.dtype}, which would become {kept}; load it under jax.enable_x64(True)"
                if tensor.dtype.kind == "f"
                else f"{path}: {name} is {tensor.dtype}, but parameters are floats; save the network again"
            )
    return network, jax.tree.unflatten(
        jax.tree.structure(template), [jnp.asarray(tensors[name]) for name in named(template)]
    )


def save_network2(path: str | os.PathLike, network: Network, params: Params, cost: Cost) -> None:
    """Write a sigmoid network as the book's ``network2.Network.save`` does: JSON with sizes, weights, biases and cost.

    Raises:
        ValueError: if the network or the cost has no counterpart in network2.
    """
    hidden = [layer.neuron for layer in network.layers[:-1] if isinstance(layer, Dense)]
    if len(hidden) < len(network.layers) - 1 or {*hidden, network.neuron} != {sigmoid}:
        raise ValueError("network2's files hold fully connected sigmoid networks only; use jnndl.save for this one")
    names = {known: name for name, known in NETWORK2_COSTS.items()}
    if cost not in names:
        raise ValueError(f"network2 has no {cost.name} cost; give {' or '.join(known.name for known in names)}")
    content = {
        "sizes": [params[0].weight.shape[1], *(len(p.bias) for p in params)],
        "weights": [np.asarray(p.weight, float).tolist() for p in params],
        "biases": [np.asarray(p.bias, float)[:, None].tolist() for p in params],
        "cost": names[cost],
    }
    write_atomically(path, lambda temporary: pathlib.Path(temporary).write_text(json.dumps(content)))


def load_network2(path: str | os.PathLike) -> tuple[Network, Params, Cost]:
    """Read a network that the book's ``network2.Network.save`` wrote.

    Returns:
        The network, its parameters and the cost that it was trained with.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not such JSON, or its weights do not fit its sizes.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give the path of a JSON file saved by network2")
    try:
        content = json.loads(path.read_text())
        sizes, cost_name, weights, biases = (content[key] for key in ("sizes", "cost", "weights", "biases"))
        network = mlp(list(sizes))
        lengths = len(weights), len(biases)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path}: not a network2 file, JSON with sizes, weights, biases and cost ({error!r}); save it again"
        ) from error
    if cost_name not in list(NETWORK2_COSTS):
        raise ValueError(f"{path}: cost is {cost_name!r}; make it {' or '.join(NETWORK2_COSTS)}, network2's two")
    if lengths != (len(sizes) - 1, len(sizes) - 1):
        raise ValueError(
            f"{path}: {len(sizes)} sizes need {len(sizes) - 1} weight matrices and biases, but there are "
            f"{lengths[0]} and {lengths[1]}; save the network again"
        )
    params = []
    for number, (n_in, n_out, weight, bias) in enumerate(zip(sizes[:-1], sizes[1:], weights, biases, strict=True)):
        params.append(
            Affine(
                weight=_matrix(path, f"weights[{number}]", weight, (n_out, n_in)),
                bias=_matrix(path, f"biases[{number}]", bias, (n_out, 1))[:, 0],
            )
        )
    return network, tuple(params), NETWORK2_COSTS[cost_name]


def _matrix(path: pathlib.Path, name: str, rows: Any, shape: tuple[int, int]) -> Array:
    try:
        matrix = np.asarray(rows)
        if matrix.dtype.kind not in "iuf":
            raise ValueError(f"dtype {matrix.dtype}")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path}: {name} has rows of different lengths or no numbers; save the network again"
        ) from error
    if matrix.shape != shape:
        raise ValueError(f"{path}: {name} has shape {matrix.shape}, but sizes ask for {shape}; save the network again")
    return jnp.asarray(matrix, float)
