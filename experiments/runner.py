"""What every experiment shares: the data, the seeds, the clock, and result.json."""

import dataclasses
import itertools
import json
import math
import os
import pathlib
import platform
import shlex
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Hashable, Iterator
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
QUICK_EXAMPLES, QUICK_EPOCHS, QUICK_HIDDEN = 1000, 2, 30  # few widths, few programs to compile


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
        trained: what ``fit`` has trained; questions that ask for the same networks share them.
    """

    splits: Splits
    seeds: int
    epochs: int | None = None
    quick: bool = False
    devices: int | None = None
    resume: bool = False
    checkpoints: pathlib.Path | None = None
    _fits: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    trained: dict[Any, Any] = dataclasses.field(default_factory=dict, repr=False)

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

    def l2(self, book: float, n: int = BOOK_TRAINING) -> float:
        """A lambda of the book for this many training examples: lambda/n stays what it was (chapter 3).

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
        title: str = "",
        training: Dataset | None = None,
        cells: int = 1,
        **settings: Any,
    ) -> tuple[Fit, float]:
        """Train a network a seed, all at once, printing a line an epoch as the book does (every tenth of a long run).

        The seeds are always the same, so that two arms start from the same weights (where their networks have the same
        shape) and see the same shuffles: their difference is paired. What was trained before in this command, by any
        question, is not trained again.

        Args:
            network: what to train.
            evaluation: the data to measure on after each epoch, or None.
            epochs: the experiment's own number of them.
            title: what to print before each line.
            training: in place of all training data.
            cells: how many values a setting that is an array has; each is trained with every seed, and the networks
                come out value by value.
            settings: of ``jnndl.fit_many``.

        Returns:
            The fit, and the median of the seconds that an epoch took, all seeds and their evaluation together.
        """
        epochs, training = self.epochs_of(epochs), self.training if training is None else training
        number = next(self._fits)  # an experiment trains its arms in the same order each time
        what = (network, training, evaluation, settings)
        values = tuple(
            (name, value if isinstance(value, Hashable) else repr(value)) for name, value in settings.items()
        )
        key = (network, identity(training), identity(evaluation), epochs, frozenset(values))
        if key in self.trained:
            print(f"{title}trained before, by another question of this command", flush=True)
            return self.trained[key][0]
        keys = jax.vmap(jax.random.key)(np.tile(np.arange(self.seeds), cells))
        settings = {
            name: np.repeat(value, self.seeds) if isinstance(value, np.ndarray) else value
            for name, value in settings.items()
        }
        seconds: list[float] = []
        started = last = time.perf_counter()

        def line(epoch: int, scores: Scores) -> None:
            nonlocal last
            now = time.perf_counter()
            seconds.append(now - last)
            last = now
            if (epoch + 1) % (1 if epochs <= 60 else max(10, epochs // 40)) and epoch + 1 < epochs:
                return
            left = np.median(seconds) * (epochs - epoch - 1)
            clock = f"{seconds[-1]:.2f} s" + (f", {duration(left)} left" if now - started + left > 10 else "")
            values, size = scores.evaluation_accuracy, 0 if evaluation is None else len(evaluation)
            if values is None:
                values, size = scores.training_accuracy, len(training)
            if values is None:  # targets that are no labels
                print(
                    f"{title}Epoch {epoch}: training cost {np.nanmean(scores.training_cost):.6g} ({clock})", flush=True
                )
                return
            accuracy = np.asarray(values)[~np.isnan(values)]  # of those still training
            mean = accuracy.mean() if len(accuracy) else float("nan")
            spread = f" +- {100 * accuracy.std(ddof=1):.2f}" if len(accuracy) > 1 else ""
            print(
                f"{title}Epoch {epoch}: {round(mean * size) if len(accuracy) else '-'} / {size}"
                f"   ({100 * mean:.2f} %{spread}, {len(accuracy)} {'seeds' if cells == 1 else 'networks'}, {clock})",
                flush=True,
            )

        with warnings.catch_warnings(record=True) as told:  # in the book's failures a warning is part of the story
            warnings.simplefilter("always")
            fit = jnndl.fit_many(
                network,
                training,
                evaluation,
                keys=keys,
                epochs=epochs,
                callback=line,
                checkpoint=None if self.checkpoints is None else self.checkpoints / f"{number}.safetensors",
                checkpoint_every=max(5, epochs // 50),  # an epoch of a hundred images takes milliseconds
                resume=self.resume,
                devices=jax.devices()[: self.devices],
                **settings,
            )
        for warning in told:
            print(f"{title}note: {warning.message}", flush=True)
        median = float(np.median(seconds)) if seconds else math.nan  # none, where a checkpoint was the whole run
        self.trained[key] = (fit, median), what  # kept, so that nothing else gets its address
        return self.trained[key][0]


def identity(data: Dataset | None) -> Any:
    """What tells data apart: where they lie. A slice is another object each time, but of the same memory."""
    if data is None:
        return None
    where = (np.asarray(a).__array_interface__["data"][0] for a in (data.inputs, data.targets))
    return *where, data.inputs.shape, data.scale, data.offset


def duration(seconds: float) -> str:
    """Seconds in words, for a person who waits."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def each(params: Any) -> list[Params]:
    """The parameters of each network, from those of ``fit``."""
    count = jax.tree.leaves(params)[0].shape[0]
    return [jax.tree.map(lambda a, seed=seed: a[seed], params) for seed in range(count)]


def lasting(values: Any) -> np.ndarray:
    """A history, shape (seeds, epochs), in which a network that has stopped keeps the last value that it had."""
    values = np.array(values, float)
    for epoch in range(1, values.shape[1]):
        stopped = np.isnan(values[:, epoch])
        values[stopped, epoch] = values[stopped, epoch - 1]
    return values


def curve(values: Any) -> Any:
    """An array as JSON holds it: nested lists of six digits, null for no value."""
    if np.ndim(values):
        return [curve(value) for value in np.asarray(values)]
    return float(f"{float(values):.6g}") if np.isfinite(values) else None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes:
        config: every setting, for the record.
        measured: figure name -> a value a seed, or one value where chance plays no part; the main accuracy is
            test_accuracy or validation_accuracy, a fraction.
        curves: what the plots need, JSON values.
        network, params: a network to save, or None where there is none.
    """

    config: dict[str, Any]
    measured: dict[str, Any]
    curves: dict[str, Any]
    network: Network | None = None
    params: Params | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the report: an entry of the book, and the measured figure that answers it.

    Attributes:
        id: of the entry; one that reports several things has several rows.
        did: what the book did.
        reported: what it reported.
        place: where.
        figure: the name of the measured figure.
        rule: how the verdict is found; its class says whether this is a toy, a number or a claim.
        ours: what we run, where it is not the same.
        anywhere: whether the verdict holds on any data, at any length (a toy that uses none).
        why: for a verdict that is not "reproduced": the explanation, and how it was tested.
    """

    id: str
    did: str
    reported: str
    place: str
    figure: str
    rule: statistics.Rule
    ours: str = "the same"
    anywhere: bool = False
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One question of the book.

    Attributes:
        name: the question's name on the command line; the ids of its rows select it too.
        chapter: "1", "3", ...
        shows: a line about it.
        minutes: rough time on MNIST with two CPU cores and ten seeds.
        rows: what the book reported, each with the rule for its verdict.
        run: does it.
        plot: draws its pictures from what ``run`` left in result.json.
    """

    name: str
    chapter: str
    shows: str
    minutes: float
    rows: tuple[Row, ...]
    run: Callable[[Job], Outcome]
    plot: Callable[[dict[str, Any], Splits, pathlib.Path], None]

    @property
    def ids(self) -> tuple[str, ...]:
        """The entries of the book that this answers."""
        return tuple(dict.fromkeys(row.id for row in self.rows))


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


def commit() -> str:
    """The commit of the code, with a + where files differ from it; "unknown" outside a repository."""
    git = ["git", "-C", str(pathlib.Path(__file__).parent)]
    try:
        name = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip() + ("+" if changed.stdout.strip() else "")


def write(path: pathlib.Path, text: str) -> None:
    """Write a text, whole or not at all."""
    jnndl.files.write_atomically(path, lambda temporary: pathlib.Path(temporary).write_text(text))


def as_json(row: Row, measured: dict[str, Any], comparable: bool) -> dict[str, Any]:
    """A row as result.json holds it, with its verdict."""
    entry = {name: getattr(row, name) for name in ("id", "did", "reported", "place", "figure", "ours", "why")}
    judged = comparable or row.anywhere
    return entry | {
        "kind": row.rule.kind,
        "rule": repr(row.rule),
        "value": getattr(row.rule, "value", getattr(row.rule, "expected", None)),
        "verdict": row.rule.judge(measured[row.figure]) if judged else "none: not the book's data and length",
    }


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
    rows = [as_json(row, outcome.measured, comparable) for row in experiment.rows]
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
        # By figure; where two rows look at one figure, the first of them. All of them are in "rows".
        "book": {row["figure"]: {name: row[name] for name in ("value", "place", "reported")} for row in rows[::-1]},
        "verdict": {row["figure"]: row["verdict"] for row in rows[::-1]},
        "rows": rows,
        "commit": commit(),
        "versions": {"python": platform.python_version()}
        | {package: metadata.version(package) for package in ("jnndl", "jax", "jaxlib", "optax", "numpy")},
        "device": device(),
        "seconds": {"total": seconds, "compile": compiling},
        "command": shlex.join(["python", "-m", "experiments", *sys.argv[1:]]),
        "curves": outcome.curves,
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, allow_nan=False)
    write(folder / "result.json", text)
    if outcome.network is not None and outcome.params is not None:
        jnndl.save(folder / "network.safetensors", outcome.network, outcome.params)
    experiment.plot(json.loads(text), splits, folder)
    report(result, folder)
    return result


def report(result: dict[str, Any], folder: pathlib.Path) -> None:
    """Print what came out."""
    print()
    for name, figure in result["measured"].items():
        print(f"{name}: {statistics.words(figure)}")
    for row in result["rows"]:
        print(f"{row['id']} ({row['kind']}), {row['figure']}: reported {row['reported']} ({row['place']})")
        print(f"    {row['verdict']}")
    seconds = result["seconds"]
    print(f"{seconds['total']:.1f} s in all, {seconds['compile']:.1f} s of them compiling, on {result['device']}")
    print(f"written to {folder}{os.sep}: {', '.join(sorted(path.name for path in folder.iterdir()))}\n", flush=True)
