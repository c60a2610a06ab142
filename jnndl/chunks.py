"""Loops over many examples, a limited number at a time; and what is said where memory ran out all the same."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

CHUNK = 1000  # at most so many examples are looked at together
LARGEST = {"cpu": 4 << 20}  # bytes of the largest array for a chunk: on a CPU it should stay in the cache
ELSEWHERE = 256 << 20

Carry = TypeVar("Carry")


def chunk_size(bytes_each: int) -> int:
    """How many examples to look at together; bounds the memory of measuring and of large mini-batches.

    Args:
        bytes_each: what one example takes in the largest array.
    """
    return max(1, min(CHUNK, LARGEST.get(jax.default_backend(), ELSEWHERE) // max(1, bytes_each)))


def scan_chunks(f: Callable[[Carry, Any, Any], Carry], carry: Carry, xs: PyTree, size: int, first: Any = 0) -> Carry:
    """Apply ``carry = f(carry, number, chunk)`` to consecutive chunks of ``xs``.

    Args:
        f: a function of the carry, the number of the chunk, and the chunk.
        carry: the initial carry.
        xs: a pytree of arrays of n rows.
        size: rows per chunk; the last chunk is shorter if size does not divide n.
        first: the number of the first chunk.
    """
    whole, rest = divmod(len(jax.tree.leaves(xs)[0]), size)
    if whole:
        chunks = jax.tree.map(lambda a: a[: whole * size].reshape(whole, size, *a.shape[1:]), xs)
        carry, _ = jax.lax.scan(lambda carry, x: (f(carry, *x), None), carry, (first + jnp.arange(whole), chunks))
    return f(carry, first + whole, jax.tree.map(lambda a: a[whole * size :], xs)) if rest else carry


@contextlib.contextmanager
def told_of_memory(remedy: str) -> Iterator[None]:
    """Out of memory is one sentence.

    Raises:
        MemoryError: in place of what NumPy and XLA raise, with how much was asked for and the remedy.
    """
    try:
        yield
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        text = str(error)
        if not isinstance(error, MemoryError) and not re.search(
            "RESOURCE_EXHAUSTED|out of memory", text, re.IGNORECASE
        ):
            raise
        asked = re.search(r"allocat\w+ ([\d.]+ ?\w+)", text)
        raise MemoryError(f"out of memory{f', asked for {asked[1]}' if asked else ''}; {remedy}") from error
