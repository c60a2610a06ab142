"""The command: ``python -m experiments [NAME ...]``."""

import argparse
import difflib
import hashlib
import os
import pathlib
import platform
import sys

import jax

from experiments import (
    ch1_baseline,
    ch3_early_stopping,
    ch3_monitor_demo,
    gradients,
    scratch_choices,
    scratch_vs_framework,
)
from experiments.runner import Experiment, Job, open_data, run

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        ch1_baseline.EXPERIMENT,
        gradients.EXPERIMENT,
        ch3_monitor_demo.EXPERIMENT,
        ch3_early_stopping.EXPERIMENT,
        scratch_choices.EXPERIMENT,
        scratch_vs_framework.EXPERIMENT,
    )
}


def select(names: list[str]) -> list[Experiment]:
    """The experiments that names ask for: an id, a chapter such as ch3, or all.

    Raises:
        ValueError: if a name is none of these; suggests the nearest.
    """
    chosen: dict[str, Experiment] = {}
    for name in names:
        of_chapter = [e for e in EXPERIMENTS.values() if name in ("all", f"ch{e.chapter}")]
        found = of_chapter or [EXPERIMENTS[name]] if of_chapter or name in EXPERIMENTS else []
        if not found:
            known = [*EXPERIMENTS, "all", *sorted({f"ch{e.chapter}" for e in EXPERIMENTS.values()})]
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"there is no experiment {name!r}; {hint} (python -m experiments lists them all)")
        chosen |= {experiment.name: experiment for experiment in found}
    return list(chosen.values())


def listing() -> str:
    """A line an experiment."""
    lines = [
        f"  {e.name:22} chapter {e.chapter or '-'}  about {e.minutes:4.1f} min  {e.shows}" for e in EXPERIMENTS.values()
    ]
    return "\n".join(
        [
            "Experiments (times: MNIST, ten seeds, two CPU cores):",
            *lines,
            "  benchmark              seconds an epoch, beside what one would use instead (--accelerator: on a GPU)",
            "",
            "To run some: python -m experiments NAME",
        ]
    )


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def positive(text: str) -> int:
    """A whole number of at least 1, from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def benchmark(options: argparse.Namespace) -> int:
    """Time training, on the CPU or on an accelerator."""
    from experiments import accelerator, benchmark  # here, because nothing else needs them

    splits = open_data(options.data)
    parts = [] if splits.name == "mnist" and not options.quick else [splits.name, *["quick"][: options.quick]]
    folder = options.out or pathlib.Path("-".join(["results", *parts]))
    if options.accelerator:
        accelerator.run(splits, folder / "accelerator", options.repeats, options.quick)
        return 0
    jax.config.update("jax_platforms", "cpu")
    benchmark.run(splits, folder / "benchmark", options.repeats, options.quick, options.only)
    return 0


def prepare(devices: int) -> None:
    """Settings of JAX that have to come before its first use.

    A CPU device a core, so that networks train side by side; and compiled programs are kept for the next start, in a
    folder a kind of processor, because a program made for one may not run on another.
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


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status, 2 where the request cannot be met."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments", description="The book's experiments. Without a name, list them."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="an experiment, a chapter (ch3), or all")
    parser.add_argument("--data", default="auto", help="auto (default), mnist, digits, or a folder of four IDX files")
    parser.add_argument("--seeds", type=positive, default=10, help="networks an arm (default 10)")
    parser.add_argument("--epochs", type=positive, help="epochs, in place of each experiment's own")
    parser.add_argument("--out", type=pathlib.Path, help="folder for results (default results/ for full runs on MNIST)")
    parser.add_argument("--devices", type=positive, help="CPU cores or accelerators to use (default all)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoints of a run that was broken off")
    parser.add_argument("--quick", action="store_true", help="two epochs on 1,000 examples, to see that all works")
    parser.add_argument("--repeats", type=positive, default=6, help="of benchmark (default 6)")
    parser.add_argument("--only", metavar="CASE", help="one network of benchmark, such as 784-30-10, or growth")
    parser.add_argument("--accelerator", action="store_true", help="benchmark on a GPU or TPU instead")
    options = parser.parse_args(arguments)
    if not options.names:
        print(listing())
        return 0
    try:
        if options.names == ["benchmark"]:
            return benchmark(options)
        chosen = select(options.names)
        prepare(options.devices or cores())
        splits = open_data(options.data)
        job = Job(splits, options.seeds, options.epochs, options.quick, options.devices, options.resume)
        full = splits.name == "mnist" and not options.quick and options.epochs is None
        parts = ["results", *([] if full else [splits.name]), *(["quick"] if options.quick else [])]
        folder = options.out or pathlib.Path("-".join(parts))
        for experiment in chosen:
            run(experiment, job, folder / experiment.name)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
