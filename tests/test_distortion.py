"""Distortion: bilinear look-ups against SciPy, what is drawn, both directions, cost in a first layer, refusals."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import assert_backward_is_the_vjp, draw, leaves_as_bytes
from scipy import ndimage

import jnndl
from jnndl import Dataset, Dense, Distort, Flatten, Network
from jnndl.distortion import look_up, put_back
from jnndl.gradients import Objective, backprop
from jnndl.layers import Layer

KEY = jax.random.key(5)
ALL = Distort(shift=1.5, rotation=20, scale=0.2, shear=0.3, alpha=8, sigma=2)
STANDARD_ERRORS = 5


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def places_around(shape, seed=1):
    """Places in an image and up to two pixels outside of it, some of them whole numbers."""
    rng = np.random.default_rng(seed)
    rows, columns = (rng.uniform(-2, n + 1, shape) for n in shape)
    rows[0], columns[:, 0] = np.round(rows[0]), np.round(columns[:, 0])
    return jnp.asarray(rows), jnp.asarray(columns)


# Looking up


def test_what_lies_between_pixels_by_hand(x64):
    image = jnp.array([[1.0, 3.0, 8.0], [5.0, 9.0, 0.0]])
    rows = jnp.array([[0.0, 1.0, 0.5], [0.0, -0.25, -1.0], [1.75, 2.0, 0.5]])
    columns = jnp.array([[0.0, 2.0, 0.5], [1.5, 0.0, 1.0], [1.0, 1.0, -1.5]])
    wanted = [[1, 0, (1 + 3 + 5 + 9) / 4], [(3 + 8) / 2, 0.75 * 1, 0], [0.25 * 9, 0, 0]]
    np.testing.assert_allclose(look_up(image, rows, columns), wanted, rtol=1e-15)


def test_looking_up_is_scipys_linear_interpolation(x64):
    image, (rows, columns) = numbers(7, 5), places_around((7, 5))
    wanted = ndimage.map_coordinates(image, [rows, columns], order=1, mode="grid-constant")
    np.testing.assert_allclose(look_up(image, rows, columns), wanted, rtol=1e-12, atol=1e-14)


def test_channels_are_looked_up_alike(x64):
    image, (rows, columns) = numbers(7, 5, 3), places_around((7, 5))
    wanted = np.stack([look_up(image[..., k], rows, columns) for k in range(3)], axis=-1)
    np.testing.assert_allclose(look_up(image, rows, columns), wanted, rtol=1e-14)


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3)])
def test_putting_back_is_the_transpose(shape, x64):
    """<g, A x> = <A' g, x>, for every entry of A: with unit vectors on both sides."""
    rows, columns = places_around((7, 5))
    units = jnp.eye(int(np.prod(shape))).reshape(-1, *shape)
    there = jax.vmap(lambda image: look_up(image, rows, columns))(units).reshape(len(units), -1)
    back = jax.vmap(lambda grad: put_back(shape, rows, columns, grad))(units).reshape(len(units), -1)
    np.testing.assert_allclose(back, there.T, rtol=1e-14, atol=1e-16)
    assert 0 < np.count_nonzero(there) <= 4 * len(units)


# What is drawn


def affine_maps(layer, shape=(9, 7), n=2000):
    """From the centre: the matrices (n, 2, 2) and the shifts (n, 2) by which images are looked up; all affine."""
    places = jax.vmap(lambda key: layer.places(shape, key, jnp.result_type(float)))
    found = np.stack(places(jax.random.split(KEY, n)), axis=1).reshape(n, 2, -1)
    middle = (np.asarray(shape)[:, None] - 1) / 2
    pixels = np.indices(shape).reshape(2, -1) - middle
    known = np.concatenate([pixels, np.ones((1, pixels.shape[1]))])
    maps = (found - middle) @ np.linalg.pinv(known)
    np.testing.assert_allclose(maps @ known, found - middle, atol=1e-9)
    return maps[:, :, :2], maps[:, :, 2]


def assert_uniform(values, limit):
    """Numbers from -limit to limit that are equally likely: their ends, mean and mean square."""
    error = STANDARD_ERRORS / np.sqrt(np.size(values))
    assert 0.98 * limit < np.abs(values).max() <= limit * (1 + 1e-9)
    assert abs(np.mean(values)) < error * limit / np.sqrt(3)
    assert abs(np.mean(np.square(values)) - limit**2 / 3) < error * limit**2 * np.sqrt(4 / 45)


