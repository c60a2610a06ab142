"""Training: one epoch, the rule between epochs, the loop around them, and what is measured."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from samples import blobs, draw, leaves_as_bytes

import jnndl
from jnndl import Dataset, Dense, Dropout, Network, chance, costs, descent, gradients, mlp, neurons, options, rules
from jnndl.layers import Affine
from jnndl.measures import History, Scores
from jnndl.rules import advance
from jnndl.settings import Hyperparameters, TrainConfig, as_array, start
from jnndl.training import train_epoch

KEY = jax.random.key(0)
LINE = mlp([2, 1], output=neurons.linear)


def hyper(learning_rate=0.1, l1=None, l2=None, momentum=None):
    return Hyperparameters(*(as_array(value) for value in (learning_rate, l1, l2, momentum)))


def plane(n):
    """Examples of a plane with an uneven surface; no two have the same inputs."""
    inputs = np.random.default_rng(1).normal((0.5, -1), size=(n, 2))
    return Dataset(inputs, np.sin(3 * inputs[:, :1]) + inputs[:, 1:])


SEEN = []


def recording(objective):
    """``autodiff`` that notes its arguments (n, x, y, key) in the order in which the compiled program gets them."""
    gradient = gradients.autodiff(objective)

    def note(n, x, y, key):
        SEEN.append((int(n), np.array(x), np.array(y), tuple(key.tolist())))

    def noting(params, batch, n, key):
        bits = jax.random.key_data(key)
        jax.experimental.io_callback(note, None, n, batch.inputs, batch.targets, bits, ordered=True)
        return gradient(params, batch, n, key)

    return noting


def half_each_time(count):
    return 0.5**count


def epochs(training, *, number=1, key=KEY, batch_size, settings=None, **recipe):
    """A linear neuron's parameters before some epochs and after, and the mini-batches (n, x, y, key) in between."""
    SEEN.clear()
    recipe = TrainConfig(LINE, costs.quadratic, batch_size, recording, **recipe)
    params = draw(LINE)
    state = start(recipe, settings or hyper(), key, params)
    for _ in range(number):
        state = descent.epoch(recipe, state, training)
    jax.effects_barrier()
    assert int(state.epoch) == number
    return params[0], state.params[0], [*SEEN]


def first_inputs(seen):
    return np.concatenate([x for _, x, _, _ in seen])[:, 0]


# One epoch.


