"""One alternative in its own process, so that its memory can be measured: ``python -m experiments.rivals.worker``.

It answers each line of standard input with a line of JSON, and the program in C understands the same lines:

    epoch [ORDER]   train on all examples in a new order, or in that of a file of int32; seconds
    evaluate        accuracy on the validation data; seconds
    params FILE     write the parameters as raw float32
    ready           nothing: the answer comes once all is made (only here)
"""

import json
import os
import pathlib
import sys
import time
from typing import Any

import numpy as np

from experiments.rivals import ALTERNATIVES, MEASURED, Task, join


def main(name: str, place: str, cores: str) -> None:
    """Serve until the end of standard input, on so many processor cores."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to standard error
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    task = Task.read(pathlib.Path(place))
    rival = (ALTERNATIVES | MEASURED)[name].make(task)
    x, rng = task.floats(task.validation), np.random.default_rng(0)
    for line in sys.stdin:
        command, *path = line.split(maxsplit=1)
        order = (
            np.fromfile(path[0].strip(), np.int32) if path and command == "epoch" else rng.permutation(len(task.inputs))
        )
        reply: dict[str, Any] = {}
        started = time.perf_counter()
        if command == "epoch":
            rival.epoch(order)
        elif command == "evaluate":
            # In memory the maps of all images would be hundreds of times the images.
            parts = [x[k : k + 1000] for k in range(0, len(x), 1000)] if task.maps else [x]
            outputs = np.concatenate([rival.outputs(part) for part in parts])
            reply["accuracy"] = float(np.mean(np.argmax(outputs, axis=1) == task.validation_labels))
        elif command == "params":
            join(rival.layers()).tofile(path[0].strip())
        print(json.dumps(reply | {"seconds": time.perf_counter() - started}), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
