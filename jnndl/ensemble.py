"""Many networks at once: the same ``epoch`` and ``advance`` over a leading axis of keys and hyper-parameters.

The networks are shared out over the devices. On a CPU each device (one a core, if ``jax_num_cpu_devices`` was set so
before the first use) trains its share one after the other, which is faster there than side by side and really skips a
network that has stopped; on an accelerator each device trains its share side by side under ``vmap``.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Key

from jnndl import gradients, train, validation
from jnndl.costs import Cost, cross_entropy
from jnndl.data import Dataset
from jnndl.gradients import Gradient, Objective
from jnndl.network import Network
from jnndl.train import Callback, Fit, Hyper, Recipe, Scores, State


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
) -> Fit:
    """Train one network for each key, all in one compiled program.

    Args:
        keys: a key for each network.
        learning_rate, l1, l2, momentum: a number for all networks, or an array of shape (networks,).
        callback: called as ``callback(epoch, scores)`` after each epoch, scores of shape (networks,).

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
    mesh = jax.make_mesh((min(count, jax.device_count()),), ("networks",), (jax.sharding.AxisType.Auto,))
    # Every device gets the same number of networks: the last one is repeated where they do not divide, and stopped.
    padded = np.minimum(np.arange(-(-count // mesh.size) * mesh.size), count - 1)

    def spread(value: Any) -> Any:
        return None if value is None else np.broadcast_to(train.as_array(value), (count,))[padded]

    hyper = Hyper(**{name: spread(value) for name, value in values.items()})
    state = jax.vmap(functools.partial(train.start, recipe))(hyper, keys[padded])
    state = state._replace(stopped=jnp.arange(len(padded)) >= count)
    state = jax.device_put(state, jax.NamedSharding(mesh, jax.P("networks")))
    training, evaluation = jax.device_put((training, evaluation), jax.NamedSharding(mesh, jax.P()))

    def after(number: int, scores: Scores) -> None:
        if callback is not None:
            callback(number, jax.tree.map(lambda a: a[:count], scores))

    step = functools.partial(_cycle_many, recipe, mesh)
    state, history = jax.tree.map(lambda a: a[:count], train.run(step, state, training, evaluation, epochs, after))
    train.warn_at_chance(training, history, Hyper(**values))
    return Fit(state.params, state.best_params, state.best_epoch, history, state)
