"""What an experiment is, and how one is run: the data, the clock, and result.json."""

import contextlib
import dataclasses
import datetime
import json
import math
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Any, NamedTuple

import jax
import numpy as np

import jnndl
from experiments import statistics, units
from experiments.training import Job
from jnndl import page
from jnndl.data import Splits
from jnndl.network import Network, Params

EVIDENCE = pathlib.Path(__file__).with_name("evidence")  # the runs that are kept, under version control
MINI_BATCH = 10  # examples, of almost all experiments
SEEDS = 10  # networks per arm, where the command line does not say
SHORTER = "a shorter run than the book's; --scale book is the book's"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes:
        config: every setting, for the record.
        measured: name of a metric -> one value per seed, or a single one where nothing is random; the main accuracy
            is test_accuracy or validation_accuracy, a fraction.
        curves: what the plots need, JSON values.
        network, params: the network to save, of the first seed and the main accuracy's arm; None where there is none.
        kept: what stays under version control with the values per seed, small JSON values: from the answers that are
            wrong, say, votes can be counted again without training.
    """

    config: dict[str, Any]
    measured: dict[str, Any]
    curves: dict[str, Any]
    network: Network | None = None
    params: Params | None = None
    kept: dict[str, Any] = dataclasses.field(default_factory=dict)


class BookScale(NamedTuple):
    """What ``--scale book`` is, for a question whose default run is shorter than the book's.

    Attributes:
        seeds: networks per arm, where ``--seeds`` does not say.
        minutes: rough time on MNIST with two CPU cores and so many seeds.
    """

    seeds: int
    minutes: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report: an entry of the book, and the metric that answers it.

    Attributes:
        id: of the entry; one that reports several things has several rows.
        did: what the book did.
        reported: what it reported.
        place: where.
        metric: the name of what we measure.
        rule: how the verdict is found; its class says whether this is a toy, a number or a claim.
        ours: what we run, where it is not the same.
        anywhere: whether the verdict holds on any data, at any length (a toy that uses none).
        at_any_scale: whether the default run of a question with two scales is judged, too: for a claim that the book
            makes of no particular length.
        why: for a verdict that is not "reproduced": the explanation, and how it was tested. Its figures are filled in
            from what was measured, see ``units.explain``.
    """

    id: str
    did: str
    reported: str
    place: str
    metric: str
    rule: statistics.Rule
    ours: str = "the same"
    anywhere: bool = False
    at_any_scale: bool = False
    why: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """One question of the book.

    Attributes:
        name: the question's name on the command line; the ids of its rows select it too.
        chapter: "1", "3", ...; empty for a question that belongs to none.
        shows: a line about it.
        minutes: rough time on MNIST with two CPU cores and ten seeds, at the default scale.
        book_scale: what ``--scale book`` is, where the default run is shorter than the book's; None where it is not.
            The default run of such a question is not held against the book.
        metrics: the names of all that ``run`` measures; other data or a quick run may leave some out.
        rows: what the book reported, each with the rule for its verdict.
        run: does it.
        plot: draws its plots from what ``run`` left in result.json.
        captions: the name of a plot's file, without its ending -> what to see in it. Figures may be filled in, see
            ``units.explain``. A plot without one is captioned by ``shows``.

    Raises:
        ValueError: if a row, an explanation or a caption names a metric that is not declared.
    """

    name: str
    chapter: str
    shows: str
    minutes: float
    book_scale: BookScale | None = None
    metrics: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    run: Callable[[Job], Outcome]
    plot: Callable[[dict[str, Any], Splits, pathlib.Path], None]
    captions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        named = [(row.id, name) for row in self.rows for name in (row.metric, *units.metrics_in(row.why))]
        named += [(plot, name) for plot, text in self.captions.items() for name in units.metrics_in(text)]
        for where, name in named:
            if name not in self.metrics:
                raise ValueError(f"{self.name}, {where}: no metric is called {name!r}; see its metrics")

    @property
    def ids(self) -> tuple[str, ...]:
        """The entries of the book that this answers."""
        return tuple(dict.fromkeys(row.id for row in self.rows))

    def minutes_for(self, job: Job) -> float:
        """Rough time of a full run on MNIST with two CPU cores."""
        seeds, minutes = self.book_scale if job.book and self.book_scale else (SEEDS, self.minutes)
        return minutes * job.seeds / seeds


def folder_name(question: str, scale: str) -> str:
    """Under which name the results of a question at this scale lie."""
    return f"{question}-book" if scale == "book" else question


