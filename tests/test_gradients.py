"""Gradients three ways: by hand, by autodiff, by central differences; and training against the book's own algorithm."""

import dataclasses
import itertools
from typing import NamedTuple

import book
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback
from samples import FITTING, draw

from jnndl import Dataset, Dense, Dropout, Network, descent, mlp
from jnndl.costs import cross_entropy, log_likelihood, quadratic
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.neurons import linear, relu, sigmoid, softmax, tanh
from jnndl.settings import Hyperparameters, TrainConfig, start

HIDDEN = [sigmoid, tanh, relu]
PENALTIES = [(None, None), (0.3, None), (None, 0.7), (0.3, 0.7)]
SIZES = [7, 5, 7, 5, 7, 5]  # two sizes, so that every depth shares its compiled operations
N = 20  # size of the training set, for the penalty
EPSILON = 1e-5


class Case(NamedTuple):
    """A network and what it minimises."""

    depth: int
    cost: object
    output: object
    hidden: object
    penalty: tuple
    dropout: bool

    def __str__(self):
        penalty = "l1" * (self.penalty[0] is not None) + "l2" * (self.penalty[1] is not None)
        words = (self.cost.name, self.output.name, self.hidden.name, penalty, "dropout" * self.dropout)
        return "-".join([f"depth{self.depth}", *filter(None, words)])

    def objective(self):
        network = mlp(SIZES[: self.depth + 1], hidden=self.hidden, output=self.output)
        if self.dropout:
            *hidden, last = network.layers
            network = dataclasses.replace(network, layers=(*hidden, Dropout(0.4), last))
        return Objective(network, self.cost, *self.penalty)

    def key(self):
        return jax.random.key(3) if self.dropout else None


# Every depth with every cost and output neuron; the rest goes round, out of step with one another.
CASES = [
    Case(depth, *pair, HIDDEN[(depth + p) % 3], PENALTIES[(depth + p) % 4], (depth + p // 2) % 2 == 0)
    for depth, (p, pair) in itertools.product(range(1, 6), enumerate(FITTING))
]


def draw_batch(m, n_in=7, n_out=5, seed=0):
    rng = np.random.default_rng(seed)
    return Dataset(rng.normal(size=(m, n_in)), rng.integers(n_out, size=m))


def problem(case, m=7):
    """What a gradient takes, with a mini-batch of m examples."""
    objective = case.objective()
    return objective, draw(objective.network, 1), draw_batch(m, n_out=SIZES[case.depth]), case.key()


def both(objective, params, batch, key):
    return tuple(gradient(objective)(params, batch, N, key) for gradient in (autodiff, backprop))


compiled = jax.jit(both)


def differences(got, want):
    """The difference of each array, relative to the array wanted, in Frobenius norm."""
    assert jax.tree.structure(got) == jax.tree.structure(want)
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True)
    return [float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300)) for a, b in pairs]


def norm(tree):
    return np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(tree)))


def signs(network, params, batch, key):
    """Of every weight and every weighted input: |w| and relu have their kinks at 0."""
    keys = None if key is None else jax.random.split(key, len(batch))
    _, saved = jax.vmap(network.forward, (None, 0, 0))(params, jnp.asarray(batch.inputs), keys)
    return [np.sign(leaf) for leaf in jax.tree.leaves((params, saved))]


def errors_along_random_directions(objective, params, batch, key, gradients):
    """For each gradient the larger of two errors against central differences, relative to |g|/sqrt(P)."""
    size, rng, errors = sum(leaf.size for leaf in jax.tree.leaves(params)), np.random.default_rng(2), []
    while len(errors) < 2:
        direction = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), params)
        length = norm(direction)
        direction = jax.tree.map(lambda leaf, length=length: leaf / length, direction)
        ends = [jax.tree.map(lambda w, d, e=e: w + e * d, params, direction) for e in (EPSILON, -EPSILON)]
        ahead, behind = (signs(objective.network, end, batch, key) for end in ends)
        if not all(np.array_equal(a, b) for a, b in zip(ahead, behind, strict=True)):
            continue  # a kink on the way: draw again
        ahead, behind = (float(objective(end, batch, N, key)) for end in ends)
        slope = (ahead - behind) / (2 * EPSILON)
        along = [sum(jax.tree.leaves(jax.tree.map(np.vdot, g, direction))) for g in gradients]
        errors.append([abs(s - slope) / (norm(g) / np.sqrt(size)) for s, g in zip(along, gradients, strict=True)])
    return np.max(errors, axis=0)


