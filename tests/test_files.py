"""Networks on disk: safetensors and network2's JSON, read and written, whole or not at all."""

import ast
import dataclasses
import functools
import itertools
import json
import os
import pathlib
import platform
import re
import struct
import subprocess
import sys
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from samples import blobs, draw

import jnndl
from jnndl import costs, files, initializers, network2, neurons, storage
from jnndl.layers import Affine, Dense, Dropout
from jnndl.network import Network, mlp


def in_order(*parts):
    """A pattern for a sentence that holds these parts, one after another."""
    return "(?s)" + ".*".join(re.escape(str(part)) for part in parts)


def bits(params):
    return [(leaf.shape, leaf.dtype, np.asarray(leaf).tobytes()) for leaf in jax.tree.leaves(params)]


NETWORKS = {
    "sigmoid": mlp([5, 4, 3]),
    "relu-and-softmax": mlp([5, 4, 4, 3], hidden=neurons.relu, output=neurons.softmax),
    "tanh": mlp([2, 3, 1], hidden=neurons.tanh, output=neurons.tanh),
    "one-layer": mlp([3, 2], output=neurons.linear),
    "perceptron": mlp([2, 2, 1], hidden=neurons.step, output=neurons.step),
    "size-1": mlp([1, 1, 1]),
    "dropout": Network(
        (Dropout(0.25), Dense(5, 4, neurons.relu), Dropout(0.5), Dense(4, 3, neurons.linear)), neurons.softmax, (5,)
    ),
    "sigmoid-with-dropout": Network((Dense(5, 4), Dropout(0.5), Dense(4, 3, neurons.linear)), neurons.sigmoid, (5,)),
    "initializers": mlp([5, 4, 3], weight_init=initializers.large, bias_init=initializers.zeros),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.safetensors"


@pytest.fixture
def saved(path):
    """A 5-4-3 network, its parameters, and the file that holds them."""
    network = mlp([5, 4, 3])
    params = draw(network)
    jnndl.save(path, network, params)
    return network, params, path


# Safetensors: round trips


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_network_and_bits_come_back(path, network):
    params = draw(network)
    jnndl.save(path, network, params)
    loaded, loaded_params = jnndl.load(path)
    assert loaded == network
    assert hash(loaded) == hash(network)
    assert jax.tree.structure(loaded_params) == jax.tree.structure(params)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(loaded_params))
    assert bits(loaded_params) == bits(params)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_network_and_bits_come_back_into_a_network_at_hand(path, network):
    params = draw(network)
    jnndl.save(path, network, params)
    loaded, loaded_params = jnndl.load(path, network)
    assert loaded is network
    assert bits(loaded_params) == bits(params)


def test_loaded_network_gives_the_same_outputs(path):
    network = NETWORKS["dropout"]
    params = draw(network)
    x = np.linspace(-1, 1, 35, dtype=np.float32).reshape(7, 5)
    jnndl.save(path, network, params)
    outputs = jnndl.predict(*jnndl.load(path), x).outputs
    assert outputs.tobytes() == jnndl.predict(network, params, x).outputs.tobytes()


def test_axes_of_size_1_are_kept(path):
    network = mlp([1, 1])
    jnndl.save(path, network, draw(network))
    (layer,) = jnndl.load(path)[1]
    assert (layer.weight.shape, layer.bias.shape) == ((1, 1), (1,))


def test_float64_comes_back(path, x64):
    network = mlp([5, 4, 3])
    params = draw(network)
    jnndl.save(path, network, params)
    loaded = jnndl.load(path)[1]
    assert {leaf.dtype for leaf in jax.tree.leaves(loaded)} == {np.dtype("float64")}
    assert bits(loaded) == bits(params)


def test_special_values_and_signs_come_back(path):
    values = np.array([[np.nan, np.inf, -np.inf, -0.0, 1e-45]], np.float32)
    network = mlp([5, 1])
    jnndl.save(path, network, (Affine(values, np.zeros(1, np.float32)),))
    assert np.asarray(jnndl.load(path)[1][0].weight).tobytes() == values.tobytes()


def test_transposed_arrays_are_saved_as_they_read(path):
    weight = np.arange(6, dtype=np.float32).reshape(3, 2).T  # not contiguous in memory
    jnndl.save(path, mlp([3, 2]), (Affine(weight, np.zeros(2, np.float32)),))
    np.testing.assert_array_equal(jnndl.load(path)[1][0].weight, [[0, 2, 4], [1, 3, 5]])


def test_path_may_be_a_string(saved):
    network, params, path = saved
    jnndl.save(str(path), network, params)
    assert bits(jnndl.load(str(path))[1]) == bits(params)


def test_saving_again_replaces_the_file(saved):
    network, _, path = saved
    other = draw(network, seed=2)
    jnndl.save(path, network, other)
    assert bits(jnndl.load(path)[1]) == bits(other)
    assert list(path.parent.iterdir()) == [path]


def test_initializer_of_ones_own_is_dropped_and_the_rest_kept(path):
    he = jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2)
    network = mlp([5, 4, 3], hidden=neurons.relu, weight_init=he, bias_init=initializers.zeros)
    params = draw(network)
    jnndl.save(path, network, params)
    loaded, loaded_params = jnndl.load(path)
    assert [layer.weight_init for layer in loaded.layers] == [initializers.default] * 2
    assert [layer.bias_init for layer in loaded.layers] == [initializers.zeros] * 2
    assert loaded.layers[0].neuron is neurons.relu
    assert bits(loaded_params) == bits(params)


# Safetensors: the format, read and written by hand


def read_by_hand(path):
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    metadata = header.pop("__metadata__")
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = np.frombuffer(body[start:end], {"F32": "<f4"}[entry["dtype"]])
        arrays[name] = values.reshape(entry["shape"])
    return metadata, arrays


