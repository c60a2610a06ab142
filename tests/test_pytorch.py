"""PyTorch as an oracle that shares nothing with JAX: the same networks written with ``torch``, in float64.

PyTorch is an optional extra, ``pip install '.[torch]'``; without it these tests are skipped.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import FITTING, shape_after

from jnndl import (
    AvgPool,
    Conv,
    Dataset,
    Dense,
    Distort,
    Dropout,
    Flatten,
    L2Pool,
    MaxPool,
    Network,
    convolution,
    correlation,
    mlp,
)
from jnndl.costs import cross_entropy, log_likelihood
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.neurons import linear, relu, sigmoid, softmax, tanh

torch = pytest.importorskip("torch")
functional = torch.nn.functional
pytestmark = pytest.mark.slow

N, M = 40, 6
NEURONS = {
    "linear": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softmax": lambda z: torch.softmax(z, dim=1),
}
# From the output layer's weighted input, one-hot targets (-1 for silent tanh neurons) and labels; summed over outputs.
COSTS = {
    "quadratic": lambda z, y, labels, output: 0.5 * ((NEURONS[output](z) - y) ** 2).sum(dim=1).mean(),
    "cross_entropy": lambda z, y, labels, output: (
        functional.binary_cross_entropy_with_logits(z, y, reduction="none").sum(dim=1).mean()
    ),
    "log_likelihood": lambda z, y, labels, output: functional.cross_entropy(z, labels),
}
PENALTIES = [(None, None), (0.3, None), (None, 0.7), (0.3, 0.7)]


def maps_first(f, a):
    """PyTorch's functions of images want the channels before rows and columns."""
    return f(a.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def convolve(layer, a, weight):
    padding = layer.padding
    if padding == "same" and layer.stride != (1, 1):  # PyTorch has none; the zeros as TensorFlow's manual counts them
        for axis, (n, k, s) in enumerate(zip(a.shape[1:3], layer.kernel, layer.stride, strict=True)):
            zeros = max(k - (n % s or s), 0)
            a = functional.pad(a, [0, 0] * (2 - axis) + [zeros // 2, zeros - zeros // 2])
        padding = "valid"
    w = weight.permute(0, 3, 1, 2)
    return maps_first(lambda a: functional.conv2d(a, w, stride=layer.stride, padding=padding), a)


def pool(layer, a):
    size = layer and layer.size
    by = {
        MaxPool: lambda a: functional.max_pool2d(a, size),
        AvgPool: lambda a: functional.avg_pool2d(a, size),
        L2Pool: lambda a: torch.linalg.vector_norm(  # whose gradient at 0 is 0; that of lp_pool2d is NaN
            a.unfold(2, size[0], size[0]).unfold(3, size[1], size[1]), dim=(4, 5)
        ),
    }
    return a if layer is None else maps_first(by[type(layer)], a)


def sampled(a, rows, columns):
    """Images looked up by PyTorch, where the first pixel's middle is at -1 and the last one's at 1."""
    ends = zip((columns, rows), (a.shape[2], a.shape[1]), strict=True)  # x before y
    grid = torch.tensor(np.stack([2 * np.asarray(at) / (n - 1) - 1 for at, n in ends], axis=-1))
    return maps_first(lambda a: functional.grid_sample(a, grid, align_corners=True), a)


def by_torch(objective, params, batch, masks=()):
    """The cost with penalty, and its gradient: a list of weight and bias, layer by layer."""
    leaves = [torch.tensor(np.asarray(leaf), requires_grad=True) for leaf in jax.tree.leaves(params)]
    output, labels = objective.network.neuron, torch.tensor(batch.targets)
    y = functional.one_hot(labels, objective.network.output_shape[0]).double()
    y = y if output is not tanh else 2 * y - 1
    a, pairs, masks = torch.tensor(batch.inputs), iter(leaves), iter(masks)
    for layer in objective.network.layers:
        if isinstance(layer, Dropout):
            a = a * torch.tensor(next(masks))
        elif isinstance(layer, Distort):
            a = sampled(a, *next(masks))
        elif isinstance(layer, Conv):
            z = pool(layer.pool, convolve(layer, a, next(pairs))) + next(pairs)
            a = NEURONS[layer.neuron.name](z.flatten(1)).reshape(z.shape)
        elif isinstance(layer, Flatten):
            a = a.flatten(1)
        elif not hasattr(layer, "neuron"):
            a = pool(layer, a)
        else:
            a = NEURONS[layer.neuron.name](functional.linear(a, next(pairs), next(pairs)))
    total = COSTS[objective.cost.name](a, y, labels, output.name)
    for weight in leaves[::2]:
        total = total + (objective.l1 or 0) / N * weight.abs().sum() + (objective.l2 or 0) / (2 * N) * (weight**2).sum()
    total.backward()
    return float(total.detach()), [leaf.grad.numpy() for leaf in leaves]


def problem(network, seed=0, inputs=lambda x: x):
    rng = np.random.default_rng(seed)
    params = jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) / np.sqrt(leaf.size / len(leaf))), network.param_shapes
    )
    x = inputs(rng.normal(size=(M, *network.input_shape)))
    return params, Dataset(x, rng.integers(network.output_shape[0], size=M))


