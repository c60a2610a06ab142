"""Michael Nielsen's "Neural Networks and Deep Learning" as a functional JAX library.

>>> digits = jnndl.load_digits()  # or load_mnist()
>>> network = jnndl.mlp([64, 30, 10])
>>> fit = jnndl.fit(network, digits.training, digits.validation, key=0, epochs=2, learning_rate=0.5)
>>> jnndl.predict(fit.network, fit.params, digits.test).labels.shape
(300,)

- Networks: ``mlp``, or ``Network`` of ``Dense``, ``Conv``, ``MaxPool``, ``AvgPool``, ``L2Pool``, ``Flatten``,
  ``Dropout`` and ``Distort``; ``neurons``, ``costs``, ``initializers``.
- Data: ``load_mnist``, ``load_idx``, ``load_digits``, ``Dataset``.
- Training: ``fit``, ``fit_many``, ``sweep``; their settings are in ``jnndl.options.Settings``.
- A trained network: ``evaluate``, ``predict``, ``save``, ``load``.
- Pictures of a run and of a network: ``plots``.
- Gradients: ``backprop``, ``autodiff``, ``check_gradients``, ``equations``.

The README has a table from the book's names to these.
"""

from jnndl import costs, data, equations, gradients, initializers, layers, network2, neurons, plots, regularizers
from jnndl.arrays import from_arrays
from jnndl.checks import check_gradients
from jnndl.convolution import Conv, Flatten
from jnndl.costs import Cost
from jnndl.data import Dataset, Splits, load_digits
from jnndl.distortion import Distort
from jnndl.ensemble import fit_many
from jnndl.files import load, save
from jnndl.folders import load_images
from jnndl.gradients import Objective, autodiff, backprop
from jnndl.grids import log_uniform, uniform
from jnndl.idx import load_idx, load_mnist
from jnndl.layers import Dense, Dropout
from jnndl.measures import evaluate, predict
from jnndl.network import Network, mlp
from jnndl.network2 import load_network2, save_network2
from jnndl.neurons import Neuron
from jnndl.page import save_page
from jnndl.pictures import read_digits
from jnndl.pooling import AvgPool, L2Pool, MaxPool
from jnndl.sweeps import sweep
from jnndl.swept import Sweep, load_sweep
from jnndl.tables import load_csv
from jnndl.training import DivergenceError, Fit, fit

__version__ = "0.2.0.dev0"

__all__ = [
    "AvgPool",
    "Conv",
    "Cost",
    "Dataset",
    "Dense",
    "Distort",
    "DivergenceError",
    "Dropout",
    "Fit",
    "Flatten",
    "L2Pool",
    "MaxPool",
    "Network",
    "Neuron",
    "Objective",
    "Splits",
    "Sweep",
    "autodiff",
    "backprop",
    "check_gradients",
    "costs",
    "data",
    "equations",
    "evaluate",
    "fit",
    "fit_many",
    "from_arrays",
    "gradients",
    "initializers",
    "layers",
    "load",
    "load_csv",
    "load_digits",
    "load_idx",
    "load_images",
    "load_mnist",
    "load_network2",
    "load_sweep",
    "log_uniform",
    "mlp",
    "network2",
    "neurons",
    "plots",
    "predict",
    "read_digits",
    "regularizers",
    "save",
    "save_network2",
    "save_page",
    "sweep",
    "uniform",
]


def __dir__() -> list[str]:
    """What a person may want of the library: completion shows this, and not every module."""
    return __all__
