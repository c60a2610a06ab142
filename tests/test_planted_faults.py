"""Every handwritten rule, changed in turn: the checker has to fail, and to name the rule that was changed."""

import dataclasses
import inspect
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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
    check_gradients,
    checks,
    convolution,
    correlation,
    gradients,
    regularizers,
)
from jnndl.correlation import geometry, windows, windows_backward
from jnndl.costs import cross_entropy, log_likelihood, quadratic
from jnndl.distortion import look_up
from jnndl.layers import Affine
from jnndl.neurons import linear, relu, sigmoid, softmax, step, tanh

pytestmark = pytest.mark.slow

KEY = jax.random.key(2)
N = 4  # the layer at fault is square, so that a transposed weight has the right shape
UNMOVED = np.indices((2, 2))
FIRST, LAST = Dense(3, N, tanh), Dense(N, 2, linear)


class Gain(NamedTuple):
    weight: jax.Array
    shift: jax.Array


@dataclasses.dataclass(frozen=True)
class Scale:
    """A user's layer; ``wrong`` turns what its backward returns into something else."""

    wrong: object = None

    def init(self, key):
        return Gain(1 + jax.random.normal(key, (N,)), jnp.zeros(N))

    def forward(self, params, a, key=None):
        return params.weight * a + params.shift, a

    def backward(self, params, saved, grad):
        below, grads = params.weight[None] * grad, Gain(jnp.sum(grad * saved, axis=0), jnp.sum(grad, axis=0))
        return self.wrong(below, grads) if self.wrong else (below, grads)


def network(middle=None, output=sigmoid):
    return Network((FIRST, middle or Dense(N, N), LAST), output, (3,))


def faults_of(objective, ties=False, **options):
    """What the checker finds with six examples, four of images; with ties, these are small whole numbers."""
    rng, shape = np.random.default_rng(0), objective.network.input_shape
    m = 6 if len(shape) == 1 else 4
    inputs = rng.normal(size=(m, *shape))
    batch = Dataset(np.round(inputs) if ties else inputs, np.array([0, 1, 1, 0, 1, 0])[:m])
    with jax.enable_x64(True):
        params = objective.network.init(jax.random.key(1))
    return check_gradients(objective, params, batch, KEY, **options)


def neuron(right, backward):
    """A hidden layer whose neuron is at fault."""

    def plant(monkeypatch):
        return gradients.Objective(network(Dense(N, N, dataclasses.replace(right, backward=backward))))

    return plant, "layer 1, Dense: backward"


def dense(array, **wrong):
    """Dense.backward with parts replaced, in the square layer only; each part sees everything that there is."""
    (part,) = wrong

    def plant(monkeypatch):
        right = Dense.backward

        def backward(self, params, saved, grad):
            below, grads = right(self, params, saved, grad)
            if self.n_in != self.n_out:
                return below, grads
            (a, z), delta = saved, jax.vmap(self.neuron.backward)(saved[1], grad)
            parts = {"below": below} | grads._asdict() | {part: wrong[part](params.weight, a, z, delta, grad)}
            return parts["below"], Affine(parts["weight"], parts["bias"])

        monkeypatch.setattr(Dense, "backward", backward)
        return gradients.Objective(network())

    return plant, f"layer 1, Dense: backward's gradient for {array}"


def users(wrong, array):
    return lambda monkeypatch: gradients.Objective(network(Scale(wrong))), f"layer 1, Scale: backward{array}"


def dropout(wrong):
    def plant(monkeypatch):
        monkeypatch.setattr(Dropout, "backward", lambda self, params, saved, grad: (wrong(saved, grad), ()))
        return gradients.Objective(network(Dropout(0.4)))

    return plant, "layer 1, Dropout: backward's gradient for the layer below"


def distort(wrong):
    """``wrong(right, saved, grad)`` in place of what a layer of distortion sends down; images are vectors of 2 x 2."""

    def plant(monkeypatch):
        right = Distort.backward

        def backward(self, params, saved, grad):
            return wrong(lambda saved, grad: right(self, (), saved, grad)[0], saved, grad), ()

        monkeypatch.setattr(Distort, "backward", backward)
        return gradients.Objective(network(Distort(shift=0.6, rotation=40, scale=0.3)))

    return plant, "layer 1, Distort: backward's gradient for the layer below"


def look_up_again(saved, grad):
    """The distortion itself in place of its transpose."""
    return jax.vmap(look_up)(grad.reshape(-1, 2, 2), *saved).reshape(grad.shape)


def of_the_first(saved):
    """The places of the first example for all."""
    return tuple(jnp.broadcast_to(places[:1], places.shape) for places in saved)