def in_one_program(objective, key=None):
    """The value, and both gradients."""
    return jax.jit(lambda *args: [f(*args, N, key) for f in (objective, autodiff(objective), backprop(objective))])


def assert_equal(found, total, wanted):
    np.testing.assert_allclose(found[0], total, rtol=1e-13)
    for gradient in found[1:]:
        for got, want in zip(jax.tree.leaves(gradient), wanted, strict=True):
            assert np.linalg.norm(want) > 0
            assert np.linalg.norm(got - want) <= 1e-12 * np.linalg.norm(want)


@pytest.mark.parametrize("hidden", [sigmoid, tanh, relu, softmax], ids=lambda neuron: neuron.name)
@pytest.mark.parametrize(("cost", "output"), FITTING, ids=lambda part: part.name)
def test_both_gradients_are_pytorchs(cost, output, hidden, x64):
    which = FITTING.index((cost, output)) + [sigmoid, tanh, relu, softmax].index(hidden)
    sizes = [7, 5, 6, 4, 5][: 3 + which % 3]
    objective = Objective(mlp([*sizes, 3], hidden=hidden, output=output), cost, *PENALTIES[which % 4])
    params, batch = problem(objective.network, which)
    assert_equal(in_one_program(objective)(params, batch), *by_torch(objective, params, batch))


def test_both_gradients_are_pytorchs_with_the_same_dropout_masks(x64):
    layers = (Dense(7, 5, tanh), Dropout(0.4), Dense(5, 6, sigmoid), Dropout(0.2), Dense(6, 3, linear))
    objective = Objective(Network(layers, softmax, (7,)), log_likelihood, l2=0.7)
    params, batch = problem(objective.network)
    key = jax.random.key(3)
    keys = jax.random.split(key, M)
    _, saved = jax.vmap(objective.network.forward, (None, 0, 0))(params, jnp.asarray(batch.inputs), keys)
    masks = [np.asarray(saved[1]), np.asarray(saved[3])]
    assert all(len(np.unique(mask)) == 2 for mask in masks)
    assert_equal(in_one_program(objective, key)(params, batch), *by_torch(objective, params, batch, masks))


def test_both_gradients_are_pytorchs_with_the_same_distortions(x64):
    """Zeros outside, bilinear in between; two layers of it, so that what one sends back is seen by the one below."""
    affine, bent = Distort(shift=2, rotation=30, scale=0.2, shear=0.3), Distort(alpha=6, sigma=1.5)
    layers = (affine, Conv(2, 3, 2, tanh), bent, Conv(3, 2, 2, sigmoid), Flatten(), Dense(70, 3, linear))
    objective = Objective(Network(layers, softmax, (9, 7, 2)), log_likelihood, l2=0.7)
    params, batch = problem(objective.network)
    key = jax.random.key(3)
    keys = jax.random.split(key, M)
    _, saved = jax.vmap(objective.network.forward, (None, 0, 0))(params, jnp.asarray(batch.inputs), keys)
    places = [saved[0], saved[2]]
    assert all(np.abs(np.asarray(pair) - np.indices(pair[0].shape[1:])[:, None]).max() > 1 for pair in places)
    assert_equal(in_one_program(objective, key)(params, batch), *by_torch(objective, params, batch, places))


