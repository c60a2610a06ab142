"""One command in several processes, on one host or on many: how they find each other, and how they end together.

Every process runs the same command; the devices of all of them train. Only process 0 prints and writes.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import traceback

import jax

from experiments.last_words import LOST

HEARTBEAT = 10  # seconds between two signs of life; after two missing ones a process counts as dead
MEETING = 300  # seconds to wait for the others at the start
OUT_OF_TOUCH = ("Gloo", "NCCL", "oordination", "UNAVAILABLE", "DEADLINE_EXCEEDED")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a command that may run in several processes."""
    parser.add_argument(
        "--processes",
        metavar="N",
        help="run in N processes, on one host or on many: start the same command in each, with --coordinator and "
        "--process-id; auto: as Slurm, Open MPI, Kubernetes or Cloud TPU say, where they started it",
    )
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="where process 0 is, and a free port there")
    parser.add_argument("--process-id", type=int, metavar="I", help="which process this is, from 0")


def join(options: argparse.Namespace) -> None:
    """Meet the other processes, if there are any; before the first use of JAX.

    Raises:
        ValueError: if the options do not fit together, or the others cannot be found.
    """
    processes, coordinator, number = options.processes, options.coordinator, options.process_id
    if processes is None and coordinator is None and number is None:
        return
    if processes == "auto":
        count = None
    elif processes is None or not processes.isdecimal() or int(processes) < 1:
        raise ValueError(f"--processes is {processes}; give how many there are, or auto")
    else:
        count = int(processes)
        if coordinator is None or not coordinator.rpartition(":")[2].isdecimal() or ":" not in coordinator:
            raise ValueError(f"--coordinator is {coordinator}; give the host of process 0 and a port, as in node1:1234")
        if number is None or not 0 <= number < count:
            raise ValueError(f"--process-id is {number}; give a number from 0 to {count - 1}, another in each process")
    _filter_errors()
    jax.config.update("jax_enable_preemption_service", False)  # it would take SIGTERM for itself
    try:
        jax.distributed.initialize(
            coordinator,
            count,
            number,
            initialization_timeout=MEETING,
            heartbeat_timeout_seconds=2 * HEARTBEAT,
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"the {processes} processes do not find each other ({error}); give --coordinator HOST:PORT, --processes N "
            "and --process-id I"
        ) from error
    if jax.process_index() > 0:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (as long as the process lives)


def devices(count: int | None) -> list[jax.Device]:
    """The devices to train on: the first so many of each process, or all."""
    return [device for process in range(jax.process_count()) for device in jax.local_devices(process)[:count]]


def give_up(error: Exception) -> None:
    """End this process, and with it the others, which wait for it: in a sentence where one of them has ended."""
    if any(word in str(error) for word in OUT_OF_TOUCH):
        print(LOST, file=sys.stderr, flush=True)
    else:
        traceback.print_exc()
    leave(1)


def leave(status: int) -> int:
    """End this process at once where others would wait for it, or it for them; else return the exit status."""
    if jax.distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _filter_errors() -> None:
    """Put ``last_words`` behind standard error."""
    read, write = os.pipe()
    program = pathlib.Path(__file__).with_name("last_words.py")
    subprocess.Popen([sys.executable, program], stdin=read, stdout=subprocess.DEVNULL)
    os.close(read)
    os.dup2(write, 2)
    os.close(write)
