"""Each handwritten rule by itself: a layer's ``backward``, a cost's ``delta``, the penalty's gradient.

Such a rule is the derivative of one function (``forward``, ``value``, the penalty). Three witnesses are heard about it:
the rule, ``jax.vjp``, and differences of the function itself. Two against one decide who is wrong. What a layer gets
from the layers above it plays no part, so that no layer is blamed for another's fault.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from jnndl import regularizers
from jnndl.data import Dataset
from jnndl.differences import POINTS, Slopes, move_one, once, slopes
from jnndl.gradients import Objective
from jnndl.network import Params

Seen = list[list[tuple[np.ndarray, Slopes]]]  # for each array, directions and the slopes of all outputs along them
SHRUNK = (1.0, 2.0**-4, 2.0**-8, 2.0**-12, 2.0**-24)  # sizes of the input at which a rule is tried
BESIDE = 1e-3  # how far beside the input it is tried, too, because the input itself may lie on a kink


class Rule(NamedTuple):
    """A function and the handwritten rule that should be its derivative.

    Attributes:
        subject: what both belong to.
        function: the function's name.
        by_hand: the rule's name.
        forward: ``x -> (outputs, saved)``.
        backward: ``(x, saved, grad) -> grad_x``.
        label: from the key path of an array in x to the array's name.
        shrink: ``(x, size) -> x`` with everything smaller in it that can saturate a neuron.
    """

    subject: str
    function: str
    by_hand: str
    forward: Callable[[Any], tuple[Array, PyTree]]
    backward: Callable[[Any, PyTree, Array], PyTree]
    label: Callable[[tuple], str]
    shrink: Callable[[Any, Array], Any]


class Trial(NamedTuple):
    """What a rule and ``jax.vjp`` return for the same input and the same gradients of the output.

    Attributes:
        x: the function's input.
        outputs: its output.
        again: its output when it is traced a second time.
        sent: gradients of the output, stacked: the own one of the network, an arbitrary one for each of ``SHRUNK``, and
            one for a place beside the input.
        by_hand: what the rule returns for each.
        automatic: what ``jax.vjp`` returns for each.
    """

    x: PyTree
    outputs: Array
    again: Array
    sent: Array
    by_hand: PyTree
    automatic: PyTree


def name(path: tuple) -> str:
    """A key path of a pytree as text."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def shapes(tree: PyTree) -> str:
    """The structure of a pytree and the shapes of its arrays as text."""
    return str(jax.tree.map(jnp.shape, tree))


def rules_of(objective: Objective, y: Array, n: int, keys: Key[Array, " m"]) -> list[Rule]:
    """The rules of an objective.

    Args:
        objective: whose rules.
        y: the targets of m examples, shape (m, n_out).
        n: what divides the penalty.
        keys: a key for each example, for layers that are random in training.

    Returns:
        A rule for each layer, first to last, then the cost's, then the penalty's if there is one.
    """
    cost, neuron, penalty = objective.cost, objective.network.neuron, (n, objective.l1, objective.l2)
    found = []
    for number, layer in enumerate(objective.network.layers):

        def forward(x: tuple, layer: Any = layer) -> tuple[Array, PyTree]:
            return jax.vmap(layer.forward, (None, 0, 0))(*x, keys)

        def backward(x: tuple, saved: PyTree, grad: Array, layer: Any = layer) -> tuple:
            below, grads = layer.backward(x[0], saved, grad)
            return grads, below

        def label(path: tuple) -> str:
            return "the layer below" if path[0].idx == 1 else name(path[1:])

        subject = f"layer {number}, {type(layer).__name__}"
        found.append(Rule(subject, "forward", "backward's gradient", forward, backward, label, shrink_layer))

    def value(z: Array) -> tuple[Array, None]:
        return jax.vmap(lambda z, y: cost.value(z, y, neuron))(z, y), None

    def delta(z: Array, saved: None, grad: Array) -> Array:
        return jax.vmap(lambda z, y, grad: grad * cost.delta(z, y, neuron))(z, y, grad)

    found.append(
        Rule(f"cost {cost.name}", "value", "delta", value, delta, lambda _: f"the {neuron.name} output", _shrink)
    )

    def total(params: Params) -> tuple[Array, None]:
        return regularizers.penalty(params, *penalty)[None], None

    def gradient(params: Params, saved: None, grad: Array) -> Params:
        nothing = jax.tree.map(jnp.zeros_like, params)
        return jax.tree.map(lambda a: grad[0] * a, regularizers.add_penalty_gradient(nothing, params, *penalty))

    if penalty[1:] != (None, None):
        found.append(
            Rule("penalty", "the penalty", "the gradient", total, gradient, lambda p: f"layer {name(p)}", _shrink)
        )
    return found


def _shrink(x: PyTree, size: Array) -> PyTree:
    return jax.tree.map(lambda a: size.astype(a.dtype) * a, x)


