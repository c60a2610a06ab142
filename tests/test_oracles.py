"""The NumPy oracle in matrix form against the one that goes example by example, and what it shows of chapter 3."""

import numpy as np
import pytest
from book import backprop, update_mini_batch

from experiments.oracles import hyper_parameters, network2

SIZES = [6, 5, 4, 3]


def problem(n):
    """A network, and labelled inputs for it."""
    rng = np.random.default_rng(5)
    params = network2.initialize(SIZES, "large", rng)
    return params, rng.uniform(size=(n, SIZES[0])), rng.integers(SIZES[-1], size=n)


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
def test_gradient_is_the_sum_over_the_examples(cost):
    params, x, labels = problem(7)
    y = np.eye(SIZES[-1])[labels]
    found = network2.gradient(params, x, y, cost)
    each = [backprop(*params, *example, cost) for example in zip(x, y, strict=True)]
    for layer in range(len(SIZES) - 1):
        weights, biases = (sum(nabla[part][layer] for nabla in each) for part in (0, 1))
        np.testing.assert_allclose(found.weights[layer], weights, rtol=0, atol=1e-10)
        np.testing.assert_allclose(found.biases[layer], biases, rtol=0, atol=1e-10)


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
def test_three_epochs_are_those_of_the_book(cost):
    params, x, labels = problem(23)  # two mini-batches of ten and one of three
    weights, biases = [w.copy() for w in params.weights], [b.copy() for b in params.biases]
    y, orders = np.eye(SIZES[-1])[labels], np.random.default_rng(9)
    for _ in range(3):
        order = orders.permutation(23)
        for batch in (order[:10], order[10:20], order[20:]):
            examples = [(x[i], y[i]) for i in batch]
            weights, biases = update_mini_batch(weights, biases, examples, 0.7, 4.0, 23, cost)
    settings = {"epochs": 3, "rate": 0.7, "lmbda": 4.0, "cost": cost}
    *_, after = network2.train(params, (x, labels), np.random.default_rng(9), **settings)
    for found, expected in zip([*after.weights, *after.biases], [*weights, *biases], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_initial_weights_have_the_spread_of_their_name():
    for name, spread in (("large", 1.0), ("default", 400**-0.5)):
        params = network2.initialize([400, 300, 10], name, np.random.default_rng(0))
        assert params.weights[0].shape == (300, 400)
        np.testing.assert_allclose(params.weights[0].std(), spread, rtol=0.02)
        np.testing.assert_allclose(params.biases[0].std(), 1, rtol=0.1)


def test_bytes_count_a_256th_and_floats_what_they_are():
    np.testing.assert_array_equal(network2.pixels(np.full((1, 2, 2), 64, np.uint8)), np.full((1, 4), 0.25))
    np.testing.assert_array_equal(network2.pixels(np.full((1, 4), 0.3)), np.full((1, 4), 0.3))


def test_of_equal_outputs_the_first_is_the_answer():
    # z is 40 for digits 1 and 2, and more for 2: both outputs are exactly 1, so the answer is 1
    params = network2.Parameters([np.zeros((3, 1))], [np.array([0.0, 40.0, 50.0])])
    assert network2.right(params, np.zeros((3, 1)), np.array([0, 1, 2])) == 1
    np.testing.assert_array_equal(network2.sigmoid(np.array([-800.0, 40.0])), [0.0, 1.0])


def test_ten_of_a_hundred_are_right_because_outputs_round_to_one(mnist):
    exactly_ten = []
    for arm, finite in (("small", 3), ("eta up", 4)):  # "small" overflows in its fourth epoch
        for seed in range(6):
            for seen in list(hyper_parameters.story(arm, mnist, seed))[:finite]:
                assert np.isfinite(seen.largest)
                assert seen.several == 100, f"{arm}, seed {seed}: too few outputs are exactly 1"
                assert seen.zeros == seen.one, f"{arm}, seed {seed}: 0 is answered where its output is exactly 1"
                exactly_ten.append(seen.right == 10 and seen.zeros == 100)
    assert np.mean(exactly_ten) > 0.8  # where the first step has pushed digit 0 down, it is another digit's number


def test_the_program_prints_best_and_final(mnist, monkeypatch, capsys):
    monkeypatch.setattr(network2.jnndl, "load_mnist", lambda folder: few(mnist))
    assert network2.main(["--hidden", "5", "--epochs", "2", "--seeds", "2", "--rate", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["seed 0", "seed 1", "best", "final"]


def few(splits):
    return splits._replace(training=splits.training[:200], validation=splits.validation[:100])


@pytest.mark.parametrize("program", [network2, hyper_parameters])
def test_a_folder_without_data_ends_with_status_2_and_a_sentence(program, capsys, tmp_path):
    assert program.main(["--data", str(tmp_path / "nowhere")]) == 2
    assert "nowhere does not exist" in capsys.readouterr().err


def test_no_epochs_are_refused(capsys):
    with pytest.raises(SystemExit):
        network2.main(["--epochs", "0"])
    assert "--epochs 0" in capsys.readouterr().err
