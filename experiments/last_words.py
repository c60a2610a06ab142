"""Stands behind standard error of a process of several, and says in one sentence that another one has ended.

JAX ends a process whose coordinator has died, or does not hear from another one, from a thread of its own: with a page
about sockets, and without asking Python. This passes lines on until then. A program of its own, which needs nothing.
"""

import re
import signal
import sys

LOST = (
    "error: another process of this run has ended or cannot be reached; start all of them again with --resume to go on "
    "from the last checkpoint"
)
NOISE = re.compile(r"[EW]\d{4} .*coordination_service")
END = re.compile(r"F\d{4} .*JAX distributed service")


def main() -> None:
    """Pass standard input on to standard error."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends when what it listens to does
    told = False
    for line in sys.stdin:
        if not told and (END.match(line) or line.startswith(LOST)):
            line, told = f"{LOST}\n", True
        elif told or NOISE.match(line):
            continue
        sys.stderr.write(line)
        sys.stderr.flush()


if __name__ == "__main__":
    main()
