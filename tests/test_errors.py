"""What a bad call is told: which argument, which value, and what to give instead."""

import dataclasses
import re

import jax
import jaxtyping
import numpy as np
import optax
import pytest

import jnndl
from jnndl import Dataset, Dense, Dropout, Network, costs, mlp, neurons, validation

KEY = jax.random.key(0)
INPUTS, LABELS = np.ones((6, 2), np.float32), np.arange(6) % 3


@pytest.fixture
def no_type_checker():
    """What a user meets: only these tests switch the checker of annotations on."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def fit(network, training, evaluation=None, **arguments):
    return jnndl.fit(network, training, evaluation, **({"key": KEY, "epochs": 1, "learning_rate": 0.5} | arguments))


def fit_many(network, training, evaluation=None, **arguments):
    arguments = {"keys": jax.random.split(KEY, 3), "epochs": 1, "learning_rate": 0.5} | arguments
    return jnndl.fit_many(network, training, evaluation, **arguments)


def unchecked(inputs, targets):
    """A ``Dataset`` as a user can make it, past the type checker that only these tests switch on."""
    data = object.__new__(Dataset)
    vars(data).update(inputs=inputs, targets=targets, scale=1.0, offset=0.0)
    return data


@pytest.mark.parametrize("function", [fit, fit_many])
@pytest.mark.parametrize(
    ("argument", "value", "sentence"),
    [
        ("learning_rate", 0.0, r"learning_rate is 0; give a number above 0"),
        ("learning_rate", -0.5, r"learning_rate is -0\.5; give a number above 0"),
        ("learning_rate", np.nan, r"learning_rate is nan; give a number above 0"),
        ("learning_rate", np.inf, r"learning_rate is inf; give a number above 0"),
        ("l1", -0.1, r"l1 is -0\.1; give a number of at least 0, or None"),
        ("l2", -5, r"l2 is -5; give a number of at least 0, or None"),
        ("l2", np.nan, r"l2 is nan; give a number of at least 0, or None"),
        ("momentum", 1.0, r"momentum is 1; give a number from 0 to below 1, or None"),
        ("momentum", -0.1, r"momentum is -0\.1; give a number from 0 to below 1, or None"),
        ("momentum", np.nan, r"momentum is nan; give a number from 0 to below 1, or None"),
        ("batch_size", 0, r"batch_size is 0; give a whole number from 1 to 6, the number of training examples"),
        ("batch_size", -1, r"batch_size is -1; give a whole number from 1 to 6"),
        ("batch_size", 7, r"batch_size is 7; give a whole number from 1 to 6, .* \(6 is full-batch descent\)"),
        ("epochs", 0, r"epochs is 0; give a whole number of at least 1"),
        ("epochs", -3, r"epochs is -3; give a whole number of at least 1"),
        ("patience", 0, r"patience is 0; give a number of epochs of at least 1, or None"),
        ("halve_after", 0, r"halve_after is 0; give a number of epochs of at least 1, or None"),
        ("ties", "latest", r"ties is 'latest'; give 'first' or 'last'"),
    ],
)
def test_an_argument_out_of_its_range(function, argument, value, sentence):
    arguments = {"batch_size": 6} | {argument: value}
    with pytest.raises(ValueError, match=sentence):
        function(mlp([2, 3]), Dataset(INPUTS, LABELS), **arguments)


@pytest.mark.parametrize(
    ("argument", "values", "sentence"),
    [
        ("learning_rate", [0.5, 0.0, 0.1], "learning_rate is 0; give"),
        ("l2", np.array([0.0, 1.0, -2.0]), "l2 is -2; give"),
        ("momentum", [0.0, 0.9, 1.5], "momentum is 1.5; give"),
    ],
)
def test_one_value_out_of_its_range_among_many(argument, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_many(mlp([2, 3]), Dataset(INPUTS, LABELS), batch_size=6, **{argument: values})


NETWORK, ONE_OUTPUT = mlp([2, 3]), mlp([2, 1])
FIX_TARGETS = r"; give integer labels of shape \(6,\) or float vectors of shape \(6, 3\)"
BAD_DATA = [
    (NETWORK, INPUTS[:0], LABELS[:0], r"there are no examples; give at least one"),
    (NETWORK, np.ones((6, 5), np.float32), LABELS, r"inputs have 5 numbers per example .* takes 2; .* first size 5"),
    (
        NETWORK,
        np.ones((6, 2, 2), np.uint8),
        LABELS,
        r"inputs have 4 numbers .*shape \(2, 2\).* takes 2; .* first size 4",
    ),
    (NETWORK, INPUTS, LABELS[:4], r"6 inputs but 4 targets; give one target per example"),
    (NETWORK, INPUTS, np.ones((7, 3), np.float32), r"6 inputs but 7 targets; give one target per example"),
    (NETWORK, INPUTS, LABELS - 1, r"labels go from -1 to 1, .* 3 outputs, for labels 0 to 2; .*correct the labels"),
    (NETWORK, INPUTS, LABELS + 1, r"labels go from 1 to 3, .* 3 outputs, for labels 0 to 2; give it 4 outputs"),
    (NETWORK, INPUTS, LABELS > 0, r"targets are bool of shape \(6,\)" + FIX_TARGETS),
    (NETWORK, INPUTS, LABELS[:, None], r"targets are int\d\d of shape \(6, 1\)" + FIX_TARGETS),
    (NETWORK, INPUTS, np.eye(3, dtype=int)[LABELS], r"targets are int\d\d of shape \(6, 3\)" + FIX_TARGETS),
    (NETWORK, INPUTS, np.float32(LABELS), r"targets are floats of shape \(6,\), .* 3 outputs" + FIX_TARGETS),
    (NETWORK, INPUTS, np.ones((6, 2), np.float32), r"targets are floats of shape \(6, 2\), .* 3 outputs" + FIX_TARGETS),
    (NETWORK, INPUTS, np.array(["0", "1", "2"] * 2), r"targets are <U1 of shape \(6,\)" + FIX_TARGETS),
    (ONE_OUTPUT, INPUTS, 0 * LABELS, r"targets are labels, .* one output; .*float targets of shape \(6, 1\)"),
    (ONE_OUTPUT, INPUTS, LABELS % 2, r"targets are labels, .* one output; .*float targets of shape \(6, 1\)"),
    (ONE_OUTPUT, INPUTS, np.float32(LABELS), r"targets are floats of shape \(6,\), .*vectors of shape \(6, 1\)"),
]


@pytest.mark.parametrize("function", [fit, fit_many])
@pytest.mark.parametrize("part", ["training", "evaluation"])
@pytest.mark.parametrize(("network", "inputs", "targets", "sentence"), BAD_DATA)
def test_data_that_do_not_fit_the_network(function, part, network, inputs, targets, sentence):
    bad, good = unchecked(inputs, targets), Dataset(INPUTS, np.ones((6, network.output_shape[0]), np.float32))
    with pytest.raises(ValueError, match=f"^{part} data: {sentence}"):
        function(network, **({"training": good, "evaluation": good, "batch_size": 1} | {part: bad}))


@pytest.mark.parametrize(("network", "inputs", "targets", "sentence"), BAD_DATA)
def test_evaluated_data_that_do_not_fit_the_network(network, inputs, targets, sentence):
    with pytest.raises(ValueError, match=f"^evaluated data: {sentence}"):
        jnndl.evaluate(network, network.init(KEY), unchecked(inputs, targets))


def test_log_likelihood_without_labels():
    network, data = mlp([2, 3], output=neurons.softmax), Dataset(INPUTS, np.eye(3)[LABELS])
    sentence = r"data: targets are float64, but the log_likelihood cost needs labels; give integers of shape \(6,\)"
    for function in (fit, fit_many):
        with pytest.raises(ValueError, match=f"^training {sentence}"):
            function(network, data, batch_size=6, cost=costs.log_likelihood)
        with pytest.raises(ValueError, match=f"^evaluation {sentence}"):
            function(network, Dataset(INPUTS, LABELS), data, batch_size=6, cost=costs.log_likelihood)
    with pytest.raises(ValueError, match=f"^evaluated {sentence}"):
        jnndl.evaluate(network, network.init(KEY), data, cost=costs.log_likelihood)


@pytest.mark.parametrize(
    ("cost", "output", "fits", "remedy"),
    [
        (costs.cross_entropy, neurons.softmax, "sigmoid", "use the quadratic or the log_likelihood cost"),
        (costs.cross_entropy, neurons.linear, "sigmoid", "use the quadratic cost"),
        (costs.log_likelihood, neurons.sigmoid, "softmax", "use the quadratic or the cross_entropy cost"),
        (costs.cross_entropy, neurons.relu, "sigmoid", "use the quadratic cost"),
    ],
)
def test_a_cost_that_does_not_fit_the_output_neuron(cost, output, fits, remedy):
    network, data = mlp([2, 3], output=output), Dataset(INPUTS, LABELS)
    sentence = (
        rf"^cost {cost.name} fits the output neurons {fits}, but the network's is {output.name}; "
        rf"change the network's output neuron, or {remedy}$"
    )
    for function in (fit, fit_many):
        with pytest.raises(ValueError, match=sentence):
            function(network, data, batch_size=6, cost=cost)
    with pytest.raises(ValueError, match=sentence):
        jnndl.evaluate(network, network.init(KEY), data, cost=cost)


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ([], r"mlp: sizes is \[\]; give at least two, .*\[784, 10\]"),
        ([784], r"mlp: sizes is \[784\]; give at least two"),
        ([784, 0], r"mlp: sizes holds 0; give whole numbers of at least 1"),
        ([784, -30, 10], r"mlp: sizes holds -30; give whole numbers of at least 1"),
        ([784, 2.5, 10], r"mlp: sizes holds 2\.5; give whole numbers of at least 1"),
        (["784", 10], r"mlp: sizes holds '784'; give whole numbers of at least 1"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_sizes_that_make_no_network(sizes, sentence):
    with pytest.raises(ValueError, match=sentence):
        mlp(sizes)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Dense(0, 3), r"Dense: n_in is 0; give a whole number of at least 1"),
        (lambda: Dense(3, -1), r"Dense: n_out is -1; give a whole number of at least 1"),
        (lambda: Dropout(1.0), r"Dropout: rate is 1\.0; give the fraction to drop, from 0 to below 1"),
        (lambda: Dropout(-0.5), r"Dropout: rate is -0\.5; give the fraction to drop"),
        (lambda: Network((), neurons.sigmoid, (2,)), r"layers is empty; give at least one layer"),
        (
            lambda: Network((Dense(2, 3, neurons.tanh),), neurons.sigmoid, (2,)),
            r"last layer's neuron is tanh; make it linear, .*neuron=tanh",
        ),
        (
            lambda: Network((Dense(2, 3), Dense(4, 1, neurons.linear)), neurons.sigmoid, (2,)),
            r"layer 1, Dense\(4, .* cannot take an input of shape \(3,\); .* the output of layer 0",
        ),
        (
            lambda: Network((Dense(5, 3, neurons.linear),), neurons.sigmoid, (2,)),
            r"layer 0, Dense\(5, .* cannot take an input of shape \(2,\); .*input_shape",
        ),
    ],
)
def test_layers_that_make_no_network(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


@pytest.mark.parametrize(
    "data",
    [
        Dataset(INPUTS, LABELS),
        Dataset(INPUTS, LABELS.astype(np.uint8)),
        Dataset(INPUTS.reshape(6, 2, 1).astype(np.uint8), LABELS),
        Dataset(INPUTS.astype(np.float64), np.eye(3)[LABELS]),
        Dataset(jax.numpy.asarray(INPUTS), jax.numpy.asarray(LABELS)),
    ],
)
def test_good_data_pass(data):
    validation.check_data(NETWORK, costs.cross_entropy, data, "training")


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": 3, "l1": 0, "l2": 0.0, "momentum": 0},
        {"learning_rate": 1e-30, "l1": None, "l2": None, "momentum": None},
        {"learning_rate": np.float32(0.5), "l1": jax.numpy.float32(1), "l2": [1.0, 2.0], "momentum": 0.999},
    ],
)
def test_good_hyper_parameters_pass(values):
    validation.check_hyper(2, **values)


# Arguments of another kind.

DATA = Dataset(INPUTS, LABELS)
SPLITS = jnndl.data.Splits(DATA, DATA, DATA, "mine", {}, 3)


def call(function, **arguments):
    """Train one network, or three."""
    many = function is jnndl.fit_many
    arguments = {"network": NETWORK, "training": DATA, "epochs": 1, "learning_rate": 0.5, "batch_size": 6} | arguments
    keys = {"keys": jax.random.split(KEY, 3)} if many else {"key": KEY}
    return function(**(keys | arguments))


def adam_like(learning_rate):
    return optax.adam(learning_rate)


@pytest.mark.parametrize("function", [jnndl.fit, jnndl.fit_many], ids=["fit", "fit_many"])
@pytest.mark.parametrize(
    ("argument", "value", "error", "sentence"),
    [
        ("learning_rate", "0.5", TypeError, r"learning_rate is '0\.5'; give a number above 0$"),
        ("learning_rate", None, TypeError, r"learning_rate is None; give a number above 0$"),
        ("learning_rate", True, TypeError, r"learning_rate is True; give a number above 0$"),
        ("learning_rate", 1j, TypeError, r"learning_rate is 1j; give a number above 0$"),
        ("learning_rate", [[1.0], [1.0, 2.0]], TypeError, r"learning_rate is \[\[1\.0\].*; give a number above 0$"),
        ("learning_rate", optax.constant_schedule(0.1), TypeError, r"learning_rate is .*; a schedule is schedule=$"),
        ("learning_rate", [0.1, 0.2], ValueError, r"learning_rate has shape \(2,\); give one number"),
        ("l2", "5", TypeError, r"l2 is '5'; give a number of at least 0, or None$"),
        ("momentum", [], ValueError, r"momentum has shape \(0,\); give one number"),
        ("epochs", 2.0, TypeError, r"epochs is 2\.0; give a whole number of at least 1$"),
        ("epochs", "2", TypeError, r"epochs is '2'; give a whole number"),
        ("epochs", None, TypeError, r"epochs is None; give a whole number"),
        ("epochs", True, TypeError, r"epochs is True; give a whole number"),
        ("batch_size", 3.0, TypeError, r"batch_size is 3\.0; give a whole number from 1 to 6"),
        ("batch_size", None, TypeError, r"batch_size is None; give a whole number from 1 to 6"),
        ("patience", 1.5, TypeError, r"patience is 1\.5; give a number of epochs of at least 1, or None"),
        ("shuffle", "no", TypeError, r"shuffle is 'no'; give True or False"),
        ("halve_after", np.nan, TypeError, r"halve_after is nan; give a number of epochs of at least 1, or None"),
        ("optimizer", optax.adam(0.1), TypeError, r"optimizer is .*; give .* optax\.adam, not optax\.adam\(0\.1\)"),
        ("optimizer", None, TypeError, r"optimizer is None; give a function of the learning rate"),
        ("schedule", 0.5, TypeError, r"schedule is 0\.5; give an optax schedule, .* or None"),
        ("gradient", "backprob", ValueError, r"gradient is 'backprob'; did you mean 'backprop'\?"),
        ("gradient", None, TypeError, r"gradient is None; give gradients\.autodiff or"),
        ("callback", 3, TypeError, r"callback is 3; give a function of the epoch and its scores"),
        ("cost", "quadratik", ValueError, r"cost is 'quadratik'; did you mean 'quadratic'\?"),
        ("cost", "hinge", ValueError, r"cost is 'hinge'; give 'quadratic', 'cross_entropy', 'log_likelihood'"),
        ("cost", 3, TypeError, r"cost is 3; give one of jnndl\.costs"),
        ("progress", "loud", ValueError, r"progress is 'loud'; give 'lines' for a line per epoch"),
        ("network", [2, 3], TypeError, r"network is \[2, 3\]; give a Network, such as mlp"),
        ("training", SPLITS, TypeError, r"training data is a Splits; give a Dataset, such as splits\.training"),
        ("training", (INPUTS, LABELS), TypeError, r"training data is a tuple; give a Dataset\(inputs, targets\)"),
        ("evaluation", INPUTS, TypeError, r"evaluation data is a ndarray; give a Dataset\(inputs, targets\)"),
        ("training", unchecked(INPUTS.tolist(), LABELS), TypeError, r"training data: inputs is a list; give an array"),
        ("training", unchecked(INPUTS, [0, 1, 2]), TypeError, r"training data: targets is a list; give an array"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_an_argument_of_another_kind(function, argument, value, error, sentence):
    with pytest.raises(error, match=f"^{sentence}"):
        call(function, **{argument: value})


@pytest.mark.usefixtures("no_type_checker")
def test_momentum_for_an_optimiser_that_takes_none():
    for function in (jnndl.fit, jnndl.fit_many):
        with pytest.raises(
            ValueError, match=r"^momentum is 0\.9, but adam_like takes none; leave momentum out, or use "
        ):
            call(function, optimizer=adam_like, momentum=0.9)


@pytest.mark.parametrize("argument", ["learning_rate", "l1", "l2", "momentum"])
@pytest.mark.usefixtures("no_type_checker")
def test_values_that_are_not_one_a_key(argument):
    with pytest.raises(ValueError, match=rf"^{argument} has shape \(2,\); give one number, or 3, one per key$"):
        call(jnndl.fit_many, **{argument: [0.1, 0.2]})
    with pytest.raises(ValueError, match=rf"^{argument} has shape \(3,\); give one number; fit_many takes many$"):
        call(jnndl.fit, **{argument: [0.1, 0.2, 0.3]})


@pytest.mark.parametrize(
    ("key", "error", "sentence"),
    [
        (-1, TypeError, r"key is -1, not a random key; give a seed, such as 0, or jax\.random\.key\(0\)"),
        (0.0, TypeError, r"key is 0.0, not a random key"),
        (True, TypeError, r"key is True, not a random key"),
        (None, TypeError, r"key is None, not a random key"),
        (np.zeros(2, np.uint32), TypeError, r"key is array.*, not a random key"),
        (jax.random.key_data(KEY), TypeError, r"key is Array.*, not a random key"),
        (jax.random.split(KEY, 2), ValueError, r"key has shape \(2,\); give a seed, such as 0, or jax\.random\.key"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_a_key_that_is_none(key, error, sentence):
    with pytest.raises(error, match=f"^{sentence}"):
        call(jnndl.fit, key=key)


@pytest.mark.parametrize(
    ("keys", "error", "sentence"),
    [
        (3, TypeError, r"keys is 3, not a random key; give jax\.random\.split"),
        ([KEY, KEY], TypeError, r"keys is a list, not a random key; give jax\.random\.split"),
        (KEY, ValueError, r"keys has shape \(\); give jax\.random\.split"),
        (jax.random.split(KEY, 2)[:0], ValueError, r"keys has shape \(0,\); give jax\.random\.split"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_keys_that_are_none(keys, error, sentence):
    with pytest.raises(error, match=f"^{sentence}"):
        call(jnndl.fit_many, keys=keys)


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ([2, 4], r"params: \[0\]\.weight has shape \(4, 2\), but \(3, 2\) in this network"),
        ([2, 4, 3], r"params is a tuple, not parameters of this network \(1 layers\)"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_parameters_of_another_network(sizes, sentence):
    params = mlp(sizes).init(KEY)
    for use in (
        lambda: call(jnndl.fit, params=params),
        lambda: jnndl.evaluate(NETWORK, params, DATA),
        lambda: jnndl.predict(NETWORK, params, DATA),
    ):
        with pytest.raises(ValueError, match=f"(?s)^{sentence}.*; give what network.init, fit or load returned for it"):
            use()


@pytest.mark.parametrize(
    ("inputs", "error", "sentence"),
    [
        (
            np.ones((6, 2), np.uint8),
            TypeError,
            r"inputs are uint8, and this network does not know how its inputs were scaled; give the network that fit",
        ),
        ([["a", "b"]], TypeError, r"inputs are <U1; give real numbers"),
        ([[1.0, 2.0], [3.0]], ValueError, r"inputs: the rows are not all of one length; give as many"),
        (np.ones(2, np.float32), ValueError, r"inputs have shape \(2,\); give n examples, of shape \(n, 2\)"),
        (np.float32(1), ValueError, r"inputs have shape \(\); give n examples"),
        (np.ones((6, 5)), ValueError, r"inputs have shape \(6, 5\); give n examples, of shape \(n, 2\)"),
        (Dataset(np.ones((6, 5)), LABELS), ValueError, r"inputs have shape \(6, 5\); give n examples"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_inputs_that_cannot_be_classified(inputs, error, sentence):
    with pytest.raises(error, match=f"^{sentence}"):
        jnndl.predict(NETWORK, NETWORK.init(KEY), inputs)


@pytest.mark.parametrize(
    ("inputs", "targets", "cost", "sentence"),
    [
        (INPUTS, 2 * np.eye(3)[LABELS], costs.cross_entropy, r"targets hold 2, .*cross_entropy cost .* from 0 to 1"),
        (INPUTS, -np.eye(3)[LABELS], costs.cross_entropy, r"targets hold -1, .*cross_entropy cost .* from 0 to 1"),
        (INPUTS, np.full((6, 3), np.nan), costs.quadratic, r"targets hold nan, .*quadratic cost takes finite numbers"),
        (np.where(INPUTS > 0, np.inf, 1.0), LABELS, costs.quadratic, r"inputs\[0, 0\] is inf; give finite numbers"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_numbers_that_no_cost_can_be_taken_of(inputs, targets, cost, sentence):
    with pytest.raises(ValueError, match=f"^training data: {sentence}"):
        fit(NETWORK, Dataset(inputs, targets), cost=cost, batch_size=6)


@pytest.mark.parametrize(
    ("build", "error", "sentence"),
    [
        (
            lambda: Network((Dense(2, 3, neurons.linear),), costs.quadratic, (2,)),
            TypeError,
            r"Network: neuron is Cost\(.*quadratic.*\); give one of",
        ),
        (lambda: mlp([2, 3], hidden="Re-lu"), ValueError, r"mlp: hidden is 'Re-lu'; did you mean 'relu'\?"),
        (lambda: mlp([2, 3], output="argmax"), ValueError, r"mlp: output is 'argmax'; (did you mean 'softmax'|give)"),
        (lambda: mlp([2, 3], weight_init="big"), ValueError, r"mlp: weight_init is 'big'; give 'default', 'large'"),
        (lambda: Dense(2, 3, "sigmoidal"), ValueError, r"Dense: neuron is 'sigmoidal'; did you mean 'sigmoid'\?"),
        (lambda: Dense(2, 3, neuron=None), TypeError, r"Dense: neuron is None; give one of jnndl\.neurons"),
        (lambda: Dense(True, 3), ValueError, r"Dense: n_in is True; give a whole number"),
        (lambda: mlp([True, 2]), ValueError, r"mlp: sizes holds True; give whole numbers"),
        (lambda: Dropout("0.5"), ValueError, r"Dropout: rate is '0\.5'; give the fraction to drop"),
        (lambda: Dropout(None), ValueError, r"Dropout: rate is None; give the fraction to drop"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_parts_that_make_no_layer(build, error, sentence):
    with pytest.raises(error, match=f"^{sentence}"):
        build()


# Names of settings, and data that are scaled in another way.


@pytest.mark.parametrize("function", [fit, fit_many])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("eta", "did you mean learning_rate?"),
        ("lmbda", "did you mean l2?"),
        ("mini_batch_size", "did you mean batch_size?"),
        ("batchsize", "did you mean batch_size?"),
        ("colour", "there are batch_size, cost, l1, l2,"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_a_setting_that_there_is_not(function, name, hint):
    with pytest.raises(TypeError, match=rf"^there is no setting '{name}'; {re.escape(hint)}"):
        function(NETWORK, DATA, **{name: 3.0})


@pytest.mark.parametrize("function", [fit, fit_many])
def test_evaluation_data_of_another_scale(function):
    scaled = Dataset(INPUTS, LABELS, scale=0.5)
    sentence = (
        r"^evaluation data: inputs are scaled as 0\.5 \* x, but the network was trained on 1 \* x; give the Dataset"
    )
    with pytest.raises(ValueError, match=sentence):
        function(NETWORK, DATA, scaled, batch_size=6)


def test_a_trained_network_refuses_data_of_another_scale():
    found = fit(NETWORK, Dataset(INPUTS, LABELS, scale=0.5, offset=0.25), batch_size=6, measure_training=0)
    assert (found.network.scale, found.network.offset) == (0.5, 0.25)
    for use in (jnndl.evaluate, jnndl.predict):
        with pytest.raises(
            ValueError, match=r"scaled as 1 \* x, but the network was trained on 0\.5 \* x \+ 0\.25; give"
        ):
            use(found.network, found.params, DATA)
    with pytest.raises(ValueError, match="training data: inputs are scaled as"):
        fit(found.network, DATA, batch_size=6)


# Past the checks of fit: what an objective itself says.


def test_soft_targets_for_the_log_likelihood_are_refused_by_the_objective():
    network = mlp([2, 3], output=neurons.softmax)
    objective = jnndl.gradients.Objective(network, costs.log_likelihood)
    soft = Dataset(INPUTS, np.full((6, 3), 1 / 3, np.float32))
    for use in (objective, jnndl.gradients.autodiff(objective), jnndl.gradients.backprop(objective)):
        with pytest.raises(ValueError, match=r"targets are float32, but the log_likelihood cost needs labels; give"):
            use(network.init(KEY), soft, 6)


@pytest.mark.parametrize("label", [3, -1, 250])
def test_a_label_out_of_range_is_not_a_number_to_the_objective(label):
    objective = jnndl.gradients.Objective(NETWORK)
    labels = np.array([0, 1, 2, 0, 1, label])
    assert np.isnan(objective(NETWORK.init(KEY), Dataset(INPUTS, labels), 6))
    assert np.isfinite(objective(NETWORK.init(KEY), Dataset(INPUTS[:5], labels[:5]), 6))


# A neuron of one's own.


def softsign(z):
    return z / (1 + abs(z))


OWN = neurons.Neuron("softsign", softsign, lambda z, grad_a: grad_a / (1 + abs(z)) ** 2, low=-1.0)


@pytest.mark.parametrize("output", [OWN, neurons.relu])
def test_an_output_neuron_of_ones_own_fits_the_quadratic_cost(output):
    network = mlp([2, 3], output=output)
    objective = jnndl.gradients.Objective(network, costs.quadratic)
    assert jnndl.check_gradients(objective, network.init(jax.random.key(5)), DATA[:3], KEY).ok
    found = fit(network, DATA, DATA, batch_size=6, cost=costs.quadratic, measure_training=0)
    assert np.isfinite(found.history.evaluation_cost).all()


@pytest.mark.usefixtures("no_type_checker")
def test_sizes_that_are_a_number_and_scales_that_do_not_fit():
    with pytest.raises(TypeError, match=r"^mlp: sizes is 64; give a list, as in \[784, 30, 10\]"):
        mlp(64)
    with pytest.raises(ValueError, match=r"^training data: scale has 3 numbers, but inputs have 2 columns; give one"):
        fit(NETWORK, Dataset(INPUTS, LABELS, scale=(1.0, 2.0, 3.0)), batch_size=6)


@pytest.mark.usefixtures("no_type_checker")
def test_swapped_arguments():
    with pytest.raises(TypeError, match="network is a Dataset; give the network first and the data after it"):
        fit(Dataset(INPUTS, LABELS), mlp([2, 3]))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("eta", "learning_rate"), ("lmbda", "l2"), ("mini_batch_size", "batch_size"), ("early_stopping_n", "patience")],
)
def test_the_books_names_are_answered_with_ours(theirs, ours):
    with pytest.raises(TypeError, match=f"there is no setting '{theirs}'; did you mean {ours}\\?"):
        fit(mlp([2, 3]), Dataset(INPUTS, LABELS), **{theirs: 1})


# A layer of one's own that returns the wrong kind.


@dataclasses.dataclass(frozen=True)
class Returning:
    """A layer whose forward returns whatever it was given."""

    found: str

    def init(self, key):
        return ()

    def forward(self, params, a, key=None):
        return {"nothing": None, "an array": a, "three": (a, a, a), "a list": ([1, 2, 3], a), "a text": ("a", a)}[
            self.found
        ]

    def backward(self, params, saved, grad):
        return grad, ()


@pytest.mark.parametrize("found", ["nothing", "an array", "three", "a list", "a text"])
def test_a_layer_that_returns_the_wrong_kind_is_named(found):
    with pytest.raises(ValueError, match=r"layer 1, Returning\(found='.*its forward returned .*; make it return the"):
        Network((Dense(2, 3), Returning(found), Dense(3, 2, neurons.linear)), neurons.sigmoid, (2,))


@pytest.mark.usefixtures("no_type_checker")
@pytest.mark.filterwarnings("ignore:training accuracy never rose")
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_a_dropout_of_nothing_trains(gradient):
    with_it = Network((Dense(2, 3), Dropout(0.0), Dense(3, 3, neurons.linear)), neurons.sigmoid, (2,))
    assert np.isfinite(fit(with_it, DATA, batch_size=2, gradient=gradient).history.training_cost).all()


def test_a_setting_of_checkpoints_without_one_is_not_ignored():
    with pytest.raises(ValueError, match="checkpoint_every is 5, but checkpoint is None; give the file to keep"):
        fit(mlp([2, 3]), DATA, batch_size=2, checkpoint_every=5)
