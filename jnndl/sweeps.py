"""Sweeps over settings: a grid or samples, as few compiled programs as there can be, the worse half stopped early.

Learning rate, penalties and momentum are arrays: all their values and seeds are networks of one compiled program, as in
``fit_many``. What is compiled in (the network, the batch size, the cost, the optimiser) makes a program for each of its
values; they are trained one after the other, each on all devices.
"""

import contextlib
import dataclasses
import itertools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from jnndl import grids
from jnndl.arguments import REQUIRED, check_keys, check_whole, is_whole, refuse_missing, short_repr
from jnndl.data import Dataset
from jnndl.ensemble import train_all
from jnndl.options import prepare
from jnndl.processes import off_devices
from jnndl.progress import check_progress
from jnndl.swept import Sweep, scores_of
from jnndl.telling import Program, SweepProgress
from jnndl.training import Fit

# Settings of ``fit`` for which a sweep has something of its own.
INSTEAD = {
    "checkpoint": "folder=, where each program keeps a checkpoint of its own",
    "callback": "progress=",
    "keys": "seeds=, how many networks each cell has",
}


def sweep(
    networks: Any,
    training: Dataset,
    evaluation: Dataset,
    *,
    epochs: int = REQUIRED,
    learning_rate: Any = REQUIRED,
    seeds: int | Sequence[int] = 10,
    samples: int | None = None,
    key: Key[Array, ""] | int | None = None,
    halving: bool | Sequence[int] = False,
    folder: str | os.PathLike | None = None,
    resume: bool = True,
    progress: bool | str | None = None,
    at_once: int | None = None,
    **settings: Any,
) -> Sweep:
    """Train every combination of some settings with the same seeds, and choose by the evaluation data.

    >>> digits, network = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    >>> rates = [0.01, 0.1, 1.0]
    >>> found = jnndl.sweep(network, digits.training, digits.validation, learning_rate=rates, epochs=2, seeds=2)
    >>> found.best()["learning_rate"]
    1.0
    >>> fit = found.network(2, seed=0)  # of cell 2, what fit would have returned for key=0
    >>> fit.history.evaluation_accuracy.shape
    (2,)

    Args:
        networks: a network, a list of them, or a dictionary of them by name.
        training: the training data.
        evaluation: the data that choose: validation data. The score that has won flatters, so measure the winner on
            other data.
        epochs: how many at most.
        learning_rate: a number, a list of them, or a range to draw from, ``jnndl.log_uniform(1e-3, 1)`` or
            ``jnndl.uniform``. So are ``l1``, ``l2`` and ``momentum``; ``batch_size``, ``cost`` and ``optimizer`` may be
            lists, each of whose entries is a program of its own.
        seeds: how many networks each cell has, or a list of seeds: those that ``fit`` takes as ``key``. They are the
            same for all cells, so that two cells differ in their settings alone.
        samples: how many draws from the ranges. Each draws from all of them, and is tried with every combination of the
            lists.
        key: a seed or a random key, by which they are drawn; it has nothing to do with ``seeds``.
        halving: after these many epochs, ``[1, 2, 4]`` say, stop the half of the cells that have the worse scores so
            far, among all programs; of an odd number the better half is the larger one. True for after 1, 2, 4, 8, ...
            epochs, until one is left.
        folder: where to keep checkpoints; None for none. The same call with the same folder goes on where the last one
            was interrupted, to the same bits, also with more epochs.
        resume: whether to go on from the checkpoints in the folder; False starts anew.
        progress: as for ``fit``: after each epoch how much is done, the best cell so far, and the time left.
        at_once: how many networks of a program to train together, as for ``fit_many``.
        settings: all others are those of ``fit``, the same for all cells. The training data are not measured, unless
            ``measure_training`` says so.

    Raises:
        TypeError, ValueError: if an argument is of another kind or out of its range, or data, networks and settings do
            not fit together; before anything is trained.
    """
    for name in sorted(INSTEAD.keys() & settings.keys()):
        raise TypeError(f"{name} is for fit and fit_many; a sweep has {INSTEAD[name]}")
    if evaluation is None:
        raise ValueError("evaluation is None, but a sweep chooses by it; give validation data")
    check_whole("epochs", epochs, "a whole number of at least 1")
    refuse_missing("learning_rate", learning_rate, "a number, a list of them, or jnndl.log_uniform(1e-3, 1)")
    check_progress(progress)
    if folder is not None and os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(f"folder is {os.fspath(folder)}, which is a file; give a folder for the checkpoints")
    numbers, keys = _keys(seeds)
    values = {"learning_rate": learning_rate, **{name: settings.pop(name, None) for name in grids.VALUES[1:]}}
    axes = grids.value_axes(values, samples, key)
    options = {"measure_training": 0, **settings, "progress": False}
    cells, programs = _plan(networks, (training, evaluation), epochs, axes, len(numbers), options)
    ends = [*_rungs(halving, epochs, len(cells)), epochs]
    fits: list[Any] = [None] * len(programs)
    alive = np.ones(len(cells), bool)
    with contextlib.closing(SweepProgress(progress, cells, programs, len(numbers), ends)) as telling:
        for rung, end in enumerate(ends):
            if rung > 0:
                fits = [
                    _stop(fit, ~np.tile(alive[p.cells], len(numbers))) for fit, p in zip(fits, programs, strict=True)
                ]
            left = [len(p.which) if fit is None else _left_in(fit) for fit, p in zip(fits, programs, strict=True)]
            telling.begin(rung, left)
            for number, program in enumerate(programs):
                if not left[number]:
                    continue
                loop = dataclasses.replace(program.run.loop, epochs=end, callback=telling.of(number))
                if folder is not None:
                    path = pathlib.Path(folder) / f"program-{number}-rung-{rung}.safetensors"
                    loop = dataclasses.replace(loop, checkpoint=path, resume=resume)
                fit = train_all(program.run._replace(loop=loop), keys[program.which], at_once, fits[number])
                fits[number] = _on_host(fit)
            if rung + 1 < len(ends):
                scores = np.concatenate([scores_of(fit, len(numbers)) for fit in fits])
                alive = better_half(scores.mean(axis=1), alive)
    return Sweep(cells, numbers, fits)


