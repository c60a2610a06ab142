"""Networks on disk: safetensors, arrays and a text header in one file, with nothing in it that could run."""

import dataclasses
import itertools
import json
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jnndl import initializers, validation
from jnndl.arguments import short_repr
from jnndl.layers import LAYERS
from jnndl.network import Network, Params
from jnndl.neurons import NEURONS, Neuron

FORMAT, VERSION = "jnndl-network", 2


# What the fields of layers may hold besides plain values: each known thing by its name, under the name of its table.
TABLES: dict[str, dict[str, Any]] = {"neuron": NEURONS, "initializer": initializers.INITIALIZERS}
V1_FIELDS = {"neuron": "neuron", "weight_init": "initializer", "bias_init": "initializer"}  # version 1: bare names


def write_atomically(path: str | os.PathLike, write: Callable[[str], Any]) -> None:
    """Let ``write(temporary)`` make a file, and give it its name only when it is whole.

    A process that is killed while it writes leaves its temporary file behind; the next one to write here removes it.
    """
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; make it first")
    start, end = f".{path.stem}.", f".partial{path.suffix}"  # the same ending: some writers go by it
    for stale in path.parent.iterdir():
        ours = stale.name.startswith(start) and stale.name.endswith(end)
        if ours and not _is_alive(stale.name.removeprefix(start).removesuffix(end)):
            stale.unlink(missing_ok=True)
    temporary = path.with_name(f"{start}{os.getpid()}{end}")
    try:
        write(str(temporary))
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before it has its name: a crash leaves the old file or the new
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _is_alive(process: str) -> bool:
    """Whether a process runs; True where that cannot be known."""
    if os.name != "posix" or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)  # sends nothing
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _encode(value: Any, where: str) -> Any:
    """The value of a field as JSON; ``where`` it stands is for the error.

    Raises:
        TypeError: if it is not made of plain values, neurons and initializers.
    """
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
        return {"neuron": value.name}  # one's own: loaded with network=
    raise TypeError(
        f"{where}: {short_repr(value)} cannot be saved; give a number, a text, a neuron, or a tuple of such values"
    )


def _decode(path: pathlib.Path, value: Any) -> Any:
    """What ``_encode`` made JSON of. Lists become tuples: a layer is hashable."""
    if isinstance(value, list):
        return tuple(_decode(path, entry) for entry in value)
    if isinstance(value, dict):
        ((kind, name),) = value.items()
        if name not in TABLES[kind]:
            raise ValueError(
                f"{path}: has the {kind} {name!r}, which is not one of {', '.join(TABLES[kind])}; load it with "
                "network=..., the network that it was saved from"
            )
        return TABLES[kind][name]
    return value


def _describe(network: Network) -> dict[str, Any]:
    """A network as JSON: of each known layer all its fields, of a layer of one's own only the name."""
    layers: list[dict[str, Any]] = []
    for number, layer in enumerate(network.layers):
        kind = type(layer).__name__
        layers.append({"layer": kind})
        if type(layer) in LAYERS.values():
            for field in dataclasses.fields(layer):  # type: ignore[arg-type]
                value = getattr(layer, field.name)
                if callable(field.default) and value not in initializers.INITIALIZERS.values():
                    layers[-1][field.name] = {"initializer": None}  # one's own is not kept, and no longer matters
                elif field.init:
                    layers[-1][field.name] = _encode(value, f"layer {number}, {kind}, {field.name}")
    rest = {name: getattr(network, name) for name in ("input_shape", "scale", "offset", "classes")}
    return {"layers": layers, "neuron": network.neuron.name} | {
        name: _encode(value, name) for name, value in rest.items()
    }


