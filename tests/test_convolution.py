"""Layers of images: against loops in NumPy and by hand, ties, the two forms of the convolution, refusals, training."""

import functools
import json
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import assert_backward_is_the_vjp, draw, leaves_as_bytes

import jnndl
from jnndl import (
    AvgPool,
    Conv,
    Dataset,
    Dense,
    Dropout,
    Flatten,
    L2Pool,
    MaxPool,
    Network,
    chunks,
    correlation,
    measures,
    storage,
)
from jnndl.correlation import by_library, by_library_backward, by_windows, by_windows_backward, geometry
from jnndl.descent import epoch, in_parts
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.layers import Affine, Layer
from jnndl.network import LAYERS
from jnndl.neurons import linear, relu, sigmoid, tanh
from jnndl.settings import Hyperparameters, TrainConfig, start

KEY = jax.random.key(5)
POOLS = [MaxPool, AvgPool, L2Pool]


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


# The convolution, entry by entry. Channels of the image, maps, kernel, stride, padding.
GEOMETRIES = {
    "valid": ((5, 6, 1), 2, (3, 3), (1, 1), "valid"),
    "a rectangle of three channels": ((7, 5, 3), 4, (2, 3), (1, 1), "valid"),
    "stride down": ((8, 7, 2), 3, (3, 2), (2, 1), "valid"),
    "strides longer than the kernel, a rest left out": ((6, 9, 2), 3, (2, 2), (3, 4), "valid"),
    "the whole image": ((4, 3, 2), 3, (4, 3), (1, 1), "valid"),
    "same": ((5, 6, 2), 3, (3, 3), (1, 1), "same"),
    "same, even": ((6, 5, 2), 2, (2, 4), (1, 1), "same"),
    "same, strides": ((7, 8, 1), 2, (3, 2), (2, 3), "same"),
    "same, strides longer than the kernel": ((5, 5, 2), 2, (1, 1), (3, 2), "same"),
    "same, the kernel larger than the image": ((3, 2, 2), 2, (5, 4), (1, 1), "same"),
}
geometries = pytest.mark.parametrize("about", GEOMETRIES.values(), ids=GEOMETRIES)


