"""The settings that ``fit`` and ``fit_many`` share: written down once, checked once."""

import dataclasses
import difflib
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypedDict

import jax
import optax

from jnndl import functions, validation
from jnndl.arguments import check_whole, short_repr
from jnndl.costs import Cost
from jnndl.data import Dataset
from jnndl.gradients import Gradient, Objective
from jnndl.measures import Scores
from jnndl.network import Network, Params
from jnndl.progress import check_progress
from jnndl.settings import Hyperparameters, Probe, TrainConfig, as_array

Callback = Callable[[int, Scores], Any]

BOOK_NAMES = {
    "eta": "learning_rate",
    "lmbda": "l2",
    "mu": "momentum",
    "mini_batch_size": "batch_size",
    "early_stopping_n": "patience",
    "evaluation_data": "evaluation",
    "training_data": "training",
}


class Settings(TypedDict, total=False):
    """The optional settings of ``fit`` and ``fit_many``.

    Attributes:
        batch_size: examples in a mini-batch, from 1 to n (10 if not given); n for full-batch descent.
        cost: a cost function of ``jnndl.costs``, or its name, that fits the network's output neuron (cross-entropy).
        l1, l2: strengths of the penalties, at least 0, the book's lambda; None for none.
        momentum: from 0 to below 1, the book's mu, handed to the optimiser; None for none.
        optimizer: a function of the learning rate that makes an optax optimiser: ``optax.sgd``, ``optax.adam``.
        schedule: an optax schedule by which the learning rate is multiplied, a function of the number of updates.
        gradient: ``gradients.autodiff`` (if not given) or ``gradients.backprop``, or "autodiff" or "backprop".
        shuffle: whether each epoch takes the examples in a new random order (True); if False, always in the order
            given, as chapter 6's network3 does.
        halve_after: halve the learning rate after this many epochs without improvement, and stop at 1/128 of the first.
        patience: stop after this many epochs without improvement.
        ties: which of equally good epochs is the best, "first" (if not given) or "last", as in network3. With "last" an
            epoch as good as the best counts as an improvement.
        measure_training: measure cost and accuracy on the training data after every k-th epoch (1); 0 for never. They
            take a quarter of the time of an epoch where the network is small.
        probe: a function of (objective, params, training data) that returns a pytree of numbers, kept as floats. It is
            part of the compiled program, and what it returns after each epoch is in ``history.probe``.
        params: where to start from; None draws new parameters. For ``fit_many`` with a leading axis of networks, or
            those of one network, from which all start.
        callback: called as ``callback(epoch, scores)`` after each epoch. If it returns True, training ends; a run that
            was ended so can be resumed, and then goes on until the callback says True again.
        progress: "lines" (or True) prints the book's line after each epoch, ``Epoch 3: 9412 / 10000, cost 0.25``, "bar"
            shows a bar, False is silent; None (if not given) prints lines in a terminal or notebook only.
        checkpoint: a file that keeps the whole state, to resume from after a crash; replaced only by a whole new one.
        checkpoint_every: epochs from one checkpoint to the next (1); the last epoch always writes one.
        resume: resume from ``checkpoint`` where that file exists; the result is bit-identical to an uninterrupted run.
            ``epochs`` may be more than before.
        devices: the devices to use; None for the default one, or for all in ``fit_many``. Several devices share every
            mini-batch of ``fit``: of use where a network is so wide that a mini-batch keeps more than one busy.
        devices_per_network: for ``fit_many``, how many devices share every mini-batch of a network (1). The networks
            are shared out over groups of so many.
    """

    batch_size: int
    cost: Cost | str
    l1: Any
    l2: Any
    momentum: Any
    optimizer: Callable[..., optax.GradientTransformation]
    schedule: optax.Schedule | None
    gradient: Callable[[Objective], Gradient] | str
    shuffle: bool
    halve_after: int | None
    patience: int | None
    ties: str
    measure_training: int
    probe: Probe | None
    params: Params | None
    callback: Callback | None
    progress: bool | str | None
    checkpoint: str | os.PathLike | None
    checkpoint_every: int
    resume: bool
    devices: Sequence[jax.Device] | None
    devices_per_network: int


@dataclasses.dataclass(frozen=True)
class Loop:
    """Settings of the loop over epochs that are not compiled in; see ``Settings``."""

    epochs: int
    params: Params | None = None
    callback: Callback | None = None
    progress: bool | str | None = None
    checkpoint: str | os.PathLike | None = None
    checkpoint_every: int = 1
    resume: bool = False
    devices: Sequence[jax.Device] | None = None
    devices_per_network: int = 1


class Run(NamedTuple):
    """A call of ``fit`` or ``fit_many``, checked.

    Attributes:
        config: what is compiled in.
        hyper: what is an array; for many networks each of shape (networks,).
        loop: what the loop on the host needs.
        training, evaluation: the data.
    """

    config: TrainConfig
    hyper: Hyperparameters
    loop: Loop
    training: Dataset
    evaluation: Dataset | None


