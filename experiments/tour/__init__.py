"""``python -m experiments tour``: the tour of chapters 1 to 3 as a notebook.

Its source is ``chapters_1_to_3.py``, a program in the percent format: a line ``# %%`` begins a cell of code, and
``# %% [markdown]`` one of text, whose lines are comments. Editors can open it as it is; this makes an .ipynb from it.
``notebooks/`` has the same notebook with its outputs (``--store``), for code hosts and hosted notebooks.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
from typing import Any

from experiments.runner import write

SOURCE = pathlib.Path(__file__).parent / "chapters_1_to_3.py"
OUT = pathlib.Path("tour.ipynb")
MARK, TEXT = "# %%", "# %% [markdown]"
ROOT = pathlib.Path(__file__).parents[2]
STORED = ROOT / "notebooks" / f"{SOURCE.stem}.ipynb"  # in a clone; the wheel has none

# The repository has no public address yet, and .example belongs to nobody (RFC 2606). When it has one, it goes here,
# into pyproject.toml and into CITATION.cff, which a test compares; then ``make notebooks``.
REPOSITORY = "https://git.example/jnndl/jnndl"
INSTALL = f"""\
# In a hosted notebook (Colab, Kaggle) this installs the library. Where it is installed, it does nothing.
import importlib.util

if importlib.util.find_spec("jnndl") is None:
    %pip install --quiet "jnndl[experiments] @ git+{REPOSITORY}\""""


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
    """The same as a notebook of format 4.5, without outputs. Its first cell of code installs the library."""
    pairs = cells(source)
    pairs.insert([kind for kind, _ in pairs].index("code"), ("code", INSTALL))
    made = []
    for number, (kind, text) in enumerate(pairs):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        cell["source"] = text.splitlines(keepends=True)
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def executed(book: dict[str, Any]) -> dict[str, Any]:
    """The same notebook with what its cells print and draw: run in order, on the CPU, in an empty folder.

    Raises:
        ImportError: without Jupyter.
        RuntimeError: if a cell raises, or writes a warning or anything else to stderr.
    """
    try:
        import nbclient  # here, because nothing else needs Jupyter
        import nbformat
    except ModuleNotFoundError as error:
        message = f'running a notebook needs {error.name}, which is not installed; pip install "jnndl[notebook]"'
        raise ModuleNotFoundError(message, name=error.name) from error

    node = nbformat.reads(json.dumps(book), as_version=4)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))  # the kernel starts elsewhere
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            node, timeout=None, record_timing=False, coalesce_streams=True, resources={"metadata": {"path": folder}}
        )
        try:
            client.execute(env=environment)
        except nbclient.exceptions.CellExecutionError as error:
            raise RuntimeError(f"a cell raised, and nothing was stored:\n{error}") from error
    made = json.loads(nbformat.writes(node))  # which checks it against the format, and splits texts into lines
    for cell in made["cells"]:
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                raise RuntimeError(f"{cell['id']} wrote to stderr, and nothing was stored: {''.join(output['text'])}")
            if "metadata" in output:
                output["metadata"] = {}
    return made | {"metadata": book["metadata"]}  # without the versions of the Python that ran it


def text_of(book: dict[str, Any]) -> str:
    """A notebook as the text of its file."""
    return json.dumps(book, indent=1, sort_keys=True) + "\n"


def write_new(path: pathlib.Path, text: str) -> None:
    """Write a notebook, but never over another, which somebody may have changed.

    Raises:
        FileExistsError: if there is a file of that name with another text.
    """
    if not path.exists():
        write(path, text)
    elif not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
        raise FileExistsError(f"{path} exists, perhaps with your changes; open it, or give a new name with --out")


def main(arguments: list[str]) -> int:
    """Write the notebook; returns the exit status, 2 where it cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m experiments tour", description="Make the tour's notebook.")
    parser.add_argument("--out", type=pathlib.Path, help=f"default {OUT}")
    parser.add_argument(
        "--store", action="store_true", help="run it, and write it with its outputs into notebooks/ of the clone"
    )
    options = parser.parse_args(arguments)
    book = notebook(SOURCE.read_text(encoding="utf-8"))
    try:
        if options.store:
            if options.out:
                raise FileExistsError(f"--store writes {STORED}; leave out --out")
            if not STORED.parent.is_dir():
                raise FileNotFoundError(f"--store: there is no folder {STORED.parent}; use it in a clone")
            write(STORED, text_of(executed(book)))
            print(f"written: {STORED}")
            return 0
        out = options.out or OUT
        write_new(out, text_of(book))
    except (OSError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"written: {out}. Open it in an editor that can show notebooks, or install Jupyter (pip install "
        f'"jnndl[notebook]") and run: jupyter lab {out}'
    )
    return 0
