"""Both gradients of random networks on random data; under jit, vmap and both; and by hand without any autodiff.

Random numbers are drawn from NumPy with seeds that hypothesis chooses, the same ones in every run. Weights are small
enough to keep neurons out of deep saturation, where it is ``jax.grad`` that loses digits (through ``jnp.tanh``, whose
derivative it takes as 1 - a^2), so that the tolerance of 1e-12 holds for all. The checker has to cope with any: its
networks are drawn from a wilder lot.
"""

import contextlib
import dataclasses
import itertools
import math

import book
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from samples import FITTING, shape_after

from jnndl import (
    AvgPool,
    Conv,
    Dataset,
    Dense,
    Distort,
    Dropout,
    Flatten,
    L2Pool,
    MaxPool,
    Network,
    check_gradients,
    initializers,
    mlp,
    neurons,
    regularizers,
)
from jnndl.costs import cross_entropy, log_likelihood, quadratic
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.network import LAYERS
from jnndl.neurons import linear, relu, sigmoid, softmax, step, tanh

pytestmark = pytest.mark.slow

PAIRS = FITTING[:5]  # those that have a derivative everywhere
HIDDEN = [neuron for neuron in neurons.NEURONS.values() if neuron is not neurons.step]
N = 50


def seeded(examples):
    """The same examples in every run, and no more than these: what bounds the time."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # shrinking compiles network after network; the problem found is printed whole
    )


def problems(largest=8):
    """What ``build`` makes a problem of; plain values, because building one is no business of hypothesis."""
    return st.fixed_dictionaries(
        {
            "sizes": st.lists(st.integers(1, largest), min_size=1, max_size=5),
            "n_out": st.integers(2, largest),
            "hidden": st.lists(st.sampled_from(range(len(HIDDEN))), min_size=4, max_size=4),
            "rates": st.lists(st.sampled_from([None, 0.0, 0.3, 0.7]), min_size=4, max_size=4),
            "pair": st.sampled_from(range(len(PAIRS))),
            "strengths": st.tuples(*[st.sampled_from([None, 0.5, 3.0])] * 2),
            "labels": st.booleans(),
            "m": st.integers(1, 9),
            "seed": st.integers(0, 2**32 - 1),
        }
    )


def build(about):
    """An objective, parameters, a mini-batch and a key; every neuron, cost and penalty, with and without dropout."""
    sizes, n_out, m, rng = about["sizes"], about["n_out"], about["m"], np.random.default_rng(about["seed"])
    cost, output = PAIRS[about["pair"]]
    layers = []
    for shape, hidden, rate in zip(itertools.pairwise(sizes), about["hidden"], about["rates"], strict=False):
        layers.append(Dense(*shape, HIDDEN[hidden]))
        layers += [] if rate is None else [Dropout(rate)]
    network = Network((*layers, Dense(sizes[-1], n_out, linear)), output, (sizes[0],))
    params = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape) / math.sqrt(leaf.shape[-1]),
        jax.eval_shape(network.init, jax.random.key(0)),
    )
    labels = cost.one_hot or about["labels"]
    targets = rng.integers(n_out, size=m) if labels else rng.uniform(size=(m, n_out))
    batch = Dataset(rng.normal(size=(m, sizes[0])), targets)
    return Objective(network, cost, *about["strengths"]), params, batch, jax.random.key(about["seed"] % 1000)


def distances(got, want):
    """Of each array, relative in norm; absolute where the one wanted is (next to) nothing."""
    assert jax.tree.structure(got) == jax.tree.structure(want)
    pairs = zip(*(map(np.asarray, jax.tree.leaves(tree)) for tree in (got, want)), strict=True)
    return [float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-12)) for a, b in pairs]


def both(objective, params, batch, key):
    return autodiff(objective)(params, batch, N, key), backprop(objective)(params, batch, N, key)


@seeded(12)
@given(problem=problems())
def test_backprop_is_autodiff_for_any_network(problem):
    with jax.enable_x64(True):
        objective, params, batch, key = build(problem)
        want, got = jax.jit(both)(objective, params, batch, key)
        assert max(distances(got, want)) <= 1e-12


@pytest.mark.parametrize("seed", range(100, 106))
def test_backprop_is_autodiff_for_networks_of_images(seed, x64):
    want, got = jax.jit(both)(*of_images(seed, size=1))
    assert max(distances(got, want)) <= 1e-12


@seeded(5)
@given(problem=problems(largest=5))
def test_any_network_passes_the_checker(problem):
    found = check_gradients(*build(problem))
    assert found.ok, str(found)


HE = jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2)


def wild(seed):
    """A right network, but none that anyone would train.

    One to five layers of every neuron, with every cost, penalty and initializer; weights up to 100 times as large as
    usual, inputs up to 100, some of them always 0, biases of 0 (ReLUs on their kink), neurons in deep saturation.
    """
    rng = np.random.default_rng([27, seed])

    def pick(options):
        return options[rng.integers(len(options))]

    cost, output = pick(PAIRS)
    sizes = [*rng.integers(1, 8, rng.integers(1, 6)).tolist(), int(rng.integers(2, 7))]
    weights, biases = (
        pick([initializers.default, initializers.large, HE]),
        pick([initializers.large, initializers.zeros]),
    )
    same, layers = pick([*neurons.NEURONS.values(), None]), []
    for shape in itertools.pairwise(sizes[:-1]):
        layers.append(Dense(*shape, same or pick(list(neurons.NEURONS.values())), weights, biases))
        layers += [Dropout(pick([0.0, 0.3, 0.7]))] if rng.random() < 0.25 else []
    layers.append(Dense(*sizes[-2:], linear, pick([weights, weights, initializers.zeros]), biases))
    network = Network(tuple(layers), output, (sizes[0],))
    strengths = {strength: pick([0.1, 1.0, 5.0]) for strength in ("l1", "l2") if rng.random() < 0.4}
    size = pick([0.3, 1, 1, 1, 3, 10, 100])
    with jax.enable_x64(True):
        params = jax.tree.map(lambda w: size * w, network.init(jax.random.key(seed)))
    m = int(rng.integers(1, 11))
    x = pick([0.1, 1, 1, 1, 10, 100]) * rng.normal(size=(m, sizes[0]))
    x[:, rng.random(sizes[0]) < pick([0.0, 0.0, 0.5])] = 0
    labels = cost.one_hot or rng.random() < 0.5
    targets = rng.integers(sizes[-1], size=m) if labels else rng.uniform(size=(m, sizes[-1]))
    return Objective(network, cost, **strengths), params, Dataset(x, targets), jax.random.key(seed)


BENT = Distort(shift=1, rotation=20, scale=0.2, shear=0.2, alpha=3, sigma=1)


def of_images(seed, size=None):
    """A right network of images: any kernels, strides, paddings and poolings, every neuron.

    Inputs are often whole numbers, or blank in some rows and columns, so that many are equal.

    Args:
        seed: which.
        size: of the weights, relative to the usual; None for any.
    """
    rng = np.random.default_rng([28, seed])

    def pick(options):
        return options[rng.integers(len(options))]

    def pair(most):
        return tuple(rng.integers(1, most + 1, 2).tolist())

    (cost, output), n_out, m = pick(PAIRS), int(rng.integers(2, 5)), int(rng.integers(1, 5))
    weights, biases = pick([initializers.default, initializers.large]), pick([initializers.large, initializers.zeros])
    first, layers = (*rng.integers(3, 8, 2).tolist(), int(rng.integers(1, 4))), []
    for _ in range(rng.integers(1, 3)):
        pool = pick([None, MaxPool, MaxPool, AvgPool, L2Pool])
        pool = None if pool is None else pool(pair(3))
        conv = Conv(
            shape_after(layers, first)[2],
            int(rng.integers(1, 4)),
            pair(3),
            pick(list(neurons.NEURONS.values())),
            stride=pair(2),
            padding=pick(["valid", "same"]),
            pool=pool,
            weight_init=pick([weights, weights, initializers.zeros]),
            bias_init=biases,
        )
        layer = pick([pool or Dropout(0.3), conv, conv])
        with contextlib.suppress(ValueError):  # nothing would be left of the image
            shape_after([*layers, layer], first)
            layers.append(layer)
    if seed % 3 == 0:
        layers.insert(seed % 2, BENT)  # as a first layer, or above another
    layers += [Flatten(), Dense(math.prod(shape_after(layers, first)), n_out, linear, weights, biases)]
    network = Network(tuple(layers), output, first)
    strengths = {strength: pick([0.1, 1.0, 5.0]) for strength in ("l1", "l2") if rng.random() < 0.4}
    size = size or pick([0.3, 1, 1, 3, 10, 100])
    with jax.enable_x64(True):
        params = jax.tree.map(lambda w: size * w, network.init(jax.random.key(seed)))
    x = pick([0.1, 1, 1, 10, 100]) * rng.normal(size=(m, *first))
    x = pick([x, np.round(x)])
    for axis in (1, 2):
        np.moveaxis(x, axis, 0)[rng.random(x.shape[axis]) < pick([0.0, 0.0, 0.5])] = 0
    labels = cost.one_hot or rng.random() < 0.5
    targets = rng.integers(n_out, size=m) if labels else rng.uniform(size=(m, n_out))
    return Objective(network, cost, **strengths), params, Dataset(x, targets), jax.random.key(seed)


@pytest.mark.parametrize("seed", range(40))
def test_a_right_network_raises_no_alarm(seed):
    found = check_gradients(*wild(seed), dtype=("float64", "float32")[seed // 2 % 2])
    assert found.ok, str(found)
    assert found.faults == ()


@pytest.mark.parametrize("seed", range(12))
def test_a_right_network_of_images_raises_no_alarm(seed):
    found = check_gradients(*of_images(seed), dtype=("float64", "float32")[seed // 2 % 2])
    assert found.ok, str(found)
    assert found.faults == ()


def test_a_derivative_of_nothing_raises_no_alarm():
    """The bias of a softmax over a single map changes nothing; its gradient is a sum that cancels, but for rounding."""
    network = Network((Conv(1, 1, 2, softmax), Flatten(), Dense(9, 3, linear)), sigmoid, (4, 4, 1))
    batch = Dataset(np.random.default_rng(0).normal(size=(3, 4, 4, 1)), np.array([0, 1, 2]))
    found = check_gradients(Objective(network), network.init(jax.random.key(0)), batch, 1, dtype="float32")
    assert found.ok, str(found)
    assert 0 < {(row.layer, row.array): row.norm for row in found.rows}["0 Conv", "bias"] < 1e-7


@dataclasses.dataclass(frozen=True)
class Worse(Dense):
    """``backward`` is off by the given parts of itself."""

    by: tuple = (0.0, 0.0, 0.0)

    def backward(self, params, saved, grad):
        grad_a, grads = super().backward(params, saved, grad)
        below, weight, bias = (1 + by for by in self.by)
        return below * grad_a, grads._replace(weight=weight * grads.weight, bias=bias * grads.bias)


@pytest.mark.parametrize("seed", range(12))
def test_a_wrong_network_is_told_what_is_wrong(seed):
    """One array of one layer is off by 1e-6 of itself, in the same networks."""
    objective, params, batch, key = wild(seed)
    rng, layers = np.random.default_rng(seed), objective.network.layers
    kinds = [i for i, layer in enumerate(layers) if isinstance(layer, Dense) and layer.neuron is not step]
    number, array = kinds[rng.integers(len(kinds))], int(rng.integers(3))
    worse = Worse(**vars(layers[number]), by=tuple(1e-6 * (i == array) for i in range(3)))
    network = dataclasses.replace(objective.network, layers=(*layers[:number], worse, *layers[number + 1 :]))
    found = check_gradients(dataclasses.replace(objective, network=network), params, batch, key)
    name = ("the layer below", "weight", "bias")[array]
    assert [fault[:-3] for fault in found.faults] == [
        f"layer {number}, Worse: backward's gradient for {name} is off by 1.0e"
    ], str(found)


@seeded(5)
@given(problem=problems(largest=5), m=st.integers(1, 6))
def test_a_repeated_example_has_the_gradient_of_one(problem, m):
    """The mean over a mini-batch, without regard to its size."""
    with jax.enable_x64(True):
        objective, params, batch, _ = build(problem)
        same = jax.tree.map(lambda a: np.repeat(a[:1], m, axis=0) if np.ndim(a) else a, batch)
        one, many = (jax.jit(both)(objective, params, data, None)[1] for data in (batch[:1], same))
        assert max(distances(many, one)) <= 1e-12


@seeded(10)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=6),
    m=st.integers(1, 6),
    cost=st.sampled_from([quadratic, cross_entropy]),
    seed=st.integers(0, 2**32 - 1),
)
def test_backprop_is_the_books_for_any_sizes(sizes, m, cost, seed):
    """NumPy's own numbers, one example at a time, averaged: no JAX in the oracle."""
    rng = np.random.default_rng(seed)
    shapes = [(n_out, n_in) for n_in, n_out in itertools.pairwise(sizes)]
    weights = [rng.normal(size=shape) / math.sqrt(shape[1]) for shape in shapes]
    biases = [rng.normal(size=shape[0]) for shape in shapes]
    x, y = rng.normal(size=(m, sizes[0])), rng.uniform(size=(m, sizes[-1]))
    each = [book.backprop(weights, biases, *pair, cost.name) for pair in zip(x, y, strict=True)]
    want = [np.mean(arrays, axis=0) for part in (0, 1) for arrays in zip(*(one[part] for one in each), strict=True)]
    with jax.enable_x64(True):
        network = mlp(sizes)
        structure = jax.tree.structure(jax.eval_shape(network.init, jax.random.key(0)))
        params = jax.tree.unflatten(structure, itertools.chain(*zip(weights, biases, strict=True)))
        got = jax.jit(both)(Objective(network, cost), params, Dataset(x, y), None)[1]
    assert max(distances([layer.weight for layer in got] + [layer.bias for layer in got], want)) <= 1e-12


