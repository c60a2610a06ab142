"""Measurements, after each epoch and of a trained network."""

import dataclasses
import functools
import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jnndl import functions, validation
from jnndl.arguments import as_ndarray, as_plain
from jnndl.costs import Cost, as_cost, cross_entropy
from jnndl.data import Dataset, rescale, warn_far
from jnndl.gradients import Objective
from jnndl.network import Network, Params
from jnndl.settings import State, TrainConfig, factor, make_objective
from jnndl.sharing import map_shared


class Scores(NamedTuple):
    """What is measured after an epoch: scalars, or arrays with an axis of networks. Prints as a line.

    Attributes:
        learning_rate: the learning rate at the start of the epoch.
        penalty: the penalty on the weights, divided by the number of training examples.
        training_cost, evaluation_cost: mean cost without the penalty, or None without such data; NaN after epochs in
            which the training data were not measured.
        training_accuracy, evaluation_accuracy: fraction of examples classified right, or None without labels.
        probe: what the probe returned, or None without one.
    """

    learning_rate: Any
    penalty: Any
    training_cost: Any = None
    training_accuracy: Any = None
    evaluation_cost: Any = None
    evaluation_accuracy: Any = None
    probe: PyTree = None

    def columns(self) -> dict[str, np.ndarray]:
        """The numbers that were measured, by name, without the probe's."""
        found = {name: value for name, value in self._asdict().items() if name != "probe" and value is not None}
        return {name: np.asarray(value) for name, value in found.items()}

    def line(self, size: int, unit: str = "networks") -> str:
        """The result of an epoch, as the book prints it: how many are right, and the cost.

        >>> jnndl.measures.Scores(0.5, 0.0, evaluation_cost=0.25, evaluation_accuracy=0.9412).line(10_000)
        '9412 / 10000, cost 0.25'

        Accuracy and cost are those of the evaluation data, or else of the training data, where they were measured. Of
        many networks it is their mean and its spread, over those that still train.

        Args:
            size: the number of examples of those data.
            unit: what to call many networks.
        """
        measured = self.training_cost, self.training_accuracy
        cost, accuracy = measured if self.evaluation_cost is None else (self.evaluation_cost, self.evaluation_accuracy)
        if cost is None or np.isnan(cost).all():
            return "trained"
        in_words = f"cost {_mean(np.ravel(cost)):.4g}"
        if accuracy is None:
            return in_words
        values = np.ravel(accuracy)[~np.isnan(np.ravel(accuracy))]
        hits = f"{round(values.mean() * size)} / {size}"
        if np.ndim(accuracy) == 0:
            return f"{hits}, {in_words}"
        spread = f" +- {100 * values.std(ddof=1):.2f}" if len(values) > 1 else ""
        return f"{hits} ({100 * values.mean():.2f} %{spread}, {len(values)} {unit}), {in_words}"

    def __str__(self) -> str:
        """A line; of many networks, the mean over those that still train."""
        return "  ".join(f"{name} {_mean(np.ravel(value)):.6g}" for name, value in self.columns().items())


class History(NamedTuple):
    """The ``Scores`` of a whole run: NumPy arrays whose last axis is that of epochs. Prints as a table."""

    learning_rate: np.ndarray
    penalty: np.ndarray
    training_cost: Any = None
    training_accuracy: Any = None
    evaluation_cost: Any = None
    evaluation_accuracy: Any = None
    probe: PyTree = None

    @classmethod
    def of(cls, scores: list[Scores]) -> "History":
        """The scores of all epochs, first to last, as one history."""
        return cls(*jax.tree.map(lambda *values: np.stack(values, axis=-1), *scores))

    def __getattr__(self, name: str) -> Any:
        """Only for what is not there: what is."""
        near = name.replace("validation_", "evaluation_").replace("test_", "evaluation_").replace("loss", "cost")
        hint = f"did you mean {near}?" if near in self._fields else f"there are {', '.join(self._fields)}"
        raise AttributeError(f"the history has no {name!r}; {hint}")

    def epochs(self) -> list[Scores]:
        """The scores of each epoch."""
        return [Scores(*jax.tree.map(lambda a, k=k: a[..., k], tuple(self))) for k in range(self.penalty.shape[-1])]

    def __str__(self) -> str:
        """One row per epoch; of many networks, the mean over those that still train."""
        columns = Scores(*self).columns()
        means = {name: _mean(value.reshape(-1, value.shape[-1])) for name, value in columns.items()}
        rows = [
            f"{number:5d}" + "".join(f"{x:21.6g}" for x in row)
            for number, row in enumerate(np.stack([*means.values()], axis=-1))
        ]
        count = self.penalty.shape[0] if self.penalty.ndim == 2 else None
        over = [] if count is None else [f"mean over {count} networks (in each epoch, over those that still train)"]
        return "\n".join([*over, "epoch" + "".join(f"{name:>21}" for name in means), *rows])


