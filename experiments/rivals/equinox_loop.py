"""Equinox: the loop of its MNIST example, a ``filter_jit`` step with an optax optimiser."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax

from experiments.rivals import Layers, Task


class MLP(eqx.Module):
    """Sigmoid layers."""

    linears: list[eqx.nn.Linear]

    def __call__(self, x: Any) -> Any:
        for linear in self.linears:
            x = jax.nn.sigmoid(linear(x))
        return x


def loss(model: MLP, x: Any, y: Any) -> Any:
    return ((jax.vmap(model)(x) - y) ** 2).sum(axis=-1).mean() / 2


@eqx.filter_jit
def forward(model: MLP, x: Any) -> Any:
    return jax.vmap(model)(x)


class Equinox:
    """One jitted step per mini-batch."""

    def __init__(self, task: Task) -> None:
        self.task, self.x, self.y = task, task.floats(task.inputs), task.targets()
        key = jax.random.key(0)
        linears = [eqx.nn.Linear(w.shape[1], w.shape[0], key=key) for w, _ in task.layers]
        leaves = [jax.numpy.asarray(array) for layer in task.layers for array in layer]
        self.model = eqx.tree_at(
            lambda model: [array for linear in model.linears for array in (linear.weight, linear.bias)],
            MLP(linears),
            leaves,
        )
        optim = optax.sgd(task.learning_rate)
        self.opt_state = optim.init(eqx.filter(self.model, eqx.is_array))

        @eqx.filter_jit
        def make_step(model: MLP, opt_state: Any, x: Any, y: Any) -> tuple[MLP, Any]:
            updates, opt_state = optim.update(eqx.filter_grad(loss)(model, x, y), opt_state, model)
            return eqx.apply_updates(model, updates), opt_state

        self.make_step = make_step

    def epoch(self, order: np.ndarray) -> None:
        x, y = self.x[order], self.y[order]
        for part in self.task.batches(order):
            self.model, self.opt_state = self.make_step(self.model, self.opt_state, x[part], y[part])
        jax.block_until_ready(self.model)

    def layers(self) -> Layers:
        return [(np.asarray(linear.weight), np.asarray(linear.bias)) for linear in self.model.linears]

    def outputs(self, x: np.ndarray) -> Any:
        return np.asarray(forward(self.model, x))
