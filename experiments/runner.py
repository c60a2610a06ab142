"""What every experiment shares: the data, the seeds, the clock, and result.json."""

import dataclasses
import itertools
import json
import math
import os
import pathlib
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import jax
import numpy as np

import jnndl
from experiments import statistics
from jnndl.data import Dataset, Splits
from jnndl.network import Network, Params
from jnndl.train import Fit, Scores

BOOK_TRAINING = 50_000  # the book's lambda belongs to this many training images
QUICK_EXAMPLES, QUICK_EPOCHS = 1000, 2


@dataclasses.dataclass(frozen=True)
class Job:
    """What the command line asked for, and how an experiment trains.

    Attributes:
        splits: the data.
        seeds: how many networks an arm.
        epochs: epochs in place of an experiment's own, or None.
        quick: two epochs on a thousand examples, to see that it works.
        devices: how many devices to train on, or None for all.
        resume: whether to go on from checkpoints.
        checkpoints: the folder for them, or None for none.
    """

    splits: Splits
    seeds: int
    epochs: int | None = None
    quick: bool = False
    devices: int | None = None
    resume: bool = False
    checkpoints: pathlib.Path | None = None
    _fits: Iterator[int] = dataclasses.field(default_factory=itertools.count)

    @property
    def training(self) -> Dataset:
        """The training data, a thousand of them for a quick run."""
        return self.splits.training[:QUICK_EXAMPLES] if self.quick else self.splits.training

    @property
    def pixels(self) -> int:
        """The number of inputs."""
        return int(np.prod(self.training.inputs.shape[1:]))

    def epochs_of(self, own: int) -> int:
        """How many epochs to train where the experiment's own number is ``own``."""
        return self.epochs or (QUICK_EPOCHS if self.quick else own)

    def l2(self, book: float) -> float:
        """The book's lambda for this many training examples: lambda/n stays what it was (chapter 3)."""
        return book * len(self.training) / BOOK_TRAINING

    def fit(
        self, network: Network, evaluation: Dataset, *, epochs: int, title: str = "", **settings: Any
    ) -> tuple[Fit, float]:
        """Train a network a seed, all at once, printing a line an epoch as the book does (every tenth of a long run).

        Returns:
            The fit, and the median of the seconds that an epoch took, all seeds and their evaluation together.
        """
        epochs = self.epochs_of(epochs)
        keys = jax.vmap(jax.random.key)(np.arange(self.seeds))
        seconds: list[float] = []
        last = time.perf_counter()

        def line(epoch: int, scores: Scores) -> None:
            nonlocal last
            now, accuracy = time.perf_counter(), np.asarray(scores.evaluation_accuracy)
            seconds.append(now - last)
            last = now
            if epochs > 60 and (epoch + 1) % 10:
                return
            accuracy = accuracy[~np.isnan(accuracy)]  # of those still training
            spread = f" +- {100 * accuracy.std(ddof=1):.2f}" if len(accuracy) > 1 else ""
            print(
                f"{title}Epoch {epoch}: {round(accuracy.mean() * len(evaluation))} / {len(evaluation)}"
                f"   ({100 * accuracy.mean():.2f} %{spread}, {len(accuracy)} seeds, {seconds[-1]:.2f} s)",
                flush=True,
            )

        number = next(self._fits)  # an experiment trains its arms in the same order each time
        fit = jnndl.fit_many(
            network,
            self.training,
            evaluation,
            keys=keys,
            epochs=epochs,
            callback=line,
            checkpoint=None if self.checkpoints is None else self.checkpoints / f"{number}.safetensors",
            checkpoint_every=5,
            resume=self.resume,
            devices=jax.devices()[: self.devices],
            **settings,
        )
        return fit, float(np.median(seconds)) if seconds else math.nan


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes:
        config: every setting, for the record.
        measured: figure name -> a value a seed; the main accuracy is test_accuracy or validation_accuracy, a fraction.
        curves: what the plots need, JSON values.
        network, params: a network to save, or None.
    """

    config: dict[str, Any]
    measured: dict[str, np.ndarray]
    curves: dict[str, Any]
    network: Network | None = None
    params: Params | None = None


@dataclasses.dataclass(frozen=True)
class Reported:
    """A figure of the book (or of whoever is named), and where it stands.

    Attributes:
        value: the figure.
        place: where it was reported.
        best_of: of how many runs it is the best.
        to_beat: whether it is to be surpassed rather than met.
    """

    value: float
    place: str
    best_of: int = 1
    to_beat: bool = False


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One question of the book.

    Attributes:
        name: the id on the command line.
        chapter: "1", "3", ...
        shows: a line about it.
        minutes: rough time on MNIST with two CPU cores and ten seeds.
        book: figure name -> what was reported for it.
        run: does it.
        plot: draws its pictures from what ``run`` left in result.json.
    """

    name: str
    chapter: str
    shows: str
    minutes: float
    book: dict[str, Reported]
    run: Callable[[Job], Outcome]
    plot: Callable[[dict[str, Any], Splits, pathlib.Path], None]