def _mean(values: np.ndarray) -> Any:
    """The mean over the first axis, ignoring NaN; NaN where all are NaN, without NumPy's warning."""
    with np.errstate(invalid="ignore"):
        return np.nansum(values, axis=0) / np.sum(~np.isnan(values), axis=0)


def costs_and_outputs(
    objective: Objective, params: Params, data: Dataset, axis: str | None = None
) -> tuple[Float[Array, " n"], Float[Array, "n n_out"]]:
    """The cost, without a penalty, and the output activations of every example, a bounded number at a time.

    ``axis`` is that of ``epoch``: the examples are shared out over its devices.
    """
    network = objective.network

    def one(example: tuple[Array, Array]) -> tuple[Array, Array]:
        inputs, targets = example
        x, y = objective.examples(params, dataclasses.replace(data, inputs=inputs[None], targets=targets[None]))
        z, _ = network.forward(params, x[0])
        return objective.cost.value(z, y[0], network.neuron), network.neuron.forward(z)

    return map_shared(one, (data.inputs, data.targets), network.chunk, axis)


def warn_not_finite(numbers: Any, what: str) -> None:
    """Warn where a network's numbers, one row per example, are NaN or infinite: the answer for them means nothing."""
    bad = ~np.isfinite(numbers).reshape(len(numbers), -1).all(axis=1)
    if bad.any():
        warnings.warn(
            f"{what} of {bad.sum()} of {len(bad)} examples is {numbers[bad].flat[0]:g}, so the answers for them mean "
            "nothing; look for NaN or very large numbers in the parameters",
            stacklevel=3,
        )


def _cost_and_accuracy(
    objective: Objective, params: Params, data: Dataset, axis: str | None
) -> tuple[Array, Array | None]:
    costs, outputs = costs_and_outputs(objective, params, data, axis)
    if not data.has_labels:
        return jnp.mean(costs), None
    right = jnp.sum(jnp.argmax(outputs, axis=-1) == data.targets)
    return jnp.mean(costs), right.astype(costs.dtype) / len(data)


