"""``fit``, which trains one network, and what it returns."""

import dataclasses
import functools
import operator
from typing import Any, Unpack

import jax
import numpy as np
from jaxtyping import Array, Key

from jnndl import chunks, sharing, validation
from jnndl.arguments import REQUIRED, check_keys
from jnndl.chance import warn_at_chance
from jnndl.data import Dataset
from jnndl.descent import epoch
from jnndl.loop import make_checkpoint, train_loop
from jnndl.measures import History, Scores, measure
from jnndl.network import Network, Params
from jnndl.options import Settings, prepare
from jnndl.processes import is_shared, off_devices, place
from jnndl.rules import advance
from jnndl.settings import Hyperparameters, State, TrainConfig, as_array, start


class DivergenceError(FloatingPointError):
    """The cost of a run, or its penalty, is no longer a finite number."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Fit:
    """What ``fit`` and ``fit_many`` return; from ``fit_many`` every array has a leading axis of networks. A pytree.

    Attributes:
        network: the network, which now knows how its inputs are scaled; save it with the parameters.
        history: the measurements, each of shape (epochs,).
        state: the whole state at the end.
    """

    network: Network = dataclasses.field(metadata={"static": True})
    history: History
    state: State

    @property
    def params(self) -> Params:
        """The parameters after the last epoch."""
        return self.state.params

    @property
    def best_params(self) -> Params:
        """The parameters after the best epoch.

        By accuracy (or cost, without labels) on the evaluation data, or on the training data where there are none.
        """
        return self.state.best.params

    def one(self, number: int) -> "Fit":
        """Of many networks, the one of this number, from 0: what ``fit`` would have returned for its key.

        Raises:
            TypeError: if this is the result of ``fit``, which is one network.
            IndexError: if there is no such number.

        >>> fit = jnndl.fit_many(network, training, keys=keys, epochs=3, learning_rate=0.5)  # doctest: +SKIP
        >>> jnndl.evaluate(fit.network, fit.one(3).params, test).accuracy  # doctest: +SKIP
        """
        many = self._many("one")
        if not -many <= (number := operator.index(number)) < many:
            raise IndexError(f"one: number is {number}, but there are {many} networks; give 0 to {many - 1}")
        history, state = jax.tree.map(lambda leaf: leaf[number], (self.history, self.state))
        done = int(state.epoch)  # when it stopped; what follows is NaN, for the others
        return Fit(self.network, jax.tree.map(lambda column: column[..., :done], history), state)

    @property
    def best_number(self) -> int:
        """Of many networks, the number of the best, from 0: the first whose best epoch has the highest score.

        The score is ``state.best.score``: the accuracy on the evaluation data given to ``fit_many`` (minus the cost,
        without labels), or on the training data where there were none. These data have chosen: the best score on them
        flatters, so measure the network that was chosen on other data.

        Raises:
            TypeError: if this is the result of ``fit``.
            ValueError: if nothing was measured by which to choose.
        """
        self._many("best")
        scores = np.asarray(self.state.best.score)
        if not np.isfinite(scores).any():
            raise ValueError("best: nothing was measured; give fit_many evaluation data, or measure_training=1")
        return int(scores.argmax())

    def best(self) -> "Fit":
        """Of many networks, the best one, by ``best_number``; its ``best_params`` are those of its best epoch."""
        return self.one(self.best_number)

    def __getitem__(self, number: int) -> "Fit":
        """``fit[3]`` is ``fit.one(3)``; so a loop over the result of ``fit_many`` gives its networks."""
        if np.ndim(self.history.penalty) != 2:
            raise TypeError("this is one network, from fit; take fit.network, fit.params, fit.history")
        return self.one(number)

    def __getattr__(self, name: str) -> Any:
        """Only for what is not there: where it is."""
        raise AttributeError(
            f"the result of fit has no {name!r}; it has network, params, best_params, best_epoch, state, and history "
            "with what was measured, as in fit.history.evaluation_accuracy"
        )

    def _many(self, what: str) -> int:
        """The number of networks; raises where it is the one network of ``fit``."""
        if np.ndim(self.history.penalty) != 2:
            raise TypeError(f"{what}: this is one network, from fit; take its params or best_params")
        return len(self.history.penalty)

    @property
    def best_epoch(self) -> Any:
        """The number of the best epoch, from 0."""
        return self.state.best.epoch

    def __repr__(self) -> str:
        shape = np.shape(self.history.penalty)
        many = f"{shape[0]} networks, " if len(shape) == 2 else f"best epoch {int(self.best_epoch)}, "
        return f"Fit({many}{shape[-1]} epochs)"


def train_epoch(
    config: TrainConfig,
    state: State,
    training: Dataset,
    evaluation: Dataset | None,
    with_training: bool = True,
    axis: str | None = None,
) -> tuple[State, Scores]:
    """An epoch, its measurements, and the rule after it; arguments as in ``epoch`` and ``measure``."""
    state = epoch(config, state, training, axis)
    scores = measure(config, state, training, evaluation, with_training, axis)
    return advance(config, state, scores), scores


# The state is donated: its memory is reused for the new one. Only the loop calls this, and it keeps no old state.
_train_epoch = jax.jit(train_epoch, static_argnames=("config", "with_training"), donate_argnames="state")


@functools.partial(jax.jit, static_argnames=("config", "mesh", "with_training"), donate_argnames="state")
def train_epoch_shared(
    config: TrainConfig,
    mesh: jax.sharding.Mesh,
    state: State,
    training: Dataset,
    evaluation: Dataset | None,
    with_training: bool = True,
) -> tuple[State, Scores]:
    """``train_epoch`` of one network, every mini-batch shared out over the devices; ``state`` is donated."""
    share = functools.partial(train_epoch, config, with_training=with_training, axis=sharing.DATA)
    # check_vma=False: a scan whose carry starts from a constant is rejected otherwise.
    return jax.shard_map(share, mesh=mesh, in_specs=jax.P(), out_specs=jax.P(), check_vma=False)(
        state, training, evaluation
    )


# Compiled, because eager arithmetic rounds differently; at a low level of optimisation, because it runs once.
compiled_once = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 1})
start_one = compiled_once(start, static_argnames="config")


def initial_params(network: Network, key: Key[Array, ""]) -> Params:
    """The parameters from which ``fit`` starts with this key, bit for bit."""
    return start_one(TrainConfig(network), Hyperparameters(as_array(1.0)), key).params


def fit(
    network: Network,
    training: Dataset,
    evaluation: Dataset | None = None,
    *,
    key: Key[Array, ""] | int = REQUIRED,
    epochs: int = REQUIRED,
    learning_rate: Any = REQUIRED,
    **settings: Unpack[Settings],
) -> Fit:
    """Train a network by mini-batch gradient descent; network2's ``SGD``.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    >>> fit = jnndl.fit(network, digits.training, digits.validation, key=0, epochs=2, learning_rate=0.5, l2=0.1)
    >>> fit
    Fit(best epoch 1, 2 epochs)
    >>> fit.history.evaluation_accuracy.shape
    (2,)

    Args:
        network: what to train.
        training: the training data, n examples.
        evaluation: data to measure on after each epoch (validation data, say), or None.
        key: a ``jax.random.key``, or a seed such as 0, which makes one; the only source of randomness: initial
            parameters, shuffles and dropout.
        epochs: how many at most, at least 1.
        learning_rate: above 0; the book's eta.
        settings: all others are in ``jnndl.options.Settings``: ``batch_size``, ``cost``, ``l2``, ``momentum``,
            ``optimizer``, ``patience``, ``callback``, ``checkpoint`` and so on.

    Returns:
        A ``Fit``.

    Warns:
        UserWarning: if the run never does better than naming the most common class would.

    Raises:
        TypeError, ValueError: if an argument is of another kind or out of its range, or data, parameters, network and
            cost do not fit together.
        DivergenceError: if a cost or the penalty stops being finite; names the epoch and the learning rate.
    """
    random_key = check_keys("key", key, 0)
    run = prepare(network, training, evaluation, epochs, learning_rate, settings)
    loop, checkpoint = run.loop, make_checkpoint(run, random_key)

    def after_epoch(number: int, scores: Scores, state: State) -> Any:
        if state.diverged:
            named = {name: value for name, value in scores.columns().items() if not np.isfinite(value)}
            raise DivergenceError(
                f"training diverged in epoch {number} at learning_rate {float(scores.learning_rate):g}: "
                f"{', '.join(f'{name} is {value}' for name, value in named.items()) or 'parameters are not finite'}; "
                "lower learning_rate, or l1 and l2"
            )
        return loop.callback is not None and loop.callback(number, scores)

    several = loop.devices is not None and len(loop.devices) > 1
    device = None if loop.devices is None or several else loop.devices[0]
    step, where = functools.partial(_train_epoch, run.config), device
    with chunks.told_of_memory("train a smaller network, or give a smaller batch_size or fewer examples"):
        hyper, random_key, params = jax.device_put((run.hyper, random_key, loop.params), device)
        state = start_one(run.config, hyper, random_key, params)
        if loop.devices is not None and several:
            mesh = sharing.make_mesh(loop.devices, len(loop.devices))
            step, where = functools.partial(train_epoch_shared, run.config, mesh), jax.NamedSharding(mesh, jax.P())
            state = place(state, where)
        data = place(run[3:], where)
        state, history = train_loop(step, state, data, run, after_epoch, checkpoint)
    warn_at_chance(run, history)
    state = off_devices(state) if is_shared(state) else state
    return Fit(validation.with_range(run.config.network, training), history, state)
