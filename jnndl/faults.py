"""Who is wrong where a rule, its automatic counterpart and differences do not agree: two against one decide."""

import itertools
import math
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from jnndl import gradient_rules
from jnndl.data import Dataset
from jnndl.differences import MARGIN, once
from jnndl.gradient_rules import SHRUNK, Rule, Seen, Trial, shapes
from jnndl.gradients import Objective
from jnndl.network import Params

SHORT = {"bf16": "bfloat16", "f16": "float16", "f32": "float32"}  # dtypes as they are printed in a jaxpr
ROUNDING = 64  # a rule's result may be off by this many units in the last place of what it is without saturation


def examine(
    objective: Objective,
    params: Params,
    batch: Dataset,
    n: int,
    key: Key[Array, ""],
    draws: np.ndarray,
    limits: tuple[float, float],
) -> tuple[tuple[str, ...], list[float]]:
    """Examine each handwritten rule of an objective by itself.

    Args:
        objective: whose rules.
        params: the parameters; rules are evaluated in their dtype.
        batch: m examples.
        n: what divides the penalty.
        key: for layers that are random in training.
        draws: random numbers for directions, a row for each.
        limits: the largest relative errors, by hand against automatic and of either against differences.

    Returns:
        A sentence for each fault; and for each array of ``params`` what its gradient may be off by through rounding.
    """
    keys = jax.random.split(key, len(batch))
    trials = once(lambda *arrays: gradient_rules.try_rules(objective, n, *arrays))(params, batch, keys)
    exact, xs = jax.tree.map(lambda a: a.astype(float), (params, [trial.x for trial in trials]))
    trials = jax.tree.map(np.asarray, trials)
    all_rules = gradient_rules.rules_of(objective, objective.examples(exact, batch)[1], n, keys)
    found = gradient_rules.slopes_of(objective, exact, batch, n, keys, xs, draws)
    eps = float(jnp.finfo(jnp.result_type(*jax.tree.leaves(params))).eps)
    gains = [_gains(rule, trial, eps) for rule, trial in zip(all_rules, trials, strict=True)]
    faults = [_judge(*each, eps, limits) for each in zip(all_rules, trials, found, gains, strict=True)]
    return tuple(itertools.chain(*faults)), _rounding(trials, gains, len(params), eps)


def _norm(array: Any) -> float:
    norm = float(np.linalg.norm(np.asarray(array, float)))
    return norm if math.isfinite(norm) else 0.0


def _gains(rule: Rule, trial: Trial, eps: float) -> list[float]:
    """For each array, the norm of a gradient without saturation, relative to the one sent back.

    A saturated neuron's derivative is what is left when two numbers near 1 are subtracted: no digit of it need be
    right, and its size says nothing about its error. Where parameters are small, no neuron is saturated.
    """
    leaves, sent = jax.tree.leaves(trial.automatic), [_norm(grad) or 1.0 for grad in trial.sent]
    norms = np.asarray([[_norm(a) / of for a, of in zip(leaf, sent, strict=True)] for leaf in leaves])[:, :-1]
    gains = norms.max(axis=1)
    if rule.shrink is gradient_rules.shrink_layer and len(norms) > 1:
        *of_params, below = norms[:, 1:]
        total = np.linalg.norm(of_params, axis=0)
        size = int(np.argmax(total >= total.max() / 2))  # the largest without saturation
        gains[-1] = max(norms[-1, 0], below[0], below[size] / SHRUNK[size])  # the parameters are factors in this one
    # A derivative of 0, such as that by the bias of a softmax over one map: what is seen is what rounding left.
    gains[gains < ROUNDING * eps * gains.max()] = gains.max()
    return gains.tolist()


def _rounding(trials: list[Trial], gains: list[list[float]], count: int, eps: float) -> list[float]:
    """From the cost down: each rule rounds what it returns, and passes on the error of what it gets."""
    error, found = 0.0, list[float]()
    for trial, gain in reversed(list(zip(trials[: count + 1], gains, strict=False))):
        error += ROUNDING * eps * _norm(trial.sent[0])
        found = [error * each for each in gain[:-1]] + found
        error *= gain[-1]
    for penalty in trials[count + 1 :]:
        ulps = (ROUNDING * eps * _norm(leaf[0]) for leaf in jax.tree.leaves(penalty.automatic))
        found = [a + b for a, b in zip(found, ulps, strict=True)]
    return found


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """The Euclidean distance of two arrays, infinite if their shapes differ."""
    return float(np.linalg.norm(found - wanted)) if found.shape == wanted.shape else math.inf


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    """The distance of two arrays relative to the norm of the second; absolute if that is 0."""
    return distance(found, wanted) / (float(np.linalg.norm(wanted)) or 1.0)