def open_data(name: str) -> Splits:
    """The data that ``--data`` names; ``auto`` falls back on the bundled digits, and says so.

    Besides "auto", "mnist" and "digits": a folder of MNIST's four files; a folder with a folder of images for each
    class; "FILE.csv" whose last column names the classes, or "FILE.csv:COLUMN". Images and tables are divided by the
    key 0, a fifth each for validation and test.

    Raises:
        FileNotFoundError, ValueError: if there are no such data, or their targets are no classes.
    """
    if name == "digits":
        return jnndl.load_digits()
    if name == "mnist":
        return jnndl.load_mnist()
    if table := re.fullmatch(r"(.*\.csv)(?::(.+))?", name, re.IGNORECASE):
        splits = jnndl.load_csv(table[1], target=table[2] or -1, key=0)
        if not splits.classes:
            raise ValueError(
                f"{name}: the target column holds numbers to predict, but the experiments need classes; name another "
                "column, as in FILE.csv:COLUMN"
            )
        return splits
    if name != "auto":
        folder = pathlib.Path(name).expanduser()
        inner = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
        idx = [path for path in folder.glob("*") if "idx" in path.name and path.is_file()] if inner else []
        return jnndl.load_images(folder, key=0) if inner and not idx else jnndl.load_idx(name)
    try:
        return jnndl.load_mnist()
    except ConnectionError as error:
        print(
            f"WARNING: MNIST is not available: {error}.\n"
            "WARNING: using scikit-learn's 8x8 digits instead; the results are not comparable with the book's.\n",
            flush=True,
        )
        return jnndl.load_digits()


def check_usable(name: str, splits: Splits) -> None:
    """Raise ValueError where the experiments cannot train on the data that ``--data`` names."""
    count, shape = len(splits.training), splits.training.inputs.shape[1:]
    if not math.prod(shape):
        raise ValueError(f"--data {name}: an example has shape {shape}, no numbers at all; give other data")
    if splits.classes < 2:
        raise ValueError(f"--data {name}: all labels are the same, but there has to be a choice; give other data")
    if count < MINI_BATCH:
        raise ValueError(
            f"--data {name}: there are {count} training examples, fewer than {MINI_BATCH}, a mini-batch; give more"
        )


def check_same_data(folder: pathlib.Path, sha256: dict[str, str], name: str = "*") -> None:
    """Raise ValueError where a folder holds results of other data, such as those of another folder of that name."""
    for path in sorted(folder.glob(f"{name}/result.json")):
        try:
            other = json.loads(path.read_text(encoding="utf-8"))["data"]["sha256"]
        except (OSError, ValueError, LookupError, TypeError):
            continue  # broken: the report says so
        if other != sha256:
            raise ValueError(f"{folder} holds results of other data ({path}); give another folder with --out")


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
    """Write a text, whole or not at all; of several processes only the first one writes."""
    if jax.process_index() > 0:
        return
    jnndl.storage.write_atomically(path, lambda temporary: pathlib.Path(temporary).write_text(text))


def rule_text(rule: statistics.Rule) -> str:
    """A rule as rules.json and result.json write it down: all that decides, without what is at its default."""
    told = []
    for field in dataclasses.fields(rule):
        value = getattr(rule, field.name)
        if field.default is dataclasses.MISSING:
            told.append(repr(value))
        elif value != field.default and field.name != "unit":  # the unit is how figures are written
            told.append(f"{field.name}={value!r}")
    return f"{type(rule).__name__}({', '.join(told)})"


