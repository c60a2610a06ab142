"""What comes in: every kind of array is taken for what it says, or refused in a sentence."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest
from samples import blobs, draw, leaves_as_bytes

import jnndl
from jnndl import Dataset, costs, mlp

DATA = blobs(12)
X, Y = np.asarray(DATA.inputs), np.asarray(DATA.targets)
NETWORK = mlp([2, 3, 3])
PARAMS = draw(NETWORK)
VECTORS = np.eye(3)[Y]


@pytest.fixture(autouse=True)
def no_type_checker():
    """What a user meets: only these tests switch the checker of annotations on."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


class Table:
    """What a data frame offers."""

    def to_numpy(self):
        return X


class Sparse:
    """What a sparse matrix offers: NumPy alone would make an array of one object of it."""

    def toarray(self):
        return X


class Tensor:
    """What a tensor of another library offers, with a dtype of its own."""

    dtype = "theirs.float32"

    def __array__(self, dtype=None, copy=None):
        return X


SAME = {
    "big-endian": X.astype(">f4"),
    "big-endian doubles": X.astype(">f8"),
    "objects": X.astype(object),
    "long doubles": X.astype(np.longdouble),
    "a mask that hides nothing": np.ma.masked_array(X, mask=False),
    "a table": Table(),
    "a sparse matrix": Sparse(),
    "a tensor": Tensor(),
    "a view backwards": X[::-1][::-1],
}
HIDDEN = np.ma.masked_array(X, mask=np.median(X) < X)
REFUSED = {
    "complex": (X.astype(complex), TypeError, r"inputs are complex128; give real numbers"),
    "texts": (X.astype(str), TypeError, r"inputs are <U\d+; give real numbers"),
    "objects that are no numbers": (np.array([[1, "b"]] * 12, object), TypeError, r"inputs are <U\d+; give real"),
    "dates": (X.astype("M8[s]"), TypeError, r"inputs are datetime64\[s\]; give real numbers"),
    "a mask": (HIDDEN, ValueError, r"inputs: 12 values are masked; fill them in"),
}


@pytest.mark.parametrize("inputs", SAME.values(), ids=SAME)
def test_every_kind_of_array_means_the_same_numbers(inputs):
    jnndl.evaluate(NETWORK, PARAMS, DATA)  # compiled for that shape: once, other bytes were read as these
    wanted = jnndl.evaluate(NETWORK, PARAMS, DATA)
    found = jnndl.evaluate(NETWORK, PARAMS, Dataset(inputs, Y))
    assert (found.cost, found.accuracy) == (wanted.cost, wanted.accuracy)
    outputs = jnndl.predict(NETWORK, PARAMS, inputs).outputs
    np.testing.assert_array_equal(outputs, jnndl.predict(NETWORK, PARAMS, X).outputs)
    own, plain = (jnndl.from_arrays(a, Y, key=0, standardize=False) for a in (inputs, X))
    assert leaves_as_bytes(own.training) == leaves_as_bytes(plain.training)
    settings = {"key": 0, "epochs": 1, "learning_rate": 0.5}
    trained = [jnndl.fit(NETWORK, data, **settings).params for data in (Dataset(inputs, Y), DATA)]
    assert leaves_as_bytes(trained[0]) == leaves_as_bytes(trained[1])