def _judge(
    rule: Rule, trial: Trial, seen: Seen, gains: list[float], eps: float, limits: tuple[float, float]
) -> list[str]:
    """A sentence for each fault of a rule or of its function."""
    by_hand, automatic = f"{rule.subject}: {rule.by_hand} for", f"{rule.subject}: jax.grad of {rule.function} for"
    again = relative(*map(np.nan_to_num, (trial.again, trial.outputs)))
    if again > limits[1]:  # not the stricter limit, as the two may be rounded differently
        changes = f"{rule.subject}: {rule.function} changes by {again:.1e} when it is traced a second time"
        return [f"{changes}; draw what is random from the key alone"]
    paths, wanted = zip(*jax.tree.leaves_with_path(trial.automatic), strict=True)
    found, faults, doubt = jax.tree.leaves(trial.by_hand), [], False
    if str(jax.tree.structure(trial.by_hand)) != str(jax.tree.structure(trial.automatic)):
        want, got = (shapes(jax.tree.map(lambda a: a[0], tree[0])) for tree in (trial.automatic, trial.by_hand))
        faults.append(f"{by_hand} parameters {want}, which is {got}, is off by inf")
        found = [*wanted[:-1], found[-1]]  # the last is the one for the layer below
    for path, hand, auto, witnesses, gain in zip(paths, found, wanted, seen, gains, strict=True):
        pair, label = [np.asarray(a[1:], float) for a in (hand, auto)], rule.label(path)
        smallest = ROUNDING * eps * gain * _norm(trial.sent[1])
        array = _judge_array(pair[0], pair[1], trial.sent[1], witnesses, smallest, limits)
        doubt |= array.doubt
        if array.apart and (array.by_hand or not array.automatic):
            faults.append(f"{by_hand} {label} is off by {array.apart:.1e}")
        if array.apart and array.automatic:
            faults.append(f"{automatic} {label} is off by {array.apart:.1e}")
        if not array.apart and array.by_hand and array.automatic:
            slope = f"{rule.subject}: {rule.function} has another slope for {label} than its derivatives say"
            faults.append(f"{slope}, off by {array.automatic:.1e}; is something kept from jax.grad (stop_gradient)?")
    lower = doubt and _lower_precision(rule, trial)
    return [f"{rule.subject}: {rule.function} computes in {lower}; keep the dtype of its input"] if lower else faults


class Judged(NamedTuple):
    """How far an array's gradients are off; 0.0 if they are not.

    Attributes:
        apart: by hand and automatic from each other.
        by_hand: the one by hand from differences.
        automatic: the automatic one from differences.
        doubt: whether anything is off, or differences see too little.
    """

    apart: float
    by_hand: float
    automatic: float
    doubt: bool


def _judge_array(
    by_hand: np.ndarray, automatic: np.ndarray, sent: Any, witnesses: list, smallest: float, limits: tuple[float, float]
) -> Judged:
    apart = []
    for hand, auto in zip(by_hand, automatic, strict=True):
        close = distance(hand, auto) <= limits[0] * (_norm(auto) or 1.0) + smallest
        apart.append(0.0 if close else relative(hand, auto))
    norm = _norm(automatic[0]) or _norm(by_hand[0])
    of_direction = norm / math.sqrt(automatic[0].size) or 1.0  # what a random direction of length one sees
    weights, off, kink, doubt = np.asarray(sent, float).ravel(), [0.0, 0.0], False, any(apart)
    for v, found in witnesses:
        error = MARGIN * float(np.abs(weights) @ found.error.ravel())
        ends = np.sort([weights * side.ravel() for side in (found.low, found.high)], axis=0)
        low, high = ends.sum(axis=1).tolist()
        tolerance = limits[1] * of_direction + error + smallest
        kink, doubt = kink or high - low > 2 * tolerance, doubt or error > limits[1] * of_direction
        for number, gradient in enumerate((by_hand[0], automatic[0])):
            slope = float(np.vdot(gradient, v)) if gradient.shape == v.shape else math.nan
            outside = max(low - slope, slope - high)
            if not outside <= tolerance:
                off[number] = max(off[number], outside / of_direction) if outside == outside else math.inf
    at_kink = kink and not apart[-1] and not any(off)  # two choices of a derivative where there is none
    return Judged(0.0 if at_kink else next(filter(None, apart), 0.0), off[0], off[1], doubt or any(off))


def _lower_precision(rule: Rule, trial: Trial) -> str:
    """The dtypes with fewer digits than float64 inside of a function that is given float64; empty if there are none."""
    exact = jax.tree.map(lambda a: jnp.asarray(a, float), trial.x)
    lines = str(jax.make_jaxpr(lambda x: rule.forward(x)[0])(exact))
    return ", ".join(dtype for short, dtype in SHORT.items() if re.search(rf"\b{short}\[", lines))