# Of the two networks of images, each is compiled once for all faults. The second convolution has as many maps as it has
# channels, and a square kernel, so that whatever is exchanged in it has the right shape. Below a layer at fault is one
# with weights, so that its fault shows in a row of the table.
SQUARE = Conv(2, 2, 3, tanh, stride=(1, 2), padding="same", pool=MaxPool((2, 1)))
MAPS = Network((Conv(1, 2, 1, tanh), SQUARE, Flatten(), Dense(16, 2, linear)), sigmoid, (5, 8, 1))
POOLED = (Conv(1, 2, 1, tanh), MaxPool((2, 2)), L2Pool((1, 2)), AvgPool((3, 1)), Flatten(), Dense(8, 2, linear))
POOLS = Network(POOLED, sigmoid, (13, 8, 1))


def down(where, weight, delta, shape):
    """BP2 of a convolution, as a sum over windows."""
    grad_windows = jnp.einsum("mrcn,nijk->mrcijk", delta, weight)
    return jax.vmap(lambda grad: windows_backward(where, grad, shape))(grad_windows)


def up(where, a, delta):
    """BP4 of a convolution."""
    return jnp.einsum("mrcn,mrcijk->nijk", delta, jax.vmap(lambda a: windows(where, a))(a))


class Sent(NamedTuple):
    """What a wrong part of Conv.backward is made of."""

    where: object  # how the windows lie
    w: jax.Array
    a: jax.Array
    delta: jax.Array  # by the convolution's own output
    pooled: jax.Array  # by the pooled z
    grad: jax.Array
    pool: object
    kept: tuple


def conv(array, **wrong):
    """Conv.backward with one part replaced, in the square layer only."""
    ((part, replaced),) = wrong.items()

    def plant(monkeypatch):
        right = Conv.backward

        def backward(self, params, saved, grad):
            below, grads = right(self, params, saved, grad)
            if self != SQUARE:
                return below, grads
            (a, z, kept), shape = saved, grad.shape[1:]
            pooled = jax.vmap(lambda z, g: self.neuron.backward(z.ravel(), g.ravel()).reshape(shape))(z, grad)
            delta, _ = self.pool.backward((), kept, pooled)
            where, _ = geometry(a.shape[1:], self.kernel, self.stride, self.padding)
            sent = Sent(where, params.weight, a, delta, pooled, grad, self.pool, kept)
            parts = {"below": below} | grads._asdict() | {part: replaced(sent)}
            return parts["below"], Affine(parts["weight"], parts["bias"])

        monkeypatch.setattr(Conv, "backward", backward)
        return gradients.Objective(MAPS)

    return plant, f"layer 1, Conv: backward's gradient for {array}"


def spread(s):
    """The gradient at every entry of a pooled window."""
    return jnp.pad(jnp.repeat(s.pooled, 2, axis=1), [(0, 0), (0, s.delta.shape[1] % 2), (0, 0), (0, 0)])


def beside(s, rows):
    """Windows that lie a number of rows too low."""
    return s.where._replace(low=(s.where.low[0] - rows, s.where.low[1]), high=(s.where.high[0] + rows, s.where.high[1]))


def other_side(s):
    """Windows with the odd column of zeros before the image."""
    return s.where._replace(low=s.where.high, high=s.where.low)


def one_by_one(s):
    """The windows that stride 1 would take."""
    return s.where._replace(stride=(1, 1))


def images(number, wrong):
    """``wrong(right, saved, grad)`` in place of the gradient that a layer without weights sends down."""
    kind = type(POOLED[number])

    def plant(monkeypatch):
        right = kind.backward

        def backward(self, params, saved, grad):
            return wrong(right(self, params, saved, grad)[0], saved, grad), ()

        monkeypatch.setattr(kind, "backward", backward)
        return gradients.Objective(POOLS)

    return plant, f"layer {number}, {kind.__name__}: backward's gradient for the layer below"


def wide(grad, rows, columns, rest=0):
    """Every entry of each window gets the gradient; the rest of the rows nothing."""
    grown = jnp.repeat(jnp.repeat(grad, rows, axis=1), columns, axis=2)
    return jnp.pad(grown, [(0, 0), (0, rest), (0, 0), (0, 0)])


def everyone_largest(right, saved, grad):
    """The gradient at all entries that equal the maximum: the same, but for ties."""
    _, a = saved
    largest = jax.vmap(lambda a: MaxPool((2, 2)).forward((), a)[0])(a)
    return jnp.where(a == wide(largest, 2, 2, 1), wide(grad, 2, 2, 1), 0)


