"""One epoch of mini-batch gradient descent, a single compiled program."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Key, PyTree, UInt

from jnndl import functions
from jnndl.chunks import CHUNK, scan_chunks
from jnndl.data import Dataset
from jnndl.gradients import BatchKey
from jnndl.network import Params
from jnndl.settings import State, TrainConfig, make_objective, make_optimizer
from jnndl.sharing import of_shares

GRADIENT = "a function of (params, batch, n, key), as gradients.autodiff does"
PAIR_BITS = 28  # random bits that tell any two examples apart in a shuffle


@functools.partial(jax.jit, static_argnames=("config", "axis"))
def epoch(config: TrainConfig, state: State, training: Dataset, axis: str | None = None) -> State:
    """One epoch of mini-batch gradient descent (chapter 1, equations 20 and 21), every example used exactly once.

    The data are shuffled anew (not if ``config.shuffle`` is False, nor if batch_size is n, where the order does not
    matter). Where batch_size does not divide n, the last mini-batch is short, and its mean is over the examples that it
    has.

    Args:
        config, state, training: the run.
        axis: inside ``jax.shard_map``, the axis of the mesh whose devices share each mini-batch; None for one device.
    """
    n, m = len(training), config.batch_size
    # Flat before they are shuffled: rows are fetched faster than images.
    training = dataclasses.replace(training, inputs=training.inputs.reshape(n, *config.network.input_shape))
    objective, optimizer = make_objective(config, state.hyper), make_optimizer(config, state.hyper)
    own = functions.check_takes("what gradient returned", config.gradient(objective), 4, GRADIENT)
    gradient, value = (in_parts(mean, config.network.chunk) for mean in (own, objective))
    gradient = gradient if axis is None else of_shares(gradient, axis, config.network.chunk)
    shuffle_key, layers_key = jax.random.split(jax.random.fold_in(state.key, state.epoch))

    def update(carry: tuple[Params, PyTree], number: Array | int, batch: Dataset) -> tuple[Params, PyTree]:
        """One step, on one mini-batch."""
        params, opt_state = carry
        key = jax.random.fold_in(layers_key, number)
        grads = gradient(params, batch, n, key)
        functions.returned("gradient", grads, params, "a pytree like the parameters")
        extra = _extra_args(optimizer, grads, opt_state, params, lambda params: value(params, batch, n, key))
        found = optimizer.update(grads, opt_state, params, **extra)
        updates, opt_state = functions.returned(
            "the optimizer's update", found, carry, "updates like the parameters, and its state as it was"
        )
        return optax.apply_updates(params, updates), opt_state

    # Two loops: over blocks of shuffled row numbers, and in each over its mini-batches. Fetching one mini-batch at a
    # time takes 1.6 times as long on a CPU, and all at once would copy the data once for every network in training.
    per_block = max(1, CHUNK // m)

    def train_block(carry: tuple[Params, PyTree], block: Array | int, order: Array) -> tuple[Params, PyTree]:
        return scan_chunks(update, carry, training[order], m, first=block * per_block)

    carry = state.params, state.opt_state
    if m == n:
        params, opt_state = update(carry, 0, training)
    else:
        order = shuffled(shuffle_key, n) if config.shuffle else jnp.arange(n)
        params, opt_state = scan_chunks(train_block, carry, order, per_block * m)
    return state._replace(params=params, opt_state=opt_state, epoch=state.epoch + 1)


def in_parts(mean: Callable[..., PyTree], size: int) -> Callable[..., PyTree]:
    """The same mean over a mini-batch, but in parts if it has more than ``size`` examples, to bound the memory.

    Args:
        mean: a function of (params, batch, n, key), such as an ``Objective`` or its gradient.
        size: examples per part.
    """

    def mean_of_parts(params: Params, batch: Dataset, n: int, key: BatchKey) -> PyTree:
        if len(batch) <= size:
            return mean(params, batch, n, key)
        each = None if key is None or key.ndim == 0 else key

        def add(total: PyTree, number: Array | int, rows: tuple[Dataset, BatchKey]) -> PyTree:
            part, keys = rows
            found = mean(params, part, n, jax.random.fold_in(key, number) if keys is None and key is not None else keys)
            share = len(part) / len(batch)  # they add up to 1, so the penalty, which is in each part, counts once
            return jax.tree.map(lambda total, found: total + found * share, total, found)

        some = key if each is None else each[:size]
        shapes = jax.eval_shape(lambda params, part: mean(params, part, n, some), params, batch[:size])
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return scan_chunks(add, zeros, (batch, each), size)

    return mean_of_parts


def _extra_args(optimizer: Any, grads: PyTree, opt_state: PyTree, params: Params, value_fn: Any) -> dict[str, Any]:
    """The cost of the mini-batch, for ``optax.lbfgs``, ``optax.polyak_sgd`` and the like.

    Computed only for optimisers that need it, because it takes another forward pass.
    """
    try:
        jax.eval_shape(optimizer.update, grads, opt_state, params)
    except TypeError as error:
        if "required keyword-only argument" not in str(error):
            raise
        return {"value": value_fn(params), "grad": grads, "value_fn": value_fn}
    return {}


def shuffled(key: Key[Array, ""], n: int) -> UInt[Array, " n"]:
    """The numbers below n in random order, as ``argsort`` of random numbers would give it.

    Each word has the index in its low bits and random bits above them; sorting such words takes half the time of
    sorting pairs on a CPU. Two rounds or more, as in a radix sort: where n is large few random bits are left in a word
    and some are equal; the rounds before have already put those in random order. A pair that is equal in all rounds
    stays as it was, so there are as many rounds as make that rarer than ``2**-PAIR_BITS``: two up to 2**18 examples.
    """
    order, low = jnp.arange(n, dtype=jnp.uint32), (n - 1).bit_length()
    rounds = max(2, -(-PAIR_BITS // (32 - low)))
    for bits in jax.random.bits(key, (rounds, n)):
        words = jnp.sort((bits >> low << low) | jnp.arange(n, dtype=jnp.uint32))
        order = order[words & (2**low - 1)]
    return order
