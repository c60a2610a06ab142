"""Support vector machines for two questions: fitted side by side, and none twice by one command."""

import concurrent.futures
import os
import time
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments.training import fingerprint
from jnndl.data import Dataset

# gamma="auto", 1/784, was the default when the book was written; with today's, "scale", 9785 of the test images are
# right in place of 9435.
BOOK = {"gamma": "auto"}

_fitted: dict[Hashable, Any] = {}  # content of the training data, and settings -> machine


class Machine(NamedTuple):
    """A machine and what to ask it.

    Attributes:
        settings: of scikit-learn's SVC.
        training: what to fit it to.
        data: what to classify.
    """

    settings: Mapping[str, Any]
    training: Dataset
    data: Dataset

    @property
    def key(self) -> Hashable:
        """What tells one fit from another: machines of equal settings, fitted to equal data, are the same."""
        return fingerprint((dict(self.settings), self.training))


def flat(data: Dataset) -> np.ndarray:
    """The images as vectors, byte/256, as in the book's files."""
    return np.asarray(data.inputs, np.float64).reshape(len(data), -1) * float(data.scale)


def correct(machines: Mapping[str, Machine]) -> dict[str, int]:
    """How many images each machine classifies correctly; nothing in it is random.

    Machines are fitted side by side, one on each core, and so are their answers found: scikit-learn does not hold
    Python's lock meanwhile, so threads are enough, and the data are in memory once. What an earlier call has fitted is
    not fitted again.

    Args:
        machines: name -> machine; those that take longest come first, so that no core waits for long.
    """
    new = {machine.key: (name, machine) for name, machine in machines.items() if machine.key not in _fitted}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        _fitted.update(zip(new, pool.map(lambda one: _fit(*one), new.values()), strict=True))
        hits = pool.map(lambda one: _count(*one), machines.items())
        return dict(zip(machines, hits, strict=True))


def _fit(name: str, machine: Machine) -> Any:
    from sklearn import svm  # here, because it takes seconds

    started = time.perf_counter()
    fitted = svm.SVC(cache_size=1000, **machine.settings).fit(flat(machine.training), machine.training.targets)
    print(f"{name}: fitted to {len(machine.training)} images ({time.perf_counter() - started:.0f} s)", flush=True)
    return fitted


def _count(name: str, machine: Machine) -> int:
    started, data = time.perf_counter(), machine.data
    hits = int(np.sum(_fitted[machine.key].predict(flat(data)) == data.targets))
    print(f"{name}: {hits} / {len(data)} ({time.perf_counter() - started:.0f} s)", flush=True)
    return hits
