"""One mini-batch, or one data set, over several devices: what runs inside ``jax.shard_map``.

The mesh has two axes. Over the axis of networks lie different networks, which never speak to each other. Over the axis
of data, each device takes its share of every mini-batch, and the gradients of the shares are averaged. Parameters and
data lie whole on every device.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from jnndl.data import Dataset

NETWORKS, DATA = "networks", "data"  # the axes of the mesh


def make_mesh(devices: Sequence[jax.Device], each: int) -> jax.sharding.Mesh:
    """A mesh of these devices in which ``each`` of them work on one network together."""
    kinds = (jax.sharding.AxisType.Auto, jax.sharding.AxisType.Auto)
    return jax.make_mesh((len(devices) // each, each), (NETWORKS, DATA), kinds, devices=devices)


def is_cpu(mesh: jax.sharding.Mesh) -> bool:
    """Whether the devices of a mesh are CPUs, which train networks one after the other."""
    return mesh.devices.flat[0].platform == "cpu"


def of_shares(mean: Callable[..., PyTree], axis: str, size: int) -> Callable[..., PyTree]:
    """The same mean over a mini-batch, but each device of an axis looks at its share of the examples alone.

    An example has the random key that it has on one device: dropout masks do not depend on the number of devices. The
    last mini-batch of an epoch is smaller where batch_size does not divide n; if the devices do not divide it either,
    each of them looks at all of it.

    Args:
        mean: a function of (params, batch, n, key), such as a gradient.
        axis: the axis of the mesh.
        size: how many examples one device would look at together, see ``example_keys``.
    """

    def mean_of_shares(params: Any, batch: Dataset, n: int, key: Key[Array, ""]) -> PyTree:
        share, rest = divmod(len(batch), jax.lax.axis_size(axis))
        if rest:
            return mean(params, batch, n, key)
        first = jax.lax.axis_index(axis) * share
        mine = jax.tree.map(
            lambda rows: jax.lax.dynamic_slice_in_dim(rows, first, share), (batch, example_keys(key, len(batch), size))
        )
        return jax.lax.pmean(mean(params, mine[0], n, mine[1]), axis)

    return mean_of_shares


def example_keys(key: Key[Array, ""], m: int, size: int) -> Key[Array, " m"]:
    """The random key of each of m examples, as one device draws them that looks at ``size`` examples together."""
    if m <= size:
        return jax.random.split(key, m)
    whole, rest = divmod(m, size)
    parts = jax.vmap(lambda number: jax.random.split(jax.random.fold_in(key, number), size))(jnp.arange(whole))
    return jnp.concatenate([parts.ravel(), jax.random.split(jax.random.fold_in(key, whole), rest)])


def map_shared(f: Callable[[Any], PyTree], xs: PyTree, size: int, axis: str | None) -> PyTree:
    """``f`` of each row, ``size`` rows at a time; every device of an axis maps its share, and all get all results.

    Where the devices do not divide the rows, some look at the last row more than once. Without an axis, one device maps
    them all.
    """
    if axis is None:
        return jax.lax.map(f, xs, batch_size=size)
    n = len(jax.tree.leaves(xs)[0])
    share = -(-n // jax.lax.axis_size(axis))
    rows = jnp.minimum(jax.lax.axis_index(axis) * share + jnp.arange(share), n - 1)
    mapped = jax.lax.map(f, jax.tree.map(lambda a: jnp.asarray(a)[rows], xs), batch_size=size)
    return jax.tree.map(lambda a: a[:n], jax.lax.all_gather(mapped, axis, tiled=True))
