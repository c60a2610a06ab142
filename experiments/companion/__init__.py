"""``python -m experiments notebook``: the companion, one notebook for each chapter of the book.

The source of each is a program in the percent format, ``chapter_1.py`` and so on: a line ``# %%`` begins a cell of
code, and ``# %% [markdown]`` one of text, whose lines are comments. Editors can open it as it is; this makes an .ipynb
from it.
``notebooks/`` has the same notebooks with their outputs (``--store``), for code hosts and hosted notebooks.
"""

import argparse
import base64
import importlib.util
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Any

from experiments.runner import write

SOURCES = {int(path.stem[-1]): path for path in sorted(pathlib.Path(__file__).parent.glob("chapter_?.py"))}
MARK, TEXT = "# %%", "# %% [markdown]"
ROOT = pathlib.Path(__file__).parents[2]
STORED = ROOT / "notebooks"  # in a clone; the wheel has none
COLOURS = 128  # of a stored picture: a third of the bytes, and no eye sees it

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


def of_chapter(chapter: int) -> dict[str, Any]:
    """The notebook of a chapter, without outputs."""
    return notebook(SOURCES[chapter].read_text(encoding="utf-8"))


def title(chapter: int) -> str:
    """The heading of a chapter's notebook."""
    return cells(SOURCES[chapter].read_text(encoding="utf-8"))[0][1].partition("\n")[0].removeprefix("# ")


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
            if "image/png" in output.get("data", ()):
                output["data"]["image/png"] = smaller(output["data"]["image/png"])
    return made | {"metadata": book["metadata"]}  # without the versions of the Python that ran it


def smaller(picture: str) -> str:
    """A PNG as a notebook holds it, in few colours and without the version of the program that drew it."""
    from PIL import Image

    drawn = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGBA")
    opaque = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    content = io.BytesIO()
    opaque.quantize(COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return base64.b64encode(content.getvalue()).decode()


def text_of(book: dict[str, Any]) -> str:
    """A notebook as the text of its file."""
    return json.dumps(book, indent=1, sort_keys=True) + "\n"


def write_new(path: pathlib.Path, text: str) -> bool:
    """Write a notebook, but never over another, which somebody may have changed; returns whether it is all ours.

    Raises:
        OSError: if it cannot be written.
    """
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace") == text
    write(path, text)
    return True


def chapter_of(name: str) -> int:
    """A chapter from the command line: 2, ch2 or chapter_2.ipynb."""
    found = re.fullmatch(r"(?:ch|chapter)?[ _]?(\d)(?:\.ipynb)?", name)
    if found is None or int(found[1]) not in SOURCES:
        raise argparse.ArgumentTypeError(f"{name!r} is no chapter; give one of {', '.join(map(str, SOURCES))}")
    return int(found[1])


def main(arguments: list[str]) -> int:
    """Write a notebook and open it; returns the exit status, 2 where it cannot be written."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments notebook",
        description="Open a copy of a chapter's notebook, chapter_2.ipynb, say. One that is there is left as it is.",
    )
    parser.add_argument("chapters", nargs="*", type=chapter_of, metavar="CHAPTER", help="1 to 6; without it, list them")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="write it there, and do not open it")
    parser.add_argument(
        "--store",
        action="store_true",
        help="run these (or all), and write them with their outputs into notebooks/ of the clone",
    )
    options = parser.parse_args(arguments)
    try:
        if options.store:
            if options.out:
                raise ValueError(f"--store writes into {STORED}; leave out --out")
            return store(options.chapters or [*SOURCES])
        if not options.chapters:
            print("\n".join([*map(title, SOURCES), "", "To open one: python -m experiments notebook 1"]))
            return 0
        if len(options.chapters) > 1:
            raise ValueError("there are several chapters; give one, or --store")
        path = options.out or pathlib.Path(f"chapter_{options.chapters[0]}.ipynb")
        new = write_new(path, text_of(of_chapter(options.chapters[0])))
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"written: {path}" if new else f"kept as it is, with your changes: {path}", flush=True)
    return 0 if options.out else show(path)


def store(chapters: list[int]) -> int:
    """Run notebooks, and write them with their outputs; returns the exit status."""
    if not STORED.is_dir():
        raise FileNotFoundError(f"--store: there is no folder {STORED}; use it in a clone")
    for chapter in chapters:
        path = STORED / f"{SOURCES[chapter].stem}.ipynb"
        write(path, text_of(executed(of_chapter(chapter))))
        print(f"written: {path}", flush=True)
    return 0


def show(path: pathlib.Path) -> int:
    """Open a notebook in JupyterLab until that is closed, or say how; returns the exit status."""
    if importlib.util.find_spec("jupyterlab") is None:
        print(
            "Open it in an editor that can show notebooks, or install Jupyter (pip install "
            f'"jnndl[notebook]") and run: jupyter lab {path}'
        )
        return 0
    try:
        return subprocess.run([sys.executable, "-m", "jupyterlab", str(path)]).returncode
    except KeyboardInterrupt:
        return 0