def blank(x):
    """Small whole numbers, mostly zeros, and blank margins, as in MNIST: most windows have several largest entries."""
    x = np.round(x)
    x[:, :2], x[:, :, -2:] = 0, 0
    return x


IMAGES = {
    "the book's": (
        (12, 11, 1),
        (Conv(1, 3, 3, sigmoid, pool=MaxPool(2)), Conv(3, 2, 2, sigmoid, pool=MaxPool((2, 3)))),
    ),
    "relu": ((12, 11, 2), (Conv(2, 3, (3, 2), relu, pool=MaxPool(2)), Conv(3, 4, 2, relu))),
    "strides": ((9, 11, 2), (Conv(2, 3, (3, 2), tanh, (2, 3)), Conv(3, 2, 2, tanh))),
    "same": ((5, 6, 2), (Conv(2, 3, (3, 2), tanh, padding="same"), Conv(3, 2, (2, 4), sigmoid, padding="same"))),
    "same, strides": ((7, 8, 1), (Conv(1, 3, (3, 4), tanh, (2, 3), "same"), Conv(3, 2, 2, tanh, (3, 1), "same"))),
    "the largest": ((9, 8, 2), (MaxPool((2, 3)), Conv(2, 3, 2, relu), MaxPool((3, 1)))),
    "the largest of inputs that a layer made": ((9, 8, 2), (Conv(2, 3, 1, relu), MaxPool(2), MaxPool(2))),
    "means": ((9, 8, 2), (AvgPool((2, 1)), Conv(2, 3, 2, tanh, pool=AvgPool((3, 2))))),
    "roots": ((9, 8, 2), (Conv(2, 3, 2, tanh, pool=L2Pool((3, 2))), L2Pool((2, 1)))),
    "softmax over all maps": ((5, 4, 2), (Conv(2, 3, 2, softmax, pool=AvgPool(2)),)),
}


MATRIX = {
    "Conv": [
        ((6, 7, 2), Conv(2, 3, (3, 2), tanh)),
        ((8, 9, 2), Conv(2, 3, (3, 2), relu, (2, 3))),
        ((9, 8, 1), Conv(1, 3, 3, sigmoid, pool=MaxPool(2))),
        ((7, 8, 2), Conv(2, 3, (3, 4), tanh, (2, 3), "same", L2Pool((1, 2)))),
        ((5, 6, 2), Conv(2, 3, (2, 4), relu, padding="same", pool=AvgPool(2))),
        ((5, 5, 2), Conv(2, 2, 1, linear, (3, 2), "same")),
    ],
    "MaxPool": [((7, 8, 2), MaxPool(size)) for size in (1, 2, 3, (1, 3), (3, 2), (2, 4))],
    "AvgPool": [((7, 8, 2), AvgPool(size)) for size in (2, (3, 2), (1, 3))],
    "L2Pool": [((7, 8, 2), L2Pool(size)) for size in (2, (3, 2), (1, 3))],
    "Flatten": [((3, 4, 2), Flatten())],
}


def layer_by_torch(layer, params, a):
    """What a layer of images makes of a mini-batch."""
    if isinstance(layer, Conv):
        weight, bias = params
        z = pool(layer.pool, convolve(layer, a, weight)) + bias
        return NEURONS[layer.neuron.name](z.flatten(1)).reshape(z.shape)
    return a.flatten(1) if isinstance(layer, Flatten) else pool(layer, a)


def three_gradients(layer, params, a, grad):
    """By the images and by the parameters: by hand, by ``jax.grad``, by PyTorch."""

    @jax.jit
    def by_jax(params, a, grad):
        _, saved = jax.vmap(layer.forward, (None, 0))(params, a)
        _, back = jax.vjp(lambda a, params: jax.vmap(layer.forward, (None, 0))(params, a)[0], a, params)
        return layer.backward(params, saved, grad), back(grad)

    leaves = [torch.tensor(np.asarray(leaf), requires_grad=True) for leaf in (a, *params)]
    layer_by_torch(layer, leaves[1:], leaves[0]).backward(torch.tensor(grad))
    return *map(jax.tree.leaves, by_jax(params, a, grad)), [leaf.grad.numpy() for leaf in leaves]