def write_by_hand(path, metadata, arrays):
    header, body = {}, b""
    for name, values in arrays.items():
        content = np.asarray(values, "<f4").tobytes()
        offsets = [len(body), len(body) + len(content)]
        header[name] = {"dtype": "F32", "shape": list(np.shape(values)), "data_offsets": offsets}
        body += content
    if metadata is not None:
        header["__metadata__"] = metadata
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


DENSE = {"layer": "Dense", "n_in": 3, "n_out": 2, "neuron": "linear", "weight_init": "large", "bias_init": None}
ONE_LAYER = {"layers": [DENSE], "neuron": "softmax", "input_shape": [3]}
METADATA = {"format": "jnndl-network", "version": "1", "network": json.dumps(ONE_LAYER)}
ARRAYS = {"0.weight": [[1, 2, 3], [4, 5, 6]], "0.bias": [7, 8]}


def test_file_holds_each_array_under_its_path(saved):
    _, params, path = saved
    metadata, arrays = read_by_hand(path)
    assert (metadata["format"], metadata["version"]) == ("jnndl-network", "2")
    assert sorted(arrays) == ["0.bias", "0.weight", "1.bias", "1.weight"]
    np.testing.assert_array_equal(arrays["0.weight"], params[0].weight)
    np.testing.assert_array_equal(arrays["1.bias"], params[1].bias)


def test_file_describes_the_network_in_json(path):
    network = NETWORKS["dropout"]
    jnndl.save(path, network, draw(network))
    description = json.loads(read_by_hand(path)[0]["network"])
    names = {
        "neuron": {"neuron": "relu"},
        "weight_init": {"initializer": "default"},
        "bias_init": {"initializer": "large"},
    }
    assert description["layers"] == [
        {"layer": "Dropout", "rate": 0.25},
        {"layer": "Dense", "n_in": 5, "n_out": 4} | names,
        {"layer": "Dropout", "rate": 0.5},
        {"layer": "Dense", "n_in": 4, "n_out": 3} | names | {"neuron": {"neuron": "linear"}},
    ]
    assert (description["neuron"], description["input_shape"]) == ("softmax", [5])


def test_file_made_by_hand_loads(path):
    write_by_hand(path, METADATA, ARRAYS)
    network, (layer,) = jnndl.load(path)
    assert network == Network((Dense(3, 2, neurons.linear, initializers.large),), neurons.softmax, (3,))
    np.testing.assert_array_equal(layer.weight, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(layer.bias, [7, 8])


# Safetensors: a layer of one's own


class Shift(NamedTuple):
    by: Any


@dataclasses.dataclass(frozen=True)
class Shifting:
    """A user's layer, a' = a + by."""

    n: int

    def init(self, key):
        return Shift(jax.random.normal(key, (self.n,)))

    def forward(self, params, a, key=None):
        return a + params.by, ()

    def backward(self, params, saved, grad):
        return grad, Shift(jnp.sum(grad, axis=0))


@pytest.fixture
def own(path):
    """A network with a layer of the user's own, its parameters, and the file that holds them."""
    network = Network((Shifting(3), Dense(3, 2, neurons.linear)), neurons.sigmoid, (3,))
    params = draw(network)
    jnndl.save(path, network, params)
    return network, params, path


def test_layer_of_ones_own_cannot_be_built_from_a_file(own):
    path = own[2]
    what = (f"{path}: has a layer 'Shifting'", "not one of Dense, Dropout", "load it with network=")
    with pytest.raises(ValueError, match=in_order(*what)):
        jnndl.load(path)


def test_layer_of_ones_own_loads_into_its_network(own):
    network, params, path = own
    loaded, loaded_params = jnndl.load(path, network=network)
    assert loaded is network
    assert jax.tree.structure(loaded_params) == jax.tree.structure(params)
    assert bits(loaded_params) == bits(params)


# Safetensors: what does not load


def test_file_that_is_not_there_is_named(path):
    with pytest.raises(FileNotFoundError, match=in_order(f"{path}: there is no such file", "jnndl.save")):
        jnndl.load(path)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x80\x04\x95 a pickle, say", b"{}" * 50, struct.pack("<Q", 2**63) + b"{}"]
)
def test_file_of_another_kind_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=in_order(f"{path}: not a whole safetensors file", "give a network saved by jnndl.save")
    ):
        jnndl.load(path)


@pytest.mark.parametrize("kept", [4, 8, 100, -4, -1])
def test_cut_file_is_refused(saved, kept):
    path = saved[2]
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        ValueError, match=in_order(f"{path}: not a whole safetensors file", "give a network saved by jnndl.save")
    ):
        jnndl.load(path)


def test_file_with_something_appended_is_refused(saved):
    path = saved[2]
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(
        ValueError, match=in_order(f"{path}: not a whole safetensors file", "give a network saved by jnndl.save")
    ):
        jnndl.load(path)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {"version": "1"}])
def test_safetensors_of_others_are_refused(path, metadata):
    write_by_hand(path, metadata, ARRAYS)
    with pytest.raises(
        ValueError, match=in_order(f"{path}: a safetensors file, but not a network saved by jnndl.save")
    ):
        jnndl.load(path)


