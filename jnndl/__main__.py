"""The command: ``python -m jnndl``, or ``jnndl`` where the package is installed.

Another package brings a command of its own as an entry point of the group ``jnndl.commands``: a function that takes the
arguments and returns the exit status. So ``jnndl run`` runs the experiments, of which the library knows nothing.
"""

import argparse
import contextlib
import os
import sys
from importlib import metadata
from typing import Any

import jax

from jnndl import answers, page

# Exit statuses: the request cannot be met; Ctrl-C and a reader that is gone, as a shell reports them.
REFUSED, INTERRUPTED, UNREAD = 2, 130, 141
# Each a module with HELP, add_arguments(parser) and run(options).
COMMANDS: dict[str, Any] = {"predict": answers, "draw": page}
BROUGHT = "jnndl.commands"


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status: 2 where the request cannot be met, 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m jnndl", description="Ask a trained network.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    brought = {entry.name: entry for entry in metadata.entry_points(group=BROUGHT) if entry.name not in COMMANDS}
    for name, entry in brought.items():
        commands.add_parser(name, help=f"Of the package {entry.module.partition('.')[0]}: see {name} --help.")
    try:
        if arguments and arguments[0] in brought:  # argparse cannot pass on options that it does not know
            return brought[arguments[0]].load()(arguments[1:])
        options = parser.parse_args(arguments)
        check_devices()
        status = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except BrokenPipeError:
        return unread()
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return INTERRUPTED


def check_devices(wanted: int | None = None) -> None:
    """Raise ValueError where JAX cannot start, or has fewer devices than were asked for."""
    try:
        found = len(jax.local_devices())
    except (RuntimeError, AssertionError) as error:  # JAX asserts that one of the platforms it was told is there
        asked = os.environ.get("JAX_PLATFORMS", "")
        raise ValueError(f"JAX finds no device (JAX_PLATFORMS is {asked!r}); unset it, or set it to cpu") from error
    if wanted is not None and found < wanted:
        raise ValueError(f"--devices is {wanted}, but JAX has {found}; give at most {found}")


def unread() -> int:
    """End quietly because nobody reads what is printed any more; returns the exit status."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python writes at its end
    return UNREAD


if __name__ == "__main__":
    sys.exit(main())