@pytest.mark.parametrize(("n", "batch_size"), [(10, 1), (10, 3), (10, 5), (10, 10), (7, 6), (1, 1)])
def test_an_epoch_uses_every_example_once(n, batch_size):
    numbers = np.arange(n, dtype=np.float32)[:, None]
    _, _, seen = epochs(Dataset(np.repeat(numbers, 2, axis=1), 100 + numbers), batch_size=batch_size)
    assert [len(x) for _, x, _, _ in seen] == [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
    assert sorted(first_inputs(seen)) == list(range(n))
    assert all(np.array_equal(y[:, 0], 100 + x[:, 0]) for _, x, y, _ in seen), "targets left their inputs"
    assert {whole for whole, _, _, _ in seen} == {n}, "the penalty is divided by another number than n"


def test_order_is_new_each_epoch_and_for_another_key_and_the_same_for_the_same_key():
    training = plane(40)
    _, params, seen = epochs(training, number=2, batch_size=8)
    _, params_again, seen_again = epochs(training, number=2, batch_size=8)
    _, _, other = epochs(training, number=2, key=jax.random.key(1), batch_size=8)
    orders = [first_inputs(some) for some in (seen[:5], seen[5:], other[:5])]
    for order, different in ((0, 1), (0, 2), (1, 2)):
        assert np.sum(orders[order] == orders[different]) < 10  # by chance one keeps its place, on average
    assert np.array_equal(first_inputs(seen), first_inputs(seen_again))
    assert leaves_as_bytes(params) == leaves_as_bytes(params_again)


def test_without_shuffling_every_epoch_takes_the_examples_in_their_order():
    training = plane(2500)  # more than a block of rows
    numbers = [training.inputs[start : start + 8] for start in range(0, 2500, 8)] * 2
    _, _, seen = epochs(training, number=2, batch_size=8, shuffle=False)
    for (_, x, _, _), want in zip(seen, numbers, strict=True):
        np.testing.assert_array_equal(x, np.float32(want))
    assert len({key for *_, key in seen}) == 626  # layers that are random stay so


def test_every_mini_batch_of_every_epoch_has_a_key_of_its_own():
    training = plane(40)
    _, _, seen = epochs(training, number=2, batch_size=8)
    _, _, other = epochs(training, number=2, key=jax.random.key(1), batch_size=8)
    assert len({key for *_, key in seen + other}) == 20


def test_initial_parameters_and_training_have_keys_of_their_own():
    state = start(TrainConfig(LINE, costs.quadratic, 8), hyper(), KEY)
    for key in (KEY, state.key):
        assert not np.allclose(LINE.init(key)[0].weight, state.params[0].weight)
    assert leaves_as_bytes(jax.random.key_data(KEY)) != leaves_as_bytes(jax.random.key_data(state.key))


def numpy_descent(params, batches, n, learning_rate, l1=0.0, l2=0.0, momentum=0.0, factor=lambda count: 1.0):
    """Gradient descent on (w x + b - y)^2 / 2: v <- mu v + gradient, then w <- w - eta v."""
    (w, b), (v, u) = params, (0.0, 0.0)
    for count, (x, y) in enumerate(batches):
        error = x @ w.T + b - y
        gradient_w = error.T @ x / len(x) + l1 / n * np.sign(w) + l2 / n * w
        v, u = momentum * v + gradient_w, momentum * u + error.sum(axis=0) / len(x)
        w, b = w - learning_rate * factor(count) * v, b - learning_rate * factor(count) * u
    return w, b


def rows(seen, training):
    """Which examples the mini-batches hold, in order; by nearness, as a callback may get float64 rounded to float32."""
    return [np.abs(x[:, None] - training.inputs).sum(axis=-1).argmin(axis=1) for _, x, _, _ in seen]


@pytest.mark.core
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("batch_size", "settings"),
    [
        (11, {}),  # the last mini-batch has one example
        (12, {}),  # plain gradient descent
        (5, {"l1": 2.0, "l2": 3.0}),
        (12, {"momentum": 0.9}),
        (5, {"momentum": 0.7, "l2": 3.0}),
    ],
)
def test_epochs_are_gradient_descent_by_mini_batches(batch_size, settings):
    training = plane(12)
    before, after, seen = epochs(training, number=3, batch_size=batch_size, settings=hyper(0.2, **settings))
    assert len(seen) == 3 * math.ceil(12 / batch_size)
    w, b = (np.asarray(p) for p in before)
    batches = [(training.inputs[i], training.targets[i]) for i in rows(seen, training)]
    want = numpy_descent((w, b), batches, 12, 0.2, **settings)
    assert np.abs(want[0] - w).max() > 0.05, "nothing was learned"
    for found, wanted in zip(after, want, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.core
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("batch_size", [5, 4])
def test_epochs_in_stored_order_are_gradient_descent_through_the_data_again_and_again(batch_size):
    training, w, b = plane(12), *(np.asarray(p) for p in draw(LINE)[0])
    recipe = TrainConfig(LINE, costs.quadratic, batch_size, shuffle=False)
    state = start(recipe, hyper(0.2, l2=3.0), KEY, draw(LINE))
    for _ in range(3):
        state = descent.epoch(recipe, state, training)
    parts = [slice(first, first + batch_size) for first in range(0, 12, batch_size)] * 3
    want = numpy_descent((w, b), [(training.inputs[i], training.targets[i]) for i in parts], 12, 0.2, l2=3.0)
    for found, wanted in zip(state.params[0], want, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("batch_size", [2500, 1500])
def test_a_large_mini_batch_is_one_step_in_whatever_parts_it_is_taken(batch_size):
    training, settings = plane(2500), {"l1": 2.0, "l2": 300.0, "momentum": 0.7}
    before, after, seen = epochs(training, number=2, batch_size=batch_size, settings=hyper(0.2, **settings))
    order = np.concatenate(rows(seen, training))
    assert sorted(order) == sorted([*range(2500)] * 2)
    batches = [part for half in (order[:2500], order[2500:]) for part in np.split(half, [batch_size]) if len(part)]
    batches = [(training.inputs[i], training.targets[i]) for i in batches]
    want = numpy_descent([np.asarray(p) for p in before], batches, 2500, 0.2, **settings)
    for found, wanted in zip(after, want, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-11)


def test_images_stay_bytes_and_are_scaled_where_they_are_used():
    images = np.random.default_rng(2).integers(0, 17, (12, 2, 1)).astype(np.uint8)
    training = Dataset(images, plane(12).targets, np.float32(1 / 16), np.float32(-0.5))
    before, after, seen = epochs(training, number=2, batch_size=5)
    assert {x.dtype for _, x, _, _ in seen} == {np.dtype(np.uint8)}
    batches = [(x.reshape(-1, 2) / 16 - 0.5, y) for _, x, y, _ in seen]
    want = numpy_descent([np.asarray(p, float) for p in before], batches, 12, 0.1)
    for found, wanted in zip(after, want, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def fitted(n):
    """Examples that leave nothing to learn: inputs of zero, and the neuron's bias as their target."""
    return Dataset(np.zeros((n, 2), np.float32), np.broadcast_to(np.asarray(draw(LINE)[0].bias), (n, 1)))


@pytest.mark.parametrize(
    ("batch_size", "updates", "l1", "l2"), [(2, 4, None, 3.0), (8, 1, None, 3.0), (3, 3, None, 3.0), (2, 4, 0.5, None)]
)
def test_penalty_alone_shrinks_weights_by_n_not_by_the_batch_size(batch_size, updates, l1, l2):
    before, after, _ = epochs(fitted(8), batch_size=batch_size, settings=hyper(learning_rate=0.1, l1=l1, l2=l2))
    w = np.asarray(before.weight, float)
    want = w - updates * 0.1 * l1 / 8 * np.sign(w) if l2 is None else w * (1 - 0.1 * l2 / 8) ** updates
    np.testing.assert_allclose(after.weight, want, rtol=1e-6)
    assert np.array_equal(after.bias, before.bias)


def test_schedule_is_a_function_of_the_number_of_updates():
    # Seven examples by four are two updates an epoch; the rate of update k is 0.4 / 2^k, and l2 / n is 1.
    settings = hyper(learning_rate=0.4, l2=7.0)
    before, after, _ = epochs(fitted(7), number=2, batch_size=4, settings=settings, schedule=half_each_time)
    shrunk = (1 - 0.4) * (1 - 0.2) * (1 - 0.1) * (1 - 0.05)
    np.testing.assert_allclose(after.weight, shrunk * np.asarray(before.weight), rtol=1e-6)


def test_history_holds_the_scheduled_rate_at_the_start_of_each_epoch():
    result = jnndl.fit(
        LINE,
        plane(7),
        key=KEY,
        epochs=3,
        learning_rate=0.4,
        batch_size=4,
        cost=costs.quadratic,
        schedule=half_each_time,
    )
    np.testing.assert_allclose(result.history.learning_rate, [0.4, 0.4 / 4, 0.4 / 16], rtol=1e-6)


def clipped(learning_rate, **settings):
    return optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(learning_rate, **settings))


@pytest.mark.parametrize(
    ("optimizer", "learning_rate", "momentum"),
    [
        (functools.partial(optax.sgd, nesterov=True), 0.1, 0.9),
        (optax.adam, 0.05, None),
        (optax.rmsprop, 0.02, None),
        (clipped, 0.2, 0.5),
    ],
)
def test_any_optax_optimiser_reduces_the_cost(optimizer, learning_rate, momentum):
    network, training = mlp([2, 3]), blobs(60)
    recipe = TrainConfig(network, costs.cross_entropy, 10, optimizer=optimizer)
    state = start(recipe, hyper(learning_rate, momentum=momentum), KEY, draw(network))
    before = jnndl.evaluate(network, state.params, training).cost
    for _ in range(8):
        state = descent.epoch(recipe, state, training)
    assert jnndl.evaluate(network, state.params, training).cost < 0.6 * before


@pytest.mark.usefixtures("x64")
def test_autodiff_and_backprop_make_the_same_run():
    network = Network((Dense(2, 6, neurons.tanh), Dropout(0.3), Dense(6, 3, neurons.linear)), neurons.softmax, (2,))
    runs = []
    for gradient in (gradients.autodiff, gradients.backprop):
        recipe = TrainConfig(network, costs.log_likelihood, 4, gradient)
        runs.append([start(recipe, hyper(0.3, 0.01, 0.1, 0.5), KEY, draw(network))])
        for _ in range(3):
            runs[-1].append(descent.epoch(recipe, runs[-1][-1], blobs(32)))
    first, autodiff, backprop = (jax.tree.leaves(state.params) for state in (runs[0][0], runs[0][-1], runs[1][-1]))
    for w, a, b in zip(first, autodiff, backprop, strict=True):
        assert np.linalg.norm(a - w) > 0.1, "nothing was learned"
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.linalg.norm(a))


# The rule between epochs.


def walk(accuracies, **rules):
    """The states that the rule makes of a table of accuracies; each epoch has parameters of its own."""
    recipe = TrainConfig(LINE, costs.quadratic, 1, **rules)
    states = [start(recipe, hyper(learning_rate=1.0), KEY, draw(LINE, 99))]
    for number, accuracy in enumerate(accuracies):
        state = states[-1]._replace(params=draw(LINE, number), epoch=jnp.int32(number + 1))
        numbers = (np.float32(value) for value in (0, 1, accuracy))
        states.append(advance(recipe, state, Scores(state.hyper.learning_rate, *numbers, None, None)))
    return states


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [
        ([0.1, 0.5, 0.5, 0.3], 1),  # of equals the first
        ([0.1, 0.2, 0.3], 2),
        ([0.5, 0.4, 0.3, 0.45], 0),
        ([0.0, 0.0], 0),
        ([np.nan, 0.2, 0.1], 1),
        ([0.1, np.nan, 0.2], 2),
    ],
)
def test_best_epoch_is_the_first_of_the_highest_and_its_params_are_kept(accuracies, best):
    state = walk(accuracies)[-1]
    assert int(state.best.epoch) == best
    assert state.best.score == np.float32(accuracies[best])
    assert leaves_as_bytes(state.best.params) == leaves_as_bytes(draw(LINE, best))
    assert leaves_as_bytes(state.params) == leaves_as_bytes(draw(LINE, len(accuracies) - 1))
    assert not state.stopped


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [
        ([0.1, 0.5, 0.5, 0.3], 2),
        ([0.5, 0.4, 0.5, 0.5], 3),
        ([0.5, 0.4, 0.3, 0.45], 0),
        ([0.2, np.nan, 0.2, np.nan], 2),
    ],
)
def test_the_last_of_equally_good_epochs_is_the_best_where_that_is_asked_for(accuracies, best):
    state = walk(accuracies, ties="last")[-1]
    assert int(state.best.epoch) == best
    assert leaves_as_bytes(state.best.params) == leaves_as_bytes(draw(LINE, best))


