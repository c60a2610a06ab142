"""Training: two pure functions, and a loop around them.

``epoch(recipe, state, training) -> state`` is one pass over the training data, a ``lax.scan`` over mini-batches in one
compiled program. ``advance(recipe, state, scores) -> state`` is the rule between epochs: remember the best parameters,
halve the learning rate, stop. Everything else is a composition of the two. ``fit`` adds what is not mathematics:
checks, progress, a history, an error when the run diverges.

What fixes the shape of the computation is in the ``Recipe``, which is compiled in; what is an array (parameters,
learning rate, penalties, momentum, counters) is in the ``State``, a pytree that can be saved, resumed and mapped over.
"""

import dataclasses
import functools
import json
import os
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree, UInt

from jnndl import checkpoints, gradients, validation
from jnndl.checkpoints import Checkpoint
from jnndl.costs import Cost, cross_entropy
from jnndl.data import Dataset
from jnndl.gradients import Gradient, Objective
from jnndl.network import Network, Params

HALVINGS = 7  # chapter 3's schedule stops at 1/128 of the first learning rate
CHUNK = 1000  # examples looked at at once, which bounds the memory of evaluation and of large mini-batches


Value = Float[Array | np.ndarray, "..."]


class DivergenceError(FloatingPointError):
    """The cost of a run, or its penalty, is no longer a finite number."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How to train: all that is compiled in. Hashable.

    Attributes:
        network: what to train.
        cost: the cost function.
        batch_size: examples in a mini-batch, from 1 to n; n is full-batch descent.
        gradient: ``autodiff`` or ``backprop``.
        optimizer: a function of the learning rate that makes an optax optimiser, ``optax.sgd`` or ``optax.adam``, say.
        schedule: an optax schedule that multiplies the learning rate, a function of the number of updates, or None.
        halve_after: halve the learning rate after this many epochs without improvement, and stop at 1/128; or None.
        patience: stop after this many epochs without improvement; or None.
    """

    network: Network
    cost: Cost
    batch_size: int
    gradient: Callable[[Objective], Gradient] = gradients.autodiff
    optimizer: Callable[..., optax.GradientTransformation] = optax.sgd
    schedule: optax.Schedule | None = None
    halve_after: int | None = None
    patience: int | None = None


class Hyper(NamedTuple):
    """Hyper-parameters that are arrays, so that many values share one compiled program; None where not used.

    Attributes:
        learning_rate: the book's eta, halved by ``advance`` where the recipe says so.
        l1, l2: strengths of the penalties, the book's lambda.
        momentum: from 0 to below 1, the book's mu.
    """

    learning_rate: Value
    l1: Value | None
    l2: Value | None
    momentum: Value | None


class State(NamedTuple):
    """All that changes in training, a pytree.

    Attributes:
        params: the parameters.
        opt_state: the optimiser's state.
        key: the run's key; every epoch derives its own from it and from its number.
        epoch: how many epochs are done.
        hyper: the hyper-parameters.
        best_score: the best score so far: accuracy, or minus the cost where targets are no labels.
        best_epoch: the epoch (from 0) of that score, -1 before the first.
        best_params: the parameters then.
        halvings: how often the learning rate was halved.
        halved_epoch: the epoch of the last halving, -1 before the first.
        stopped: whether a rule has ended the run.
        diverged: whether the cost or the penalty stopped being finite.
    """

    params: Params
    opt_state: PyTree
    key: Key[Array, ""]
    epoch: Int[Array, ""]
    hyper: Hyper
    best_score: Float[Array, ""]
    best_epoch: Int[Array, ""]
    best_params: Params
    halvings: Int[Array, ""]
    halved_epoch: Int[Array, ""]
    stopped: Bool[Array, ""]
    diverged: Bool[Array, ""]


