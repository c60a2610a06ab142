"""Many networks at once: the same ``epoch`` and ``advance`` over a leading axis of keys and hyper-parameters.

On a CPU each device (one a core, if ``jax_num_cpu_devices`` was set so before the first use) takes its share and trains
one network after the other; on an accelerator each device trains its share side by side under ``vmap``.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import Array, Key

from jnndl import gradients, train
from jnndl.costs import Cost, cross_entropy
from jnndl.data import Dataset
from jnndl.gradients import Gradient, Objective
from jnndl.network import Network
from jnndl.train import Callback, Fit, Hyper, Recipe, Scores, State


@functools.cache
def _mesh(count: int) -> jax.sharding.Mesh:
    """As many of this platform's devices as divide ``count`` networks evenly."""
    devices = jax.devices()
    shares = max(k for k in range(1, len(devices) + 1) if count % k == 0)
    return jax.sharding.Mesh(np.asarray(devices[:shares]), ("networks",))


@functools.partial(jax.jit, static_argnames=("recipe", "mesh"))
def _cycle_many(
    recipe: Recipe, mesh: jax.sharding.Mesh, state: State, training: Dataset, evaluation: Dataset | None
) -> tuple[State, Scores]:
    def share(state: State, training: Dataset, evaluation: Dataset | None) -> tuple[State, Scores]:
        def one(state: State) -> tuple[State, Scores]:
            return train.cycle(recipe, state, training, evaluation)

        return jax.lax.map(one, state) if mesh.devices.flat[0].platform == "cpu" else jax.vmap(one)(state)

    networks, everywhere = jax.P("networks"), jax.P()
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
    callback: Callback | None = None,
) -> Fit:
    """Train one network for each key, all in one compiled program.

    Args:
        keys: a key for each network.
        learning_rate, l1, l2, momentum: a number for all networks, or an array of shape (networks,).
        callback: called as ``callback(epoch, scores)`` after each epoch, scores of shape (networks,).

    The other arguments are those of ``fit``.

    Returns:
        A ``Fit`` in which every array has a leading axis of networks; ``history`` has shape (networks, epochs). A
        network that diverges is marked in ``state.diverged``.
    """
    recipe = Recipe(network, cost, batch_size, gradient, optimizer, schedule)
    train.check(recipe, training, evaluation, epochs)
    train.check_hyper(learning_rate=learning_rate, l1=l1, l2=l2, momentum=momentum)
    count = len(keys)

    def spread(value: Any) -> Any:
        return None if value is None else np.broadcast_to(train.as_array(value), (count,))

    hyper = Hyper(spread(learning_rate), spread(l1), spread(l2), spread(momentum))
    mesh = _mesh(count)
    state = jax.jit(jax.vmap(functools.partial(train.start, recipe)))(hyper, keys)
    state = jax.device_put(state, jax.NamedSharding(mesh, jax.P("networks")))
    training, evaluation = jax.device_put((training, evaluation), jax.NamedSharding(mesh, jax.P()))
    step = functools.partial(_cycle_many, recipe, mesh)
    state, history = train.run(step, state, training, evaluation, epochs, callback or (lambda number, scores: None))
    return Fit(state.params, state.best_params, state.best_epoch, history, state)
