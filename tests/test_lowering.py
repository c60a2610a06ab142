"""Every program of the library can be made for CUDA and for TPUs: none needs an operation that only CPUs have.

Lowered, not run: ``jax.export`` translates for platforms that are not there.
"""

import functools

import jax
import numpy as np
import optax
import pytest

import jnndl
from jnndl import (
    Conv,
    Dense,
    Distort,
    Dropout,
    Flatten,
    L2Pool,
    MaxPool,
    Network,
    checks,
    ensemble,
    faults,
    measures,
    processes,
    sharing,
    training,
)
from jnndl.settings import Hyperparameters, TrainConfig

PLATFORMS = ["cuda", "tpu"]
IMAGES = (
    Distort(shift=1, rotation=5, alpha=1),
    Conv(1, 3, 3, "relu", pool=MaxPool(2)),
    L2Pool(1),
    Dropout(0.5),
    Flatten(),
    Dense(27, 10, "linear"),
)
NETWORKS = {
    "dense": Network((Dense(64, 7), Dropout(0.5), Dense(7, 10, "linear")), "sigmoid", (64,)),
    "images": Network(IMAGES, "softmax", (8, 8, 1)),
}
DATA = jnndl.Dataset(np.zeros((50, 64), np.uint8), np.zeros(50, np.uint8), scale=1 / 16)
KEY, COUNT = jax.random.key(0), 4
HYPER = Hyperparameters(*np.full(4, 0.5, np.float32))


def lower(jitted, *arguments):
    """The program as text; whatever is no array is compiled in."""
    jitted = getattr(jitted, "__wrapped__", jitted)  # options of the compiler are for a program, not for a part of one
    leaves, structure = jax.tree.flatten(arguments)
    numbers = [number for number, leaf in enumerate(leaves) if hasattr(leaf, "dtype")]

    def program(*arrays):
        new = dict(zip(numbers, arrays, strict=True))
        return jitted(*jax.tree.unflatten(structure, [new.get(number, leaf) for number, leaf in enumerate(leaves)]))

    lowered = jax.export.export(jax.jit(program), platforms=PLATFORMS)(*(leaves[number] for number in numbers))
    return str(lowered.mlir_module())


def start(config):
    """A state without its numbers."""
    return jax.eval_shape(functools.partial(training.start, config), HYPER, KEY)


def many(tree):
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((COUNT, *leaf.shape), leaf.dtype), tree)


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]


def configured(network, gradient):
    cost = "log_likelihood" if network.neuron.name == "softmax" else "cross_entropy"
    return TrainConfig(network, cost, 12, gradient, optax.sgd, halve_after=3, patience=5, ties="last")


BOTH = [configured(NETWORKS["dense"], "backprop"), configured(NETWORKS["images"], "autodiff")]
OTHERS = [configured(NETWORKS["dense"], "autodiff"), configured(NETWORKS["images"], "backprop")]


def test_a_program_that_needs_a_cpu_is_noticed():
    with pytest.raises(NotImplementedError, match="'schur' not found for platforms"):
        lower(jax.jit(jax.scipy.linalg.schur), np.eye(3, dtype=np.float32))


@pytest.mark.parametrize("config", [*BOTH, *OTHERS])
def test_an_epoch_with_its_measurements_and_the_rule_after_it(config):
    text = lower(training._train_epoch, config, start(config), DATA, DATA[:9])
    assert ("stablehlo.convolution" in text) == (config.network is NETWORKS["images"])


@pytest.mark.parametrize("config", BOTH)
def test_a_mini_batch_over_several_devices(config):
    mesh = sharing.make_mesh(jax.devices(), 2)
    assert "stablehlo.all_reduce" in lower(training.train_epoch_shared, config, mesh, start(config), DATA, DATA[:9])


@pytest.mark.parametrize("config", BOTH)
def test_many_networks_side_by_side(config, monkeypatch):
    monkeypatch.setattr(sharing, "is_cpu", lambda mesh: False)
    mesh = sharing.make_mesh(jax.devices(), 1)
    hidden = config.network.layers[-1].n_in
    text = lower(ensemble.train_epoch_many, config, mesh, many(start(config)), DATA, DATA[:9])
    assert f"tensor<{COUNT // 2}x10x{hidden}xf32>" in text  # the weights of a device's networks, as one array


def test_the_first_state(network):
    config = TrainConfig(network)
    lower(training.start_one, config, HYPER, KEY)
    mesh = sharing.make_mesh(jax.devices(), 1)
    lower(ensemble._start_many, config, mesh, *many((HYPER, KEY)), None)


def test_a_state_gathered_from_all_processes(network):
    leaves = jax.tree.leaves(many(start(TrainConfig(network)).params))
    assert "stablehlo.all_gather" in lower(processes._rows, sharing.make_mesh(jax.devices(), 1), 1, leaves, 0)


def test_what_a_network_says_of_data(network):
    params = network.param_shapes
    lower(measures._costs_and_outputs, jnndl.Objective(network, "quadratic"), params, DATA)
    lower(measures._outputs, network, params, np.zeros((50, *network.input_shape), np.float32))


def test_the_check_of_gradients(network, x64, monkeypatch):
    objective = jnndl.Objective(network, "quadratic", l1=0.1, l2=0.1)
    batch, n, params = DATA[:3], 9, network.param_shapes
    lower(checks._automatic, objective, params, batch, n, KEY)
    lower(checks._costs, objective, params, batch, n, KEY, params)
    lower(checks.once(jnndl.backprop(objective), static_argnums=2), params, batch, n, KEY)

    class LoweredError(Exception):
        """Enough was seen of a check that would go on to compile and run."""

    def once(function):
        def instead(*arguments):
            lower(checks.once(function), *arguments)
            raise LoweredError

        return instead

    monkeypatch.setattr(faults, "once", once)
    with pytest.raises(LoweredError):
        faults.examine(objective, params, batch, n, KEY, np.zeros((1, 1)), (1.0, 1.0))
