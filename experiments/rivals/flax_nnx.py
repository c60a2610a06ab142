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

    def __init__(self, sizes: tuple[int, ...], rngs: nnx.Rngs) -> None:
        self.linears = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(sizes)])

    def __call__(self, x: Any) -> Any:
        for linear in self.linears:
            x = nnx.sigmoid(linear(x))
        return x


def loss_fn(model: MLP, x: Any, y: Any) -> Any:
    return ((model(x) - y) ** 2).sum(axis=-1).mean() / 2


@nnx.jit
def train_step(model: MLP, optimizer: nnx.Optimizer, x: Any, y: Any) -> None:
    optimizer.update(model, nnx.grad(loss_fn)(model, x, y))


@nnx.jit
def forward(model: MLP, x: Any) -> Any:
    return model(x)


class Tutorial:
    """One jitted step per mini-batch."""

    def __init__(self, task: Task) -> None:
        self.task, self.x, self.y = task, task.floats(task.inputs), task.targets()
        self.model = MLP(task.sizes, nnx.Rngs(0))
        for linear, (w, b) in zip(self.model.linears, task.layers, strict=True):
            linear.kernel[...], linear.bias[...] = w.T, b
        self.optimizer = nnx.Optimizer(self.model, optax.sgd(task.learning_rate), wrt=nnx.Param)
        self.step = self.ready()

    def ready(self) -> Any:
        """The step, bound to the model and its optimiser."""
        return lambda x, y: train_step(self.model, self.optimizer, x, y)

    def epoch(self, order: np.ndarray) -> None:
        x, y = self.x[order], self.y[order]
        for part in self.task.batches(order):
            self.step(x[part], y[part])
        jax.block_until_ready(nnx.state(self.model))

    def layers(self) -> Layers:
        return [(np.asarray(linear.kernel[...]).T, np.asarray(linear.bias[...])) for linear in self.model.linears]

    def outputs(self, x: np.ndarray) -> Any:
        return np.asarray(forward(self.model, x))


class Cached(Tutorial):
    """The step does not traverse the model's objects again at each call."""

    def ready(self) -> Any:
        """The step, bound to the model and its optimiser once and for all."""
        return nnx.cached_partial(train_step, self.model, self.optimizer)