def open_data(name: str) -> Splits:
    """The data that ``--data`` names; ``auto`` falls back on the bundled digits, and says so."""
    if name == "digits":
        return jnndl.load_digits()
    if name == "mnist":
        return jnndl.load_mnist()
    if name != "auto":
        return jnndl.load_idx(name)
    try:
        return jnndl.load_mnist()
    except ConnectionError as error:
        print(
            f"WARNING: MNIST could not be had: {error}.\n"
            "WARNING: going on with the 8x8 digits bundled with scikit-learn; their figures are not the book's.\n",
            flush=True,
        )
        return jnndl.load_digits()


def device() -> str:
    """The machine, in words."""
    devices = jax.devices()
    name = devices[0].device_kind
    if devices[0].platform == "cpu":
        info = pathlib.Path("/proc/cpuinfo")
        models = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
        name = models[0].partition(":")[2].strip() if models else platform.processor() or platform.machine()
    return f"{len(devices)} x {name} ({devices[0].platform})"


def run(experiment: Experiment, job: Job, folder: pathlib.Path) -> dict[str, Any]:
    """Run an experiment, and write result.json, the network and the plots into ``folder``."""
    splits = job.splits
    print(f"{experiment.name}: {experiment.shows}")
    print(f"data: {splits.name}, {len(job.training)} training images; {job.seeds} seeds; {device()}", flush=True)
    compiling = 0.0

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        nonlocal compiling
        if event.startswith("/jax/core/compile/"):
            compiling += duration_secs

    jax.monitoring.register_event_duration_secs_listener(listen)
    started = time.perf_counter()
    job = dataclasses.replace(job, checkpoints=folder / "checkpoints", _fits=itertools.count())
    outcome = experiment.run(job)
    seconds = time.perf_counter() - started
    jax.monitoring.unregister_event_duration_listener(listen)

    comparable = splits.name == "mnist" and not job.quick and job.epochs is None
    result = {
        "experiment": experiment.name,
        "data": {
            "name": splits.name,
            "sha256": splits.sha256,
            "sizes": {
                "training": len(job.training),
                "validation": len(splits.validation),
                "test": len(splits.test),
            },
        },
        "seeds": list(range(job.seeds)),
        "quick": job.quick,
        "scale": "default",
        "comparable": comparable,
        "config": outcome.config,
        "measured": {name: statistics.summarize(values) for name, values in outcome.measured.items()},
        "book": {name: dataclasses.asdict(reported) for name, reported in experiment.book.items()},
        "verdict": {
            name: statistics.verdict(outcome.measured[name], reported.value, reported.best_of, reported.to_beat)
            if comparable
            else "none: not the book's data and length"
            for name, reported in experiment.book.items()
        },
        "versions": {"python": platform.python_version()}
        | {package: metadata.version(package) for package in ("jnndl", "jax", "jaxlib", "optax", "numpy")},
        "device": device(),
        "seconds": {"total": seconds, "compile": compiling},
        "command": shlex.join(["python", "-m", "experiments", *sys.argv[1:]]),
        "curves": outcome.curves,
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1)
    jnndl.files.write_atomically(folder / "result.json", lambda path: pathlib.Path(path).write_text(text))
    if outcome.network is not None and outcome.params is not None:
        jnndl.save(folder / "network.safetensors", outcome.network, outcome.params)
    experiment.plot(json.loads(text), splits, folder)
    report(result, folder)
    return result


def report(result: dict[str, Any], folder: pathlib.Path) -> None:
    """Print what came out."""
    print()
    for name, figure in result["measured"].items():
        form = ".4f" if figure["mean"] == 0 or abs(figure["mean"]) >= 1e-3 else ".1e"
        spread = "" if figure["std"] is None else f" +- {figure['std']:{form}}"
        print(f"{name}: {figure['mean']:{form}}{spread}")
        if result["comparable"] and name in result["book"]:
            reported = result["book"][name]
            print(f"    reported: {reported['value']:.4f}, {reported['place']}\n    {result['verdict'][name]}")
    seconds = result["seconds"]
    print(f"{seconds['total']:.1f} s in all, {seconds['compile']:.1f} s of them compiling, on {result['device']}")
    print(f"written to {folder}{os.sep}: {', '.join(sorted(path.name for path in folder.iterdir()))}\n", flush=True)
