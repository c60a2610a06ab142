"""Many networks at once: the same ``epoch`` and ``advance`` over a leading axis of keys and hyper-parameters.

The networks are shared out over the devices. On a CPU each device (one a core, if ``jax_num_cpu_devices`` was set so
before the first use) trains its share one after the other, which is faster there than side by side and really skips a
network that has stopped; on an accelerator each device trains its share side by side under ``vmap``.
"""

import functools
import math
import os
import pathlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Key

from jnndl import gradients, train, validation
from jnndl.checkpoints import Checkpoint
from jnndl.costs import Cost, cross_entropy
from jnndl.data import Dataset
from jnndl.gradients import Gradient, Objective
from jnndl.network import Network
from jnndl.train import Callback, Fit, History, Hyper, Recipe, Scores, State


@functools.partial(jax.jit, static_argnames=("recipe", "mesh"))
def _cycle_many(
    recipe: Recipe, mesh: jax.sharding.Mesh, state: State, training: Dataset, evaluation: Dataset | None
) -> tuple[State, Scores]:
    def share(state: State, training: Dataset, evaluation: Dataset | None) -> tuple[State, Scores]:
        def go_on(state: State) -> tuple[State, Scores]:
            return train.cycle(recipe, state, training, evaluation)

        def stay(state: State) -> tuple[State, Scores]:
            _, scores = jax.eval_shape(go_on, state)
            return state, jax.tree.map(lambda score: jnp.full(score.shape, jnp.nan, score.dtype), scores)

        def one(state: State) -> tuple[State, Scores]:
            return jax.lax.cond(state.stopped, stay, go_on, state)

        return jax.lax.map(one, state) if mesh.devices.flat[0].platform == "cpu" else jax.vmap(one)(state)

    networks, everywhere = jax.P("networks"), jax.P()
    # check_vma=False: a scan whose carry starts from a constant is rejected otherwise.
    return jax.shard_map(
        share, mesh=mesh, in_specs=(networks, everywhere, everywhere), out_specs=networks, check_vma=False
    )(state, training, evaluation)


