"""Cost functions of one example, each beside its handwritten delta.

A cost looks at the output layer's weighted input ``z``, not at its activation: with ``a`` alone, ``1 - a`` has lost all
its digits by z = 17 in float32, and ``log(1 - a)`` is infinite. From ``z`` everything below is exact to the last few
bits until the result itself leaves float32's range.

    value(z, y, neuron) -> C_x               the cost of one example, summed over outputs (nats where there is a log)
    delta(z, y, neuron) -> dC_x/dz, BP1      the output layer's error, shape (n_out,)

``z`` and the target ``y`` have shape (n_out,); the caller averages over examples. ``neuron`` is the network's output
neuron, and a cost refuses one that it does not fit.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jnndl import arguments
from jnndl.neurons import Neuron, sigmoid, softmax

Vector = Float[Array, " n"]
Scalar = Float[Array, ""]


@dataclasses.dataclass(frozen=True)
class Cost:
    """A cost function with its derivative; hashable.

    Attributes:
        name: what a saved file calls it.
        neurons: the output neurons that it fits; None for every one.
        value: ``(z, y, neuron) -> cost``.
        delta: ``(z, y, neuron) -> dcost/dz``.
        one_hot: True where ``y`` must be 1 for one class and 0 for the others, as from integer labels.
        target_range: the smallest and the largest value allowed in ``y``.
    """

    name: str
    neurons: tuple[Neuron, ...] | None = dataclasses.field(repr=False)
    value: Callable[[Vector, Vector, Neuron], Scalar] = dataclasses.field(repr=False)
    delta: Callable[[Vector, Vector, Neuron], Vector] = dataclasses.field(repr=False)
    one_hot: bool = dataclasses.field(default=False, repr=False)
    target_range: tuple[float, float] = dataclasses.field(default=(-math.inf, math.inf), repr=False)

    def fits(self, neuron: Neuron) -> bool:
        """Whether this cost can be used with this output neuron."""
        return self.neurons is None or neuron in self.neurons

    def check_neuron(self, neuron: Neuron) -> None:
        """Raise ValueError if this cost does not fit the output neuron."""
        if not self.fits(neuron):
            fitting = " or the ".join(cost.name for cost in COSTS.values() if cost.fits(neuron))
            raise ValueError(
                f"cost {self.name} fits the output neurons {', '.join(n.name for n in self.neurons or ())}, but the "
                f"network's is {neuron.name}; change the network's output neuron, or use the {fitting} cost"
            )


def _quadratic(z: Vector, y: Vector, neuron: Neuron) -> Scalar:
    return 0.5 * jnp.sum(jnp.square(neuron.minus(z, y)))


def _quadratic_delta(z: Vector, y: Vector, neuron: Neuron) -> Vector:
    return neuron.backward(z, neuron.minus(z, y))


def _cross_entropy(z: Vector, y: Vector, neuron: Neuron) -> Scalar:
    cross_entropy.check_neuron(neuron)
    # -ln sigma(z) = softplus(-z). The shorter softplus(z) - y z loses its last digits from |z| of about 10 on.
    return jnp.sum(y * jax.nn.softplus(-z) + (1 - y) * jax.nn.softplus(z))


def _cross_entropy_delta(z: Vector, y: Vector, neuron: Neuron) -> Vector:
    cross_entropy.check_neuron(neuron)
    return neuron.minus(z, y)


def _log_likelihood(z: Vector, y: Vector, neuron: Neuron) -> Scalar:
    log_likelihood.check_neuron(neuron)
    # -ln a_y = ln(1 + sum_{j != y} e^(z_j - z_y)), with the largest exponent taken out where it is above 0.
    lead = jnp.where(y > 0, -jnp.inf, z - jnp.vdot(y, z))
    top = jax.lax.stop_gradient(jnp.max(lead, initial=0.0))
    return top + jnp.log1p(jnp.sum(jnp.exp(lead - top)) + jnp.expm1(-top))


def _log_likelihood_delta(z: Vector, y: Vector, neuron: Neuron) -> Vector:
    log_likelihood.check_neuron(neuron)
    others = (1 - y) * jax.nn.softmax(z)  # a - y, with a_y - 1 written as what the others have together
    return others - y * jnp.sum(others)


quadratic = Cost("quadratic", None, _quadratic, _quadratic_delta)
"""``C_x = |y - a|^2 / 2``, with the half, summed over outputs (chapter 1, equation 6); delta = (a - y) * sigma'(z)."""

cross_entropy = Cost("cross_entropy", (sigmoid,), _cross_entropy, _cross_entropy_delta, target_range=(0.0, 1.0))
"""C_x = -sum_j [y_j ln a_j + (1 - y_j) ln(1 - a_j)] in nats (chapter 3, equation 63); delta = a - y."""

log_likelihood = Cost("log_likelihood", (softmax,), _log_likelihood, _log_likelihood_delta, one_hot=True)
"""C_x = -ln a_y in nats, y the right class, one-hot (chapter 3, equation 80); delta = a - y."""

COSTS = {cost.name: cost for cost in (quadratic, cross_entropy, log_likelihood)}


def as_cost(name: str, value: Any) -> Cost:
    """A cost, or the one that is called so.

    Raises:
        TypeError, ValueError: if the value of the argument ``name`` is neither.
    """
    value = arguments.choose(name, value, COSTS)
    if not isinstance(value, Cost):
        raise TypeError(
            f"{name} is {arguments.short_repr(value)}; give one of jnndl.costs, such as costs.cross_entropy"
        )
    return value
