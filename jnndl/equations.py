"""The four equations of backpropagation as chapter 2 writes them: for one example and two neighbouring layers.

``layers.Dense.backward`` is BP2 to BP4 over a mini-batch, a cost's ``delta`` is BP1; here each stands by itself, with
the two ways of writing the whole that the book asks for. The symbols are the book's: ``z`` weighted inputs, ``a``
activations, ``delta`` = dC/dz, ``weight`` w of shape (n_out, n_in).
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jnndl.neurons import Neuron

Vector = Float[Array, " n"]


def bp1(z: Vector, grad_a: Vector, neuron: Neuron) -> Vector:
    """The error of the output layer, delta^L = grad_a C * sigma'(z^L) (BP1)."""
    return neuron.backward(z, grad_a)


def bp2(
    weight: Float[Array, "n_next n"], delta_next: Float[Array, " n_next"], z: Vector, neuron: Neuron
) -> Float[Array, " n"]:
    """The error of a layer from that of the next, delta^l = ((w^(l+1))^T delta^(l+1)) * sigma'(z^l) (BP2)."""
    return neuron.backward(z, weight.T @ delta_next)


def bp3(delta: Vector) -> Vector:
    """The gradient with respect to the biases, dC/db^l = delta^l (BP3)."""
    return delta


def bp4(a: Float[Array, " n_in"], delta: Float[Array, " n_out"]) -> Float[Array, "n_out n_in"]:
    """The gradient with respect to the weights, dC/dw^l_jk = a^(l-1)_k delta^l_j (BP4)."""
    return jnp.outer(delta, a)


def sigma_prime_matrix(z: Vector, neuron: Neuron) -> Float[Array, "n n"]:
    """Sigma'(z), by which BP1 and BP2 multiply; diagonal for every neuron but softmax (chapter 2, problem)."""
    return jax.vmap(neuron.backward, in_axes=(None, 0))(z, jnp.eye(len(z), dtype=z.dtype)).T


def delta_by_matrices(
    zs: Sequence[Float[Array, " _"]],
    weights: Sequence[Float[Array, "_ _"]],
    grad_a: Float[Array, " _"],
    neurons: Sequence[Neuron],
) -> Float[Array, " _"]:
    """The error of layer l as one product of matrices (chapter 2's problem; chapter 5, equation 124).

    delta^l = Sigma'(z^l) (w^(l+1))^T Sigma'(z^(l+1)) ... (w^L)^T Sigma'(z^L) grad_a C. Chapter 5 reads off it why
    gradients vanish: every factor Sigma' has entries of at most 1/4.

    Args:
        zs: weighted inputs of layers l to L.
        weights: w of layers l+1 to L, one fewer.
        grad_a: the gradient of the cost with respect to the output activations.
        neurons: the neurons of layers l to L.
    """
    product = sigma_prime_matrix(zs[0], neurons[0])
    for weight, z, neuron in zip(weights, zs[1:], neurons[1:], strict=True):
        product = product @ weight.T @ sigma_prime_matrix(z, neuron)
    return product @ grad_a
