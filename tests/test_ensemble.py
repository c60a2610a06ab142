"""Many networks at once: each is bit for bit the one that ``fit`` trains alone."""

import dataclasses
import functools
import gc

import jax
import numpy as np
import optax
import pytest
from samples import blobs, leaves_as_bytes

import jnndl
from jnndl import Dataset, Dense, Dropout, Network, costs, gradients, initializers, mlp, neurons

NETWORK = mlp([2, 3])
KEYS = jax.random.split(jax.random.key(7), 4)
VALUES = {
    "learning_rate": np.array([0.1, 0.5, 1.0, 0.3]),
    "l2": np.array([0.0, 3.0, 1.0, 0.2]),
    "momentum": np.array([0.9, 0.0, 0.5, 0.3]),
}


TRAINING, EVALUATION = blobs(22), blobs(9, seed=1)
SETTINGS = {"epochs": 3, "batch_size": 4}


def single(many, number):
    """One network's part of what ``fit_many`` returned, the random key apart."""
    many = dataclasses.replace(many, state=many.state._replace(key=jax.random.key_data(many.state.key)))
    return jax.tree.map(lambda a: np.asarray(a)[number], many)


def assert_equal_bits(many, number, alone):
    alone = dataclasses.replace(alone, state=alone.state._replace(key=jax.random.key_data(alone.state.key)))
    found, wanted = (
        {path: leaf.tobytes() for path, leaf in jax.tree.leaves_with_path(jax.tree.map(np.asarray, fit))}
        for fit in (single(many, number), alone)
    )
    assert found == wanted


@functools.cache
def alone(number):
    """The network of one key and one set of values by itself."""
    values = {name: float(some[number]) for name, some in VALUES.items()}
    return jnndl.fit(NETWORK, TRAINING, EVALUATION, key=KEYS[number], **values, **SETTINGS)


@functools.cache
def together(count):
    """The first few of these networks at once, and what their callback got."""
    values, reports = {name: some[:count] for name, some in VALUES.items()}, []
    many = jnndl.fit_many(
        NETWORK,
        TRAINING,
        EVALUATION,
        keys=KEYS[:count],
        callback=lambda *report: reports.append(report),
        **values,
        **SETTINGS,
    )
    return many, reports


def test_there_are_two_devices():
    assert jax.device_count() == 2  # conftest asks for them; with one, the next tests would show less


@pytest.mark.core
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_each_network_is_the_one_that_fit_trains_with_its_key_and_values(count):
    many, _ = together(count)
    assert many.history.training_cost.shape == (count, 3)
    assert all(leaf.shape[0] == count for leaf in jax.tree.leaves(many))
    np.testing.assert_array_equal(many.history.learning_rate[:, 0], VALUES["learning_rate"][:count].astype(np.float32))
    for number in range(count):
        assert_equal_bits(many, number, alone(number))


def test_one_number_is_meant_for_all_networks_and_their_keys_make_them_different():
    values = {name: some[0] for name, some in VALUES.items()}
    many = jnndl.fit_many(NETWORK, TRAINING, EVALUATION, keys=KEYS, **values, **SETTINGS)
    assert_equal_bits(many, 0, alone(0))
    assert all(np.array_equal(leaf, np.full(4, leaf[0])) for leaf in many.state.hyper if leaf is not None)
    weights = np.asarray(many.params[0].weight)
    for number in range(4):
        for other in range(number):
            assert np.abs(weights[number] - weights[other]).max() > 0.01


def test_networks_of_one_key_differ_by_their_values_alone():
    rates = {"learning_rate": [0.5, 0.5, 0.1, 0.5], "l2": [1.0, 1.0, 1.0, 9.0], "momentum": 0.5}
    many = jnndl.fit_many(NETWORK, TRAINING, EVALUATION, keys=KEYS[np.zeros(4, int)], **rates, **SETTINGS)
    first, *others = (leaves_as_bytes(single(many, number).params) for number in range(4))
    assert [first == other for other in others] == [True, False, False]


def test_dropout_and_another_optimiser_give_the_same_bits_too():
    network = Network((Dense(2, 2), Dropout(0.5), Dense(2, 3, neurons.linear)), neurons.softmax, (2,))
    settings = {"epochs": 2, "learning_rate": 0.5, "batch_size": 22, "cost": costs.log_likelihood}
    settings |= {"gradient": gradients.backprop, "optimizer": optax.adam}
    many = jnndl.fit_many(network, TRAINING, keys=KEYS[:2], **settings)
    for number in range(2):
        assert_equal_bits(many, number, jnndl.fit(network, TRAINING, key=KEYS[number], **settings))


LINE = mlp([2, 1], output=neurons.linear)
PLANE = Dataset(TRAINING.inputs, TRAINING.inputs[:, :1] - 2 * TRAINING.inputs[:, 1:])
LINE_SETTINGS = {"epochs": 5, "batch_size": 22, "cost": costs.quadratic}