class Scores(NamedTuple):
    """What is measured after an epoch: scalars, or arrays with an axis of networks. Prints as a line.

    Attributes:
        learning_rate: the learning rate at the start of the epoch.
        penalty: the penalty on the weights, divided by the number of training examples.
        training_cost, evaluation_cost: mean cost without the penalty, or None without evaluation data.
        training_accuracy, evaluation_accuracy: fraction of examples classified right, or None without labels.
    """

    learning_rate: Any
    penalty: Any
    training_cost: Any
    training_accuracy: Any
    evaluation_cost: Any
    evaluation_accuracy: Any

    def __str__(self) -> str:
        """A line; of many networks, the mean over those that still train."""
        return "  ".join(
            f"{name} {_mean(np.ravel(value)):.6g}" for name, value in self._asdict().items() if value is not None
        )


class History(Scores):
    """The ``Scores`` of a whole run: NumPy arrays whose last axis is that of epochs. Prints as a table."""

    def __str__(self) -> str:
        """A row an epoch; of many networks, the mean over those that still train."""
        columns = {name: np.asarray(value) for name, value in self._asdict().items() if value is not None}
        means = {name: _mean(value.reshape(-1, value.shape[-1])) for name, value in columns.items()}
        rows = [
            f"{number:5d}" + "".join(f"{x:21.6g}" for x in row)
            for number, row in enumerate(np.stack([*means.values()], axis=-1))
        ]
        return "\n".join(["epoch" + "".join(f"{name:>21}" for name in means), *rows])


def _mean(values: np.ndarray) -> Any:
    """The mean over the first axis without what is NaN; NaN where all is, and without NumPy's warning."""
    with np.errstate(invalid="ignore"):
        return np.nansum(values, axis=0) / np.sum(~np.isnan(values), axis=0)


def _objective(recipe: Recipe, hyper: Hyper) -> Objective:
    return Objective(recipe.network, recipe.cost, l1=hyper.l1, l2=hyper.l2)


def _optimizer(recipe: Recipe, hyper: Hyper) -> optax.GradientTransformation:
    rate, schedule = hyper.learning_rate, recipe.schedule
    scheduled = rate if schedule is None else lambda count: rate * schedule(count)
    return recipe.optimizer(scheduled, **({} if hyper.momentum is None else {"momentum": hyper.momentum}))


# Compiled, because its last bits are others than operation by operation; with less optimisation, because it runs once.
@functools.partial(jax.jit, static_argnames="network", compiler_options={"xla_backend_optimization_level": 1})
def _init(network: Network, key: Key[Array, ""]) -> Params:
    return network.init(key)


def start(recipe: Recipe, hyper: Hyper, key: Key[Array, ""], params: Params | None = None) -> State:
    """The state before the first epoch.

    Args:
        recipe: how to train.
        hyper: the hyper-parameters.
        key: decides initial parameters, shuffles and dropout.
        params: where to start from; None draws them.
    """
    init_key, train_key = jax.random.split(key)
    params = _init(recipe.network, init_key) if params is None else params
    return State(
        params=params,
        opt_state=_optimizer(recipe, hyper).init(params),
        key=train_key,
        epoch=jnp.int32(0),
        hyper=hyper,
        best_score=jnp.full((), -jnp.inf, jnp.result_type(*jax.tree.leaves(params))),
        best_epoch=jnp.int32(-1),
        best_params=params,
        halvings=jnp.int32(0),
        halved_epoch=jnp.int32(-1),
        stopped=jnp.asarray(False),
        diverged=jnp.asarray(False),
    )


def _through(step: Callable[..., Any], carry: Any, data: Dataset | Array, size: int) -> Any:
    """Take ``carry`` through consecutive parts of ``size`` examples, of which the last may be short."""
    whole = len(data) // size
    arrays = {"inputs": data.inputs, "targets": data.targets} if isinstance(data, Dataset) else data
    parts = jax.tree.map(lambda a: a[: whole * size].reshape(whole, size, *a.shape[1:]), arrays)

    def body(carry: Any, part: tuple[Array | int, Any]) -> tuple[Any, None]:
        number, arrays = part
        return step(carry, number, dataclasses.replace(data, **arrays) if isinstance(data, Dataset) else arrays), None

    if whole == 1:  # without a loop, which spares compiling it
        carry, _ = body(carry, (0, jax.tree.map(lambda a: a[0], parts)))
    elif whole:
        carry, _ = jax.lax.scan(body, carry, (jnp.arange(whole), parts))
    return step(carry, whole, data[whole * size :]) if len(data) % size else carry