def products(shape, kernel, stride, padding):
    """How many windows there are, and what is multiplied with what: (down, across, i, j, row, column)."""
    counts, before = [], []
    for n, k, s in zip(shape, kernel, stride, strict=False):
        count = math.ceil(n / s) if padding == "same" else (n - k) // s + 1
        counts.append(count)
        before.append(max((count - 1) * s + k - n, 0) // 2 if padding == "same" else 0)
    found = []
    for down, across, i, j in np.ndindex(*counts, *kernel):
        row, column = down * stride[0] + i - before[0], across * stride[1] + j - before[1]
        if 0 <= row < shape[0] and 0 <= column < shape[1]:
            found.append((down, across, i, j, row, column))
    return counts, found


def convolve(a, w, stride, padding):
    """Equation 125, for many maps."""
    a, w = np.asarray(a), np.asarray(w)
    counts, found = products(a.shape, w.shape[1:3], stride, padding)
    z = np.zeros((*counts, len(w)))
    for down, across, i, j, row, column in found:
        z[down, across] += w[:, i, j] @ a[row, column]
    return z


def convolve_backward(a, w, grad, stride, padding):
    """The gradients by the image and by the weights: every product above, once each way."""
    a, w, grad = map(np.asarray, (a, w, grad))
    grad_a, grad_w = np.zeros(a.shape), np.zeros(w.shape)
    for down, across, i, j, row, column in products(a.shape, w.shape[1:3], stride, padding)[1]:
        grad_a[row, column] += grad[down, across] @ w[:, i, j]
        grad_w[:, i, j] += np.outer(grad[down, across], a[row, column])
    return grad_a, grad_w


@geometries
@pytest.mark.parametrize("form", [by_windows, by_library])
def test_both_forms_are_the_sums_of_the_book(form, about, x64):
    shape, maps, kernel, stride, padding = about
    a, w = numbers(3, *shape), numbers(maps, *kernel, shape[2], seed=1)
    where, counts = geometry(shape, kernel, stride, padding)
    got = jax.jit(jax.vmap(functools.partial(form, where), (0, None)))(a, w)
    assert got.shape == (3, *counts, maps)
    np.testing.assert_allclose(got, [convolve(one, w, stride, padding) for one in a], rtol=1e-12, atol=1e-13)


@geometries
@pytest.mark.parametrize("form", [by_windows_backward, by_library_backward])
def test_both_ways_back_are_the_sums_of_the_book(form, about, x64):
    shape, maps, kernel, stride, padding = about
    where, counts = geometry(shape, kernel, stride, padding)
    a, w, grad = numbers(3, *shape), numbers(maps, *kernel, shape[2], seed=1), numbers(3, *counts, maps, seed=2)
    grad_a, grad_w = jax.jit(functools.partial(form, where))(w, a, grad)
    wanted = [convolve_backward(*pair, stride, padding) for pair in zip(a, [w] * 3, grad, strict=True)]
    np.testing.assert_allclose(grad_a, [one for one, _ in wanted], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(grad_w, sum(one for _, one in wanted), rtol=1e-12, atol=1e-13)


def test_zeros_around_an_image_by_hand():
    """Where the zeros cannot be divided evenly, the odd one comes after the image."""
    image, weight = jnp.array([[[1.0], [2.0], [3.0], [4.0]]]), jnp.array([[[[1.0], [10.0]]]])
    params = Affine(weight, jnp.array([100.0]))
    for stride, wanted in ((1, [121, 132, 143, 104]), (2, [121, 143]), (3, [121, 104])):
        got, _ = Conv(1, 1, (1, 2), linear, stride, "same").forward(params, image)
        np.testing.assert_array_equal(np.ravel(got), wanted)


def pooled(a, size, how):
    """What ``how`` makes of each window that is full, in each map."""
    a, (high, wide), (rows, columns, channels) = np.asarray(a), size, a.shape
    out = np.zeros((rows // high, columns // wide, channels))
    for y, x, c in np.ndindex(*out.shape):
        out[y, x, c] = how(a[y * high : (y + 1) * high, x * wide : (x + 1) * wide, c])
    return out


HOW = {MaxPool: np.max, AvgPool: np.mean, L2Pool: np.linalg.norm}
SIZES = [((4, 6, 1), 2), ((6, 6, 3), (3, 2)), ((5, 7, 2), 2), ((7, 4, 2), (3, 4)), ((3, 3, 2), 1), ((13, 12, 1), 12)]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(("shape", "size"), SIZES)
def test_pooling_forward(pool, shape, size, x64):
    a, layer = numbers(*shape), pool(size)
    got, _ = jax.jit(layer.forward)((), a)
    np.testing.assert_allclose(got, pooled(a, layer.size, HOW[pool]), rtol=1e-13)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(("shape", "size"), SIZES)
def test_pooling_backward_is_the_vector_jacobian_product(pool, shape, size, x64):
    a, layer = numbers(3, *shape), pool(size)
    grad = numbers(3, *jax.eval_shape(layer.forward, (), a[0])[0].shape, seed=1)
    assert_backward_is_the_vjp(layer, (), None, a, grad)


@pytest.mark.parametrize("pool", POOLS)
def test_what_fills_no_window_is_left_out_and_has_no_gradient(pool):
    a, ones, layer = numbers(2, 5, 7, 3), jnp.ones((2, 2, 2, 3)), pool((2, 3))
    got, saved = jax.vmap(lambda a: layer.forward((), a))(a)
    grad_a, _ = layer.backward((), saved, ones)
    np.testing.assert_array_equal(got, jax.vmap(lambda a: layer.forward((), a))(a[:, :4, :6])[0])
    assert grad_a.shape == a.shape
    assert not np.any(grad_a[:, 4:]) and not np.any(grad_a[:, :, 6:])  # noqa: PT018
    assert np.all(np.any(grad_a[:, :4, :6] != 0, axis=(1, 2)))


def test_flatten_goes_row_by_row_with_the_maps_innermost(x64):
    a = numbers(2, 3, 4, 5)
    got, _ = Flatten().forward((), a[0])
    np.testing.assert_array_equal(
        got, [np.asarray(a)[0, y, x, c] for y in range(3) for x in range(4) for c in range(5)]
    )
    assert_backward_is_the_vjp(Flatten(), (), None, a, numbers(2, 60, seed=1))


LAYERS_OF_MAPS = [
    ((6, 7, 2), Conv(2, 3, (3, 2), tanh)),
    ((7, 7, 1), Conv(1, 3, 3, relu, stride=2)),
    ((7, 8, 2), Conv(2, 3, (3, 2), sigmoid, (2, 1), "same", MaxPool(2))),
    ((8, 6, 3), Conv(3, 2, 3, "softmax", pool=AvgPool((3, 2)))),  # over all maps and places together
    ((5, 6, 2), Conv(2, 2, 2, tanh, pool=L2Pool((1, 2)))),
]


@pytest.mark.parametrize(("shape", "layer"), LAYERS_OF_MAPS, ids=lambda part: str(part))
def test_conv_pools_then_adds_the_bias_then_comes_the_neuron(shape, layer, x64):
    params = Affine(numbers(layer.n_out, *layer.kernel, layer.n_in), numbers(layer.n_out, seed=1))
    a = numbers(*shape, seed=2)
    z = convolve(a, params.weight, layer.stride, layer.padding)
    z = z if layer.pool is None else pooled(z, layer.pool.size, HOW[type(layer.pool)])
    z = z + np.asarray(params.bias)
    formulas = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    wanted = formulas.get(layer.neuron.name, lambda z: np.exp(z) / np.exp(z).sum())(z)
    got, _ = jax.jit(layer.forward)(params, a)
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize(("shape", "layer"), LAYERS_OF_MAPS, ids=lambda part: str(part))
def test_conv_backward_is_the_vector_jacobian_product(shape, layer, x64):
    params = Affine(numbers(layer.n_out, *layer.kernel, layer.n_in), numbers(layer.n_out, seed=1))
    a = numbers(3, *shape, seed=2)
    grad = numbers(3, *jax.eval_shape(layer.forward, params, a[0])[0].shape, seed=3)
    assert_backward_is_the_vjp(layer, params, None, a, grad)


@pytest.mark.parametrize("neuron", [sigmoid, tanh, relu], ids=lambda neuron: neuron.name)
def test_with_a_neuron_that_never_falls_the_maximum_may_be_taken_first(neuron, x64):
    """The book's order: the same function, and the same gradients."""
    together = [Conv(2, 3, 3, neuron, pool=MaxPool(2))]
    apart = [Conv(2, 3, 3, neuron), MaxPool(2)]
    params, x = Affine(numbers(3, 3, 3, 2), numbers(3, seed=1)), numbers(4, 8, 9, 2, seed=2)
    grad, found = numbers(4, 3, 3, 3, seed=3), []
    for layers in (together, apart):
        a, saved = x, []
        for layer in layers:
            a, kept = jax.vmap(layer.forward, (None, 0))(params if layer is layers[0] else (), a)
            saved.append(kept)
        below, grads = grad, ()
        for layer, kept in zip(layers[::-1], saved[::-1], strict=True):
            below, grads = layer.backward(params if layer is layers[0] else (), kept, below)
        found.append((a, below, grads))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-13), *found)


def test_an_image_of_another_dtype_is_promoted_as_in_a_product(x64):
    layer, a = Conv(1, 2, 3, pool=MaxPool(2)), jnp.ones((1, 6, 6, 1), np.float32)
    params = Affine(numbers(2, 3, 3, 1), numbers(2, seed=1))
    found, saved = jax.vmap(layer.forward, (None, 0))(params, a)
    grad_a, grads = layer.backward(params, saved, jnp.ones_like(found))
    assert {leaf.dtype for leaf in (found, grad_a, *grads)} == {np.dtype(float)}
    np.testing.assert_array_equal(found[0], layer.forward(params, jnp.ones((6, 6, 1)))[0])


# Ties: MNIST's blank margins make them the normal case.


TIES = [
    # (image, gradient of the pooled image, gradient of the image); windows of 2 x 2
    ([[0, 0], [0, 0]], [[5]], [[5, 0], [0, 0]]),
    ([[1, 2], [2, 2]], [[5]], [[0, 5], [0, 0]]),
    ([[1, 1], [3, 3]], [[5]], [[0, 0], [5, 0]]),
    ([[1, 3], [3, 0]], [[5]], [[0, 5], [0, 0]]),  # along the rows: the upper right one before the lower left one
    ([[0, 0, 7, 7], [0, 0, 7, 7], [-1, -1, 4, 9], [-2, -1, 9, 9]], [[1, 2], [3, 4]], "1020000030040000"),
]


@pytest.mark.parametrize(("image", "grad", "wanted"), TIES)
def test_of_equals_the_first_along_the_rows_gets_the_gradient(image, grad, wanted):
    image, grad = (jnp.asarray(a, float)[:, :, None] for a in (image, grad))
    wanted = np.reshape([float(digit) for digit in wanted] if isinstance(wanted, str) else wanted, image.shape)
    pool = MaxPool(2)
    _, saved = jax.vmap(lambda a: pool.forward((), a))(image[None])
    np.testing.assert_array_equal(pool.backward((), saved, grad[None])[0][0], wanted)

    def total(image):
        return jnp.sum(grad * pool.forward((), image)[0])

    np.testing.assert_array_equal(jax.grad(total)(image), wanted)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.grad(total)))(jnp.stack([image, -image]))[0], wanted)