def now() -> str:
    """The time, to the second, with its offset from UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def not_judged(row: Row, comparable: bool, full: bool = False) -> str:
    """Why a row is not held against the book, in words; empty where it is.

    Args:
        row: the row.
        comparable, full: of result.json, see ``result_of``.
    """
    if comparable or row.anywhere or (full and row.at_any_scale):
        return ""
    return SHORTER if full else "other data or another length than the book's"


def as_json(row: Row, measured: dict[str, dict[str, Any]], comparable: bool, full: bool = False) -> dict[str, Any]:
    """A row as result.json holds it, with its verdict on the values per seed, as the report judges them, too."""
    entry = {name: getattr(row, name) for name in ("id", "did", "reported", "place", "metric", "ours", "why")}
    reason = not_judged(row, comparable, full)
    return entry | {
        "kind": row.rule.kind,
        "rule": rule_text(row.rule),
        "value": getattr(row.rule, "value", getattr(row.rule, "expected", None)),
        "verdict": f"not compared: {reason}"
        if reason
        else row.rule.judge(np.array(measured[row.metric]["per_seed"], float)),
    }


@dataclasses.dataclass
class Clock:
    """Seconds so far: in all, and of them spent compiling."""

    total: float = 0.0
    compiling: float = 0.0


@contextlib.contextmanager
def clock() -> Iterator[Clock]:
    """Time what is done inside; ``total`` is known when it ends."""
    found, started = Clock(), time.perf_counter()

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        if event.startswith("/jax/core/compile/"):
            found.compiling += duration_secs

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
        found.total = time.perf_counter() - started


def result_of(experiment: Experiment, job: Job, outcome: Outcome, seconds: Clock, started: str) -> dict[str, Any]:
    """What result.json holds.

    "full" says whether this is a run on MNIST of the length that its "scale" has. "comparable" says that it is the
    book's: full, and not the shorter default of a question that has two scales.

    Raises:
        ValueError: if the experiment measured what it does not declare.
    """
    undeclared = sorted(outcome.measured.keys() - set(experiment.metrics))
    if undeclared:
        raise ValueError(f"{experiment.name} measured what its metrics do not declare: {', '.join(undeclared)}")
    splits = job.splits
    full = splits.name == "mnist" and not job.quick and job.epochs is None
    comparable = full and (job.book or experiment.book_scale is None)
    measured = {name: statistics.summarize(values) for name, values in outcome.measured.items()}
    rows = [as_json(row, measured, comparable, full) for row in experiment.rows]
    sizes = {"training": len(job.training), "validation": len(splits.validation), "test": len(splits.test)}
    return {
        "experiment": experiment.name,
        "data": {"name": splits.name, "sha256": splits.sha256, "sizes": sizes},
        "seeds": list(range(job.seeds)),
        "quick": job.quick,
        "epochs": job.epochs,
        "scale": job.scale,
        "full": full,
        "comparable": comparable,
        "config": outcome.config,
        "measured": measured,
        # By metric; where two rows look at one metric, the first of them. All of them are in "rows".
        "book": {row["metric"]: {name: row[name] for name in ("value", "place", "reported")} for row in rows[::-1]},
        "verdict": {row["metric"]: row["verdict"] for row in rows[::-1]},
        "rows": rows,
        "commit": commit(),
        "started": started,
        "versions": {"python": platform.python_version()}
        | {package: metadata.version(package) for package in ("jnndl", "jax", "jaxlib", "optax", "numpy")},
        "device": device(),
        "seconds": {"total": seconds.total, "compile": seconds.compiling},
        "command": shlex.join(["python", "-m", "experiments", *sys.argv[1:]]),
        "kept": outcome.kept,
        "curves": outcome.curves,
    }


def earlier(job: Job, question: str) -> dict[str, Any] | None:
    """What another question has measured on the same data, at the same scale and length; None where none has.

    So a question can subtract, seed by seed, what an earlier command has measured. Looks at the results, and then at
    the runs that are kept (``EVIDENCE``). There are at least the seeds of this job, which are always the first.
    """
    name, length = folder_name(question, job.scale), {"quick": job.quick, "epochs": job.epochs}
    paths = [] if job.results is None else [job.results / name / "result.json"]
    if length == {"quick": False, "epochs": None}:  # only full runs are kept
        paths.append(EVIDENCE / f"{name}.json")
    for path in paths:
        run: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        if not run or run["data"]["sha256"] != job.splits.sha256 or len(run["seeds"]) < job.seeds:
            continue
        if all(run.get(key) == value for key, value in {**length, "scale": job.scale}.items()):
            return run
    return None


def earlier_values(job: Job, question: str, metric: str) -> np.ndarray | None:
    """Of such a run the values of one metric, for the seeds of this job."""
    run = earlier(job, question)
    if run is None or metric not in run["measured"]:
        return None
    found = run["measured"][metric]
    return np.asarray(found["per_seed"] if isinstance(found, dict) else found, float)[: job.seeds]


def run(experiment: Experiment, job: Job, folder: pathlib.Path) -> dict[str, Any]:
    """Run an experiment, and write result.json, the network and the plots into ``folder``.

    Of several processes only the first one writes; the others return nothing.
    """
    print(f"{experiment.name}: {experiment.shows}")
    print(f"data: {job.splits.name}, {len(job.training)} training images; {job.seeds} seeds; {device()}", flush=True)
    job = dataclasses.replace(job, trainer=job.trainer.for_question(folder / "checkpoints"))
    started = now()
    with clock() as seconds:
        outcome = experiment.run(job)
    if jax.process_index() > 0:
        return {}
    if job.epochs and not job.trainer.asked_for_epochs:
        print("note: this question has no epochs that could be chosen; --epochs made no difference to it")
    result = result_of(experiment, job, outcome, seconds, started)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, allow_nan=False)
    write(folder / "result.json", text)
    if outcome.network is not None and outcome.params is not None:
        network = outcome.network
        if network.scale is None:  # so that the file alone is enough to predict from raw pixels
            network = jnndl.validation.bind(network, job.training, "training")
        jnndl.save(folder / "network.safetensors", network, outcome.params)
    experiment.plot(json.loads(text), job.splits, folder)
    report(experiment, result, folder)
    return result


def report(experiment: Experiment, result: dict[str, Any], folder: pathlib.Path) -> None:
    """Print what came out."""
    print()
    unit_of = {row.metric: row.rule.unit for row in experiment.rows}
    for name, summary in result["measured"].items():
        print(f"{name}: {statistics.words(summary, unit_of.get(name, ''))}")
    for row in result["rows"]:
        print(f"{row['id']} ({row['kind']}), {row['metric']}: reported {row['reported']} ({row['place']})")
        print(f"    {row['verdict']}")
    seconds = result["seconds"]
    print(f"{seconds['total']:.1f} s in all, {seconds['compile']:.1f} s of them compiling, on {result['device']}")
    print(f"written to {folder}{os.sep}: {', '.join(sorted(path.name for path in folder.iterdir()))}\n", flush=True)
    if (folder / "draw.html").exists():
        print(f"{page.invitation(folder / 'draw.html')}\n", flush=True)