def test_without_a_number_among_the_scores_the_first_parameters_stay_the_best():
    first, *_, last = walk([np.nan, np.nan])
    assert int(last.best.epoch) == -1
    assert leaves_as_bytes(last.best.params) == leaves_as_bytes(first.params)


@pytest.mark.parametrize(
    ("halve_after", "accuracies", "halvings"),
    [
        # The best is epoch 0; no better in 1 and 2, nor in 3 and 4; 5 is better, 6 and 7 are not.
        (2, [0.5, 0.4, 0.4, 0.4, 0.4, 0.6, 0.5, 0.5], [0, 0, 1, 1, 2, 2, 2, 3]),
        (2, [0.5, 0.5, 0.5], [0, 0, 1]),  # equal is no improvement
        (1, [0.1, 0.2, 0.1, 0.3, 0.1], [0, 0, 1, 1, 2]),
        (3, [0.1, 0.2, 0.1, 0.1, 0.3, 0.2, 0.2], [0] * 7),
        (1, [0.5] + 7 * [0.4], [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_rate_is_halved_after_epochs_without_improvement_until_one_in_128(halve_after, accuracies, halvings):
    _, *states = walk(accuracies, halve_after=halve_after)
    assert [float(state.hyper.learning_rate) for state in states] == [0.5**number for number in halvings]
    assert [bool(state.stopped) for state in states] == [number >= 7 for number in halvings]


@pytest.mark.parametrize(
    ("rules", "accuracies", "stops"),
    [
        ({"patience": 1}, [0.1, 0.2, 0.2], 2),
        ({"patience": 2}, [0.5, 0.6, 0.6, 0.6], 3),
        ({"patience": 2}, [0.5, 0.4, 0.6, 0.5, 0.7], None),
        ({"patience": 3, "halve_after": 1}, [0.5, 0.4, 0.4, 0.4], 3),  # a halving is no improvement
        ({"patience": 9, "halve_after": 1}, [0.5] + 7 * [0.4], 7),
        ({"patience": 2, "ties": "last"}, [0.5, 0.4, 0.5, 0.4, 0.4], 4),  # as good is an improvement
        ({}, [0.5] + 20 * [0.4], None),
    ],
)
def test_run_stops_after_epochs_without_improvement(rules, accuracies, stops):
    _, *states = walk(accuracies, **rules)
    assert [bool(state.stopped) for state in states] == [number == stops for number in range(len(accuracies))]
    assert not any(state.diverged for state in states)


@pytest.mark.parametrize(
    ("cost", "penalty", "evaluation_cost", "diverged"),
    [
        (1.0, 0.0, 1.0, False),
        (np.nan, 0.0, 1.0, True),
        (np.inf, 0.0, 1.0, True),
        (1.0, np.inf, 1.0, True),
        (1.0, np.nan, 1.0, True),
        (1.0, 0.0, np.nan, True),
        (1.0, 0.0, np.inf, True),
        (1e38, 1.0, 1e38, False),
    ],
)
def test_diverged_is_a_cost_or_a_penalty_that_is_not_finite_and_stays(cost, penalty, evaluation_cost, diverged):
    recipe = TrainConfig(LINE, costs.quadratic, 1)
    state = start(recipe, hyper(), KEY, draw(LINE))
    for training_cost, penalty_now, other in ((cost, penalty, evaluation_cost), (1.0, 0.0, 1.0)):
        numbers = (np.float32(value) for value in (0.1, penalty_now, training_cost, 0.5, other, 0.5))
        state = advance(recipe, state._replace(epoch=state.epoch + 1), Scores(*numbers))
        assert bool(state.diverged) == bool(state.stopped) == diverged


@pytest.mark.parametrize(
    ("training", "evaluation", "want"),
    [
        ((0.3, 0.4), (0.5, 0.6), 0.6),
        ((0.3, None), (0.5, None), -0.5),
        ((0.3, 0.4), (None, None), 0.4),
        ((0.3, None), (None, None), -0.3),
        ((0.3, 0.4), (0.0, 0.0), 0.0),
    ],
)
def test_score_is_accuracy_or_minus_the_cost_on_evaluation_data_where_there_are_any(training, evaluation, want):
    numbers = (value if value is None else jnp.asarray(value) for value in (0.1, 0.2, *training, *evaluation))
    assert rules.score(Scores(*numbers)) == np.float32(want)


def test_an_epoch_that_diverged_is_never_the_best():
    recipe = TrainConfig(LINE, costs.quadratic, 1)
    first = start(recipe, hyper(), KEY, draw(LINE))
    broken = jax.tree.map(lambda p: jnp.full_like(p, jnp.nan), first.params)
    numbers = (np.float32(value) for value in (0.1, 0, np.nan, 0.3))  # argmax of NaNs is class 0: some accuracy
    scores = Scores(*numbers, None, None)
    last = advance(recipe, first._replace(params=broken, epoch=first.epoch + 1), scores)
    assert last.diverged
    assert int(last.best.epoch) == -1
    assert leaves_as_bytes(last.best.params) == leaves_as_bytes(first.params)


# Measurements.


def numpy_sigmoid(z):
    return 1 / (1 + np.exp(-z))


def numpy_softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


# Cost of every example by its activations and its label, in NumPy.
NUMPY_COSTS = {
    "cross_entropy": lambda a, y: -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a), axis=-1),
    "quadratic": lambda a, y: np.sum((a - y) ** 2, axis=-1) / 2,
    "log_likelihood": lambda a, y: -np.log(np.sum(a * y, axis=-1)),
}
NUMPY_NEURONS = {"sigmoid": numpy_sigmoid, "tanh": np.tanh, "softmax": numpy_softmax, "linear": lambda z: z}


def numpy_outputs(network, params, inputs):
    a = np.asarray(inputs, float)
    for layer, (w, b) in zip(network.layers, params, strict=True):
        neuron = network.neuron if layer is network.layers[-1] else layer.neuron
        a = NUMPY_NEURONS[neuron.name](a @ np.asarray(w, float).T + np.asarray(b, float))
    return a


def numpy_measure(network, params, data, cost):
    """The mean cost and the number right, over all examples at once, in float64."""
    a = numpy_outputs(network, params, np.asarray(data.inputs, float) * float(data.scale))
    y = np.where(np.arange(a.shape[1]) == np.asarray(data.targets)[:, None], 1.0, network.neuron.low)
    return NUMPY_COSTS[cost.name](a, y).mean(), np.sum(a.argmax(axis=-1) == data.targets)


MEASURED = [
    (mlp([2, 4, 3], hidden=neurons.tanh, output=neurons.tanh), costs.quadratic, 2500),
    (mlp([2, 3], output=neurons.softmax), costs.log_likelihood, 1003),
    (mlp([2, 4, 3]), costs.cross_entropy, 1000),
]


@pytest.mark.core
@pytest.mark.parametrize(("network", "cost", "n"), MEASURED[:2])
def test_history_is_what_numpy_measures_after_each_epoch(network, cost, n):
    training, evaluation = blobs(23), blobs(n, seed=1)
    evaluation.inputs[-3:] = 30, -20  # the last few, alone in the last chunk, cost far more than the others
    arguments = {"key": KEY, "learning_rate": 0.2, "batch_size": 5, "cost": cost, "l2": 0.7}
    history = jnndl.fit(network, training, evaluation, epochs=3, **arguments).history
    assert all(np.shape(column) == (3,) for column in history[:6])
    for number in range(3):
        params = jnndl.fit(network, training, evaluation, epochs=number + 1, **arguments).params
        for name, data in (("training", training), ("evaluation", evaluation)):
            mean, right = numpy_measure(network, params, data, cost)
            np.testing.assert_allclose(getattr(history, f"{name}_cost")[number], mean, rtol=3e-6)
            np.testing.assert_allclose(getattr(history, f"{name}_accuracy")[number], right / len(data), rtol=1e-6)
        squares = sum(np.sum(np.asarray(p.weight, float) ** 2) for p in params)
        np.testing.assert_allclose(history.penalty[number], 0.7 / (2 * 23) * squares, rtol=1e-6)
    np.testing.assert_allclose(history.learning_rate, 0.2, rtol=1e-6)


@pytest.mark.parametrize(("network", "cost", "n"), MEASURED)
def test_evaluate_is_what_numpy_measures(network, cost, n):
    data, params = blobs(n, seed=1), draw(network)
    data = Dataset(np.round(20 * data.inputs).astype(np.int8), data.targets, np.float32(1 / 20))
    found = jnndl.evaluate(network, params, data, cost=cost)
    mean, right = numpy_measure(network, params, data, cost)
    np.testing.assert_allclose(found.cost, mean, rtol=1e-6)
    assert found.accuracy == right / n
    assert np.trace(found.confusion) == right
    assert found.confusion.sum() == n


def test_confusion_has_a_row_for_the_right_class_and_a_column_for_the_networks():
    network = mlp([3, 3], output=neurons.linear)
    params = (Affine(jnp.eye(3), jnp.zeros(3)),)  # the network's answer is its largest input
    answers, labels = [0, 0, 1, 2, 2, 2, 1], [0, 0, 0, 2, 1, 1, 1]
    found = jnndl.evaluate(
        network, params, Dataset(np.eye(3, dtype=np.uint8)[answers], np.array(labels)), cost=costs.quadratic
    )
    assert found.confusion.tolist() == [[2, 1, 0], [0, 1, 2], [0, 0, 1]]
    assert found.accuracy == 4 / 7
    assert found.cost == pytest.approx(3 / 7)  # a wrong one costs ((1 - 0)^2 + (0 - 1)^2) / 2 = 1


def test_evaluate_of_float_targets_has_a_cost_alone():
    params = (Affine(jnp.array([[1.0, 2.0]]), jnp.array([3.0])),)
    data = Dataset(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[1.0], [0.0]]))
    found = jnndl.evaluate(LINE, params, data, cost=costs.quadratic)
    assert found == (pytest.approx(((3 - 1) ** 2 / 2 + (6 - 0) ** 2 / 2) / 2), None, None)