@functools.partial(jax.jit, static_argnames=("config", "with_training", "axis"))
def measure(
    config: TrainConfig,
    state: State,
    training: Dataset,
    evaluation: Dataset | None,
    with_training: bool = True,
    axis: str | None = None,
) -> Scores:
    """Cost and accuracy on training and evaluation data after an epoch: means over examples, never over batches.

    Args:
        config, state: the run.
        training, evaluation: the data; evaluation may be None.
        with_training: whether to measure the training data, too; if not, their scores are NaN.
        axis: as in ``epoch``.
    """
    objective = make_objective(config, state.hyper)
    none: tuple[Any, Any] = (None, None)
    on_training = none
    if config.measure_training and with_training:
        on_training = _cost_and_accuracy(objective, state.params, training, axis)
    elif config.measure_training:
        nothing = jnp.full((), jnp.nan, jnp.result_type(*jax.tree.leaves(state.params)))
        on_training = nothing, nothing if training.has_labels else None
    on_evaluation = none if evaluation is None else _cost_and_accuracy(objective, state.params, evaluation, axis)
    updates = (state.epoch - 1) * -(-len(training) // config.batch_size)
    penalty = objective.penalty(state.params, len(training))
    probe = None if config.probe is None else config.probe(objective, state.params, training)
    functions.check_numbers("probe", probe)
    probe = jax.tree.map(lambda value: value + jnp.zeros((), float), probe)  # floats, which can be NaN
    return Scores(state.hyper.learning_rate * factor(config, updates), penalty, *on_training, *on_evaluation, probe)  # type: ignore[call-arg]


class Evaluation(NamedTuple):
    """What ``evaluate`` returns.

    Attributes:
        cost: the mean cost, without a penalty.
        accuracy: the fraction of examples classified right, or None without labels.
        confusion: counts of shape (n_out, n_out), one row per right class and one column per answer; None without
            labels.
    """

    cost: float
    accuracy: Any
    confusion: Any


_costs_and_outputs = jax.jit(costs_and_outputs)


def evaluate(network: Network, params: Params, data: Dataset, *, cost: Cost | str = cross_entropy) -> Evaluation:
    """Measure a network: cost, accuracy and confusion counts, over every example once.

    The network's answer is its most active output, the first if there are several, as in the book.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    >>> found = jnndl.evaluate(network, network.init(0), digits.test, cost="quadratic")
    >>> found.confusion.shape, int(found.confusion.sum())
    ((10, 10), 300)

    Raises:
        TypeError, ValueError: if data, parameters, network and cost do not fit together.
    """
    cost = as_cost("cost", cost)
    validation.check_model(network, cost)
    validation.check_params(network, params)
    validation.check_data(network, cost, data, "evaluated")
    costs, outputs = jax.device_get(_costs_and_outputs(Objective(network, cost), params, data))
    warn_not_finite(costs, "the cost")
    mean = float(costs.mean(dtype=float))
    if not data.has_labels:
        return Evaluation(mean, None, None)
    labels, answers = np.asarray(data.targets), outputs.argmax(axis=-1)
    confusion = np.zeros((outputs.shape[-1], outputs.shape[-1]), int)
    np.add.at(confusion, (labels, answers), 1)
    return Evaluation(mean, float(np.mean(answers == labels)), confusion)


class Prediction(NamedTuple):
    """What ``predict`` returns.

    Attributes:
        labels: the most active output of each example (the first if there are several), shape (n,).
        outputs: the output activations, shape (n, n_out); from a softmax output they are probabilities.
        names: the names of these classes, where the network knows them, or None.
    """

    labels: np.ndarray
    outputs: np.ndarray
    names: list[str] | None = None


@functools.partial(jax.jit, static_argnames="network")
def _outputs(network: Network, params: Params, x: Array) -> Array:
    return jax.lax.map(lambda x: network(params, x), x, batch_size=network.chunk)


def predict(network: Network, params: Params, inputs: Dataset | Float[Array | np.ndarray, "n ..."] | Any) -> Prediction:
    """Classify examples.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    >>> answers = jnndl.predict(network, network.init(0), digits.test[:5])
    >>> answers.labels.shape, answers.outputs.shape
    ((5,), (5, 10))

    Warns where an input is far outside of what the network was trained on. What it sees, after scaling, is compared
    with the smallest and the largest number that it saw in training, in any column: far is more than twice their
    distance below the one or above the other.

    Args:
        network: the network. One that ``fit`` returned, or that was loaded, knows how to scale its inputs.
        params: its parameters.
        inputs: n examples as they were before scaling, numbers of shape (n, ...): an array, lists, a data frame; or a
            data set, whose targets are not looked at. For a network that does not know its scale: floats as the network
            sees them.

    Raises:
        TypeError, ValueError: if the inputs or the parameters do not fit the network.
    """
    validation.check_params(network, params)
    inputs = as_plain("inputs", as_ndarray("inputs", inputs) if isinstance(inputs, list | tuple) else inputs)
    validation.check_inputs(network, inputs)
    dtype, shape = jnp.result_type(*jax.tree.leaves(params)), network.input_shape
    if isinstance(inputs, Dataset):
        raw, scale, offset = inputs.inputs, inputs.scale, inputs.offset
    else:
        raw, scale, offset = inputs, 1.0 if network.scale is None else network.scale, network.offset
    warn_far(network.input_range, raw, scale, offset)
    x = rescale(raw, scale, offset, shape, dtype)
    outputs = jax.device_get(_outputs(network, params, x))
    warn_not_finite(outputs, "the output")
    labels = outputs.argmax(axis=-1)
    return Prediction(labels, outputs, None if network.classes is None else [network.classes[k] for k in labels])