NETWORK = Network((Dense(4, 5, tanh), Dropout(0.3), Dense(5, 3, relu), Dense(3, 4, linear)), softmax, (4,))
CONV = Conv(2, 3, 2, tanh, stride=(1, 2), padding="same", pool=MaxPool((1, 2)))
IMAGES = Network((CONV, BENT, Dropout(0.3), L2Pool((2, 1)), Flatten(), Dense(3, 4, linear)), softmax, (3, 4, 2))


def problem_of(network, seed):
    """Strengths of both penalties, parameters, a mini-batch and a key for a network, all arrays."""
    rng = np.random.default_rng(seed)
    params = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), network.param_shapes)
    strengths = jnp.asarray(0.1 + seed), jnp.asarray(0.3 + seed)
    batch = Dataset(rng.normal(size=(5, *network.input_shape)), rng.integers(4, size=5))
    return strengths, params, batch, jax.random.key(seed)


@pytest.mark.parametrize("network", [NETWORK, IMAGES], ids=["dense", "images"])
@pytest.mark.parametrize("make", [autodiff, backprop], ids=["autodiff", "backprop"])
def test_a_gradient_is_the_same_under_jit_and_vmap_and_both(make, network, x64):
    """Two networks at once: other parameters, penalties, data and masks in each."""

    def gradient(strengths, params, batch, key):
        return make(Objective(network, log_likelihood, *strengths))(params, batch, N, key)

    alone = [problem_of(network, seed) for seed in range(2)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone)
    want = jax.tree.map(lambda *leaves: np.stack(leaves), *(gradient(*problem) for problem in alone))
    jitted, mapped = jax.jit(gradient), jax.vmap(gradient)
    compiled = jax.tree.map(lambda *leaves: np.stack(leaves), *(jitted(*problem) for problem in alone))
    for got in (compiled, mapped(*stacked), jax.jit(mapped)(*stacked), jax.vmap(jitted)(*stacked)):
        assert max(distances(got, want)) <= 1e-13


