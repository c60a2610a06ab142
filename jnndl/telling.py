"""What is said while a sweep trains: how much is done, the best cell so far, and the time left."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jnndl import grids
from jnndl.measures import Scores
from jnndl.options import Run
from jnndl.progress import BAR, duration, is_watched
from jnndl.rules import score


class Program(NamedTuple):
    """What is compiled at once.

    Attributes:
        name: what tells it from the others, in words; empty for the only one.
        cells: which cells it trains.
        which: of each of its networks, the place of its seed among the seeds: all cells with the first seed, then with
            the second, ... So the devices have the same cells, and stay equally busy when some are stopped.
        run: how, with a value of each hyper-parameter for each of its networks.
    """

    name: str
    cells: slice
    which: np.ndarray
    run: Run


class SweepProgress:
    """Says after each epoch how far a sweep is; ``close`` it at the end.

    The work of an epoch is taken to be the number of parameters that it trains.
    """

    def __init__(
        self, how: Any, cells: list[dict[str, Any]], programs: list[Program], seeds: int, ends: list[int]
    ) -> None:
        """A sweep that has done nothing yet.

        Args:
            how: as in ``Settings.progress``.
            cells: the settings of each cell.
            programs: what trains them.
            seeds: how many networks each cell has.
            ends: the epochs after which the worse half is stopped, and the last, counted from 1.
        """
        self.how, self.cells, self.programs, self.ends = is_watched() if how is None else how, cells, programs, ends
        self.best = np.full((len(cells), seeds), -np.inf)
        shapes = [program.run.config.network.param_shapes for program in programs]
        self.sizes = np.asarray([sum(leaf.size for leaf in jax.tree.leaves(one)) for one in shapes])
        networks = np.asarray([len(program.which) for program in programs])
        left = np.asarray([-(-len(cells) // 2**rung) for rung in range(len(ends))])
        work = np.diff([0, *ends])[:, None] * left[:, None] * (self.sizes * networks)
        self.shares = work / work.sum()  # of each program, between one halving and the next; ``begin`` knows better
        self.rung, self.left = 0, [len(program.which) for program in programs]
        self.worked = 0.0  # the share that was trained here, and not read from checkpoints
        self.started = time.perf_counter()
        self.bar: Any = None
        if self.how == BAR:
            from tqdm import tqdm  # here, so that importing the library stays light

            self.bar = tqdm(total=100, unit="%")

    def begin(self, rung: int, left: list[int]) -> None:
        """From here to the next halving, so many networks of each program are left."""
        self.rung, self.left, work = rung, left, np.asarray(left) * self.sizes
        self.shares[rung] = self.shares[rung].sum() * work / max(1, work.sum())

    def of(self, number: int) -> Callable[[int, Scores], None]:
        """A callback of ``fit_many`` for the turn of a program."""
        program, (begin, end) = self.programs[number], [0, *self.ends][self.rung : self.rung + 2]
        behind = self.shares[: self.rung].sum() + self.shares[self.rung, :number].sum()
        # The share of one epoch of one network.
        of_epoch = self.shares[self.rung, number] / (self.left[number] * (end - begin))
        seen, done = np.zeros(len(program.which), bool), 0

        def tell(epoch: int, scores: Scores) -> None:
            nonlocal done
            found = np.asarray(score(scores), float)
            trained = ~np.isnan(found)
            read = int((trained & ~seen).sum()) * (epoch - begin)  # the epochs that a checkpoint held
            seen[trained] = True
            done += int(trained.sum()) + read
            self.worked += of_epoch * int(trained.sum())
            self.best[program.cells] = np.fmax(self.best[program.cells], found.reshape(self.best.shape[1], -1).T)
            self._say(f"{program.name + ', ' if program.name else ''}epoch {epoch}", behind + of_epoch * done)

        return tell

    def _say(self, where: str, done: float) -> None:
        """Say how much is done, as a fraction."""
        means = self.best.mean(axis=1)
        best = int(means.argmax())
        told = "no cell is complete"
        if np.isfinite(means[best]):
            labels = self.programs[0].run.evaluation.has_labels  # type: ignore[union-attr]
            value = f"{100 * means[best]:.2f} %" if labels else f"cost {-means[best]:.4g}"
            told = f"best so far {value} ({grids.in_words(self.cells[best])})"
        if self.bar is not None:
            self.bar.set_postfix_str(told, refresh=False)
            self.bar.update(100 * done - self.bar.n)
        elif self.how:
            left = (time.perf_counter() - self.started) * (1 - done) / max(self.worked, 1e-9)
            print(f"{where}: {done:.0%} done, {told}, {duration(left)} left", flush=True)

    def close(self) -> None:
        """Leave the bar, where there is one, as it is."""
        if self.bar is not None:
            self.bar.close()
