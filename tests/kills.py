"""SIGKILL at random moments, and what is resumed afterwards.

``python tests/kills.py 50`` kills so many runs, resumes each, and compares the bits with those of a run that was left
alone. The gate does so three times.
"""

import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import safetensors.numpy

PROGRAM = """
import sys, jax, jnndl, optax
path, resume = sys.argv[1], sys.argv[2] == "resume"
digits = jnndl.load_digits()
keys = jax.random.split(jax.random.key(0), 3)
fit = jnndl.fit_many(jnndl.mlp([64, 8, 10]), digits.training[:300], digits.validation, keys=keys, epochs=40,
    learning_rate=[0.5, 0.1, 1.0], l2=0.1, halve_after=2, patience=30,
    checkpoint=path, resume=resume, callback=lambda number, _: print(number, flush=True))
"""


def start(path: pathlib.Path, how: str) -> subprocess.Popen:
    """A run with a checkpoint, which prints the number of each epoch."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(path), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def content(path: pathlib.Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """What a checkpoint holds, to the bit."""
    found = safetensors.numpy.load_file(path)
    return {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in found.items()}


def kill_and_resume(path: pathlib.Path, rng: random.Random) -> tuple[int, int]:
    """Kill a run at a random moment, and resume it to its end.

    Returns:
        The last epoch that was seen before the kill, and the first one after it.
    """
    killed, last = None, 0
    while killed is None or killed.returncode != -signal.SIGKILL:  # on a busy machine a run may be over before that
        last = rng.randrange(1, 38)
        killed = start(path, "anew")
        for line in killed.stdout:
            if int(line) == last:
                time.sleep(rng.random() * 0.02)  # somewhere in an epoch, or while a checkpoint is written
                break
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    first = start(path, "resume").communicate()[0].split()
    return last, int(first[0]) if first else 40


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder) / "whole"
        start(whole, "anew").communicate()
        same = 0
        for number in range(int(sys.argv[1])):
            path = pathlib.Path(folder) / str(number)
            last, first = kill_and_resume(path, random.Random(number))
            same += content(path) == content(whole)
            print(
                f"{number}: killed after epoch {last}, resumed with {first}; {same} of {number + 1} alike", flush=True
            )
        print(f"{same} of {sys.argv[1]} resumed runs end in the same bits")