def accelerators(monkeypatch):
    """The form of the convolution that is meant for accelerators."""
    monkeypatch.setattr(convolution, "correlate", correlation.by_library)
    monkeypatch.setattr(convolution, "correlate_backward", correlation.by_library_backward)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's, about a copy
@pytest.mark.parametrize("name", [*MATRIX, "Conv, the form for accelerators"])
def test_worst_relative_difference_of_each_layer(name, monkeypatch, x64):
    """``pytest -s -k worst_relative`` on this file prints them. With ties: of equals all three choose the first."""
    kind, _, other = name.partition(",")
    if other:
        accelerators(monkeypatch)
    worst, rng = {"jax.grad": 0.0, "PyTorch": 0.0}, np.random.default_rng(4)
    for shape, layer in MATRIX[kind]:
        params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), jax.eval_shape(layer.init, jax.random.key(0)))
        down = jax.eval_shape(layer.forward, params, np.zeros(shape))[0].shape
        for images in (np.asarray, blank):
            a, grad = images(rng.normal(size=(M, *shape))), rng.normal(size=(M, *down))
            hand, *others = three_gradients(layer, params, a, grad)
            for whose, wanted in zip(worst, others, strict=True):
                for got, want in zip(hand, wanted, strict=True):
                    assert np.linalg.norm(want) > 0
                    off = np.linalg.norm(got - want) / np.linalg.norm(want)
                    worst[whose] = np.maximum(worst[whose], off)  # NaN stays
    print(f"\n{name}: " + ", ".join(f"{distance:.1e} against {whose}" for whose, distance in worst.items()))
    assert all(distance <= 1e-12 for distance in worst.values()), worst


@pytest.mark.parametrize("size", list(itertools.product((1, 2, 3), (1, 2, 4))), ids=str)
def test_of_equals_the_largest_is_the_one_that_pytorch_chooses(size, x64):
    """Bit for bit: blank windows, three values only, and equals that are negative or infinite."""
    rng = np.random.default_rng(6)
    images = [np.zeros((7, 9, 2)), np.full((7, 9, 2), -np.inf), -blank(rng.normal(size=(1, 7, 9, 2)))[0]]
    a = np.stack([*images, rng.integers(-2, 1, (7, 9, 2)), rng.integers(0, 3, (7, 9, 2))]).astype(float)
    layer = MaxPool(size)
    grad = rng.normal(size=(len(a), 7 // size[0], 9 // size[1], 2))
    (hand,), (auto,), (wanted,) = three_gradients(layer, (), a, grad)
    np.testing.assert_array_equal(hand, wanted)
    np.testing.assert_array_equal(auto, wanted)
    assert np.count_nonzero(wanted) == grad.size


def of_images(name):
    shape, layers = IMAGES[name]
    last = Dense(math.prod(shape_after(layers, shape)), 3, linear)
    return Objective(Network((*layers, Flatten(), last), softmax, shape), log_likelihood, l2=0.7)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's, about a copy
@pytest.mark.parametrize("name", IMAGES)
def test_both_gradients_of_networks_of_images_are_pytorchs(name, x64):
    """Of equals both choose the first."""
    objective = of_images(name)
    compiled = in_one_program(objective)
    for inputs in (np.asarray, blank):
        params, batch = problem(objective.network, 1, inputs)
        assert_equal(compiled(params, batch), *by_torch(objective, params, batch))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", ["the book's", "strides", "same", "same, strides"])
def test_so_they_are_in_the_form_for_accelerators(name, monkeypatch, x64):
    accelerators(monkeypatch)
    objective = of_images(name)
    params, batch = problem(objective.network, 1, blank)
    assert_equal(in_one_program(objective)(params, batch), *by_torch(objective, params, batch))


def test_ten_steps_of_descent_are_pytorchs(x64):
    objective = Objective(mlp([7, 5, 3]), cross_entropy, l2=0.7)
    params, batch = problem(objective.network)
    theirs = params
    for _ in range(10):
        params = jax.tree.map(lambda p, g: p - 0.5 * g, params, backprop(objective)(params, batch, N, None))
        step = iter(by_torch(objective, theirs, batch)[1])
        theirs = jax.tree.map(lambda p, step=step: p - 0.5 * jnp.asarray(next(step)), theirs)
    for got, want in itertools.zip_longest(jax.tree.leaves(params), jax.tree.leaves(theirs)):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