@pytest.mark.parametrize("output", [neurons.sigmoid, neurons.softmax])
def test_predict_gives_the_outputs_and_the_most_active_one(output):
    network = mlp([4, 5, 3], output=output)
    params = draw(network, seed=7)
    images = np.random.default_rng(0).integers(0, 256, (1003, 2, 2)).astype(np.uint8)
    data = Dataset(images, np.zeros(1003, int), np.float32(1 / 100), np.float32(-1))
    want = numpy_outputs(network, params, images.reshape(1003, 4) / 100 - 1)
    assert len(set(want.argmax(axis=-1))) == 3, "the test needs more than one answer"
    for inputs in (data, (images / 100 - 1).astype(np.float32), jnp.asarray(images.reshape(1003, 4) / 100 - 1)):
        found = jnndl.predict(network, params, inputs)
        np.testing.assert_allclose(found.outputs, want, rtol=1e-4)
        assert np.array_equal(found.labels, want.argmax(axis=-1))
    assert np.allclose(found.outputs.sum(axis=-1), 1, rtol=1e-5) == (output is neurons.softmax)


# The loop.


SMALL = mlp([2, 3])
EVALUATION = blobs(40, seed=1)


def fit_small(training=None, evaluation=None, **arguments):
    """A run of one small network; those that differ in values alone share a compiled program."""
    defaults = {"key": KEY, "epochs": 6, "learning_rate": 0.5, "batch_size": 4}
    return jnndl.fit(SMALL, training or blobs(32), evaluation, **(defaults | arguments))


@functools.cache
def run():
    """One ordinary run, shared by tests that only look at it, and what its callback got."""
    reports = []
    return fit_small(None, EVALUATION, callback=lambda *report: reports.append(report)), reports


