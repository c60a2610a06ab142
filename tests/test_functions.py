"""What a user's own functions and layers return: the wrong kind or shape is named, and does not train."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest
from samples import blobs

import jnndl
from jnndl import Dense, Network, functions, mlp, settings, training

DATA = blobs(6)
PLAIN = mlp([2, 3])


@pytest.fixture(autouse=True)
def no_type_checker():
    """What a user meets: only these tests switch the checker of annotations on."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def trace(network=PLAIN, **given):
    """Trace an epoch, as compiling would."""
    config = settings.TrainConfig(network, batch_size=4, **given)
    state = jax.eval_shape(functools.partial(settings.start, config), settings.Hyperparameters(np.float32(0.5)), KEY)
    return jax.eval_shape(functools.partial(training.train_epoch, config), state, DATA, None)


KEY = jax.eval_shape(lambda: jax.random.key(0))


@dataclasses.dataclass(frozen=True)
class Own:
    """A layer that multiplies, with one of its methods exchanged."""

    of: str = ""
    instead: object = None

    def init(self, key):
        return self.instead(key) if self.of == "init" else (jnp.ones(3),)

    def forward(self, params, a, key=None):
        return self.instead(params, a, key) if self.of == "forward" else (a * params[0], a)

    def backward(self, params, saved, grad):
        if self.of == "backward":
            return self.instead(params, saved, grad)
        return grad * params[0][None], (jnp.sum(grad * saved, axis=0),)

    def __repr__(self):
        return "Own()"


def with_layer(of="", instead=None):
    return Network((Dense(2, 3), Own(of, instead), Dense(3, 3, "linear")), "sigmoid", (2,))


@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_a_layer_that_returns_what_it_should_trains(gradient):
    trace(with_layer(), gradient=gradient)


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (None, r"returned None; make it return a NamedTuple of arrays of floats, or \(\) where there is nothing"),
        ("abc", "returned 'abc'; make it"),
        ((1.0,), r"returned \(1\.0,\); make it"),
        ((np.ones(3, int),), "returned .*; make it return a NamedTuple of arrays of floats"),
    ],
)
def test_an_init_of_the_wrong_kind_is_named(made, sentence):
    with pytest.raises(ValueError, match=rf"Network: layer 1, Own\(\): its init {sentence}"):
        with_layer("init", lambda key: made)


@pytest.mark.parametrize(
    ("forward", "sentence"),
    [
        (lambda params, a, key: a, r"returned float32 of shape \(3,\); make it return the output, an array, and what"),
        (lambda params, a, key: (a, "seen"), r"returned \(.*'seen'\); make it return the output, an array, and what"),
        (
            lambda params, a, key: (a.astype(int), a),
            r"returned int32 of shape \(3,\); make it return an array of float",
        ),
    ],
)
def test_a_forward_of_the_wrong_kind_is_named(forward, sentence):
    with pytest.raises(ValueError, match=rf"^Network: layer 1, Own\(\): its forward {sentence}"):
        with_layer("forward", forward)


def test_a_forward_of_another_shape_in_training_is_named():
    network = with_layer("forward", lambda params, a, key: (a if key is None else a[:2], a))
    with pytest.raises(
        ValueError, match=r"layer 1, Own\(\): its forward returned an output of shape \(2,\) in training"
    ):
        trace(network)
    network = with_layer("forward", lambda params, a, key: (a, a) if key is None else a)
    with pytest.raises(TypeError, match=r"layer 1, Own\(\): its forward returned float32 of shape \(3,\); make it"):
        trace(network)


BACKWARD = {
    "nothing": lambda params, saved, grad: None,
    "one thing": lambda params, saved, grad: grad,
    "three": lambda params, saved, grad: (grad, (grad.sum(axis=0),), grad),
    "no rows": lambda params, saved, grad: (grad.sum(axis=0), (grad.sum(axis=0),)),
    "one row": lambda params, saved, grad: (grad[:1], (grad.sum(axis=0),)),
    "no sum": lambda params, saved, grad: (grad, (grad,)),
    "a scalar": lambda params, saved, grad: (grad, (grad.sum(),)),
    "none for the parameters": lambda params, saved, grad: (grad, ()),
    "a list": lambda params, saved, grad: (grad, [grad.sum(axis=0)]),
    "a text": lambda params, saved, grad: ("grad", (grad.sum(axis=0),)),
    "whole numbers": lambda params, saved, grad: (grad, (grad.sum(axis=0).astype(int),)),
}


@pytest.mark.parametrize("backward", BACKWARD.values(), ids=BACKWARD)
def test_a_backward_of_the_wrong_kind_is_named(backward):
    with pytest.raises(
        TypeError, match=r"^layer 1, Own\(\): its backward returned .*; make it return the gradient for"
    ):
        trace(with_layer("backward", backward), gradient="backprop")


def changed(change):
    """A gradient that somebody changed."""
    return lambda objective: lambda params, batch, n, key: change(jax.grad(objective)(params, batch, n, key))


