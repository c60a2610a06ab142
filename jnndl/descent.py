"""One epoch of mini-batch gradient descent, a single compiled program."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Key, PyTree, UInt

from jnndl.chunks import CHUNK, scan_chunks
from jnndl.data import Dataset
from jnndl.gradients import Gradient
from jnndl.layers import TrainingKey
from jnndl.network import Params
from jnndl.settings import State, TrainConfig, make_objective, make_optimizer


@functools.partial(jax.jit, static_argnames="config")
def epoch(config: TrainConfig, state: State, training: Dataset) -> State:
    """One epoch of mini-batch gradient descent (chapter 1, equations 20 and 21), every example used exactly once.

    The data are shuffled anew. Where batch_size does not divide n, the last mini-batch is short, and its mean is over
    the examples that it has.
    """
    n, m = len(training), config.batch_size
    # Flat before they are shuffled: rows are fetched faster than images.
    training = dataclasses.replace(training, inputs=training.inputs.reshape(n, *config.network.input_shape))
    objective, optimizer = make_objective(config, state.hyper), make_optimizer(config, state.hyper)
    gradient = accumulated(config.gradient(objective), CHUNK)
    shuffle_key, layers_key = jax.random.split(jax.random.fold_in(state.key, state.epoch))

    def update(carry: tuple[Params, PyTree], number: Array | int, batch: Dataset) -> tuple[Params, PyTree]:
        """One step, on one mini-batch."""
        params, opt_state = carry
        key = jax.random.fold_in(layers_key, number)
        grads = gradient(params, batch, n, key)
        extra = _extra_args(optimizer, grads, opt_state, params, lambda params: objective(params, batch, n, key))
        updates, opt_state = optimizer.update(grads, opt_state, params, **extra)
        return optax.apply_updates(params, updates), opt_state

    # Examples are fetched some mini-batches at a time: one by one in the loop takes 1.6 times as long on a CPU, and all
    # at once would be a second copy of the data for every network that trains.
    batches = max(1, CHUNK // m)

    def train_block(carry: tuple[Params, PyTree], block: Array | int, order: Array) -> tuple[Params, PyTree]:
        return scan_chunks(update, carry, training[order], m, first=block * batches)

    carry = state.params, state.opt_state
    if m == n:
        params, opt_state = update(carry, 0, training)
    else:
        params, opt_state = scan_chunks(train_block, carry, shuffled(shuffle_key, n), batches * m)
    return state._replace(params=params, opt_state=opt_state, epoch=state.epoch + 1)


def accumulated(gradient: Gradient, size: int) -> Gradient:
    """The same gradient; a mini-batch of more than ``size`` examples is taken in parts, which bounds the memory."""

    def in_parts(params: Params, batch: Dataset, n: int, key: TrainingKey) -> PyTree:
        if len(batch) <= size:
            return gradient(params, batch, n, key)

        def add(total: PyTree, number: Array | int, part: Dataset) -> PyTree:
            grads = gradient(params, part, n, None if key is None else jax.random.fold_in(key, number))
            return jax.tree.map(lambda total, grad: total + grad * (len(part) / len(batch)), total, grads)

        return scan_chunks(add, jax.tree.map(jnp.zeros_like, params), batch, size)

    return in_parts


def _extra_args(optimizer: Any, grads: PyTree, opt_state: PyTree, params: Params, value_fn: Any) -> dict[str, Any]:
    """What ``optax.lbfgs``, ``optax.polyak_sgd`` and the like ask for: the cost of the mini-batch.

    Given to those alone that cannot do without it, as it takes another forward pass.
    """
    try:
        jax.eval_shape(optimizer.update, grads, opt_state, params)
    except TypeError:
        return {"value": value_fn(params), "grad": grads, "value_fn": value_fn}
    return {}


def shuffled(key: Key[Array, ""], n: int) -> UInt[Array, " n"]:
    """The numbers below n in random order, as ``argsort`` of random numbers would give it.

    Each word has the index in its low bits and random bits above them; sorting such words takes half the time of
    sorting pairs on a CPU. Where n is large, few random bits are left and some are equal: a second round breaks ties.
    """
    order, low = jnp.arange(n, dtype=jnp.uint32), (n - 1).bit_length()
    for bits in jax.random.bits(key, (2, n)):
        words = jnp.sort((bits >> low << low) | jnp.arange(n, dtype=jnp.uint32))
        order = order[words & (2**low - 1)]
    return order
