"""Chapter 5's questions: what they measure, against plain NumPy and algebra."""

import types

import book
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jnndl
from experiments.ch3 import initial_weights
from experiments.ch5 import bars, chain, depth, identity_neuron, nabla, speed, ten_layers, width
from experiments.training import Job, Trainer, fingerprint, initial_params
from jnndl.gradients import Objective


@pytest.fixture(scope="module")
def digits():
    return jnndl.load_digits()


def in_numpy(params, data):
    """Weights, biases and pairs (x, one-hot y), in float64."""
    weights, biases = ([np.asarray(part, float) for part in parts] for parts in zip(*params, strict=True))
    x = np.asarray(data.inputs, float).reshape(len(data), -1) * float(data.scale)
    return weights, biases, list(zip(x, np.eye(10)[np.asarray(data.targets)], strict=True))


def test_norms_and_bars_are_those_of_the_books_backpropagation(digits):
    data, network = digits.training[:12], jnndl.mlp([64, 6, 5, 10])
    params = network.init(3)
    weights, biases, pairs = in_numpy(params, data)
    each = [book.backprop(weights, biases, x, y, "cross_entropy")[1] for x, y in pairs]
    mean = [np.mean(layer, axis=0) for layer in zip(*each, strict=True)][:-1]  # average first, then the norm
    objective = Objective(network, l2=7.0)
    np.testing.assert_allclose(
        speed.delta_norms(objective, params, data), [np.linalg.norm(layer) for layer in mean], rtol=1e-5
    )
    for found, expected in zip(bars.gradients(objective, params, data), mean, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_norms_are_followed_from_before_the_first_update(digits, monkeypatch):
    monkeypatch.setattr(speed, "IMAGES", 20)
    monkeypatch.setattr(speed, "LAMBDA", 5.0)
    job = Job(digits, seeds=2, epochs=3)
    found = speed.follow(job, 2)
    assert found.shape == (2, 2, 4)
    network, data = job.mlp(30, 30), job.training[:20]
    for seed in range(2):
        weights, biases, pairs = in_numpy(initial_params(network, seed), data)
        for update in range(4):
            each = [book.backprop(weights, biases, x, y, "cross_entropy")[1] for x, y in pairs]
            mean = [np.mean(layer, axis=0) for layer in zip(*each, strict=True)][:-1]
            expected = [np.linalg.norm(layer) for layer in mean]
            np.testing.assert_allclose(found[seed, :, update], expected, rtol=1e-4)
            weights, biases = book.update_mini_batch(weights, biases, pairs, 0.1, 5.0, 20, "cross_entropy")


def test_what_is_measured_of_norms_by_hand():
    # One seed, two layers: the first goes 2, 0, 1 in logarithms and stays there, the second is always 1 above it.
    log = np.full((1, 2, 501), 1.0)
    log[0, 0, :2] = 2, 0
    log[0, 1] = log[0, 0] + 1
    log[0, :, 500] = 9, -9  # after the 500th update: the author noted nothing there
    found = speed.measure(log)
    assert found[speed.norm_of(2, 1, 0)] == 2
    assert found[speed.norm_of(2, 2, 499)] == 2
    assert found[speed.ratio_of(2, 100)] == 1
    assert found[speed.ordered(2)] == 1
    assert found[speed.REBOUND] == 1
    log[0, 1, 250] = 0.5  # once, the second is slower
    assert speed.measure(log)[speed.ordered(2)] == 0
    four = np.tile(np.array([0.0, 1.0, 2.0, 2.5])[None, :, None], (3, 1, 501))
    found = speed.measure(four)
    np.testing.assert_allclose(found[speed.HUNDRED], 0.5)
    assert found[speed.ordered(4)].tolist() == [1, 1, 1]
    # A run that is too short has no such figure.
    assert np.isnan(speed.measure(four[..., :3])[speed.ratio_of(4, 499)]).all()


def test_the_authors_figures_are_in_order():
    for hidden, by_epoch in speed.BOOK.items():
        assert list(by_epoch) == [0, 50, 100, 250, 499]
        for norms in by_epoch.values():
            assert len(norms) == hidden
            assert list(norms) == sorted(norms)  # earlier layers are slower, as the book says
    # The catalogue's own quotients: 96 at the start, 113 at the end.
    assert round(speed.BOOK[4][0][-1] / speed.BOOK[4][0][0]) == 96
    assert round(speed.BOOK[4][499][-1] / speed.BOOK[4][499][0]) == 113


def test_the_length_of_bars_by_hand():
    # Mean lengths 1 and 100: two decades, whatever their signs.
    assert bars.longer([[[1.0, -1.0], [50.0, -150.0]]]) == pytest.approx([2.0])
    # The author's twelve bars, added up by hand: 0.0562 and 0.193.
    assert pytest.approx(np.log10(0.1930 / 0.0562), abs=5e-5) == bars.REPORTED


def test_a_chain_is_the_books_product_and_backpropagation():
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        for _ in range(3):
            w, b, (x, y) = rng.normal(size=4), rng.normal(size=4), rng.uniform(size=2)
            params = tuple(
                jnndl.layers.Affine(jnp.full((1, 1), wj), jnp.full((1,), bj)) for wj, bj in zip(w, b, strict=True)
            )
            a, slopes = x, []
            for wj, bj in zip(w, b, strict=True):
                slopes.append(book.sigmoid_prime(wj * a + bj))
                a = book.sigmoid(wj * a + bj)
            # Equation 122, written out.
            first = slopes[0] * w[1] * slopes[1] * w[2] * slopes[2] * w[3] * slopes[3] * (a - y)
            found = chain.products(params, jnp.asarray(x), jnp.asarray(y))
            np.testing.assert_allclose(found[0], first, rtol=1e-12)
            np.testing.assert_allclose(found[2], slopes[2] * w[3] * slopes[3] * (a - y), rtol=1e-12)
            _, nabla_b = book.backprop(
                [np.array([[wj]]) for wj in w], [np.array([bj]) for bj in b], np.array([x]), np.array([y]), "quadratic"
            )
            np.testing.assert_allclose(found, np.concatenate(nabla_b), rtol=1e-12)
            np.testing.assert_allclose(chain.by_backprop(params, jnp.asarray(x), jnp.asarray(y)), found, rtol=1e-12)


def test_random_chains_are_normal_and_differ():
    (first, *_), x, y = chain.random_chains(0, 4000)
    assert first.weight.shape == (4000, 1, 1)
    np.testing.assert_allclose([first.weight.mean(), first.weight.std()], [0, 1], atol=0.06)
    assert 0 <= x.min() < 0.01 < 0.99 < x.max() <= 1
    assert not np.array_equal(x, y)


def test_factors_of_the_exploding_chain_are_25_and_would_not_be_if_z_were_not_0(monkeypatch):
    with jax.enable_x64(True):
        factors, growth = chain.exploding(0.3)
        assert factors.tolist() == [25, 25, 25]
        assert growth == 25**3
        monkeypatch.setattr(chain, "BIG", 99.0)
        factors, growth = chain.exploding(0.3)
        assert factors.tolist() == [24.75] * 3
        assert growth == pytest.approx(24.75**3)
        assert chain.worst(np.array([[3.0, 4], [0, 2]]), np.array([[3.0, 4], [0, 1]])) == 1
        assert chain.farthest(np.array([25.0, 24.0, 25.5]), 25) == 24


def test_the_width_by_algebra():
    # w sigma'(z) = 1 with s = sigma(z): w s (1 - s) = 1, s = (1 + sqrt(1 - 4/w))/2, z = ln(s/(1 - s)); width 2 z/w.
    for w in (4.5, 6.9, 50.0):
        s = (1 + np.sqrt(1 - 4 / w)) / 2
        expected = 2 / w * np.log(s / (1 - s))
        assert width.width(w) == pytest.approx(expected, rel=1e-12)
        with jax.enable_x64(True):
            assert width.searched_width(-w, 1.5) == pytest.approx(expected, abs=1e-10)
    assert width.width(4.0) == pytest.approx(0)
    with jax.enable_x64(True):
        assert width.greatest_size(8.0, 1.0) == pytest.approx(2)  # 8 times 1/4


def test_the_identity_neuron_by_taylor():
    with jax.enable_x64(True):
        # The next term of the series is w1^4 d^5 / 120 times 2: far below at these w1.
        for w1 in (0.05, 0.1):
            assert identity_neuron.error(w1) == pytest.approx(w1**2 / 96, rel=1e-3)
        # Without a constant, a neuron of slope 1 through (1/2, 1/2): sigma(4 d) is off by 1 - sigma(2) at the end.
        x = np.linspace(0, 1, 11)
        off = np.abs(identity_neuron.outputs(4.0, -2.0, 1.0, x) - x).max()
        assert off == pytest.approx(1 - 1 / (1 + np.exp(-2)))
        assert 0 < identity_neuron.least_error() < off


def test_matrices_and_powers_are_seen_to_be_wrong(monkeypatch):
    with jax.enable_x64(True):
        assert ten_layers.matrices_off(0) < 1e-13
        real = ten_layers.equations.delta_by_matrices
        wrong = lambda zs, weights, grad_a, neurons: real(zs, weights, 2 * grad_a, neurons)  # noqa: E731
        monkeypatch.setattr(ten_layers.equations, "delta_by_matrices", wrong)
        assert ten_layers.matrices_off(0) == pytest.approx(1)
        # Twelve layers, inputs and outputs among them.
        assert len(ten_layers.SMALL) == 12
        assert ten_layers.power_of_scale(1) == pytest.approx(11)


def test_norms_of_single_images_are_those_of_the_books_backpropagation(digits):
    data, network = digits.training[:6], jnndl.mlp([64, 6, 5, 10])
    params = network.init(4)
    weights, biases, pairs = in_numpy(params, data)
    each = [book.backprop(weights, biases, x, y, "cross_entropy")[1][:-1] for x, y in pairs]
    expected = np.sqrt(np.mean([[np.sum(layer**2) for layer in one] for one in each], axis=0))
    np.testing.assert_allclose(ten_layers.norms_by_image(Objective(network), params, data), expected, rtol=1e-5)


def test_growth_per_layer_by_hand():
    np.testing.assert_allclose(ten_layers.growth(np.array([[-3.0, -2.5, 0.0], [0.0, 0.0, 1.0]])), [1.5, 0.5])


def test_initial_weights_keep_what_they_promise(digits):
    job = Job(digits, seeds=1)
    for name, variance in (("Glorot", 2 / 60), ("He", 2 / 30)):
        layer = ten_layers.network_of(job, ten_layers.arm("relu", name)).init(0)[4]
        assert layer.weight.shape == (30, 30)
        assert float(layer.weight.var()) == pytest.approx(variance, rel=0.15)
        assert not layer.bias.any()


def test_the_older_program_adds_up_gradients(digits):
    network, data = jnndl.mlp([64, 5, 4, 10], weight_init=nabla.by_fan_out, bias_init=nabla.by_fan_out), digits.training
    data = data[:40]
    params_key, shuffle_key = jax.random.split(jax.random.key(2))
    weights, biases, pairs = in_numpy(network.init(params_key), data)
    order = np.asarray(jax.random.permutation(shuffle_key, 40))
    found = np.asarray(nabla.follow(network, 2, data))
    assert found.shape == (10, 3)
    for number in range(10):
        batch = [pairs[row] for row in order[4 * number : 4 * number + 4]]
        each = [book.backprop(weights, biases, x, y, "cross_entropy") for x, y in batch]
        sum_w, sum_b = ([sum(g) for g in zip(*(one[part] for one in each), strict=True)] for part in (0, 1))
        np.testing.assert_allclose(found[number], [np.linalg.norm(g) for g in sum_w], rtol=1e-3)
        # As that program does: the penalty's share of the mini-batch is added to the sum, and the rate to all of it.
        weights = [w - 0.01 * (g + 0.05 * 4 / 40 * w) for w, g in zip(weights, sum_w, strict=True)]
        biases = [b - 0.01 * g for b, g in zip(biases, sum_b, strict=True)]


def test_the_older_programs_weights_go_by_the_outputs():
    drawn = np.asarray(nabla.by_fan_out(jax.random.key(0), (400, 100)))
    assert drawn.std() == pytest.approx(1 / 20, rel=0.02)


class Asked(Trainer):
    """Trains nothing; stops with the request that is wanted."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def fit(self, network, training, evaluation, *, title="", **settings):
        self.requests += 1
        if self.requests == self.number:
            raise LookupError(fingerprint((network, training, evaluation, settings)))
        return types.SimpleNamespace(fit=None)


def test_one_hidden_layer_is_the_network_of_chapter_3(digits, monkeypatch):
    monkeypatch.setattr(initial_weights, "NEURONS", 10)  # what it draws beside training
    requests = []
    for module, number in ((initial_weights, 2), (depth, 1)):
        with pytest.raises(LookupError) as stopped:
            module.run(Job(digits, seeds=1, trainer=Asked(number)))
        requests.append(stopped.value.args[0])
    assert requests[0] == requests[1]
    with pytest.raises(LookupError) as stopped:
        depth.run(Job(digits, seeds=1, trainer=Asked(2)))
    assert stopped.value.args[0] != requests[1]


def test_networks_of_all_depths_start_with_the_same_first_layer(digits):
    first = [network.init(7)[0] for network in depth.networks(Job(digits, seeds=1)).values()]
    for layer in first[1:]:
        np.testing.assert_array_equal(layer.weight, first[0].weight)
        np.testing.assert_array_equal(layer.bias, first[0].bias)
