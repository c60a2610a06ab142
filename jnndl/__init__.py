"""Michael Nielsen's "Neural Networks and Deep Learning" as a functional JAX library.

The README holds the table from the book's names to these.
"""

from jnndl import (
    checkpoints,
    checks,
    costs,
    data,
    differences,
    ensemble,
    equations,
    faults,
    files,
    gradients,
    initializers,
    layers,
    network,
    neurons,
    regularizers,
    rules,
    train,
    validation,
)
from jnndl.checks import check_gradients
from jnndl.data import Dataset, load_digits, load_idx, load_mnist
from jnndl.ensemble import fit_many
from jnndl.files import load, save
from jnndl.layers import Dense, Dropout
from jnndl.network import Network, mlp
from jnndl.train import DivergenceError, evaluate, fit, predict

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "Dense",
    "DivergenceError",
    "Dropout",
    "Network",
    "check_gradients",
    "checkpoints",
    "checks",
    "costs",
    "data",
    "differences",
    "ensemble",
    "equations",
    "evaluate",
    "faults",
    "files",
    "fit",
    "fit_many",
    "gradients",
    "initializers",
    "layers",
    "load",
    "load_digits",
    "load_idx",
    "load_mnist",
    "mlp",
    "network",
    "neurons",
    "predict",
    "regularizers",
    "rules",
    "save",
    "train",
    "validation",
]
