"""Networks on disk: safetensors, arrays and a text header in one file, with nothing in it that could run.

Also the JSON files of the book's network2.
"""

import json
import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

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
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = pathlib.Path(folder) / path.name
        write(str(temporary))
        os.replace(temporary, path)


def _describe_field(value: Any) -> Any:
    if isinstance(value, Neuron):
        return value.name
    if callable(value):  # an initializer: the book's have names, another one's is not kept
        return next((name for name, known in initializers.INITIALIZERS.items() if known is value), None)
    return value


def _describe(network: Network) -> dict[str, Any]:
    layers = [
        {"layer": type(layer).__name__} | {name: _describe_field(value) for name, value in vars(layer).items()}
        for layer in network.layers
    ]
    return {"layers": layers, "neuron": network.neuron.name, "input_shape": network.input_shape}


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
                fields[name] = known[value]
    return LAYERS[kind](**fields)


def _named(params: Params) -> dict[str, Any]:
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

    tensors = {name: np.ascontiguousarray(leaf) for name, leaf in _named(params).items()}
    metadata = {"format": FORMAT, "version": str(VERSION), "network": json.dumps(_describe(network))}
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata))


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
    from safetensors import SafetensorError, safe_open

    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give the path of a network saved by jnndl.save")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error}); save the network again") from error
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: a safetensors file, but not a network saved by jnndl.save; give one that is")
    if metadata.get("version") != str(VERSION):
        raise ValueError(
            f"{path}: has format version {metadata.get('version')}, this jnndl reads version {VERSION}; load it with "
            "the jnndl that saved it"
        )
    if network is None:
        description = json.loads(metadata["network"])
        layers = tuple(_build_layer(path, layer) for layer in description["layers"])
        network = Network(layers, NEURONS[description["neuron"]], tuple(description["input_shape"]))
    template = jax.eval_shape(lambda: network.init(jax.random.key(0)))
    expected, found = ({name: tuple(leaf.shape) for name, leaf in tree.items()} for tree in (_named(template), tensors))
    if expected != found:
        name = next(name for name in [*expected, *found] if expected.get(name) != found.get(name))
        raise ValueError(
            f"{path}: holds another architecture: {name} has shape {found.get(name, 'none')} in the file, "
            f"{expected.get(name, 'none')} in the network; load it without network=, or with the one it was saved from"
        )
    return network, jax.tree.unflatten(
        jax.tree.structure(template), [jnp.asarray(tensors[name]) for name in _named(template)]
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
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not a network2 file, JSON with sizes, weights, biases and cost ({error!r}); save it again"
        ) from error
    if cost_name not in NETWORK2_COSTS:
        raise ValueError(f"{path}: cost is {cost_name!r}; network2 has {' and '.join(NETWORK2_COSTS)}")
    network = mlp(sizes)
    if len(weights) != len(sizes) - 1 or len(biases) != len(sizes) - 1:
        raise ValueError(
            f"{path}: {len(sizes)} sizes need {len(sizes) - 1} weight matrices and biases, but there are "
            f"{len(weights)} and {len(biases)}; save the network again"
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
        matrix = np.asarray(rows, float)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path}: {name} has rows of different lengths or no numbers; save the network again"
        ) from error
    if matrix.shape != shape:
        raise ValueError(f"{path}: {name} has shape {matrix.shape}, but sizes ask for {shape}; save the network again")
    return jnp.asarray(matrix, float)
