"""The warning for a run that stays at chance: what happened, and what to try, in a sentence."""

import warnings

import numpy as np

from jnndl.data import Dataset, seen_range
from jnndl.measures import History
from jnndl.options import Run

UNSCALED = 10  # what a network sees should be about 1; above this, the scale is what to try first


def warn_at_chance(run: Run, history: History) -> None:
    """Warn, in a sentence, where a network never did better than naming the most common class would."""
    if history.training_accuracy is None or np.isnan(history.training_accuracy).all():
        return
    chance = np.bincount(np.asarray(run.training.targets)).max() / len(run.training)
    best = np.fmax.reduce(np.atleast_2d(history.training_accuracy), axis=-1)  # fmax: NaN from where one had stopped
    stuck = best < min(1.1 * chance, (1 + chance) / 2)
    if not np.any(stuck):
        return
    rates = np.broadcast_to(run.hyper.learning_rate, best.shape)
    slow, fast, others = rates[stuck].min(), rates[stuck].max(), rates[~stuck]
    remedies = ["try another learning_rate, smaller initial weights, fewer layers or a weaker penalty"]
    if others.size and not slow <= np.median(others) <= fast:  # most of those that learned have other rates
        remedies = [f"try {'larger' if fast < np.median(others) else 'smaller'} rates"]
    remedies = _unscaled(run.training) + remedies
    if len(stuck) == 1:
        what = (
            f"training accuracy never rose above {best.max():.1%}, and naming the most common class gets {chance:.1%}: "
            f"the network stays at chance, with learning_rate {slow:.3g}"
        )
    else:
        every = "all " if stuck.sum() > 1 else ""
        span = f"{slow:.3g}" if slow == fast else f"from {slow:.3g} to {fast:.3g}"
        what = f"{stuck.sum()} of {len(stuck)} networks stayed at chance, {every}with learning_rate {span}"
    warnings.warn(f"{what}; {'; or '.join(remedies)}", stacklevel=3)


def _unscaled(data: Dataset) -> list[str]:
    """What to do where the network sees numbers too large to learn from, or nothing."""
    low, high = seen_range(data.inputs, data.scale, data.offset)
    if max(-low, high) <= UNSCALED:
        return []
    low, high = seen_range(data.inputs, 1.0, 0.0)
    if low >= 0:
        return [f"the inputs go up to {high:g}: give Dataset(..., scale=1/{high:g})"]
    return [f"the inputs go from {low:g} to {high:g}: scale them, as jnndl.from_arrays does"]