AUTODIFF = ("grad", "value_and_grad", "vjp", "jvp", "linearize", "linear_transpose", "jacfwd", "jacrev", "jacobian")
AUTODIFF += ("hessian", "checkpoint", "remat")


@pytest.fixture
def no_autodiff(monkeypatch):
    """Make every way into autodiff raise, by the names that people use and by what lies under all of them."""
    from jax._src import api
    from jax._src.interpreters import ad

    def forbidden(*_, **__):
        raise AssertionError("autodiff was used")

    for module, names in ((jax, AUTODIFF), (api, AUTODIFF), (ad, ("jvp", "vjp", "linearize", "backward_pass"))):
        for name in names:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, forbidden)
    # what is here has to fail, or else the tests below prove nothing
    for use in (jax.grad, jax.vjp, jax.jvp, jax.linearize, jax.value_and_grad):
        with pytest.raises(AssertionError, match="autodiff was used"):
            use(jnp.tanh, (1.0,), (1.0,))


@pytest.mark.parametrize("neuron", neurons.NEURONS.values(), ids=neurons.NEURONS)
def test_a_neuron_is_without_autodiff_forward_and_backward(neuron, no_autodiff):
    z = jnp.arange(3.0)
    assert neuron.forward(z).shape == neuron.backward(z, z).shape == (3,)


