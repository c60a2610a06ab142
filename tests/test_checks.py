"""The checker of gradients: it passes what is right, says who is wrong, and refuses what it cannot check."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jnndl
from jnndl import Dataset, Dense, Dropout, Network, check_gradients, checks, costs, gradients, mlp, neurons

KEY = jax.random.key(0)


def objective_of(hidden=neurons.sigmoid, cost=costs.cross_entropy, output=neurons.sigmoid, **penalty):
    return gradients.Objective(mlp([64, 6, 5, 10], hidden=hidden, output=output), cost, **penalty)


def check(objective, data, **options):
    return check_gradients(objective, objective.network.init(jax.random.key(1)), data, KEY, **options)


RIGHT = {
    "sigmoid": objective_of(neurons.sigmoid, costs.quadratic),
    "tanh-l2": objective_of(neurons.tanh, costs.quadratic, neurons.tanh, l2=0.5),
    "relu-softmax-l1": objective_of(neurons.relu, costs.log_likelihood, neurons.softmax, l1=0.3),
    "softmax-linear": objective_of(neurons.softmax, costs.quadratic, neurons.linear, l1=0.3, l2=0.5),
    "perceptrons": objective_of(neurons.step),
}


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float64") for name in RIGHT), ("tanh-l2", "float32"), ("relu-softmax-l1", "float32")]
)
def test_right_gradients_pass(digits, name, dtype):
    found = check(RIGHT[name], digits.training[:7], dtype=dtype)
    assert found.ok, str(found)
    assert found.faults == ()
    assert [(row.layer, row.array) for row in found.rows] == [
        (f"{layer} Dense", array) for layer in range(3) for array in ("weight", "bias")
    ]
    assert not jax.config.jax_enable_x64
    assert max(row.by_hand for row in found.rows) > (1e-9 if dtype == "float32" else 0)  # it was float32


def test_a_network_at_rest_is_no_fault():
    """Weights of zero send no gradient down: rows of exactly 0 are right."""
    network = mlp([3, 4, 2], weight_init=jnndl.initializers.zeros)
    found = check(gradients.Objective(network, l1=0.3), Dataset(np.ones((2, 3)), np.array([0, 1])))
    assert found.ok, str(found)
    assert [row.norm for row in found.rows[:2]] == [0, 0]


def test_gradients_that_have_vanished_are_no_fault():
    """Ten sigmoid layers: the first one's gradient is below what a difference can see, and the table says so."""
    network = mlp([3, *[4] * 10, 2])
    found = check(gradients.Objective(network), Dataset(np.ones((2, 3)), np.array([0, 1])))
    assert found.ok, str(found)
    assert 0 < found.rows[0].norm < 1e-5


def test_a_random_layer_is_checked_with_its_masks(digits):
    layers = (Dropout(0.2), Dense(64, 5, neurons.relu), Dropout(0.5), Dense(5, 10, neurons.linear))
    network = Network(layers, neurons.softmax, (64,))
    found = check(gradients.Objective(network, costs.log_likelihood), digits.training[:7])
    assert found.ok, str(found)
    assert [row.layer for row in found.rows] == ["1 Dense", "1 Dense", "3 Dense", "3 Dense"]


def test_one_example_and_one_neuron():
    objective = gradients.Objective(mlp([1, 1]), costs.quadratic)
    found = check(objective, Dataset(np.ones((1, 1)), np.zeros((1, 1))))
    assert found.ok, str(found)


def test_the_figures_are_what_they_say():
    """z = w x + b with w = 2, b = 1, x = 3, y = 0: C = z^2 / 2, dC/dw = z x = 21, dC/db = z = 7."""
    objective = gradients.Objective(mlp([1, 1], output=neurons.linear), costs.quadratic)
    params = (jnndl.layers.Affine(jnp.array([[2.0]]), jnp.array([1.0])),)
    found = check_gradients(objective, params, Dataset(np.array([[3.0]]), np.array([[0.0]])), KEY)
    assert [row.norm for row in found.rows] == pytest.approx([21, 7], rel=1e-12)


def off_by(factor, make):
    return lambda objective: lambda *a: jax.tree.map(lambda g: factor * g, make(objective)(*a))


ALONE = [("backprop", "HANDWRITTEN", factor) for factor in (1 + 1e-9, -1, math.nan)]
ALONE += [("autodiff", "AUTOMATIC", factor) for factor in (1 + 1e-9, -1)]


