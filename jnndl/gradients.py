"""The objective, and its gradient in two interchangeable ways: by hand (BP1 to BP4) and by ``jax.grad``.

``autodiff(objective)`` and ``backprop(objective)`` are functions of the same arguments that return the same pytree;
training takes either.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from jnndl import functions, regularizers
from jnndl.costs import as_cost, cross_entropy
from jnndl.data import Dataset
from jnndl.layers import TrainingKey
from jnndl.network import Network, Params

BACKWARD = "the gradient for the layer below, a row for each example, and that of the parameters, like init's"
BatchKey = Key[Array, "..."] | None  # one for the mini-batch, or one for each of its examples; None where not trained
Gradient = Callable[[Params, Dataset, int, BatchKey], PyTree]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Objective:
    """What training minimises: the mean cost over a mini-batch, plus the penalty on the weights. A pytree.

    >>> network = jnndl.mlp([4, 3, 2])
    >>> batch = jnndl.Dataset(np.ones((2, 4), np.float32), np.array([0, 1]))
    >>> jnndl.Objective(network, "quadratic", l2=0.1)(network.init(0), batch, 2).shape
    ()

    Attributes:
        network: the network (structure).
        cost: a ``Cost``, or its name, ``"quadratic"`` (structure).
        l1: strength of the L1 penalty, or None for none.
        l2: strength of the L2 penalty, the book's lambda, or None for none.
    """

    network: Network = dataclasses.field(metadata={"static": True})
    cost: Any = dataclasses.field(default=cross_entropy, metadata={"static": True})
    l1: regularizers.Strength = None
    l2: regularizers.Strength = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", as_cost("cost", self.cost))

    def examples(self, params: Params, batch: Dataset) -> tuple[Float[Array, "m ..."], Float[Array, "m n_out"]]:
        """A mini-batch as floats of the parameters' dtype: inputs x, and targets y with labels made one-hot.

        A silent output neuron's target is the neuron's ``low``: 0, but -1 for tanh.
        """
        dtype = jnp.result_type(*jax.tree.leaves(params))
        x = batch.examples(self.network.input_shape, dtype)
        if batch.has_labels:
            return x, _one_hot(batch.targets, self.network.output_shape[0], self.network.neuron.low, dtype)
        if self.cost.one_hot:
            raise ValueError(
                f"targets are {batch.targets.dtype}, but the {self.cost.name} cost needs labels; give integers of "
                f"shape ({len(batch)},), or use another cost"
            )
        return x, jnp.asarray(batch.targets, dtype)

    def mean_cost(self, params: Params, batch: Dataset, key: BatchKey = None) -> Float[Array, ""]:
        """The cost averaged over the mini-batch, without the penalty; ``key`` as in ``__call__``."""
        x, y = self.examples(params, batch)

        def cost(x: Array, y: Array, key: TrainingKey) -> Array:
            z, _ = self.network.forward(params, x, key)
            return self.cost.value(z, y, self.network.neuron)

        return jnp.mean(jax.vmap(cost)(x, y, _split(key, len(batch))))

    def penalty(self, params: Params, n: int) -> Float[Array, ""]:
        """The penalty on the weights for a training set of ``n`` examples."""
        return regularizers.penalty(params, n, self.l1, self.l2)

    def __call__(self, params: Params, batch: Dataset, n: int, key: BatchKey = None) -> Float[Array, ""]:
        """The mean cost plus the penalty (chapter 3, equation 87).

        Args:
            params: the network's parameters.
            batch: m examples.
            n: the number of examples in the whole training set, which divides the penalty.
            key: for layers that are random in training, one for the mini-batch or one for each example; or None.
        """
        return self.mean_cost(params, batch, key) + self.penalty(params, n)


def _one_hot(labels: Any, classes: int, low: float, dtype: Any) -> Float[Array, "m n_out"]:
    """1 for the right class and ``low`` for the others. A label out of range makes NaN, not a target like any other."""
    labels = jnp.asarray(labels, jnp.int32)
    one_hot = jnp.where(labels[:, None] == jnp.arange(classes)[None], jnp.asarray(1, dtype), jnp.asarray(low, dtype))
    known = (labels >= 0) & (labels < classes)
    return jnp.where(known[:, None], one_hot, jnp.nan)


def _split(key: BatchKey, m: int) -> Key[Array, " m"] | None:
    return key if key is None or key.ndim else jax.random.split(key, m)


def autodiff(objective: Objective) -> Gradient:
    """The gradient of the objective by ``jax.grad``.

    >>> network = jnndl.mlp([4, 3, 2])
    >>> batch = jnndl.Dataset(np.ones((2, 4), np.float32), np.array([0, 1]))
    >>> grads = jnndl.autodiff(jnndl.Objective(network))(network.init(0), batch, 2)
    >>> grads[0].weight.shape
    (3, 4)

    Returns:
        ``(params, batch, n, key) -> grads``, a pytree like ``params``; the arguments are those of ``Objective``.
    """
    return jax.grad(objective)


def backprop(objective: Objective) -> Gradient:
    """The gradient of the objective by hand: chapter 2's backpropagation over a mini-batch, with no autodiff inside.

    >>> network = jnndl.mlp([4, 3, 2])
    >>> batch = jnndl.Dataset(np.ones((2, 4), np.float32), np.array([0, 1]))
    >>> grads = jnndl.backprop(jnndl.Objective(network))(network.init(0), batch, 2)
    >>> grads[0].weight.shape
    (3, 4)

    Returns:
        ``(params, batch, n, key) -> grads``, a pytree like ``params``; the arguments are those of ``Objective``.
    """
    network, cost = objective.network, objective.cost

    def gradient(params: Params, batch: Dataset, n: int, key: BatchKey = None) -> PyTree:
        x, y = objective.examples(params, batch)
        z, saved = jax.vmap(lambda x, key: network.forward(params, x, key))(x, _split(key, len(batch)))
        delta = jax.vmap(lambda z, y: cost.delta(z, y, network.neuron))(z, y)  # BP1
        grads: list[PyTree] = []
        grad = delta / len(batch)  # the mean over the mini-batch enters here, once
        for number, layer in reversed([*enumerate(network.layers)]):
            below = functions.Like((len(batch), *network.shapes[number]), grad.dtype)
            found = layer.backward(params[number], saved[number], grad)  # BP2 to BP4
            functions.returned(f"layer {number}, {layer}: its backward", found, (below, params[number]), BACKWARD)
            grad, layer_grads = found
            grads.insert(0, layer_grads)
        return regularizers.add_penalty_gradient(tuple(grads), params, n, objective.l1, objective.l2)

    return gradient


GRADIENTS = {"autodiff": autodiff, "backprop": backprop}
