"""Runs that survive: interrupted and resumed they end in the same bits; a checkpoint of another run is refused."""

import json
import os
import random
import time

import jax
import kills
import numpy as np
import optax
import pytest
import safetensors.numpy
from samples import blobs, leaves_as_bytes

import jnndl
from jnndl import Dense, Dropout, Network, checkpoints, costs, ensemble, gradients, mlp, neurons, settings

KEY = jax.random.key(3)
TRAINING, EVALUATION = blobs(22), blobs(9, seed=1)
DROPPING = Network((Dense(2, 4), Dropout(0.5), Dense(4, 3, neurons.linear)), neurons.sigmoid, (2,))


def fit(**settings):
    settings = {"network": mlp([2, 3]), "key": KEY, "epochs": 5, "learning_rate": 0.5, "batch_size": 4} | settings
    return jnndl.fit(training=settings.pop("training", TRAINING), evaluation=EVALUATION, **settings)


def fit_many(**settings):
    keys = jax.random.split(KEY, 3)
    settings = {"network": mlp([2, 3]), "keys": keys, "epochs": 5, "batch_size": 4} | settings
    return jnndl.fit_many(training=TRAINING, evaluation=EVALUATION, **({"learning_rate": [0.5, 0.1, 0.3]} | settings))


def bits(fit):
    return leaves_as_bytes((fit.history, fit.state._replace(key=jax.random.key_data(fit.state.key))))


class Killed(BaseException):
    """What ends a run in the middle."""


def interrupted(function, after, **settings):
    """Run until an epoch's callback, which no code here catches."""

    def callback(number, scores):
        if number == after:
            raise Killed

    with pytest.raises(Killed):
        function(callback=callback, **settings)


RULES = {
    "plain": {},
    "all rules": {"momentum": 0.9, "l2": 0.1, "halve_after": 1, "patience": 4},
    "adam and a schedule": {"optimizer": optax.adam, "schedule": optax.exponential_decay(1.0, 5, 0.5)},
    "dropout": {"network": DROPPING, "gradient": gradients.backprop},
}


