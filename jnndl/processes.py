"""Arrays over the devices of several processes, of one host or of many: put there, and read whole by each of them.

Every process runs the same program (``jax.distributed``), with the same arguments and the same data.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jnndl.sharing import NETWORKS

GATHERED = 256 << 20  # bytes that each device holds for the others at a time


def is_shared(tree: PyTree) -> bool:
    """Whether arrays lie on devices of other processes, too."""
    return any(isinstance(leaf, jax.Array) and not leaf.is_fully_addressable for leaf in jax.tree.leaves(tree))


def is_key(leaf: Any) -> bool:
    """Whether an array is one of random keys."""
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def place(tree: PyTree, where: Any) -> PyTree:
    """``jax.device_put``, also onto devices of other processes: every process has all, and puts its own part."""
    if not isinstance(where, jax.sharding.Sharding) or where.is_fully_addressable:
        return jax.device_put(tree, where)

    def put(leaf: Any) -> jax.Array:
        if is_key(leaf):
            return jax.random.wrap_key_data(put(jax.random.key_data(leaf)), impl=jax.random.key_impl(leaf))
        host = np.asarray(leaf)
        return jax.make_array_from_callback(host.shape, where, lambda index: host[index])

    return jax.tree.map(put, tree)


def on_host(tree: PyTree) -> PyTree:
    """The arrays in NumPy, whole in every process; of random keys the data. All processes have to ask."""
    leaves, structure = jax.tree.flatten(jax.tree.map(lambda a: jax.random.key_data(a) if is_key(a) else a, tree))
    scattered = [number for number, leaf in enumerate(leaves) if is_shared(leaf) and not leaf.is_fully_replicated]
    for number, leaf in zip(scattered, _gathered([leaves[number] for number in scattered]), strict=True):
        leaves[number] = leaf
    return jax.tree.unflatten(structure, jax.device_get(leaves))


def off_devices(state: Any) -> Any:
    """A ``State`` in NumPy, whole in every process; only its random keys, which NumPy cannot hold, are JAX's."""
    found = on_host(state)
    return found._replace(key=jax.random.wrap_key_data(jnp.asarray(found.key), impl=jax.random.key_impl(state.key)))


def everyones(value: Any) -> np.ndarray:
    """What each process has: an array with one entry for each. All of them have to ask."""
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(np.asarray(value)))


def _gathered(leaves: list[jax.Array]) -> list[np.ndarray]:
    """Arrays that are shared out over the axis of networks, a bounded number of rows at a time."""
    if not leaves:
        return []
    sharding: Any = leaves[0].sharding  # one that has a mesh
    mesh = sharding.mesh
    groups, share = mesh.shape[NETWORKS], len(leaves[0]) // mesh.shape[NETWORKS]
    rows = min(share, max(1, GATHERED * share // sum(leaf.nbytes for leaf in leaves)))
    whole = [np.empty((groups, share, *leaf.shape[1:]), leaf.dtype) for leaf in leaves]
    for first in range(0, share, rows):
        start = min(first, share - rows)  # the last rows, some of them again
        for into, found in zip(whole, jax.device_get(_rows(mesh, rows, leaves, start)), strict=True):
            into[:, start : start + rows] = found
    return [array.reshape(-1, *array.shape[2:]) for array in whole]


@functools.partial(jax.jit, static_argnames=("mesh", "rows"))
def _rows(mesh: jax.sharding.Mesh, rows: int, leaves: list[jax.Array], start: Any) -> list[jax.Array]:
    """So many rows of each device's share, on every device."""

    def gather(leaves: list[jax.Array], start: Any) -> list[jax.Array]:
        some = [jax.lax.dynamic_slice_in_dim(leaf, start, rows) for leaf in leaves]
        return jax.lax.all_gather(some, NETWORKS)

    share, everywhere = jax.P(NETWORKS), jax.P()
    return jax.shard_map(gather, mesh=mesh, in_specs=(share, everywhere), out_specs=everywhere, check_vma=False)(
        leaves, start
    )