def test_both_gradients_are_the_same_on_images_with_blank_margins(digits, x64):
    """Whole numbers times whole numbers: whole windows of equal z, of which the first wins in both."""
    network = Network(
        (Conv(1, 2, 2, relu, pool=MaxPool(2)), MaxPool((1, 3)), Flatten(), Dense(6, 10, linear)), "softmax", (8, 8, 1)
    )
    params = jax.tree.map(jnp.round, draw(network))
    objective, batch = Objective(network, "log_likelihood"), digits.training[:20]
    a = jax.vmap(lambda x: correlation.correlate(geometry((8, 8), (2, 2), (1, 1), "valid")[0], x, params[0].weight))(
        batch.examples((8, 8, 1), float)
    )
    windows = np.sort(a[:, :6, :6].reshape(20, 3, 2, 3, 2, 2).transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4), axis=1)
    assert np.mean(windows[:, 3] == windows[:, 2]) > 0.2  # of the windows have no single winner
    found = [jax.jit(make(objective), static_argnums=2)(params, batch, 20, None) for make in (autodiff, backprop)]
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-15), *found)


@pytest.mark.parametrize("number", range(4))
def test_nan_is_the_largest(number):
    image = jnp.arange(4.0).at[number].set(jnp.nan).reshape(2, 2, 1)
    got, saved = jax.vmap(lambda a: MaxPool(2).forward((), a))(image[None])
    assert np.isnan(got).all()
    wanted = (np.arange(4) == number).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(MaxPool(2).backward((), saved, jnp.ones((1, 1, 1, 1)))[0], wanted)


