"""The command: ``python -m experiments [NAME ...]``, and its sisters, ``report`` and so on (see ``COMMANDS``)."""

import argparse
import contextlib
import dataclasses
import difflib
import functools
import hashlib
import os
import pathlib
import platform
import shlex
import sys
import traceback
from typing import Any

try:
    import jax

    from experiments import catalogue, companion, guard, hosts, ledger, photos, report
    from experiments.catalogue import EXPERIMENTS
    from experiments.companion import grade
    from experiments.runner import SEEDS, Experiment, check_same_data, check_usable, folder_name, open_data, run
    from experiments.training import Job, Trainer
    from jnndl.__main__ import check_devices, unread
    from jnndl.progress import duration
    from jnndl.storage import check_writable
except ModuleNotFoundError as error:  # the wheel always has the experiments, but what they need is an extra
    if (error.name or "").startswith("experiments"):
        raise
    MISSING = f'the experiments need {error.name}, which is not installed; pip install "jnndl[experiments]"'
    if __name__ == "__main__":
        print(f"error: {MISSING}", file=sys.stderr)
        sys.exit(2)
    raise ModuleNotFoundError(MISSING, name=error.name) from error
except KeyboardInterrupt:  # importing takes a second
    print("\nstopped", file=sys.stderr)
    sys.exit(130)

REPEATS = 6  # of the benchmark
FAILED, REFUSED = 1, 2  # exit statuses: an experiment raised, the request cannot be met
INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended
MOST_SEEDS, MOST_DEVICES = 100_000, 256  # beyond: more keys than memory holds; as many threads as XLA starts at once
# The options with their defaults: an option is not ignored without a word. The first are of the benchmark alone.
OF_BENCHMARK: dict[str, Any] = {"accelerator": False, "only": None, "repeats": None}
UNUSED = OF_BENCHMARK | {"seeds": None, "scale": "default", "epochs": None, "devices": None, "resume": False}
UNUSED |= {"data": "auto", "out": None, "quick": False}
LESS_MEMORY = "give fewer --seeds, fewer --devices, or --quick"
COMMANDS = {
    "grade": grade.main,
    "notebook": companion.main,
    "photos": photos.main,
    "report": report.main,
    "rules": ledger.main,
}


def select(names: list[str]) -> list[Experiment]:
    """The experiments with these names: of a question, an id of the book's catalogue, a chapter such as ch3, or all.

    Raises:
        ValueError: if a name is none of these; suggests the nearest.
    """
    chosen: dict[str, Experiment] = {}
    for name in names:
        if name in catalogue.NOT_RUN:
            raise ValueError(f"for {name} there is nothing to run: {catalogue.NOT_RUN[name]}")
        found = [e for e in EXPERIMENTS.values() if name in names_of(e)]
        if not found:
            known = list(dict.fromkeys(name for e in EXPERIMENTS.values() for name in names_of(e)))
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"there is no experiment {name!r}; {hint} (python -m experiments lists them all)")
        chosen |= {experiment.name: experiment for experiment in found}
    return list(chosen.values())


def names_of(experiment: Experiment) -> tuple[str, ...]:
    """What selects an experiment: its name, the ids that it answers, its chapter if it has one, and "all"."""
    chapter = (f"ch{experiment.chapter}",) if experiment.chapter else ()
    return experiment.name, *experiment.ids, *chapter, "all"