@pytest.mark.core
@pytest.mark.parametrize("case", CASES, ids=str)
def test_backprop_autodiff_and_central_differences_agree(case, x64):
    objective, params, batch, key = problem(case)
    by_autodiff, by_hand = both(objective, params, batch, key)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(by_autodiff))
    assert {leaf.dtype for leaf in jax.tree.leaves(by_hand)} == {np.dtype(np.float64)}
    assert max(differences(by_hand, by_autodiff)) <= 1e-12
    assert max(errors_along_random_directions(objective, params, batch, key, (by_autodiff, by_hand))) <= 1e-7


@pytest.mark.core
@pytest.mark.parametrize("case", CASES[::6], ids=str)  # each depth and each cost
def test_backprop_is_autodiff_in_float32(case):
    by_autodiff, by_hand = compiled(*problem(case))
    assert {leaf.dtype for leaf in jax.tree.leaves(by_hand)} == {np.dtype(np.float32)}
    assert max(differences(by_hand, by_autodiff)) <= 1e-5


@pytest.mark.parametrize("case", CASES[10:15], ids=str)  # depth 3 with every cost
def test_backprop_is_autodiff_under_jit_and_for_one_example(case, x64):
    by_autodiff, by_hand = compiled(*problem(case, m=1))
    assert max(differences(by_hand, by_autodiff)) <= 1e-12


@pytest.mark.parametrize("which", [0, 1], ids=["autodiff", "backprop"])
@pytest.mark.parametrize("case", [case for case in CASES[10:15] if not case.dropout], ids=str)
def test_gradient_of_a_batch_is_the_mean_over_its_examples(case, which, x64):
    objective, params, batch, _ = problem(case)
    each = [compiled(objective, params, batch[i : i + 1], None)[which] for i in range(7)]
    want = jax.tree.map(lambda *leaves: np.mean(leaves, axis=0), *each)
    assert max(differences(both(objective, params, batch, None)[which], want)) <= 1e-13


@pytest.mark.parametrize("which", [0, 1], ids=["autodiff", "backprop"])
def test_gradients_are_the_same_under_jit(which, x64):
    arguments = problem(CASES[12])
    assert max(differences(compiled(*arguments)[which], both(*arguments)[which])) <= 1e-13


def test_each_example_has_its_own_dropout_mask():
    objective = Objective(Network((Dropout(0.5), Dense(100, 1, linear)), linear, (100,)), quadratic)
    batch = Dataset(np.ones((2, 100), np.float32), np.full((2, 1), 50, np.float32))
    for grads in compiled(objective, draw(objective.network, 1), batch, jax.random.key(0)):
        kept = np.abs(grads[1].weight[0]) > 1e-6  # by either: about 75 of 100, but about 50 if they shared a mask
        assert 63 <= np.sum(kept) <= 87


def forbidden(*args, **kwargs):
    raise AssertionError("autodiff was used")


@pytest.mark.parametrize("case", CASES[5:10], ids=str)  # depth 2 with every cost
def test_backprop_uses_no_autodiff(case, monkeypatch, x64):
    objective, params, batch, key = problem(case)
    for name in ("grad", "value_and_grad", "vjp", "jvp", "linearize", "jacfwd", "jacrev", "hessian"):
        monkeypatch.setattr(jax, name, forbidden)
    backprop(objective)(params, batch, N, key)
    with pytest.raises(AssertionError, match="autodiff was used"):
        autodiff(objective)(params, batch, N, key)


