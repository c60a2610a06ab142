"""Going through many examples a bounded number at a time."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

CHUNK = 1000  # examples looked at together: bounds the memory of measuring and of large mini-batches

Carry = TypeVar("Carry")


def scan_chunks(f: Callable[[Carry, Any, Any], Carry], carry: Carry, xs: PyTree, size: int, first: Any = 0) -> Carry:
    """Apply ``carry = f(carry, number, chunk)`` to consecutive chunks of ``xs``.

    Args:
        f: a function of the carry, the number of the chunk, and the chunk.
        carry: what the first call gets.
        xs: a pytree of arrays of n rows.
        size: the rows of a chunk; where it does not divide n, the last chunk is shorter.
        first: the number of the first chunk.
    """
    whole, rest = divmod(len(jax.tree.leaves(xs)[0]), size)
    if whole:
        chunks = jax.tree.map(lambda a: a[: whole * size].reshape(whole, size, *a.shape[1:]), xs)
        carry, _ = jax.lax.scan(lambda carry, x: (f(carry, *x), None), carry, (first + jnp.arange(whole), chunks))
    return f(carry, first + whole, jax.tree.map(lambda a: a[whole * size :], xs)) if rest else carry


def map_chunks(f: Callable[[Any], Any], xs: PyTree, size: int = CHUNK) -> Any:
    """``f(xs)`` for a function that treats each row by itself, at most ``size`` rows at a time."""
    n = len(jax.tree.leaves(xs)[0])
    if n <= size:
        return f(xs)
    whole = n // size
    head, rest = (
        jax.tree.map(lambda a, rows=rows: a[rows], xs) for rows in (slice(whole * size), slice(whole * size, n))
    )
    head = jax.tree.map(lambda a: a.reshape(whole, size, *a.shape[1:]), head)
    done = jax.tree.map(lambda a: a.reshape(whole * size, *a.shape[2:]), jax.lax.map(f, head))
    return done if n % size == 0 else jax.tree.map(lambda *parts: jnp.concatenate(parts), done, f(rest))
