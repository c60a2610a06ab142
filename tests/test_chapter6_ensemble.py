"""Chapter 6 from the expanded data to the ensemble: what is kept, how votes are counted, and the toys."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jnndl
from experiments import runner
from experiments.ch6 import conv_problems, diagrams, double_fc_dropout, ensemble, expand, groups, l2_pooling, network3
from experiments.ch6.network3 import Tried
from experiments.training import Job, Trainer
from jnndl.data import Dataset, Splits

LABELS = np.array([3, 1, 4, 1, 5, 9, 2, 6])


@pytest.fixture
def splits():
    """Eight blank images of each kind."""
    data = Dataset(np.zeros((8, 16, 16), np.uint8), LABELS.astype(np.uint8))
    return Splits(data, data, data, "mnist", {"images": "abc"}, classes=10)


class Factory:
    """In place of ``network3.train``: nothing is trained, and the seed decides what is answered."""

    def __init__(self, monkeypatch, stop_at=None):
        self.trained, self.stop_at = [], stop_at
        monkeypatch.setattr(network3, "train", self)

    def __call__(self, job, network, *, training, title, **settings):
        if self.stop_at in job.group:
            raise KeyboardInterrupt
        self.trained.append(job.group)
        seeds = np.array(job.group)
        answers = np.tile(LABELS, (len(seeds), 1))
        answers[np.arange(len(seeds)), seeds % 8] = 0  # one error each
        history = jnndl.measures.History(None, None)._replace(evaluation_accuracy=seeds[:, None] / [100.0, 200.0])
        fit = type("Fit", (), {"history": history})
        right = np.mean(answers == LABELS, axis=1)
        return Tried(fit, answers, right, seeds / 100, seeds + 7)


def arm_of(seeds, **settings):
    network = jnndl.mlp([256, 10], output="softmax")
    data = Dataset(np.zeros((8, 16, 16), np.uint8), LABELS.astype(np.uint8))
    return groups.Arm(network, data, {"learning_rate": 0.1, "epochs": 2, "short_epochs": 1} | settings, seeds)


def job_of(splits, folder, scale="book"):
    return Job(splits, seeds=5, scale=scale, results=folder)


@pytest.fixture(autouse=True)
def nothing_committed(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "EVIDENCE", tmp_path / "evidence")
    monkeypatch.setattr(groups, "at_once", lambda job: 2)


def test_networks_are_trained_two_at_a_time_and_never_twice(monkeypatch, tmp_path, splits):
    factory, job = Factory(monkeypatch), job_of(splits, tmp_path)
    groups.train(job, "q", {"a": arm_of(2)}, again=False)
    groups.train(job, "q", {"a": arm_of(4)}, again=False)
    found, kept = groups.train(job, "q", {"a": arm_of(5)}, again=False)
    assert factory.trained == [(0, 1), (2, 3), (4,)]
    at_once, kept_at_once = groups.train(job_of(splits, tmp_path / "b"), "q", {"a": arm_of(5)}, again=False)
    assert factory.trained[3:] == [(0, 1), (2, 3), (4,)]
    for ours, theirs in zip(found["a"], at_once["a"], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert kept == kept_at_once
    np.testing.assert_array_equal(found["a"].epoch, [7, 8, 9, 10, 11])
    assert [list(row != LABELS) for row in found["a"].answers] == [[i == seed for i in range(8)] for seed in range(5)]
    # Fewer seeds are the first of them; all are trained again where that is asked for.
    fewer, kept = groups.train(job, "q", {"a": arm_of(3)}, again=False)
    assert (len(fewer["a"].test), list(kept["networks"]["a"])) == (3, ["0", "1", "2"])
    groups.train(job, "q", {"a": arm_of(1)}, again=True)
    assert factory.trained[6:] == [(0,)]


def test_a_run_that_is_stopped_keeps_the_groups_that_were_finished(monkeypatch, tmp_path, splits):
    job = job_of(splits, tmp_path)
    Factory(monkeypatch, stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        groups.train(job, "q", {"a": arm_of(5), "b": arm_of(1)}, again=True)
    factory = Factory(monkeypatch)
    groups.train(job, "q", {"b": arm_of(1)}, again=False)  # another arm, by itself: the first one's stay
    groups.train(job, "q", {"a": arm_of(5)}, again=False)
    assert factory.trained == [(0,), (2, 3), (4,)]


def test_what_is_under_version_control_is_not_trained_again(monkeypatch, tmp_path, splits):
    factory = Factory(monkeypatch)
    _, kept = groups.train(job_of(splits, tmp_path / "there"), "q", {"a": arm_of(2)}, again=False)
    runner.EVIDENCE.mkdir()
    (runner.EVIDENCE / "q-book.json").write_text(json.dumps({"kept": kept}))
    groups.train(job_of(splits, tmp_path / "here"), "q", {"a": arm_of(3)}, again=False)
    assert factory.trained == [(0, 1), (2,)]
    # Not for another scale, a quick run, or other data.
    for job in (
        job_of(splits, tmp_path / "1", "default"),
        dataclasses.replace(job_of(splits, tmp_path / "2"), quick=True),
        job_of(splits._replace(sha256={"images": "other"}), tmp_path / "3"),
    ):
        groups.train(job, "q", {"a": arm_of(2)}, again=False)
    assert factory.trained[2:] == [(0, 1)] * 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"learning_rate": 0.2}, r"q, a, by another recipe: learning_rate is 0\.1 there, and 0\.2 here; run q without"),
        ({"epochs": 3}, r"epochs is 2 there, and 3 here"),
        ({"lmbda": 0.1}, r"lmbda is None there, and 0\.1 here"),
    ],
)
def test_networks_of_another_recipe_are_refused(monkeypatch, tmp_path, splits, change, sentence):
    Factory(monkeypatch)
    job = job_of(splits, tmp_path)
    groups.train(job, "q", {"a": arm_of(2)}, again=False)
    with pytest.raises(ValueError, match=sentence):
        groups.train(job, "q", {"a": arm_of(2, **change)}, again=False)
    other = arm_of(2)
    other = other._replace(training=dataclasses.replace(other.training, targets=LABELS[::-1].astype(np.uint8)))
    with pytest.raises(ValueError, match="training is '"):
        groups.train(job, "q", {"a": other}, again=False)
    wider = arm_of(2)._replace(network=jnndl.mlp([256, 20, 10], output="softmax"))
    with pytest.raises(ValueError, match=r"network is 'Network\(256, Dense\(256, 10, linear\), softmax\)' there"):
        groups.train(job, "q", {"a": wider}, again=False)


def test_each_group_has_checkpoints_of_its_own(monkeypatch, tmp_path, splits):
    seen = []
    factory = Factory(monkeypatch)
    monkeypatch.setattr(
        network3,
        "train",
        lambda job, *rest, **words: seen.append(job.trainer.checkpoints) or factory(job, *rest, **words),
    )
    job = dataclasses.replace(job_of(splits, None), trainer=Trainer(resume=True, checkpoints=tmp_path))
    groups.train(job, "q", {"a b": arm_of(3)}, again=False)
    assert seen == [tmp_path / "a-b-0-1", tmp_path / "a-b-2"]


def test_a_group_trains_the_networks_of_its_seeds(digits):
    job = Job(digits, seeds=3, quick=True)
    settings = {"epochs": 1, "learning_rate": 0.5, "title": ""}
    every = job.fit(job.mlp(5), None, **settings).fit
    part = dataclasses.replace(job, group=(2, 1)).fit(job.mlp(5), None, **settings).fit
    for ours, theirs in zip(*(jax.tree.leaves(fit.params) for fit in (part, every)), strict=True):
        np.testing.assert_array_equal(ours, np.asarray(theirs)[[2, 1]])


def test_figures_of_an_earlier_run(tmp_path, splits):
    job = dataclasses.replace(job_of(splits, tmp_path), seeds=2)

    def found(metric="a: test", **changes):
        return runner.earlier_values(dataclasses.replace(job, **changes), "q", metric)

    assert found() is None
    run = {"data": {"sha256": splits.sha256}, "seeds": [0, 1, 2], "quick": False, "scale": "book"}
    run["measured"] = {"a: test": [0.5, 0.6, 0.7]}
    runner.EVIDENCE.mkdir()
    (runner.EVIDENCE / "q-book.json").write_text(json.dumps(run))
    np.testing.assert_array_equal(found(), [0.5, 0.6])
    assert found(seeds=4) is found("b: test") is found(quick=True) is found(epochs=3) is found(scale="default") is None
    # The results come before what is under version control.
    (tmp_path / "q-book").mkdir()
    later = run | {"measured": {"a: test": {"per_seed": [0.8, 0.9]}}, "epochs": None, "seeds": [0, 1]}
    (tmp_path / "q-book" / "result.json").write_text(json.dumps(later))
    np.testing.assert_array_equal(found(), [0.8, 0.9])
    np.testing.assert_array_equal(found(seeds=3), [0.5, 0.6, 0.7])
    (tmp_path / "q-book" / "result.json").write_text(json.dumps(later | {"data": {"sha256": "other"}}))
    np.testing.assert_array_equal(found(), [0.5, 0.6])


# Votes.


def test_votes_by_hand():
    answers = [[1, 2, 3, 7], [1, 2, 4, 5], [0, 5, 4, 7], [0, 5, 3, 5], [1, 9, 9, 0]]
    votes, tied = ensemble.vote(answers)
    np.testing.assert_array_equal(votes, [1, 2, 3, 5])  # of two against two the smaller digit
    np.testing.assert_array_equal(tied, [False, True, True, True])


def test_errors_in_common_each_counts_once():
    ours = [(6, 0), (6, 0), (6, 0), (6, 0), (4, 9), (2, 3)]
    assert ensemble.in_common(ours, ensemble.BOOK_ERRORS) == 4  # the book has three times 6>0, and 4>9
    assert len(ensemble.BOOK_ERRORS) == 33
    assert ensemble.in_common(ensemble.BOOK_ERRORS, ensemble.BOOK_ERRORS) == 33


def test_an_ensemble_of_kept_answers(monkeypatch, tmp_path, splits):
    Factory(monkeypatch)
    monkeypatch.setattr(double_fc_dropout, "arm_of", lambda job: arm_of(job.seeds))
    found = ensemble.run(job_of(splits, tmp_path))
    # Each network has one error, and each on another image: the votes have none.
    assert found.measured[ensemble.ENSEMBLE] == [1.0]
    assert found.measured[ensemble.ERRORS] == [0]
    np.testing.assert_allclose(found.measured[ensemble.GAIN], [1 / 8] * 5)
    ten = ensemble.run(dataclasses.replace(job_of(splits, tmp_path), seeds=10))
    # Networks 0 and 8, and 1 and 9, are wrong alike, but in different ensembles.
    assert (ten.measured[ensemble.ERRORS], len(ten.measured[ensemble.GAIN])) == ([0, 0], 10)
    two = ensemble.run(dataclasses.replace(job_of(splits, tmp_path), seeds=2))
    # One says 0, the other what is right: the smaller, 0, wins twice.
    assert (two.measured[ensemble.ERRORS], two.measured[ensemble.TIES]) == ([2], [2])
    assert two.kept["errors"] == {"0": [3, 0], "1": [1, 0]}


# Filters.


def test_patches_to_which_a_filter_answers_most():
    rng = np.random.default_rng(0)
    images, weights = rng.normal(size=(7, 6, 5)).astype(np.float32), rng.normal(size=(2, 3, 3)).astype(np.float32)
    for number, found in enumerate(double_fc_dropout.answered(weights, images, 2)):
        best = []
        for image in images:
            patches = [image[i : i + 3, j : j + 3] for i in range(4) for j in range(3)]
            best.append(max(patches, key=lambda patch: float(np.sum(patch * weights[number]))))
        best.sort(key=lambda patch: -float(np.sum(patch * weights[number])))
        np.testing.assert_array_equal(found, best[:2])


def test_filters_are_those_of_the_first_layer_and_of_the_first_map_in_the_second():
    first, second = np.arange(50.0).reshape(2, 5, 5, 1), np.arange(200.0).reshape(4, 5, 5, 2)
    layers = [jnndl.layers.Affine(jnp.asarray(w)[None], jnp.zeros((1, len(w)))) for w in (first, second)]
    fit = type("Fit", (), {"best_params": tuple(layers)})
    found = double_fc_dropout.filters(Tried(fit, None, None, None, None))["filters"]
    np.testing.assert_array_equal(found[0], first[..., 0])
    np.testing.assert_array_equal(found[1], second[..., 0])


# Toys.


def test_expanded_data_are_seen_to_be_wrong(splits):
    rng = np.random.default_rng(0)
    data = Dataset(rng.integers(1, 9, size=(3, 6, 6)).astype(np.uint8), np.array([1, 2, 3], np.uint8))
    wanted = expand.by_slices(data)
    assert expand.differing(network3.expanded(data), wanted) == 0
    image = np.asarray(data.inputs[0])
    moved = np.zeros_like(image)
    moved[1:] = image[:-1]
    np.testing.assert_array_equal(wanted.inputs[3], moved)  # after the three originals, down
    off = network3.expanded(data)
    targets = np.array(off.targets)
    targets[:2] = 0
    assert expand.differing(dataclasses.replace(off, targets=targets), wanted) == 4  # two too many, two missing
    changed = np.array(splits.test.inputs)
    changed[0, 0, 0] = 1
    other = splits._replace(test=dataclasses.replace(splits.test, inputs=changed))
    assert expand.moved(other, splits) == 1


def test_l2_pooling_follows_the_activations():
    window = np.array([[3.0, 0.0], [0.0, -4.0]])[..., None]
    np.testing.assert_allclose(l2_pooling.by_definition(window), [[[5.0]]])
    network = network3.network(diagrams.blank_job())
    found = l2_pooling.pooled(network)
    assert [type(layer).__name__ for layer in found.layers[:4]] == ["Conv", "L2Pool", "Conv", "L2Pool"]
    assert found.layers[0].pool is None
    assert found.shapes[2] == network.shapes[1] == (12, 12, 20)


def test_fields_and_parameters_are_seen_to_be_wrong():
    seen = diagrams.fields()
    assert seen.shape == (24, 24, 28, 28)
    assert diagrams.right_fields(seen) == 576
    seen[3, 4, 0, 0] = True
    assert diagrams.right_fields(seen) == 575
    for (maps, hidden), wanted in diagrams.TABLE.items():
        # 26 parameters a map for 5 x 5 pixels of one map below, and a bias.
        channels, side, count = 1, 28, 0
        for n in maps:
            count += n * (25 * channels + 1)
            channels, side = n, (side - 4) // 2
        n_in = channels * side * side
        for n in (*hidden, 10):
            count += n * (n_in + 1)
            n_in = n
        assert count == wanted
    assert diagrams.stacks(((28, 28, 1), (12, 12, 3), (432,), (10,))) == [
        ("28 x 28", 1, 28),
        ("3 x 24 x 24", 3, 24),
        ("3 x 12 x 12", 3, 12),
        ("10", 0, 10),
    ]


def test_images_are_moved_as_numpy_moves_them():
    image = jnp.asarray(np.random.default_rng(0).uniform(size=(9, 9, 1)))
    by = {"turn": [1.0, 0, 0, 0], "skew": [0, 1.0, 0, 0], "down": [0, 0, 1.0, 0], "right": [0, 0, 0, 1.0]}
    turned = conv_problems.Moved(90.0, 0.0, 0.0).sample(image, jnp.asarray(by["turn"]))
    np.testing.assert_allclose(turned, np.rot90(image), atol=1e-5)
    skewed = conv_problems.Moved(0.0, 1.0, 0.0).sample(image, jnp.asarray(by["skew"]))
    for row in range(9):  # each row comes from as many pixels to the right as it is below the middle
        by_row = row - 4
        wanted = np.zeros(9)
        for column in range(9):
            if 0 <= column + by_row < 9:
                wanted[column] = image[row, column + by_row, 0]
        np.testing.assert_allclose(skewed[row, :, 0], wanted, atol=1e-5)
    right = conv_problems.Moved(0.0, 0.0, 2.0).sample(image, jnp.asarray(by["right"]))
    np.testing.assert_allclose(right[:, :7], image[:, 2:], atol=1e-6)


def test_rescaled_weights_with_biases_that_stay_are_no_power_of_c():
    network = jnndl.mlp([20] * conv_problems.LAYERS, hidden="relu", output="softmax")
    params, x = network.init(0), jnp.full(20, 0.3)
    three = conv_problems.scaled(params, 3.0, biases=True)
    np.testing.assert_allclose(network.forward(three, x)[0], 81 * network.forward(params, x)[0], rtol=1e-4)
    stays = tuple(a._replace(bias=b.bias) for a, b in zip(three, params, strict=True))
    ratio = jnp.linalg.norm(network.forward(stays, x)[0]) / jnp.linalg.norm(network.forward(params, x)[0])
    assert abs(float(jnp.log(ratio) / jnp.log(3.0)) - 4) > 0.01