@functools.partial(jax.jit, static_argnames="recipe")
def epoch(recipe: Recipe, state: State, training: Dataset) -> State:
    """One epoch of mini-batch gradient descent (chapter 1, equations 20 and 21), every example used exactly once.

    The data are shuffled anew. Where batch_size does not divide n, the last mini-batch is short, and its mean is over
    the examples that it has.
    """
    n, m = len(training), recipe.batch_size
    training = dataclasses.replace(training, inputs=training.inputs.reshape(n, *recipe.network.input_shape))
    shuffle_key, layers_key = jax.random.split(jax.random.fold_in(state.key, state.epoch))
    of_objective = recipe.gradient(_objective(recipe, state.hyper))
    optimizer = _optimizer(recipe, state.hyper)

    def gradient(params: Params, batch: Dataset, key: Key[Array, ""]) -> PyTree:
        if len(batch) <= CHUNK:
            return of_objective(params, batch, n, key)

        # A large mini-batch in parts: in its floats, all at once, a full batch of MNIST would be 157 MB.
        def add(total: PyTree, number: Array | int, part: Dataset) -> PyTree:
            grads = of_objective(params, part, n, jax.random.fold_in(key, number))
            return jax.tree.map(lambda sum, grad: sum + grad * (len(part) / len(batch)), total, grads)

        return _through(add, jax.tree.map(jnp.zeros_like, params), batch, CHUNK)

    def step(carry: tuple[Params, PyTree], number: Array | int, batch: Dataset) -> tuple[Params, PyTree]:
        params, opt_state = carry
        grads = gradient(params, batch, jax.random.fold_in(layers_key, number))
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    carry = state.params, state.opt_state
    if m == n:
        params, opt_state = step(carry, 0, training)
        return state._replace(params=params, opt_state=opt_state, epoch=state.epoch + 1)

    # Examples are fetched some mini-batches at a time: one by one in the loop is slow on a CPU, and all at once would
    # be a second copy of the data for every network that trains.
    each = max(1, CHUNK // m)

    def some(carry: tuple[Params, PyTree], number: Array | int, order: Array) -> tuple[Params, PyTree]:
        def numbered(carry: tuple[Params, PyTree], inner: Array | int, batch: Dataset) -> tuple[Params, PyTree]:
            return step(carry, number * each + inner, batch)

        return _through(numbered, carry, training[order], m)

    params, opt_state = _through(some, carry, _shuffled(shuffle_key, n), each * m)
    return state._replace(params=params, opt_state=opt_state, epoch=state.epoch + 1)


def _shuffled(key: Key[Array, ""], n: int) -> UInt[Array, " n"]:
    """The numbers below n in random order.

    What ``argsort`` of random numbers gives; but words that hold random bits above an index sort, on a CPU, in half the
    time. As few bits are left above a large index, the second round decides where the first has ties.
    """
    order, low = jnp.arange(n, dtype=jnp.uint32), (n - 1).bit_length()
    for bits in jax.random.bits(key, (2, n)):
        words = jnp.sort((bits >> low << low) | jnp.arange(n, dtype=jnp.uint32))
        order = order[words & (2**low - 1)]
    return order


def _examine(objective: Objective, params: Params, data: Dataset) -> tuple[Float[Array, " n"], Float[Array, "n n_out"]]:
    """The cost and the weighted outputs z of every example, a bounded number at a time."""

    def one(example: tuple[Array, Array]) -> tuple[Array, Array]:
        inputs, targets = example
        x, y = objective.examples(params, dataclasses.replace(data, inputs=inputs[None], targets=targets[None]))
        z, _ = objective.network.forward(params, x[0])
        return objective.cost.value(z, y[0], objective.network.neuron), z

    return jax.lax.map(one, (data.inputs, data.targets), batch_size=CHUNK)


def _cost_and_accuracy(objective: Objective, params: Params, data: Dataset) -> tuple[Array, Array | None]:
    costs, z = _examine(objective, params, data)
    if not data.has_labels:
        return jnp.mean(costs), None
    right = jnp.sum(jnp.argmax(z, axis=-1) == data.targets)
    return jnp.mean(costs), right.astype(costs.dtype) / len(data)


@functools.partial(jax.jit, static_argnames="recipe")
def measure(recipe: Recipe, state: State, training: Dataset, evaluation: Dataset | None) -> Scores:
    """Cost and accuracy on training and evaluation data after an epoch: means over examples, never over batches."""
    objective = _objective(recipe, state.hyper)
    training_scores = _cost_and_accuracy(objective, state.params, training)
    none = (None, None)
    evaluation_scores = none if evaluation is None else _cost_and_accuracy(objective, state.params, evaluation)
    updates = (state.epoch - 1) * -(-len(training) // recipe.batch_size)
    factor = 1 if recipe.schedule is None else recipe.schedule(updates)
    penalty = objective.penalty(state.params, len(training))
    return Scores(state.hyper.learning_rate * factor, penalty, *training_scores, *evaluation_scores)


def score(scores: Scores) -> Value:
    """The number by which epochs are compared: accuracy, or minus the cost where there are no labels.

    On the evaluation data where there are any, else on the training data.
    """
    if scores.evaluation_cost is not None:
        cost, accuracy = scores.evaluation_cost, scores.evaluation_accuracy
    else:
        cost, accuracy = scores.training_cost, scores.training_accuracy
    return -cost if accuracy is None else accuracy


@functools.partial(jax.jit, static_argnames="recipe")
def advance(recipe: Recipe, state: State, scores: Scores) -> State:
    """The rule between epochs: best parameters, halving, stopping, divergence (chapter 3, "Early stopping").

    An epoch is an improvement if its ``score`` is above all before; of equal ones the first counts as the best.
    """
    number = state.epoch - 1
    finite = jnp.isfinite(scores.training_cost + scores.penalty)
    better = finite & (score(scores) > state.best_score)
    best_params = jax.tree.map(lambda new, old: jnp.where(better, new, old), state.params, state.best_params)
    best_epoch = jnp.where(better, number, state.best_epoch)
    state = state._replace(
        best_score=jnp.where(better, score(scores), state.best_score),
        best_epoch=best_epoch,
        best_params=best_params,
        diverged=state.diverged | ~finite,
    )
    if recipe.halve_after is not None:
        halve = number - jnp.maximum(best_epoch, state.halved_epoch) >= recipe.halve_after
        rate = state.hyper.learning_rate
        state = state._replace(
            hyper=state.hyper._replace(learning_rate=jnp.where(halve, rate / 2, rate)),
            halvings=state.halvings + halve,
            halved_epoch=jnp.where(halve, number, state.halved_epoch),
        )
        state = state._replace(stopped=state.stopped | (state.halvings >= HALVINGS))
    if recipe.patience is not None:
        state = state._replace(stopped=state.stopped | (number - best_epoch >= recipe.patience))
    return state._replace(stopped=state.stopped | state.diverged)


def cycle(recipe: Recipe, state: State, training: Dataset, evaluation: Dataset | None) -> tuple[State, Scores]:
    """An epoch, its measurements, and the rule after it."""
    state = epoch(recipe, state, training)
    scores = measure(recipe, state, training, evaluation)
    return advance(recipe, state, scores), scores


class Fit(NamedTuple):
    """What ``fit`` and ``fit_many`` return; from ``fit_many`` every array has a leading axis of networks.

    Attributes:
        params: the parameters after the last epoch.
        best_params: the parameters after the best epoch, by accuracy (or cost, without labels) on the evaluation data,
            or on the training data where there are no evaluation data.
        best_epoch: that epoch's number, from 0.
        history: the measurements, each of shape (epochs,).
        state: the whole state, to go on from.
    """

    params: Params
    best_params: Params
    best_epoch: Any
    history: History
    state: State


Callback = Callable[[int, Scores], None]


def fit(
    network: Network,
    training: Dataset,
    evaluation: Dataset | None = None,
    *,
    key: Key[Array, ""],
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
    params: Params | None = None,
    callback: Callback | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
) -> Fit:
    """Train a network by mini-batch gradient descent; network2's ``SGD``.

    Args:
        network: what to train.
        training: the training data, n examples.
        evaluation: data to measure on after each epoch (validation data, say), or None.
        key: a ``jax.random.key``; decides initial parameters, shuffles and dropout, and nothing else does.
        epochs: how many at most, at least 1.
        learning_rate: above 0; the book's eta.
        batch_size: examples in a mini-batch, from 1 to n; n for full-batch descent.
        cost: a cost function of ``jnndl.costs`` that fits the network's output neuron.
        l1, l2: strengths of the penalties, at least 0, the book's lambda; None for none.
        momentum: from 0 to below 1, the book's mu, handed to the optimiser; None for none.
        optimizer: a function of the learning rate that makes an optax optimiser, such as ``optax.adam``.
        schedule: an optax schedule by which the learning rate is multiplied, a function of the number of updates.
        gradient: ``gradients.autodiff`` or ``gradients.backprop``.
        halve_after: halve the learning rate after so many epochs without improvement, stop at 1/128 of it.
        patience: stop after so many epochs without improvement.
        params: where to start from; None draws new parameters.
        callback: called as ``callback(epoch, scores)`` after each epoch.
        progress: show a progress bar; otherwise training is silent.
        checkpoint: a file that keeps the whole state, to go on from after a crash; replaced by each new one when that
            is whole.
        checkpoint_every: epochs from one checkpoint to the next; the last epoch always makes one.
        resume: go on from ``checkpoint`` where there is one, to the same bits as without the interruption; ``epochs``
            may be more than they were.

    Returns:
        A ``Fit``.

    Warns:
        UserWarning: if the run never does better than naming the most common class would.

    Raises:
        TypeError, ValueError: if an argument is of another kind or out of its range, or data, parameters, network and
            cost do not fit together.
        DivergenceError: if the training cost or the penalty stops being finite; names the epoch and the learning rate.
    """
    recipe = Recipe(network, cost, batch_size, gradient, optimizer, schedule, halve_after, patience)
    validation.check_keys("key", key, 0)
    check(recipe, training, evaluation, epochs, callback, learning_rate=learning_rate, l1=l1, l2=l2, momentum=momentum)
    if params is not None:
        validation.check_params(network, params)
    dtype = float if params is None else jnp.result_type(*jax.tree.leaves(params))
    hyper = Hyper(*(as_array(value, dtype) for value in (learning_rate, l1, l2, momentum)))
    state = start(recipe, hyper, key, params)
    kept = keep(checkpoint, checkpoint_every, resume, recipe, hyper, key, (params, training, evaluation))
    training, evaluation = jax.device_put((training, evaluation))

    def after(number: int, scores: Scores) -> None:
        if not np.isfinite(scores.training_cost + scores.penalty):
            raise DivergenceError(
                f"training diverged in epoch {number} at learning_rate {float(scores.learning_rate):g}: the training "
                f"cost is {scores.training_cost} and the penalty {scores.penalty}; lower learning_rate, or l1 and l2"
            )
        if callback is not None:
            callback(number, scores)

    step = functools.partial(cycle, recipe)
    state, history = run(step, state, training, evaluation, epochs, after, kept, progress)
    warn_at_chance(training, history, hyper)
    return Fit(state.params, state.best_params, state.best_epoch, history, state)


def check(
    recipe: Recipe,
    training: Any,
    evaluation: Any,
    epochs: Any,
    callback: Any,
    count: int | None = None,
    **hyper: Any,
) -> None:
    """Raise, with a sentence, where what ``fit`` and ``fit_many`` have in common does not fit together."""
    validation.check_model(recipe.network, recipe.cost)
    validation.check_functions(recipe.gradient, recipe.optimizer, recipe.schedule, hyper["momentum"], callback)
    validation.check_hyper(count, **hyper)
    validation.check_whole("epochs", epochs, "a whole number of at least 1")
    validation.check_data(recipe.network, recipe.cost, training, "training")
    if evaluation is not None:
        validation.check_data(recipe.network, recipe.cost, evaluation, "evaluation")
    n = len(training)
    sizes = f"a whole number from 1 to {n}, the number of training examples ({n} is full-batch descent)"
    validation.check_whole("batch_size", recipe.batch_size, sizes, high=n)
    for name in ("halve_after", "patience"):
        value = getattr(recipe, name)
        if value is not None:
            validation.check_whole(name, value, "a number of epochs of at least 1, or None")


def as_array(value: Any, dtype: Any = float) -> Any:
    """A hyper-parameter as an array of the wanted floating dtype; None stays None.

    An array, so that another value is no other program: a Python float is weakly typed and would cost a trace.
    """
    return None if value is None else np.asarray(value, jax.dtypes.canonicalize_dtype(dtype))


def warn_at_chance(training: Dataset, history: History, hyper: Hyper) -> None:
    """Warn where a network never did better than naming the most common class would."""
    if history.training_accuracy is None:
        return
    chance = np.bincount(np.asarray(training.targets)).max() / len(training)
    best = np.fmax.reduce(np.atleast_2d(history.training_accuracy), axis=-1)  # fmax: NaN from where one had stopped
    stuck = best < min(1.1 * chance, (1 + chance) / 2)
    if np.any(stuck):
        rates = np.unique(np.broadcast_to(hyper.learning_rate, best.shape)[stuck])
        who = "the network stays" if len(stuck) == 1 else f"of {len(stuck)} networks {stuck.sum()} stayed"
        warnings.warn(
            f"training accuracy never rose above {best[stuck].max():.1%}, and naming the most common class gets "
            f"{chance:.1%}: {who} at chance; try another learning_rate (now {', '.join(f'{r:g}' for r in rates)}), "
            "smaller initial weights, fewer layers or a weaker penalty",
            stacklevel=3,
        )


def run(
    step: Callable[..., tuple[State, Scores]],
    state: State,
    training: Dataset,
    evaluation: Dataset | None,
    epochs: int,
    after: Callback,
    kept: Checkpoint | None = None,
    progress: bool = False,
) -> tuple[State, History]:
    """The loop over epochs on the host: one transfer an epoch, until ``epochs`` or until every network has stopped."""
    history, done = [], 0
    if kept is not None and kept.resume and os.path.exists(kept.path):
        state, columns = kept.read(state, Scores._fields)
        done = columns["penalty"].shape[-1]
        history = [
            Scores(*(columns[name][..., k] if name in columns else None for name in Scores._fields))
            for k in range(done)
        ]
        if done > epochs:
            raise ValueError(f"epochs is {epochs}, but {kept.path} has {done} of them done; give at least {done}")
    numbers: Iterable[int] = range(done, epochs)
    if progress:
        from tqdm.auto import tqdm  # here, so that importing the library stays light

        numbers = tqdm(numbers, unit="epoch", initial=done, total=epochs)
    for number in numbers:
        if history and np.all(jax.device_get(state.stopped)):
            break
        state, scores = step(state, training, evaluation)
        history.append(jax.device_get(scores))
        after(number, history[-1])
        if kept is not None and (number + 1) % kept.every == 0:
            kept.write(state, stack(history))
    if kept is not None and len(history) % kept.every:
        kept.write(state, stack(history))
    return state, stack(history)


def stack(history: list[Scores]) -> History:
    """The scores of each epoch as one history."""
    return History(*jax.tree.map(lambda *values: np.stack(values, axis=-1), *history))


def keep(
    path: str | os.PathLike | None,
    every: int,
    resume: bool,
    recipe: Recipe,
    hyper: Hyper,
    keys: Key[Array, "..."],
    rest: tuple[Params | None, Dataset, Dataset | None],
) -> Checkpoint | None:
    """Where a run is kept, with what tells it from another one; None if no checkpoint was asked for."""
    if path is None:
        if resume:
            raise ValueError("resume is True, but checkpoint is None; give the file to go on from")
        return None
    validation.check_whole("checkpoint_every", every, "a number of epochs of at least 1")
    belongs = {
        "recipe": checkpoints.describe(recipe) | {"schedule": checkpoints.describe_schedule(recipe.schedule)},
        "hyper": {
            name: None if value is None else np.asarray(value).tolist() for name, value in hyper._asdict().items()
        },
        **dict(
            zip(("keys", "params", "training", "evaluation"), map(checkpoints.describe, (keys, *rest)), strict=True)
        ),
    }
    return Checkpoint(path, every, resume, json.loads(json.dumps(belongs)))


class Evaluation(NamedTuple):
    """What ``evaluate`` returns.

    Attributes:
        cost: the mean cost, without a penalty.
        accuracy: the fraction of examples classified right, or None without labels.
        confusion: counts of shape (n_out, n_out): row the right class, column the network's; None without labels.
    """

    cost: float
    accuracy: Any
    confusion: Any


_examine_jit = jax.jit(_examine)


def evaluate(network: Network, params: Params, data: Dataset, *, cost: Cost = cross_entropy) -> Evaluation:
    """Measure a network: cost, accuracy and confusion counts, over every example once.

    Raises:
        TypeError, ValueError: if data, parameters, network and cost do not fit together.
    """
    validation.check_model(network, cost)
    validation.check_params(network, params)
    validation.check_data(network, cost, data, "evaluated")
    costs, z = jax.device_get(_examine_jit(Objective(network, cost), params, data))
    if not data.has_labels:
        return Evaluation(float(costs.mean(dtype=float)), None, None)
    labels, predicted = np.asarray(data.targets), z.argmax(axis=-1)
    confusion = np.zeros((z.shape[-1], z.shape[-1]), int)
    np.add.at(confusion, (labels, predicted), 1)
    return Evaluation(float(costs.mean(dtype=float)), float(np.mean(predicted == labels)), confusion)


class Prediction(NamedTuple):
    """What ``predict`` returns.

    Attributes:
        labels: the most active output of each example, shape (n,).
        outputs: the output activations, shape (n, n_out); from a softmax output they are probabilities.
    """

    labels: np.ndarray
    outputs: np.ndarray


@functools.partial(jax.jit, static_argnames="network")
def _outputs(network: Network, params: Params, x: Array) -> Array:
    return jax.lax.map(lambda x: network(params, x), x, batch_size=CHUNK)


def predict(network: Network, params: Params, inputs: Dataset | Float[Array | np.ndarray, "n ..."]) -> Prediction:
    """Classify examples.

    Args:
        network: the network.
        params: its parameters.
        inputs: a data set (whose targets are not looked at), or floats as the network sees them, n examples.

    Raises:
        TypeError, ValueError: if the inputs or the parameters do not fit the network.
    """
    validation.check_params(network, params)
    validation.check_inputs(network, inputs)
    dtype = jnp.result_type(*jax.tree.leaves(params))
    x = inputs.examples(network.input_shape, dtype) if isinstance(inputs, Dataset) else jnp.asarray(inputs, dtype)
    outputs = jax.device_get(_outputs(network, params, x.reshape(len(x), *network.input_shape)))
    return Prediction(outputs.argmax(axis=-1), outputs)
