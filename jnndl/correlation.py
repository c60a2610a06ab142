"""The convolution itself, without bias and neuron, and its handwritten derivative, in two forms that compute the same.

What everybody calls a convolution is a correlation: z[y, x, n] = sum over i, j, c of w[n, i, j, c] a[y + i, x + j, c]
(chapter 6, equation 125, for one map). On a CPU it is one matrix product of all windows with the weights, which takes a
quarter of the time of XLA's own convolution there; on accelerators XLA's own is the faster one. ``correlate`` and
``correlate_backward`` choose.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Image = Float[Array, "rows columns channels"]
Images = Float[Array, "m rows columns channels"]
Maps = Float[Array, "down across n_out"]
ManyMaps = Float[Array, "m down across n_out"]
Weight = Float[Array, "n_out kernel_rows kernel_columns channels"]


class Geometry(NamedTuple):
    """How windows lie in an image; each pair is rows, columns.

    Attributes:
        kernel: the size of a window.
        stride: the step from one window to the next.
        low: rows and columns of zeros before the image.
        high: and after it.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    low: tuple[int, int]
    high: tuple[int, int]


def geometry(
    shape: tuple[int, ...], kernel: tuple[int, int], stride: tuple[int, int], padding: str
) -> tuple[Geometry, tuple[int, int]]:
    """How windows lie in an image of this shape, and how many there are in each direction.

    "valid" takes the windows that lie inside the image. "same" adds zeros around it, so that there are ceil(n / stride)
    windows; an odd row or column of zeros comes after the image.
    """
    if padding == "valid":
        zeros = [0, 0]
    else:
        zeros = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(shape, kernel, stride, strict=False)]
    low, high = (zeros[0] // 2, zeros[1] // 2), ((zeros[0] + 1) // 2, (zeros[1] + 1) // 2)
    counts = [(n + z - k) // s + 1 for n, z, k, s in zip(shape, zeros, kernel, stride, strict=False)]
    return Geometry(kernel, stride, low, high), (counts[0], counts[1])


def correlate(where: Geometry, a: Image, weight: Weight) -> Maps:
    """z for one example, of shape (windows down, windows across, n_out)."""
    a, weight = _of_one_dtype(a, weight)
    return lax.platform_dependent(
        a,
        weight,
        cpu=lambda a, weight: by_windows(where, a, weight),
        default=lambda a, weight: by_library(where, a, weight),
    )


def correlate_backward(where: Geometry, weight: Weight, a: Images, grad: ManyMaps) -> tuple[Images, Weight]:
    """The gradients with respect to the images and, summed over them, with respect to the weights.

    Args:
        where: as in ``correlate``.
        weight: the weights.
        a: the m images that went in.
        grad: the gradient with respect to z, m times.
    """
    weight, a, grad = _of_one_dtype(weight, a, grad)
    return lax.platform_dependent(
        weight,
        a,
        grad,
        cpu=lambda weight, a, grad: by_windows_backward(where, weight, a, grad),
        default=lambda weight, a, grad: by_library_backward(where, weight, a, grad),
    )


def _of_one_dtype(*arrays: Array) -> list[Array]:
    """As in a matrix product, which takes float32 times float64; XLA's convolution does not."""
    dtype = jnp.result_type(*arrays)
    return [a.astype(dtype) for a in arrays]


def windows(where: Geometry, a: Image) -> Float[Array, "down across kernel_rows kernel_columns channels"]:
    """All windows of an image: two stacks of slices, rows first, which moves the longest runs of memory."""
    a = jnp.pad(a, [*zip(where.low, where.high, strict=True), (0, 0)])
    for axis, (kernel, stride) in enumerate(zip(where.kernel, where.stride, strict=True)):
        last = a.shape[axis] - kernel
        slices = [lax.slice_in_dim(a, i, i + last + 1, stride, axis) for i in range(kernel)]
        a = jnp.stack(slices, axis=2 + axis)
    return a


def windows_backward(
    where: Geometry, grad: Float[Array, "down across kernel_rows kernel_columns channels"], shape: tuple[int, ...]
) -> Image:
    """Each pixel of an image of this shape gets the sum of the gradients of the windows' entries that are it."""
    for axis in (1, 0):
        kernel, stride, low = where.kernel[axis], where.stride[axis], where.low[axis]
        span = (grad.shape[axis] - 1) * stride + 1
        parts = []
        for i in range(kernel):
            part = lax.index_in_dim(grad, i, 2 + axis, keepdims=False)
            edges = [(0, 0, 0)] * part.ndim
            edges[axis] = (i - low, shape[axis] - span - i + low, stride - 1)
            parts.append(lax.pad(part, jnp.zeros((), grad.dtype), edges))
        grad = sum(parts[1:], start=parts[0])
    return grad


def by_windows(where: Geometry, a: Image, weight: Weight) -> Maps:
    """Every window times every weight, one matrix product; under ``vmap`` it is one for the whole mini-batch."""
    found = windows(where, a)
    down, across = found.shape[:2]
    return (found.reshape(down * across, -1) @ weight.reshape(len(weight), -1).T).reshape(down, across, -1)


def by_windows_backward(where: Geometry, weight: Weight, a: Images, grad: ManyMaps) -> tuple[Images, Weight]:
    """BP4 and BP2 of that product, and the windows' way back."""
    # The same windows as on the way forward. In one program XLA computes them once; alone they need no memory.
    found = jax.vmap(lambda a: windows(where, a))(a)
    delta = grad.reshape(-1, len(weight))
    grad_weight = delta.T @ found.reshape(len(delta), -1)
    grad_windows = (delta @ weight.reshape(len(weight), -1)).reshape(found.shape)
    grad_a = jax.vmap(lambda g: windows_backward(where, g, a.shape[1:]))(grad_windows)
    return grad_a, grad_weight.reshape(weight.shape)


def by_library(where: Geometry, a: Image, weight: Weight) -> Maps:
    """XLA's own convolution."""
    edges = tuple(zip(where.low, where.high, strict=True))
    return lax.conv_general_dilated(a[None], weight, where.stride, edges, dimension_numbers=("NHWC", "OHWI", "NHWC"))[0]


def by_library_backward(where: Geometry, weight: Weight, a: Images, grad: ManyMaps) -> tuple[Images, Weight]:
    """Two more convolutions: the gradient, spread by the stride, with the turned weights, and the images with it."""
    spans = [(n - 1) * s + 1 for n, s in zip(grad.shape[1:3], where.stride, strict=True)]
    sizes = list(zip(a.shape[1:3], spans, where.kernel, where.low, strict=True))
    grad_a = lax.conv_general_dilated(
        grad,
        weight[:, ::-1, ::-1],
        (1, 1),
        [(k - 1 - low, n - span + low) for n, span, k, low in sizes],
        lhs_dilation=where.stride,
        dimension_numbers=("NHWC", "IHWO", "NHWC"),
    )
    grad_weight = lax.conv_general_dilated(
        a,
        grad,
        (1, 1),
        [(low, span - 1 - n - low + k) for n, span, k, low in sizes],
        rhs_dilation=where.stride,
        dimension_numbers=("CHWN", "IHWO", "CHWN"),
    )
    return grad_a, grad_weight
