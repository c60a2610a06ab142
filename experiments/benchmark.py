"""How long does an epoch take with jnndl, and with other libraries? ``python -m experiments benchmark``.

Each alternative runs in its own process, which waits while the others are measured. The repeats are interleaved, so
that a busy minute affects all of them, and the memory of each can be measured. Each first tries one processor core
and all of them, and keeps the faster. Only training is timed; what the first epoch takes longer than the others
(compiling) is listed separately, and so is evaluation.

The epochs of convolutional networks are of a part of the images, and their time is scaled up. How often the time of
PyTorch is that of jnndl stands beside a target, which was fixed before the first run.
"""

import contextlib
import importlib.util
import json
import math
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from importlib import metadata
from typing import Any

import numpy as np

from experiments import plots, runner, sweeping
from experiments.rivals import ALTERNATIVES, LIMIT, MANY, MEASURED, OURS, PYTORCH, Task
from experiments.rivals.cases import CASES, GROWTH, KERNEL, TWO, Case, is_asked
from jnndl.data import Splits

ROOT = pathlib.Path(__file__).parents[1]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Worker:
    """One alternative in a process of its own, started and waiting; ``close`` ends it."""

    def __init__(self, name: str, task: Task, cores: int) -> None:
        """Start it on so many processor cores.

        Raises:
            RuntimeError: if it cannot be started, with the reason.
        """
        self.cores, self.seconds = cores, []  # type: int, list[float]
        with contextlib.ExitStack() as started:  # what was started is ended where the rest fails
            folder = started.enter_context(tempfile.TemporaryDirectory())
            task.write(pathlib.Path(folder))
            command = [sys.executable, "-m", "experiments.rivals.worker", name, folder, str(cores)]
            if name == LIMIT:
                command = compile_limit(task, folder)
            self.log = started.enter_context(tempfile.TemporaryFile("w+"))
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                text=True,
                cwd=ROOT,
                env={**os.environ, **environment(name, folder, cores)},
            )
            started.callback(self.process.communicate)  # closes its standard input, at whose end it stops
            self.close = started.pop_all().close

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line and return the answer.

        Raises:
            RuntimeError: if it has died, with the last line of its log.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            self.log.seek(0)
            raise RuntimeError((self.log.read().split("\n\n")[-1].strip().splitlines() or ["it ended"])[-1])
        reply: dict[str, Any] = json.loads(answer)
        return reply

    def epoch(self) -> float:
        """Train for an epoch; the seconds that it took."""
        return float(self.ask("epoch")["seconds"])

    def memory(self) -> float | None:
        """The most memory it has used, in megabytes, or None where the system does not tell."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)


def environment(name: str, folder: str, cores: int) -> dict[str, str]:
    """The variables by which libraries learn how many cores they may use, and not to use what they compiled before."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(cores))
    devices = {"JAX_NUM_CPU_DEVICES": str(cores)} if (ALTERNATIVES | MEASURED)[name].many else {}
    empty = {"TORCHINDUCTOR_CACHE_DIR": f"{folder}/compiled", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    return {**threads, **devices, **empty, "JAX_PLATFORMS": "cpu"}


def compile_limit(task: Task, folder: str) -> list[str]:
    """Compile the program in C for a network, and return the command that starts it."""
    compiler, program = shutil.which("cc"), f"{folder}/limit"
    if compiler is None or len(task.sizes) != 3:
        raise RuntimeError("there is no C compiler here" if compiler is None else "it is written for one hidden layer")
    names = ("PIXELS", "HIDDEN", "CLASSES", "BATCH", "SCALE")
    sizes = [f"-D{name}={size}" for name, size in zip(names, (*task.sizes, task.batch_size, task.scale), strict=True)]
    source = str(ROOT / "experiments/rivals/limit.c")
    flags = ["-O3", "-march=native", "-ffast-math"]
    subprocess.run([compiler, *flags, *sizes, source, "-o", program, "-lm"], check=True)
    return [program, folder, str(len(task.inputs)), str(len(task.validation)), str(task.learning_rate)]


def task_of(case: Case, splits: Splits, examples: int, networks: int = 1) -> Task:
    """The task of a case; chapter 3's initial weights, the same for all alternatives.

    Raises:
        ValueError: if the images are too small for the network.
    """
    training, validation = splits.training[:examples], splits.validation
    images = [np.asarray(data.inputs, np.uint8).reshape(len(data), -1) for data in (training, validation)]
    labels = [np.asarray(data.targets, np.uint8) for data in (training, validation)]
    image, rng = splits.training.inputs.shape[1:], np.random.default_rng(0)
    layers = [
        (
            (rng.normal(size=shape) / np.sqrt(math.prod(shape[1:]))).astype(np.float32),
            rng.normal(size=shape[0]).astype(np.float32),
        )
        for shape in case.shapes(image, splits.classes)
    ]
    sizes = (math.prod(image), *case.hidden, splits.classes)
    how = (case.batch_size, case.learning_rate, networks, float(training.scale))
    kind = (image, case.maps, KERNEL, case.dropout) if case.maps else ()
    return Task(sizes, *how, images[0], labels[0], images[1], labels[1], layers, *kind)


def start(name: str, task: Task, quick: bool) -> dict[str, Any]:
    """The alternative, after two epochs, on as many cores as suit it best; and the seconds of those two epochs.

    Raises:
        RuntimeError: if it cannot run here.
    """
    needs, tried = ALTERNATIVES[name].needs, []  # type: str, list[dict[str, Any]]
    if needs and importlib.util.find_spec(needs) is None:
        raise RuntimeError(f"{needs} is not installed; pip install '.[bench]'")
    with contextlib.ExitStack() as running:
        for cores in (1,) if name == LIMIT else (CORES,) if quick or ALTERNATIVES[name].many else sorted({1, CORES}):
            worker = Worker(name, task, cores)
            running.callback(worker.close)
            tried.append({"worker": worker, "first": worker.epoch(), "second": worker.epoch()})
        best, *others = sorted(tried, key=lambda entry: entry["second"])
        for other in others:
            other["worker"].close()
        running.pop_all()  # all but the best are closed
    return best | {"examples": len(task.inputs), "networks": task.networks}


def measure(case: Case, names: Iterable[str], splits: Splits, repeats: int, quick: bool) -> dict[str, dict[str, Any]]:
    """Seconds per epoch of each alternative, with interleaved repeats, and the rest of the table."""
    everything = min(case.examples or len(splits.training), len(splits.training), 1000 if quick else 10**9)
    rows: dict[str, dict[str, Any]] = {}
    with contextlib.ExitStack() as running:
        for name in names:
            networks = case.networks if ALTERNATIVES[name].many else 1
            examples = min(dict(case.parts).get(name, everything), everything)
            try:
                rows[name] = start(name, task_of(case, splits, examples, networks), quick)
            except (RuntimeError, subprocess.CalledProcessError) as error:
                print(f"  {name}: skipped: {error}", flush=True)
            else:
                running.callback(rows[name]["worker"].close)
        for _ in range(repeats):
            for row in rows.values():
                time.sleep(0.1)  # until the threads of the one before have gone to sleep
                row["worker"].seconds.append(row["worker"].epoch())
        for name, row in rows.items():
            worker = row.pop("worker")
            # An epoch of all examples, of one network.
            batches = -(-everything // case.batch_size) / -(-row["examples"] // case.batch_size)
            row |= timings(worker, batches / row["networks"], row.pop("first"), row.pop("second"))
            row["part"] = row["examples"] / everything
            worker.close()
            print(f"  {name}: {row['min']:.4f} s per epoch", flush=True)
    return rows


def timings(worker: Worker, factor: float, first: float, second: float) -> dict[str, Any]:
    """What the table says of an alternative.

    Args:
        worker: the alternative, after its repeats.
        factor: from the seconds of its epochs to those of one network on all examples.
        first, second: the seconds of its first two epochs.
    """
    evaluated = worker.ask("evaluate")
    if evaluated["seconds"] < 5:  # some of which was spent compiling
        evaluated = worker.ask("evaluate")
    seconds = [factor * value for value in worker.seconds]
    return {
        "cores": worker.cores,
        "seconds": seconds,
        "min": min(seconds),
        "median": statistics.median(seconds),
        "max": max(seconds),
        "compile": max(0.0, first - min(second, *worker.seconds)),
        "evaluate": evaluated["seconds"],
        "accuracy": evaluated["accuracy"],
        "memory": worker.memory(),
    }


def device() -> str:
    """The machine, in words."""
    return f"{CORES} cores of {runner.device().partition(' x ')[2]}"


def product_rate() -> float:
    """Floating-point operations per second of a large float32 matrix product, on all cores."""
    a, seconds = np.ones((1536, 1536), np.float32), []
    for _ in range(10):
        started = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - started)
    return 2 * 1536**3 / min(seconds)


def exponent(points: dict[float, float]) -> float:
    """The slope of a straight line through the points in a log-log plot."""
    return float(np.polyfit(np.log([*points]), np.log([*points.values()]), 1)[0])


HEADER = "| cores | min | median | max | times that of {} | first epoch extra | evaluation | MB | accuracy |"


def table(title: str, rows: dict[str, dict[str, Any]], reference: str = OURS) -> list[str]:
    """The table of a case, in Markdown: one row per alternative, compared with one of them."""
    lines = [f"| {title} {HEADER.format(reference)}", "| --- " + "| ---: " * (HEADER.count("|") - 1) + "|"]
    for name, row in rows.items():
        notes = f" ({row['networks']} at once, the time of one)" * (row["networks"] > 1)
        notes += f" (measured on 1/{1 / row['part']:.0f} of the data)" * (row["part"] < 1)
        ratio = f"{row['min'] / rows[reference]['min']:.2f}" if reference in rows else "-"
        accuracy = f"{100 * row['accuracy']:.1f} %" if row["part"] == 1 else "-"
        cells = [f"{row[key]:.3g}" for key in ("min", "median", "max")]
        cells += [ratio, f"{row['compile']:.2f}", f"{row['evaluate']:.2g}", megabytes(row["memory"]), accuracy]
        lines.append(f"| {name}{notes} | {row['cores']} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def ratios(case: Case, rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """How often the time of PyTorch is that of each row of jnndl, per network: by the minima, and in each repeat."""
    found = {}
    for name in (name for name in rows if name.startswith("jnndl") and PYTORCH in rows):
        pairs = zip(rows[PYTORCH]["seconds"], rows[name]["seconds"], strict=True)
        by_repeat = [theirs / ours for theirs, ours in pairs]
        target, ratio = dict(case.targets).get(name), rows[PYTORCH]["min"] / rows[name]["min"]
        found[name] = {
            "ratio": ratio,
            "repeats": by_repeat,
            "target": target,
            "reached": None if target is None else ratio >= target,
        }
    return found


def ratio_table(found: dict[str, dict[str, Any]]) -> list[str]:
    """The same in Markdown, with the targets."""
    lines = [f"| {PYTORCH} / | by the minima | in each repeat | target |", "| --- | ---: | ---: | ---: |"]
    for name, entry in found.items():
        least, most = min(entry["repeats"]), max(entry["repeats"])
        target = "-"
        if entry["target"] is not None:
            target = f"at least {entry['target']:g}: {'reached' if entry['reached'] else 'missed'}"
        lines.append(f"| {name} | {entry['ratio']:.2f} | {least:.2f} to {most:.2f} | {target} |")
    return [*lines, ""] if found else []


def memory(splits: Splits, quick: bool) -> list[dict[str, Any]]:
    """The most memory that the process of ``fit`` and ``fit_many`` needs for an epoch and the measuring after it."""
    rows = []
    for key in (TWO, f"{TWO}-batch64"):
        case = CASES[key]
        for name, networks in zip(MEASURED, (1, 2), strict=True):
            task = task_of(case, splits, 1000 if quick else len(splits.training), networks)
            worker = Worker(name, task, CORES)
            with contextlib.closing(worker):
                worker.ask("ready")
                before, seconds, peak = worker.memory(), worker.epoch(), worker.memory()
            row = {"name": name, "networks": networks, "batch_size": case.batch_size, "seconds": seconds}
            rows.append(row | {"before": before, "peak": peak})
            print(f"  {name}, mini-batches of {case.batch_size}: {megabytes(peak)} MB", flush=True)
    return rows


def memory_table(rows: list[dict[str, Any]], count: int) -> list[str]:
    """The same in Markdown."""
    lines = [f"The most memory (maximum resident set, in MB) of a process that trains {TWO} for an epoch on"]
    lines += [f"{count} images, and then measures it on them and on the validation data:", ""]
    lines += ["| | networks | mini-batch | before the epoch | in all | seconds, compiling too |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        cells = [str(row["networks"]), str(row["batch_size"]), megabytes(row["before"]), megabytes(row["peak"])]
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {row['seconds']:.1f} |")
    return [*lines, ""]


def megabytes(value: float | None) -> str:
    """A number of megabytes, or a dash where the system does not tell."""
    return "-" if value is None else f"{value:.0f}"


def dots(path: pathlib.Path, title: str, rows: dict[str, dict[str, Any]], limit: float) -> None:
    """Draw the seconds per epoch, fastest on top: a dot at the minimum, and a line from there to the maximum."""
    ordered = sorted(rows, key=lambda name: rows[name]["min"], reverse=True)
    new, axes = plots.blank(7.2, 1.2 + 0.3 * len(rows))
    for place, name in enumerate(ordered):
        (colour, _), marker = (plots.STYLES[1], "D") if name.startswith("jnndl") else (plots.STYLES[0], "o")
        least, most = rows[name]["min"], rows[name]["max"]
        axes.plot([least, most], [place, place], color=colour, marker=marker, markevery=[0])
        axes.annotate(f"  {least:.3g} s", (most, place), va="center", fontsize=8)
    axes.axvline(
        limit, color=plots.REPORTED, linestyle=":", label="the same arithmetic at the speed of large matrix products"
    )
    axes.set(xscale="log", xlabel="seconds per epoch, training only: minimum (dot) to maximum")
    axes.set_xlim(right=3 * max(row["max"] for row in rows.values()))
    axes.set_yticks(range(len(ordered)), ordered)
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="lower left")  # fastest on top, so this corner is empty
    plots.save(new, path)


def growth_plot(path: pathlib.Path, title: str, curves: dict[str, dict[float, float]]) -> None:
    """Draw seconds per epoch against what grows, both axes logarithmic; the last curve is the limit."""
    new, axes = plots.blank(8.6)
    looks = [*[*zip(plots.STYLES, "os^v", strict=False)][: len(curves) - 1], ((plots.REPORTED, ":"), "")]
    for (name, points), ((colour, dash), marker) in zip(curves.items(), looks, strict=True):
        label = f"{name} (slope {exponent(points):.2f})"
        axes.plot([*points], [*points.values()], color=colour, linestyle=dash, marker=marker, label=label)
    axes.set(xscale="log", yscale="log", xlabel=title, ylabel="seconds per epoch, training only")
    ticks = [*curves["arithmetic limit"]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_title(f"784-30-10, mini-batches of 10, with more or fewer {title}", fontsize=10)
    new.legend(frameon=False, fontsize=8, loc="outside right center")
    plots.save(new, path)


def grow(
    what: str, splits: Splits, repeats: int, quick: bool, count: int, rate: float
) -> dict[str, dict[float, float]]:
    """Curves of seconds per epoch (of all networks together) against what grows; the last is the arithmetic limit."""
    names, points = GROWTH[what]
    curves: dict[str, dict[float, float]] = {name: {} for name in (*names, "arithmetic limit")}
    for value, case in [*points.items()][: 2 if quick else None]:
        examples = min(case.examples or count, count)
        if what == "training images" and value > examples:
            continue
        rows = measure(case, names, splits, repeats, quick)
        for name, row in rows.items():
            curves[name][value] = row["min"] * row["networks"]
        networks = max((row["networks"] for row in rows.values()), default=1)
        flops = networks * case.flops(splits.training.inputs.shape[1:], splits.classes, examples)
        curves["arithmetic limit"][value] = flops / rate
    return {name: points for name, points in curves.items() if len(points) > 1}


def standing(name: str, rows: dict[str, dict[str, Any]]) -> Iterable[str]:
    """How jnndl compares with each other alternative, one line for each."""
    reference = CASES[name].reference
    for rival in (rival for rival in rows if reference in rows and not rival.startswith("jnndl")):
        ratio = rows[rival]["min"] / rows[reference]["min"]
        verdict = f"{ratio:.3g} times as fast as" if ratio >= 1 else f"{1 / ratio:.3g} times as slow as"
        yield f"{name}: jnndl is {verdict} {rival}"
    if LIMIT in rows and MANY in rows:
        ratio = rows[MANY]["min"] / rows[LIMIT]["min"]
        yield f"{name}: each of {rows[MANY]['networks']} networks at once takes {ratio:.3g} times as long as {LIMIT}"


def run(splits: Splits, folder: pathlib.Path, repeats: int = 6, quick: bool = False, only: str | None = None) -> None:
    """Measure, print, and write result.json, table.md and the plots into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    started, rate, repeats = time.perf_counter(), product_rate(), 1 if quick else repeats
    image, classes = splits.training.inputs.shape[1:], splits.classes
    count = min(len(splits.training), 1000) if quick else len(splits.training)
    print(f"{splits.name}, {count} training images; {repeats} repeats; {device()}", flush=True)
    cases: dict[str, Any] = {}
    compared: dict[str, Any] = {}
    lines = [f"{device()}; {splits.name}, {count} training images. Seconds per epoch of one network, training only,"]
    lines += [f"{repeats} interleaved repeats; accuracy on validation data after {repeats + 2} epochs.", ""]
    for name, case in CASES.items():
        if not is_asked(name, only, quick):
            continue
        label = name.partition("-batch")[0].replace("784", str(math.prod(image)))
        title = f"{label}, mini-batches of {case.batch_size}"
        print(title, flush=True)
        try:
            limit = case.flops(image, classes, count) / rate
        except ValueError as error:
            print(f"  skipped: {error}", flush=True)
            continue
        names = [name for name, alternative in ALTERNATIVES.items() if case.kind in alternative.kinds]
        cases[name] = rows = measure(case, names, splits, repeats, quick)
        lines += table(title, rows, case.reference)
        if case.targets:
            compared[name] = ratios(case, rows)
            lines += ratio_table(compared[name])
        lines += [
            f"The same arithmetic at the {rate / 1e9:.0f} GFLOP/s of a large matrix product here: {limit:.4f} s.",
            "",
        ]
        dots(folder / f"{name}.png", title, rows, limit)
    needed: list[dict[str, Any]] = []
    if is_asked("memory", only, quick):
        print("memory", flush=True)
        try:
            needed = memory(splits, quick)
        except ValueError as error:
            print(f"  skipped: {error}", flush=True)
        else:
            lines += memory_table(needed, count)
    swept: dict[str, Any] = {}
    if is_asked("sweep", only, quick):
        print("sweep", flush=True)
        swept = sweeping.measure(splits, quick)
        lines += sweeping.table(swept, f"{math.prod(image)}-{sweeping.HIDDEN}-{classes}, {count} images")
    growth: dict[str, Any] = {}
    for what in GROWTH if is_asked("growth", only, quick) else ():
        print(f"growth with {what}", flush=True)
        curves = grow(what, splits, -(-repeats // 2), quick, count, rate)
        if curves:
            growth_plot(folder / f"growth-{what.replace(' ', '-')}.png", what, curves)
            growth[what] = {name: {"seconds": p, "exponent": exponent(p)} for name, p in curves.items()}
            slopes = ", ".join(f"{name} {entry['exponent']:.2f}" for name, entry in growth[what].items())
            lines.append(f"Time grows with the {what} to the power of: {slopes}.")
    packages = ("jnndl", "jax", "jaxlib", "numpy", "scikit-learn", "torch", "flax", "equinox")
    versions = {
        p: metadata.version(p) for p in packages if importlib.util.find_spec(p.replace("scikit-learn", "sklearn"))
    }
    result = {
        "experiment": "benchmark",
        "data": {"name": splits.name, "sha256": splits.sha256, "sizes": {"training": count}},
        "quick": quick,
        "repeats": repeats,
        "cases": cases,
        "ratios": compared,
        "memory": needed,
        "sweep": swept,
        "growth": growth,
        "product_rate": rate,
        "versions": {"python": platform.python_version(), **versions},
        "device": device(),
        "seconds": {"total": time.perf_counter() - started},
    }
    runner.write(folder / "result.json", json.dumps(result, indent=1))
    runner.write(folder / "table.md", "\n".join(lines) + "\n")
    print("\n" + "\n".join([*lines, *(line for name, rows in cases.items() for line in standing(name, rows))]))
    print(f"written to {folder}{os.sep}: {', '.join(sorted(path.name for path in folder.iterdir()))}", flush=True)
