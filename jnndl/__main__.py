"""The command: ``python -m jnndl``, or ``jnndl`` where the package is installed."""

import argparse
import sys
from typing import Any

from jnndl import answers, page

REFUSED, INTERRUPTED = 2, 130  # exit statuses: the request cannot be met; Ctrl-C, as a shell reports it
# Each a module with HELP, add_arguments(parser) and run(options).
COMMANDS: dict[str, Any] = {"predict": answers, "draw": page}


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status: 2 where the request cannot be met, 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="python -m jnndl", description="Ask a trained network.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
