"""Costs: hand-worked values, accuracy and finiteness in saturation, and each delta against autodiff."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import FITTING

from jnndl import costs, neurons
from jnndl.costs import cross_entropy, log_likelihood, quadratic
from jnndl.neurons import linear, sigmoid, softmax, tanh

SMALLEST = 1e-37  # ten times float32's smallest normal number: factors on the way to a result may be smaller than it
SMALLEST_SUM = 1e-30  # in a sum, whole terms may be below float32's range
LN = np.log

each_fitting_pair = pytest.mark.parametrize(
    ("cost", "neuron"), FITTING, ids=[f"{cost.name}-{neuron.name}" for cost, neuron in FITTING]
)


@functools.partial(jax.jit, static_argnums=(0, 1))
def evaluate(cost, neuron, z, y):
    """For each row of z and y: the value, the delta, and what autodiff makes of the value."""

    def one(z, y):
        return cost.value(z, y, neuron), cost.delta(z, y, neuron), jax.grad(cost.value)(z, y, neuron)

    return jax.vmap(one)(z, y)


# By hand: sigma(0) = 1/2 and sigma' = 1/4; sigma(ln 3) = 3/4 and sigma' = 3/16; tanh(ln(3)/2) = 1/2 and tanh' = 3/4;
# softmax(ln 1, ln 2, ln 5) = (1, 2, 5)/8.
WORKED = [
    (quadratic, sigmoid, [0, 0], [1, 0], 1 / 8 + 1 / 8, [-1 / 8, 1 / 8]),
    (quadratic, sigmoid, [LN(3), LN(3)], [0, 1], 9 / 32 + 1 / 32, [9 / 64, -3 / 64]),
    (quadratic, sigmoid, [LN(3), 0], [0.25, 0.5], 1 / 8, [3 / 32, 0]),
    (quadratic, tanh, [0, 0], [1, -1], 1 / 2 + 1 / 2, [-1, 1]),
    (quadratic, tanh, [LN(3) / 2, LN(3) / 2], [1, -1], 1 / 8 + 9 / 8, [-3 / 8, 9 / 8]),
    (quadratic, linear, [3, -1], [1, 1], 2 + 2, [2, -2]),
    (cross_entropy, sigmoid, [0, 0], [1, 0], LN(2) + LN(2), [-1 / 2, 1 / 2]),
    (cross_entropy, sigmoid, [LN(3), LN(3)], [1, 0], LN(4 / 3) + LN(4), [-1 / 4, 3 / 4]),
    (cross_entropy, sigmoid, [LN(3), 0], [0.5, 0.5], LN(4 / 3) / 2 + LN(4) / 2 + LN(2), [1 / 4, 0]),
    (log_likelihood, softmax, [0, 0, 0], [1, 0, 0], LN(3), [-2 / 3, 1 / 3, 1 / 3]),
    (log_likelihood, softmax, [0, LN(2), LN(5)], [0, 0, 1], LN(8 / 5), [1 / 8, 2 / 8, -3 / 8]),
    (log_likelihood, softmax, [0, LN(2), LN(5)], [1, 0, 0], LN(8), [-7 / 8, 2 / 8, 5 / 8]),
]


@pytest.mark.parametrize(("cost", "neuron", "z", "y", "value", "delta"), WORKED)
def test_value_and_delta_by_hand(cost, neuron, z, y, value, delta, x64):
    (got_value,), (got_delta,), _ = evaluate(cost, neuron, np.array([z], float), np.array([y], float))
    np.testing.assert_allclose(got_value, value, rtol=1e-14)
    np.testing.assert_allclose(got_delta, delta, rtol=1e-14, atol=1e-16)


def targets_for(neuron, labels, n):
    """One right class per example, and the other outputs silent."""
    return neuron.low + (1 - neuron.low) * np.eye(n)[labels]


@each_fitting_pair
def test_delta_is_the_gradient_of_the_value(cost, neuron, x64):
    rng = np.random.default_rng(0)
    z, y = rng.normal(scale=3, size=(20, 6)), targets_for(neuron, rng.integers(6, size=20), 6)
    _, delta, gradient = evaluate(cost, neuron, z, y)
    np.testing.assert_allclose(delta, gradient, rtol=1e-12, atol=1e-14)


SLOPES = {  # (a, sigma') of each neuron
    sigmoid: lambda z: (1 / (1 + np.exp(-z)), np.exp(-z) / (1 + np.exp(-z)) ** 2),
    tanh: lambda z: (np.tanh(z), 1 / np.cosh(z) ** 2),
    linear: lambda z: (z, 1.0),
}
COSTS_OF_A = {  # (value, delta), as the book writes them
    quadratic: lambda a, slope, y: (np.sum((y - a) ** 2, axis=1) / 2, (a - y) * slope),
    cross_entropy: lambda a, slope, y: (-np.sum(y * LN(a) + (1 - y) * LN(1 - a), axis=1), a - y),
}


@pytest.mark.parametrize(("cost", "neuron"), FITTING[:4], ids=lambda part: part.name)
def test_soft_targets(cost, neuron, x64):
    rng = np.random.default_rng(0)
    z, y = rng.normal(scale=2, size=(20, 6)), rng.uniform(size=(20, 6))
    want_value, want_delta = COSTS_OF_A[cost](*SLOPES[neuron](z), y)
    value, delta, gradient = evaluate(cost, neuron, z, y)
    np.testing.assert_allclose(value, want_value, rtol=1e-12)
    np.testing.assert_allclose(delta, want_delta, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(gradient, want_delta, rtol=1e-12, atol=1e-14)


def sigma(z):
    """In float64, without overflow, and with all digits on both sides."""
    small = np.exp(-np.abs(z))
    return np.where(z > 0, 1, small) / (1 + small)


def minus_log_sigma(z):
    return np.log1p(np.exp(-np.abs(z))) + np.maximum(-z, 0)


# (cost, neuron, target) -> (value, delta) of one output, in float64 and without a difference of nearly equal numbers:
# a = sigma(z), 1 - a = sigma(-z); tanh z + 1 = 2 sigma(2z), 1 - tanh z = 2 sigma(-2z), tanh' = 4 sigma(2z) sigma(-2z).
SATURATED = {
    (quadratic, sigmoid, 0): lambda z: (sigma(z) ** 2 / 2, sigma(z) ** 2 * sigma(-z)),
    (quadratic, sigmoid, 1): lambda z: (sigma(-z) ** 2 / 2, -sigma(z) * sigma(-z) ** 2),
    (quadratic, tanh, -1): lambda z: (2 * sigma(2 * z) ** 2, 8 * sigma(2 * z) ** 2 * sigma(-2 * z)),
    (quadratic, tanh, 1): lambda z: (2 * sigma(-2 * z) ** 2, -8 * sigma(2 * z) * sigma(-2 * z) ** 2),
    (quadratic, linear, 0): lambda z: (z**2 / 2, z),
    (quadratic, linear, 1): lambda z: ((z - 1) ** 2 / 2, z - 1),
    (cross_entropy, sigmoid, 0): lambda z: (minus_log_sigma(-z), sigma(z)),
    (cross_entropy, sigmoid, 1): lambda z: (minus_log_sigma(z), -sigma(-z)),
}


@pytest.mark.parametrize(("cost", "neuron", "y"), SATURATED, ids=[f"{c.name}-{n.name}-{y}" for c, n, y in SATURATED])
def test_value_and_delta_keep_their_digits_in_float32(cost, neuron, y):
    z = np.linspace(-80, 80, 3201, dtype=np.float32)
    value, delta, _ = evaluate(cost, neuron, z[:, None], np.full((3201, 1), y, np.float32))
    assert value.dtype == delta.dtype == np.float32
    for got, want in zip((value, delta[:, 0]), SATURATED[cost, neuron, y](z.astype(float)), strict=True):
        inside = np.abs(want) > SMALLEST
        assert inside.mean() > 0.4  # tanh leaves float32's range from |z| of 43 on
        np.testing.assert_allclose(got[inside], want[inside], rtol=2e-6, atol=0)


def logits_and_classes(n):
    """From -80 to 80: multiples of 1/8, whose differences float32 holds exactly, so that only the formula can err."""
    rng = np.random.default_rng(n)
    z = rng.uniform(-80, 80, (2000, n))
    z[::2] = rng.uniform(-78, 78, (1000, 1)) + rng.uniform(-2, 2, (1000, n))  # all of about one size
    return np.round(z * 8) / 8, rng.integers(n, size=2000)


def odds_against(z, label):
    """e^(z_j - z_y) for every j but y, which is 0."""
    odds = np.exp(z - z[np.arange(len(z)), label][:, None])
    odds[np.arange(len(z)), label] = 0
    return odds


@pytest.mark.parametrize("n", [2, 3, 10])
def test_log_likelihood_keeps_its_digits_in_float32(n):
    z, label = logits_and_classes(n)
    odds = odds_against(z, label).sum(axis=1)  # -ln a_y = ln(1 + odds)
    got, _, _ = evaluate(log_likelihood, softmax, z.astype(np.float32), np.eye(n, dtype=np.float32)[label])
    inside = odds > SMALLEST_SUM
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[inside], np.log1p(odds)[inside], rtol=2e-6, atol=0)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_log_likelihood_delta_keeps_its_digits_in_float32(n):
    z, label = logits_and_classes(n)
    odds = odds_against(z, label)
    want = odds / (1 + odds.sum(axis=1, keepdims=True))  # a_j for every j but y
    right = np.eye(n, dtype=np.float32)[label]
    want -= right * want.sum(axis=1, keepdims=True)  # a_y - 1
    _, got, _ = evaluate(log_likelihood, softmax, z.astype(np.float32), right)
    inside = np.abs(want) > np.where(right, SMALLEST_SUM, SMALLEST)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[inside], want[inside], rtol=2e-6, atol=0)


FAR_OUT = np.float32([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4], [-1e4, -1e4], [1e4, 0], [0, 1e4], [-1e4, 0], [0, -1e4]])


@each_fitting_pair
@pytest.mark.parametrize("label", [0, 1])
def test_everything_is_finite_far_out(cost, neuron, label):
    y = targets_for(neuron, np.full(8, label), 2).astype(np.float32)
    for got in evaluate(cost, neuron, FAR_OUT, y):
        assert got.dtype == np.float32
        assert np.all(np.isfinite(got))


@pytest.mark.parametrize(
    ("cost", "neuron", "right", "wrong", "delta"),
    [
        (quadratic, sigmoid, 0, 1, [0, 0]),  # the learning slowdown: no gradient where it is wrong most
        (quadratic, tanh, 0, 4, [0, 0]),
        (cross_entropy, sigmoid, 0, 2e4, [1, -1]),
        (log_likelihood, softmax, 0, 2e4, [1, -1]),
    ],
    ids=lambda part: getattr(part, "name", ""),
)
def test_limits_far_out(cost, neuron, right, wrong, delta):
    targets = [targets_for(neuron, np.full(8, label), 2).astype(np.float32) for label in (0, 1)]
    of_the_right, of_the_wrong = (evaluate(cost, neuron, FAR_OUT, y) for y in targets)
    assert of_the_right[0][0] == right  # z = (1e4, -1e4)
    np.testing.assert_array_equal(of_the_right[1][0], [0, 0])
    np.testing.assert_allclose(of_the_wrong[0][0], wrong, rtol=1e-6)
    np.testing.assert_array_equal(of_the_wrong[1][0], delta)


REFUSED = [
    (cost, neuron)
    for cost in costs.COSTS.values()
    for neuron in neurons.NEURONS.values()
    if (cost, neuron) not in [*FITTING, (quadratic, neurons.step)]
]
REMEDY = {
    "step": "use the quadratic cost",
    "relu": "use the quadratic cost",
    "linear": "use the quadratic cost",
    "tanh": "use the quadratic cost",
    "sigmoid": "use the quadratic or the cross_entropy cost",
    "softmax": "use the quadratic or the log_likelihood cost",
}


@pytest.mark.parametrize(("cost", "neuron"), REFUSED, ids=lambda part: part.name)
def test_a_cost_refuses_a_neuron_that_it_does_not_fit(cost, neuron):
    z, y = jnp.zeros(2), jnp.array([1.0, 0.0])
    message = f"cost {cost.name} fits .*, but the network's is {neuron.name}; change .*, or {REMEDY[neuron.name]}"
    with pytest.raises(ValueError, match=message):
        cost.check_neuron(neuron)
    with pytest.raises(ValueError, match=message):
        cost.value(z, y, neuron)
    with pytest.raises(ValueError, match=message):
        cost.delta(z, y, neuron)


@each_fitting_pair
def test_a_cost_takes_a_neuron_that_it_fits(cost, neuron):
    cost.check_neuron(neuron)
    assert cost.fits(neuron)


def test_log_likelihood_alone_wants_one_right_class():
    assert [cost.name for cost in costs.COSTS.values() if cost.one_hot] == ["log_likelihood"]


def test_costs_are_found_by_name():
    assert {name: cost.name for name, cost in costs.COSTS.items()} == {cost.name: cost.name for cost, _ in FITTING}
