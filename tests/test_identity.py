"""What a setting is, written down: equal ones are one, and different ones are told apart."""

import functools
import json
import os
import subprocess
import sys
import types

import jax
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


@pytest.mark.parametrize("make", [lambda: adam(0.5), lambda: lambda count: RATE**count])
def test_a_function_of_ones_own_is_described_alike_but_never_taken_for_another(make):
    first, second = make(), make()
    assert json.dumps(identity.describe(first)) == json.dumps(identity.describe(second))
    assert identity.canonical(first) is first
    assert identity.canonical(second) is second


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
def test_a_cell_that_is_run_again_with_another_constant_is_another_setting():
    source, names = "schedule = lambda count: DECAY", {"DECAY": 1.0}
    code = compile(source, "cell", "exec")
    run_cell = types.FunctionType(code, names)
    run_cell()
    first = names["schedule"]
    settings = {"key": KEY, "epochs": 1, "learning_rate": 0.5, "batch_size": 4}
    before = jnndl.fit(mlp([2, 3]), blobs(32), schedule=first, **settings).history.learning_rate
    names["DECAY"] = 0.01
    run_cell()
    after = jnndl.fit(mlp([2, 3]), blobs(32), schedule=names["schedule"], **settings).history.learning_rate
    np.testing.assert_allclose([before[0], after[0]], [0.5, 0.005], rtol=1e-6)


class Decay:
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, count):
        return self.rate

    def method(self, count):
        return self.rate


def wrapped(function, factor):
    @functools.wraps(function)
    def wrapper(count):
        return factor * function(count)

    return wrapper


def half(count):
    return 0.5


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Decay(0.5), Decay(0.1)),
        (Decay(0.5).method, Decay(0.1).method),
        (jax.jit(lambda count: 0.5), jax.jit(lambda count: 0.1)),
        (wrapped(half, 1.0), wrapped(half, 2.0)),
        (wrapped(half, 1.0), half),
        (optax.inject_hyperparams(optax.sgd), optax.sgd),
        (lambda rate, a=0.9, b=0.0: optax.sgd(rate, a), lambda rate, b=0.9, a=0.0: optax.sgd(rate, b)),
        (lambda rate, *momentum: rate, lambda rate, momentum: rate),
        (frozenset({1, 2}), frozenset({1, 3})),
        (range(3), range(4)),
        (jax.random.key(0, impl="rbg"), jax.random.key(0, impl="unsafe_rbg")),
    ],
    ids=[
        "objects",
        "methods",
        "jitted",
        "wrappers",
        "wrapper",
        "inject",
        "signature",
        "star",
        "sets",
        "ranges",
        "keys",
    ],
)
def test_what_differs_in_what_it_holds_is_described_differently(first, second):
    assert identity.describe(first) != identity.describe(second)
    json.dumps(identity.describe(first))
    assert identity.describe(first) == identity.describe(first)


def test_a_function_that_closes_over_a_module_can_be_described():
    import numpy as module

    json.dumps(identity.describe(lambda count: module.float32(1.0)))


def test_a_description_is_the_same_in_another_process(tmp_path):
    program = """
from jnndl import identity
def schedule(count):
    return 1.0 if "a" in {"a", "b", "ccc", "dd", "e"} else 0.5
print(identity.describe(schedule)["code"])
"""
    (tmp_path / "program.py").write_text(program)
    found = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, str(tmp_path / "program.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("value", [np.cos, np.ones_like, max, 3, None, [1]])
def test_what_is_not_a_function_of_a_known_package_stays_as_it_is(value):
    assert identity.canonical(value) is value
