"""Michael Nielsen's "Neural Networks and Deep Learning" as a functional JAX library.

The README holds the table from the book's names to these.
"""

from jnndl import (
    arguments,
    checkpoints,
    checks,
    chunks,
    costs,
    data,
    descent,
    ensemble,
    equations,
    files,
    gradients,
    identity,
    idx,
    initializers,
    layers,
    measures,
    network,
    network2,
    neurons,
    options,
    regularizers,
    rules,
    settings,
    training,
    validation,
)
from jnndl.checks import check_gradients
from jnndl.data import Dataset, load_digits
from jnndl.ensemble import fit_many
from jnndl.files import load, save
from jnndl.idx import load_idx, load_mnist
from jnndl.layers import Dense, Dropout
from jnndl.measures import evaluate, predict
from jnndl.network import Network, mlp
from jnndl.training import DivergenceError, Fit, fit

__version__ = "0.2.0.dev0"

__all__ = [
    "Dataset",
    "Dense",
    "DivergenceError",
    "Dropout",
    "Fit",
    "Network",
    "arguments",
    "check_gradients",
    "checkpoints",
    "checks",
    "chunks",
    "costs",
    "data",
    "descent",
    "ensemble",
    "equations",
    "evaluate",
    "files",
    "fit",
    "fit_many",
    "gradients",
    "identity",
    "idx",
    "initializers",
    "layers",
    "load",
    "load_digits",
    "load_idx",
    "load_mnist",
    "measures",
    "mlp",
    "network",
    "network2",
    "neurons",
    "options",
    "predict",
    "regularizers",
    "rules",
    "save",
    "settings",
    "training",
    "validation",
]