@pytest.mark.parametrize(("cost", "output"), PAIRS, ids=lambda part: part.name)
def test_a_cost_is_without_autodiff_value_and_delta(cost, output, no_autodiff):
    z, y = jnp.arange(3.0), jnp.array([0.0, 1, 0])
    assert cost.value(z, y, output).shape == ()
    assert cost.delta(z, y, output).shape == (3,)


def test_a_penalty_is_without_autodiff_value_and_gradient(no_autodiff):
    params = mlp([2, 2]).init(jax.random.key(0))
    assert regularizers.penalty(params, N, 0.5, 0.5) > 0
    regularizers.add_penalty_gradient(params, params, N, 0.5, 0.5)


TRIED = [
    (Dense(3, 3, tanh), (3,)),
    (Dropout(0.5), (3,)),
    (Conv(2, 3, 2, relu, 2, "same", MaxPool(2)), (7, 6, 2)),
    (MaxPool(2), (5, 4, 2)),
    (AvgPool(2), (5, 4, 2)),
    (L2Pool(2), (5, 4, 2)),
    (Flatten(), (5, 4, 2)),
    (BENT, (5, 4, 2)),
]


@pytest.mark.parametrize(("layer", "shape"), TRIED, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("jit", [False, True], ids=["", "jit"])
def test_a_layer_is_without_autodiff_forward_and_backward(layer, shape, jit, no_autodiff):
    def both(params, x, keys):
        output, saved = jax.vmap(layer.forward, (None, 0, 0))(params, x, keys)
        return layer.backward(params, saved, output)

    keys = jax.random.split(jax.random.key(1), 2)
    (jax.jit(both) if jit else both)(layer.init(jax.random.key(0)), jnp.ones((2, *shape)), keys)


def test_every_layer_was_tried():
    assert set(LAYERS.values()) == {type(layer) for layer, _ in TRIED}  # a new one belongs into the list above


@pytest.mark.parametrize(("cost", "output"), PAIRS, ids=lambda part: part.name)
@pytest.mark.parametrize("jit", [False, True], ids=["", "jit"])
def test_backprop_runs_where_autodiff_cannot(cost, output, jit, no_autodiff):
    layers = [layer for neuron in HIDDEN for layer in (Dense(4, 4, neuron), Dropout(0.3))]
    objective = Objective(Network((*layers, Dense(4, 4, linear)), output, (4,)), cost, 0.3, 0.5)
    batch = Dataset(np.ones((3, 4), np.float32), np.array([0, 1, 2]))
    params = objective.network.init(jax.random.key(0))

    def gradient(params, batch, key):
        return backprop(objective)(params, batch, N, key)

    (jax.jit(gradient) if jit else gradient)(params, batch, jax.random.key(1))


def test_all_neurons_are_among_those_drawn():
    assert {*HIDDEN, neurons.step} == set(neurons.NEURONS.values())
    assert {sigmoid, tanh, relu, linear, softmax} == set(HIDDEN)
