"""The JSON files of the book's network2, read and written."""

import json
import os
import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jnndl import storage
from jnndl.arguments import check_kept
from jnndl.costs import Cost, cross_entropy, quadratic
from jnndl.layers import Affine, Dense
from jnndl.network import Network, Params, mlp
from jnndl.neurons import sigmoid

COSTS = {"QuadraticCost": quadratic, "CrossEntropyCost": cross_entropy}


def save_network2(path: str | os.PathLike, network: Network, params: Params, cost: Cost) -> None:
    """Write a sigmoid network as the book's ``network2.Network.save`` does: JSON with sizes, weights, biases and cost.

    >>> network = jnndl.mlp([64, 30, 10])
    >>> jnndl.save_network2("network.json", network, network.init(0), jnndl.costs.cross_entropy)

    Raises:
        ValueError: if the network or the cost has no counterpart in network2.
    """
    hidden = [layer.neuron for layer in network.layers[:-1] if isinstance(layer, Dense)]
    if len(hidden) < len(network.layers) - 1 or {*hidden, network.neuron} != {sigmoid}:
        raise ValueError("network2's files hold fully connected sigmoid networks only; use jnndl.save for this one")
    names = {known: name for name, known in COSTS.items()}
    if cost not in names:
        raise ValueError(
            f"cost is {cost.name}, which network2 does not have; give {' or '.join(known.name for known in names)}"
        )
    content = {
        "sizes": [params[0].weight.shape[1], *(len(p.bias) for p in params)],
        "weights": [np.asarray(p.weight, float).tolist() for p in params],
        "biases": [np.asarray(p.bias, float)[:, None].tolist() for p in params],
        "cost": names[cost],
    }
    storage.write_atomically(path, lambda temporary: pathlib.Path(temporary).write_text(json.dumps(content)))


def load_network2(path: str | os.PathLike) -> tuple[Network, Params, Cost]:
    """Read a network that the book's ``network2.Network.save`` wrote.

    >>> network = jnndl.mlp([64, 30, 10])
    >>> jnndl.save_network2("network.json", network, network.init(0), jnndl.costs.cross_entropy)
    >>> network, params, cost = jnndl.load_network2("network.json")
    >>> cost.name
    'cross_entropy'

    Returns:
        The network, its parameters and the cost that it was trained with.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not such JSON, or its weights do not fit its sizes.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give the path of a JSON file saved by network2")
    with storage.reading(path, "not a network2 file, JSON with sizes, weights, biases and cost", "save it again"):
        content = json.loads(path.read_text())
        sizes, cost_name, weights, biases = (content[key] for key in ("sizes", "cost", "weights", "biases"))
        network = mlp(list(sizes))
        lengths = len(weights), len(biases)
    if cost_name not in list(COSTS):
        raise ValueError(f"{path}: cost is {cost_name!r}; make it {' or '.join(COSTS)}, network2's two")
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
    return network, tuple(params), COSTS[cost_name]


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
    check_kept(f"{path}: {name}", matrix)
    return jnp.asarray(matrix, float)