@pytest.mark.parametrize("version", ["0", "3", "1.0"])
def test_another_format_version_is_named(path, version):
    write_by_hand(path, METADATA | {"version": version}, ARRAYS)
    what = f"{path}: has format version {version}, this jnndl reads 1 and 2; load it with the version of jnndl that"
    with pytest.raises(ValueError, match=in_order(what)):
        jnndl.load(path)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (mlp([5, 6, 3]), "0.weight has shape (4, 5) in the file, (6, 5) in the network"),
        (mlp([6, 4, 3]), "0.weight has shape (4, 5) in the file, (4, 6) in the network"),
        (mlp([5, 4, 1]), "1.weight has shape (3, 4) in the file, (1, 4) in the network"),
        (mlp([5, 4, 3, 2]), "2.weight has shape none in the file, (2, 3) in the network"),
        (mlp([5, 4]), "in the file, none in the network"),
        (
            Network((Dropout(0.5), Dense(5, 4), Dense(4, 3, neurons.linear)), neurons.sigmoid, (5,)),
            "1.weight has shape (3, 4) in the file, (4, 5) in the network",
        ),
    ],
    ids=["wider", "more-inputs", "fewer-outputs", "deeper", "shallower", "shifted-by-a-dropout"],
)
def test_another_architecture_is_refused_with_array_and_shapes(saved, network, sentence):
    path = saved[2]
    what = (f"{path}: holds another architecture: ", sentence, "load it without network=")
    with pytest.raises(ValueError, match=in_order(*what)):
        jnndl.load(path, network=network)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"0.weight": ARRAYS["0.weight"]}, "0.bias has shape none in the file, (2,) in the network"),
        (ARRAYS | {"1.bias": [1]}, "1.bias has shape (1,) in the file, none in the network"),
        (ARRAYS | {"0.weight": [[1, 2], [3, 4], [5, 6]]}, "0.weight has shape (3, 2) in the file, (2, 3)"),
    ],
)
def test_file_whose_arrays_do_not_fit_its_own_description_is_refused(path, arrays, sentence):
    write_by_hand(path, METADATA, arrays)
    with pytest.raises(ValueError, match=in_order(f"{path}: holds another architecture: {sentence}")):
        jnndl.load(path)


@pytest.mark.parametrize("kind", ["Convolution", "object", "__import__", "os.system"])
def test_only_layers_of_the_table_are_built_from_a_file(path, kind):
    write_by_hand(path, METADATA | {"network": json.dumps(ONE_LAYER | {"layers": [{"layer": kind}]})}, ARRAYS)
    with pytest.raises(ValueError, match=in_order(f"{path}: has a layer {kind!r}", "not one of Dense, Dropout")):
        jnndl.load(path)


# Nothing half written, nothing that runs


def break_off(monkeypatch, error):
    """Let the writers raise when all is written but not yet safe on the disk."""

    def full(_):
        raise error

    monkeypatch.setattr(os, "fsync", full)


SAVERS = {
    "save": jnndl.save,
    "save_network2": lambda path, network, params: network2.save_network2(path, network, params, costs.quadratic),
}


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()], ids=["full", "interrupted"])
@pytest.mark.parametrize("saver", SAVERS.values(), ids=SAVERS)
def test_save_that_breaks_off_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch, saver, error):
    network, path = mlp([3, 2]), tmp_path / "network"
    saver(path, network, draw(network))
    before = path.read_bytes()
    break_off(monkeypatch, error)
    with pytest.raises(type(error)):
        saver(path, network, draw(network, seed=2))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("saver", SAVERS.values(), ids=SAVERS)
def test_first_save_that_breaks_off_leaves_nothing(tmp_path, monkeypatch, saver):
    network = mlp([3, 2])
    break_off(monkeypatch, OSError("no space left"))
    with pytest.raises(OSError, match=r"network cannot be written \(no space left\); make room"):
        saver(tmp_path / "network", network, draw(network))
    assert list(tmp_path.iterdir()) == []


def test_file_under_its_name_is_the_old_one_until_the_new_one_is_whole(tmp_path):
    path, seen = tmp_path / "file", []
    path.write_text("old")

    def write(temporary):
        pathlib.Path(temporary).write_text("new")
        seen.append(path.read_text())

    storage.write_atomically(path, write)
    assert (seen, path.read_text()) == (["old"], "new")
    assert list(tmp_path.iterdir()) == [path]