def listing() -> str:
    """One line per experiment, and under it the ids that it answers."""
    lines = []
    for e in EXPERIMENTS.values():
        lines.append(f"  {e.name:22} chapter {e.chapter or '-'}  about {e.minutes:4.1f} min  {e.shows}")
        if e.book_scale:
            seeds, minutes = e.book_scale
            lines.append(f"  {'':22} --scale book: about {duration(60 * minutes)}, {seeds} seeds")
        others = [name for name in e.ids if name != e.name]
        lines += [f"  {'':22} answers {', '.join(others)}"] if others else []
    return "\n".join(
        [
            "Experiments (times: MNIST, ten seeds, two CPU cores):",
            *lines,
            "  benchmark              seconds per epoch, beside other libraries and NumPy (--accelerator: on a GPU)",
            "  photos                 are digits on photos read as well as MNIST's own images?",
            "",
            "To run some: python -m experiments NAME (an experiment, an id that it answers, a chapter, or all).",
            "Then: python -m experiments report. A notebook to read and change: python -m experiments notebook 1.",
        ]
    )


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def positive(text: str, most: int | None = None) -> int:
    """A whole number of at least 1 (and at most ``most``), from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    if most is not None and int(text) > most:
        raise argparse.ArgumentTypeError(f"{text} is too many; give at most {most}")
    return int(text)


def benchmark(options: argparse.Namespace) -> int:
    """Time training, on the CPU or on an accelerator."""
    from experiments import accelerator, benchmark  # here, because nothing else needs them
    from experiments.rivals.cases import check_case

    try:
        check_case(options.only)
        splits = open_data(options.data)
        check_usable(options.data, splits)
        check_case(options.only, splits.training.inputs.shape[1:])
        folder, repeats = results_folder(options, splits.name), options.repeats or REPEATS
        check_same_data(folder, splits.sha256)
        if options.accelerator:
            check_devices()
    except (ValueError, OSError, ImportError) as error:
        return refuse(error)
    if options.accelerator:
        accelerator.run(splits, folder / "accelerator", repeats, options.quick)
        return 0
    jax.config.update("jax_platforms", "cpu")
    benchmark.run(splits, folder / "benchmark", repeats, options.quick, options.only)
    return 0


def prepare(devices: int) -> None:
    """Settings of JAX that have to come before its first use.

    One CPU device per core, so that networks train side by side. Compiled programs are kept for the next start, in a
    separate folder for each kind of processor, because a program compiled for one may not run on another.
    """
    jax.config.update("jax_num_cpu_devices", devices)
    if getattr(jax.config, "jax_compilation_cache_dir") is None:  # noqa: B009  (mypy does not know it)
        import pooch

        info = pathlib.Path("/proc/cpuinfo")
        lines = info.read_text().splitlines() if info.exists() else [platform.processor(), platform.machine()]
        kind = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))} or lines)
        name = hashlib.sha256("".join(kind).encode()).hexdigest()[:12]
        jax.config.update("jax_compilation_cache_dir", str(pooch.os_cache("jnndl") / "compiled" / name))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def refuse(error: Exception) -> int:
    """Say in one sentence why a request cannot be met; returns the exit status."""
    print(f"error: {error}", file=sys.stderr)
    return REFUSED


def refuse_unused(options: argparse.Namespace) -> None:
    """Raise ValueError where an option was given that what is asked for does not look at."""
    given = [name for name, default in UNUSED.items() if getattr(options, name) != default]
    if not options.names:
        if given:
            raise ValueError(f"--{given[0]} is for an experiment; name one, a chapter such as ch3, or all")
        return
    if "benchmark" not in options.names:
        for name in given:
            if name in OF_BENCHMARK:
                raise ValueError(
                    f"--{name} is for benchmark, which runs alone: python -m experiments benchmark --{name} ..."
                )
        return
    if len(options.names) > 1:
        raise ValueError(f"benchmark runs alone; leave out {' '.join(n for n in options.names if n != 'benchmark')}")
    for name in given:
        if name not in {*OF_BENCHMARK, "data", "out", "quick"}:
            raise ValueError(f"--{name} is for experiments, but benchmark has its own; leave it out")
    if options.accelerator and options.only:
        raise ValueError("--only is for the benchmark on a CPU; leave out --accelerator, or --only")


def is_full(options: argparse.Namespace, data: str) -> bool:
    """Whether this is a run on MNIST at full length."""
    return data == "mnist" and not options.quick and options.epochs is None


def results_folder(options: argparse.Namespace, data: str) -> pathlib.Path:
    """Where results go: results/ for full runs on MNIST, another folder for any other run."""
    parts = ["results", *([] if is_full(options, data) else [data]), *(["quick"] if options.quick else [])]
    return options.out or pathlib.Path("-".join(parts))


def arguments_of(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description="The book's experiments. Without a name, list them.",
        epilog="Also: python -m experiments grade, notebook, photos, report and rules (each with its own --help).",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="an experiment, an id, a chapter (ch3), or all")
    parser.add_argument(
        "--data",
        default="auto",
        metavar="DATA",
        help="auto (default), mnist, digits, a folder of four IDX files or of a folder of images for each class, or "
        "FILE.csv (the last column is the class) or FILE.csv:COLUMN",
    )
    parser.add_argument(
        "--seeds",
        type=functools.partial(positive, most=MOST_SEEDS),
        help=f"networks per arm (default {SEEDS}; at the book's scale what the list says)",
    )
    parser.add_argument(
        "--scale",
        choices=("default", "book"),
        default="default",
        help="book: the book's data and epochs where the default is shorter (chapter 6); it takes up to hours, and "
        "--resume goes on where it was stopped",
    )
    parser.add_argument("--epochs", type=positive, help="epochs, in place of each experiment's own")
    parser.add_argument("--out", type=pathlib.Path, help="folder for results (default results/ for full runs on MNIST)")
    parser.add_argument(
        "--devices",
        type=functools.partial(positive, most=MOST_DEVICES),
        help="CPU cores or accelerators to use, of each process (default all)",
    )
    hosts.add_arguments(parser)
    parser.add_argument("--resume", action="store_true", help="resume an interrupted run from its checkpoints")
    parser.add_argument("--quick", action="store_true", help="two epochs on 1,000 examples, to see that all works")
    parser.add_argument("--repeats", type=positive, help=f"for benchmark (default {REPEATS})")
    parser.add_argument(
        "--only",
        metavar="CASE",
        help="a part of benchmark: a network, such as 784-30-10, growth, memory, sweep, convolutions",
    )
    parser.add_argument("--accelerator", action="store_true", help="benchmark on a GPU or TPU instead")
    options = parser.parse_intermixed_args(arguments)  # names before and after options
    if options.scale == "book" and (options.quick or options.epochs):
        parser.error(f"--scale book is the book's length; leave out {'--quick' if options.quick else '--epochs'}")
    return options


def job_of(experiment: Experiment, job: Job, seeds: int | None) -> Job:
    """The job for one question: a question without a book scale has that of the book by default.

    Args:
        experiment: the question.
        job: what the command line asked for.
        seeds: how many it asked for, or None.
    """
    if not job.book or experiment.book_scale is None:
        return dataclasses.replace(job, scale="default", seeds=seeds or SEEDS)
    return dataclasses.replace(job, seeds=seeds or experiment.book_scale.seeds)


def run_all(chosen: list[tuple[Experiment, Job]], folder: pathlib.Path, full: bool, arguments: list[str]) -> int:
    """Run experiments one after the other, each with its own job; returns the exit status.

    One that raises is reported with its traceback, and the others still run. Ctrl-C and SIGTERM say how to go on. Of
    several processes, one that raises or is interrupted ends at once, so that the others do not wait for it.
    """
    command = ["python", "-m", "experiments", *(word for word in arguments if word != "--resume"), "--resume"]
    finished: list[str] = []
    failed: list[str] = []
    for number, (experiment, job) in enumerate(chosen):
        if full:
            left = duration(60 * sum(e.minutes_for(own) for e, own in chosen[number:]))
            place = f"question {number + 1} of {len(chosen)}, about {left} left" if len(chosen) > 1 else f"about {left}"
            print(f"{place} on two cores", flush=True)
        try:
            guard.end_if_asked()
            run(experiment, job, folder / folder_name(experiment.name, job.scale))
        except (KeyboardInterrupt, guard.TerminatedError) as error:
            done = f"these are finished and kept: {', '.join(finished)}" if finished else "no question is finished"
            print(f"\nstopped; {done}; to go on from the last checkpoint: {shlex.join(command)}", file=sys.stderr)
            if isinstance(error, guard.TerminatedError):
                return guard.TERMINATED
            return hosts.leave(INTERRUPTED)
        except BrokenPipeError:
            raise
        except MemoryError as error:
            told = str(error).partition(";")[0] or "out of memory"
            print(f"error: {experiment.name}: {told}; {LESS_MEMORY}", file=sys.stderr)
            if jax.distributed.is_initialized():
                hosts.give_up(error)
            failed.append(experiment.name)
        except Exception as error:
            if jax.distributed.is_initialized():
                hosts.give_up(error)
            if isinstance(error, ValueError) and job.splits.name not in ("mnist", "digits"):
                print(f"error: {experiment.name} does not take the data of --data: {error}", file=sys.stderr)
            else:
                traceback.print_exc()
            failed.append(experiment.name)
        else:
            finished.append(experiment.name)
    if failed:
        print(f"failed, see above: {', '.join(failed)}", file=sys.stderr)
    return FAILED if failed else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status: 1 where an experiment failed, 2 where the request cannot be met, 130 after Ctrl-C, 143 after
        SIGTERM, 141 where nobody reads what is printed.
    """
    try:
        status = dispatch(sys.argv[1:] if arguments is None else arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except BrokenPipeError:
        return unread()
    except MemoryError as error:
        print(f"error: {error or 'out of memory'}", file=sys.stderr)
        return FAILED


def dispatch(arguments: list[str]) -> int:
    """Do what the command line asks for; returns the exit status."""
    if arguments and arguments[0] in COMMANDS:
        return COMMANDS[arguments[0]](arguments[1:])
    options = arguments_of(arguments)
    try:
        refuse_unused(options)
    except ValueError as error:
        return refuse(error)
    if not options.names:
        print(listing())
        return 0
    try:
        if options.names == ["benchmark"]:
            return benchmark(options)
        with contextlib.ExitStack() as stack:
            try:
                chosen = select(options.names)
                prepare(options.devices or cores())
                hosts.join(options)
                check_devices(options.devices)
                splits = open_data(options.data)
                check_usable(options.data, splits)
                folder = results_folder(options, splits.name)
                if jax.process_index() == 0:
                    folder.mkdir(parents=True, exist_ok=True)
                    check_writable(folder / "result.json")
                    stack.enter_context(guard.alone(folder))
                    check_same_data(folder, splits.sha256)
            except (ValueError, OSError, ImportError) as error:
                return hosts.leave(refuse(error))
            stack.enter_context(guard.terminable())
            trainer = Trainer(options.devices, options.resume)
            job = Job(splits, SEEDS, options.epochs, options.quick, options.scale, folder, trainer)
            jobs = [(experiment, job_of(experiment, job, options.seeds)) for experiment in chosen]
            status = run_all(jobs, folder, is_full(options, splits.name), arguments)
            jax.distributed.shutdown()  # process 0 waits for the others; of one process it does nothing
            return status
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return hosts.leave(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
