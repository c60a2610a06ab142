"""What may happen to a long command: told to end, or started twice on one folder."""

import contextlib
import os
import pathlib
import platform
import signal
import threading
from collections.abc import Iterator
from typing import Any

import jax

from jnndl.processes import everyones

TERMINATED = 143  # exit status, as a shell reports a process that SIGTERM ended

_asked = threading.Event()


class TerminatedError(BaseException):
    """Raised once the epoch after a SIGTERM is done and kept; not an error of an experiment."""


def is_asked() -> bool:
    """Whether this process was told to end, or another one of the same run; then all of them have to ask."""
    return bool(everyones(_asked.is_set()).any()) if jax.process_count() > 1 else _asked.is_set()


def end_if_asked() -> None:
    """Raise TerminatedError where this process was told to end."""
    if is_asked():
        raise TerminatedError


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM, as a cluster sends before it takes a machine back, asks to end; a second one ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python gives signals to the main thread alone
        return

    def ask(number: int, frame: Any) -> None:
        _asked.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.write(
            2, b"\nSIGTERM: the epoch is finished and kept, then this ends\n"
        )  # print may be in the middle of a line

    old = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
        _asked.clear()


@contextlib.contextmanager
def alone(folder: pathlib.Path) -> Iterator[None]:
    """Be the only process that writes into a folder of results, as long as this lasts.

    The system forgets the lock when the process ends, however it ends.

    Raises:
        BlockingIOError: if another process does, saying which.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # outside of POSIX there is no such lock
        yield
        return
    with (folder / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise BlockingIOError(
                f"{folder}: {file.read().strip() or 'another process'} writes there; wait for it, or give another "
                "folder with --out"
            ) from error
        except OSError:  # a file system without locks
            yield
            return
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        yield