def test_a_shift_is_one_for_the_whole_image(x64):
    matrices, shifts = affine_maps(Distort(shift=2.5))
    np.testing.assert_allclose(matrices, np.broadcast_to(np.eye(2), matrices.shape), atol=1e-12)
    assert_uniform(shifts, 2.5)
    assert abs(np.corrcoef(shifts.T)[0, 1]) < STANDARD_ERRORS / np.sqrt(len(shifts))


def test_a_turn_is_about_the_centre(x64):
    matrices, shifts = affine_maps(Distort(rotation=30))
    np.testing.assert_allclose(matrices @ matrices.swapaxes(1, 2), np.broadcast_to(np.eye(2), (2000, 2, 2)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrices), 1, rtol=1e-12)
    np.testing.assert_allclose(shifts, 0, atol=1e-12)
    assert_uniform(np.degrees(np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0])), 30)


def test_rows_and_columns_grow_by_factors_of_their_own(x64):
    matrices, shifts = affine_maps(Distort(scale=0.2))
    np.testing.assert_allclose(shifts, 0, atol=1e-12)
    np.testing.assert_allclose(matrices[:, [0, 1], [1, 0]], 0, atol=1e-12)
    factors = 1 / matrices[:, [0, 1], [0, 1]]  # what is looked up nearer to the centre appears larger
    assert_uniform(factors - 1, 0.2)
    assert abs(np.corrcoef(factors.T)[0, 1]) < STANDARD_ERRORS / np.sqrt(len(factors))


def test_a_shear_moves_rows_to_the_side(x64):
    matrices, shifts = affine_maps(Distort(shear=0.3))
    np.testing.assert_allclose(shifts, 0, atol=1e-12)
    np.testing.assert_allclose(matrices[:, [0, 0, 1], [0, 1, 1]], np.broadcast_to([1, 0, 1], (2000, 3)), atol=1e-12)
    assert_uniform(matrices[:, 1, 0], 0.3)


def test_all_at_once_come_one_after_the_other(x64):
    """The image is scaled, sheared, turned and shifted in this order; it is looked up the other way."""
    layer = Distort(shift=2, rotation=30, scale=0.2, shear=0.3)
    matrices, shifts = affine_maps(layer)
    alone = {
        name: affine_maps(Distort(**{name: getattr(layer, name)})) for name in ("shift", "rotation", "scale", "shear")
    }
    together = alone["scale"][0] @ alone["shear"][0] @ alone["rotation"][0]
    np.testing.assert_allclose(matrices, together, atol=1e-12)
    np.testing.assert_allclose(shifts, (together @ alone["shift"][1][:, :, None])[:, :, 0], atol=1e-12)


def test_displacements_are_smooth_noise(x64):
    """Uniform in [-alpha, alpha], smoothed by a Gaussian: the spread, and how alike two places are, by algebra."""
    alpha, sigma, shape, n = 20.0, 2.0, (33, 35), 4000
    places = jax.vmap(lambda key: Distort(alpha=alpha, sigma=sigma).places(shape, key, jnp.result_type(float)))
    moved = np.stack(places(jax.random.split(KEY, n)), axis=1) - np.indices(shape)
    at = moved[:, :, 16, 17]  # far from the edges
    spread = alpha / np.sqrt(3) / (2 * sigma * np.sqrt(np.pi))
    error = STANDARD_ERRORS / np.sqrt(n)
    assert np.abs(at.std(axis=0) / spread - 1).max() < error
    assert np.abs(at.mean(axis=0)).max() < error * spread
    assert abs(np.mean(at[:, 0] * at[:, 1])) < error * spread**2
    for down, across in ((1, 0), (0, 2), (3, 4), (0, 5)):
        alike = np.mean(at * moved[:, :, 16 + down, 17 + across], axis=0) / spread**2
        assert np.abs(alike - np.exp(-(down**2 + across**2) / (4 * sigma**2))).max() < error


def test_the_smoothing_is_scipys(x64):
    impulse = np.zeros((1, 12))
    impulse[0, 3] = 1
    wanted = ndimage.gaussian_filter1d(impulse, 2.0, mode="constant", truncate=5)
    np.testing.assert_allclose(impulse @ jnndl.distortion._smoothing(12, 2.0), wanted, rtol=1e-12)


def test_each_example_and_each_key_has_its_own():
    distort = jax.vmap(lambda key: ALL.forward((), jnp.ones((6, 6)), key)[0])
    found = np.concatenate([distort(jax.random.split(key, 3)) for key in (KEY, jax.random.key(6))])
    assert len(np.unique(found.reshape(6, -1), axis=0)) == 6
    np.testing.assert_array_equal(distort(jax.random.split(KEY, 3)), found[:3])


# The layer