@pytest.mark.parametrize(("which", "verdict", "factor"), ALONE)
def test_the_one_that_stands_alone_is_named(monkeypatch, which, verdict, factor):
    # a network of its own, since what is compiled for a network is kept
    network = mlp([2, 2], output=dataclasses.replace(neurons.linear, name=f"{which}{factor}"))
    cost = dataclasses.replace(costs.quadratic, neurons=(network.neuron,), name="mine")
    value = dataclasses.replace(cost, value=lambda z, y, _: 0.5 * jnp.sum((z - y) ** 2), delta=lambda z, y, _: z - y)
    monkeypatch.setattr(checks, which, off_by(factor, getattr(checks, which)))
    found = check(gradients.Objective(network, value), Dataset(np.ones((2, 2)), np.ones((2, 2))))
    assert not found.ok
    slight = factor == 1 + 1e-9  # seen by the other gradient, but not by differences, which agree with both
    wanted = "HANDWRITTEN AND AUTOMATIC DIFFER SLIGHTLY" if slight else f"{verdict} IS WRONG"
    assert {row.verdict for row in found.rows} == {wanted}
    assert "every rule is right by itself" in str(found)


def test_differences_see_what_both_gradients_miss():
    """A cost through which autodiff sees nothing of the second output, and a delta written to match."""
    seen = np.array([1.0, 0.0])

    def value(z, y, neuron):
        error = z - y
        return 0.5 * jnp.sum((seen * error + (1 - seen) * jax.lax.stop_gradient(error)) ** 2)

    cost = dataclasses.replace(costs.quadratic, value=value, delta=lambda z, y, neuron: seen * (z - y))
    objective = gradients.Objective(mlp([2, 2], output=neurons.linear), cost)
    found = check(objective, Dataset(np.ones((2, 2)), np.zeros((2, 2))))
    assert {row.verdict for row in found.rows} == {"BOTH DIFFER FROM THE COST"}
    (fault,) = found.faults
    assert fault.startswith("cost quadratic: value has another slope for the linear output than its derivatives say")


def test_no_two_agree_is_said_only_where_no_comparison_holds():
    for good in itertools.product((True, False), repeat=3):
        assert (checks.VERDICTS[good] == "NO TWO AGREE") == (not any(good))
    assert len(set(checks.VERDICTS.values())) == 8


def params_of(*pairs):
    return tuple(jnndl.layers.Affine(np.asarray(w, float), np.asarray(b, float)) for w, b in pairs)


def check_at(network, cost, params, x, y, dtype="float64", **penalty):
    objective = gradients.Objective(network, cost, **penalty)
    return check_gradients(objective, params_of(*params), Dataset(np.asarray(x), np.asarray(y)), KEY, dtype=dtype)


def test_the_better_of_two_estimates_is_taken():
    """Where x is 10, a step of 0.01 is a long one: the estimate from the longest steps is off by 1e-7."""
    found = check_at(mlp([1, 1]), costs.cross_entropy, [([[0.3]], [0.1])], [[10.152]], [[1.0]])
    assert found.ok, str(found)
    # softplus(-z)'s derivative at z = 0.3 * 10.152 + 0.1, times x
    assert found.rows[0].norm == pytest.approx(10.152 / (1 + math.exp(0.3 * 10.152 + 0.1)), rel=1e-12)
    assert found.rows[0].numerical < 1e-10


@pytest.mark.parametrize("cost", [costs.cross_entropy, costs.quadratic], ids=lambda cost: cost.name)
@pytest.mark.parametrize(("size", "dtype"), [(3.0, "float64"), (7.0, "float64"), (100.0, "float64"), (3.0, "float32")])
def test_saturation_is_no_fault_of_the_more_exact_rule(cost, size, dtype):
    """tanh of 6: ``jax.grad`` subtracts its square from 1, and is left with 11 digits; at 14 it is left with 4."""
    params = [([[size]], [size]), ([[size], [size]], [size, size])]
    found = check_at(mlp([1, 1, 2], hidden=neurons.tanh), cost, params, [[1.0]], [0], dtype)
    assert found.ok, str(found)
    assert found.faults == ()
    if (size, dtype) == (3.0, "float64"):
        assert [row.verdict for row in found.rows] == ["ok (rounding)"] * 2 + ["ok"] * 2
        assert 1e-12 < found.rows[0].by_hand < 1e-10  # the figure is not prettified


def test_a_wrong_rule_is_wrong_in_saturation_too():
    """Where tanh is flat, its derivative forgotten is off by ten orders of magnitude."""
    wrong = dataclasses.replace(neurons.tanh, backward=lambda z, g: g)
    params = [([[7.0]], [7.0]), ([[7.0], [7.0]], [7.0, 7.0])]
    found = check_at(mlp([1, 1, 2], hidden=wrong), costs.cross_entropy, params, [[1.0]], [0])
    assert {fault.partition(" is off")[0] for fault in found.faults} == {
        f"layer 0, Dense: backward's gradient for {array}" for array in ("weight", "bias", "the layer below")
    }