def test_backprop_differentiates_no_neuron(x64):
    @jax.custom_jvp
    def mine(z):
        return jnp.tanh(z)

    mine.defjvp(forbidden)
    neuron = dataclasses.replace(tanh, forward=mine)
    objective = Objective(mlp([7, 5, 7], hidden=neuron))
    params, batch = draw(objective.network, 1), draw_batch(7)
    want = backprop(Objective(mlp([7, 5, 7], hidden=tanh)))(params, batch, N, None)
    assert differences(backprop(objective)(params, batch, N, None), want) == [0, 0, 0, 0]
    with pytest.raises(AssertionError, match="autodiff was used"):
        autodiff(objective)(params, batch, N, None)


class Gain(NamedTuple):
    weight: jax.Array
    shift: jax.Array


@dataclasses.dataclass(frozen=True)
class Scale:
    """A user's own layer: weight * a + shift, entry by entry."""

    n: int

    def init(self, key):
        return Gain(jnp.ones(self.n), jnp.zeros(self.n))

    def forward(self, params, a, key=None):
        return params.weight * a + params.shift, a

    def backward(self, params, saved, grad):
        return params.weight[None] * grad, Gain(jnp.sum(grad * saved, axis=0), jnp.sum(grad, axis=0))


def scaled(**penalty):
    layers = (Dense(7, 5, tanh), Scale(5), Dense(5, 7, linear))
    return Objective(Network(layers, softmax, (7,)), log_likelihood, **penalty)


def test_a_layer_of_ones_own_has_both_gradients(x64):
    objective, batch = scaled(l1=0.3, l2=0.7), draw_batch(7)
    params = draw(objective.network, 1)
    want, got = both(objective, params, batch, None)
    assert max(differences(got, want)) <= 1e-12
    assert max(errors_along_random_directions(objective, params, batch, None, (want, got))) <= 1e-7


@pytest.mark.parametrize("which", [0, 1], ids=["autodiff", "backprop"])
def test_a_layer_of_ones_own_is_penalised_in_its_weight_only(which, x64):
    params, batch = draw(scaled().network, 1), draw_batch(7)
    free, penalised = (both(objective, params, batch, None)[which][1] for objective in (scaled(), scaled(l2=0.7)))
    np.testing.assert_allclose(penalised.weight - free.weight, 0.7 / N * params[1].weight, rtol=1e-12)
    np.testing.assert_array_equal(penalised.shift, free.shift)


@pytest.mark.parametrize(
    ("output", "want"),
    [(sigmoid, [[1, 0, 0], [0, 0, 1]]), (softmax, [[1, 0, 0], [0, 0, 1]]), (tanh, [[1, -1, -1], [-1, -1, 1]])],
    ids=lambda part: getattr(part, "name", ""),
)
def test_targets_of_labels(output, want):
    objective, batch = Objective(mlp([2, 3], output=output)), Dataset(np.zeros((2, 2), np.float32), np.array([0, 2]))
    _, y = objective.examples(draw(objective.network, 1), batch)
    np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize("output", [sigmoid, tanh])
def test_targets_that_are_vectors_stay_as_they_are(output):
    targets = np.float32([[0.25, -0.5, 0], [1, 0, -1]])
    objective = Objective(mlp([2, 3], output=output), quadratic)
    _, y = objective.examples(draw(objective.network, 1), Dataset(np.zeros((2, 2), np.float32), targets))
    np.testing.assert_array_equal(y, targets)


def weights_and_biases(params):
    return [np.array(layer.weight) for layer in params], [np.array(layer.bias) for layer in params]


def pairs(inputs, targets):
    """A mini-batch as the book's list of (x, y), y a vector."""
    return list(zip(np.asarray(inputs, float), np.eye(10)[np.asarray(targets)], strict=True))