def test_minus_infinity_may_win():
    got, _ = MaxPool(2).forward((), jnp.full((2, 2, 1), -jnp.inf))
    assert np.ravel(got) == -np.inf


def test_the_root_of_nothing_has_the_gradient_0(x64):
    images = jnp.zeros((1, 2, 4, 1)).at[0, :, 2:, 0].set(jnp.array([[3.0, 0], [0, 4]]))
    got, saved = jax.vmap(lambda a: L2Pool(2).forward((), a))(images)
    np.testing.assert_array_equal(np.ravel(got), [0, 5])
    wanted = [[0, 0, 0.6, 0], [0, 0, 0, 0.8]]  # an entry over the root
    np.testing.assert_allclose(L2Pool(2).backward((), saved, jnp.ones((1, 1, 2, 1)))[0][0, :, :, 0], wanted, rtol=1e-15)
    by_jax = jax.grad(lambda images: jnp.sum(L2Pool(2).forward((), images[0])[0]))(images)
    np.testing.assert_allclose(by_jax[0, :, :, 0], wanted, rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_root_of_nothing_stays_0_behind_a_convolution(dtype, x64):
    """Weights of 0, blank margins: every window is of zeros, and nothing that comes down is NaN."""
    layer = Conv(1, 2, 2, tanh, pool=L2Pool((2, 1)))
    params = Affine(jnp.zeros((2, 2, 2, 1), dtype), jnp.ones(2, dtype))
    a, grad = numbers(3, 5, 4, 1).astype(dtype), numbers(3, 2, 3, 2, seed=1).astype(dtype)

    def forward(params, a):
        return jax.vmap(layer.forward, (None, 0))(params, a)

    @jax.jit
    def gradients(params, a, grad):
        found, saved = forward(params, a)
        by_jax = jax.vjp(lambda *args: forward(*args)[0], params, a)[1](grad)[::-1]
        return found, layer.backward(params, saved, grad), by_jax

    found, *both = gradients(params, a, grad)
    np.testing.assert_array_equal(found, np.full(found.shape, found[0, 0, 0, 0]))  # sigma(b)
    for grad_a, grads in both:
        assert not np.any(grad_a)
        assert not np.any(grads.weight)
        np.testing.assert_allclose(grads.bias, np.sum(grad * (1 - found**2), axis=(0, 1, 2)), rtol=1e-5)


# Which form is computed where


def forward_and_back(w, a, grad):
    where, _ = geometry((6, 6), (3, 3), (1, 1), "valid")
    return jax.vmap(functools.partial(correlation.correlate, where), (0, None))(a, w), correlation.correlate_backward(
        where, w, a, grad
    )


@pytest.mark.parametrize(("platform", "library"), [("cpu", False), ("cuda", True), ("rocm", True), ("tpu", True)])
def test_windows_on_a_cpu_and_the_library_elsewhere(platform, library):
    """Programs for other machines are written here and not run."""
    shapes = [jax.ShapeDtypeStruct(s, np.float32) for s in ((4, 3, 3, 2), (5, 6, 6, 2), (5, 4, 4, 4))]
    program = jax.export.export(jax.jit(forward_and_back), platforms=[platform])(*shapes).mlir_module()
    assert program.count("stablehlo.convolution") == 3 * library
    assert program.count("stablehlo.dot_general") == 3 * (not library)


@pytest.mark.slow
@pytest.mark.parametrize("make", [autodiff, backprop], ids=["autodiff", "backprop"])
def test_the_program_has_one_product_for_a_mini_batch_and_makes_its_windows_once(make):
    layers = (Conv(1, 4, 3, relu, pool=MaxPool(2)), Conv(4, 5, 3, relu, pool=MaxPool(2)), Flatten())
    network = Network((*layers, Dense(20, 3, linear)), "softmax", (14, 14, 1))
    gradient = make(Objective(network, "log_likelihood"))
    x = jax.ShapeDtypeStruct((6, 14, 14, 1), np.float32)
    lowered = jax.jit(lambda params, x: gradient(params, Dataset(x, np.zeros(6, int)), 6, None)).lower(
        network.param_shapes, x
    )
    program = lowered.compile(compiler_options={"xla_backend_optimization_level": 3}).as_text()
    products = re.findall(r"= f32\[([\d,]+)\]\S* dot\((.*)", program)
    # Forward, and BP4, of three layers; BP2 of two, as nobody asks for the gradient of the input.
    wanted = ["864,4", "96,5", "6,3", "4,9", "5,36", "3,20", "96,36", "6,20"]
    assert sorted(shape for shape, _ in products) == sorted(wanted)
    assert not [rest for _, rest in products if "batch_dims" in rest]
    stacks = re.findall(r"= f32\[([\d,]+)\]\S* concatenate\(", program)
    assert sorted(stacks) == sorted(["6,12,14,3,1", "6,12,12,3,3,1", "6,4,6,3,4", "6,4,4,3,3,4"])


# Values and refusals


MAPS = [
    (Conv(1, 20, 5), "Conv(1, 20, 5, sigmoid)"),
    (Conv(1, 20, (5, 3), "relu", pool=MaxPool(2)), "Conv(1, 20, (5, 3), relu, pool=MaxPool(2))"),
    (Conv(2, 3, 5, linear, 2, "same"), "Conv(2, 3, 5, linear, stride=2, padding='same')"),
    (Conv(2, 3, 5, stride=(1, 2), weight_init="large"), "Conv(2, 3, 5, sigmoid, stride=(1, 2), weight_init=large)"),
    (MaxPool(), "MaxPool(2)"),
    (AvgPool((2, 3)), "AvgPool((2, 3))"),
    (L2Pool([3, 3]), "L2Pool(3)"),
    (Flatten(), "Flatten()"),
]


@pytest.mark.parametrize(("layer", "text"), MAPS, ids=[text for _, text in MAPS])
def test_layers_of_images_are_values(layer, text):
    assert isinstance(layer, Layer)
    assert repr(layer) == text
    again = type(layer)(**vars(layer))
    assert again == layer
    assert hash(again) == hash(layer)
    assert LAYERS[type(layer).__name__] is type(layer)


def test_different_layers_of_images_are_unequal():
    pools = [pool(size) for pool in POOLS for size in (2, 3, (2, 3), (3, 2))]
    convs = [
        Conv(1, 2, 3),
        Conv(1, 2, (3, 2)),
        Conv(1, 2, 3, relu),
        Conv(1, 2, 3, stride=2),
        Conv(1, 2, 3, pool=pools[0]),
    ]
    convs += [Conv(1, 2, 3, padding="same"), Conv(1, 2, 3, pool=pools[1]), Conv(1, 2, 3, weight_init="large")]
    assert len({*pools, *convs, Flatten()}) == len(pools) + len(convs) + 1


def test_one_size_is_rows_and_columns():
    assert Conv(1, 2, 3, stride=2) == Conv(1, 2, (3, 3), stride=[2, 2]) == Conv(1, 2, np.int64(3), stride=np.int32(2))
    assert hash(MaxPool(2)) == hash(MaxPool([2, 2]))


WHOLE = "give a whole number of at least 1, or two for rows and columns"


@pytest.fixture
def no_type_checker(monkeypatch):
    """What a user meets: only these tests switch the checker of annotations on."""
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)