def test_rounding_is_measured_by_the_size_of_the_cost():
    """A penalty of 50,000 on a cost of 1e-6: 16 digits of the sum leave few of the slope by the bias."""
    network = mlp([10, 3], output=neurons.linear)
    params = [(np.full((3, 10), 100.0), np.zeros(3))]
    found = check_at(network, costs.quadratic, params, np.zeros((1, 10)), np.full((1, 3), 1e-3), l2=1.0)
    assert found.ok, str(found)
    assert found.rows[1].norm == pytest.approx(1e-3 * math.sqrt(3), rel=1e-12)


def relu_network(backward):
    return mlp([2, 3, 2], hidden=dataclasses.replace(neurons.relu, backward=backward))


ON_A_KINK = [(np.ones((3, 2)), np.zeros(3)), ([[1.0, 2, 3], [3, 2, 1]], [0.0, 0])], [[0.0, 0], [1, 2]], [0, 1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("at_zero", [0.0, 1.0, 0.3])
def test_a_kink_is_said_to_be_one(at_zero, dtype):
    """An input of zeros and biases of zero: all ReLUs sit on their kink, where each slope from 0 to 1 is as good."""
    network = relu_network(lambda z, g: jnp.where(z > 0, g, jnp.where(z == 0, at_zero * g, 0)))
    found = check_at(network, costs.cross_entropy, *ON_A_KINK, dtype)
    assert found.ok, str(found)
    assert [row.verdict for row in found.rows] == ["ok", "kink", "ok", "ok"]
    assert str(found).count("kink") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda z, g: jnp.where(z >= 0, 2 * g, 0),
        lambda z, g: jnp.where(z > 0, g, 0.5 * g),
        lambda z, g: jnp.where(z > 0, g, jnp.where(z == 0, 1.5 * g, 0)),  # no slope between those of both sides
        lambda z, g: g,
    ],
)
def test_a_kink_hides_no_fault(wrong):
    found = check_at(relu_network(wrong), costs.cross_entropy, *ON_A_KINK)
    assert not found.ok
    assert any(fault.startswith("layer 0, Dense: backward's gradient for bias") for fault in found.faults), str(found)


def test_a_kink_hides_no_fault_of_the_whole(monkeypatch):
    monkeypatch.setattr(checks, "backprop", off_by(2, checks.backprop))
    found = check_at(mlp([2, 3, 2], hidden=neurons.relu), costs.cross_entropy, *ON_A_KINK)
    assert not found.ok
    assert "every rule is right by itself" in str(found)


def test_float64_is_switched_off_again_after_an_error():
    def broken(z, grad_a):
        raise RuntimeError("a user's mistake")

    objective = gradients.Objective(mlp([2, 2, 2], hidden=dataclasses.replace(neurons.tanh, backward=broken)))
    with pytest.raises(RuntimeError, match="a user's mistake"):
        check(objective, Dataset(np.ones((2, 2)), np.array([0, 1])))
    assert not jax.config.jax_enable_x64
    assert jax.config.jax_default_matmul_precision is None


def test_a_second_check_compiles_only_what_may_have_changed(digits, compiled):
    """Programs with handwritten rules in them are compiled each time: a method may have been replaced."""
    check(RIGHT["sigmoid"], digits.training[:7])
    compiled.clear()
    check(RIGHT["sigmoid"], digits.training[:7])
    assert len(compiled) == 2, compiled


def test_the_table_prints_well(digits):
    found = check(RIGHT["tanh-l2"], digits.training[:3])
    head, *lines = str(found).splitlines()
    assert head.split() == ["layer", "array", "norm", "hand-auto", "hand-diff", "auto-diff", "verdict"]
    assert len(lines) == 6
    assert {line.index("ok") for line in lines} == {head.index("verdict")}
    assert lines[0].startswith("0 Dense       weight  ")


ALL = Dataset(np.ones((2, 2)), np.array([0, 1]))


@pytest.mark.parametrize(
    ("sizes", "data", "options", "sentence"),
    [
        ([2, 2], ALL, {"dtype": "float16"}, "dtype is 'float16'; give 'float64' or 'float32'"),
        ([2, 2], ALL[:0], {}, "checked data: there are no examples; give at least one"),
        (
            [3, 2],
            ALL,
            {},
            r"checked data: inputs have 2 numbers .* but the network takes 3; make the network's first size 2",
        ),
    ],
)
def test_bad_arguments_get_one_sentence(sizes, data, options, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        check(gradients.Objective(mlp(sizes)), data, **options)


def test_parameters_of_another_network_are_refused():
    params = mlp([2, 3]).init(KEY)
    with pytest.raises(ValueError, match=r"params: \[0\]\.weight has shape \(3, 2\), but \(2, 2\) in this"):
        check_gradients(gradients.Objective(mlp([2, 2])), params, ALL, KEY)


def test_a_cost_that_does_not_fit_the_output_neuron_is_refused():
    with pytest.raises(ValueError, match="cost log_likelihood fits the output neurons softmax"):
        check(gradients.Objective(mlp([2, 2]), costs.log_likelihood), ALL)
