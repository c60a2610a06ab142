"""Every gradient three ways: by hand, by ``jax.grad``, and by central differences, which know nothing of calculus.

``check_gradients`` is for whoever writes a layer, a neuron or a cost: it says whether the handwritten rule is right,
and names the one that is not.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jnndl import validation
from jnndl.arguments import check_keys, short_repr
from jnndl.data import Dataset
from jnndl.differences import MARGIN, POINTS, Slopes, move_one, once, slopes
from jnndl.faults import distance, examine, relative
from jnndl.gradient_rules import name, shapes
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.network import Params

# Handwritten against automatic, relative in norm; either against differences, relative to norm/sqrt(number of entries),
# which is what a random direction of length one sees of a gradient. Differences are of float64: where weights are
# large, a float32 gradient is off from them by its own rounding, in five linear layers with N(0, 1) weights by 1e-4.
TOLERANCES = {"float64": (1e-12, 1e-7), "float32": (1e-5, 1e-3)}
FEW = 50  # entries of an array up to which every coordinate gets its own difference
DIRECTIONS = 4  # in which differences of a larger array are taken, and of each array of a rule
SPREAD = 4099  # random numbers for a direction, at least; larger arrays repeat them
SHARE = 3  # n, which divides the penalty, is not the batch size: one in the other's place has to show


class Row(NamedTuple):
    """One array of the parameters in the table of ``check_gradients``.

    Attributes:
        layer: the layer's number and kind.
        array: the array's name in the layer.
        norm: the Euclidean norm of its automatic gradient.
        by_hand: handwritten against automatic, relative in norm.
        numerical: handwritten against central differences, the worst direction; relative as in ``TOLERANCES``.
        automatic: automatic against central differences, likewise.
        verdict: "ok"; "ok (rounding)" where the two gradients differ by no more than rounding explains, as in saturated
            neurons; "kink" where there is no derivative, and none is wrong; or which of the three stands alone.
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
        faults: a sentence for each handwritten rule that is not the derivative of its own function, and for each
            function that misleads ``jax.grad`` or is none. Each is checked by itself, so that the layer at fault is
            named, and not those below, which inherit its error.
    """

    rows: tuple[Row, ...]
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong. At a kink differences have no say."""
        return not self.faults and all(row.verdict in RIGHT for row in self.rows)

    def __str__(self) -> str:
        """The table, and the faults under it."""
        head = f"{'layer':<14}{'array':<10}{'norm':>11}{'hand-auto':>12}{'hand-diff':>12}{'auto-diff':>12}  verdict"
        lines = [
            f"{row.layer:<14}{row.array:<10}{row.norm:11.3e}{row.by_hand:12.1e}{row.numerical:12.1e}"
            f"{row.automatic:12.1e}  {row.verdict}"
            for row in self.rows
        ]
        return "\n".join([head, *lines, *(f"FAULT: {fault}" for fault in self.faults)])


ROUNDED, KINK, SLIGHT = "ok (rounding)", "kink", "HANDWRITTEN AND AUTOMATIC DIFFER SLIGHTLY"
RIGHT = ("ok", ROUNDED, KINK)
# By whether handwritten and automatic agree, handwritten and differences, automatic and differences.
VERDICTS = {
    (True, True, True): "ok",
    (False, False, True): "HANDWRITTEN IS WRONG",
    (False, True, False): "AUTOMATIC IS WRONG",
    (True, False, False): "BOTH DIFFER FROM THE COST",
    (False, False, False): "NO TWO AGREE",
    # Where two comparisons hold, the third fails by little, and nobody stands alone.
    (False, True, True): SLIGHT,
    (True, False, True): "HANDWRITTEN IS SLIGHTLY OFF DIFFERENCES",
    (True, True, False): "AUTOMATIC IS SLIGHTLY OFF DIFFERENCES",
}
SIDES = 1000  # a gradient at a kink is off by at most this many times what the slopes of both sides differ by


