"""scikit-learn's estimators: its own checks, its models as oracles, and its tools around ours."""

import importlib
import pickle
import sys

import jax
import numpy as np
import optax
import pytest
from sklearn import base, datasets, linear_model, model_selection, pipeline, preprocessing
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import jnndl
from jnndl.sklearn import MLPClassifier, MLPRegressor

IRIS = datasets.load_iris(return_X_y=True)
FULL_BATCH = {"hidden_layer_sizes": (), "batch_size": 1000, "epochs": 60, "random_state": 0}

# Noise without a pattern, and two rows with one label each: some of these data sets cannot be learned.
ignore_what_cannot_be_learned = pytest.mark.filterwarnings("ignore:.*at chance:UserWarning")


@ignore_what_cannot_be_learned
@parametrize_with_checks([MLPClassifier()])
def test_the_classifier_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@ignore_what_cannot_be_learned
@parametrize_with_checks([MLPRegressor()])
def test_the_regressor_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [MLPClassifier(), MLPRegressor()], ids=lambda estimator: type(estimator).__name__)
def test_there_are_checks_and_none_is_expected_to_fail(estimator):
    checks = [check.func.__name__ for _, check in estimator_checks_generator(estimator)]
    assert len(checks) > 40
    assert {"check_fit_idempotent", "check_methods_subset_invariance", "check_estimators_pickle"} <= set(checks)


def test_without_hidden_layers_the_classifier_is_logistic_regression():
    x, y = IRIS
    ours = MLPClassifier(learning_rate=0.5, l2=4.0, momentum=0.9, **FULL_BATCH | {"epochs": 400}).fit(x, y)
    theirs = linear_model.LogisticRegression(C=1 / 4, tol=1e-8, max_iter=1000)  # sum of costs + |w|^2 / (2 C)
    theirs = pipeline.make_pipeline(preprocessing.StandardScaler(), theirs).fit(x, y)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=2e-4)
    assert ours.score(x, y) == theirs.score(x, y)


def test_without_hidden_layers_the_regressor_is_least_squares():
    rng = np.random.default_rng(0)
    x = rng.normal([1000.0, -2.0], [30.0, 0.1], (60, 2))
    y = np.stack([x @ [3.0, 500.0] + rng.normal(size=60), 1e6 + x @ [1.0, 0.0]], axis=-1)
    ours = MLPRegressor(learning_rate=0.4, **FULL_BATCH).fit(x, y)
    theirs = linear_model.LinearRegression().fit(x, y).predict(x)
    np.testing.assert_allclose(ours.predict(x), theirs, atol=1e-4 * y.std(axis=0).max())
    one = MLPRegressor(learning_rate=0.4, **FULL_BATCH).fit(x, y[:, 0])
    assert one.predict(x).shape == (60,)
    np.testing.assert_allclose(one.predict(x), theirs[:, 0], atol=1e-4 * y[:, 0].std())


def test_the_curve_is_the_cost_with_the_penalty():
    x, y = IRIS
    model = MLPClassifier(learning_rate=0.3, l2=4.0, **FULL_BATCH | {"epochs": 5}).fit(x, y)
    z = preprocessing.scale(x) @ np.asarray(model.params_[0].weight).T + model.params_[0].bias
    cost = np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(150), y])
    assert model.loss_curve_[-1] == pytest.approx(cost + 4 / 2 / 150 * np.sum(model.params_[0].weight ** 2), rel=1e-5)
    assert model.n_iter_ == len(model.loss_curve_) == 5


@pytest.fixture(scope="module")
def model():
    """A classifier of irises by their names."""
    x, y = IRIS
    return MLPClassifier((8,), epochs=20, random_state=0).fit(x, datasets.load_iris().target_names[y])


