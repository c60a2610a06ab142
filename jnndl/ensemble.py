"""Many networks at once: the same epoch and rules over a leading axis of keys and hyper-parameters.

The networks are shared out over the devices. On a CPU, each device trains its share one network at a time: that is
faster there than side by side, and a network that has stopped costs nothing. (For one device per core, set
``jax_num_cpu_devices`` before the first use of JAX.) On an accelerator each device trains its share side by side under
``vmap``, where a network that has stopped is still computed, and the result thrown away.
"""

import functools
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from jnndl import chunks, sharing, validation
from jnndl.arguments import REQUIRED, check_keys, check_whole
from jnndl.chance import warn_at_chance
from jnndl.data import Dataset
from jnndl.loop import make_checkpoint, train_loop
from jnndl.measures import History, Scores
from jnndl.network import Network, Params
from jnndl.options import Run, Settings, prepare
from jnndl.processes import everyones, is_shared, off_devices, place
from jnndl.settings import Hyperparameters, State, TrainConfig, start
from jnndl.training import Fit, compiled_once, start_one, train_epoch

HOST_BYTES = 4 * 2**30  # assumed memory where a device does not report its own


@functools.partial(jax.jit, static_argnames=("config", "mesh", "with_training"), donate_argnames="state")
def train_epoch_many(
    config: TrainConfig,
    mesh: jax.sharding.Mesh,
    state: State,
    training: Dataset,
    evaluation: Dataset | None,
    with_training: bool = True,
) -> tuple[State, Scores]:
    """``train_epoch`` for many networks, shared out over the devices of a mesh; the memory of ``state`` is reused."""
    axis = sharing.DATA if mesh.shape[sharing.DATA] > 1 else None

    def train_share(state: State, training: Dataset, evaluation: Dataset | None) -> tuple[State, Scores]:
        def train(state: State) -> tuple[State, Scores]:
            return train_epoch(config, state, training, evaluation, with_training, axis)

        def skip(state: State) -> tuple[State, Scores]:
            _, scores = jax.eval_shape(train, state)
            return state, jax.tree.map(lambda score: jnp.full(score.shape, jnp.nan, score.dtype), scores)

        def one(state: State) -> tuple[State, Scores]:
            return jax.lax.cond(state.stopped, skip, train, state)

        return jax.lax.map(one, state) if sharing.is_cpu(mesh) else jax.vmap(one)(state)

    networks, everywhere = jax.P(sharing.NETWORKS), jax.P()
    # check_vma=False: a scan whose carry starts from a constant is rejected otherwise.
    return jax.shard_map(
        train_share, mesh=mesh, in_specs=(networks, everywhere, everywhere), out_specs=networks, check_vma=False
    )(state, training, evaluation)