@pytest.mark.usefixtures("no_type_checker")
@pytest.mark.parametrize("value", [0, -1, 2.0, "2", True, None, (2,), (2, 2, 2), (2, 0), (2, 1.5)])
@pytest.mark.parametrize("name", ["kernel", "stride", *POOLS])
def test_a_size_that_is_none_is_refused(name, value):
    subject = f"Conv: {name}" if isinstance(name, str) else f"{name.__name__}: size"
    with pytest.raises(ValueError, match=re.escape(f"{subject} is {value!r}; {WHOLE}")):
        Conv(**{"n_in": 1, "n_out": 2, "kernel": 3, name: value}) if isinstance(name, str) else name(value)


@pytest.mark.usefixtures("no_type_checker")
@pytest.mark.parametrize(
    ("build", "error", "sentence"),
    [
        (lambda: Conv(0, 2, 3), ValueError, "Conv: n_in is 0; give a whole number of at least 1"),
        (lambda: Conv(1, 2.5, 3), ValueError, "Conv: n_out is 2.5; give a whole number of at least 1"),
        (lambda: Conv(1, 2, 3, padding="full"), ValueError, "Conv: padding is 'full'; give 'valid' or 'same'"),
        (lambda: Conv(1, 2, 3, padding=1), ValueError, "Conv: padding is 1; give 'valid' or 'same'"),
        (
            lambda: Conv(1, 2, 3, pool=2),
            TypeError,
            "Conv: pool is 2; give MaxPool(2), AvgPool(2), L2Pool(2) or None",
        ),
        (lambda: Conv(1, 2, 3, pool=Flatten()), TypeError, "Conv: pool is Flatten(); give MaxPool(2), AvgPool(2)"),
        (lambda: Conv(1, 2, 3, pool=MaxPool), TypeError, "Conv: pool is <class 'jnndl.pooling.MaxPool'>; give"),
        (lambda: Conv(1, 2, 3, "rleu"), ValueError, "Conv: neuron is 'rleu'; did you mean 'relu'?"),
        (lambda: Conv(1, 2, 3, weight_init="big"), ValueError, "Conv: weight_init is 'big'; give"),
        (lambda: Conv(1, 2, 3, bias_init=0.1), TypeError, "Conv: bias_init is 0.1; give a function of a key and a"),
    ],
)
def test_what_makes_no_layer_of_images_is_refused_in_a_sentence(build, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        build()


@pytest.mark.usefixtures("no_type_checker")
@pytest.mark.parametrize(
    ("layer", "shape", "sentence"),
    [
        (Conv(3, 2, 3), (8, 8, 1), "Conv takes images of shape (rows, columns, 3), not (8, 8, 1)"),
        (Conv(1, 2, 3), (8, 8), "Conv takes images of shape (rows, columns, 1), not (8, 8)"),
        (Conv(1, 2, 3), (784,), "Conv takes images of shape (rows, columns, 1), not (784,)"),
        (Conv(1, 2, 9), (8, 9, 1), "Conv(1, 2, 9, sigmoid) needs images of at least 9 x 9"),
        (Conv(1, 2, 7, pool=MaxPool(4)), (9, 9, 1), "MaxPool(4) needs images of at least 4 x 4, not 3 x 3"),
        (MaxPool((2, 9)), (8, 8, 1), "MaxPool((2, 9)) needs images of at least 2 x 9, not 8 x 8"),
        *(
            (pool(2), (8, 8), f"{pool.__name__} takes images of shape (rows, columns, channels), not (8, 8)")
            for pool in POOLS
        ),
    ],
)
def test_an_image_that_does_not_fit_is_refused_in_a_sentence(layer, shape, sentence):
    said = f"Network: layer 0, {layer}, cannot take an input of shape {shape}; make its size that of input_shape ("
    with pytest.raises(ValueError, match=re.escape(said + sentence)):
        Network((layer, Flatten(), Dense(2, 2, linear)), sigmoid, shape)


def test_the_layer_below_is_named_where_its_maps_do_not_fit():
    said = r"Network: layer 1, Conv\(4, 2, 3, sigmoid\), cannot take an input of shape \(6, 6, 2\); make its size that "
    with pytest.raises(ValueError, match=said + r"of the output of layer 0 \(Conv takes images of shape .*, 4\), not"):
        Network((Conv(1, 2, 3), Conv(4, 2, 3), Flatten(), Dense(32, 2, linear)), sigmoid, (8, 8, 1))


@pytest.mark.parametrize("layers", [(Conv(1, 2, 3), Dense(72, 2, linear)), (Conv(1, 2, 3, linear),)])
def test_a_missing_flatten_is_named(layers):
    with pytest.raises(ValueError, match=r"^Network: .* shape \(6, 6, 2\).*; .*put Flatten\(\)"):
        Network(layers, sigmoid, (8, 8, 1))


# Files


@pytest.fixture
def network():
    conv = Conv(1, 3, (3, 2), relu, (1, 2), "same", L2Pool((2, 1)), bias_init="zeros")
    layers = (conv, Conv(3, 2, 2, tanh), AvgPool((1, 2)), Conv(2, 2, 1, pool=MaxPool(2)), Flatten())
    return Network((*layers, Dense(2, 3, linear)), "softmax", (8, 9, 1))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.safetensors"


def test_a_network_of_images_comes_back_from_its_file(network, path):
    params = draw(network)
    jnndl.save(path, network, params)
    for again, found in (jnndl.load(path), jnndl.load(path, network)):
        assert again == network
        assert hash(again) == hash(network)
        assert again.layers[0].pool == L2Pool((2, 1))
        assert leaves_as_bytes(found) == leaves_as_bytes(jax.tree.map(jnp.float32, params))


@pytest.mark.parametrize(
    ("pool", "sentence"),
    [
        (
            {"layer": "Blur"},
            "has a layer 'Blur', which is not one of Dense, Dropout, Conv, MaxPool, AvgPool, L2Pool, Fl",
        ),
        ({"layer": "Flatten"}, "its description of the network is damaged (TypeError('Conv: pool is Flatten(); give"),
        ({"layer": "MaxPool", "size": [2, 0]}, "its description of the network is damaged (ValueError('MaxPool: size"),
        (
            {"neuron": "relu"},
            "its description of the network is damaged (TypeError(\"Conv: pool is Neuron(name='relu'); give",
        ),
    ],
)
def test_a_file_with_something_else_in_place_of_the_pooling_is_refused(network, path, pool, sentence):
    jnndl.save(path, network, draw(network))
    metadata, tensors = storage.read_tensors(path, jnndl.files.FORMAT, (2,), "network")
    description = json.loads(metadata["network"])
    description["layers"][0]["pool"] = pool
    storage.write_tensors(path, tensors, metadata | {"network": json.dumps(description)})
    with pytest.raises(ValueError, match=re.escape(f"{path}: {sentence}")):
        jnndl.load(path)


def test_another_pooling_is_another_architecture(network, path):
    jnndl.save(path, network, draw(network))
    other = Network(
        (Conv(1, 3, (3, 2), relu, (1, 2), "same", MaxPool((2, 1))), *network.layers[1:]), "softmax", (8, 9, 1)
    )
    with pytest.raises(ValueError, match=r"holds another architecture: .*L2Pool.* in the file, .*MaxPool"):
        jnndl.load(path, other)


# Training


def small(maps=4, **conv):
    layers = (Conv(1, maps, 3, relu, pool=MaxPool(2), **conv), Flatten(), Dense(9 * maps, 10, linear))
    return Network(layers, "softmax", (8, 8, 1))


def test_a_network_of_images_learns_the_digits(digits):
    settings = {"epochs": 4, "learning_rate": 0.3, "cost": "log_likelihood", "gradient": "backprop"}
    fit = jnndl.fit(small(8), digits.training, digits.validation, key=0, **settings)
    assert fit.history.evaluation_accuracy[-1] > 0.9
    answers = jnndl.predict(fit.network, fit.params, digits.test.inputs).labels
    assert np.mean(answers == digits.test.targets) > 0.88


def test_training_by_hand_alone_and_by_jax_among_many_ends_at_the_same_parameters(digits, x64):
    settings = {"epochs": 2, "learning_rate": 0.3, "cost": "log_likelihood", "l2": 0.1, "measure_training": 0}
    params = jax.tree.map(lambda leaf: leaf / math.sqrt(leaf.size / len(leaf)), draw(small()))
    data, keys = digits.training[:200], jax.random.split(KEY, 2).at[1].set(KEY)
    by_hand = jnndl.fit(small(), data, key=KEY, params=params, gradient="backprop", **settings).params
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * 2), params)
    by_jax = jnndl.fit_many(small(), data, keys=keys, params=stacked, gradient="autodiff", **settings).one(1).params
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-12), by_hand, by_jax)
    assert np.linalg.norm(by_hand[0].weight - params[0].weight) > 0.1


