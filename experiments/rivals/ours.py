"""jnndl: the compiled epoch of ``fit``, by either gradient; and many networks over all devices, as in ``fit_many``."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments.rivals import Layers, Task
from jnndl import costs, gradients, train


class Autodiff:
    """One network, gradient by ``jax.grad``."""

    gradient = staticmethod(gradients.autodiff)

    def __init__(self, task: Task) -> None:
        self.task, self.network = task, jnndl.mlp(task.sizes)
        self.recipe = train.Recipe(self.network, costs.quadratic, task.batch_size, self.gradient)
        layout = jax.tree.structure(self.network.init(jax.random.key(0)))
        self.start = jax.tree.unflatten(layout, [jnp.asarray(array) for layer in task.layers for array in layer])
        self.training = jax.device_put(jnndl.Dataset(task.inputs, task.labels, scale=task.scale))
        self.state = self.begin(jax.random.key(0))

    def begin(self, key: Any) -> train.State:
        """The state before the first epoch."""
        hyper = train.Hyper(np.asarray(self.task.learning_rate, np.float32), None, None, None)
        return train.start(self.recipe, hyper, key, self.start)

    def epoch(self, order: np.ndarray) -> None:
        self.state = jax.block_until_ready(train.epoch(self.recipe, self.state, self.training))

    def first(self) -> Any:
        return self.state.params

    def layers(self) -> Layers:
        return [(np.asarray(layer.weight), np.asarray(layer.bias)) for layer in self.first()]

    def outputs(self, x: np.ndarray) -> Any:
        return jnndl.predict(self.network, self.first(), x).outputs


class Backprop(Autodiff):
    """One network, gradient by the handwritten backpropagation."""

    gradient = staticmethod(gradients.backprop)


class Many(Autodiff):
    """Many networks, one device per core, on each device one network after the other: as ``fit_many`` does on a CPU."""

    def begin(self, key: Any) -> train.State:
        """One state per network, each with its own key; and the compiled epoch of all of them."""
        devices = max(d for d in range(1, jax.device_count() + 1) if self.task.networks % d == 0)
        mesh = jax.make_mesh((devices,), ("networks",), (jax.sharding.AxisType.Auto,))
        networks, everywhere = jax.P("networks"), jax.P()

        def share(state: train.State, training: jnndl.Dataset) -> train.State:
            return jax.lax.map(lambda one: train.epoch(self.recipe, one, training), state)

        self.epochs = jax.jit(
            jax.shard_map(share, mesh=mesh, in_specs=(networks, everywhere), out_specs=networks, check_vma=False)
        )
        state = jax.vmap(super().begin)(jax.random.split(key, self.task.networks))
        self.training = jax.device_put(self.training, jax.NamedSharding(mesh, everywhere))
        return jax.device_put(state, jax.NamedSharding(mesh, networks))

    def epoch(self, order: np.ndarray) -> None:
        self.state = jax.block_until_ready(self.epochs(self.state, self.training))

    def first(self) -> Any:
        return jax.tree.map(lambda a: a[0], self.state.params)
