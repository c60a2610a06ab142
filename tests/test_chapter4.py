"""Chapter 4's networks, made by hand, against the same formulas in NumPy and against what algebra says of them."""

import itertools

import jax
import numpy as np
import pytest

from experiments.catalogue import EXPERIMENTS
from experiments.ch4 import bumps as bump_questions
from experiments.ch4 import challenge, failure_windows, other_neurons, problems, steps, target_function, towers
from experiments.ch4 import constructions as made
from experiments.ch4.constructions import bumps, glued, lookup, mesh, one_neuron, overlapping, tower
from jnndl.neurons import sigmoid, step, tanh


def sigma(z):
    return 1 / (1 + np.exp(-np.asarray(z, float)))


def test_they_are_networks_of_the_librarys_layers_in_float64():
    network, params = tower([(0.1, 0.2), (0.3, 0.4)], 10.0)
    assert repr(network) == "Network(2, Dense(2, 4, sigmoid), Dense(4, 1, linear), sigmoid)"
    assert [layer.weight.dtype for layer in params] == [np.float64, np.float64]
    x = np.linspace(-3, 3, 1201)  # more than are evaluated at once
    found = one_neuron(1.5, 0.25).output(x)
    assert (found.dtype, found.shape) == (np.float64, x.shape)
    np.testing.assert_allclose(found, sigma(1.5 * x + 0.25), rtol=1e-14)
    assert not jax.config.jax_enable_x64


@pytest.mark.parametrize(("w", "b"), [(7.0, -2.0), (100.0, -40.0), (999.0, -123.4)])
def test_a_step_is_at_minus_b_over_w(w, b):
    assert steps.position(one_neuron(w, b)) == pytest.approx(-b / w, abs=1e-12)
    np.testing.assert_array_equal(made.step_layer([-b / w], w).bias, [-w * (-b / w)])


def test_the_distance_from_a_perfect_step_is_an_integral():
    # 1/w times the integral of sigma(-z) from 0 to 0.4 w, and to 0.6 w: ln 2 - ln(1 + exp(-0.4 w)) and so on.
    w = 10.0
    wanted = (2 * np.log(2) - np.log1p(np.exp(-4)) - np.log1p(np.exp(-6))) / w
    assert steps.distance(w) == pytest.approx(wanted, abs=1e-8)


def test_a_bump_is_the_difference_of_two_steps():
    x = np.linspace(0, 1, 77)
    for weight in (10.0, 1000.0):
        found = bumps([(0.4, 0.6), (0.7, 0.9)], [-1.2, 0.3], weight=weight).weighted(x)
        z = [sigma(np.maximum(weight * (x - s), -700)) for s in (0.4, 0.6, 0.7, 0.9)]
        np.testing.assert_allclose(found, -1.2 * (z[0] - z[1]) + 0.3 * (z[2] - z[3]), atol=1e-12)
    # In the middle of a bump of width d: h tanh(w d/4).
    assert bumps([(0.4, 0.6)], [0.8], weight=20.0).weighted([0.5]) == pytest.approx(0.8 * np.tanh(1.0))


def test_neurons_that_rise_by_another_height_make_the_same_bumps():
    at = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(bumps([(0.4, 0.6)], [0.8], hidden=tanh, rise=2.0).weighted(at), [0, 0.8, 0], atol=1e-12)