@pytest.mark.parametrize("gradient", ["backprop", "autodiff"])
def test_two_networks_of_images_on_two_devices_are_each_the_one_trained_alone(gradient, digits):
    layers = (Conv(1, 3, 3, relu, pool=MaxPool(2)), Conv(3, 4, 2, tanh, 1, "same", L2Pool((1, 3))), AvgPool((3, 1)))
    network = Network((*layers, Dropout(0.3), Flatten(), Dense(4, 10, linear)), "softmax", (8, 8, 1))
    data, keys, rates = (digits.training[:60], digits.validation[:30]), jax.random.split(KEY, 2), (0.3, 0.05)
    settings = {"epochs": 2, "batch_size": 20, "cost": "log_likelihood", "l2": 0.1, "gradient": gradient}
    settings["measure_training"] = 0
    many = jnndl.fit_many(network, *data, keys=keys, learning_rate=np.array(rates), **settings)
    assert all(len(leaf.sharding.device_set) == 2 for leaf in jax.tree.leaves(many.params))
    for number, (key, rate) in enumerate(zip(keys, rates, strict=True)):
        alone, one = jnndl.fit(network, *data, key=key, learning_rate=rate, **settings), many.one(number)
        assert leaves_as_bytes((one.params, one.history)) == leaves_as_bytes((alone.params, alone.history))
    first, second = leaves_as_bytes(many.one(0).params), leaves_as_bytes(many.one(1).params)
    assert not set(first) & set(second)


