"""Networks: their shapes, their forward pass against NumPy, equality, and what they refuse."""

import re

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from samples import draw

import jnndl
from jnndl import Dense, Dropout, Network, initializers, mlp, neurons
from jnndl.layers import Affine
from jnndl.neurons import linear, relu, sigmoid, softmax, tanh

KEY = jax.random.key(7)

FORMULAS = {
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(),
    "step": lambda z: np.where(z > 0, 1.0, 0.0),
}


def feedforward(params, x, hidden, output):
    """The book's feedforward for one example, and the weighted input of its output layer."""
    a = np.asarray(x)
    for number, layer in enumerate(params, start=1):
        z = np.asarray(layer.weight) @ a + np.asarray(layer.bias)
        a = FORMULAS[output if number == len(params) else hidden](z)
    return a, z


@pytest.mark.parametrize("sizes", [[3, 2], [4, 3, 2], [1, 1, 1], [5, 1, 4, 1, 3, 2], (784, 30, 10)])
def test_mlp_has_the_sizes_it_is_given(sizes):
    network = mlp(sizes)
    params = jax.eval_shape(network.init, KEY)
    assert [layer.weight.shape for layer in params] == list(zip(sizes[1:], sizes[:-1], strict=True))
    assert [layer.bias.shape for layer in params] == [(n,) for n in sizes[1:]]
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype(np.float32)}
    assert network.input_shape == (sizes[0],)
    assert network.output_shape == (sizes[-1],)