def to_winners(winner, grad):
    """The gradient at the entry of each window that has this number."""
    windows = jax.nn.one_hot(winner, 4, dtype=grad.dtype) * grad[..., None]
    parts = windows.reshape(*grad.shape, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    return MaxPool((2, 2))._join(parts, (len(grad), 13, 8, 2))


# Where both maps of ReLUs are silent in two columns side by side, the root is of nothing.
SILENT = Network(
    (
        Conv(1, 2, 1, relu),
        Conv(2, 2, 1, linear, bias_init="zeros"),
        L2Pool((1, 2)),
        Flatten(),
        Dense(12, 2, linear),
    ),
    sigmoid,
    (3, 4, 1),
)


def root_of_nothing(wrong):
    def plant(monkeypatch):
        monkeypatch.setattr(L2Pool, "backward", lambda self, params, saved, grad: (wrong(*saved, grad), ()))
        return gradients.Objective(SILENT)

    return plant, "layer 2, L2Pool: backward's gradient for the layer below is off by nan"


def form(function, right, wrong, array="the layer below"):
    """``right`` replaced in the text of a function of ``correlation``; the network is computed in that form."""

    def plant(monkeypatch):
        original = getattr(correlation, function)
        text, changed = inspect.getsource(inspect.unwrap(original)), dict(vars(correlation))
        assert right in text
        exec(text.replace(right, wrong), changed)

        def backward(where, *arrays):
            return (changed[function] if where.kernel == SQUARE.kernel else original)(where, *arrays)

        monkeypatch.setattr(correlation, function, backward)
        if function == "by_library_backward":
            monkeypatch.setattr(convolution, "correlate", correlation.by_library)
            monkeypatch.setattr(convolution, "correlate_backward", backward)
        return gradients.Objective(MAPS)

    return plant, f"layer 1, Conv: backward's gradient for {array}"


def cost(right, output, wrong):
    def plant(monkeypatch):
        def delta(z, y, neuron):
            return wrong(right.delta(z, y, neuron), neuron.forward(z), y)

        return gradients.Objective(network(output=output), dataclasses.replace(right, delta=delta))

    return plant, f"cost {right.name}: delta for the {output.name} output"


def penalty(array, wrong, **strength):
    """``wrong(w, n, is_weight)`` in place of what the penalty adds to a gradient."""

    def plant(monkeypatch):
        def add(grads, params, n, l1=None, l2=None):
            return jax.tree.map_with_path(
                lambda path, grad, w: grad + wrong(w, n, regularizers.is_weight(path)), grads, params
            )

        monkeypatch.setattr(regularizers, "add_penalty_gradient", add)
        return gradients.Objective(network(), **strength)

    return plant, f"penalty: the gradient for layer 0.{array}"


def whole(wrong, middle=None, **strength):
    """A fault in how the rules are put together: ``wrong(gradient, params, batch, n, key)``."""

    def plant(monkeypatch):
        right = checks.backprop
        monkeypatch.setattr(checks, "backprop", lambda objective: lambda *a: wrong(right(objective), *a))
        return gradients.Objective(network(middle), **strength)

    return plant, "every rule is right by itself"


@dataclasses.dataclass(frozen=True)
class Odd(Scale):
    """A layer whose ``forward`` is at fault: ``product`` is no honest w a."""

    product: object = None

    def forward(self, params, a, key=None):
        return self.product(params.weight, a) + params.shift, a


def odd(product, sentence, wrong=None):
    return lambda monkeypatch: gradients.Objective(network(Odd(wrong, product))), f"layer 1, Odd: {sentence}"


@jax.custom_jvp
def misled(w, a):
    return w * a


@misled.defjvp
def _(primals, tangents):
    (w, a), (dw, da) = primals, tangents
    return w * a, w * da - a * dw


@jax.custom_vjp
def short(w, a):
    return w * a


short.defvjp(lambda w, a: (w * a, (w, a)), lambda saved, g: (g * saved[1], 0.5 * g * saved[0]))


def rough(dtype):
    return lambda w, a: (w.astype(dtype) * a.astype(dtype)).astype(a.dtype)


NOISE = np.random.default_rng(5)


def misled_cost():
    """A cost of its own with a wrong ``custom_jvp``; its delta is right."""

    @jax.custom_jvp
    def half_square(error):
        return 0.5 * jnp.sum(error**2)

    half_square.defjvp(lambda primals, tangents: (half_square(*primals), jnp.vdot(3 * primals[0], *tangents)))
    value = dataclasses.replace(quadratic, value=lambda z, y, neuron: half_square(z - y), name="misled")
    plant = gradients.Objective(network(output=linear), value)
    return lambda monkeypatch: plant, "cost misled: jax.grad of value for the linear output is off by 6.7e-01"


def times(factor, tree):
    return jax.tree.map(lambda a: factor * a, tree)


def same_mask(gradient, params, batch, n, key):
    grads = [gradient(params, batch[i : i + 1], n, key) for i in range(len(batch))]
    return jax.tree.map(lambda *a: sum(a) / len(a), *grads)


FAULTS = {
    "sigmoid: derivative dropped": neuron(sigmoid, lambda z, g: g),
    "sigmoid: sign": neuron(sigmoid, lambda z, g: -sigmoid.backward(z, g)),
    "sigmoid: derivative at a, not z": neuron(sigmoid, lambda z, g: sigmoid.backward(jax.nn.sigmoid(z), g)),
    "sigmoid: half of sigma (1 - sigma)": neuron(sigmoid, lambda z, g: g * jax.nn.sigmoid(z)),
    "tanh: derivative dropped": neuron(tanh, lambda z, g: g),
    "tanh: sign": neuron(tanh, lambda z, g: -tanh.backward(z, g)),
    "tanh: 1 - a for 1 - a^2": neuron(tanh, lambda z, g: g * (1 - jnp.tanh(z))),
    "tanh: the sigmoid's": neuron(tanh, lambda z, g: sigmoid.backward(z, g)),
    "relu: derivative dropped": neuron(relu, lambda z, g: g),
    "relu: sign": neuron(relu, lambda z, g: -relu.backward(z, g)),
    "relu: the other side": neuron(relu, lambda z, g: jnp.where(z < 0, g, 0)),
    "linear: sign": neuron(linear, lambda z, g: -g),
    "linear: nothing passes": neuron(linear, lambda z, g: 0 * g),
    "step: straight through": neuron(step, lambda z, g: g),
    "softmax: cross terms forgotten": neuron(softmax, lambda z, g: g * jax.nn.softmax(z) * (1 - jax.nn.softmax(z))),
    "softmax: diagonal forgotten": neuron(softmax, lambda z, g: -jax.nn.softmax(z) * jnp.vdot(jax.nn.softmax(z), g)),
    "softmax: derivative dropped": neuron(softmax, lambda z, g: g),
    "softmax: sign": neuron(softmax, lambda z, g: -softmax.backward(z, g)),
    "BP2: weight transposed": dense("the layer below", below=lambda w, a, z, delta, grad: delta @ w.T),
    "BP2: weight forgotten": dense("the layer below", below=lambda w, a, z, delta, grad: delta),
    "BP2: sigma' forgotten": dense("the layer below", below=lambda w, a, z, delta, grad: grad @ w),
    "BP2: sign": dense("the layer below", below=lambda w, a, z, delta, grad: -delta @ w),
    "BP2: nothing goes down": dense("the layer below", below=lambda w, a, z, delta, grad: 0 * delta),
    "BP2: last example missed": dense("the layer below", below=lambda w, a, z, d, g: (d @ w).at[-1].set(0)),
    "BP3: mean for sum": dense("bias", bias=lambda w, a, z, delta, grad: jnp.mean(delta, axis=0)),
    "BP3: sigma' forgotten": dense("bias", bias=lambda w, a, z, delta, grad: jnp.sum(grad, axis=0)),
    "BP3: last example missed": dense("bias", bias=lambda w, a, z, delta, grad: jnp.sum(delta[:-1], axis=0)),
    "BP3: sign": dense("bias", bias=lambda w, a, z, delta, grad: -jnp.sum(delta, axis=0)),
    "BP4: mean for sum": dense("weight", weight=lambda w, a, z, delta, grad: delta.T @ a / len(a)),
    "BP4: transposed": dense("weight", weight=lambda w, a, z, delta, grad: a.T @ delta),
    "BP4: sigma' forgotten": dense("weight", weight=lambda w, a, z, delta, grad: grad.T @ a),
    "BP4: the layer's own activation": dense("weight", weight=lambda w, a, z, d, g: d.T @ jax.nn.sigmoid(z)),
    "BP4: last example missed": dense("weight", weight=lambda w, a, z, delta, grad: delta[:-1].T @ a[:-1]),
    "BP4: sign": dense("weight", weight=lambda w, a, z, delta, grad: -delta.T @ a),
    "BP4: shape": dense("weight", weight=lambda w, a, z, delta, grad: jnp.sum(delta, axis=0)),
    "dropout: mask forgotten": dropout(lambda saved, grad: grad),
    "dropout: factor forgotten": dropout(lambda saved, grad: jnp.where(saved > 0, grad, 0)),
    "dropout: the dropped ones": dropout(lambda saved, grad: jnp.where(saved > 0, 0, grad)),
    "a user's layer: sign": users(lambda below, g: (below, g._replace(weight=-g.weight)), "'s gradient for weight"),
    "a user's layer: sign below": users(lambda below, g: (-below, g), "'s gradient for the layer below"),
    "a user's layer: arrays swapped": users(lambda below, g: (below, Gain(*g[::-1])), "'s gradient for weight"),
    "a user's layer: a plain tuple": users(lambda below, g: (below, tuple(g)), "'s gradient for parameters Gain"),
    "a user's layer: no gradient": users(lambda below, g: (below, ()), "'s gradient for parameters Gain"),
    "a user's layer: no mini-batch": users(lambda below, g: (below.sum(axis=0), g), "'s gradient for the layer below"),
    "quadratic: derivative dropped": cost(quadratic, sigmoid, lambda delta, a, y: a - y),
    "quadratic: half forgotten": cost(quadratic, sigmoid, lambda delta, a, y: 2 * delta),
    "quadratic: y - a": cost(quadratic, tanh, lambda delta, a, y: -delta),
    "quadratic: silent target 0 with tanh": cost(quadratic, tanh, lambda d, a, y: (a - (y + 1) / 2) * (1 - a**2)),
    "quadratic: a derivative too many": cost(quadratic, linear, lambda delta, a, y: delta * a),
    "cross-entropy: a derivative too many": cost(cross_entropy, sigmoid, lambda delta, a, y: delta * a * (1 - a)),
    "cross-entropy: y - a": cost(cross_entropy, sigmoid, lambda delta, a, y: y - a),
    "cross-entropy: only the right class": cost(cross_entropy, sigmoid, lambda delta, a, y: delta * y),
    "log-likelihood: y forgotten": cost(log_likelihood, softmax, lambda delta, a, y: a),
    "log-likelihood: only the right class": cost(log_likelihood, softmax, lambda delta, a, y: delta * y),
    "log-likelihood: y - a": cost(log_likelihood, softmax, lambda delta, a, y: -delta),
    "l2: biases too": penalty("bias", lambda w, n, is_weight: 0.7 / n * w, l2=0.7),
    "l2: not divided by n": penalty("weight", lambda w, n, is_weight: 0.7 * w * is_weight, l2=0.7),
    "l2: twice": penalty("weight", lambda w, n, is_weight: 2 * 0.7 / n * w * is_weight, l2=0.7),
    "l2: sign": penalty("weight", lambda w, n, is_weight: -0.7 / n * w * is_weight, l2=0.7),
    "l2: forgotten": penalty("weight", lambda w, n, is_weight: 0 * w, l2=0.7),
    "l1: sign": penalty("weight", lambda w, n, is_weight: -0.3 / n * jnp.sign(w) * is_weight, l1=0.3),
    "l1: no sign": penalty("weight", lambda w, n, is_weight: 0.3 / n * is_weight, l1=0.3),
    "l1: l2's": penalty("weight", lambda w, n, is_weight: 0.3 / n * w * is_weight, l1=0.3),
    "l1: not divided by n": penalty("weight", lambda w, n, is_weight: 0.3 * jnp.sign(w) * is_weight, l1=0.3),
    "the mean forgotten": whole(lambda gradient, p, batch, n, key: times(len(batch), gradient(p, batch, n, key))),
    "the last example missed": whole(lambda gradient, p, batch, n, key: gradient(p, batch[:-1], n, key)),
    "the penalty divided by m": whole(lambda gradient, p, batch, n, key: gradient(p, batch, len(batch), key), l2=0.7),
    "another key": whole(lambda gradient, p, b, n, key: gradient(p, b, n, jax.random.fold_in(key, 1)), Dropout(0.4)),
    "no key": whole(lambda gradient, p, batch, n, key: gradient(p, batch, n, None), Dropout(0.4)),
    "one mask for all": whole(same_mask, Dropout(0.4)),
    "layers in the wrong order": whole(lambda gradient, *a: gradient(*a)[::-1]),
}

# ``pytest --collect-only -q -k layer_of_images`` on this file lists and counts them.
OF_IMAGES = {
    "conv: sign below": conv("the layer below", below=lambda s: -down(s.where, s.w, s.delta, s.a.shape[1:])),
    "conv: nothing goes down": conv("the layer below", below=lambda s: 0 * s.a),
    "conv: kernel turned": conv(
        "the layer below", below=lambda s: down(s.where, s.w[:, ::-1, ::-1], s.delta, s.a.shape[1:])
    ),
    "conv: rows for columns": conv(
        "the layer below", below=lambda s: down(s.where, s.w.transpose(0, 2, 1, 3), s.delta, s.a.shape[1:])
    ),
    "conv: channels for maps below": conv(
        "the layer below", below=lambda s: down(s.where, s.w.transpose(3, 1, 2, 0), s.delta, s.a.shape[1:])
    ),
    "conv: stride forgotten below": conv(
        "the layer below", below=lambda s: down(one_by_one(s), s.w, s.delta, s.a.shape[1:])
    ),
    "conv: padding off by one below": conv(
        "the layer below", below=lambda s: down(beside(s, 1), s.w, s.delta, s.a.shape[1:])
    ),
    "conv: zeros on the wrong side below": conv(
        "the layer below", below=lambda s: down(other_side(s), s.w, s.delta, s.a.shape[1:])
    ),
    "conv: pooling forgotten below": conv(
        "the layer below", below=lambda s: down(s.where, s.w, spread(s), s.a.shape[1:])
    ),
    "conv: sigma' forgotten below": conv(
        "the layer below",
        below=lambda s: down(s.where, s.w, s.pool.backward((), s.kept, s.grad)[0], s.a.shape[1:]),
    ),
    "conv: last example missed below": conv(
        "the layer below", below=lambda s: down(s.where, s.w, s.delta.at[-1].set(0), s.a.shape[1:])
    ),
    "conv: last row of windows missed below": conv(
        "the layer below", below=lambda s: down(s.where, s.w, s.delta.at[:, -2:].set(0), s.a.shape[1:])
    ),
    "conv: sign of the weights": conv("weight", weight=lambda s: -up(s.where, s.a, s.delta)),
    "conv: weights turned": conv("weight", weight=lambda s: up(s.where, s.a, s.delta)[:, ::-1, ::-1]),
    "conv: rows of the weights for columns": conv(
        "weight", weight=lambda s: up(s.where, s.a, s.delta).transpose(0, 2, 1, 3)
    ),
    "conv: channels for maps": conv("weight", weight=lambda s: up(s.where, s.a, s.delta).transpose(3, 1, 2, 0)),
    "conv: stride forgotten": conv(
        "weight", weight=lambda s: up(one_by_one(s), s.a[:, :, : s.delta.shape[2] + 1], s.delta)
    ),
    "conv: padding off by one": conv("weight", weight=lambda s: up(beside(s, 1), s.a, s.delta)),
    "conv: zeros on the wrong side": conv("weight", weight=lambda s: up(other_side(s), s.a, s.delta)),
    "conv: pooling forgotten": conv("weight", weight=lambda s: up(s.where, s.a, spread(s))),
    "conv: sigma' forgotten": conv("weight", weight=lambda s: up(s.where, s.a, s.pool.backward((), s.kept, s.grad)[0])),
    "conv: mean for sum over examples": conv("weight", weight=lambda s: up(s.where, s.a, s.delta) / len(s.a)),
    "conv: mean for sum over places": conv(
        "weight", weight=lambda s: up(s.where, s.a, s.delta) / s.delta[0, ..., 0].size
    ),
    "conv: last example missed": conv("weight", weight=lambda s: up(s.where, s.a[:-1], s.delta[:-1])),
    "conv: first column of windows missed": conv(
        "weight", weight=lambda s: up(s.where, s.a, s.delta.at[:, :, 0].set(0))
    ),
    "conv: weights of dense layers": conv("weight", weight=lambda s: up(s.where, s.a, s.delta).reshape(2, -1)),
    "conv: bias, sign": conv("bias", bias=lambda s: -jnp.sum(s.pooled, axis=(0, 1, 2))),
    "conv: bias, mean for sum": conv("bias", bias=lambda s: jnp.mean(s.pooled, axis=(0, 1, 2))),
    "conv: bias, sum over examples only": conv("bias", bias=lambda s: jnp.sum(s.pooled, axis=0)),
    "conv: bias, mean over places": conv("bias", bias=lambda s: jnp.sum(jnp.mean(s.pooled, axis=(1, 2)), axis=0)),
    "conv: bias, pooling forgotten": conv("bias", bias=lambda s: jnp.sum(spread(s), axis=(0, 1, 2))),
    "conv: bias, sigma' forgotten": conv("bias", bias=lambda s: jnp.sum(s.grad, axis=(0, 1, 2))),
    "conv: bias, last example missed": conv("bias", bias=lambda s: jnp.sum(s.pooled[:-1], axis=(0, 1, 2))),
    "max: sign": images(1, lambda right, saved, grad: -right),
    "max: shared among all": images(1, lambda right, saved, grad: wide(grad, 2, 2, 1) / 4),
    "max: all of the window": images(1, lambda right, saved, grad: wide(grad, 2, 2, 1)),
    "max: the first row, whoever wins": images(1, lambda right, saved, grad: wide(grad, 2, 2, 1).at[:, 1::2].set(0)),
    "max: rows for columns in the window": images(
        1, lambda right, saved, grad: MaxPool((2, 2))._join(MaxPool((2, 2))._split(right).swapaxes(2, 4), right.shape)
    ),
    "max: the window beside": images(1, lambda right, saved, grad: jnp.roll(right, 2, axis=2)),
    "max: winners of another example": images(1, lambda right, saved, grad: to_winners(jnp.roll(saved[0], 1, 0), grad)),
    "max: the one after the winner": images(1, lambda right, saved, grad: to_winners((saved[0] + 1) % 4, grad)),
    "max: maps exchanged": images(1, lambda right, saved, grad: right[..., ::-1]),
    "max: last example missed": images(1, lambda right, saved, grad: right.at[-1].set(0)),
    "max: the rest has a gradient": images(1, lambda right, saved, grad: right.at[:, -1].set(1)),
    "max: every one of equals wins": (*images(1, everyone_largest), True),
    "root: not divided by the root": images(2, lambda right, saved, grad: saved[0] * wide(grad, 1, 2)),
    "root: divided by its square": images(2, lambda right, saved, grad: right / wide(saved[1], 1, 2)),
    "root: twice": images(2, lambda right, saved, grad: 2 * right),
    "root: the entry forgotten": images(2, lambda right, saved, grad: wide(grad / saved[1], 1, 2)),
    "root: no square": images(2, lambda right, saved, grad: jnp.sign(saved[0]) * wide(grad, 1, 2)),
    "root: sign": images(2, lambda right, saved, grad: -right),
    "root: a window of zeros divided by 0": root_of_nothing(lambda a, root, grad: wide(grad / root, 1, 2) * a),
    "avg: not divided": images(3, lambda right, saved, grad: 3 * right),
    "avg: divided by the square": images(3, lambda right, saved, grad: right / 3),
    "avg: only the first": images(3, lambda right, saved, grad: right.at[:, 1::3].set(0)),
    "avg: the window beside": images(3, lambda right, saved, grad: jnp.roll(right, 3, axis=1)),
    "avg: sign": images(3, lambda right, saved, grad: -right),
    "flatten: columns first": images(4, lambda right, saved, grad: grad.reshape(-1, 2, 2, 2).transpose(0, 2, 1, 3)),
    "flatten: maps first": images(4, lambda right, saved, grad: grad.reshape(-1, 2, 2, 2).transpose(0, 2, 3, 1)),
    "flatten: left flat": images(4, lambda right, saved, grad: grad),
    "flatten: examples mixed": images(4, lambda right, saved, grad: right[::-1]),
    "distort: nothing put back": distort(lambda right, saved, grad: grad),
    "distort: looked up again": distort(lambda right, saved, grad: look_up_again(saved, grad)),
    "distort: sign": distort(lambda right, saved, grad: -right(saved, grad)),
    "distort: rows for columns": distort(lambda right, saved, grad: right(saved[::-1], grad)),
    "distort: the nearest pixel only": distort(lambda right, saved, grad: right(tuple(map(jnp.round, saved)), grad)),
    "distort: one map for all": distort(lambda right, saved, grad: right(of_the_first(saved), grad)),
    "distort: undone": distort(
        lambda right, saved, grad: look_up_again([2 * a[None] - b for a, b in zip(UNMOVED, saved, strict=True)], grad)
    ),
    # In the text of the two forms in which a convolution's derivative is written.
    "windows: columns backwards": form("windows_backward", "(grad, i, 2", "(grad, kernel - 1 - i if axis else i, 2"),
    "windows: one entry missed": form("windows_backward", "sum(parts[1:]", "sum(parts[2:]"),
    "windows: columns before rows": form("by_windows_backward", "grad.reshape(-1,", "grad.swapaxes(1, 2).reshape(-1,"),
    "library: only columns turned": form("by_library_backward", "weight[:, ::-1, ::-1]", "weight[:, :, ::-1]"),
    "library: stride forgotten": form("by_library_backward", "where.stride", "(1, 1)"),
    "library: the windows beside below": form("by_library_backward", "(k - 1 - low, n -", "(k - low, n - 1 -"),
    "library: the windows beside": form("by_library_backward", "(low, span - 1", "(low + 1, span - 2", "weight"),
}


# Functions that are not what they seem, whose handwritten rule is right.
OTHERS = {
    "stop_gradient": odd(lambda w, a: w * jax.lax.stop_gradient(a), "jax.grad of forward for the layer below"),
    "stop_gradient on a parameter": odd(lambda w, a: jax.lax.stop_gradient(w) * a, "jax.grad of forward for weight"),
    "stop_gradient, and backward likewise": odd(
        lambda w, a: w * jax.lax.stop_gradient(a),
        "forward has another slope for the layer below than its derivatives say, off by",
        lambda below, g: (0 * below, g),
    ),
    "hidden float16": odd(rough(jnp.float16), "forward computes in float16"),
    "hidden bfloat16": odd(rough(jnp.bfloat16), "forward computes in bfloat16"),
    "hidden float32": odd(rough(jnp.float32), "forward computes in float32"),
    "drawn while tracing": odd(lambda w, a: w * a * (1 + 0.1 * NOISE.normal()), "forward changes by"),
    "a mask drawn while tracing": odd(lambda w, a: w * a * (NOISE.uniform(size=N) < 0.5), "forward changes by"),
    "wrong custom_jvp": odd(misled, "jax.grad of forward for weight is off by 2.0e+00"),
    "wrong custom_vjp": odd(short, "jax.grad of forward for the layer below is off by 1.0e+00"),
    "nan from jax.grad": odd(
        lambda w, a: w * a + jnp.where(a > 2, jnp.sqrt(a - 2), 0),
        "jax.grad of forward for the layer below is off by nan",
    ),
    "wrong custom_jvp in a cost": misled_cost(),
}


@jax.custom_jvp
def spread_largest(a):
    return MaxPool((2, 2)).forward((), a)[0]


@spread_largest.defjvp
def _(primals, tangents):
    return spread_largest(*primals), AvgPool((2, 2)).forward((), *tangents)[0]


class Misled(MaxPool):
    """A pooling of the largest with a wrong ``custom_jvp``; its ``backward`` is right."""

    def forward(self, params, a, key=None):
        return spread_largest(a), super().forward(params, a, key)[1]


def misled_pooling(_):
    return gradients.Objective(Network((POOLED[0], Misled((2, 2)), *POOLED[2:]), sigmoid, (13, 8, 1)))


class Bare(L2Pool):
    """L2 pooling whose ``forward`` takes the root of 0 as it comes; its ``backward`` is right."""

    def forward(self, params, a, key=None):
        root = jnp.sqrt(jnp.sum(jnp.square(self._split(a)), axis=(1, 3)))
        return root, (a, root)


def bare_root(_):
    layers = (*SILENT.layers[:2], Bare((1, 2)), *SILENT.layers[3:])
    return gradients.Objective(dataclasses.replace(SILENT, layers=layers))


OTHERS |= {
    "wrong custom_jvp in a layer_of_images": (
        misled_pooling,
        "layer 1, Misled: jax.grad of forward for the layer below",
    ),
    "no guard under the root in a layer_of_images": (
        bare_root,
        "layer 2, Bare: jax.grad of forward for the layer below is off by nan",
    ),
}


@pytest.mark.parametrize("fault", OTHERS)
def test_a_fault_of_the_function_is_not_blamed_on_its_rule(fault):
    plant, sentence = OTHERS[fault]
    found = faults_of(plant(None))
    assert not found.ok
    assert any(line.startswith(sentence) for line in found.faults), str(found)
    rule = sentence.partition(":")[0]
    assert all(line.startswith(rule) and "backward's" not in line for line in found.faults), str(found)
    assert "HANDWRITTEN IS WRONG" not in {row.verdict for row in found.rows}, str(found)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_lower_precision_is_named_in_a_check_of_float32(dtype):
    """float32 too: differences are of float64, and have to see it."""
    found = faults_of(odd(rough(dtype), "")[0](None), dtype="float32")
    assert found.faults == (f"layer 1, Odd: forward computes in {dtype}; keep the dtype of its input",)


def assert_caught_and_named(fault, monkeypatch):
    plant, sentence, *ties = fault
    found = faults_of(plant(monkeypatch), *ties)
    assert not found.ok
    assert any(line.startswith(sentence) for line in found.faults), str(found)
    rule = sentence.partition(":")[0]
    assert all(line.startswith(rule) for line in found.faults), str(found)  # and nothing else is blamed
    assert "HANDWRITTEN IS WRONG" in {row.verdict for row in found.rows}, str(found)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_and_named(fault, monkeypatch):
    assert_caught_and_named(FAULTS[fault], monkeypatch)


@pytest.mark.parametrize("fault", OF_IMAGES)
def test_a_planted_fault_in_a_layer_of_images_is_caught_and_named(fault, monkeypatch):
    assert_caught_and_named(OF_IMAGES[fault], monkeypatch)


@pytest.mark.parametrize(
    "among_equals",
    [
        lambda mask: mask & (jnp.cumsum(mask[..., ::-1], axis=-1)[..., ::-1] == 1),
        lambda mask: mask / jnp.sum(mask, axis=-1, keepdims=True),
    ],
    ids=["the last of equals", "shared among equals"],
)
def test_another_choice_among_equals_is_a_kink_and_no_fault(among_equals, monkeypatch):
    """There is no derivative there. That ``backward`` and ``jax.grad`` choose alike, test_convolution.py says."""

    def backward(self, params, saved, grad):
        a = self._split(saved[1])  # (m, down, rows, across, columns, channels)
        entries = a.transpose(0, 1, 3, 5, 2, 4).reshape(*grad.shape, -1)
        share = among_equals(entries == jnp.max(entries, axis=-1, keepdims=True)) * grad[..., None]
        parts = share.reshape(*grad.shape, *self.size).transpose(0, 1, 4, 2, 5, 3)
        return self._join(parts, saved[1].shape), ()

    monkeypatch.setattr(MaxPool, "backward", backward)
    for ties in (False, True):
        found = faults_of(gradients.Objective(POOLS), ties)
        assert found.ok, str(found)
    image, grad = jnp.zeros((1, 2, 2, 1)), jnp.ones((1, 1, 1, 1))
    assert np.ravel(MaxPool(2).backward((), (None, image), grad)[0])[0] != 1  # where the first of equals gets 1


@pytest.mark.parametrize("ties", [False, True], ids=["", "ties"])
@pytest.mark.parametrize("network", [MAPS, POOLS, SILENT], ids=["conv", "pooling", "root of nothing"])
def test_without_a_fault_the_same_networks_of_images_pass(network, ties):
    found = faults_of(gradients.Objective(network), ties)
    assert found.ok, str(found)


def test_without_a_fault_the_same_networks_pass():
    for middle in (None, Scale(), Dropout(0.4)):
        found = faults_of(gradients.Objective(network(middle), l1=0.3, l2=0.7))
        assert found.ok, str(found)
