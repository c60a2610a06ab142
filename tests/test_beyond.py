"""The recipes beyond the book: the cycle, what each arm lacks, what is measured, and the ensemble."""

import json

import jax
import numpy as np
import pytest

import jnndl
from experiments import runner
from experiments.beyond import convolutional, dense, ensemble, recipe
from experiments.ch6.groups import Networks
from experiments.training import Job, Trainer
from jnndl import Dataset, Splits

RECIPES = [dense, convolutional]


def of_mnists_shape(n=20):
    """Data with the shapes of MNIST: images of noise."""
    rng = np.random.default_rng(0)
    parts = (Dataset(rng.integers(256, size=(n, 28, 28)).astype(np.uint8), np.arange(n) % 10) for _ in range(3))
    return Splits(*parts, name="noise", classes=10, sha256="0")


def test_the_learning_rate_goes_up_and_down_once():
    """Values as PyTorch's OneCycleLR has them with a peak of 1: 1/25, along a cosine to 1 at 30 %, and to 1/250,000."""
    factor = np.asarray(jax.vmap(recipe.OneCycle(1000))(np.arange(1001)))
    assert factor[[0, 300, 1000]] == pytest.approx([1 / 25, 1, 1 / 250_000], rel=1e-5)
    assert factor[[150, 650]] == pytest.approx([(1 / 25 + 1) / 2, (1 + 1 / 250_000) / 2], rel=1e-5)
    assert np.all(np.diff(factor[:301]) > 0)
    assert np.all(np.diff(factor[300:]) < 0)
    assert recipe.OneCycle(1000) == recipe.OneCycle(1000) != recipe.OneCycle(999)


def test_distortions_are_scaled_to_the_images(digits):
    assert recipe.distort(Job(of_mnists_shape(), 1), {}) == []
    changes = {"shift": 2, "rotation": 12, "alpha": 34, "sigma": 5}
    assert recipe.distort(Job(of_mnists_shape(), 1), changes) == [
        jnndl.Distort(shift=2, rotation=12, alpha=34, sigma=5)
    ]
    (small,) = recipe.distort(Job(digits, 1), changes)  # 8 of 28 pixels
    assert vars(small) == pytest.approx(
        vars(jnndl.Distort(shift=2 * 2 / 7, rotation=12, alpha=34 * 4 / 49, sigma=5 * 2 / 7))
    )


def test_the_networks_are_as_large_as_they_are_said_to_be():
    job = Job(of_mnists_shape(), 5)
    counts = [sum(a.size for a in jax.tree.leaves(one.arms_of(job)["all"].network.param_shapes)) for one in RECIPES]
    assert counts[0] == 785 * 800 + 801 * 800 + 801 * 10
    assert counts[1] == 26 * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 64 + 1025 * 512 + 513 * 10 == 586_186
    assert counts[1] <= 700_000
    assert convolutional.SETTINGS["epochs"] <= 20


@pytest.mark.parametrize("one", RECIPES)
def test_each_arm_lacks_what_it_is_named_for(one):
    job = Job(of_mnists_shape(), 10, scale="book")
    arms = one.arms_of(job)
    assert list(arms) == ["all", *(f"without {ingredient}" for ingredient in one.INGREDIENTS)]
    assert [arm.seeds for arm in arms.values()] == [5] + [3] * len(one.INGREDIENTS)
    whole = arms["all"].network.layers
    for name, arm in arms.items():
        kinds, own = [type(layer).__name__ for layer in arm.network.layers], arm.network.layers
        assert ("Distort" in kinds) == (name != "without any distortion")
        assert ("Dropout" in kinds) == (one is convolutional and name != "without dropout")
        if "Distort" in kinds:
            assert own[0].alpha == (0 if name == "without elastic distortion" else whole[0].alpha)
            assert own[0].shift == own[0].rotation * whole[0].shift / whole[0].rotation
            assert (own[0].shift == 0) == (name == "without affine maps")
        learning = [layer for layer in own if type(layer).__name__ in ("Dense", "Conv")]
        assert learning == [layer for layer in whole if type(layer).__name__ in ("Dense", "Conv")]
        assert arm.settings.get("one_cycle", True) == (name != "without the cycle")
        assert arm.settings.get("keep", "") == (one.NAME if name == "all" else "")
        assert len(arm.training) == 20
        json.dumps(arm.recipe(job))