def test_it_leaves_an_image_alone_in_use():
    a = numbers(6, 6)
    np.testing.assert_array_equal(ALL.forward((), a, None)[0], a)
    np.testing.assert_allclose(Distort().forward((), a, KEY)[0], a, rtol=1e-5, atol=1e-6)
    assert ALL.init(KEY) == ()


def test_a_vector_and_an_image_are_distorted_alike():
    a = numbers(6, 6)
    wanted, _ = ALL.forward((), a, KEY)
    assert np.abs(wanted - a).max() > 0.1
    for shape in ((36,), (6, 6, 1)):
        np.testing.assert_allclose(ALL.forward((), a.reshape(shape), KEY)[0], wanted.reshape(shape), rtol=1e-6)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(36,), (6, 5), (6, 5, 3)])
def test_backward_is_the_vector_jacobian_product(shape, training, x64):
    key = jax.random.split(KEY, 4) if training else None
    assert_backward_is_the_vjp(ALL, (), key, numbers(4, *shape, seed=3), numbers(4, *shape, seed=4))


def products(network, gradient=backprop):
    """How many matrix products the compiled gradient of a mini-batch has."""
    inputs = np.ones((4, *network.input_shape), np.float32)

    def found(params, inputs, key):
        return gradient(Objective(network, "log_likelihood"))(params, Dataset(inputs, np.arange(4)), 4, key)

    return jax.jit(found).lower(network.init(0), inputs, KEY).compile().as_text().count(" dot(")


def network_of(*layers):
    return Network((*layers, Dense(36, 10, "linear")), "softmax", (36,))


@pytest.mark.parametrize("gradient", [backprop, jnndl.autodiff])
def test_its_way_back_costs_nothing_in_a_first_layer(gradient, monkeypatch):
    first, second = network_of(ALL, Dense(36, 36, "relu")), network_of(Dense(36, 36, "relu"), ALL)
    found = products(first, gradient)
    assert found < products(second, gradient)
    monkeypatch.setattr(Distort, "backward", lambda self, params, saved, grad: (jnp.zeros_like(grad), ()))
    assert found == products(first)


def test_it_is_a_value_and_comes_back_from_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)  # which knows no float of NumPy's
    assert isinstance(ALL, Layer)
    assert hash(ALL) == hash(Distort(**vars(ALL)))
    assert Distort(shift=1, alpha=np.float32(3)) == Distort(shift=1.0, alpha=3.0) != Distort(shift=1)
    network = network_of(ALL)
    jnndl.save(tmp_path / "network.safetensors", network, draw(network))
    again, params = jnndl.load(tmp_path / "network.safetensors")
    assert again == network
    assert leaves_as_bytes(params) == leaves_as_bytes(jax.tree.map(jnp.float32, draw(network)))


def test_a_network_learns_distorted_digits(digits):
    """It gets most digits right as they are, though it never saw one of them so."""
    layers = Distort(shift=1, rotation=10, alpha=2, sigma=2), Dense(64, 40, "relu"), Dense(40, 10, "linear")
    settings = {"key": 0, "epochs": 5, "learning_rate": 0.3, "cost": "log_likelihood", "gradient": "backprop"}
    fit = jnndl.fit(Network(layers, "softmax", (64,)), digits.training, digits.validation, **settings)
    assert fit.history.evaluation_accuracy[-1] > 0.8
    layers = layers[0], Flatten(), *layers[1:]
    assert Network(layers, "softmax", (8, 8)).output_shape == (10,)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"shift": -1}, "Distort: shift is -1; give pixels, at least 0"),
        ({"rotation": "15"}, "Distort: rotation is '15'; give degrees, at least 0"),
        ({"scale": 1.0}, "Distort: scale is 1.0; give a share below 1, at least 0"),
        ({"shear": float("nan")}, "Distort: shear is nan; give a share, at least 0"),
        ({"alpha": float("inf")}, "Distort: alpha is inf; give pixels, at least 0"),
        ({"alpha": True}, "Distort: alpha is True; give pixels, at least 0"),
        ({"sigma": 0}, "Distort: sigma is 0; give the Gaussian's standard deviation in pixels, or alpha=0"),
    ],
)
def test_refusals(fields, sentence, monkeypatch):
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)  # as a user meets them
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Distort(**fields)


@pytest.mark.parametrize("shape", [(35,), (2, 3, 4, 5)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"Distort takes images, .*, or square ones as vectors, not"):
        ALL.forward((), jnp.ones(shape), KEY)
    with pytest.raises(ValueError, match=r"Network: layer 0, Distort\(.*\), cannot take an input of shape"):
        Network((ALL, Flatten(), Dense(int(np.prod(shape)), 2, "linear")), "softmax", shape)
