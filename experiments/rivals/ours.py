"""jnndl: the compiled epoch of ``fit``, by either gradient; and many networks over all devices, as in ``fit_many``.

Also ``fit`` and ``fit_many`` themselves, with all that they measure after an epoch.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments.rivals import Layers, Task
from jnndl import costs, descent, ensemble, gradients
from jnndl.settings import Hyperparameters, State, TrainConfig, as_array, start


def network_of(task: Task) -> jnndl.Network:
    """The network of a task; as in the book, Dropout stands before each dense layer of a convolutional one."""
    if not task.maps:
        return jnndl.mlp(task.sizes)
    layers: list[Any] = []
    for n_out, *rest in task.shapes:
        if len(rest) == 3:
            layers.append(jnndl.Conv(rest[-1], n_out, task.kernel, "relu", pool=jnndl.MaxPool(2)))
            continue
        if isinstance(layers[-1], jnndl.Conv):
            layers.append(jnndl.Flatten())
        if task.dropout:
            layers.append(jnndl.Dropout(task.dropout))
        layers.append(jnndl.Dense(rest[0], n_out, "relu"))
    layers[-1] = dataclasses.replace(layers[-1], neuron="linear")
    return jnndl.Network(tuple(layers), "softmax", (*task.image, 1))


def cost_of(task: Task) -> jnndl.Cost:
    """The cost of a task."""
    return costs.log_likelihood if task.maps else costs.quadratic


class Autodiff:
    """One network, gradient by ``jax.grad``."""

    gradient = staticmethod(gradients.autodiff)

    def __init__(self, task: Task) -> None:
        self.task, self.network = task, network_of(task)
        self.config = TrainConfig(self.network, cost_of(task), task.batch_size, self.gradient, measure_training=0)
        layout = jax.tree.structure(self.network.init(jax.random.key(0)))
        self.start = jax.tree.unflatten(layout, [jnp.asarray(array) for layer in task.layers for array in layer])
        self.training = jax.device_put(jnndl.Dataset(task.inputs, task.labels, scale=task.scale))
        self.state = self.begin(jax.random.key(0))

    def begin(self, key: Any) -> State:
        """The state before the first epoch."""
        return start(self.config, Hyperparameters(as_array(self.task.learning_rate)), key, self.start)

    def epoch(self, order: np.ndarray) -> None:
        self.state = jax.block_until_ready(descent.epoch(self.config, self.state, self.training))

    def first(self) -> Any:
        return self.state.params

    def layers(self) -> Layers:
        return [(np.asarray(layer.weight), np.asarray(layer.bias)) for layer in self.first() if layer]

    def outputs(self, x: np.ndarray) -> Any:
        return jnndl.predict(self.network, self.first(), x).outputs


class Backprop(Autodiff):
    """One network, gradient by the handwritten backpropagation."""

    gradient = staticmethod(gradients.backprop)


class Many(Autodiff):
    """Many networks, one device per core, on each device one network after the other: as ``fit_many`` does on a CPU."""

    def begin(self, key: Any) -> State:
        """One state per network, each with its own key, all from the same parameters."""
        count = self.task.networks
        hyper = Hyperparameters(np.full(count, self.task.learning_rate, np.float32))
        params = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), self.start)
        self.mesh, state = ensemble.distribute(self.config, hyper, jax.random.split(key, count), params)
        self.training = jax.device_put(self.training, jax.NamedSharding(self.mesh, jax.P()))
        return state

    def epoch(self, order: np.ndarray) -> None:
        step = ensemble.train_epoch_many(self.config, self.mesh, self.state, self.training, None, False)
        self.state, _ = jax.block_until_ready(step)

    def first(self) -> Any:
        return jax.tree.map(lambda a: a[0], self.state.params)


class ManyBackprop(Many):
    """The same by the handwritten backpropagation."""

    gradient = staticmethod(gradients.backprop)


class Fit:
    """``jnndl.fit``, by the handwritten backpropagation: an epoch of training, and the measuring of all data."""

    def __init__(self, task: Task) -> None:
        self.task, self.network = task, network_of(task)
        self.training = jnndl.Dataset(task.inputs, task.labels, scale=task.scale)
        self.evaluation = jnndl.Dataset(task.validation, task.validation_labels, scale=task.scale)
        self.settings: dict[str, Any] = {
            "epochs": 1,
            "learning_rate": task.learning_rate,
            "batch_size": task.batch_size,
            "cost": cost_of(task),
            "gradient": gradients.backprop,
            "progress": False,
        }

    def epoch(self, order: np.ndarray) -> None:
        jnndl.fit(self.network, self.training, self.evaluation, key=0, **self.settings)


class FitMany(Fit):
    """``jnndl.fit_many``, the same for many networks at once."""

    def epoch(self, order: np.ndarray) -> None:
        keys = jax.random.split(jax.random.key(0), self.task.networks)
        jnndl.fit_many(self.network, self.training, self.evaluation, keys=keys, **self.settings)
