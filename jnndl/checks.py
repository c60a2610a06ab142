"""Every gradient three ways: by hand, by ``jax.grad``, and by central differences, which know nothing of calculus.

``check_gradients`` is for whoever writes a layer, a neuron or a cost: it says whether the handwritten rule is right,
and names the one that is not.
"""

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from jnndl import regularizers, validation
from jnndl.data import Dataset
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.network import Params

Scalar = Float[Array, ""]


# Handwritten against automatic, relative in norm; either against differences, relative to norm/sqrt(number of entries),
# which is what a random direction of length one sees of a gradient. Differences are of float64: where weights are
# large, a float32 gradient is off from them by its own rounding, in five linear layers with N(0, 1) weights by 1e-4.
TOLERANCES = {"float64": (1e-12, 1e-7), "float32": (1e-5, 1e-3)}
STEP = 1e-2  # of the central differences, along a direction of length one; shortened where the cost has a kink
ROUNDING = 1e-12  # what a difference is off by, for a cost of 1, because costs are rounded to 16 digits
SMOOTH = TOLERANCES["float64"][1]  # differences are taken in float64, whatever is held against them
FEW = 50  # entries of an array up to which every coordinate gets its own difference
DIRECTIONS, DRAWS = 4, 24
SHARE = 3  # n, which divides the penalty, is not the batch size: one in the other's place has to show


once = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # for what hardly runs twice


class Row(NamedTuple):
    """One array of the parameters in the table of ``check_gradients``.

    Attributes:
        layer: the layer's number and kind.
        array: the array's name in the layer.
        norm: the Euclidean norm of its automatic gradient.
        by_hand: handwritten against automatic, relative in norm.
        numerical: handwritten against central differences, the worst direction; relative as in ``TOLERANCES``.
        automatic: automatic against central differences, likewise.
        verdict: "ok", or which of the three stands alone.
    """

    layer: str
    array: str
    norm: float
    by_hand: float
    numerical: float
    automatic: float
    verdict: str


class GradientCheck(NamedTuple):
    """What ``check_gradients`` found; prints as a table.

    Attributes:
        rows: a row an array.
        faults: a sentence for each handwritten rule that is not the derivative of its own function. Each is checked by
            itself, so that the layer at fault is named, and not those below, which inherit its error.
    """

    rows: tuple[Row, ...]
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return not self.faults and all(row.verdict == "ok" for row in self.rows)

    def __str__(self) -> str:
        """The table, and the faults under it."""
        head = f"{'layer':<14}{'array':<10}{'norm':>11}{'hand-auto':>12}{'hand-diff':>12}{'auto-diff':>12}  verdict"
        lines = [
            f"{row.layer:<14}{row.array:<10}{row.norm:11.3e}{row.by_hand:12.1e}{row.numerical:12.1e}"
            f"{row.automatic:12.1e}  {row.verdict}"
            for row in self.rows
        ]
        return "\n".join([head, *lines, *(f"FAULT: {fault}" for fault in self.faults)])


VERDICTS = dict.fromkeys(itertools.product((True, False), repeat=3), "NO TWO AGREE") | {
    (True, True, True): "ok",
    (False, False, True): "HANDWRITTEN IS WRONG",
    (False, True, False): "AUTOMATIC IS WRONG",
    (True, False, False): "BOTH DIFFER FROM THE COST",
}