@pytest.mark.core
@pytest.mark.parametrize(
    ("function", "rules", "every"),
    [*((fit, rules, 1) for rules in RULES), (fit, "all rules", 2), (fit_many, "all rules", 1), (fit_many, "plain", 2)],
)
def test_a_run_that_was_interrupted_ends_in_the_same_bits(tmp_path, function, rules, every):
    kept = {"checkpoint": tmp_path / "run.safetensors", "checkpoint_every": every}
    interrupted(function, 3, **kept, **RULES[rules])
    epochs = []
    resumed = function(resume=True, callback=lambda number, _: epochs.append(number), **kept, **RULES[rules])
    assert epochs == list(range(3 // every * every, len(resumed.history.penalty.T)))
    assert bits(resumed) == bits(function(**RULES[rules]))


def test_a_resumed_run_may_be_longer_than_it_was_meant_to_be(tmp_path):
    kept = {"checkpoint": tmp_path / "run.safetensors"}
    fit(epochs=3, **kept)
    assert bits(fit(epochs=5, resume=True, **kept)) == bits(fit(epochs=5))


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
def test_a_finished_run_trains_no_further(tmp_path):
    kept = {"checkpoint": tmp_path / "new" / "run.safetensors", "checkpoint_every": 3, "patience": 1}
    whole = fit(epochs=50, learning_rate=1e-9, **kept)
    again = fit(epochs=50, learning_rate=1e-9, resume=True, callback=lambda *_: pytest.fail("an epoch more"), **kept)
    assert len(whole.history.penalty) == 2
    assert bits(again) == bits(whole)


def test_resuming_where_nothing_is_kept_starts_anew(tmp_path):
    path = tmp_path / "run.safetensors"
    assert bits(fit(checkpoint=path, resume=True)) == bits(fit())
    assert path.exists()


def test_without_resuming_a_run_starts_anew(tmp_path):
    path, epochs = tmp_path / "run.safetensors", []
    fit(checkpoint=path)
    fit(checkpoint=path, callback=lambda number, _: epochs.append(number))
    assert epochs == [0, 1, 2, 3, 4]


OTHERS = {
    "learning_rate": ({"learning_rate": 0.25}, r"hyper\.learning_rate is 0\.25, there 0\.5"),
    "l2": ({"l2": 0.5}, r"hyper\.l2 is 0\.5, there null"),
    "batch_size": ({"batch_size": 5}, r"config\.batch_size is 5, there 4"),
    "key": ({"key": jax.random.key(4)}, r"keys is \"threefry2x32 uint32 .* sha256 "),
    "network": ({"network": mlp([2, 4, 3])}, r"config\.network\.layers is "),
    "neuron": (
        {"network": mlp([2, 3], output=neurons.tanh), "cost": costs.quadratic},
        r"network\.neuron\.name is \"tanh\"",
    ),
    "cost": ({"cost": costs.quadratic}, r"config\.cost\.name is \"quadratic\", there \"cross_entropy\""),
    "gradient": ({"gradient": gradients.backprop}, r"config\.gradient is \"backprop\", there \"autodiff\""),
    "optimizer": ({"optimizer": optax.adam}, r"config\.optimizer is \"adam\", there \"sgd\""),
    "schedule": (
        {"schedule": optax.constant_schedule(0.5)},
        r"config\.schedule is .*constant_schedule.*\"value\": 0\.5.*, there null",
    ),
    "patience": ({"patience": 3}, r"config\.patience is 3, there null"),
    "shuffle": ({"shuffle": False}, r"config\.shuffle is false, there true"),
    "ties": ({"ties": "last"}, r"config\.ties is \"last\", there \"first\""),
    "data": ({"training": blobs(22, seed=5)}, r"training\.inputs is \"float32 \(22, 2\) sha256 "),
    "params": ({"params": mlp([2, 3]).init(KEY)}, r"params is "),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_checkpoint_of_another_run_is_refused_with_what_differs(tmp_path, what):
    kept = {"checkpoint": tmp_path / "run.safetensors"}
    fit(epochs=1, **kept)
    before = kept["checkpoint"].read_bytes()
    settings, sentence = OTHERS[what]
    with pytest.raises(ValueError, match=rf"run\.safetensors: is of another run: .*{sentence}.*; resume it with"):
        fit(epochs=2, resume=True, **kept, **settings)
    assert kept["checkpoint"].read_bytes() == before


def test_a_schedule_is_known_by_its_values(tmp_path):
    kept = {"checkpoint": tmp_path / "run.safetensors", "epochs": 1}
    fit(schedule=optax.constant_schedule(0.5), **kept)
    fit(schedule=optax.constant_schedule(0.5), resume=True, **kept)
    with pytest.raises(ValueError, match=r"config\.schedule\.closure\.value is 0\.25, there 0\.5"):
        fit(schedule=optax.constant_schedule(0.25), resume=True, **kept)


def test_a_file_that_is_no_checkpoint_of_this_run(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(checkpoint=path, epochs=2)
    good = path.read_bytes()
    with pytest.raises(ValueError, match=r"epochs is 1, but .*run\.safetensors has 2 of them done; give at least 2"):
        fit(checkpoint=path, epochs=1, resume=True)
    path.write_bytes(good[:-7])
    (tmp_path / "run.previous.safetensors").unlink()
    with pytest.raises(
        ValueError, match=r"run\.safetensors: not a whole safetensors file .*; give a checkpoint of fit"
    ):
        fit(checkpoint=path, resume=True)
    jnndl.save(path, mlp([2, 3]), mlp([2, 3]).init(KEY))
    with pytest.raises(ValueError, match=r"run\.safetensors: a safetensors file, but not a checkpoint of fit"):
        fit(checkpoint=path, resume=True)
    safetensors.numpy.save_file(
        {"a": np.zeros(1)}, path, {"format": checkpoints.FORMAT, "version": "9", "run": json.dumps({})}
    )
    with pytest.raises(ValueError, match=r"run\.safetensors: has format version 9, this jnndl reads 3; load it"):
        fit(checkpoint=path, resume=True)
    with pytest.raises(ValueError, match=r"resume is True, but checkpoint is None; give the file to resume from"):
        fit(resume=True)
    with pytest.raises(ValueError, match=r"checkpoint_every is 0; give a number of epochs of at least 1"):
        fit(checkpoint=path, checkpoint_every=0)


def test_arrays_of_another_dtype_are_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(checkpoint=path, epochs=1)
    tensors = safetensors.numpy.load_file(path)
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    tensors["state.params.0.weight"] = tensors["state.params.0.weight"][:, :1].copy()
    del metadata["sha256"]
    safetensors.numpy.save_file(tensors, path, metadata)
    with pytest.raises(ValueError, match=r"its arrays are not those of this run .*; start anew without resuming"):
        fit(checkpoint=path, resume=True)


def test_a_writing_that_fails_leaves_the_last_good_file(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    interrupted(fit, 2, checkpoint=path)

    def full(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"run\.safetensors cannot be written \(no space left on device\); make room"):
        fit(checkpoint=path, resume=True)
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path)) == ["run.previous.safetensors", "run.safetensors"]
    assert bits(fit(checkpoint=path, resume=True)) == bits(fit())


@pytest.mark.slow
def test_runs_that_were_killed_are_resumed_to_the_same_bits(tmp_path):
    kills.start(tmp_path / "whole", "anew").communicate()
    for number in range(3):
        path = tmp_path / str(number)
        last, first = kills.kill_and_resume(path, random.Random(number))
        assert first in range(last, 41)  # not from the beginning
        assert kills.content(path) == kills.content(tmp_path / "whole")


# Parts: a sweep that does not fit into memory at once.


@pytest.mark.parametrize("at_once", [1, 2])
def test_networks_trained_part_by_part_are_the_same(tmp_path, at_once):
    rules = {"patience": 2, "epochs": 8, "learning_rate": [1e-9, 0.1, 0.5]}
    reports = []
    parts = fit_many(at_once=at_once, callback=lambda *report: reports.append(report), **rules)
    whole = fit_many(**rules)
    assert bits(parts) == bits(whole)
    assert sum(number == 0 for number, _ in reports) == -(-3 // at_once)
    for number, scores in reports:
        trained = ~np.isnan(scores.penalty)
        assert 0 < trained.sum() <= at_once
        np.testing.assert_array_equal(scores.penalty[trained], whole.history.penalty[trained, number])


def test_parts_are_resumed_from_a_file_each(tmp_path):
    kept = {"checkpoint": tmp_path / "run.safetensors", "at_once": 2}
    interrupted(fit_many, 4, **kept)
    assert sorted(os.listdir(tmp_path)) == ["run-0.previous.safetensors", "run-0.safetensors"]
    resumed = fit_many(resume=True, **kept)
    assert {"run-0.safetensors", "run-1.safetensors"} < {*os.listdir(tmp_path)}
    assert bits(resumed) == bits(fit_many())


def test_a_sweep_that_does_not_fit_into_memory_is_trained_in_parts_and_says_so(monkeypatch):
    monkeypatch.setattr(ensemble, "HOST_BYTES", 1)  # as many networks as there are devices
    with pytest.warns(UserWarning, match="3 networks need more than half of the memory: training 2 at a time"):
        parts = fit_many()
    monkeypatch.undo()
    assert bits(parts) == bits(fit_many())
    with pytest.raises(ValueError, match="at_once is 0; give a number of networks of at least 1, or None"):
        fit_many(at_once=0)


def test_networks_are_the_same_on_one_device_and_on_two():
    assert bits(fit_many(devices=jax.devices()[:1])) == bits(fit_many(devices=jax.devices()))


# Which run a checkpoint is of.


def adam(b1):
    return lambda learning_rate: optax.adam(learning_rate, b1=b1)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("optimizer", lambda rate: optax.sgd(rate), lambda rate: optax.sgd(2 * rate)),
        ("optimizer", adam(0.5), adam(0.9)),
        (
            "schedule",
            optax.piecewise_constant_schedule(1.0, {5000: 0.1}),
            optax.piecewise_constant_schedule(1.0, {6000: 0.1}),
        ),
    ],
    ids=["lambdas", "closures", "boundaries"],
)
def test_a_checkpoint_of_another_function_is_refused(tmp_path, name, first, second):
    kept = {"checkpoint": tmp_path / "run.safetensors", "epochs": 1}
    fit(**kept, **{name: first})
    fit(resume=True, **kept, **{name: first})
    with pytest.raises(ValueError, match=rf"run\.safetensors: is of another run: config\.{name}"):
        fit(resume=True, **kept, **{name: second})


def test_a_float64_run_is_not_resumed_in_float32(tmp_path):
    path = tmp_path / "run.safetensors"
    settings = {"key": KEY, "epochs": 2, "learning_rate": 0.5, "batch_size": 4, "checkpoint": path}
    with jax.enable_x64(True):
        jnndl.fit(mlp([2, 3]), TRAINING, **settings)
    with pytest.raises(
        ValueError,
        match=r"is of another run: .*precision is \[\"float32\", \"float32\"\], there \[\"float64\", \"float64\"\]",
    ):
        jnndl.fit(mlp([2, 3]), TRAINING, resume=True, **(settings | {"epochs": 3}))


# A callback that ends a run, and what a probe sees, are part of the run that is kept.


def norms(objective, params, data):
    grads = gradients.backprop(objective)(params, data, len(data), None)
    return [jax.numpy.linalg.norm(layer.weight) for layer in grads]


@pytest.mark.parametrize("function", [fit, fit_many])
def test_a_probe_is_kept_and_resumed(tmp_path, function):
    kept = {"checkpoint": tmp_path / "run.safetensors", "probe": norms, "network": mlp([2, 4, 3])}
    interrupted(function, 2, **kept)
    resumed = function(resume=True, **kept)
    whole = function(probe=norms, network=mlp([2, 4, 3]))
    assert bits(resumed) == bits(whole)
    assert [column.shape for column in whole.history.probe] == 2 * [whole.history.penalty.shape]


@pytest.mark.parametrize("function", [fit, fit_many])
def test_a_callback_ends_a_run_which_can_be_resumed(tmp_path, function):
    kept = {"checkpoint": tmp_path / "run.safetensors", "checkpoint_every": 5}
    ended = function(callback=lambda number, _: number == 2, **kept)
    assert ended.history.penalty.shape[-1] == 3
    assert bits(function(resume=True, **kept)) == bits(function())


@pytest.mark.parametrize("every", [1, 2, 0])
def test_thinned_measurements_are_resumed(tmp_path, every):
    kept = {"checkpoint": tmp_path / "run.safetensors", "measure_training": every}
    interrupted(fit, 3, **kept)
    assert bits(fit(resume=True, **kept)) == bits(fit(measure_training=every))


def test_writing_a_checkpoint_takes_less_than_20_milliseconds_of_a_core(tmp_path):
    network = mlp([784, 100, 10])
    params = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), network.param_shapes)
    best = settings.Best(np.float32(0), np.int32(0), params)
    hyper = settings.Hyperparameters(np.float32(0.5))
    state = settings.State(params, (), KEY, np.int32(0), hyper, best, *[np.int32(0)] * 2, *[np.bool_(False)] * 2)
    history = jnndl.measures.History(*[np.zeros(30, np.float32)] * 6)
    checkpoint, seconds = checkpoints.Checkpoint(tmp_path / "run.safetensors", 1, {}), []
    for _ in range(20):
        started = time.process_time()  # without what the disk takes, and whoever else is on this machine
        checkpoint.write(state, history)
        seconds.append(time.process_time() - started)
    assert np.median(seconds) < 0.02