def test_what_an_ingredient_brings_is_paired_by_seed():
    def networks(test):
        test = np.asarray(test)
        return Networks(test, test - 0.1, None, None, None, [])

    found = recipe.measure({"all": networks([0.9, 0.8, 0.7, 0.6]), "without x": networks([0.5, 0.7])})
    np.testing.assert_allclose(found["all minus without x"], [0.4, 0.1])
    np.testing.assert_allclose(found["without x: validation"], [0.4, 0.6])
    np.testing.assert_array_equal(found["test_accuracy"], [0.9, 0.8, 0.7, 0.6])
    assert set(found) == set(recipe.names(["x"]))


@pytest.mark.slow
def test_no_network_trains_on_validation_images_and_the_last_epoch_counts(digits, tmp_path, monkeypatch):
    asked = {}

    def fit(self, network, evaluation, *, training, **settings):
        asked.update(settings, evaluation=evaluation, training=training)
        return fitted(self, network, evaluation, training=training, **settings)

    fitted = Job.fit
    monkeypatch.setattr(Job, "fit", fit)
    job = Job(digits, 2, quick=True, results=tmp_path, trainer=Trainer(checkpoints=tmp_path / "checkpoints"))
    arm = dense.arms_of(job)["all"]
    own = {"job": job, "network": arm.network, "training": arm.training, "title": "", **arm.settings}
    tried = recipe.train(**own | {"job": Job(**vars(job) | {"group": (0, 1)})})
    assert asked["training"] is arm.training
    assert asked["evaluation"] is digits.validation
    assert asked["schedule"] == recipe.OneCycle(2 * 10)  # two epochs of a thousand images
    assert tried.epoch.tolist() == [1, 1]
    np.testing.assert_array_equal(tried.validation, tried.fit.history.evaluation_accuracy[:, -1])
    for seed, (network, params) in enumerate(recipe.saved(job, dense.NAME, dense.arms_of(job), 2)):
        answers = jnndl.predict(network, params, digits.test).labels
        np.testing.assert_array_equal(tried.answers[seed], answers)
        assert tried.test[seed] == np.mean(answers == np.asarray(digits.test.targets))


def test_the_mean_of_the_outputs_decides(monkeypatch, tmp_path):
    """Three networks of two classes: two are a little for the second, one is sure of the first."""
    job = Job(of_mnists_shape(2), 3, results=tmp_path)
    outputs = np.array([[[0.4, 0.6], [1.0, 0.0]], [[0.4, 0.6], [1.0, 0.0]], [[0.9, 0.1], [1.0, 0.0]]], np.float32)
    monkeypatch.setattr(recipe, "saved", lambda *_: [(str(k), k) for k in range(3)])
    monkeypatch.setattr(
        jnndl, "predict", lambda network, params, data: jnndl.measures.Prediction(None, outputs[params])
    )
    found = ensemble.run(job)
    assert found.measured["test_accuracy"] == 0.5  # the labels are 0 and 1: right and wrong
    assert found.measured["by votes: test"] == 0.0
    assert found.measured["errors"] == 1
    np.testing.assert_allclose(found.measured["ensemble minus its members"], [0.5, 0.5, 0.0])
    assert found.kept["errors"] == {"1": [1, 0, [0, 0, 0]]}
    assert found.curves["numbers"] == [1]


def test_the_rules_are_the_targets():
    for one, right, wrong in ((dense, 0.9921, 0.9919), (convolutional, 0.9961, 0.9959)):
        (row,) = one.EXPERIMENT.rows
        spread = 1e-5 * np.arange(-2, 3)
        assert row.rule.judge(right + spread).startswith("reproduced")
        assert row.rule.judge(wrong + spread).startswith("not reproduced")
    row = ensemble.EXPERIMENT.rows[0]
    assert row.rule.judge([1 - 23 / 10_000]).startswith("beaten")
    assert row.rule.judge([1 - 24 / 10_000]).startswith("not beaten")
    assert runner.rule_text(row.rule) == "ToBeat(0.99765)"
