"""The rules between epochs: which epoch is the best, when to halve the learning rate, when to stop."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from jnndl.measures import Scores
from jnndl.settings import Best, State, TrainConfig, Value

HALVINGS = 7  # chapter 3's schedule stops at 1/128 of the first learning rate


def score(scores: Scores) -> Value | None:
    """The number by which epochs are compared: accuracy, or minus the cost where there are no labels.

    On the evaluation data where there are any, else on the training data; None where neither was measured.
    """
    if scores.evaluation_cost is not None:
        cost, accuracy = scores.evaluation_cost, scores.evaluation_accuracy
    else:
        cost, accuracy = scores.training_cost, scores.training_accuracy
    if accuracy is not None:
        return accuracy
    return None if cost is None else -cost


@functools.partial(jax.jit, static_argnames="config")
def advance(config: TrainConfig, state: State, scores: Scores) -> State:
    """The rule between epochs: best parameters, halving, stopping, divergence (chapter 3, "Early stopping").

    An epoch is an improvement if its ``score`` is higher than every earlier one; with ``ties="last"`` also if it is as
    high, as in network3. Until something is measured, the last epoch counts as the best.
    """
    number = state.epoch - 1
    finite, found = is_finite(config, state, scores), score(scores)
    if found is None:
        found, better = state.best.score, finite
    else:
        last = config.ties == "last"
        better = finite & (found >= state.best.score if last else found > state.best.score)
    if scores.evaluation_cost is None and config.measure_training > 1:  # nothing is known of the epochs in between
        unknown = state.epoch % config.measure_training != 0
        found = jnp.where(unknown, state.best.score, found)
        better |= finite & unknown & jnp.isneginf(state.best.score)
    here = Best(found, number, state.params)
    best = jax.tree.map(lambda new, old: jnp.where(better, new, old), here, state.best)
    state = state._replace(best=best, diverged=state.diverged | ~finite)
    if config.halve_after is not None:
        halve = number - jnp.maximum(best.epoch, state.halved_epoch) >= config.halve_after
        rate = state.hyper.learning_rate
        state = state._replace(
            hyper=state.hyper._replace(learning_rate=jnp.where(halve, rate / 2, rate)),
            halvings=state.halvings + halve,
            halved_epoch=jnp.where(halve, number, state.halved_epoch),
        )
        state = state._replace(stopped=state.stopped | (state.halvings >= HALVINGS))
    if config.patience is not None:
        state = state._replace(stopped=state.stopped | (number - best.epoch >= config.patience))
    return state._replace(stopped=state.stopped | state.diverged)


def is_finite(config: TrainConfig, state: State, scores: Scores) -> Bool[Array, ""]:
    """Whether all measurements are finite; if no cost was measured, whether the parameters are."""
    finite = jnp.isfinite(scores.penalty)
    if scores.training_cost is not None:
        not_measured = state.epoch % config.measure_training != 0  # then NaN only means "not measured"
        finite &= jnp.isfinite(scores.training_cost) | not_measured
    if scores.evaluation_cost is not None:
        finite &= jnp.isfinite(scores.evaluation_cost)
    if scores.training_cost is None and scores.evaluation_cost is None:
        finite &= jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state.params)]).all()
    return finite