@pytest.mark.parametrize(("inputs", "error", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_array_of_real_numbers_is_refused_at_the_door(inputs, error, sentence):
    with pytest.raises(error, match=sentence):
        Dataset(inputs, Y)
    with pytest.raises(error, match=sentence):
        jnndl.predict(NETWORK, PARAMS, inputs)
    with pytest.raises(error, match=sentence.replace("inputs", "targets")):
        Dataset(X, inputs)


def test_a_mask_is_not_ignored_by_from_arrays():
    with pytest.raises(ValueError, match=r"inputs: 12 values are masked; fill them in"):
        jnndl.from_arrays(HIDDEN, Y, key=0)
    with pytest.raises(ValueError, match=r"targets: 4 values are masked; fill them in"):
        jnndl.from_arrays(X, np.ma.masked_array(Y, mask=Y == 1), key=0)


def test_truth_values_and_bfloat16_are_numbers():
    np.testing.assert_array_equal(Dataset(X > 0, Y > 0).inputs, (X > 0).astype(np.uint8))
    np.testing.assert_array_equal(Dataset(X, Y > 0).targets, (Y > 0).astype(np.uint8))
    short = X.astype(jnp.bfloat16)
    splits = jnndl.from_arrays(short, Y, key=0, standardize=False, test=0, validation=0)
    np.testing.assert_array_equal(np.sort(splits.training.inputs, axis=0), np.sort(short.astype(np.float32), axis=0))


def test_tensors_of_pytorch_are_taken_or_refused_with_what_to_call():
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(Dataset(torch.tensor(X), torch.tensor(Y)).inputs, X)
    with pytest.raises(TypeError, match=r"inputs: a Tensor that NumPy cannot read \(.*detach\(\)"):
        Dataset(torch.tensor(X, requires_grad=True), Y)


def test_sparse_matrices_of_scipy_are_taken():
    sparse = pytest.importorskip("scipy.sparse")
    np.testing.assert_array_equal(Dataset(sparse.csr_matrix(X), Y).inputs, X)


def test_what_jax_puts_into_a_data_set_for_its_own_use_passes():
    assert jax.tree.map(np.shape, DATA).inputs == X.shape
    grads = jax.grad(lambda data: jnp.sum(data.inputs), allow_int=True)(DATA)
    np.testing.assert_array_equal(grads.inputs, np.ones_like(X))


# Numbers that 32 bits do not hold.

AT = np.arange(24).reshape(12, 2) == 5
HUGE = np.where(AT, 2e300, 1.0)
LOST = {
    "doubles": (HUGE, r"\[2, 1\] is 2e\+300; give finite numbers that 32 bits hold, or use jax\.enable_x64"),
    "integers": (np.where(AT, 2**31, 1), r"\[2, 1\] is 2147483648; give finite numbers that 32 bits hold"),
    "unsigned": (np.where(AT, np.uint64(2**32), np.uint64(1)), r"\[2, 1\] is 4294967296; give finite numbers that 32"),
}


@pytest.mark.parametrize(("inputs", "sentence"), LOST.values(), ids=LOST)
def test_numbers_beyond_32_bits_are_refused(inputs, sentence):
    with pytest.raises(ValueError, match=rf"training data: inputs{sentence}"):
        jnndl.fit(NETWORK, Dataset(inputs, Y), key=0, epochs=1, learning_rate=0.5)
    with pytest.raises(ValueError, match=rf"inputs{sentence}"):
        jnndl.predict(jnndl.fit(NETWORK, DATA, key=0, epochs=1, learning_rate=0.5).network, PARAMS, inputs)


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
def test_numbers_beyond_32_bits_are_taken_in_64(x64):
    settings = {"key": 0, "epochs": 1, "learning_rate": 0.5}
    assert np.isfinite(jnndl.fit(NETWORK, Dataset(HUGE, Y, scale=1e-300), **settings).history.training_cost)


def test_from_arrays_refuses_what_float32_cannot_hold():
    with pytest.raises(ValueError, match=r"inputs: row 2: column 1 is 2e\+300; give a finite number"):
        jnndl.from_arrays(HUGE, Y, key=0, standardize=False)


def test_targets_and_scales_beyond_32_bits_are_refused():
    settings = {"key": 0, "epochs": 1, "learning_rate": 0.5, "cost": costs.quadratic}
    with pytest.raises(ValueError, match=r"targets hold 1e\+300, but the quadratic cost takes"):
        jnndl.fit(NETWORK, Dataset(X, VECTORS * 1e300), **settings)
    with pytest.raises(ValueError, match=r"training data: scale\[0\] is 1e\+300; give finite numbers that 32 bits"):
        jnndl.fit(NETWORK, Dataset(X, Y, scale=1e300), **settings)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("learning_rate", 1e-50, r"learning_rate is 1e-50, which rounds to 0; give a number above 0"),
        ("learning_rate", 1e39, r"learning_rate is 1e\+39, which rounds to inf; give a number above 0"),
        ("momentum", 1 - 1e-9, r"momentum is 0\.999999999, which rounds to 1; give a number from 0 to below 1"),
        ("l2", 1e39, r"l2 is 1e\+39, which rounds to inf; give a number of at least 0"),
    ],
)
def test_a_setting_that_32_bits_round_out_of_its_range_is_refused(setting, value, sentence):
    settings = {"key": 0, "epochs": 1, "learning_rate": 0.5, "optimizer": optax.sgd} | {setting: value}
    with pytest.raises(ValueError, match=sentence):
        jnndl.fit(NETWORK, DATA, **settings)


def test_a_momentum_is_rounded_as_the_parameters_are():
    short = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), PARAMS)
    with pytest.raises(ValueError, match=r"momentum is 0\.999, which rounds to 1"):
        jnndl.fit(NETWORK, DATA, key=0, epochs=1, learning_rate=0.5, momentum=0.999, params=short)


# Parameters.


@pytest.mark.parametrize(
    "convert",
    [
        lambda leaf: leaf.astype(">f4"),
        lambda leaf: leaf.astype(np.longdouble),
        lambda leaf: np.ma.masked_array(leaf),
        lambda leaf: leaf.astype(object),
    ],
    ids=["big-endian", "long doubles", "masked", "objects"],
)
def test_parameters_of_another_kind_are_refused(convert):
    params = jax.tree.map(lambda leaf: convert(np.asarray(leaf)), PARAMS)
    sentence = r"params: \[0\]\.weight is .*, but parameters are floats; give what network\.init"
    with pytest.raises(TypeError, match=sentence):
        jnndl.fit(NETWORK, DATA, key=0, epochs=1, learning_rate=0.5, params=params)
    with pytest.raises(TypeError, match=sentence):
        jnndl.evaluate(NETWORK, params, DATA)
    with pytest.raises(TypeError, match=sentence):
        jnndl.predict(NETWORK, params, X)


# NaN that would pass for an answer.


def test_answers_that_are_nan_are_reported():
    broken = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan), PARAMS)
    with pytest.warns(UserWarning, match=r"the cost of 12 of 12 examples is nan, so the answers for them mean nothing"):
        jnndl.evaluate(NETWORK, broken, DATA)
    with pytest.warns(UserWarning, match=r"the output of 12 of 12 examples is nan, so the answers for them mean"):
        jnndl.predict(NETWORK, broken, X)


def test_an_infinite_cost_is_reported():
    large = jax.tree.map(lambda leaf: leaf * 1e20, PARAMS)
    with pytest.warns(UserWarning, match=r"the cost of \d+ of 12 examples is (nan|inf)"):
        assert not np.isfinite(jnndl.evaluate(NETWORK, large, Dataset(X * 1e19, Y)).cost)


def test_a_cost_of_the_evaluation_data_that_is_not_finite_ends_a_run():
    far = Dataset(X * 1e38, Y)
    with pytest.raises(jnndl.DivergenceError, match="evaluation_cost is"):
        jnndl.fit(mlp([2, 3], output="linear"), DATA, far, key=0, epochs=1, learning_rate=0.5, cost=costs.quadratic)