def test_mlp_takes_numpys_whole_numbers(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    assert mlp(np.array([4, 3, 2])) == mlp([4, 3, 2])


def test_mlp_has_the_neurons_it_is_given():
    network = mlp([4, 3, 3, 2], hidden=tanh, output=softmax)
    assert [layer.neuron for layer in network.layers] == [tanh, tanh, linear]
    assert network.neuron is softmax


def test_mlp_defaults_to_sigmoid_neurons():
    network = mlp([4, 3, 2])
    assert [layer.neuron for layer in network.layers] == [sigmoid, linear]
    assert network.neuron is sigmoid


@pytest.mark.parametrize(
    ("sizes", "hidden", "output"),
    [
        ([4, 3], "sigmoid", "softmax"),
        ([4, 5, 3], "sigmoid", "sigmoid"),
        ([4, 5, 3], "relu", "softmax"),
        ([4, 6, 5, 3], "tanh", "tanh"),
        ([4, 6, 5, 6, 3], "tanh", "linear"),
        ([4, 5, 3], "step", "step"),
        ([1, 1, 1], "sigmoid", "sigmoid"),
    ],
)
def test_call_is_the_books_feedforward(sizes, hidden, output, x64):
    network = mlp(sizes, hidden=neurons.NEURONS[hidden], output=neurons.NEURONS[output])
    params, x = draw(network, 0), np.random.default_rng(1).normal(size=(5, sizes[0]))
    got, z = jax.jit(jax.vmap(lambda params, x: (network(params, x), network.forward(params, x)[0]), (None, 0)))(
        params, x
    )
    assert got.shape == z.shape == (5, sizes[-1])
    assert got.dtype == z.dtype == np.float64
    for got_a, got_z, one in zip(got, z, x, strict=True):
        want_a, want_z = feedforward(params, one, hidden, output)
        np.testing.assert_allclose(got_a, want_a, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(got_z, want_z, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("sizes", "shape"), [([1, 1, 1], (1,)), ([3, 1], (1,)), ([1, 3], (3,))])
def test_axes_of_size_one_are_kept(sizes, shape):
    network = mlp(sizes)
    params = jax.eval_shape(network.init, KEY)
    one, batch = jax.ShapeDtypeStruct((sizes[0],), np.float32), jax.ShapeDtypeStruct((1, sizes[0]), np.float32)
    assert jax.eval_shape(network, params, one).shape == shape
    assert jax.eval_shape(jax.vmap(network, (None, 0)), params, batch).shape == (1, *shape)


def test_a_network_of_perceptrons():
    network = mlp([2, 1], output=neurons.step)  # NAND, chapter 1
    params = (Affine(jnp.array([[-2.0, -2.0]]), jnp.array([3.0])),)
    got = jax.vmap(network, (None, 0))(params, jnp.array([[0.0, 0.0], [0, 1], [1, 0], [1, 1]]))
    np.testing.assert_array_equal(got, [[1], [1], [1], [0]])


def networks():
    return [
        mlp([4, 3, 2]),
        mlp([4, 2, 2]),
        mlp([4, 3, 2], hidden=relu),
        mlp([4, 3, 2], output=softmax),
        mlp([4, 3, 2], weight_init=initializers.large),
        mlp([4, 3, 2], bias_init=initializers.zeros),
        Network((Dropout(0.5), *mlp([4, 3, 2]).layers), sigmoid, (4,)),
    ]


def test_networks_are_values():
    for one, other in zip(networks(), networks(), strict=True):
        assert one == other
        assert hash(one) == hash(other)
    assert len(set(networks() + networks())) == len(networks())


def test_dropout_acts_in_training_only():
    network = Network((Dropout(0.5), Dense(4, 1, linear)), linear, (4,))
    params, x = ((), Affine(jnp.array([[1.0, 2.0, 4.0, 8.0]]), jnp.array([100.0]))), jnp.ones(4)
    assert network(params, x) == 115
    trained = {float(network.forward(params, x, jax.random.key(seed))[0][0]) for seed in range(10)}
    assert trained <= set(range(100, 131, 2))  # each weight is out, or counts twice
    assert len(trained) > 1


def test_each_dropout_layer_draws_its_own_mask():
    network = Network((Dropout(0.5), Dropout(0.5)), linear, (10_000,))
    a, _ = network.forward(((), ()), jnp.ones(10_000), KEY)
    kept = np.mean(a == 4)  # by both: a quarter, but a half if they dropped the same
    assert set(np.unique(a)) == {0, 4}
    assert abs(kept - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 10_000)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([], "mlp: sizes is []; give at least two, the inputs and the outputs"),
        ([784], "mlp: sizes is [784]; give at least two, the inputs and the outputs"),
        ([784, 0, 10], "mlp: sizes holds 0; give whole numbers of at least 1"),
        ([784, -30, 10], "mlp: sizes holds -30; give whole numbers of at least 1"),
        ([784, 30.0, 10], "mlp: sizes holds 30.0; give whole numbers of at least 1"),
        ([0, 10], "mlp: sizes holds 0; give whole numbers of at least 1"),
        ([10, 0], "mlp: sizes holds 0; give whole numbers of at least 1"),
    ],
)
def test_mlp_refuses_sizes(sizes, message, monkeypatch):
    monkeypatch.setattr(
        jaxtyping.config, "jaxtyping_disable", True
    )  # the checker of types looks at one entry at random
    with pytest.raises(ValueError, match=re.escape(message)):
        mlp(sizes)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "Network: layers is empty; give at least one layer"),
        (
            (Dense(4, 3), Dense(2, 2, linear)),
            r"Network: layer 1, Dense\(.*\), cannot take an input of shape \(3,\); make its size that of the output of "
            "layer 0",
        ),
        (
            (Dense(4, 3), Dropout(0.5), Dense(2, 2, linear)),
            r"Network: layer 2, Dense\(.*\), cannot take an input of shape \(3,\); make its size that of the output of "
            "layer 1",
        ),
        (
            (Dense(5, 2, linear),),
            r"Network: layer 0, Dense\(.*\), cannot take an input of shape \(4,\); make its size that of input_shape",
        ),
        (
            (Dense(4, 1), Dense(3, 2, linear)),
            r"Network: layer 1, Dense\(.*\), cannot take an input of shape \(1,\)",
        ),
        (
            (Dense(4, 3), Dense(3, 2, sigmoid)),
            "Network: the last layer's neuron is sigmoid; make it linear, and give the output neuron to the network "
            r"\(neuron=sigmoid\)",
        ),
    ],
    ids=["no layers", "neighbours", "neighbours across dropout", "first layer", "no broadcasting", "last neuron"],
)
def test_network_refuses_layers(layers, message):
    with pytest.raises(ValueError, match=message):
        Network(layers, sigmoid, (4,))


# What enters is made hashable, or refused in a sentence.