MODULES = sorted(pathlib.Path(jnndl.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_no_module_can_run_what_a_file_holds(module):
    forbidden = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            assert forbidden.isdisjoint(alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] not in forbidden
        if isinstance(node, ast.Name):
            assert node.id not in {"eval", "exec", "compile", "__import__"}
        if isinstance(node, ast.keyword):
            assert node.arg != "allow_pickle"


# network2's JSON


WEIGHTS = [[[0.5, -1.0, 2.0], [0.25, 3.0, -0.125]], [[1.5, -2.5]]]
BIASES = [[[0.5], [-0.75]], [[0.1]]]
NETWORK2 = {"sizes": [3, 2, 1], "weights": WEIGHTS, "biases": BIASES, "cost": "CrossEntropyCost"}


def write_network2(path, **changed):
    path.write_text(json.dumps(NETWORK2 | changed))
    return path


def feedforward(weights, biases, x):
    """The book's feedforward, on columns, in NumPy."""
    a = np.asarray(x, float)[:, None]
    for weight, bias in zip(weights, biases, strict=True):
        a = 1.0 / (1.0 + np.exp(-(np.dot(np.array(weight), a) + np.array(bias))))
    return a[:, 0]


@pytest.mark.parametrize(
    ("name", "cost"), [("QuadraticCost", costs.quadratic), ("CrossEntropyCost", costs.cross_entropy)]
)
def test_network2_file_made_by_hand_loads(tmp_path, name, cost):
    network, params, loaded_cost = network2.load_network2(write_network2(tmp_path / "book.json", cost=name))
    assert (network, loaded_cost) == (mlp([3, 2, 1]), cost)
    np.testing.assert_array_equal(params[0].weight, WEIGHTS[0])
    np.testing.assert_array_equal(params[1].bias, np.array([0.1], np.float32))
    assert [layer.bias.shape for layer in params] == [(2,), (1,)]


@pytest.mark.parametrize("sizes", [[3, 2, 1], [4, 6, 5, 3], [2, 2], [1, 1, 1]])
def test_loaded_network2_feeds_forward_as_the_books_code(tmp_path, x64, sizes):
    random = np.random.default_rng(5)
    weights = [random.standard_normal((n, m)) for m, n in itertools.pairwise(sizes)]
    biases = [random.standard_normal((n, 1)) for n in sizes[1:]]
    columns = {"weights": [w.tolist() for w in weights], "biases": [b.tolist() for b in biases]}
    path = write_network2(tmp_path / "book.json", sizes=sizes, **columns)
    inputs = random.random((7, sizes[0]))
    network, params, _ = network2.load_network2(path)
    expected = [feedforward(weights, biases, x) for x in inputs]
    np.testing.assert_allclose(jnndl.predict(network, params, inputs).outputs, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("cost", "name"), [(costs.quadratic, "QuadraticCost"), (costs.cross_entropy, "CrossEntropyCost")]
)
def test_network2_file_is_written_in_the_books_format(tmp_path, cost, name):
    path, params = (
        tmp_path / "ours.json",
        tuple(Affine(jnp.array(weight), jnp.array(bias)[:, 0]) for weight, bias in zip(WEIGHTS, BIASES, strict=True)),
    )
    network2.save_network2(path, mlp([3, 2, 1]), params, cost)
    content = json.loads(path.read_text())
    assert sorted(content) == ["biases", "cost", "sizes", "weights"]
    assert (content["sizes"], content["cost"]) == ([3, 2, 1], name)
    assert content["weights"] == WEIGHTS
    assert content["biases"] == [BIASES[0], [[float(np.float32(0.1))]]]


@pytest.mark.parametrize("sizes", [[5, 4, 3], [3, 1], [1, 1, 1], [2, 3, 4, 5]])
def test_network2_file_gives_the_same_bits_back(tmp_path, sizes):
    network = mlp(sizes)
    params = draw(network)
    network2.save_network2(tmp_path / "ours.json", network, params, costs.quadratic)
    loaded, loaded_params, cost = network2.load_network2(tmp_path / "ours.json")
    assert (loaded, cost) == (network, costs.quadratic)
    assert bits(loaded_params) == bits(params)


def test_network2_file_gives_the_same_bits_back_in_float64(tmp_path, x64):
    network = mlp([5, 4, 3])
    params = draw(network)
    network2.save_network2(tmp_path / "ours.json", network, params, costs.quadratic)
    assert bits(network2.load_network2(tmp_path / "ours.json")[1]) == bits(params)


def test_network2_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=in_order(f"{tmp_path / 'no.json'}: there is no such file", "network2")):
        network2.load_network2(tmp_path / "no.json")


@pytest.mark.parametrize("content", [b"", b"not JSON", b"[1, 2", b"[]", b"3", b'"sizes"', b"null", b"\xff\xfe\x00{"])
def test_file_that_is_no_network2_json_is_refused(tmp_path, content):
    path = tmp_path / "book.json"
    path.write_bytes(content)
    what = (f"{path}: not a network2 file", "sizes, weights, biases and cost", "save it again")
    with pytest.raises(ValueError, match=in_order(*what)):
        network2.load_network2(path)


@pytest.mark.parametrize("key", NETWORK2)
def test_missing_key_of_a_network2_file_is_named(tmp_path, key):
    path = tmp_path / "book.json"
    path.write_text(json.dumps({name: value for name, value in NETWORK2.items() if name != key}))
    with pytest.raises(ValueError, match=in_order(f"{path}: not a network2 file", repr(key), "save it again")):
        network2.load_network2(path)


WRONG_NETWORK2 = {
    "ragged": ({"weights": [[[1, 2, 3], [4]], WEIGHTS[1]]}, "weights[0] has rows of different lengths or no numbers"),
    "words": ({"biases": [BIASES[0], [["much"]]]}, "biases[1] has rows of different lengths or no numbers"),
    "transposed": ({"weights": [[[1, 2], [3, 4], [5, 6]], WEIGHTS[1]]}, "weights[0] has shape (3, 2), but sizes ask"),
    "later": ({"weights": [WEIGHTS[0], [[1, 2, 3]]]}, "weights[1] has shape (1, 3), but sizes ask for (1, 2)"),
    "flat-biases": ({"biases": [[0.5, -0.75], [0.1]]}, "biases[0] has shape (2,), but sizes ask for (2, 1)"),
    "short-biases": ({"biases": [[[0.5]], [[0.1]]]}, "biases[0] has shape (1, 1), but sizes ask for (2, 1)"),
    "other-sizes": ({"sizes": [3, 4, 1]}, "weights[0] has shape (2, 3), but sizes ask for (4, 3)"),
    "matrix-missing": ({"weights": WEIGHTS[:1]}, "3 sizes need 2 weight matrices and biases, but there are 1 and 2"),
    "biases-missing": ({"biases": BIASES[:1]}, "3 sizes need 2 weight matrices and biases, but there are 2 and 1"),
    "one-too-many": (
        {"weights": [*WEIGHTS, [[1]]], "biases": [*BIASES, [[1]]]},
        "3 sizes need 2 weight matrices and biases, but there are 3 and 3",
    ),
    "size-missing": ({"sizes": [3, 2]}, "2 sizes need 1 weight matrices and biases, but there are 2 and 2"),
}


@pytest.mark.parametrize(("changed", "sentence"), WRONG_NETWORK2.values(), ids=WRONG_NETWORK2)
def test_wrong_arrays_of_a_network2_file_are_named(tmp_path, changed, sentence):
    path = write_network2(tmp_path / "book.json", **changed)
    with pytest.raises(ValueError, match=in_order(f"{path}: {sentence}", "save the network again")):
        network2.load_network2(path)


@pytest.mark.parametrize("cost", ["LogLikelihoodCost", "quadratic", "", None, 3])
def test_unknown_cost_of_a_network2_file_is_named_with_those_there_are(tmp_path, cost):
    path = write_network2(tmp_path / "book.json", cost=cost)
    with pytest.raises(ValueError, match=in_order(f"{path}: cost is {cost!r}; make it QuadraticCost or Cross")):
        network2.load_network2(path)


@pytest.mark.parametrize(
    "name",
    ["relu-and-softmax", "tanh", "one-layer", "perceptron", "dropout", "sigmoid-with-dropout"],
    ids=lambda name: f"{name}-network",
)
def test_network_without_counterpart_in_network2_is_refused(tmp_path, name):
    network = NETWORKS[name]
    with pytest.raises(ValueError, match=in_order("network2", "fully connected sigmoid networks only; use jnndl.save")):
        network2.save_network2(tmp_path / "n.json", network, draw(network), costs.quadratic)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("neuron", [{"hidden": neurons.tanh}, {"output": neurons.softmax}])
def test_one_neuron_that_is_no_sigmoid_is_enough_to_refuse_it(tmp_path, neuron):
    network = mlp([3, 2, 1], **neuron)
    with pytest.raises(ValueError, match=in_order("network2", "fully connected sigmoid networks only; use jnndl.save")):
        network2.save_network2(tmp_path / "n.json", network, draw(network), costs.quadratic)


def test_cost_without_counterpart_in_network2_is_refused(tmp_path):
    network = mlp([3, 2])
    what = "cost is log_likelihood, which network2 does not have; give quadratic or cross_entropy"
    with pytest.raises(ValueError, match=in_order(what)):
        network2.save_network2(tmp_path / "n.json", network, draw(network), costs.log_likelihood)
    assert list(tmp_path.iterdir()) == []


# pending the mends


@dataclasses.dataclass(frozen=True)
class Scaling:
    """A user's layer with a scalar, and with fields that JSON cannot hold."""

    inner: Any

    def init(self, key):
        return Shift(jax.random.normal(key, ()))

    def forward(self, params, a, key=None):
        return a * params.by, a

    def backward(self, params, saved, grad):
        return grad * params.by, Shift(jnp.sum(grad * saved))


def test_layer_of_ones_own_with_a_scalar_and_any_fields_comes_back(path):
    network = Network((Scaling(Dense(2, 2)), Dense(2, 2, neurons.linear)), neurons.sigmoid, (2,))
    params = draw(network)
    jnndl.save(path, network, params)
    assert bits(jnndl.load(path, network)[1]) == bits(params)


MINE = dataclasses.replace(neurons.relu, name="mine")


@pytest.mark.parametrize("network", [mlp([3, 2, 2], hidden=MINE), mlp([3, 2, 2], output=MINE)])
def test_neuron_of_ones_own_is_named(path, network):
    params = draw(network)
    jnndl.save(path, network, params)
    with pytest.raises(ValueError, match=in_order(f"{path}: has the neuron 'mine'", "load it with network=")):
        jnndl.load(path)
    assert bits(jnndl.load(path, network)[1]) == bits(params)


@pytest.mark.parametrize(
    "description",
    [
        None,
        "{",
        "[]",
        "{}",
        json.dumps(ONE_LAYER | {"layers": [DENSE | {"more": 1}]}),
        json.dumps(ONE_LAYER | {"layers": [DENSE | {"weight_init": "mine"}]}),
        json.dumps(ONE_LAYER | {"layers": [{"layer": []}]}),
    ],
)
def test_damaged_description_is_refused_with_the_remedy(path, description):
    metadata = {name: value for name, value in (METADATA | {"network": description}).items() if value is not None}
    write_by_hand(path, metadata, ARRAYS)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: .*(save the network again|load it with network=)"):
        jnndl.load(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"sizes": 5},
        {"sizes": None},
        {"sizes": []},
        {"sizes": [3, "a", 1]},
        {"sizes": [3, 0, 1]},
        {"weights": None},
        {"biases": 3},
        {"cost": []},
        {"cost": {}},
        {"weights": [[["1", "2", "3"]] * 2, WEIGHTS[1]]},
        {"weights": [[[None] * 3] * 2, WEIGHTS[1]]},
        {"biases": [[[True], [False]], BIASES[1]]},
    ],
)
def test_wrong_types_in_a_network2_file_are_refused(tmp_path, changed):
    path = write_network2(tmp_path / "book.json", **changed)
    with pytest.raises(ValueError, match=in_order(f"{path}: ")):
        network2.load_network2(path)


