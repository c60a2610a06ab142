"""``python -m experiments tour``: the tour of chapters 1 to 3 as a notebook.

Its source is ``chapters_1_to_3.py``, a program in the percent format: a line ``# %%`` begins a cell of code, and
``# %% [markdown]`` one of text, whose lines are comments. Editors can open it as it is; this makes an .ipynb from it.
"""

import argparse
import json
import pathlib
import sys
from typing import Any

from experiments.runner import write

SOURCE = pathlib.Path(__file__).parent / "chapters_1_to_3.py"
MARK, TEXT = "# %%", "# %% [markdown]"


def cells(source: str) -> list[tuple[str, str]]:
    """The cells of a program in the percent format, as pairs: "code" or "markdown", and the text."""
    found: list[tuple[str, list[str]]] = []
    for line in source.splitlines():
        if line.startswith(MARK):
            found.append(("markdown" if line.startswith(TEXT) else "code", []))
        elif found:
            kind, lines = found[-1]
            lines.append(line.removeprefix("#").removeprefix(" ") if kind == "markdown" else line)
    return [(kind, "\n".join(lines).strip("\n")) for kind, lines in found]


def notebook(source: str) -> dict[str, Any]:
    """The same as a notebook of format 4.5, without outputs."""
    made = []
    for number, (kind, text) in enumerate(cells(source)):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        cell["source"] = text.splitlines(keepends=True)
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def main(arguments: list[str]) -> int:
    """Write the notebook; returns the exit status, 2 where it cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m experiments tour", description="Make the tour's notebook.")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tour.ipynb"), help="default tour.ipynb")
    options = parser.parse_args(arguments)
    text = json.dumps(notebook(SOURCE.read_text()), indent=1, ensure_ascii=False) + "\n"
    try:
        write(options.out, text)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"written: {options.out}. Open it in an editor that can show notebooks, or: pip install jupyterlab; jupyter lab"
    )
    return 0