def test_a_network_that_diverges_is_stopped_and_marked_and_leaves_the_others_alone():
    rates = [0.05, 1e30, 0.01, 0.02]
    many = jnndl.fit_many(LINE, PLANE, keys=KEYS, learning_rate=rates, **LINE_SETTINGS)
    assert many.state.diverged.tolist() == [False, True, False, False]
    assert many.state.stopped.tolist() == [False, True, False, False]
    assert many.state.epoch.tolist() == [5, 1, 5, 5]
    assert not np.isfinite(many.history.training_cost[1]).any()
    for number in (0, 2, 3):
        assert_equal_bits(
            many, number, jnndl.fit(LINE, PLANE, key=KEYS[number], learning_rate=rates[number], **LINE_SETTINGS)
        )


def test_the_run_ends_when_every_network_has_stopped():
    seen = []
    many = jnndl.fit_many(
        LINE, PLANE, keys=KEYS, learning_rate=1e30, callback=lambda *report: seen.append(report), **LINE_SETTINGS
    )
    assert many.state.diverged.all()
    assert many.history.training_cost.shape == (4, 1)
    assert [number for number, _ in seen] == [0]


def test_a_network_that_has_stopped_stays_as_it_is_while_others_go_on():
    settings = {"epochs": 8, "batch_size": 22, "patience": 2, "learning_rate": [1e-9, 0.5, 0.3]}
    with pytest.warns(
        UserWarning, match=r"^1 of 3 networks stayed at chance, with learning_rate 1e-09; try larger rates$"
    ):
        many = jnndl.fit_many(NETWORK, TRAINING, EVALUATION, keys=KEYS[:3], **settings)
    lengths = many.state.epoch.tolist()
    assert lengths[0] == 3 < max(lengths), "without learning the first epoch is the best, and two more follow"
    for length, accuracies, column in zip(lengths, many.history.evaluation_accuracy, many.history.penalty, strict=True):
        assert length == min(8, np.nanargmax(accuracies) + 3)
        for values in (accuracies, column):
            assert np.isfinite(values).tolist() == [number < length for number in range(max(lengths))]


def test_callback_gets_the_scores_of_all_networks_after_each_epoch():
    many, reports = together(3)
    assert [number for number, _ in reports] == [0, 1, 2]
    for number, scores in reports:
        for value, column in zip(scores[:6], many.history[:6], strict=True):
            np.testing.assert_array_equal(value, column[:, number])


def test_history_prints_as_the_mean_over_networks():
    many, _ = together(3)
    what, header, *rows = str(many.history).splitlines()
    assert what.startswith("mean over 3 networks")
    assert header.split() == ["epoch", *many.history._fields[:6]]
    want = [[number, *(column[:, number].mean() for column in many.history[:6])] for number in range(3)]
    np.testing.assert_allclose([[float(x) for x in row.split()] for row in rows], want, rtol=1e-5)


def test_one_trace_for_all_epochs_keys_and_values(compiled):
    traced = []

    def weight_init(*arguments):
        traced.append("init")
        return initializers.default(*arguments)

    def gradient(objective):
        traced.append("epoch")
        return gradients.autodiff(objective)

    def value(z, y, neuron):
        traced.append("cost")
        return costs.cross_entropy.value(z, y, neuron)

    network = mlp([2, 3], weight_init=weight_init)
    cost = costs.Cost("counting", (neurons.sigmoid,), value, costs.cross_entropy.delta)
    after_an_epoch = []
    kinds = (np.float32, np.float64, float, np.array, jax.numpy.asarray)
    calls = [(jax.random.split(jax.random.key(number), 2), kind(0.5 + number)) for number, kind in enumerate(kinds)]
    for number, (keys, rate) in enumerate(calls):
        jnndl.fit_many(
            network,
            TRAINING,
            keys=keys,
            epochs=2,
            learning_rate=rate,
            l2=[0.5, 1.0 * number],
            batch_size=22,
            cost=cost,
            gradient=gradient,
            callback=lambda *_: after_an_epoch.append(len(traced)),
        )
        if number == 0:
            compiled.clear()
    assert set(traced) == {"init", "epoch", "cost"}
    assert compiled == []
    assert after_an_epoch == 10 * [len(traced)]


@pytest.mark.filterwarnings("ignore:.*stayed at chance")
def test_what_lies_in_memory_while_training_is_bounded_by_at_once():
    keys, network = jax.random.split(jax.random.key(0), 8), mlp([2, 1000, 3])

    def alive():
        return sum(array.nbytes for array in jax.live_arrays())

    def most(at_once):
        found = []
        gc.collect()
        before = alive()
        given = {"epochs": 1, "learning_rate": 0.1, "at_once": at_once}
        jnndl.fit_many(network, TRAINING, keys=keys, callback=lambda *_: found.append(alive() - before), **given)
        assert len(found) == 8 // at_once
        return max(found)

    assert most(2) < 0.3 * most(8)


