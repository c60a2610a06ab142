"""What is said while a network trains: the book's line after each epoch, a bar, or nothing."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from jnndl.arguments import short_repr
from jnndl.measures import Scores

LINES, BAR = "lines", "bar"


def check_progress(value: Any) -> None:
    """Raise ValueError unless a value is one that ``Settings.progress`` allows."""
    if value not in (None, True, False, LINES, BAR):
        raise ValueError(
            f"progress is {short_repr(value)}; give {LINES!r} for a line per epoch, {BAR!r} for a bar, False for "
            f"silence, or None for lines where somebody is watching"
        )


def is_watched() -> bool:
    """Whether a person sees what is printed: in a terminal, or in a notebook."""
    return (sys.stdout is not None and sys.stdout.isatty()) or "ipykernel" in sys.modules


def duration(seconds: float | int) -> str:
    """Seconds in words, for a person who waits."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@contextlib.contextmanager
def speaking(how: Any, done: int, epochs: int, size: int) -> Iterator[Callable[[int, Scores], None]]:
    """A function of an epoch's number and its scores that tells a person about it.

    Args:
        how: as in ``Settings.progress``.
        done, epochs: how many epochs are behind a run, and how many there are in all.
        size: the number of examples on which accuracy is measured.
    """
    if how is None:
        how = is_watched()
    if how == BAR:
        from tqdm import tqdm  # here, so that importing the library stays light

        with tqdm(unit="epoch", initial=done, total=epochs) as bar:

            def advance(number: int, scores: Scores) -> None:
                bar.set_postfix_str(scores.line(size), refresh=False)
                bar.update()

            yield advance
    else:
        yield lambda number, scores: print(f"Epoch {number}: {scores.line(size)}", flush=True) if how else None