def test_a_table_has_the_functions_values_in_the_middles_of_its_bumps():
    at = np.array([0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(lookup(np.exp, 4, weight=1000.0).weighted(at), np.exp(at), atol=1e-12)
    np.testing.assert_allclose(
        lookup(np.log, 4, weight=1000.0, output=sigmoid).output(at), sigma(np.log(at)), atol=1e-12
    )


def test_overlapping_copies_are_a_mean_of_tables():
    x = np.array([0.03, 0.31, 0.52, 0.77, 0.96])  # near no edge
    copies, n = 3, 4
    wanted = np.zeros(len(x))
    for k in range(copies):
        shift = k / (n * copies)
        wanted += np.exp((np.floor((x - shift) * n) + 0.5) / n + shift) / copies
    found = overlapping(np.exp, n, copies, weight=5000.0)
    np.testing.assert_allclose(found.weighted(x), wanted, atol=1e-12)
    assert found.params[0].weight.shape == (2 * (copies * (n + 1) + 1), 1)  # the first has one at either end


@pytest.mark.parametrize("inputs", [2, 3, 5])
def test_a_tower_is_on_inside_and_off_elsewhere_by_half_of_h(inputs):
    h = 6.0
    built = tower([(0.2, 0.4)] * inputs, h)
    points = np.array(list(itertools.product((0.1, 0.3, 0.7), repeat=inputs)))
    hits = np.sum(points == 0.3, axis=1)
    # Of m bumps k are up: k h - (m - 1/2) h.
    np.testing.assert_allclose(built.output(points), sigma((hits - inputs + 0.5) * h), atol=1e-12)
    assert built.params[1].bias == pytest.approx((0.5 - inputs) * h)


def test_towers_are_added_up_each_with_its_height():
    boxes, heights = [((0.1, 0.2), (0.8, 0.9)), ((0.7, 0.8), (0.2, 0.3))], [0.7, -0.5]
    built = made.towers(boxes, heights, 8.0, weight=300.0)
    assert [(layer.n_in, layer.n_out) for layer in built.network.layers] == [(2, 8), (8, 2), (2, 1)]
    x, y = mesh(20).T
    wanted = 0
    for ((x1, x2), (y1, y2)), height in zip(boxes, heights, strict=True):
        flanks = [sigma(300 * (at - edge)) for at, edge in ((x, x1), (x, x2), (y, y1), (y, y2))]
        wanted = wanted + height * sigma(8 * (flanks[0] - flanks[1] + flanks[2] - flanks[3]) - 12)
    np.testing.assert_allclose(built.weighted(mesh(20)), wanted, atol=1e-10)


def test_glued_networks_are_what_they_were():
    parts = [tower([(0.1, 0.4), (0.2, 0.6)], 5.0), tower([(0.5, 0.8), (0.1, 0.7)], 7.0), tower([(0, 1)] * 2, 3.0)]
    x = np.random.default_rng(0).random((30, 2))
    found = glued(parts, sigmoid).output(x)
    assert found.shape == (30, 3)
    np.testing.assert_allclose(found, np.transpose([one.output(x) for one in parts]), atol=1e-13)


def test_the_mesh_goes_along_x_first():
    np.testing.assert_array_equal(mesh(2), [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])


def test_the_challenge_is_scored_as_the_books_script_scores_it():
    def logit_f(x):
        f = 0.2 + 0.4 * x * x + 0.3 * x * np.sin(15 * x) + 0.05 * np.cos(50 * x)
        return np.log(f / (1 - f))

    heights, score = challenge.best_heights(), 0.0
    np.testing.assert_allclose(heights, [-1.24, -1.42, -0.34, -0.98, 1.14], atol=0.005)
    for j in range(100):
        score += abs(logit_f(j / 100) - heights[j // 20]) / 100
    assert score == pytest.approx(0.372, abs=0.0005)
    assert challenge.score(heights) == pytest.approx(score, abs=1e-12)
    np.testing.assert_allclose(
        challenge.score(np.stack([heights, 0 * heights])), [score, np.abs(logit_f(challenge.X)).mean()]
    )
    # The network itself, away from its edges.
    x = challenge.X[np.arange(100) % 20 > 0]
    steps_at = heights[np.floor(x * 5).astype(int)]
    np.testing.assert_allclose(challenge.network(heights).weighted(x), steps_at, atol=1e-3)
    assert challenge.WON.verdict([0.4]).word == "reproduced"
    assert challenge.WON.verdict([0.4001]).word == "not reproduced"


def test_derivatives_by_hand_of_the_target_function():
    x, h = made.cells(20_000), 1e-4
    slope = (made.goal(x + h) - made.goal(x - h)) / (2 * h)
    assert target_function.variation() == pytest.approx(np.abs(slope).mean(), rel=1e-5)
    second = (made.goal(x + h) - 2 * made.goal(x) + made.goal(x - h)) / h**2
    assert problems.curvature() == pytest.approx(np.abs(second).mean(), rel=1e-4)
    later = 0.2 + 0.4 * x**2 + 0.3 * np.sin(15 * x) + 0.05 * np.cos(50 * x)
    np.testing.assert_allclose(target_function.misprint(x), later, atol=1e-12)
    np.testing.assert_allclose(sigma(made.goal_logit(x)), made.goal(x), atol=1e-12)


def test_the_rules_have_the_values_of_algebra():
    wanted = {
        steps.DISTANCE: 2 * np.log(2) / 999,
        bump_questions.GENTLE_BUMP: 0.6 * np.tanh(0.5),
        towers.STARTING: sigma(0.1) - sigma(-0.2),
        towers.CENTRE: sigma(5),
        towers.PLATEAU: sigma(-5),
        target_function.TIMES: target_function.variation() / 4,
        problems.TIMES: problems.curvature() / 12,
    }
    rules = {row.metric: row.rule for e in EXPERIMENTS.values() if e.chapter == "4" for row in e.rows}
    for metric, value in wanted.items():
        assert rules[metric].expected == pytest.approx(value, rel=1e-5), metric
    assert rules[problems.ROUND].tolerance == pytest.approx(problems.bound(), rel=1e-2)
    failures = [failure_windows.by_algebra(m) for m in failure_windows.COPIES]
    assert made.power(failure_windows.COPIES, failures) == pytest.approx(-1)


def test_a_straight_line_fails_by_half_of_a_bump_in_one_copy_of_m():
    assert failure_windows.line(0.3) == 0.3
    for copies in (1, 2, 4):
        found = failure_windows.failure_of(failure_windows.line, copies)
        assert found == pytest.approx(1 / (2 * 5 * copies), rel=1e-6)
    assert failure_windows.failure_of(made.goal_logit, 2) == pytest.approx(failure_windows.by_algebra(2), rel=1e-6)


def test_perfect_steps_have_no_failure():
    soft, perfect = (overlapping(np.exp, 5, 2, weight=1e4, hidden=neuron) for neuron in (sigmoid, step))
    assert failure_windows.failure(perfect, perfect, [0.2]) == 0
    assert failure_windows.failure(soft, perfect, [0.25]) < 1e-12  # far from all edges
    # On an edge, half of the jump of the one copy of two that has it.
    wanted = (np.exp(0.3) - np.exp(0.1)) / 2 / 2
    assert failure_windows.failure(soft, perfect, [0.2]) == pytest.approx(wanted, rel=1e-9)


def test_where_four_towers_meet_none_is_on():
    # Each of them gets h/2 + h/2 there, and wants 3h/2.
    built = failure_windows.flat(1)
    third = np.array([[1 / 3, 1 / 3], [1 / 2, 1 / 2], [1 / 3, 1 / 2]])
    np.testing.assert_allclose(built.weighted(third), [4 * sigma(-20), 1, 1], atol=1e-6)
    assert failure_windows.hole(2) == pytest.approx(0.5, abs=1e-6)


def test_rectified_linear_neurons_join_points():
    x = np.linspace(0, 1, 301)
    knots = np.arange(8) / 7
    np.testing.assert_allclose(problems.polygon(np.cos, 7).weighted(x), np.interp(x, knots, np.cos(knots)), atol=1e-13)


def test_waves_from_all_sides_add_up_to_a_round_tower():
    phi = np.pi * made.cells(400)
    for r in (0.0, 0.5, 1.0, 3.0, 6.0):
        assert problems.profile(r * np.cos(phi)).mean() == pytest.approx(np.exp(-(r**2) / 2), abs=1e-12)
    built = problems.round_tower()
    assert len(built.network.layers) == 2
    found = built.weighted(np.array([[0.5, 0.5], [0.62, 0.5], [0.5, 0.38], [0.95, 0.95]]))
    np.testing.assert_allclose(found, [1, np.exp(-0.5), np.exp(-0.5), 0], atol=problems.bound())


def test_linear_neurons_are_a_straight_line_and_others_are_not(monkeypatch):
    assert problems.bent(0) < 1e-12
    monkeypatch.setattr(problems, "linear", tanh)
    assert problems.bent(0) > 1e-3


@pytest.mark.parametrize("neuron", [other_neurons.wavy, other_neurons.bell])
def test_the_other_neurons_derivatives(neuron, x64):
    z = np.linspace(-2.9, 3.0, 60)  # not 0, where |z| has a corner
    np.testing.assert_allclose(
        neuron.backward(z, np.full(60, 2.0)), 2 * jax.vmap(jax.grad(neuron.forward))(z), rtol=1e-9
    )


def test_the_towers_heights_and_points_by_hand():
    built, heights = towers.many()
    assert heights[[0, 1, 5, 24]].tolist() == [0, 1 / 50, 1 / 50, 32 / 50]
    # i counts along x and j along y: tower (i, j) = (4, 1).
    assert built.weighted(np.array([[0.9, 0.3]])) == pytest.approx((16 + 1) / 50, abs=1e-6)
    assert towers.right_points(2) == 9
