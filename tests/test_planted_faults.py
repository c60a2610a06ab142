"""Every handwritten rule, changed in turn: the checker has to fail, and to name the rule that was changed."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jnndl import Dataset, Dense, Dropout, Network, check_gradients, checks, gradients, regularizers
from jnndl.costs import cross_entropy, log_likelihood, quadratic
from jnndl.layers import Affine
from jnndl.neurons import linear, relu, sigmoid, softmax, step, tanh

pytestmark = pytest.mark.slow

KEY = jax.random.key(2)
N = 4  # the layer at fault is square, so that a transposed weight has the right shape
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


def faults_of(objective, **options):
    """What the checker finds with six examples, and the arrays in whose rows it is seen."""
    rng = np.random.default_rng(0)
    batch = Dataset(rng.normal(size=(6, 3)), np.array([0, 1, 1, 0, 1, 0]))
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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_and_named(fault, monkeypatch):
    plant, sentence = FAULTS[fault]
    found = faults_of(plant(monkeypatch))
    assert not found.ok
    assert any(line.startswith(sentence) for line in found.faults), str(found)
    rule = sentence.partition(":")[0]
    assert all(line.startswith(rule) for line in found.faults), str(found)  # and nothing else is blamed
    assert "HANDWRITTEN IS WRONG" in {row.verdict for row in found.rows}, str(found)


def test_without_a_fault_the_same_networks_pass():
    for middle in (None, Scale(), Dropout(0.4)):
        found = faults_of(gradients.Objective(network(middle), l1=0.3, l2=0.7))
        assert found.ok, str(found)