def test_a_run_learns():
    history = run()[0].history
    assert history.training_cost[-1] < history.training_cost[0]
    assert history.training_accuracy[-1] > 0.7
    assert np.array_equal(history.penalty, np.zeros(6))


def test_callback_is_called_once_an_epoch_with_its_scores():
    result, reports = run()
    assert [number for number, _ in reports] == list(range(6))
    for number, scores in reports:
        assert [float(value) for value in scores[:6]] == [float(column[number]) for column in result.history[:6]]


def test_best_params_are_those_of_the_best_epoch():
    result, _ = run()
    accuracies = result.history.evaluation_accuracy
    found = jnndl.evaluate(SMALL, result.best_params, EVALUATION)
    assert int(result.best_epoch) == np.argmax(accuracies)
    assert len(set(accuracies.tolist())) > 1, "the test needs a best epoch"
    assert np.float32(found.accuracy) == accuracies.max()
    assert found.cost == pytest.approx(result.history.evaluation_cost[result.best_epoch], rel=1e-6)


def test_without_evaluation_data_the_best_epoch_is_that_of_the_training_accuracy():
    result = fit_small()
    history = result.history
    assert history.evaluation_cost is None
    assert history.evaluation_accuracy is None
    assert int(result.best_epoch) == np.argmax(history.training_accuracy)
    assert leaves_as_bytes(result.params) == leaves_as_bytes(run()[0].params), "evaluation data changed the training"


def test_history_prints_as_a_table_with_a_row_an_epoch():
    history = run()[0].history
    header, *rows = str(history).splitlines()
    assert header.split() == ["epoch", *Scores._fields[:6]]
    assert len(rows) == 6
    for number, row in enumerate(rows):
        first, *numbers = row.split()
        assert int(first) == number
        assert [float(x) for x in numbers] == pytest.approx([column[number] for column in history[:6]], rel=1e-5)


def test_history_prints_only_what_was_measured():
    history = History(*(np.array([x, 2 * x]) for x in (0.5, 0.25, 3.0)), None, None, None)
    assert [line.split() for line in str(history).splitlines()] == [
        ["epoch", "learning_rate", "penalty", "training_cost"],
        ["0", "0.5", "0.25", "3"],
        ["1", "1", "0.5", "6"],
    ]


def test_history_prints_the_mean_over_the_networks_that_still_trained():
    columns = ([[0.5, 0.25], [0.75, np.nan]], [[1.0, np.nan], [3.0, np.nan]], [[0.0, np.inf], [0.0, 1.0]])
    history = History(*(np.array(column) for column in columns), None, None, None)
    assert [line.split()[1:] for line in str(history).splitlines()[2:]] == [
        ["0.625", "2", "0"],
        ["0.25", "nan", "inf"],
    ]


def test_scores_of_many_networks_print_as_a_line_with_their_mean():
    scores = Scores(np.array([0.5, 0.25]), np.array([np.nan, 3.0]), np.array([np.nan, np.nan]), None, None, None)
    assert str(scores) == "learning_rate 0.375  penalty 3  training_cost nan"


def test_scores_of_one_epoch_can_be_printed():
    _, reports = run()
    for _, scores in reports:
        assert f"training_cost {scores.training_cost:.6g}" in str(scores)


def test_going_on_from_a_state_is_the_longer_run():
    state, _ = train_epoch(TrainConfig(SMALL, costs.cross_entropy, 4), fit_small(epochs=2).state, blobs(32), None)
    assert leaves_as_bytes(state.params) == leaves_as_bytes(fit_small(epochs=3).params)


@pytest.mark.parametrize("progress", ["lines", True])
def test_the_books_line_after_each_epoch(capsys, progress):
    history = fit_small(epochs=2, progress=progress).history
    wanted = [
        f"Epoch {k}: {round(accuracy * 32)} / 32, cost {cost:.4g}"
        for k, (accuracy, cost) in enumerate(zip(history.training_accuracy, history.training_cost, strict=True))
    ]
    out, err = capsys.readouterr()
    assert out.splitlines() == wanted
    assert err == ""


@pytest.mark.parametrize("progress", [None, False])  # None: here nobody is watching
def test_silence(capsys, progress):
    fit_small(epochs=2, progress=progress)
    assert capsys.readouterr() == ("", "")


def test_a_person_in_a_terminal_is_told_without_asking(capsys, monkeypatch):
    monkeypatch.setattr("jnndl.progress.is_watched", lambda: True)
    fit_small(epochs=1)
    assert capsys.readouterr().out.startswith("Epoch 0: ")


def test_a_bar_with_accuracy(capsys):
    accuracy = fit_small(epochs=2, progress="bar").history.training_accuracy
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
    assert f"{round(accuracy[-1] * 32)} / 32" in err


def test_lines_of_what_was_not_measured():
    assert Scores(0.5, 0.0).line(10) == "trained"
    assert Scores(0.5, 0.0, training_cost=0.25).line(10) == "cost 0.25"
    assert Scores(0.5, 0.0, np.nan, np.nan).line(10) == "trained"
    many = Scores(np.full(3, 0.5), np.zeros(3), None, None, np.array([0.5, 1.5, np.nan]), np.array([0.9, 0.7, np.nan]))
    assert many.line(10, "seeds") == "8 / 10 (80.00 % +- 14.14, 2 seeds), cost 1"  # by hand: 80 +- sqrt(2) 10


@pytest.mark.parametrize(
    ("network", "settings", "what"),
    [
        (LINE, {"learning_rate": 100.0}, r"training_cost is (inf|nan)"),
        (mlp([2, 1]), {"learning_rate": 1.0, "l2": 5000.0}, r"penalty is (inf|nan)"),  # w <- (1 - 100) w, each update
    ],
)
def test_divergence_is_an_error_that_names_epoch_and_learning_rate(network, settings, what):
    seen = []
    with pytest.raises(jnndl.DivergenceError, match=what) as raised:
        jnndl.fit(
            network,
            plane(50),
            key=KEY,
            epochs=50,
            batch_size=25,
            cost=costs.quadratic,
            callback=lambda number, scores: seen.append(number),
            **settings,
        )
    assert len(seen) > 1, "the test needs a few sound epochs first"
    assert f"diverged in epoch {len(seen)} at learning_rate {settings['learning_rate']:g}" in str(raised.value)
    assert "lower learning_rate" in str(raised.value)