def _structure(description: dict[str, Any]) -> list[Any]:
    """What has to be equal in two descriptions: all but the initializers, which no longer matter."""
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
    layers = []
    for entry in description["layers"]:
        kind = entry["layer"]
        if kind not in LAYERS:
            raise ValueError(
                f"{path}: has a layer {kind!r}, which is not one of {', '.join(LAYERS)}; load it with network=..., the "
                "network that it was saved from"
            )
        unknown = {"initializer": None}
        fields = {k: _decode(path, v) for k, v in entry.items() if k != "layer" and v != unknown}
        layers.append(LAYERS[kind](**fields))
    neuron = _decode(path, {"neuron": description["neuron"]})
    rest = {name: _decode(path, description[name]) for name in ("scale", "offset", "classes")}
    return Network(tuple(layers), neuron, tuple(description["input_shape"]), **rest)


def named(params: PyTree) -> dict[str, Any]:
    """Each array under its path, '0.weight' for the weights of the first layer."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in jax.tree.leaves_with_path(params)
    }


def save(path: str | os.PathLike, network: Network, params: Params) -> None:
    """Save a network: its architecture, the scale of its inputs and its parameters, in one safetensors file.

    Save the network that ``fit`` returned (``fit.network``): it knows how its inputs are scaled, so the file alone is
    enough to predict from raw inputs. An initializer that is not one of ``jnndl.initializers`` is not kept: the loaded
    network has the parameters, but would draw new ones by the default.

    Args:
        path: the file to write, '.safetensors' by custom; an old one is replaced only by a whole new one.
        network: the network.
        params: its parameters.

    Raises:
        TypeError, ValueError: if the parameters are those of another network, or a field of a layer cannot be saved.
    """
    validation.check_params(network, params)
    tensors = {name: np.asarray(leaf, order="C") for name, leaf in named(params).items()}
    metadata = {"format": FORMAT, "version": str(VERSION), "network": json.dumps(_describe(network))}
    write_tensors(path, tensors, metadata)


def write_tensors(path: str | os.PathLike, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write arrays and texts into a safetensors file, whole or not at all."""
    from safetensors.numpy import save_file  # here, so that importing the library stays light

    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata))


def read_tensors(
    path: str | os.PathLike, kind: str, versions: Sequence[int], what: str
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The metadata and the arrays of a safetensors file of ours.

    Args:
        path: the file.
        kind: its kind, under "format" in its metadata.
        versions: the versions of that format that can be read.
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
    if metadata.get("version") not in [str(version) for version in versions]:
        raise ValueError(
            f"{path}: has format version {metadata.get('version')}, this jnndl reads "
            f"{' and '.join(map(str, versions))}; load it with the jnndl that saved it"
        )
    return metadata, tensors


def load(path: str | os.PathLike, network: Network | None = None) -> tuple[Network, Params]:
    """Load a network saved by ``save``.

    Args:
        path: the file.
        network: the network it should be, needed where it has layers of your own; None builds it from the file.

    Returns:
        The network, which knows the scale of its inputs if it was saved with it, and its parameters.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no network, of another format version, or of another architecture than ``network``.
    """
    path = pathlib.Path(path)
    metadata, tensors = read_tensors(path, FORMAT, (1, VERSION), "network saved by jnndl.save")
    try:
        description = json.loads(metadata["network"])
        description = _upgrade(description) if metadata["version"] == "1" else description
        saved = _structure(description)
        network = _build(path, description) if network is None else _knowing(path, description, network)
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


def _knowing(path: pathlib.Path, description: dict[str, Any], network: Network) -> Network:
    """A network at hand, with what the file knows of its inputs and classes."""
    known = {name: _decode(path, description[name]) for name in ("scale", "offset", "classes")}
    if network.scale is None and known["scale"] is not None:
        network = dataclasses.replace(network, scale=known["scale"], offset=known["offset"])
    if network.classes is None and known["classes"] is not None:
        network = dataclasses.replace(network, classes=known["classes"])
    if known["scale"] is not None and (network.scale, network.offset) != (known["scale"], known["offset"]):
        raise ValueError(
            f"{path}: its network was trained on inputs times {known['scale']} plus {known['offset']}, but network has "
            f"scale {network.scale} and offset {network.offset}; load it without network=, or with the one it was "
            "saved from"
        )
    return network