@pytest.mark.parametrize("cost", [quadratic, cross_entropy], ids=lambda cost: cost.name)
def test_objective_is_the_books_cost(cost, x64):
    objective = Objective(mlp([7, 5, 10]), cost, l1=0.3, l2=0.7)
    params, batch = draw(objective.network, 1), draw_batch(7, n_out=10)
    weights, biases = weights_and_biases(params)
    costs = []
    for x, y in pairs(batch.inputs, batch.targets):
        a = book.feedforward(weights, biases, x)[1][-1]
        entropy = -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))
        costs.append(np.sum((y - a) ** 2) / 2 if cost is quadratic else entropy)
    l1 = 0.3 / N * sum(np.sum(np.abs(w)) for w in weights)
    l2 = 0.7 / (2 * N) * sum(np.sum(w**2) for w in weights)
    np.testing.assert_allclose(objective(params, batch, N), np.mean(costs) + l1 + l2, rtol=1e-13)


def recording(gradient, batches):
    """The gradient, noting which mini-batches it was asked for."""

    def wrapped(objective):
        def function(params, batch, n, key):
            io_callback(
                lambda *arrays: batches.append([np.array(array) for array in arrays]),
                None,
                batch.inputs,
                batch.targets,
                ordered=True,
            )
            return gradient(objective)(params, batch, n, key)

        return function

    return wrapped


def train_recorded(gradient, network, data, params, m, cost, learning_rate, l2):
    """The weights and biases after an epoch, and its mini-batches in the order in which they were used."""
    batches = []
    recipe = TrainConfig(network, cost, m, recording(gradient, batches))
    hyper = Hyperparameters(np.asarray(learning_rate), None, None if l2 is None else np.asarray(l2), None)
    state = descent.epoch(recipe, start(recipe, hyper, jax.random.key(3), params), data)
    jax.effects_barrier()
    return weights_and_biases(state.params), batches


def train_by_the_book(params, batches, scale, cost, learning_rate, l2, n):
    weights, biases = weights_and_biases(params)
    for inputs, targets in batches:
        examples = pairs(inputs.reshape(len(inputs), -1) * scale, targets)
        weights, biases = book.update_mini_batch(weights, biases, examples, learning_rate, l2 or 0, n, cost.name)
    return weights, biases


# 199 whole mini-batches and a short one: number of examples, batch size, scale of the pixels
DATA = {"digits": (1197, 6, 1 / 16), "mnist": (1995, 10, 1 / 256)}


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.parametrize(
    ("name", "cost", "learning_rate", "l2", "large"),
    [
        ("digits", quadratic, 0.5, None, False),
        ("digits", quadratic, 0.5, 5.0, False),
        ("digits", cross_entropy, 0.5, None, False),
        ("digits", cross_entropy, 0.5, 5.0, False),
        ("mnist", quadratic, 3.0, None, True),  # chapter 1
        ("mnist", cross_entropy, 0.5, 5.0, False),  # chapter 3
    ],
    ids=lambda part: getattr(part, "name", part),
)
def test_200_steps_are_those_of_the_book(name, cost, learning_rate, l2, large, request, x64):
    n, m, scale = DATA[name]
    data = request.getfixturevalue(name).training[:n]
    network = mlp([data.inputs[0].size, 30, 10])
    params = draw(network, 1)
    if not large:
        params = tuple(layer._replace(weight=layer.weight / np.sqrt(layer.weight.shape[1])) for layer in params)
    how = (network, data, params, m, cost, learning_rate, l2)
    (by_autodiff, batches), (by_hand, same_batches) = (train_recorded(each, *how) for each in (autodiff, backprop))
    assert [len(inputs) for inputs, _ in batches] == [m] * 199 + [n - 199 * m]
    jax.tree.map(np.testing.assert_array_equal, batches, same_batches)
    want = train_by_the_book(params, batches, scale, cost, learning_rate, l2, n)
    assert min(differences(weights_and_biases(params), want)) > 1e-2  # they have come a long way
    assert max(differences(by_autodiff, want)) <= 1e-12
    assert max(differences(by_hand, want)) <= 1e-12
