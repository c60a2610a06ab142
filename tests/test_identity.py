"""What a setting is, written down: equal ones are one, and different ones are told apart."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from samples import blobs

import jnndl
from jnndl import identity, mlp

KEY = jax.random.key(0)


def adam(b1):
    return lambda learning_rate: optax.adam(learning_rate, b1=b1)


RATE = 0.5
DIFFERENT = {
    "lambdas": (lambda count: 0.5**count, lambda count: 0.25**count),
    "closures": (adam(0.5), adam(0.9)),
    "boundaries": [optax.piecewise_constant_schedule(1.0, {boundary: 0.1}) for boundary in (5000, 6000)],
    "partials": (functools.partial(optax.sgd, nesterov=True), functools.partial(optax.sgd, nesterov=False)),
    "arrays": (np.zeros(3, np.float32), np.zeros(3, np.float64)),
    "strides": (np.arange(6)[::2], np.arange(3)),
    "functions of a library": (optax.adam, optax.sgd),
    "nested functions": ((lambda: (lambda: 1)), (lambda: (lambda: 2))),
    "initializers": (jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2), jax.nn.initializers.he_normal()),
}  # fmt: skip


@pytest.mark.parametrize("what", DIFFERENT)
def test_different_settings_are_described_differently_and_stay_apart(what):
    first, second = DIFFERENT[what]
    assert identity.describe(first) != identity.describe(second)
    assert identity.differences(identity.describe(first), identity.describe(second), "x")
    if callable(first):
        assert identity.canonical(first) is not identity.canonical(second)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optax.exponential_decay(0.1, 100, 0.5),
        lambda: optax.piecewise_constant_schedule(1.0, {5000: 0.1}),
        lambda: functools.partial(optax.sgd, nesterov=True),
        lambda: jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2),
        lambda: adam(0.5),
        lambda: lambda count: RATE**count,
    ],
)
def test_a_setting_made_anew_is_the_same_setting(make):
    first, second = make(), make()
    assert first is not second
    assert json.dumps(identity.describe(first)) == json.dumps(identity.describe(second))
    kept = identity.canonical(first)
    assert identity.canonical(second) is kept


def test_what_can_change_is_never_taken_for_another():
    def counting(calls):
        return lambda count: calls.append(count)

    first, second = counting([]), counting([])
    assert identity.describe(first) == identity.describe(second)
    assert identity.canonical(first) is first
    assert identity.canonical(second) is second


def test_a_constant_that_a_function_looks_up_belongs_to_it(monkeypatch):
    def schedule(count):
        return RATE**count

    before = identity.describe(schedule)
    monkeypatch.setitem(globals(), "RATE", 0.25)
    assert identity.describe(schedule) != before


def test_a_function_that_refers_to_itself_can_be_described():
    def schedule(count):
        return 1.0 if count == 0 else schedule(count - 1)

    json.dumps(identity.describe(schedule))
    assert identity.canonical(schedule) is schedule


def test_settings_made_anew_do_not_compile_again(compiled):
    he, training = jax.nn.initializers.he_normal, blobs(32)

    def run(key):
        network = mlp([2, 3, 3], weight_init=he(in_axis=-1, out_axis=-2))
        schedule = optax.exponential_decay(1.0, 8, 0.5)
        optimizer = functools.partial(optax.sgd, nesterov=True)
        settings = {"schedule": schedule, "optimizer": optimizer, "momentum": 0.5, "batch_size": 4}
        jnndl.fit(network, training, key=key, epochs=2, learning_rate=0.5, **settings)
        jnndl.fit_many(network, training, keys=key[None], epochs=2, learning_rate=0.5, **settings)

    run(KEY)
    compiled.clear()
    run(jax.random.key(1))
    assert compiled == []


def test_functions_of_arrays_that_cannot_change_are_one():
    def scaled(factors):
        return lambda learning_rate: optax.sgd(learning_rate * factors[0])

    arrays = [jnp.asarray([1.0, 2.0]), jnp.asarray([1.0, 2.0]), jnp.asarray([2.0, 2.0])]
    first, second, third = (identity.canonical(scaled(array)) for array in arrays)
    assert first is second
    assert third is not first
