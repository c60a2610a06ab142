"""What a sweep found (``Sweep``): its table, its best cell, its networks, and the file that keeps it."""

import dataclasses
import json
import math
import os
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jnndl import files, grids, storage
from jnndl.arguments import is_whole
from jnndl.measures import History
from jnndl.network import Network
from jnndl.settings import Best, Hyperparameters, State
from jnndl.training import Fit

FORMAT, VERSION = "jnndl-sweep", 1
# What is there of each network besides parameters and keys, and of what kind it is; all else is floats.
STATE = dict.fromkeys(("epoch", "best.epoch", "halvings", "halved_epoch"), jnp.int32)
STATE |= {"stopped": jnp.bool_, "diverged": jnp.bool_, "best.score": jnp.floating, "hyper.learning_rate": jnp.floating}
STATE = {f"state.{name}": kind for name, kind in STATE.items()}


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What ``sweep`` returns.

    A cell is one choice of all settings, trained with every seed. The score of a network is that of its best epoch, as
    in ``Fit.best``: the accuracy on the evaluation data, or minus the cost where there are no labels. The score of a
    cell is the mean over its seeds. These data have chosen: measure what was chosen on other data.

    Attributes:
        cells: the settings of each cell that were swept, by name; the learning rate always.
        seeds: the seeds with which each cell was trained.
        fits: what each program gave, as from ``fit_many``: all its cells with the first seed, then with the second, ...
            The cells of the first program come first.
    """

    cells: list[dict[str, Any]]
    seeds: list[int]
    fits: list[Fit]

    def _find(self, cell: Any) -> tuple[Fit, np.ndarray]:
        """The program of a cell, and which of its networks are the cell's, one for each seed."""
        count = len(self.cells)
        if not is_whole(cell):
            raise TypeError(f"cell is {cell!r}; give its number in the table, from 0 to {count - 1}")
        if not 0 <= (place := int(cell)) < count:
            raise IndexError(f"cell is {cell}, but there are {count} cells; give 0 to {count - 1}")
        for fit in self.fits:
            cells = len(fit.history.penalty) // len(self.seeds)
            if place < cells:
                break
            place -= cells
        return fit, place + cells * np.arange(len(self.seeds))

    def cell(self, cell: int) -> Fit:
        """The networks of a cell, by its number in the table; what ``fit_many`` gives, one network for each seed.

        Raises:
            TypeError, IndexError: if there is no such cell.
        """
        fit, places = self._find(cell)
        history, state = jax.tree.map(lambda leaf: leaf[places], (fit.history, fit.state))
        return Fit(fit.network, history, state)

    def network(self, cell: int, seed: int | None = None) -> Fit:
        """One network of a cell: what ``fit`` would have returned for it.

        Args:
            cell: its number in the table.
            seed: one of ``seeds``; None for the one with the best score.

        Raises:
            TypeError, IndexError, ValueError: if there is no such network.
        """
        found = self.cell(cell)
        if seed is None:
            return found.best()
        if seed not in self.seeds:
            raise ValueError(f"seed is {seed!r}; give one of {', '.join(map(str, self.seeds))}, or None for the best")
        return found.one(self.seeds.index(seed))

    @property
    def scores(self) -> Float[np.ndarray, "cells seeds"]:
        """The score of each network; minus infinity where it diverged."""
        return np.concatenate([scores_of(fit, len(self.seeds)) for fit in self.fits])

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table, the best first."""
        scores = self.scores
        what = "cost" if self.fits[0].history.evaluation_accuracy is None else "accuracy"
        found = []
        for number, settings in enumerate(self.cells):
            fit, places = self._find(number)
            kept = scores[number][np.isfinite(scores[number])] * (-1 if what == "cost" else 1)
            found.append(
                {
                    "cell": number,
                    **settings,
                    what: float(kept.mean()) if len(kept) else math.nan,
                    "std": float(kept.std(ddof=1)) if len(kept) > 1 else math.nan,
                    "best_epoch": float(np.asarray(fit.state.best.epoch)[places].mean()),
                    "epochs": int(np.asarray(fit.state.epoch)[places].max()),
                    "diverged": int(np.asarray(fit.state.diverged)[places].sum()),
                }
            )
        return [found[number] for number in np.argsort(-scores.mean(axis=1), kind="stable")]

    def table(self) -> Any:
        """A row for each cell, the best first.

        Its number, the settings that were swept, the mean over its seeds of the accuracy (or the cost) in the best
        epoch, the standard deviation, the mean number of that epoch, from 0, how many epochs it was trained, and how
        many of its networks diverged. These are left out of the mean, and a cell that has one ranks behind all others.

        Returns:
            A pandas ``DataFrame`` whose index is the number of the cell; without pandas a list of dictionaries.
        """
        rows = self.rows()
        try:
            import pandas  # here, because nothing needs it
        except ModuleNotFoundError:
            return rows
        return pandas.DataFrame(rows).set_index("cell")

    def best(self) -> dict[str, Any]:
        """The row of the best cell; in a tie, the first of the grid.

        Raises:
            ValueError: if in every cell a network diverged.
        """
        if not np.isfinite(self.scores.mean(axis=1)).any():
            raise ValueError("best: in every cell a network diverged; sweep smaller rates, or weaker penalties")
        return self.rows()[0]

    def __repr__(self) -> str:
        return f"Sweep({len(self.cells)} cells, {len(self.seeds)} seeds each)"

    def save(self, path: str | os.PathLike) -> None:
        """Save it in one safetensors file: all networks, after the last and after the best epoch, and all histories.

        ``load_sweep`` reads it. What a probe returned and the states of optimisers are not kept.

        Raises:
            TypeError, ValueError: if a field of a layer cannot be saved, as for ``jnndl.save``.
        """
        tensors: dict[str, np.ndarray] = {}
        for number, fit in enumerate(self.fits):
            state = fit.state._replace(key=jax.random.key_data(fit.state.key), opt_state=())
            kept = storage.named({"history": fit.history._replace(probe=None), "state": state})
            tensors |= {f"{number}.{name}": np.asarray(leaf, order="C") for name, leaf in kept.items()}
        about = {
            "cells": self.cells,
            "seeds": self.seeds,
            "networks": [files.describe(fit.network) for fit in self.fits],
            "random": str(jax.random.key_impl(self.fits[0].state.key)),
        }
        metadata = {"format": FORMAT, "version": str(VERSION), "sweep": json.dumps(about)}
        storage.write_tensors(path, tensors, metadata)


def scores_of(fit: Fit, seeds: int) -> Float[np.ndarray, "cells seeds"]:
    """The score of each network of a program, minus infinity where it diverged."""
    score = np.where(fit.state.diverged, -np.inf, np.asarray(fit.state.best.score, float))
    return score.reshape(seeds, -1).T


def load_sweep(path: str | os.PathLike, networks: Any = None) -> Sweep:
    """Load what ``Sweep.save`` has saved.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 10])
    >>> found = jnndl.sweep(network, digits.training, digits.validation, learning_rate=[0.1, 1], epochs=1, seeds=2)
    >>> found.save("sweep.safetensors")
    >>> jnndl.load_sweep("sweep.safetensors")
    Sweep(2 cells, 2 seeds each)

    Args:
        path: the file.
        networks: the networks as they were given to ``sweep``; needed only if they have layers or neurons of your own.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file holds no sweep, is damaged, or is of other networks.
    """
    path = pathlib.Path(path)
    metadata, tensors = storage.read_tensors(path, FORMAT, (VERSION,), "sweep saved by Sweep.save")
    given = None if networks is None else list(grids.named_networks(networks).values())
    with storage.reading(path, "its description of the sweep is damaged", "save it again"):
        about = json.loads(metadata["sweep"])
        cells, seeds, count = list(about["cells"]), list(about["seeds"]), len(about["networks"])
        if given is not None and (not given or count % len(given)):
            raise ValueError(f"{path}: has {count} programs, but networks has {len(given)}; give those of the sweep")
        fits = [
            _rebuild(
                path,
                files.rebuild(path, description, None if given is None else given[number * len(given) // count]),
                {name.partition(".")[2]: leaf for name, leaf in tensors.items() if name.startswith(f"{number}.")},
                about["random"],
            )
            for number, description in enumerate(about["networks"])
        ]
        of_each = [len(fit.history.penalty) for fit in fits]
        if not fits or sum(of_each) != len(cells) * len(seeds) or any(many % len(seeds) for many in of_each):
            raise ValueError(f"{path}: has other cells than networks; save the sweep again")
        if not all(is_whole(seed) and seed >= 0 for seed in seeds) or len(set(seeds)) < len(seeds):
            raise ValueError(f"{path}: its seeds are not different whole numbers from 0; save the sweep again")
        if not all(isinstance(cell["learning_rate"], int | float) for cell in cells):
            raise ValueError(f"{path}: has cells without a learning_rate; save the sweep again")
    return Sweep(cells, seeds, fits)


def _rebuild(path: pathlib.Path, network: Network, tensors: dict[str, np.ndarray], random: str) -> Fit:
    """A program of a file: its network with the histories and states of all its cells."""
    key = jax.random.wrap_key_data(jnp.asarray(tensors.pop("state.key")), impl=random)
    names = storage.named(network.param_shapes)
    _check_arrays(path, {name: leaf.shape for name, leaf in names.items()}, tensors, key.shape)
    structure = jax.tree.structure(network.param_shapes)
    last, best = (
        jax.tree.unflatten(structure, [tensors[f"state.{part}.{name}"] for name in names])
        for part in ("params", "best.params")
    )
    history = History(**{name: tensors.get(f"history.{name}") for name in History._fields})  # type: ignore[arg-type]
    hyper = Hyperparameters(**{name: tensors.get(f"state.hyper.{name}") for name in Hyperparameters._fields})  # type: ignore[arg-type]
    rest: dict[str, Any] = {
        name: tensors[f"state.{name}"] for name in ("epoch", "halvings", "halved_epoch", "stopped", "diverged")
    }
    score = Best(tensors["state.best.score"], tensors["state.best.epoch"], best)  # type: ignore[arg-type]
    return Fit(network, history, State(params=last, opt_state=(), key=key, hyper=hyper, best=score, **rest))


def _check_arrays(
    path: pathlib.Path, params: dict[str, tuple[int, ...]], tensors: dict[str, np.ndarray], many: tuple[int, ...]
) -> None:
    """Raise ValueError unless the arrays of a program are what ``Sweep.save`` writes.

    Args:
        path: the file.
        params: the shapes of the parameters of one network.
        tensors: the arrays, without the keys.
        many: (networks,), the shape of the keys.
    """
    per_epoch = tensors["history.penalty"].shape
    if per_epoch[:-1] != many or not all(per_epoch):
        raise ValueError(f"{path}: has {many} keys, but a history of shape {per_epoch}; save the sweep again")
    wanted = {
        f"state.{part}.{name}": (*many, *one) for part in ("params", "best.params") for name, one in params.items()
    }
    for name in [*wanted, *STATE, *sorted(tensors)]:
        found, shape = tensors[name], wanted.get(name, per_epoch if name.startswith("history.") else many)
        if found.shape != shape or not jnp.issubdtype(found.dtype, STATE.get(name, jnp.floating)):
            what = name.removeprefix("state.params.")
            raise ValueError(
                f"{path}: holds another architecture: {what} is {found.dtype} of shape {found.shape[1:]} in the "
                f"file, {shape[1:]} in the network; give the networks of the sweep, or none, or save it again"
            )
        if name == "state.epoch" and not np.all((found >= 1) & (found <= per_epoch[-1])):
            raise ValueError(f"{path}: has networks of other epochs than {per_epoch[-1]}; save the sweep again")
        kept = jax.dtypes.canonicalize_dtype(found.dtype)
        if kept != found.dtype:
            raise ValueError(
                f"{path}: {name} is {found.dtype}, which would become {kept}; load it under jax.enable_x64(True)"
            )
