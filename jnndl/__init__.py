"""Michael Nielsen's "Neural Networks and Deep Learning" as a functional JAX library.

The README holds the table from the book's names to these.
"""

from jnndl import costs, data, equations, gradients, initializers, layers, network2, neurons, regularizers
from jnndl.checks import check_gradients
from jnndl.data import Dataset, load_digits
from jnndl.ensemble import fit_many
from jnndl.files import load, save
from jnndl.idx import load_idx, load_mnist
from jnndl.layers import Dense, Dropout
from jnndl.measures import evaluate, predict
from jnndl.network import Network, mlp
from jnndl.page import save_page
from jnndl.training import DivergenceError, Fit, fit

__version__ = "0.2.0.dev0"

__all__ = [
    "Dataset",
    "Dense",
    "DivergenceError",
    "Dropout",
    "Fit",
    "Network",
    "check_gradients",
    "costs",
    "data",
    "equations",
    "evaluate",
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
    "network2",
    "neurons",
    "predict",
    "regularizers",
    "save",
    "save_page",
]