def test_a_run_that_stays_at_chance_warns_and_halves_its_rate_until_it_stops():
    # All inputs are alike, so that accuracy is the share of one of the classes; the first epoch stays the best.
    training = Dataset(np.ones((20, 2), np.float32), np.arange(20) % 2)
    rules = {"halve_after": 2, "patience": 5}
    with pytest.warns(
        UserWarning, match=r"never rose above 50.0%.*most common class gets 50.0%.*with learning_rate 1; try another"
    ):
        result = jnndl.fit(mlp([2, 2]), training, key=KEY, epochs=20, learning_rate=1.0, batch_size=5, **rules)
    assert result.history.learning_rate.tolist() == [1, 1, 1, 0.5, 0.5, 0.25]
    assert int(result.best_epoch) == 0


def warning_at_chance(training, accuracies, rates):
    """The warning for networks of these training accuracies, one epoch each."""
    run = options.prepare(mlp([2, 2]), training, None, 1, np.asarray(rates), {"batch_size": 4}, len(rates))
    history = History(None, np.zeros((len(rates), 1)), training_accuracy=np.array(accuracies)[:, None])
    with pytest.warns(UserWarning) as caught:  # noqa: PT030  (the sentence is what the tests look at)
        chance.warn_at_chance(run, history)
    return str(caught[0].message)


def test_the_warning_for_2000_networks_is_a_short_sentence():
    training = Dataset(np.eye(4, 2, dtype=np.float32), np.arange(4) % 2)
    rates = np.geomspace(0.001, 10, 2000)
    stuck = rates < 0.009
    found = warning_at_chance(training, np.where(stuck, 0.5, 1.0), rates)
    assert (
        found == "477 of 2000 networks stayed at chance, all with learning_rate from 0.001 to 0.00896; try larger rates"
    )
    found = warning_at_chance(training, np.where(rates > 9, 0.5, 1.0), rates)
    assert found == "23 of 2000 networks stayed at chance, all with learning_rate from 9.04 to 10; try smaller rates"
    found = warning_at_chance(training, [0.5, 0.5, 1.0, 1.0], [0.1, 10.0, 1.0, 2.0])
    assert found.startswith("2 of 4 networks stayed at chance, all with learning_rate from 0.1 to 10; try another ")


def test_the_warning_at_chance_names_unscaled_inputs_first():
    raw = np.array([[0, 255], [0, 0], [255, 9], [3, 7]], np.uint8)
    data = {scale: Dataset(raw, np.arange(4) % 2, scale=scale) for scale in (1.0, 1 / 255)}
    remedy = "the inputs go up to 255: give Dataset(..., scale=1/255); or try another learning_rate"
    assert f"learning_rate 1; {remedy}" in warning_at_chance(data[1.0], [0.5], [1.0])
    assert "the inputs" not in warning_at_chance(data[1 / 255], [0.5], [1.0])
    signed = Dataset(raw.astype(np.float32) - 100, np.arange(4) % 2)
    assert "the inputs go from -100 to 155: scale them, as jnndl.from_arrays does" in warning_at_chance(
        signed, [0.5], [1.0]
    )


def test_a_run_that_is_better_than_chance_on_unequal_classes_does_not_warn():
    # The network answers 1 where the first input is positive: 31 of 32 right, where 30 are of class 0.
    labels = np.array([0] * 30 + [1] * 2)
    inputs = np.stack([np.where(np.arange(32) == 31, 1.0, -1.0), np.zeros(32)], axis=-1).astype(np.float32)
    params = (Affine(jnp.array([[0.0, 0.0], [9.0, 0.0], [0.0, 0.0]]), jnp.array([0.0, 0.0, -9.0])),)
    result = fit_small(Dataset(inputs, labels), epochs=1, learning_rate=1e-6, params=params)
    assert result.history.training_accuracy == [31 / 32]


def test_one_trace_for_all_epochs_keys_and_values(monkeypatch, compiled):
    traced = {"epoch": 0, "cost": 0, "advance": 0}

    def gradient(objective):
        traced["epoch"] += 1
        return gradients.autodiff(objective)

    def value(z, y, neuron):
        traced["cost"] += 1
        return costs.cross_entropy.value(z, y, neuron)

    def score(scores, score=rules.score):
        traced["advance"] += 1
        return score(scores)

    monkeypatch.setattr(rules, "score", score)
    cost = costs.Cost("counting", (neurons.sigmoid,), value, costs.cross_entropy.delta)
    arguments = {"epochs": 3, "batch_size": 4, "cost": cost, "gradient": gradient, "halve_after": 2}
    training, evaluation = blobs(32), blobs(10)
    after_an_epoch = []
    jnndl.fit(
        mlp([2, 3]),
        training,
        evaluation,
        key=KEY,
        learning_rate=0.5,
        l2=0.1,
        momentum=0.5,
        callback=lambda number, scores: after_an_epoch.append(dict(traced)),
        **arguments,
    )
    assert after_an_epoch[0]["epoch"] == 1
    assert min(after_an_epoch[0].values()) > 0
    kinds = (float, np.float64, np.float32, jnp.float32, jnp.asarray, np.array)
    values = [[kind(x) for x in (0.3, 0.2, 0.6)] for kind in kinds]
    compiled.clear()
    for number, (rate, l2, momentum) in enumerate(values):
        key, settings = jax.random.key(number + 1), {"learning_rate": rate, "l2": l2, "momentum": momentum}
        jnndl.fit(mlp([2, 3]), training, evaluation, key=key, **settings, **arguments)
    assert traced == after_an_epoch[0]
    assert compiled == []


def test_no_key_is_used_twice():
    network = Network((Dense(2, 2), Dropout(0.3), Dense(2, 1, neurons.linear)), neurons.sigmoid, (2,))
    training = Dataset(np.ones((7, 2), np.float32), np.ones((7, 1), np.float32))
    with jax.debug_key_reuse(True):
        jnndl.fit(network, training, key=jax.random.key(0), epochs=2, learning_rate=0.5, batch_size=2)


# Float targets, end to end.


def book_neuron(w, b, cost):
    """Chapter 3's single neuron, which is to learn the output 0 for the input 1; its output after 300 epochs."""
    neuron = mlp([1, 1])
    result = jnndl.fit(
        neuron,
        Dataset(np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)),
        key=KEY,
        epochs=300,
        learning_rate=0.15,
        batch_size=1,
        cost=cost,
        params=(Affine(jnp.array([[w]]), jnp.array([b])),),
    )
    return jnndl.predict(neuron, result.params, np.ones((1, 1), np.float32)).outputs.item()


@pytest.mark.parametrize(
    ("w", "b", "cost", "want"),
    [(0.6, 0.9, costs.quadratic, 0.094), (2.0, 2.0, costs.quadratic, 0.203), (2.0, 2.0, costs.cross_entropy, 0.012)],
)
def test_the_single_neuron_of_chapter_3(w, b, cost, want):
    # The wanted numbers are those of w <- w - eta d, b <- b - eta d with a = sigma(w + b) and d = a, or a a (1 - a).
    assert book_neuron(w, b, cost) == pytest.approx(want, abs=5e-4)