def shrink_layer(x: tuple, size: Array) -> tuple:
    """A layer's input with smaller parameters; where there are none, with smaller activations."""
    params, a = x
    return (_shrink(params, size), a) if jax.tree.leaves(params) else (params, _shrink(a, size))


def try_rules(objective: Objective, n: int, params: Params, batch: Dataset, keys: Key[Array, " m"]) -> list[Trial]:
    """Try each rule beside ``jax.vjp``; to be compiled.

    Args:
        objective: whose rules.
        n: what divides the penalty.
        params: the parameters.
        batch: m examples.
        keys: a key for each.

    Returns:
        A trial of each rule.
    """
    a, y = objective.examples(params, batch)
    rules, count = rules_of(objective, y, n, keys), len(params)
    inputs: list[PyTree] = []
    for rule, layer_params in zip(rules[:count], params, strict=True):
        inputs.append((layer_params, a))
        a, _ = rule.forward(inputs[-1])
    inputs += [a, params]  # the cost's and the penalty's
    outputs = [a for _, a in inputs[1:count]] + [a]
    outputs += [rule.forward(x)[0] for rule, x in zip(rules[count:], inputs[count:], strict=False)]
    trials = [_trial(rules[i], inputs[i], outputs[i], jnp.ones(1)) for i in range(count + 1, len(rules))]
    grad = jnp.ones(len(batch)) / len(batch)
    for i in reversed(range(count + 1)):
        trials.insert(0, _trial(rules[i], inputs[i], outputs[i], grad))
        grad = jax.tree.leaves(trials[0].automatic)[-1][0]  # the last is the one for the layer below
    return trials


def _trial(rule: Rule, x: PyTree, outputs: Array, grad: Array) -> Trial:
    sizes, shifts = [1.0, *SHRUNK, 1.0], [0.0] * (1 + len(SHRUNK)) + [BESIDE]
    sent = jnp.stack([grad.astype(outputs.dtype), *(_arbitrary(outputs, k) for k in range(1, len(sizes)))])

    def both(case: tuple[Array, Array, Array]) -> tuple:
        grad, size, shift = case
        moved = jax.tree.map(lambda a: a + shift.astype(a.dtype) * _arbitrary(a, 1), rule.shrink(x, size))
        again, pull, saved = jax.vjp(rule.forward, moved, has_aux=True)
        return again, rule.backward(moved, saved, grad), *pull(grad)

    again, by_hand, automatic = jax.lax.map(both, (sent, jnp.asarray(sizes), jnp.asarray(shifts)))
    return Trial(x, outputs, again[0], sent, by_hand, automatic)


def _arbitrary(like: Array, number: int) -> Array:
    """Numbers from -1 to 1 that no rule can be expected to be fitted to."""
    return jnp.cos(number * jnp.arange(1.0, like.size + 1) ** 2).reshape(like.shape).astype(like.dtype)


@functools.partial(once, static_argnames="n")  # a second check of a network finds it compiled
def _outputs(
    objective: Objective, params: Params, batch: Dataset, n: int, keys: Key[Array, " m"], xs: list, along: list
) -> list[Array]:
    """The outputs of each function at ``POINTS`` of the straight line through x along ``along``."""
    rules = rules_of(objective, objective.examples(params, batch)[1], n, keys)

    def walk(rule: Rule, x: PyTree, v: PyTree) -> Array:
        return jax.lax.map(lambda t: rule.forward(jax.tree.map(lambda a, b: a + t * b, x, v))[0], jnp.asarray(POINTS))

    return [walk(*each) for each in zip(rules, xs, along, strict=True)]


def slopes_of(
    objective: Objective, params: Params, batch: Dataset, n: int, keys: Key[Array, " m"], xs: list, draws: np.ndarray
) -> list[Seen]:
    """Differences of each rule's function.

    Args:
        objective: whose rules; the next four arguments are those of ``try_rules``.
        params: in float64.
        batch: m examples.
        n: what divides the penalty.
        keys: a key for each example.
        xs: the input of each function, in float64.
        draws: random numbers for directions, a row for each.

    Returns:
        For each rule and each array of its input: directions, and the slopes of all outputs along them.
    """
    found: list[Seen] = [[[] for _ in jax.tree.leaves(x)] for x in xs]
    alike = np.ones(1)  # all entries: what is equal stays equal, so that there is a slope even where a pooling has ties
    for number, draw in itertools.product(range(max(map(len, found))), [*draws, alike]):
        along = [move_one(x, number, draw) for x in xs]
        outputs = _outputs(objective, params, batch, n, keys, xs, along)
        for seen, v, values in zip(found, along, outputs, strict=True):
            if number < len(seen):
                seen[number].append((jax.tree.leaves(v)[number], slopes(np.asarray(values))))
    return found
