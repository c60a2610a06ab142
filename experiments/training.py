"""How a question trains: one network per seed, all at once, printed as the book prints, and nothing twice."""

import dataclasses
import functools
import hashlib
import math
import pathlib
import time
import warnings
import weakref
from collections.abc import Hashable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import guard, hosts
from jnndl.data import Dataset, Splits
from jnndl.measures import Scores
from jnndl.network import Network, Params
from jnndl.progress import duration
from jnndl.training import Fit

BOOK_TRAINING = 50_000  # the book's lambda belongs to this many training images
QUICK_EXAMPLES, QUICK_EPOCHS, QUICK_HIDDEN = 1000, 2, 30  # few widths, few programs to compile
LARGE = 10_000  # training images from which on an epoch takes so long that a checkpoint is written after each


class Trained(NamedTuple):
    """What came out of training.

    Attributes:
        fit: of ``jnndl.fit_many``.
        seconds: the median time of an epoch, all networks and their evaluation together; NaN where a checkpoint held
            the whole run.
    """

    fit: Fit
    seconds: float


class Trainer:
    """Trains for all questions of one command; networks that one question has trained are not trained again.

    Attributes:
        devices: how many devices of each process to train on, or None for all.
        resume: whether to resume from checkpoints.
        checkpoints: the folder for checkpoints, or None for none.
        trained: the fingerprint of a request -> what came out; shared by all questions.
        asked_for_epochs: whether the present question has asked how many epochs there are to be.
        requests: how many fits the present question has asked for. A question asks in the same order each time, so
            this number names its next checkpoint.
    """

    def __init__(
        self,
        devices: int | None = None,
        resume: bool = False,
        checkpoints: pathlib.Path | None = None,
        trained: dict[Hashable, Trained] | None = None,
    ) -> None:
        self.devices, self.resume, self.checkpoints = devices, resume, checkpoints
        self.trained = {} if trained is None else trained
        self.asked_for_epochs, self.requests = False, 0

    def for_question(self, checkpoints: pathlib.Path) -> "Trainer":
        """A trainer with the same settings and memory that numbers its checkpoints from 0 in another folder."""
        return Trainer(self.devices, self.resume, checkpoints, self.trained)

    def fit(
        self,
        network: Network,
        training: Dataset,
        evaluation: Dataset | None,
        *,
        seeds: int | tuple[int, ...],
        epochs: int,
        title: str = "",
        cells: int = 1,
        **settings: Any,
    ) -> Trained:
        """Train one network per seed, ``seeds`` being how many or which; see ``Job.fit``."""
        checkpoint = None if self.checkpoints is None else self.checkpoints / f"{self.requests}.safetensors"
        self.requests += 1
        measured = settings.get("measure_training", 1)
        precision = str(jnp.result_type(float))  # of the parameters; inside ``jax.enable_x64`` it is another
        asked = network, training, evaluation, seeds, epochs, cells, precision
        requests = [
            fingerprint((*asked, settings | {"measure_training": often}))
            # Measuring changes no network: where nobody wants the training data measured, a run that did so is as good.
            for often in ((measured,) if measured else (0, 1))
        ]
        for request in requests:
            if request in self.trained:
                print(f"{title}already trained by this command", flush=True)
                return self.trained[request]
        progress = Progress(title, epochs, len(training), evaluation, "seeds" if cells == 1 else "networks")
        with warnings.catch_warnings(record=True) as caught:  # in the book's failures a warning is part of the story
            warnings.simplefilter("always")
            fit = jnndl.fit_many(
                network,
                training,
                evaluation,
                epochs=epochs,
                callback=progress,
                progress=False,
                checkpoint=checkpoint,
                # An epoch of a hundred images takes milliseconds, one at the book's scale up to minutes.
                checkpoint_every=1 if checkpoint is None or len(training) >= LARGE else max(5, epochs // 50),
                resume=self.resume,
                devices=hosts.devices(self.devices),
                **keys_and_cells(seeds, cells, settings),
            )
        guard.end_if_asked()
        for warning in caught:
            print(f"{title}note: {warning.message}", flush=True)
        seconds = float(np.median(progress.seconds)) if progress.seconds else math.nan
        self.trained[requests[0]] = Trained(fit, seconds)
        return self.trained[requests[0]]


def keys_and_cells(seeds: int | tuple[int, ...], cells: int, settings: dict[str, Any]) -> dict[str, Any]:
    """The keys and settings of ``fit_many``: every seed for the first cell, then every seed for the second, ...

    Args:
        seeds: how many networks each cell has, with the seeds from 0; or these seeds.
        cells: how many values a setting that is an array has.
        settings: by name; each array of shape (cells,).
    """
    numbers = np.arange(seeds) if isinstance(seeds, int) else np.asarray(seeds)
    keys = jax.vmap(jax.random.key)(np.tile(numbers, cells))
    spread = {name: np.repeat(v, len(numbers)) if isinstance(v, np.ndarray) else v for name, v in settings.items()}
    return {"keys": keys, **spread}


def initial_params(network: Network, seed: int) -> Params:
    """The parameters from which ``Trainer.fit`` starts the network of a seed."""
    return jnndl.training.initial_params(network, jax.random.key(seed))


class Progress:
    """A callback of ``fit_many``: prints a line after each epoch as the book does, every tenth of a long run.

    Attributes:
        seconds: how long each epoch took.
    """

    def __init__(self, title: str, epochs: int, training: int, evaluation: Dataset | None, unit: str) -> None:
        self.title, self.epochs, self.unit = title, epochs, unit
        self.size = training if evaluation is None else len(evaluation)
        self.every = 1 if epochs <= 60 else max(10, epochs // 40)
        self.started = self.last = time.perf_counter()
        self.seconds: list[float] = []

    def __call__(self, epoch: int, scores: Scores) -> bool:
        """Note the time, and print a line where one is due; True where this process was told to end."""
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now
        if (epoch + 1) % self.every and epoch + 1 < self.epochs:
            return guard.is_asked()
        left = float(np.median(self.seconds)) * (self.epochs - epoch - 1)
        told = f", {duration(left)} left" if now - self.started + left > 10 else ""
        clock = f"{self.seconds[-1]:.2f} s{told}"
        print(f"{self.title}Epoch {epoch}: {progress_line(scores, self.size, self.unit, clock)}", flush=True)
        return guard.is_asked()


def progress_line(scores: Scores, size: int, unit: str, clock: str) -> str:
    """An epoch's result: hits and accuracy over the networks that still train, or the cost where there are no labels.

    Where nothing is measured, it says so much.

    Args:
        scores: of shape (networks,); the accuracy on the evaluation data, or else on the training data, is shown.
        size: the number of examples of those data.
        unit: what to call the networks.
        clock: the time, in words.
    """
    values = scores.training_accuracy if scores.evaluation_accuracy is None else scores.evaluation_accuracy
    if values is None and scores.training_cost is None:
        return f"trained ({clock})"
    if values is None:
        return f"training cost {np.nanmean(scores.training_cost):.6g} ({clock})"
    accuracy = np.asarray(values)[~np.isnan(values)]
    mean = accuracy.mean() if len(accuracy) else math.nan
    spread = f" +- {100 * accuracy.std(ddof=1):.2f}" if len(accuracy) > 1 else ""
    hits = round(mean * size) if len(accuracy) else "-"
    return f"{hits} / {size}   ({100 * mean:.2f} %{spread}, {len(accuracy)} {unit}, {clock})"


def fingerprint(value: Any) -> Hashable:
    """What tells one request for training from another: structure and content, never where anything lies in memory.

    Arrays in the pytree ``value`` count by dtype, shape and bytes, so data are the same where their inputs, targets,
    scale and offset are. Whatever else is in it has to be hashable, and counts as equal where it compares equal.
    """
    leaves, structure = jax.tree.flatten(value)
    return structure, *map(_content, leaves)


def _content(leaf: Any) -> Hashable:
    if isinstance(leaf, np.ndarray | np.generic | jax.Array):
        return str(leaf.dtype), leaf.shape, _digest(leaf)
    return leaf


_digests: dict[int, tuple[weakref.ref[Any], str]] = {}  # by id of an array that is alive and cannot be changed


def _digest(array: Any) -> str:
    """The checksum of an array's values; computed once for an array that nobody can change."""
    known = _digests.get(id(array))
    if known is not None and known[0]() is array:
        return known[1]
    digest = hashlib.sha256(np.asarray(array, order="C").tobytes()).hexdigest()
    if _is_fixed(array):
        _digests[id(array)] = weakref.ref(array, functools.partial(_forget, id(array))), digest
    return digest


def _forget(identity: int, _: Any) -> None:
    _digests.pop(identity, None)


def _is_fixed(array: Any) -> bool:
    """Whether neither an array nor what it is a view of can be written to."""
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return False
        array = array.base
    return array is None or isinstance(array, bytes | jax.Array)


def unstack(params: Params) -> list[Params]:
    """The parameters of each network, from those of ``fit_many``."""
    count = jax.tree.leaves(params)[0].shape[0]
    return [jax.tree.map(lambda a, number=number: a[number], params) for number in range(count)]


def forward_fill(history: Any) -> np.ndarray:
    """A history of shape (seeds, epochs) in which a network that has stopped keeps the last value that it had."""
    filled = np.array(history, float)
    for epoch in range(1, filled.shape[1]):
        stopped = np.isnan(filled[:, epoch])
        filled[stopped, epoch] = filled[stopped, epoch - 1]
    return filled


@dataclasses.dataclass(frozen=True)
class Job:
    """What the command line asked for, and the trainer that all its questions share.

    Attributes:
        splits: the data.
        seeds: how many networks each arm has.
        epochs: epochs in place of an experiment's own, or None.
        quick: two epochs on a thousand examples, to see that it works.
        scale: "default", or "book" for the book's data and epochs where the default is shorter.
        results: the folder that holds a folder for each question, or None.
        trainer: trains.
        group: of the seeds, those to train now; None for all. See ``experiments.ch6.groups``.
    """

    splits: Splits
    seeds: int
    epochs: int | None = None
    quick: bool = False
    scale: str = "default"
    results: pathlib.Path | None = None
    trainer: Trainer = dataclasses.field(default_factory=Trainer, repr=False)
    group: tuple[int, ...] | None = None

    @property
    def book(self) -> bool:
        """Whether a question that has two scales is to be run with the book's data and epochs."""
        return self.scale == "book"

    @property
    def training(self) -> Dataset:
        """The training data; the first thousand of them for a quick run."""
        return self.splits.training[:QUICK_EXAMPLES] if self.quick else self.splits.training

    @property
    def pixels(self) -> int:
        """The number of inputs."""
        return int(np.prod(self.training.inputs.shape[1:]))

    def epochs_of(self, own: int) -> int:
        """How many epochs to train where the experiment's own number is ``own``."""
        self.trainer.asked_for_epochs = True
        return self.epochs or (QUICK_EPOCHS if self.quick else own)

    def l2(self, book: float, n: int = BOOK_TRAINING) -> float:
        """A lambda of the book for the training data at hand: lambda/n stays what it was (chapter 3).

        Args:
            book: the book's lambda.
            n: the number of training examples that it belongs to.
        """
        return book * min(n, len(self.training)) / n

    def mlp(self, *hidden: int, **settings: Any) -> Network:
        """A fully connected network from these images to these classes; of few neurons for a quick run."""
        sizes = [min(size, QUICK_HIDDEN) if self.quick else size for size in hidden]
        return jnndl.mlp([self.pixels, *sizes, self.splits.classes], **settings)

    def fit(
        self,
        network: Network,
        evaluation: Dataset | None,
        *,
        epochs: int,
        training: Dataset | None = None,
        **settings: Any,
    ) -> Trained:
        """Train one network per seed, all at once.

        The seeds are always the same, so that two arms start from the same weights (where their networks have the same
        shape) and see the same shuffles: their difference is paired. What this command has trained before, for any
        question, is not trained again.

        Args:
            network: what to train.
            evaluation: the data to measure on after each epoch, or None.
            epochs: the experiment's own number of them.
            training: what to train on; None for all training data.
            settings: of ``jnndl.fit_many``; and ``title``, to print before each line, and ``cells``, how many values a
                setting that is an array has: each is trained with every seed, all seeds of the first value first.
        """
        training = self.training if training is None else training
        epochs = self.epochs_of(epochs)
        seeds = self.group or self.seeds
        return self.trainer.fit(network, training, evaluation, seeds=seeds, epochs=epochs, **settings)