# What both functions take.


def test_many_networks_start_from_given_parameters():
    params = [NETWORK.init(key) for key in KEYS[:3]]
    stacked = jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *params)
    settings = SETTINGS | {"learning_rate": 0.5}
    many = jnndl.fit_many(NETWORK, TRAINING, EVALUATION, keys=KEYS[1:], params=stacked, **settings)
    for number in range(3):
        one = jnndl.fit(NETWORK, TRAINING, EVALUATION, key=KEYS[1:][number], params=params[number], **settings)
        assert_equal_bits(many, number, one)
    shared = jnndl.fit_many(NETWORK, TRAINING, EVALUATION, keys=KEYS[1:], params=params[0], at_once=2, **settings)
    one = jnndl.fit(NETWORK, TRAINING, EVALUATION, key=KEYS[3], params=params[0], **settings)
    assert_equal_bits(shared, 2, one)


def test_one_network_can_be_trained_on_a_device_of_choice():
    device = jax.devices()[1]
    found = jnndl.fit(NETWORK, TRAINING, key=KEYS[0], devices=[device], learning_rate=0.5, **SETTINGS)
    assert {leaf.device for leaf in jax.tree.leaves(found.params)} == {device}


def test_both_show_progress(capsys):
    history = jnndl.fit_many(NETWORK, TRAINING, keys=KEYS, progress=True, learning_rate=0.5, **SETTINGS).history
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"Epoch 2: {round(history.training_accuracy[:, -1].mean() * len(TRAINING))} / ")
    assert "4 networks" in last


def test_initial_states_are_made_on_the_devices_that_train_them():
    from jnndl import ensemble, settings

    config = settings.TrainConfig(NETWORK, batch_size=4)
    mesh = jax.make_mesh((2,), ("networks",), (jax.sharding.AxisType.Auto,))
    hyper = settings.Hyperparameters(np.full(4, 0.5, np.float32))
    state = ensemble._start_many(config, mesh, hyper, KEYS, None)
    shards = state.params[0].weight.addressable_shards
    assert [(shard.device.id, shard.data.shape) for shard in shards] == [(0, (2, 3, 2)), (1, (2, 3, 2))]


def test_the_memory_of_a_network_is_counted_from_its_state(monkeypatch):
    from jnndl import ensemble, options, settings

    network = mlp([200, 300, 10])
    weights = 4 * (200 * 300 + 300 + 300 * 10 + 10)  # bytes of its parameters
    hyper = settings.Hyperparameters(np.full(4, 0.5, np.float32))
    for optimizer, copies in ((optax.sgd, 0), (optax.adam, 2)):
        config = settings.TrainConfig(network, optimizer=optimizer)
        # Parameters, the best ones and the optimiser's, before and after; the gradient and the updates.
        monkeypatch.setattr(ensemble, "HOST_BYTES", 2 * 10 * ((2 + copies) * 2 + 2) * weights * 1.01)
        run = options.Run(config, hyper, options.Loop(1), TRAINING, None)
        assert ensemble.how_many_fit(run, KEYS, jax.devices()) == 10


def test_a_callback_ends_the_run_of_many():
    many = jnndl.fit_many(
        NETWORK, TRAINING, keys=KEYS, learning_rate=0.5, callback=lambda number, _: number == 1, **SETTINGS
    )
    assert many.history.penalty.shape == (4, 2)


def test_thinned_measurements_of_many_networks():
    settings = SETTINGS | {"learning_rate": 0.5, "measure_training": 2}
    many = jnndl.fit_many(NETWORK, TRAINING, EVALUATION, keys=KEYS[:2], **settings)
    assert np.isnan(many.history.training_cost).tolist() == 2 * [[True, False, True]]
    assert_equal_bits(many, 0, jnndl.fit(NETWORK, TRAINING, EVALUATION, key=KEYS[0], **settings))


def test_parameters_and_keys_may_lie_on_other_devices():
    there, settings = jax.devices()[1], SETTINGS | {"learning_rate": 0.5}
    params = jnndl.fit(NETWORK, TRAINING, key=KEYS[0], devices=[there], **settings).params
    found = jnndl.fit_many(NETWORK, TRAINING, keys=jax.device_put(KEYS[:3], there), params=params, **settings)
    assert_equal_bits(found, 1, jnndl.fit(NETWORK, TRAINING, key=KEYS[1], params=params, **settings))
    back = jnndl.fit_many(NETWORK, TRAINING, keys=KEYS[:3], params=found.params, devices=jax.devices()[:1], **settings)
    assert back.history.penalty.shape == (3, 3)