def check_gradients(
    objective: Objective, params: Params, batch: Dataset, key: Key[Array, ""], *, dtype: str = "float64"
) -> GradientCheck:
    """Compare the handwritten gradient, ``jax.grad`` and central differences, array by array (chapter 2).

    The two gradients are computed in ``dtype``, the differences always in float64, which is turned on here and off
    again: along every coordinate of a small array, along random directions of a large one. Matrix products are of the
    highest precision. Where a ReLU sits exactly on its kink there is no derivative, and differences agree with neither.

    Args:
        objective: what to differentiate.
        params: where, as from ``objective.network.init``.
        batch: a mini-batch, m >= 1 examples; a few will do. The penalty is divided by n = 3 m.
        key: for the directions, and for layers that are random in training.
        dtype: "float64" or "float32"; with it goes the tolerance (``TOLERANCES``).

    Returns:
        A ``GradientCheck``; ``print`` it, or assert its ``ok``.

    Raises:
        TypeError, ValueError: if dtype is neither, or params or batch do not fit the network.
    """
    if dtype not in TOLERANCES:
        raise ValueError(f"dtype is {dtype!r}; give {' or '.join(map(repr, TOLERANCES))}")
    validation.check_model(objective.network, objective.cost)
    validation.check_params(objective.network, params)
    validation.check_data(objective.network, objective.cost, batch, "checked")
    (limit, limit_of_differences), n = TOLERANCES[dtype], SHARE * len(batch)
    layers_key, directions_key = jax.random.split(key)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        params = jax.tree.map(lambda a: jnp.asarray(a, dtype), params)
        faults = _faults(objective, params, batch, n, layers_key, limit)
        autos = _automatic(objective, params, batch, n, layers_key)
        try:
            hands = once(backprop(objective), static_argnums=2)(params, batch, n, layers_key)
        except (TypeError, ValueError):
            if not faults:
                raise
            hands = ()
        if _shapes(hands) != _shapes(params):
            hands = jax.tree.map(lambda a: np.full(a.shape, np.nan), params)  # equal to nothing
        exact = objective, jax.tree.map(lambda a: a.astype(float), params), batch, n, layers_key
        rows, paths = [], [path for path, _ in jax.tree.leaves_with_path(params)]
        for number, (path, *pair) in enumerate(zip(paths, *map(jax.tree.leaves, (hands, autos)), strict=True)):
            hand, auto = (np.asarray(gradient, float) for gradient in pair)
            unit = max(float(np.linalg.norm(auto)) / math.sqrt(auto.size), ROUNDING / SMOOTH)
            errors = []
            for direction in range(auto.size if auto.size <= FEW else DIRECTIONS):
                v, slope = _slope(number, direction, directions_key, unit * SMOOTH, *exact)
                errors.append([abs(np.vdot(gradient, v) - slope) / unit for gradient in (hand, auto)])
            by_hand, (numerical, automatic) = _relative(hand, auto), np.max(errors, axis=0).tolist()
            good = by_hand <= limit, numerical <= limit_of_differences, automatic <= limit_of_differences
            layer, norm = path[0].idx, float(np.linalg.norm(auto))
            name = f"{layer} {type(objective.network.layers[layer]).__name__}", _name(path[1:])
            rows.append(Row(*name, norm, by_hand, numerical, automatic, VERDICTS[good]))
    if not faults and any(row.verdict != "ok" for row in rows):
        faults = ("every rule is right by itself: look at how the gradient is put together, or at the cost of a batch",)
    return GradientCheck(tuple(rows), faults)


def _shapes(tree: PyTree) -> str:
    return str(jax.tree.map(jnp.shape, tree))


# Both depend on nothing but the objective, so that a second check of a network finds them compiled.
@functools.partial(once, static_argnames="n")
def _automatic(objective: Objective, params: Params, batch: Dataset, n: int, key: Key[Array, ""]) -> Params:
    return autodiff(objective)(params, batch, n, key)


@functools.partial(once, static_argnames="n")
def _slopes(
    objective: Objective, params: Params, batch: Dataset, n: int, key: Key[Array, ""], along: Params, h: float | Scalar
) -> Float[Array, "3"]:
    """Central differences of steps h, h/2 and h/4 in one direction."""

    def cost(t: Scalar) -> Scalar:
        return objective(jax.tree.map(lambda a, v: a + t * v, params, along), batch, n, key)

    steps = h / jnp.asarray([1.0, 2.0, 4.0])
    return (jax.lax.map(cost, steps) - jax.lax.map(cost, -steps)) / (2 * steps)


def _slope(
    number: int, direction: int, key: Key[Array, ""], smooth: float, objective: Objective, params: Params, *rest: Any
) -> tuple[np.ndarray, float]:
    """A direction in array ``number``, and the slope of the cost along it.

    Differences of step h and h/2 are combined so that their error of order h^2 cancels (Richardson), and so are those
    of h/2 and h/4. Where the two results are not within ``smooth``, a ReLU, a maximum or a sign flips on the way: the
    direction is drawn again (a coordinate is kept), with half the step.
    """
    leaves, structure = jax.tree.flatten(params)
    along, h = [np.zeros(leaf.shape) for leaf in leaves], STEP
    best = math.inf, along[number], math.nan  # of the draws
    for draw in range(DRAWS):
        if along[number].size <= FEW:
            along[number].flat[direction] = 1.0
        else:
            drawing = jax.random.fold_in(key, (number * DIRECTIONS + direction) * DRAWS + draw)
            v = np.asarray(jax.random.normal(drawing, along[number].shape))
            along[number] = v / np.linalg.norm(v)
        wide, middle, near = _slopes(objective, params, *rest, jax.tree.unflatten(structure, along), h).tolist()
        first, second = (4 * middle - wide) / 3, (4 * near - middle) / 3
        best = min(best, (abs(first - second), along[number], first), key=lambda drawn: drawn[0])
        if best[0] <= smooth:
            break
        h /= 2
    return best[1:]