def prepare(
    network: Network,
    training: Dataset,
    evaluation: Dataset | None,
    epochs: int,
    learning_rate: Any,
    settings: Settings,
    count: int | None = None,
) -> Run:
    """Check what ``fit`` and ``fit_many`` have in common, and sort it.

    Args:
        network, training, evaluation, epochs, learning_rate, settings: as they came.
        count: the number of networks, or None for ``fit``.
    """
    known = Settings.__annotations__
    for name in settings:
        if name not in known:
            near = next(iter(difflib.get_close_matches(name, [*known, *BOOK_NAMES], 1)), None)
            hint = f"did you mean {BOOK_NAMES.get(near, near)}?" if near else f"there are {', '.join(known)}"
            raise TypeError(f"there is no setting {name!r}; {hint}")
    given: dict[str, Any] = dict(settings)
    values = {"learning_rate": learning_rate, **{name: given.pop(name, None) for name in ("l1", "l2", "momentum")}}
    loop = Loop(epochs, **{name: given.pop(name) for name in Loop.__annotations__ if name in given})
    config = TrainConfig(network, **given)
    params = loop.params if count is None else None  # many networks are of the default dtype
    _check(config, loop, training, evaluation, count, values["momentum"])
    dtype = float if params is None else jax.numpy.result_type(*jax.tree.leaves(params))
    validation.check_hyper(count, dtype, **values)
    config = dataclasses.replace(config, network=validation.bind(network, training, "training"))
    if evaluation is not None:
        validation.bind(config.network, evaluation, "evaluation")
    hyper = Hyperparameters(**{name: as_array(value, dtype) for name, value in values.items()})
    return Run(config, hyper, loop, training, evaluation)


def _check(config: TrainConfig, loop: Loop, training: Any, evaluation: Any, count: int | None, momentum: Any) -> None:
    """Raise, with a sentence, where settings, data and network do not fit together."""
    validation.check_model(config.network, config.cost)
    own = {name: getattr(config, name) for name in ("gradient", "optimizer", "schedule", "probe")}
    functions.check_functions(momentum, **own, callback=loop.callback)
    check_whole("epochs", loop.epochs, "a whole number of at least 1")
    validation.check_data(config.network, config.cost, training, "training")
    if evaluation is not None:
        validation.check_data(config.network, config.cost, evaluation, "evaluation")
    n = len(training)
    sizes = f"a whole number from 1 to {n}, the number of training examples ({n} is full-batch descent)"
    check_whole("batch_size", config.batch_size, sizes, high=n)
    if not isinstance(config.shuffle, bool):
        raise TypeError(f"shuffle is {config.shuffle!r}; give True or False")
    if config.ties not in ("first", "last"):
        raise ValueError(f"ties is {config.ties!r}; give 'first' or 'last'")
    every = config.measure_training
    if every is not True and every != 0:
        check_whole("measure_training", every, "a number of epochs, or 0 for never")
    for name, value in (("halve_after", config.halve_after), ("patience", config.patience)):
        if value is not None:
            check_whole(name, value, "a number of epochs of at least 1, or None")
            if evaluation is None and value < every:
                raise ValueError(
                    f"{name} is {value}, but the training data are measured after every {every}th epoch only; give "
                    f"{name} of at least {every}, or evaluation data"
                )
    if loop.params is not None:
        validation.check_params(config.network, loop.params, count)
    check_progress(loop.progress)
    check_whole("checkpoint_every", loop.checkpoint_every, "a number of epochs of at least 1")
    if loop.checkpoint_every != 1 and loop.checkpoint is None:
        raise ValueError(
            f"checkpoint_every is {loop.checkpoint_every}, but checkpoint is None; give the file to keep the run in"
        )
    if loop.resume and loop.checkpoint is None:
        raise ValueError("resume is True, but checkpoint is None; give the file to resume from")
    _check_devices(loop, count, config.batch_size, n)


def _check_devices(loop: Loop, count: int | None, m: int, n: int) -> None:
    """Raise, with a sentence, where a run cannot be shared out over the devices; m of n examples are a mini-batch."""
    devices, each = loop.devices, loop.devices_per_network
    if devices is not None:
        if not isinstance(devices, Sequence) or not all(isinstance(device, jax.Device) for device in devices):
            raise TypeError(f"devices is {short_repr(devices)}; give a list of jax.devices(), or None")
        if not devices or len(set(devices)) < len(devices):
            raise ValueError(f"devices is {short_repr(devices)}; give different ones, at least one, or None")
    check_whole("devices_per_network", each, "a whole number of at least 1")
    if count is None and each != 1:
        raise TypeError("devices_per_network is for fit_many; fit shares every mini-batch over all of its devices")
    there = 1 if devices is None and each == 1 else len(jax.devices() if devices is None else devices)
    if there % each:
        raise ValueError(f"devices_per_network is {each}, which does not divide {there}, the number of devices")
    each = there if count is None else each
    if m % each:
        near = [size for size in (m // each * each, (m // each + 1) * each) if 1 <= size <= n]
        remedy = " or ".join(map(str, near)) or f"batch_size={n} and at most {n} devices"
        raise ValueError(f"batch_size is {m}, which {each} devices cannot share equally; give {remedy}")