def test_examples_are_counted_by_their_bytes():
    assert [chunks.chunk_size(size) for size in (1, 4096, 1 << 20, 3 << 19, 1 << 40)] == [1000, 1000, 4, 2, 1]


def test_a_mini_batch_in_parts_has_the_same_gradient(digits, x64):
    network, batch = small(), digits.training[:23]
    params = draw(network)
    for mean in (backprop(Objective(network, "log_likelihood", l2=0.3)), Objective(network, "log_likelihood", l2=0.3)):
        whole, parts = (jax.jit(f, static_argnums=2)(params, batch, 99, None) for f in (mean, in_parts(mean, 5)))
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-12), parts, whole)


def test_training_and_measuring_a_few_examples_at_a_time_gives_the_same(digits, x64, monkeypatch):
    network, data = small(), digits.training[:50]
    config = TrainConfig(network, "log_likelihood", batch_size=20, gradient=backprop)
    state = start(config, Hyperparameters(0.5, None, 0.3), KEY, draw(network))

    def both():
        return jax.jit(
            lambda state, data: (  # compiled anew each time
                epoch.__wrapped__(config, state, data).params,
                measures.costs_and_outputs(Objective(network, "log_likelihood"), state.params, data),
                measures._outputs.__wrapped__(network, state.params, data.examples((8, 8, 1), float)),
            )
        )(state, data)

    assert network.chunk > 50
    wanted = both()
    monkeypatch.setitem(chunks.LARGEST, "cpu", 7 * network.bytes_per_example[1])
    assert network.chunk == 7
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-11, atol=1e-13), both(), wanted)