@pytest.fixture
def no_type_checker(monkeypatch):
    """What a user meets: only these tests switch the checker of annotations on."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.usefixtures("no_type_checker")
def test_lists_and_numpy_numbers_make_the_same_network():
    network = Network([Dense(np.int64(4), np.int32(2), linear)], sigmoid, [np.int64(4)])
    assert network == Network((Dense(4, 2, linear),), sigmoid, (4,))
    assert hash(network) == hash(Network((Dense(4, 2, linear),), sigmoid, (4,)))
    assert mlp([np.int64(4), 2]) == mlp([4, 2])


@pytest.mark.usefixtures("no_type_checker")
@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Network((Dense(4, 2, linear),), sigmoid, 4), TypeError, "Network: input_shape is 4; give a tuple of"),
        (lambda: Network((Dense(4, 2, linear),), sigmoid, (0,)), ValueError, "Network: input_shape is 0; give a whole"),
        (
            lambda: Network(Dense(4, 2, linear), sigmoid, (4,)),
            TypeError,
            "Network: layers is .*; give a tuple of layers",
        ),
        (
            lambda: Network((Dense(4, 2, linear), relu), sigmoid, (4,)),
            TypeError,
            "Network: layer 1 is Neuron.*; give a",
        ),
        (lambda: Network((Dropout,), sigmoid, (4,)), TypeError, "Network: layer 0 is .*Dropout.*; give a layer, with"),
        (
            lambda: Network((Dense(4, 2, sigmoid), Dropout(0.5)), sigmoid, (4,)),
            ValueError,
            "Network: the last layer's neuron is sigmoid; make it linear, and give",
        ),
        (
            lambda: Network((type("Own", (Dropout,), {"__hash__": None})(0.5),), sigmoid, (4,)),
            TypeError,
            "Network: layer 0, .*, cannot be hashed .*; make it a frozen dataclass",
        ),
        (
            lambda: Network((Dense(4, 2, linear),), sigmoid, (4,), classes=("a",)),
            ValueError,
            "Network: classes has 1 names, but there are 2 outputs; give one name per output",
        ),
    ],
    ids=["whole", "zero", "no tuple", "a neuron", "a class", "sigmoid twice", "no hash", "names"],
)
def test_what_makes_no_network_is_refused_in_a_sentence(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_bytes_per_example_are_those_of_the_arrays_that_are_made():
    # the input of 5; w a, its transpose, + b and the neuron, of 4 each; the same without neuron, of 3; no weights
    assert mlp([5, 4, 3]).bytes_per_example == (4 * (5 + 4 * 4 + 3 * 3), 4 * 5)


def test_bytes_per_example_of_a_convolution_are_those_of_its_windows():
    conv = jnndl.Conv(1, 2, 3, pool=jnndl.MaxPool(2))
    network = Network((conv, jnndl.Flatten(), Dense(18, 2, linear)), sigmoid, (8, 8, 1))
    assert network.bytes_per_example[1] == 4 * 6 * 6 * 3 * 3


def test_names_mean_what_they_name():
    named = mlp([4, 3, 2], hidden="relu", output="softmax", weight_init="large", bias_init="zeros")
    init = {"weight_init": initializers.large, "bias_init": initializers.zeros}
    assert named == mlp([4, 3, 2], hidden=neurons.relu, output=neurons.softmax, **init)
    assert Network((Dense(4, 2, "linear"),), "tanh", (4,)).neuron is neurons.tanh


def test_a_seed_is_the_key_that_is_made_of_it():
    network = mlp([4, 3, 2])
    for found, wanted in zip(*map(jax.tree.leaves, (network.init(7), network.init(jax.random.key(7)))), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_summary_counts_by_hand():
    lines = Network((Dense(784, 30), Dropout(0.5), Dense(30, 10, "linear")), "sigmoid", (784,)).summary().splitlines()
    assert [line.split()[-1] for line in lines[2:]] == ["23,550", "0", "310", "10", "23,860"]  # 784 x 30 + 30, ...
    assert lines[3].split()[:2] == ["1", "Dropout(rate=0.5)"]


def test_a_network_that_learns_nothing_is_refused():
    network, data = Network((jnndl.Flatten(),), sigmoid, (3, 1, 1)), jnndl.Dataset(np.zeros((2, 3)), np.zeros(2, int))
    for call in (lambda: jnndl.predict(network, ((),), data), lambda: jnndl.fit(network, data, key=0, epochs=1)):
        with pytest.raises(ValueError, match="no layer of the network has parameters; add a Dense layer"):
            call()