def test_a_hidden_layer_learns_xor():
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    targets = np.array([[0], [1], [1], [0]], np.float32)
    network = mlp([2, 4, 1])
    result = jnndl.fit(
        network,
        Dataset(inputs, targets),
        key=KEY,
        epochs=200,
        learning_rate=0.1,
        batch_size=4,
        optimizer=optax.adam,
    )
    outputs = jnndl.predict(network, result.params, inputs).outputs
    assert np.array_equal(outputs > 0.5, targets > 0.5)
    assert np.abs(outputs - targets).max() < 0.2
    assert result.history.training_accuracy is None


@pytest.mark.parametrize("function", [np.sin, lambda x: x**3 / 10 - x / 2 + 0.3], ids=["sine", "polynomial"])
def test_a_linear_output_learns_a_function(function):
    x = np.linspace(-3, 3, 48, dtype=np.float32)[:, None]
    network = mlp([1, 20, 1], hidden=neurons.tanh, output=neurons.linear)
    result = jnndl.fit(
        network,
        Dataset(x, function(x)),
        key=KEY,
        epochs=150,
        learning_rate=0.01,
        batch_size=4,
        cost=costs.quadratic,
        optimizer=optax.adam,
    )
    between = x[:-1] + np.diff(x, axis=0) / 2
    error = jnndl.predict(network, result.best_params, between).outputs - function(between)
    assert np.sqrt(np.mean(error**2)) < 0.1 * np.std(function(x))
    assert int(result.best_epoch) == np.argmin(result.history.training_cost)


# Looking inside a run.


def total(objective, params, data):
    return {"sum": jnp.sum(params[0].bias), "n": jnp.float32(len(data)), "cost": objective.mean_cost(params, data)}


def test_a_probe_is_measured_after_each_epoch_on_the_training_data():
    reports = []
    result = fit_small(None, EVALUATION, probe=total, callback=lambda number, scores: reports.append(scores))
    assert leaves_as_bytes(result.params) == leaves_as_bytes(run()[0].params), "the probe changed the training"
    probe = result.history.probe
    assert {name: column.shape for name, column in probe.items()} == {"sum": (6,), "n": (6,), "cost": (6,)}
    assert set(probe["n"].tolist()) == {32}
    np.testing.assert_allclose(probe["cost"], result.history.training_cost, rtol=1e-6)
    assert probe["sum"][-1] == pytest.approx(float(np.sum(result.params[0].bias)), rel=1e-6)
    assert [scores.probe["sum"] for scores in reports] == probe["sum"].tolist()
    assert "probe" not in str(result.history)
    assert "probe" not in str(reports[0])


def test_gradient_norms_of_a_layer_can_be_followed():
    # What chapter 5 measures: the norm of the gradient for the biases of each layer, over the training data.
    def norms(objective, params, data):
        grads = gradients.backprop(objective)(params, data, len(data), None)
        return jnp.stack([jnp.linalg.norm(layer.bias) for layer in grads])

    network, data = mlp([2, 4, 4, 3]), blobs(32)
    settings = {"key": KEY, "learning_rate": 0.5, "batch_size": 4}
    history = jnndl.fit(network, data, epochs=3, probe=norms, **settings).history
    assert history.probe.shape == (3, 3)
    before = jnndl.fit(network, data, epochs=2, **settings).params
    want = norms(gradients.Objective(network), before, data)
    np.testing.assert_allclose(history.probe[:, 1], want, rtol=1e-5)


@pytest.mark.parametrize("every", [2, 0])
def test_the_training_data_can_be_measured_now_and_then(every):
    result, whole = fit_small(None, EVALUATION, measure_training=every), run()[0]
    assert leaves_as_bytes(result.state.params) == leaves_as_bytes(whole.params)
    assert leaves_as_bytes(result.best_params) == leaves_as_bytes(whole.best_params)
    for name in ("training_cost", "training_accuracy"):
        column, wanted = getattr(result.history, name), getattr(whole.history, name)
        if every == 0:
            assert column is None
        else:
            np.testing.assert_array_equal(column, np.where(np.arange(6) % 2 == 1, wanted, np.nan))


def test_where_nothing_is_measured_the_last_epoch_is_the_best():
    result = fit_small(measure_training=0)
    assert int(result.best_epoch) == 5
    assert leaves_as_bytes(result.params) == leaves_as_bytes(result.best_params) == leaves_as_bytes(run()[0].params)


def test_a_run_diverges_though_nothing_is_measured():
    with pytest.raises(jnndl.DivergenceError, match="parameters are not finite; lower learning_rate"):
        jnndl.fit(
            LINE,
            plane(50),
            key=KEY,
            epochs=50,
            learning_rate=100.0,
            batch_size=25,
            cost=costs.quadratic,
            measure_training=0,
        )


def test_a_callback_that_returns_true_ends_the_run():
    result = fit_small(None, EVALUATION, callback=lambda number, scores: number == 2)
    assert result.history.penalty.shape == (3,)
    assert leaves_as_bytes(result.params) == leaves_as_bytes(fit_small(None, EVALUATION, epochs=3).params)


# What optimisers ask for.


@pytest.mark.parametrize("batch_size", [32, 8])
@pytest.mark.parametrize(
    "optimizer", [lambda rate: optax.lbfgs(), lambda rate: optax.polyak_sgd(max_learning_rate=rate)]
)  # fmt: skip
def test_optimisers_that_need_the_cost_get_it(optimizer, batch_size):
    result = fit_small(optimizer=optimizer, epochs=10, batch_size=batch_size)
    assert result.history.training_cost[-1] < 0.95 * run()[0].history.training_cost[0]


def test_lbfgs_gets_to_the_minimum_of_a_parabola():
    # One linear neuron on four points: least squares, which NumPy solves.
    x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, -1.0]], np.float32)
    y = np.array([[1.0], [2.0], [2.5], [3.0]], np.float32)
    want = np.linalg.lstsq(np.hstack([x, np.ones((4, 1))]), y, rcond=None)[0][:, 0]
    settings = {"key": KEY, "epochs": 15, "learning_rate": 1.0, "batch_size": 4, "cost": costs.quadratic}
    found = jnndl.fit(LINE, Dataset(x, y), optimizer=lambda rate: optax.lbfgs(), **settings).params[0]
    np.testing.assert_allclose(np.append(found.weight, found.bias), want, atol=1e-3)


# Pure functions compose.


def test_start_can_be_called_under_jit():
    config = TrainConfig(SMALL, costs.cross_entropy, 4)
    state = jax.jit(start, static_argnames="config")(config, hyper(), KEY)
    wanted = start(config, hyper(), KEY)
    for found, want in zip(jax.tree.leaves(state.params), jax.tree.leaves(wanted.params), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-6)