GRADIENTS = {
    "no function": (lambda objective: 3, "what gradient returned is 3; give a function of"),
    "other arguments": (lambda objective: lambda params: params, "what gradient returned cannot be called with 4 arg"),
    "nothing": (changed(lambda grads: None), "gradient returned None; make it return a pytree like the parameters"),
    "with the value": (changed(lambda grads: (1.0, grads)), "gradient returned a tuple; make it return a pytree like"),
    "a list": (changed(list), "gradient returned a list; make it"),
    "another shape": (
        changed(lambda grads: jax.tree.map(lambda leaf: leaf[None], grads)),
        r"gradient returned float32 of shape \(1, 3, 2\) at \[0\]\.weight; make it return a pytree like the parameters",
    ),
    "sums": (changed(lambda grads: jax.tree.map(jnp.sum, grads)), r"gradient returned float32 of shape \(\) at"),
    "whole numbers": (
        changed(lambda grads: jax.tree.map(lambda leaf: leaf.astype(int), grads)),
        r"gradient returned int32 of shape \(3, 2\) at \[0\]\.weight; make it .*, there float32 of shape \(3, 2\)",
    ),
}


@pytest.mark.parametrize(("gradient", "sentence"), GRADIENTS.values(), ids=GRADIENTS)
def test_a_gradient_of_the_wrong_kind_is_named(gradient, sentence):
    with pytest.raises(TypeError, match=f"^{sentence}"):
        trace(gradient=gradient)


@pytest.mark.parametrize("factor", [None, "x", 1j, np.ones(1), np.ones(2)])
def test_a_schedule_of_the_wrong_kind_is_named(factor):
    with pytest.raises(TypeError, match=r"^schedule returned .*; make it return a number"):
        trace(schedule=lambda count: factor)


@pytest.mark.parametrize("factor", [2, 0.5, np.float64(0.5), jnp.float32(0.5)])
def test_a_schedule_may_return_any_number(factor):
    trace(schedule=lambda count: factor)


def optimizer(update):
    return lambda rate: optax.GradientTransformation(lambda params: (), update)


OPTIMIZERS = {
    "nothing": (lambda rate: None, r"optimizer returned None; make it return what optax\.adam\(learning_rate\) does"),
    "a tuple": (lambda rate: (1, 2), r"optimizer returned \(1, 2\); make it return what optax\.adam"),
    "another function": (lambda rate: optax.sgd, "optimizer returned .*; make it return what optax"),
    "updates alone": (
        optimizer(lambda grads, state, params=None: grads),
        "the optimizer's update returned .*; make it",
    ),
    "another state": (optimizer(lambda grads, state, params=None: (grads, (1,))), "the optimizer's update returned"),
    "no updates": (optimizer(lambda grads, state, params=None: (None, state)), "the optimizer's update returned"),
    "sums": (
        optimizer(lambda grads, state, params=None: (jax.tree.map(jnp.sum, grads), state)),
        r"the optimizer's update returned float32 of shape \(\) at \[0\]\[0\]\.weight; make it return updates like the",
    ),
}


@pytest.mark.parametrize(("optimizer", "sentence"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_optimiser_of_the_wrong_kind_is_named(optimizer, sentence):
    with pytest.raises(TypeError, match=f"^{sentence}"):
        trace(optimizer=optimizer)


@pytest.mark.parametrize("found", ["x", {"norm": "x"}, object(), 1j])
def test_a_probe_of_the_wrong_kind_is_named(found):
    with pytest.raises(TypeError, match=r"^probe returned .*; make it return real numbers"):
        trace(probe=lambda *_: found)


def test_a_probe_may_return_any_numbers():
    trace(probe=lambda objective, params, data: {"norm": params[0].bias, "all": (1, True, np.float64(2)), "none": None})


@pytest.mark.parametrize("answer", [True, np.bool_(True), np.array(True), jnp.asarray(True)])
def test_a_callback_may_say_stop_in_any_way(answer):
    assert functions.says_stop(answer)


@pytest.mark.parametrize("answer", [None, False, np.bool_(False)])
def test_a_callback_may_say_go_on_in_any_way(answer):
    assert not functions.says_stop(answer)


@pytest.mark.parametrize("answer", ["stop", 1, np.array([True, False])])
def test_a_callback_that_says_neither_is_named(answer):
    with pytest.raises(TypeError, match=r"^callback returned .*; make it return True to end the training, else None$"):
        functions.says_stop(answer)


def test_fit_asks_the_callback():
    with pytest.raises(TypeError, match=r"^callback returned 'stop'"):
        jnndl.fit(PLAIN, DATA, key=0, epochs=1, learning_rate=0.5, batch_size=6, callback=lambda *_: "stop")


@pytest.mark.parametrize("name", functions.FUNCTIONS)
def test_a_function_of_other_arguments_is_named_before_training(name):
    with pytest.raises(TypeError, match=rf"^{name} cannot be called with (one|\d) arguments? \(.*\); give "):
        jnndl.fit(PLAIN, DATA, key=0, epochs=1, learning_rate=0.5, batch_size=6, **{name: lambda a, b, c, d: 1})
