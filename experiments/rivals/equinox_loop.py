"""Equinox: the loop of its MNIST example, a ``filter_jit`` step with an optax optimiser."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax

from experiments.rivals import Layers, Task

KEY = jax.random.key(0)


class MLP(eqx.Module):
    """Sigmoid layers."""

    linears: list[eqx.nn.Linear]

    def __call__(self, x: Any, key: Any = None) -> Any:
        for linear in self.linears:
            x = jax.nn.sigmoid(linear(x))
        return x


class CNN(eqx.Module):
    """ReLU layers, up to the weighted inputs of the softmax; ``linears`` are all that have parameters."""

    linears: list[Any]
    pool: eqx.nn.MaxPool2d
    dropout: eqx.nn.Dropout

    def __call__(self, x: Any, key: Any = None) -> Any:
        for number, layer in enumerate(self.linears):
            if isinstance(layer, eqx.nn.Conv2d):
                x = self.pool(layer(x))
            else:
                x = layer(self.dropout(x.ravel(), key=None if key is None else jax.random.fold_in(key, number)))
            x = x if layer is self.linears[-1] else jax.nn.relu(x)
        return x


def quadratic(model: MLP, x: Any, y: Any, key: Any) -> Any:
    return ((jax.vmap(model)(x) - y) ** 2).sum(axis=-1).mean() / 2


def log_likelihood(model: CNN, x: Any, y: Any, key: Any) -> Any:
    keys = None if key is None else jax.random.split(key, len(x))
    return optax.softmax_cross_entropy_with_integer_labels(jax.vmap(model)(x, keys), y).mean()


@eqx.filter_jit
def forward(model: Any, x: Any) -> Any:
    return jax.vmap(eqx.nn.inference_mode(model))(x)


class Equinox:
    """One jitted step per mini-batch."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.x = self.images(task.floats(task.inputs))
        self.y = task.labels.astype(np.int32) if task.maps else task.targets()
        self.model = self.made()
        optim, loss = optax.sgd(task.learning_rate), log_likelihood if task.maps else quadratic
        self.opt_state, self.key = optim.init(eqx.filter(self.model, eqx.is_array)), KEY

        @eqx.filter_jit
        def make_step(model: Any, opt_state: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
            updates, opt_state = optim.update(eqx.filter_grad(loss)(model, x, y, key), opt_state, model)
            return eqx.apply_updates(model, updates), opt_state

        self.make_step = make_step

    def made(self) -> Any:
        """The model, with the task's parameters."""
        modules: list[Any] = []
        for w, _ in self.task.layers:
            if w.ndim == 4:
                modules.append(eqx.nn.Conv2d(w.shape[3], w.shape[0], self.task.kernel, key=KEY))
            else:
                modules.append(eqx.nn.Linear(w.shape[1], w.shape[0], key=KEY))
        pooling = eqx.nn.MaxPool2d(2, stride=2), eqx.nn.Dropout(self.task.dropout)
        return eqx.tree_at(
            lambda model: [array for module in model.linears for array in (module.weight, module.bias)],
            CNN(modules, *pooling) if self.task.maps else MLP(modules),
            # The biases of its convolutions have an axis of length 1 for rows, and one for columns.
            [
                jax.numpy.asarray(a)
                for w, b in self.task.channels_first()
                for a in (w, b[:, None, None] if w.ndim == 4 else b)
            ],
        )

    def images(self, x: np.ndarray) -> np.ndarray:
        """Inputs as its first layer takes them."""
        return x.reshape(-1, 1, *self.task.image) if self.task.maps else x

    def epoch(self, order: np.ndarray) -> None:
        x, y, key = self.x[order], self.y[order], None
        for part in self.task.batches(order):
            if self.task.dropout:
                self.key, key = jax.random.split(self.key)
            self.model, self.opt_state = self.make_step(self.model, self.opt_state, x[part], y[part], key)
        jax.block_until_ready(self.model)

    def layers(self) -> Layers:
        found = [(np.asarray(module.weight), np.asarray(module.bias).ravel()) for module in self.model.linears]
        return self.task.channels_last(found)

    def outputs(self, x: np.ndarray) -> Any:
        found = forward(self.model, self.images(x))
        return np.asarray(jax.nn.softmax(found) if self.task.maps else found)
