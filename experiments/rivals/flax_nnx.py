"""Flax NNX: the loop of its MNIST tutorial, and the same with its performance guide's advice against overhead."""

import itertools
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx

from experiments.rivals import Layers, Task


class MLP(nnx.Module):
    """Sigmoid layers."""

    def __init__(self, task: Task, rngs: nnx.Rngs) -> None:
        self.linears = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(task.sizes)])

    def __call__(self, x: Any) -> Any:
        for linear in self.linears:
            x = nnx.sigmoid(linear(x))
        return x

    @staticmethod
    def cost(a: Any, y: Any) -> Any:
        """Quadratic."""
        return ((a - y) ** 2).sum(axis=-1).mean() / 2


class CNN(nnx.Module):
    """ReLU layers, up to the weighted inputs of the softmax."""

    def __init__(self, task: Task, rngs: nnx.Rngs) -> None:
        field = (task.kernel, task.kernel)
        pairs = itertools.pairwise((1, *task.maps))
        self.convolutions = nnx.List([nnx.Conv(a, b, field, padding="VALID", rngs=rngs) for a, b in pairs])
        dense = task.shapes[len(task.maps) :]
        self.linears = nnx.List([nnx.Linear(n_in, n_out, rngs=rngs) for n_out, n_in in dense])
        self.dropout = nnx.Dropout(task.dropout, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        for convolution in self.convolutions:
            x = nnx.relu(nnx.max_pool(convolution(x), window_shape=(2, 2), strides=(2, 2)))
        x = x.reshape(len(x), -1)
        for linear in self.linears[:-1]:
            x = nnx.relu(linear(self.dropout(x)))
        return self.linears[-1](self.dropout(x))

    @staticmethod
    def cost(z: Any, y: Any) -> Any:
        """Log-likelihood."""
        return optax.softmax_cross_entropy_with_integer_labels(z, y).mean()


def loss_fn(model: Any, x: Any, y: Any) -> Any:
    return model.cost(model(x), y)


@nnx.jit
def train_step(model: Any, optimizer: nnx.Optimizer, x: Any, y: Any) -> None:
    optimizer.update(model, nnx.grad(loss_fn)(model, x, y))


@nnx.jit
def forward(model: Any, x: Any) -> Any:
    return model(x)


class Tutorial:
    """One jitted step per mini-batch."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.x = self.images(task.floats(task.inputs))
        self.y = task.labels.astype(np.int32) if task.maps else task.targets()
        self.model: Any = (CNN if task.maps else MLP)(task, nnx.Rngs(0))
        for module, (w, b) in zip(self.modules(), task.layers, strict=True):
            module.kernel[...], module.bias[...] = (w.transpose(1, 2, 3, 0) if w.ndim == 4 else w.T), b
        self.optimizer = nnx.Optimizer(self.model, optax.sgd(task.learning_rate), wrt=nnx.Param)
        self.step = self.ready()

    def modules(self) -> list[Any]:
        """Those with parameters, first layer to last."""
        return [*(self.model.convolutions if self.task.maps else ()), *self.model.linears]

    def images(self, x: np.ndarray) -> np.ndarray:
        """Inputs as its first layer takes them."""
        return x.reshape(-1, *self.task.image, 1) if self.task.maps else x

    def ready(self) -> Any:
        """The step, bound to the model and its optimiser."""
        return lambda x, y: train_step(self.model, self.optimizer, x, y)

    def epoch(self, order: np.ndarray) -> None:
        x, y = self.x[order], self.y[order]
        for part in self.task.batches(order):
            self.step(x[part], y[part])
        jax.block_until_ready(nnx.state(self.model, nnx.Param))

    def layers(self) -> Layers:
        pairs = [(np.asarray(module.kernel[...]), np.asarray(module.bias[...])) for module in self.modules()]
        return [(w.transpose(3, 0, 1, 2) if w.ndim == 4 else w.T, b) for w, b in pairs]

    def outputs(self, x: np.ndarray) -> Any:
        if not self.task.maps:
            return np.asarray(forward(self.model, x))
        return np.asarray(nnx.softmax(forward(nnx.view(self.model, deterministic=True), self.images(x))))


class Cached(Tutorial):
    """The step does not traverse the model's objects again at each call."""

    def ready(self) -> Any:
        """The step, bound to the model and its optimiser once and for all."""
        return nnx.cached_partial(train_step, self.model, self.optimizer)
