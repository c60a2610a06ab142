"""What is configured: how to train, and the state that training changes.

What fixes the shape of the computation is in the ``TrainConfig``, which is compiled in; what is an array (parameters,
learning rate, penalties, momentum, counters) is in the ``State``, a pytree that can be saved, resumed and mapped over.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from jnndl import arguments, functions, gradients, identity
from jnndl.costs import as_cost, cross_entropy
from jnndl.data import Dataset
from jnndl.gradients import Objective
from jnndl.network import Network, Params

Value = Float[Array | np.ndarray, "..."]
Probe = Callable[[Objective, Params, Dataset], PyTree]


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How to train: all that is compiled in. Hashable.

    Attributes:
        network: what to train.
        cost: a ``Cost``, or its name.
        batch_size: examples in a mini-batch, from 1 to n; n is full-batch descent.
        gradient: ``autodiff`` or ``backprop``, or its name.
        optimizer: a function of the learning rate that makes an optax optimiser, ``optax.sgd`` or ``optax.adam``, say.
        schedule: an optax schedule that multiplies the learning rate, a function of the number of updates, or None.
        shuffle: whether each epoch takes the examples in a new random order; if not, always in the order given.
        halve_after: halve the learning rate after this many epochs without improvement, and stop at 1/128; or None.
        patience: stop after this many epochs without improvement; or None.
        ties: which of equally good epochs is the best, "first" or "last".
        measure_training: measure the training data after every k-th epoch; 0 for never.
        probe: a function of (objective, params, training data) that is measured after each epoch, or None.
    """

    network: Network
    cost: Any = cross_entropy
    batch_size: int = 10
    gradient: Any = gradients.autodiff
    optimizer: Callable[..., optax.GradientTransformation] = optax.sgd
    schedule: optax.Schedule | None = None
    shuffle: bool = True
    halve_after: int | None = None
    patience: int | None = None
    ties: str = "first"
    measure_training: int = 1
    probe: Probe | None = None

    def __post_init__(self) -> None:
        gradient = arguments.choose("gradient", self.gradient, gradients.GRADIENTS)
        object.__setattr__(self, "gradient", gradient)
        object.__setattr__(self, "cost", as_cost("cost", self.cost))
        for name in ("gradient", "optimizer", "schedule", "probe"):
            if callable(getattr(self, name)):
                object.__setattr__(self, name, identity.canonical(getattr(self, name)))


class Hyperparameters(NamedTuple):
    """Hyper-parameters that are arrays, so that many values share one compiled program; None where not used.

    Attributes:
        learning_rate: the book's eta, halved by ``advance`` where the configuration says so.
        l1, l2: strengths of the penalties, the book's lambda.
        momentum: from 0 to below 1, the book's mu.
    """

    learning_rate: Value
    l1: Value | None = None
    l2: Value | None = None
    momentum: Value | None = None


class Best(NamedTuple):
    """The best epoch so far.

    Attributes:
        score: accuracy, or minus the cost where targets are not labels.
        epoch: its number from 0; -1 before the first.
        params: the parameters then.
    """

    score: Value
    epoch: Int[Array, ""]
    params: Params


class State(NamedTuple):
    """All that changes in training, a pytree.

    Attributes:
        params: the parameters.
        opt_state: the optimiser's state.
        key: the run's key; every epoch derives its own from it and from its number.
        epoch: how many epochs are done.
        hyper: the hyper-parameters.
        best: the best epoch so far.
        halvings: how often the learning rate was halved.
        halved_epoch: the epoch of the last halving, -1 before the first.
        stopped: whether a rule has ended the run.
        diverged: whether the cost or the penalty stopped being finite.
    """

    params: Params
    opt_state: PyTree
    key: Key[Array, ""]
    epoch: Int[Array, ""]
    hyper: Hyperparameters
    best: Best
    halvings: Int[Array, ""]
    halved_epoch: Int[Array, ""]
    stopped: Bool[Array, ""]
    diverged: Bool[Array, ""]


def as_array(value: Any, dtype: Any = float) -> Any:
    """A hyper-parameter as an array of a floating dtype; None stays None.

    As an array of a fixed dtype, a new value never compiles again; a weakly typed Python float can.
    """
    return None if value is None else np.asarray(value, jax.dtypes.canonicalize_dtype(dtype))


def make_objective(config: TrainConfig, hyper: Hyperparameters) -> Objective:
    """What this configuration minimises at these hyper-parameters."""
    return Objective(config.network, config.cost, l1=hyper.l1, l2=hyper.l2)


def factor(config: TrainConfig, count: Any) -> Any:
    """What the learning rate is multiplied by after so many updates."""
    return 1 if config.schedule is None else functions.one_number("schedule", config.schedule(count))


def make_optimizer(config: TrainConfig, hyper: Hyperparameters) -> optax.GradientTransformation:
    """The optimiser at these hyper-parameters; built inside the compiled program, because they are traced arrays."""
    rate = hyper.learning_rate
    scheduled = rate if config.schedule is None else lambda count: rate * factor(config, count)
    more = {} if hyper.momentum is None else {"momentum": hyper.momentum}
    return functions.optimizer_of(config.optimizer(scheduled, **more))


def start(config: TrainConfig, hyper: Hyperparameters, key: Key[Array, ""], params: Params | None = None) -> State:
    """The state before the first epoch.

    Args:
        config: how to train.
        hyper: the hyper-parameters.
        key: decides initial parameters, shuffles and dropout.
        params: where to start from; None draws them.
    """
    init_key, train_key = jax.random.split(key)
    params = config.network.init(init_key) if params is None else params
    return State(
        params=params,
        opt_state=make_optimizer(config, hyper).init(params),
        key=train_key,
        epoch=jnp.int32(0),
        hyper=hyper,
        best=Best(jnp.full((), -jnp.inf, jnp.result_type(*jax.tree.leaves(params))), jnp.int32(-1), params),
        halvings=jnp.int32(0),
        halved_epoch=jnp.int32(-1),
        stopped=jnp.asarray(False),
        diverged=jnp.asarray(False),
    )