def test_deeply_nested_network2_file_is_refused(tmp_path):
    (tmp_path / "book.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match="not a network2 file"):
        network2.load_network2(tmp_path / "book.json")


# What a file knows besides the parameters


def test_a_file_is_enough_to_predict_from_raw_pixels(path, digits):
    fit = jnndl.fit(mlp([64, 10]), digits.training, key=jax.random.key(0), epochs=1, learning_rate=0.5)
    jnndl.save(path, fit.network, fit.params)
    network, params = jnndl.load(path)
    want = jnndl.predict(fit.network, fit.params, digits.test)
    assert len(set(want.labels.tolist())) > 5, "the test needs more than one answer"
    for raw in (digits.test.inputs, digits.test.inputs.astype(np.float32)):
        np.testing.assert_array_equal(jnndl.predict(network, params, raw).outputs, want.outputs)


@pytest.mark.parametrize(
    "scaling", [{"scale": 0.5, "offset": -1.0}, {"scale": (0.5, 2.0, 4.0), "offset": (0.0, 1.0, 2.0)}]
)
def test_scale_offset_and_classes_come_back(path, scaling):
    network = dataclasses.replace(mlp([3, 2]), classes=("cat", "dog"), **scaling)
    params = (Affine(np.array([[1, 0, 0], [0, 1, 1]], np.float32), np.zeros(2, np.float32)),)
    jnndl.save(path, network, params)
    loaded = jnndl.load(path)
    assert loaded[0] == network
    found = jnndl.predict(*loaded, np.array([[1, 0, 0], [0, 3, 3]], np.uint8))
    scale, offset = (np.broadcast_to(scaling[name], 3) for name in ("scale", "offset"))
    z = (np.array([[1, 0, 0], [0, 3, 3]]) * scale + offset) @ np.asarray(params[0].weight).T
    np.testing.assert_allclose(found.outputs, 1 / (1 + np.exp(-z)), rtol=1e-6)
    assert found.names == ["cat" if a > b else "dog" for a, b in z]


def test_a_file_of_version_1_still_loads_and_does_not_know_its_scale(path):
    write_by_hand(path, METADATA, ARRAYS)
    network, params = jnndl.load(path)
    assert network.scale is None
    with pytest.raises(TypeError, match="does not know how its inputs were scaled"):
        jnndl.predict(network, params, np.zeros((1, 3), np.uint8))
    assert jnndl.predict(network, params, np.zeros((1, 3), np.float32)).outputs.shape == (1, 2)


def test_a_network_at_hand_learns_its_scale_from_the_file_and_is_refused_with_another(path):
    network = dataclasses.replace(mlp([3, 2]), scale=0.5)
    jnndl.save(path, network, draw(network))
    assert jnndl.load(path, mlp([3, 2]))[0] == network
    with pytest.raises(ValueError, match=r"scale is 0\.5 in the file, 0\.25 in the network"):
        jnndl.load(path, dataclasses.replace(network, scale=0.25))


@dataclasses.dataclass(frozen=True)
class Window:
    """A registered layer with a tuple, a NumPy number, a nested neuron and a cached property."""

    size: tuple[int, int]
    factor: Any
    neuron: neurons.Neuron
    name: str = "window"

    def init(self, key):
        return ()

    def forward(self, params, a, key=None):
        return self.area * a, ()

    def backward(self, params, saved, grad):
        return self.area * grad, ()

    @functools.cached_property
    def area(self):
        return self.factor * self.size[0] * self.size[1]


def test_any_frozen_dataclass_in_the_table_of_layers_round_trips(path, monkeypatch):
    monkeypatch.setitem(files.LAYERS, "Window", Window)
    window = Window((2, 3), np.float32(0.5), neurons.linear)
    network = Network((window, Dense(3, 2, neurons.linear)), neurons.sigmoid, (3,))
    assert window.area == 3
    params = draw(network)
    jnndl.save(path, network, params)
    loaded, loaded_params = jnndl.load(path)
    assert loaded == network
    assert hash(loaded) == hash(network)
    assert loaded.layers[0].size == (2, 3)
    assert bits(loaded_params) == bits(params)
    assert jnndl.load(path, network)[0] == network


def test_a_dropout_rate_of_numpy_is_saved(path, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    network = Network((Dropout(np.float32(0.5)), Dense(3, 2, neurons.linear)), neurons.sigmoid, (3,))
    jnndl.save(path, network, draw(network))
    assert jnndl.load(path)[0] == network


def test_a_field_that_cannot_be_saved_is_refused_before_anything_is_written(path, monkeypatch):
    monkeypatch.setitem(files.LAYERS, "Window", Window)
    network = Network(
        (Window((1, 1), 1, neurons.linear, {1, 2}.pop), Dense(3, 2, neurons.linear)), neurons.sigmoid, (3,)
    )
    with pytest.raises(TypeError, match=r"layer 0, Window, name: .* cannot be saved"):
        jnndl.save(path, network, draw(network))
    assert not path.exists()


@pytest.mark.parametrize("other", [mlp([5, 6, 3]), mlp([5, 3])])
def test_parameters_of_another_network_are_not_saved(saved, other):
    network, params, path = saved
    before = path.read_bytes()
    with pytest.raises(ValueError, match="params"):
        jnndl.save(path, network, draw(other))
    mixed = (jax.tree.map(lambda a: jnp.stack([a, a]), params[0]), params[1])
    with pytest.raises(ValueError, match=r"params: \[0\]\.weight has shape \(2, 4, 5\), but \(4, 5\) in this network"):
        jnndl.save(path, network, mixed)
    assert path.read_bytes() == before


def test_what_a_killed_process_left_is_removed_by_the_next_to_write(saved):
    network, params, path = saved
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, busy = (
        path.with_name(f".{path.stem}.{platform.node()}-{pid}-1.partial{path.suffix}")
        for pid in (dead.pid, os.getppid())
    )
    left.write_bytes(b"half")
    busy.write_bytes(b"another process writes here now")
    jnndl.save(path, network, params)
    assert sorted(path.parent.iterdir()) == sorted([path, busy])


@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_a_neuron_of_ones_own_that_is_named_like_ours_is_refused(path, name):
    own = neurons.Neuron(name, jnp.sin, lambda z, grad_a: grad_a * jnp.cos(z))
    hidden = Network((Dense(3, 3, own), Dense(3, 2, neurons.linear)), neurons.sigmoid, (3,))
    for network in (hidden, Network((Dense(3, 2, neurons.linear),), own, (3,))):
        with pytest.raises(ValueError, match=f"a neuron of your own is named '{name}', as one of jnndl's is; rename"):
            jnndl.save(path, network, draw(network))
    assert not path.exists()


def test_a_layer_of_ones_own_that_is_named_like_ours_is_refused(path):
    own = type("Dropout", (Shifting,), {})
    network = Network((own(3), Dense(3, 2, neurons.linear)), neurons.sigmoid, (3,))
    with pytest.raises(ValueError, match="layer 0: a layer of your own is named Dropout, as one of jnndl's is; rename"):
        jnndl.save(path, network, draw(network))


def test_a_network_at_hand_with_other_class_names_is_refused(path):
    network = dataclasses.replace(mlp([3, 2]), scale=0.5, classes=("a", "b"))
    jnndl.save(path, network, draw(network))
    with pytest.raises(ValueError, match=r"classes is \('a', 'b'\) in the file, \('b', 'a'\) in the network; load it"):
        jnndl.load(path, dataclasses.replace(network, classes=("b", "a")))


@pytest.mark.parametrize("damage", [{"n_in": 0}, {"n_in": "3"}, {"neuron": {"neuron": "relu", "initializer": "large"}}])
def test_a_damaged_description_is_named_with_its_file(path, damage):
    layer = DENSE | {"neuron": {"neuron": "linear"}, "weight_init": {"initializer": "large"}}
    del layer["bias_init"]
    rest = {"neuron": "softmax", "input_shape": [3], "scale": None, "offset": 0.0, "classes": None}
    description = {"layers": [layer | damage]} | rest
    write_by_hand(path, METADATA | {"version": "2", "network": json.dumps(description)}, ARRAYS)
    with pytest.raises(ValueError, match=in_order(f"{path}: its description of the network is damaged")):
        jnndl.load(path)


@dataclasses.dataclass(frozen=True)
class Apply:
    """A registered layer that holds a function."""

    function: Any = jnp.tanh

    def init(self, key):
        return ()

    def forward(self, params, a, key=None):
        return self.function(a), a

    def backward(self, params, saved, grad):
        return grad, ()


def test_a_function_in_a_field_is_not_dropped_in_silence(path, monkeypatch):
    monkeypatch.setitem(files.LAYERS, "Apply", Apply)
    network = Network((Apply(jnp.sin), Dense(3, 2, neurons.linear)), neurons.sigmoid, (3,))
    with pytest.raises(TypeError, match=r"layer 0, Apply, function: .* cannot be saved"):
        jnndl.save(path, network, draw(network))


@pytest.mark.parametrize("dtype", ["float8_e5m2", "int32", "complex64", "bool"])
def test_parameters_that_load_would_refuse_are_not_saved(saved, dtype):
    network, params, path = saved
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"params: .*0.*weight is .*; give"):
        jnndl.save(path, network, jax.tree.map(lambda leaf: jnp.asarray(leaf).astype(dtype), params))
    assert path.read_bytes() == before


# Many networks in a file, and one of many


@pytest.fixture(scope="module")
def many():
    """Five networks, of which the third learns most and the first nothing, and the data they were measured on."""
    evaluation = blobs(30, seed=1)
    rates = [1e-9, 0.01, 1.0, 0.02, 0.05]
    settings = {"keys": jax.random.split(jax.random.key(0), 5), "epochs": 4, "learning_rate": rates, "patience": 2}
    with pytest.warns(UserWarning, match="at chance"):
        return jnndl.fit_many(mlp([2, 4, 3]), blobs(60), evaluation, **settings), evaluation, settings


def test_many_networks_come_back_from_one_file(path, many):
    fit, evaluation, _ = many
    jnndl.save(path, fit.network, fit.params)
    network, params = jnndl.load(path)
    assert network == fit.network
    assert bits(params) == bits(fit.params)
    assert json.loads(read_by_hand(path)[0]["network"])["networks"] == 5
    assert bits(jnndl.load(path, mlp([2, 4, 3]))[1]) == bits(fit.params)
    one = jax.tree.map(lambda leaf: leaf[2], params)
    found = jnndl.evaluate(network, one, evaluation).accuracy
    assert found == pytest.approx(fit.history.evaluation_accuracy[2, int(fit.state.epoch[2]) - 1])


def test_one_network_of_a_single_stack_is_a_stack_too(path):
    network = mlp([3, 2])
    params = jax.tree.map(lambda leaf: leaf[None], draw(network))
    jnndl.save(path, network, params)
    assert bits(jnndl.load(path)[1]) == bits(params)


def test_a_file_of_many_whose_number_is_wrong_is_refused(path, many):
    fit, _, _ = many
    jnndl.save(path, fit.network, fit.params)
    metadata, arrays = read_by_hand(path)
    del metadata["sha256"]
    description = json.loads(metadata["network"]) | {"networks": 4}
    write_by_hand(path, metadata | {"network": json.dumps(description)}, arrays)
    with pytest.raises(ValueError, match=r"0\.weight has shape \(5, 4, 2\) in the file, \(4, 4, 2\) in the network"):
        jnndl.load(path)


@pytest.mark.filterwarnings("ignore:.*at chance")
def test_one_of_many_is_what_fit_returns_for_its_key(many):
    fit, evaluation, settings = many
    for number in (0, 2):
        one = fit.one(number)
        own = {"key": settings["keys"][number], "learning_rate": settings["learning_rate"][number]}
        alone = jnndl.fit(mlp([2, 4, 3]), blobs(60), evaluation, epochs=4, patience=2, **own)
        np.testing.assert_array_equal(one.history.evaluation_accuracy, alone.history.evaluation_accuracy)
        assert one.best_epoch == alone.best_epoch
        for ours, theirs in zip(jax.tree.leaves(one.params), jax.tree.leaves(alone.params), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert len(fit.one(0).history.epochs()) == 3 < fit.history.penalty.shape[-1]
    assert bits(fit.one(-1).params) == bits(fit.one(4).params)


def test_the_best_of_many_is_chosen_by_evaluation_accuracy(many):
    fit, evaluation, _ = many
    accuracies = np.nanmax(fit.history.evaluation_accuracy, axis=1)
    assert fit.best_number == accuracies.argmax()
    assert accuracies.max() > accuracies.min()
    best = fit.best()
    assert jnndl.evaluate(fit.network, best.best_params, evaluation).accuracy == pytest.approx(accuracies.max())
    assert repr(best).startswith("Fit(best epoch ")


def test_wrong_questions_about_one_of_many_are_answered(many):
    fit, evaluation, _ = many
    with pytest.raises(IndexError, match=r"one: number is 5, but there are 5 networks; give 0 to 4"):
        fit.one(5)
    for ask in (fit.one(1).best, lambda: fit.one(1).one(0)):
        with pytest.raises(TypeError, match="this is one network, from fit; take its params or best_params"):
            ask()
    for use in (jnndl.evaluate, jnndl.predict):
        with pytest.raises(
            ValueError, match=r"params are those of 5 networks; give those of one: fit\.one\(0\)\.params"
        ):
            use(fit.network, fit.params, evaluation)


def test_without_measurements_there_is_no_best(many):
    fit = dataclasses.replace(
        many[0], state=many[0].state._replace(best=many[0].state.best._replace(score=[-np.inf] * 5))
    )
    with pytest.raises(ValueError, match="best: nothing was measured; give fit_many evaluation data"):
        fit.best()


# What a network knows of its data


def test_class_names_and_the_range_of_inputs_travel_with_the_network(path):
    data = dataclasses.replace(blobs(30), classes=["a", "b", "c"])
    fit = jnndl.fit(mlp([2, 3]), data, key=jax.random.key(0), epochs=20, learning_rate=0.5)
    jnndl.save(path, fit.network, fit.params)
    network, params = jnndl.load(path)
    assert network.classes == ("a", "b", "c")
    assert network.input_range == (data.inputs.min(), data.inputs.max())
    found = jnndl.predict(network, params, data.inputs)
    assert found.names == ["abc"[label] for label in found.labels]
    assert np.mean(found.labels == data.targets) > 0.6


def test_classes_that_do_not_fit_are_refused():
    data = dataclasses.replace(blobs(30), classes=("a", "b", "c"))
    settings = {"key": jax.random.key(0), "epochs": 1, "learning_rate": 0.5}
    with pytest.raises(
        ValueError, match=r"training data: there are 3 classes \(a, b, c\), but the network has 4 outputs; give it 3"
    ):
        jnndl.fit(mlp([2, 4]), data, **settings)
    known = dataclasses.replace(mlp([2, 3]), classes=("a", "c", "b"))
    with pytest.raises(
        ValueError, match=r"training data: classes are a, b, c, but the network's are a, c, b; number the labels as"
    ):
        jnndl.fit(known, data, **settings)


@pytest.mark.parametrize(
    ("scaling", "factor", "sentence"),
    [
        ({"scale": 1 / 256}, 256, r"the inputs go from 0 to 65280, but the network was trained on 0 to 255; give"),
        ({"scale": (1 / 256, 1 / 128, 1.0)}, 256, r"after scaling, the inputs go from 0 to 65280, but .* on 0 to 255"),
        ({"scale": 1.0, "offset": -5.0}, -3, r"the inputs go from -765 to 0, but the network was trained on 0 to 255"),
    ],
)
def test_predict_warns_of_inputs_far_outside(path, scaling, factor, sentence):
    inputs = np.array([[0, 255, 255], [7, 0, 255], [255, 1, 3]], np.uint8)
    data = jnndl.Dataset(inputs, np.array([0, 1, 1]), **scaling)
    settings = {"key": jax.random.key(0), "epochs": 1, "learning_rate": 1e-6, "measure_training": 0, "batch_size": 3}
    fit = jnndl.fit(mlp([3, 2]), data, **settings)
    jnndl.save(path, fit.network, fit.params)
    network, params = jnndl.load(path)
    for near in (inputs, 3 * inputs.astype(np.float32), -2 * inputs.astype(np.float32)):
        jnndl.predict(network, params, near)  # warns of nothing, or the test fails
    with pytest.warns(UserWarning, match=sentence):
        jnndl.predict(network, params, factor * inputs.astype(np.float32))


def test_predict_warns_of_images_that_are_divided_already():
    digits = np.random.default_rng(0).integers(0, 256, (6, 4, 4)).astype(np.uint8)
    data = jnndl.Dataset(digits, np.arange(6) % 2, 1 / 256)
    settings = {"key": 0, "epochs": 1, "learning_rate": 1e-6, "measure_training": 0, "batch_size": 3}
    fit = jnndl.fit(mlp([16, 2]), data, **settings)
    with pytest.warns(UserWarning, match=r"the inputs go from 0 to 1, but the network was trained on 0 to 255; give"):
        jnndl.predict(fit.network, fit.params, digits / np.float32(digits.max()))
    jnndl.predict(fit.network, fit.params, digits * 0)  # a blank picture, and a grey one: no warning
    jnndl.predict(fit.network, fit.params, digits // 4)


def test_the_range_takes_no_part_in_comparing_networks():
    one, other = (dataclasses.replace(mlp([3, 2]), input_range=(0.0, high)) for high in (1.0, 2.0))
    assert one == other == mlp([3, 2])
    assert hash(one) == hash(other)