def test_parameters_given_to_fit_are_still_there_afterwards():
    params = draw(SMALL)
    before = leaves_as_bytes(params)
    fit_small(params=params)
    assert leaves_as_bytes(params) == before


# Which answer counts.


def test_evaluate_history_and_predict_give_the_same_answer_where_outputs_round_to_1():
    # z of 40 and 50 are both 1.0 after the sigmoid: the first of the equal outputs is the answer, as in the book.
    network = mlp([2, 3])
    params = (Affine(jnp.array([[40.0, 0.0], [50.0, 0.0], [0.0, 1.0]]), jnp.zeros(3)),)
    data = Dataset(np.array([[1.0, 0.0], [0.0, 5.0]], np.float32), np.array([0, 2]))
    assert jnndl.predict(network, params, data).labels.tolist() == [0, 2]
    assert jnndl.evaluate(network, params, data).accuracy == 1
    settings = {"key": KEY, "epochs": 1, "learning_rate": 1e-9, "batch_size": 2}
    assert jnndl.fit(network, data, params=params, **settings).history.training_accuracy == [1.0]


@pytest.mark.parametrize("epochs_done", [1, 3, 5])
def test_until_something_is_measured_the_last_epoch_is_the_best(epochs_done):
    result = fit_small(measure_training=10, epochs=epochs_done)
    assert int(result.best_epoch) == epochs_done - 1
    assert leaves_as_bytes(result.best_params) == leaves_as_bytes(result.params)


def test_once_measured_only_measured_epochs_count():
    result, every = fit_small(measure_training=2, epochs=6), fit_small()
    measured = every.history.training_accuracy[1::2]
    assert int(result.best_epoch) == 2 * np.argmax(measured) + 1


@pytest.mark.parametrize("rule", ["patience", "halve_after"])
def test_rules_that_would_act_between_measurements_are_refused(rule):
    with pytest.raises(
        ValueError, match=f"{rule} is 5, but the training data are measured after every 10th epoch only"
    ):
        fit_small(measure_training=10, **{rule: 5})
    fit_small(None, EVALUATION, measure_training=10, **{rule: 5})


@pytest.mark.parametrize(
    ("name", "value", "error", "sentence"),
    [
        ("measure_training", "x", TypeError, "measure_training is 'x'; give a number of epochs, or 0 for never"),
        ("measure_training", 2.7, TypeError, r"measure_training is 2\.7; give a number of epochs"),
        ("measure_training", -1, ValueError, "measure_training is -1; give a number of epochs"),
        ("devices", [], ValueError, r"devices is \[\]; give different ones, at least one, or None"),
        ("devices", "cpu", TypeError, r"devices is 'cpu'; give a list of jax\.devices\(\), or None"),
    ],
)
def test_settings_of_another_kind(name, value, error, sentence, monkeypatch):
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)
    with pytest.raises(error, match=sentence):
        fit_small(**{name: value})


def test_a_probe_of_whole_numbers_is_kept_as_floats():
    result = fit_small(probe=lambda objective, params, data: jnp.int32(len(data)))
    assert result.history.probe.tolist() == 6 * [32.0]
    assert result.history.probe.dtype == np.float32


@pytest.mark.usefixtures("x64")
def test_the_cost_that_an_optimiser_gets_is_that_of_the_gradient_also_in_parts():
    # Central differences of what the optimiser gets as value_fn, against the gradient that it gets, with dropout.
    network, seen = Network((Dense(2, 6), Dropout(0.5), Dense(6, 3, neurons.linear)), neurons.sigmoid, (2,)), []

    def spying(learning_rate):
        def update(grads, state, params, *, value, grad, value_fn, **others):
            direction = jax.tree.map(jnp.ones_like, params)
            ends = (jax.tree.map(lambda p, v, h=h: p + h * v, params, direction) for h in (1e-5, -1e-5))
            high, low = (value_fn(end) for end in ends)
            slope = sum(jnp.sum(leaf) for leaf in jax.tree.leaves(grads))
            jax.debug.callback(lambda *found: seen.append(found), (high - low) / 2e-5, slope, value - value_fn(params))
            return jax.tree.map(lambda g: -learning_rate * g, grads), state

        return optax.GradientTransformationExtraArgs(lambda params: (), update)

    settings = {"epochs": 1, "learning_rate": 0.1, "batch_size": 1500, "l2": 3.0, "optimizer": spying}
    jnndl.fit(network, blobs(1500), key=KEY, params=draw(network), **settings)
    jax.effects_barrier()
    ((slope, wanted, difference),) = seen
    assert slope == pytest.approx(float(wanted), rel=1e-6)
    assert difference == 0


def test_an_error_inside_an_optimiser_is_its_own():
    def broken(learning_rate):
        def update(grads, state, params=None):
            raise TypeError("unsupported operand")

        return optax.GradientTransformation(lambda params: (), update)

    with pytest.raises(TypeError, match="unsupported operand"):
        fit_small(optimizer=broken)


@pytest.mark.parametrize("said", [True, np.True_])
def test_a_callback_may_answer_in_numpys_truth(said):
    assert fit_small(callback=lambda number, scores: said).history.penalty.shape == (1,)


@pytest.mark.parametrize("weight_init", [None, 0.1])
def test_an_initializer_that_is_not_a_function(weight_init, monkeypatch):
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)
    with pytest.raises(TypeError, match=r"Dense: weight_init is .*; give a function of a key and a shape"):
        mlp([2, 3], weight_init=weight_init)


# The shuffle of many examples.


@pytest.mark.parametrize(
    ("n", "rounds"), [(2, 2), (50_000, 2), (2**18, 2), (2**18 + 1, 3), (17_000_000, 4), (270_000_000, 10)]
)
def test_a_shuffle_has_so_many_rounds_that_hardly_a_pair_stays_as_it_was(n, rounds, monkeypatch):
    drawn, bits = [], jax.random.bits
    monkeypatch.setattr(jax.random, "bits", lambda key, shape: drawn.append(shape) or bits(key, shape))
    jax.eval_shape(lambda key: descent.shuffled(key, n), KEY)  # traced: nothing is shuffled
    assert drawn == [(rounds, n)]
    random_bits = 32 - int(np.ceil(np.log2(n)))  # of each word; the rest is the index
    assert 2.0 ** -(random_bits * rounds) <= 2.0**-28
    assert rounds == 2 or 2.0 ** -(random_bits * (rounds - 1)) > 2.0**-28


def test_the_shuffle_of_mnist_is_the_one_that_results_were_made_with():
    n, order = 50_000, np.arange(50_000)
    for bits in np.asarray(jax.random.bits(KEY, (2, n))).astype(np.int64):
        order = order[np.sort(bits >> 16 << 16 | np.arange(n)) & 0xFFFF]
    np.testing.assert_array_equal(descent.shuffled(KEY, n), order)