def distribute(
    config: TrainConfig,
    hyper: Hyperparameters,
    keys: Key[Array, " networks"],
    params: Params | None = None,
    devices: Sequence[jax.Device] | None = None,
    first: State | None = None,
    each: int = 1,
) -> tuple[jax.sharding.Mesh, State]:
    """The states of many networks before the first epoch, each made on the device that will train it.

    Args:
        config: how to train.
        hyper: hyper-parameters of shape (networks,).
        keys: one key for each network.
        params: where to start from, with a leading axis of networks; None draws them.
        devices: the devices to share the networks out over; None for all.
        first: the states to go on from, where the first epochs are over; they are copied.
        each: how many devices share the mini-batches of a network.

    Returns:
        The mesh, and the states. Every device, or group of them, gets the same number of networks; if the count does
        not divide evenly, copies of the last network, already stopped, fill the gap.
    """
    count, devices = len(keys), jax.devices() if devices is None else list(devices)
    if len({device.process_index for device in devices}) == 1:  # else every process keeps its part in the work
        devices = devices[: count * each]
    mesh = sharing.make_mesh(devices, each)
    groups = mesh.shape[sharing.NETWORKS]
    padded = np.minimum(np.arange(-(-count // groups) * groups), count - 1)
    hyper, params = jax.tree.map(lambda value: value[padded], (hyper, params))
    networks, padding = jax.NamedSharding(mesh, jax.P(sharing.NETWORKS)), np.arange(len(padded)) >= count
    if first is not None:
        first = jax.tree.map(lambda leaf: leaf[padded], first)
        return mesh, place(first._replace(stopped=first.stopped | padding), networks)
    hyper, keys, params, padding = place((hyper, keys[padded], params, padding), networks)
    state = _start_many(config, mesh, hyper, keys, params)
    return mesh, state._replace(stopped=padding)


@functools.partial(compiled_once, static_argnames=("config", "mesh"))
def _start_many(
    config: TrainConfig, mesh: jax.sharding.Mesh, hyper: Hyperparameters, keys: Key[Array, " networks"], params: Any
) -> State:
    state = jax.vmap(functools.partial(start, config))(hyper, keys, params)
    return jax.lax.with_sharding_constraint(state, jax.NamedSharding(mesh, jax.P(sharing.NETWORKS)))


def fit_many(
    network: Network,
    training: Dataset,
    evaluation: Dataset | None = None,
    *,
    keys: Key[Array, " networks"] = REQUIRED,
    epochs: int = REQUIRED,
    learning_rate: Any = REQUIRED,
    at_once: int | None = None,
    **settings: Unpack[Settings],
) -> Fit:
    """Train one network per key, all in one compiled program.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    >>> keys = jax.random.split(jax.random.key(0), 3)
    >>> fit = jnndl.fit_many(network, digits.training, keys=keys, epochs=2, learning_rate=np.array([0.1, 0.5, 1.0]))
    >>> fit.history.training_accuracy.shape
    (3, 2)

    Args:
        network, training, evaluation, epochs: as for ``fit``.
        keys: one key for each network, of JAX's default kind if ``fit`` is to draw the same numbers.
        learning_rate: a number for all networks, or an array of shape (networks,). The same holds for the settings
            ``l1``, ``l2`` and ``momentum``.
        at_once: how many networks to train together; the rest follow in further parts. None for as many as fit into
            half of the memory.
        settings: those of ``fit``, see ``jnndl.options.Settings``. A ``callback`` gets scores of shape (networks,),
            NaN for a network that has stopped or that is in another part. If there are several parts, each writes its
            own checkpoint, with its number in the file name.

    Returns:
        A ``Fit`` in which every array has a leading axis of networks; ``history`` has shape (networks, epochs), and NaN
        for a network that had stopped. One that diverges is stopped and marked in ``state.diverged``. If there are
        several parts, the arrays are NumPy's, on the host. ``fit.one(3)`` and ``fit.best()`` are results of one
        network; ``save(path, fit.network, fit.params)`` keeps all.

    Warns and raises as ``fit`` does, except that divergence does not raise. Also warns if the networks do not fit into
    memory.
    """
    check_keys("keys", keys, 1)
    run = prepare(network, training, evaluation, epochs, learning_rate, settings, len(keys))
    fit = train_all(run, keys, at_once)
    warn_at_chance(run, fit.history)
    return fit


def train_all(run: Run, keys: Key[Array, " networks"], at_once: int | None = None, before: Fit | None = None) -> Fit:
    """Train many networks, in as many parts as it takes.

    Args:
        run: a call of ``fit_many``, checked.
        keys: one key for each network.
        at_once: as for ``fit_many``.
        before: what the first epochs of the same run gave, to go on from; it stays as it is.
    """
    run = run._replace(hyper=jax.tree.map(lambda value: np.broadcast_to(value, (len(keys),)), run.hyper))
    parts = plan_parts(run, keys, at_once)
    most = parts[0].stop - parts[0].start
    with chunks.told_of_memory(f"train fewer networks at once (at_once is {most}), or give a smaller batch_size"):
        results = [
            train_part(run, keys, part, None if len(parts) == 1 else number, before)
            for number, part in enumerate(parts)
        ]
        state, history = results[0] if len(parts) == 1 else _join(results, keys)
    return Fit(validation.with_range(run.config.network, run.training), history, state)


def plan_parts(run: Run, keys: Key[Array, " networks"], at_once: int | None) -> list[slice]:
    """Which networks are trained together: as many as ``at_once`` says, or as half of the memory holds."""
    count, devices = len(keys), run.loop.devices or jax.devices()
    if at_once is None:
        groups = len(devices) // run.loop.devices_per_network
        at_once = max(1, how_many_fit(run, keys, devices) // groups) * groups  # as many on each device
        if at_once < count:
            warnings.warn(
                f"{count} networks need more than half of the memory: training {at_once} at a time (at_once= chooses)",
                stacklevel=4,
            )
    check_whole("at_once", at_once, "a number of networks of at least 1, or None")
    return [slice(first, min(first + at_once, count)) for first in range(0, count, at_once)]


def how_many_fit(run: Run, keys: Key[Array, " networks"], devices: Sequence[jax.Device]) -> int:
    """How many networks fit into half of the memory.

    In training a network needs its state twice (the old and the new one), and its gradient and its update, each as
    large as the parameters. On an accelerator, which trains networks side by side, each also needs the activations of
    a chunk of examples. The other half of the memory is for the data and for what XLA needs besides.
    """
    one = start_one.eval_shape(run.config, jax.tree.map(lambda value: value[0], run.hyper), keys[0])
    bytes_each = 2 * _bytes(one) + 2 * _bytes(one.params)
    hosts = {device.process_index for device in devices}
    own = next((device for device in devices if device.process_index == jax.process_index()), devices[0])
    memory = (own.memory_stats() or {}).get("bytes_limit", 0)
    if len(hosts) > 1:
        memory = int(everyones(memory).min())  # all processes train the same parts
    if own.platform != "cpu":
        bytes_each += run.config.network.chunk * run.config.network.bytes_per_example[0]
    return int((len(devices) * memory or len(hosts) * HOST_BYTES) // run.loop.devices_per_network // 2 // bytes_each)


def _bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def train_part(
    run: Run, keys: Key[Array, " networks"], part: slice, number: int | None, before: Fit | None = None
) -> tuple[State, History]:
    """Train some of the networks at once.

    Args:
        run, keys, before: of all networks, as for ``train_all``.
        part: which of its networks.
        number: the number of the part; None if it is the only one, whose arrays may stay on the devices.
    """
    total, size, loop = len(keys), part.stop - part.start, run.loop
    keys, run = keys[part], run._replace(hyper=jax.tree.map(lambda value: value[part], run.hyper))
    params, path = loop.params, None
    first, past = (None, None)
    if before is not None:
        first, past = jax.tree.map(lambda leaf: leaf[part], (before.state, before.history))
    if params is not None:
        params = jax.tree.map(  # in NumPy, where broadcasting copies nothing
            lambda leaf, one: np.broadcast_to(np.asarray(leaf), (total, *one.shape))[part],
            params,
            run.config.network.param_shapes,
        )
    if number is not None and loop.checkpoint is not None:
        path = pathlib.Path(loop.checkpoint)
        path = path.with_name(f"{path.stem}-{number}{path.suffix}")
    checkpoint = make_checkpoint(run, keys, path, first)
    mesh, state = distribute(run.config, run.hyper, keys, params, loop.devices, first, loop.devices_per_network)
    data = place(run[3:], jax.NamedSharding(mesh, jax.P()))

    def after_epoch(epoch: int, scores: Scores, state: State) -> Any:
        if loop.callback is None:
            return False

        def among_all(score: np.ndarray) -> np.ndarray:
            everyone = np.full((total, *score.shape[1:]), np.nan, score.dtype)
            everyone[part] = score
            return everyone

        return loop.callback(epoch, jax.tree.map(among_all, scores))

    step = functools.partial(train_epoch_many, run.config, mesh)
    state, history = train_loop(step, state, data, run, after_epoch, checkpoint, past, size)
    if number is not None or is_shared(state):
        state = off_devices(state)  # before the next part needs their memory
    return jax.tree.map(lambda leaf: leaf[:size], state), history


def _join(parts: list[tuple[State, History]], keys: Key[Array, " networks"]) -> tuple[State, History]:
    """Join the parts, on the host; a history that ended early is continued with NaN."""
    longest = max(history.penalty.shape[-1] for _, history in parts)

    def lengthen(column: np.ndarray) -> np.ndarray:
        missing = longest - column.shape[-1]
        return np.pad(column, [(0, 0)] * (column.ndim - 1) + [(0, missing)], constant_values=np.nan)

    parts = [(state._replace(key=jax.random.key_data(state.key)), jax.tree.map(lengthen, h)) for state, h in parts]
    state, history = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    key = jax.random.wrap_key_data(jnp.asarray(state.key), impl=jax.random.key_impl(keys))
    return state._replace(key=key), history