def check_gradients(
    objective: Objective, params: Params, batch: Dataset, key: Key[Array, ""] | int, *, dtype: str = "float64"
) -> GradientCheck:
    """Compare the handwritten gradient, ``jax.grad`` and central differences, array by array (chapter 2).

    The two gradients are computed in ``dtype``, the differences always in float64, which is turned on here and off
    again: along every coordinate of a small array, along random directions of a large one. Matrix products are of the
    highest precision. Then each rule is held against ``jax.grad`` and differences of its own function, and the one of
    the three that stands alone is named. Differences know their error, which is added to the tolerance, as is what
    rounding explains: in a saturated neuron ``jax.grad`` may be left without a right digit. Where a ReLU sits exactly
    on its kink there is no derivative, and the table says so.

    >>> network = jnndl.mlp([4, 3, 2])
    >>> batch = jnndl.Dataset(np.ones((2, 4), np.float32), np.array([0, 1]))
    >>> jnndl.check_gradients(jnndl.Objective(network, l2=0.1), network.init(0), batch, key=1).ok
    True

    Args:
        objective: what to differentiate.
        params: where, as from ``objective.network.init``.
        batch: a mini-batch, m >= 1 examples; a few will do. The penalty is divided by n = 3 m.
        key: a random key, or a seed; for the directions, and for layers that are random in training.
        dtype: "float64" or "float32"; with it goes the tolerance (``TOLERANCES``).

    Returns:
        A ``GradientCheck``; ``print`` it, or assert its ``ok``.

    Raises:
        TypeError, ValueError: if dtype is neither, or params or batch do not fit the network.
    """
    if dtype not in TOLERANCES:
        raise ValueError(f"dtype is {dtype!r}; give {' or '.join(map(repr, TOLERANCES))}")
    if not isinstance(objective, Objective):
        raise TypeError(f"objective is {short_repr(objective)}; give Objective(network, cost)")
    validation.check_model(objective.network, objective.cost)
    validation.check_params(objective.network, params)
    validation.check_data(objective.network, objective.cost, batch, "checked")
    limits, n = TOLERANCES[dtype], SHARE * len(batch)
    layers_key, directions_key = jax.random.split(check_keys("key", key, 0))
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        params = jax.tree.map(lambda a: jnp.asarray(a, dtype), params)
        exact = jax.tree.map(lambda a: a.astype(float), params)
        size = max(SPREAD, *(leaf.size for leaf in jax.tree.leaves(params)))
        draws = np.asarray(once(jax.random.normal, static_argnums=1)(directions_key, (DIRECTIONS, size)))
        faults, rounding = examine(objective, params, batch, n, layers_key, draws, limits)
        autos = _automatic(objective, params, batch, n, layers_key)
        try:
            hands = once(backprop(objective), static_argnums=2)(params, batch, n, layers_key)
        except (TypeError, ValueError):
            if not faults:
                raise
            hands = ()
        if shapes(hands) != shapes(params):
            hands = jax.tree.map(lambda a: np.full(a.shape, np.nan), params)  # equal to nothing
        rows = []
        arrays = zip(jax.tree.leaves_with_path(exact), *map(jax.tree.leaves, (hands, autos)), rounding, strict=True)
        for number, ((path, leaf), *pair, off) in enumerate(arrays):
            along = [move_one(exact, number, v) for v in (np.eye(leaf.size) if leaf.size <= FEW else draws)]
            costs = [_costs(objective, exact, batch, n, layers_key, v) for v in along]
            vs, found = [jax.tree.leaves(v)[number] for v in along], slopes(np.stack(costs, axis=1))
            hand, auto = (np.asarray(a, float) for a in pair)
            layer = f"{path[0].idx} {type(objective.network.layers[path[0].idx]).__name__}"
            rows.append(Row(layer, name(path[1:]), *_compare(hand, auto, vs, found, off, limits)))
    if not faults and any(row.verdict not in RIGHT for row in rows):
        faults = ("every rule is right by itself: look at how the gradient is put together, or at the cost of a batch",)
    return GradientCheck(tuple(rows), faults)


# Both depend on nothing but the objective, so that a second check of a network finds them compiled.
@functools.partial(once, static_argnames="n")
def _automatic(objective: Objective, params: Params, batch: Dataset, n: int, key: Key[Array, ""]) -> Params:
    return autodiff(objective)(params, batch, n, key)


@functools.partial(once, static_argnames="n")
def _costs(
    objective: Objective, params: Params, batch: Dataset, n: int, key: Key[Array, ""], along: Params
) -> Float[Array, " points"]:
    """The objective at ``POINTS`` of a straight line."""
    return jax.lax.map(
        lambda t: objective(jax.tree.map(lambda a, v: a + t * v, params, along), batch, n, key), jnp.asarray(POINTS)
    )


def _compare(
    hand: np.ndarray,
    auto: np.ndarray,
    vs: list[np.ndarray],
    found: Slopes,
    rounding: float,
    limits: tuple[float, float],
) -> tuple[float, float, float, float, str]:
    """What a ``Row`` says of an array: its norm, the three differences, the verdict.

    Args:
        hand: the handwritten gradient.
        auto: the automatic one.
        vs: directions.
        found: the slopes of the cost along them.
        rounding: what either gradient may be off by through rounding.
        limits: the largest relative errors.
    """
    norm, by_hand = float(np.linalg.norm(auto)), relative(hand, auto)
    unit = (norm if math.isfinite(norm) else float(np.linalg.norm(hand))) / math.sqrt(auto.size)
    allowed = limits[1] * unit + MARGIN * found.error + rounding
    along = np.asarray([[np.vdot(gradient, v) for v in vs] for gradient in (hand, auto)])
    off = np.abs(along - found.central)
    # What is shown is the used part of what is allowed, so that an error that differences cannot see is none.
    used = np.divide(off, allowed, out=np.zeros_like(off), where=off != 0)
    used[np.isnan(used)] = math.inf
    kinks = (found.high > found.low) & (off <= SIDES * (found.high - found.low))
    between = (along >= found.low - allowed) & (along <= found.high + allowed)
    close = distance(hand, auto) <= limits[0] * (norm or 1.0) + rounding
    verdict = VERDICTS[close, *np.all((used <= 1) | kinks, axis=1).tolist()]
    if (verdict == "ok" and np.any(used > 1)) or (verdict == SLIGHT and np.any(kinks) and np.all(between)):
        verdict = KINK
    elif verdict == "ok" and by_hand > limits[0]:
        verdict = ROUNDED
    return norm, by_hand, *(limits[1] * used.max(axis=1)).tolist(), verdict
