"""Small data that tests share, and how they compare bits."""

import jax
import numpy as np

from jnndl import Dataset


def blobs(n, classes=3, seed=0):
    """Labelled points around one centre a class, with enough overlap that no network gets all of them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    angles = 2 * np.pi * labels / classes
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return Dataset((2 * centres + rng.normal(size=(n, 2))).astype(np.float32), labels.astype(np.uint8))


def leaves_as_bytes(tree):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]
