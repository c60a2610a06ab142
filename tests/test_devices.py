"""Several devices: networks shared out over them, and mini-batches; eight of them in a process of their own."""

import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
from samples import blobs

import jnndl
from jnndl import sharing
from jnndl.settings import Hyperparameters, TrainConfig, as_array
from jnndl.training import start_one, train_epoch_shared

TRAINING = blobs(22)
SETTINGS = {"epochs": 1, "learning_rate": 0.5, "progress": False}


def eight(*parts):
    """What ``eight.py`` found."""
    command = [sys.executable, pathlib.Path(__file__).with_name("eight.py"), *parts]
    done = subprocess.run(command, cwd=pathlib.Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found():
    return eight("networks_over_devices", "batches_over_devices")


def test_networks_are_the_same_bits_on_one_two_and_eight_devices_and_after_a_change_between_epochs(found):
    bits = found["networks_over_devices"]
    assert bits.keys() == {"1", "2", "2, then 8"}
    assert len(set(bits.values())) == 1


def test_a_network_is_the_same_whichever_number_of_devices_shares_its_mini_batches(found):
    off = found["batches_over_devices"]
    assert len(off) == 6
    assert all(0 < value < 1e-9 for value in off.values()), off  # 0 would be one device


@pytest.mark.slow
def test_an_optimiser_that_asks_for_the_cost_gets_that_of_the_whole_mini_batch():
    assert eight("optimisers_that_ask_for_the_cost")["optimisers_that_ask_for_the_cost"] < 1e-9


@pytest.mark.parametrize("m", [1, 30, 60, 70])
def test_each_example_has_the_key_that_one_device_gives_it(m):
    key, size = jax.random.key(3), 30
    parts = [min(size, m - first) for first in range(0, m, size)]
    if m <= size:
        want = [jax.random.split(key, m)]
    else:
        want = [jax.random.split(jax.random.fold_in(key, number), part) for number, part in enumerate(parts)]
    found = sharing.example_keys(key, m, size)
    assert found.shape == (m,)
    np.testing.assert_array_equal(
        jax.random.key_data(found), np.concatenate([jax.random.key_data(keys) for keys in want])
    )


def test_the_memory_of_the_state_is_used_again():
    config, hyper = TrainConfig(jnndl.mlp([2, 3]), batch_size=22), Hyperparameters(as_array(0.5))
    mesh = sharing.make_mesh(jax.devices(), 2)
    everywhere = jax.NamedSharding(mesh, jax.P())
    state, data = jax.device_put((start_one(config, hyper, jax.random.key(0)), TRAINING), everywhere)
    new, _ = train_epoch_shared(config, mesh, state, data, None)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.params))
    assert all(leaf.sharding == everywhere for leaf in jax.tree.leaves(new.params))


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"batch_size": 7}, ValueError, "^batch_size is 7, which 2 devices cannot share equally; give 6 or 8$"),
        ({"batch_size": 1}, ValueError, "^batch_size is 1, which 2 devices cannot share equally; give 2$"),
        ({"batch_size": 21, "training": TRAINING[:21]}, ValueError, "^batch_size is 21, .* equally; give 20$"),
        (
            {"batch_size": 1, "training": TRAINING[:1]},
            ValueError,
            "^batch_size is 1, which 2 devices cannot share equally; give batch_size=1 and at most 1 devices$",
        ),
        ({"devices_per_network": 2}, TypeError, "^devices_per_network is for fit_many; fit shares every mini-batch"),
        ({"devices": jax.devices()[:1] * 2}, ValueError, "^devices is .*; give different ones, at least one, or None$"),
    ],
)
def test_a_mini_batch_that_the_devices_cannot_share_is_refused_with_what_they_can(settings, kind, message):
    with pytest.raises(kind, match=message):
        jnndl.fit(jnndl.mlp([2, 3]), **({"training": TRAINING, "devices": jax.devices()} | settings), key=0, **SETTINGS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 5, "devices_per_network": 2}, "^batch_size is 5, which 2 devices cannot share equally"),
        ({"devices_per_network": 3}, "^devices_per_network is 3, which does not divide 2, the number of devices$"),
        ({"devices_per_network": 0}, "^devices_per_network is 0; give a whole number of at least 1$"),
    ],
)
def test_so_are_groups_of_devices_for_many_networks(settings, message):
    keys = jax.random.split(jax.random.key(0), 2)
    with pytest.raises(ValueError, match=message):
        jnndl.fit_many(jnndl.mlp([2, 3]), TRAINING, keys=keys, **SETTINGS, **settings)