def test_the_same_seed_gives_the_same_model_and_another_seed_another(model):
    x, names = IRIS[0], datasets.load_iris().target_names[IRIS[1]]
    wanted = model.predict_proba(x)
    for same in (base.clone(model).fit(x, names), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(same.predict_proba(x), wanted)
    other = base.clone(model).set_params(random_state=1).fit(x, names)
    assert (other.predict_proba(x) != wanted).any()
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.score(x, names) > 0.9


def test_a_saved_model_takes_rows_as_they_are(model, tmp_path):
    jnndl.save(tmp_path / "irises.safetensors", model.network_, model.params_)
    network, params = jnndl.load(tmp_path / "irises.safetensors")
    found = jnndl.predict(network, params, IRIS[0])
    np.testing.assert_allclose(found.outputs, model.predict_proba(IRIS[0]), atol=1e-5)
    assert found.names == model.predict(IRIS[0]).tolist()


def test_a_saved_regressor_answers_in_the_units_of_y():
    x, y = datasets.load_diabetes(return_X_y=True)
    model = MLPRegressor((5,), epochs=3, random_state=0).fit(x, 1000 * y)
    found = jnndl.predict(model.network_, model.params_, x).outputs
    np.testing.assert_allclose(found[:, 0], model.predict(x), rtol=1e-4)
    assert found.std() > 1000


@ignore_what_cannot_be_learned
def test_grid_search_and_cross_validation_in_a_pipeline():
    x, y = IRIS
    model = pipeline.make_pipeline(preprocessing.MinMaxScaler(), MLPClassifier((4,), epochs=20, random_state=0))
    search = model_selection.GridSearchCV(model, {"mlpclassifier__learning_rate": [1e-6, 0.2]}, cv=2)
    search.fit(x, y)
    assert search.best_params_ == {"mlpclassifier__learning_rate": 0.2}
    assert model_selection.cross_val_score(search.best_estimator_, x, y, cv=2).mean() > 0.9


def test_equal_shapes_share_a_compiled_program(compiled):
    x, y = IRIS
    MLPClassifier((6,), epochs=1, random_state=0).fit(x, y)
    del compiled[:]
    MLPClassifier((6,), epochs=2, learning_rate=0.1, random_state=1).fit(3 * x + 1, y[::-1])
    assert compiled == []


@ignore_what_cannot_be_learned
def test_with_patience_examples_are_set_aside_and_the_best_epoch_is_kept():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 5)), np.arange(80) % 2  # nothing to learn: soon it only gets worse
    settings = {"epochs": 60, "patience": 3, "validation_fraction": 0.25, "random_state": 0}
    model = MLPClassifier((20,), **settings).fit(x, y)
    assert model.n_iter_ < 60
    last = MLPClassifier((20,), **settings | {"patience": None, "epochs": model.n_iter_}).fit(x, y)
    assert not np.array_equal(last.params_[0].weight, model.params_[0].weight)


def test_optimisers_and_neurons_by_name():
    x, y = IRIS
    model = MLPClassifier(3, hidden="relu", optimizer=optax.adam, epochs=2, random_state=np.random.RandomState(3))
    assert model.fit(x, y).network_ == jnndl.Network(
        jnndl.mlp([4, 3, 3], hidden=jnndl.neurons.relu).layers,
        jnndl.neurons.softmax,
        (4,),
        scale=model.network_.scale,
        offset=model.network_.offset,
        classes=("0", "1", "2"),
    )
    np.testing.assert_allclose(1 / np.asarray(model.network_.scale), x.std(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"hidden": "swish"}, r"hidden is 'swish'; give one of 'step', .*'softmax'"),
        ({"patience": 2, "validation_fraction": 1.5}, r"validation_fraction is 1\.5; give a number between 0 and 1"),
        ({"patience": 2, "validation_fraction": 0.999}, r"n_samples = 150, of which 150 are set aside; give more"),
        ({"learning_rate": -1.0}, r"learning_rate is -1; give a number above 0"),
        ({"batch_size": 0}, r"batch_size is 0; give a whole number from 1 to 150"),
        ({"hidden_layer_sizes": (3, 0)}, r"sizes holds 0; give whole numbers"),
    ],
)
def test_wrong_settings_are_named(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        MLPClassifier(**settings).fit(*IRIS)


def test_one_class_is_not_enough():
    with pytest.raises(ValueError, match=r"y has one class only, 1; give examples of at least two classes"):
        MLPClassifier().fit(np.eye(3), np.ones(3, int))


def test_without_scikit_learn_the_remedy_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "jnndl.sklearn")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"jnndl\.sklearn: needs scikit-learn.*pip install 'jnndl\[sklearn\]'"
    ):
        importlib.import_module("jnndl.sklearn")


def test_float64_where_it_is_switched_on(x64):
    model = MLPClassifier((2,), epochs=1, random_state=0).fit(*IRIS)
    assert {leaf.dtype for leaf in jax.tree.leaves(model.params_)} == {np.dtype(np.float64)}