def fit_many(
    network: Network,
    training: Dataset,
    evaluation: Dataset | None = None,
    *,
    keys: Key[Array, " networks"],
    epochs: int,
    learning_rate: Any,
    batch_size: int = 10,
    cost: Cost = cross_entropy,
    l1: Any = None,
    l2: Any = None,
    momentum: Any = None,
    optimizer: Callable[..., optax.GradientTransformation] = optax.sgd,
    schedule: optax.Schedule | None = None,
    gradient: Callable[[Objective], Gradient] = gradients.autodiff,
    halve_after: int | None = None,
    patience: int | None = None,
    callback: Callback | None = None,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    at_once: int | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Fit:
    """Train one network for each key, all in one compiled program.

    Args:
        keys: a key for each network.
        learning_rate, l1, l2, momentum: a number for all networks, or an array of shape (networks,).
        callback: called as ``callback(epoch, scores)`` after each epoch, scores of shape (networks,), NaN for a network
            that had stopped, or that is trained before or after the others.
        checkpoint: as for ``fit``; where there are parts, each has a file of its own, with its number in the name.
        at_once: how many networks to train at a time, part by part; None for as many as half of the memory holds.
        devices: the devices to share the networks out over; None for all there are.

    The other arguments are those of ``fit``, and so are the warning and what is raised, but for divergence.

    Returns:
        A ``Fit`` in which every array has a leading axis of networks; ``history`` has shape (networks, epochs), and NaN
        for a network that had stopped. One that diverges is stopped and marked in ``state.diverged``.
    """
    recipe = Recipe(network, cost, batch_size, gradient, optimizer, schedule, halve_after, patience)
    validation.check_keys("keys", keys, 1)
    count = len(keys)
    values = {"learning_rate": learning_rate, "l1": l1, "l2": l2, "momentum": momentum}
    train.check(recipe, training, evaluation, epochs, callback, count, **values)
    hyper = Hyper(**{name: _spread(value, count) for name, value in values.items()})
    devices = jax.devices() if devices is None else devices
    if at_once is None:
        at_once = max(len(devices), _that_fit(recipe, devices))
        if at_once < count:
            warnings.warn(f"{count} networks do not fit into memory: trained {at_once} at a time", stacklevel=2)
    validation.check_whole("at_once", at_once, "a number of networks of at least 1, or None")
    parts = []
    for first in range(0, count, at_once):
        part = slice(first, first + at_once)

        def whole(number: int, scores: Scores, part: slice = part) -> None:
            if callback is not None:
                full = jax.tree.map(lambda a: np.full(count, np.nan, a.dtype), scores)
                jax.tree.map(lambda to, a: to.__setitem__(part, a), full, scores)
                callback(number, full)

        path = None if checkpoint is None else pathlib.Path(checkpoint)
        if path is not None and at_once < count:
            path = path.with_name(f"{path.stem}-{first // at_once}{path.suffix}")
        some = jax.tree.map(lambda a, part=part: a[part], hyper)
        kept = train.keep(path, checkpoint_every, resume, recipe, some, keys[part], (None, training, evaluation))
        fit = _fit_part(recipe, some, keys[part], training, evaluation, epochs, whole, kept, devices)
        if at_once < count:
            state = fit.state._replace(key=jax.random.key_data(fit.state.key))
            parts.append(jax.device_get((state, fit.history)))
            del fit, state  # before the next part needs the memory
    fit = fit if at_once >= count else _join(parts, keys)
    train.warn_at_chance(training, fit.history, hyper)
    return fit


def _spread(value: Any, count: int) -> Any:
    return None if value is None else np.broadcast_to(train.as_array(value), (count,))


def _fit_part(
    recipe: Recipe,
    hyper: Hyper,
    keys: Key[Array, " networks"],
    training: Dataset,
    evaluation: Dataset | None,
    epochs: int,
    callback: Callback,
    kept: Checkpoint | None,
    devices: Sequence[jax.Device],
) -> Fit:
    """Train the networks of these keys at once."""
    count = len(keys)
    axis = jax.sharding.AxisType.Auto
    mesh = jax.make_mesh((min(count, len(devices)),), ("networks",), (axis,), devices=devices[:count])
    # Every device gets the same number of networks: the last one is repeated where they do not divide, and stopped.
    padded = np.minimum(np.arange(-(-count // mesh.size) * mesh.size), count - 1)
    hyper = jax.tree.map(lambda a: a[padded], hyper)
    state = jax.vmap(functools.partial(train.start, recipe))(hyper, keys[padded])
    state = state._replace(stopped=jnp.arange(len(padded)) >= count)
    state = jax.device_put(state, jax.NamedSharding(mesh, jax.P("networks")))
    training, evaluation = jax.device_put((training, evaluation), jax.NamedSharding(mesh, jax.P()))

    def after(number: int, scores: Scores) -> None:
        callback(number, jax.tree.map(lambda a: a[:count], scores))

    step = functools.partial(_cycle_many, recipe, mesh)
    state, history = train.run(step, state, training, evaluation, epochs, after, kept)
    state, history = jax.tree.map(lambda a: a[:count], (state, history))
    return Fit(state.params, state.best_params, state.best_epoch, history, state)


def _that_fit(recipe: Recipe, devices: Sequence[jax.Device]) -> int:
    """How many networks fit into half of the memory."""
    sizes = [math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(recipe.network.param_shapes)]
    each = 12 * sum(sizes)  # parameters, the best ones, an optimiser's two copies; all before and after; gradients
    memory = (devices[0].memory_stats() or {}).get("bytes_limit", 0)
    if memory:  # an accelerator trains side by side: each network has CHUNK examples and their activations of its own
        inputs = math.prod(recipe.network.input_shape)
        each += 2 * train.CHUNK * (4 * inputs + sum(sizes) // inputs)
        return len(devices) * memory // 2 // each
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 // each


def _join(parts: list[tuple[State, History]], keys: Key[Array, " networks"]) -> Fit:
    """Parts one after the other, on the host; a history that ended early goes on as NaN."""
    longest = max(history.penalty.shape[-1] for _, history in parts)

    def lengthen(column: np.ndarray) -> np.ndarray:
        return np.pad(column, ((0, 0), (0, longest - column.shape[-1])), constant_values=np.nan)

    parts = [(state, jax.tree.map(lengthen, history)) for state, history in parts]
    state, history = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    key = jax.random.wrap_key_data(jnp.asarray(state.key), impl=jax.random.key_impl(keys))
    state = state._replace(key=key)
    return Fit(state.params, state.best_params, state.best_epoch, history, state)