def better_half(scores: Float[np.ndarray, " cells"], alive: Bool[np.ndarray, " cells"]) -> Bool[np.ndarray, " cells"]:
    """Which cells go on: the better half of those that were left, the middle one too; of equal ones, the first."""
    left = np.flatnonzero(alive)
    chosen = left[np.argsort(-scores[left], kind="stable")][: -(-len(left) // 2)]
    return np.isin(np.arange(len(alive)), chosen)


def _keys(seeds: Any) -> tuple[list[int], Key[Array, " seeds"]]:
    """The seeds, and the key of each."""
    remedy = "how many networks each cell has, such as 10, or a list of seeds"
    if not grids.is_list(seeds):
        check_whole("seeds", seeds, remedy)
        seeds = range(seeds)
    numbers = list(seeds)
    if not numbers or not all(is_whole(seed) and seed >= 0 for seed in numbers) or len(set(numbers)) < len(numbers):
        raise ValueError(f"seeds is {short_repr(seeds)}; give {remedy}, different whole numbers from 0")
    return [int(seed) for seed in numbers], jnp.stack([check_keys("seeds", seed, 0) for seed in numbers])


def _rungs(halving: Any, epochs: int, cells: int) -> list[int]:
    """After which epochs the worse half is stopped, counted from 1."""
    if isinstance(halving, bool):
        halvings = (cells - 1).bit_length() if halving else 0  # until one is left
        return [2**k for k in range(halvings) if 2**k < epochs]
    found = list(halving) if grids.is_list(halving) else [halving]
    rising = all(map(is_whole, found)) and all(a < b for a, b in itertools.pairwise([0, *found, epochs]))
    if not rising:
        raise ValueError(
            f"halving is {short_repr(halving)}; give rising numbers of epochs from 1 to {epochs - 1} (epochs is "
            f"{epochs}), or True for 1, 2, 4, 8, ..., or False"
        )
    return [int(end) for end in found]


def _plan(
    networks: Any,
    data: tuple[Dataset, Dataset],
    epochs: int,
    axes: dict[tuple[str, ...], list[tuple[float, ...]]],
    seeds: int,
    settings: dict[str, Any],
) -> tuple[list[dict[str, Any]], list[Program]]:
    """The cells, with what is told of each, and the programs that train them."""
    named, of_values = grids.named_networks(networks), grids.combinations(axes)
    structure = grids.structure_axes(settings)
    told = {name for names, values in axes.items() for name in names if len(values) > 1} | {"learning_rate"}
    arrays: dict[str, Any] = {
        name: np.tile([cell[name] for cell in of_values], seeds) for names in axes for name in names
    }
    rates = arrays.pop("learning_rate")
    cells: list[dict[str, Any]] = []
    programs: list[Program] = []
    for name, network in named.items():
        for chosen in grids.combinations(structure):
            here = {"network": name} if len(named) > 1 else {}
            here |= {n: grids.label(value) for n, value in chosen.items() if len(structure[n,]) > 1}
            given: Any = {**settings, **chosen, **arrays}
            run = prepare(network, *data, epochs, rates, given, len(rates))
            place = slice(len(cells), len(cells) + len(of_values))
            which = np.repeat(np.arange(seeds), len(of_values))
            programs.append(Program(grids.in_words(here), place, which, run))
            cells += [here | {n: value for n, value in cell.items() if n in told} for cell in of_values]
    return cells, programs


def _left_in(fit: Fit) -> int:
    """How many networks have not stopped."""
    return int(np.sum(~fit.state.stopped))


def _stop(fit: Fit, which: Bool[np.ndarray, " networks"]) -> Fit:
    """The same networks, some of them stopped."""
    return dataclasses.replace(fit, state=fit.state._replace(stopped=fit.state.stopped | which))


def _on_host(fit: Fit) -> Fit:
    """The same off the devices, before the next program needs their memory."""
    return dataclasses.replace(fit, state=off_devices(fit.state))