def _faults(
    objective: Objective, params: Params, batch: Dataset, n: int, layers_key: Key[Array, ""], limit: float
) -> tuple[str, ...]:
    """A sentence for each rule that is off by more than the limit."""
    names: list[str] = []

    @once
    def pairs(params: Params, batch: Dataset, keys: Key[Array, " m"]) -> list[tuple[Array, Array]]:
        rules = list(_rules(objective, params, batch, n, keys))
        names[:] = [name for name, _, _ in rules]
        return [(found, wanted) for _, found, wanted in rules]

    found = pairs(params, batch, jax.random.split(layers_key, len(batch)))
    errors = [(name, _relative(*map(np.asarray, pair))) for name, pair in zip(names, found, strict=True)]
    return tuple(f"{name} is off by {error:.1e}" for name, error in errors if not error <= limit)


def _rules(
    objective: Objective, params: Params, batch: Dataset, n: int, keys: Key[Array, " m"]
) -> Iterator[tuple[str, Array, Array]]:
    """Each handwritten rule's result, and the automatic derivative of the one function that it belongs to."""
    a, y = objective.examples(params, batch)
    for number, (layer, layer_params) in enumerate(zip(objective.network.layers, params, strict=True)):
        rule = f"layer {number}, {type(layer).__name__}: backward"
        forward = jax.vmap(layer.forward, (None, 0, 0))
        a_next, pull, saved = jax.vjp(lambda *to, f=forward: f(*to, keys), layer_params, a, has_aux=True)
        grad = jnp.cos(jnp.arange(1, a_next.size + 1, dtype=a_next.dtype)).reshape(a_next.shape)  # as good as any
        (found_a, found), (wanted, wanted_a) = layer.backward(layer_params, saved, grad), pull(grad)
        yield f"{rule}'s gradient for the layer below", found_a, wanted_a
        yield from _arrays(f"{rule}'s gradient for ", found, wanted)
        a = a_next
    cost, neuron = objective.cost, objective.network.neuron
    delta = jax.vmap(lambda z, y: cost.delta(z, y, neuron))(a, y)
    wanted = jax.vmap(jax.grad(lambda z, y: cost.value(z, y, neuron)))(a, y)
    yield f"cost {cost.name}: delta for the {neuron.name} output", delta, wanted
    penalty, nothing = (n, objective.l1, objective.l2), jax.tree.map(jnp.zeros_like, params)
    by_hand = regularizers.add_penalty_gradient(nothing, params, *penalty)
    yield from _arrays("penalty: the gradient for layer ", by_hand, jax.grad(regularizers.penalty)(params, *penalty))


def _arrays(rule: str, found: PyTree, wanted: PyTree) -> Iterator[tuple[str, Array, Array]]:
    """The arrays of two pytrees side by side, named; a single pair of unequal ones where they are built differently."""
    if jax.tree.structure(found) != jax.tree.structure(wanted):  # type: ignore[operator]
        yield f"{rule}parameters {_shapes(wanted)}, which is {_shapes(found)},", jnp.asarray(jnp.inf), jnp.zeros(())
        return
    for leaf, (path, want) in zip(jax.tree.leaves(found), jax.tree.leaves_with_path(wanted), strict=True):
        yield f"{rule}{_name(path)}", leaf, want


def _relative(found: np.ndarray, wanted: np.ndarray) -> float:
    """The distance of two arrays, relative to the second; absolute where that is 0, infinite where shapes differ."""
    if found.shape != wanted.shape:
        return math.inf
    return float(np.linalg.norm(found - wanted)) / (float(np.linalg.norm(wanted)) or 1.0)


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")
