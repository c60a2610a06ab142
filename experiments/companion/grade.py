"""``python -m experiments grade FILE ...``: whether the ``backward`` in hand-ins of chapter 2 is right.

A hand-in is a notebook, or a program, with a class ``Mine``. ``check_gradients`` is the judge. Each file is run in a
process of its own, with a limit of time. Its definitions are executed: grade on an account that has nothing to lose.
"""

import argparse
import ast
import json
import pathlib
import re
import subprocess
import sys
from typing import Any

import numpy as np

import jnndl
from experiments.companion import SOURCES, cells

NAME, SECONDS = "Mine", 120
NOT_BY_HAND = re.compile(r"jax\.(?:grad|vjp|jvp|jac\w+|value_and_grad|linearize)|super\(\)\.backward|Dense\.backward")
RIGHT, LOOK, WRONG, BROKEN = "right", "look", "wrong", "broken"


def definitions(code: str) -> list[ast.stmt]:
    """The imports, functions and classes of a program, without what it does."""
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    return [node for node in ast.parse(code).body if isinstance(node, kinds)]


def handed_in(path: pathlib.Path) -> list[ast.stmt]:
    """The definitions of a hand-in, in all cells of a notebook.

    Raises:
        ValueError: if the class is not among them.
        SyntaxError: if the class, or the whole program, cannot be read.
    """
    text, found = path.read_text(encoding="utf-8"), list[ast.stmt]()
    parts = [text]
    if path.suffix == ".ipynb":
        parts = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    for part in parts:
        try:
            found += definitions(part)
        except SyntaxError:  # a line of Jupyter's own, such as %pip
            if f"class {NAME}" in part or len(parts) == 1:
                raise
    if NAME not in {node.name for node in found if isinstance(node, ast.ClassDef)}:
        raise ValueError(f"it has no class {NAME}")
    return found


def run(nodes: list[ast.stmt], names: dict[str, Any], name: str) -> None:
    """Run these definitions among these names."""
    exec(compile(ast.Module(nodes, []), name, "exec"), names)


def imported() -> dict[str, Any]:
    """What chapter 2's notebook imports: a hand-in need not do that again."""
    code = "\n".join(text for kind, text in cells(SOURCES[2].read_text(encoding="utf-8")) if kind == "code")
    found: dict[str, Any] = {"__name__": "handed_in"}
    run([node for node in definitions(code) if isinstance(node, ast.Import | ast.ImportFrom)], found, "imports")
    return found


def verdict(path: pathlib.Path) -> tuple[str, str]:
    """What a hand-in is, and why: two layers of it, under one of the library's, on seven random examples."""
    try:
        nodes, found = handed_in(path), imported()
        run(nodes, found, path.name)
        layers = found[NAME](6, 5), found[NAME](5, 4, "tanh"), jnndl.Dense(4, 3, "linear")
        network, rng = jnndl.Network(layers, "sigmoid", (6,)), np.random.default_rng(0)
        batch = jnndl.Dataset(rng.normal(size=(7, 6)).astype(np.float32), rng.integers(3, size=7))
        checked = jnndl.check_gradients(jnndl.Objective(network), network.init(0), batch, key=1)
    except Exception as error:
        return BROKEN, " ".join(f"{type(error).__name__}: {error}".split())
    if not checked.ok:
        return WRONG, "; ".join(checked.faults)
    mine = [node for node in nodes if isinstance(node, ast.ClassDef) and node.name == NAME][-1]
    by_itself = sorted(set(NOT_BY_HAND.findall(ast.unparse(mine))))
    return (LOOK, f"right, but it contains {', '.join(by_itself)}") if by_itself else (RIGHT, "")


def in_a_process(path: pathlib.Path) -> tuple[str, str]:
    """The verdict from a process of its own."""
    command = [sys.executable, "-m", "experiments.companion.grade", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return BROKEN, f"not done after {SECONDS} seconds"
    try:
        word, why = json.loads(done.stdout.rpartition("\n")[2])
    except ValueError:
        return BROKEN, f"it ended with status {done.returncode}"
    return word, why


def main(arguments: list[str]) -> int:
    """Print a line for each hand-in; returns the exit status, 1 where one is not right, 2 where one cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m experiments grade", description=__doc__)
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE", help="notebooks or programs")
    files = parser.parse_args(arguments).files
    for path in files:
        if not path.is_file():
            print(f"error: {path}: there is no such file; give the hand-ins", file=sys.stderr)
            return 2
    words = []
    for path in files:
        word, why = in_a_process(path)
        words.append(word)
        print(f"{word:8}{path}" + (f": {why}" if why else ""), flush=True)
    print(f"{words.count(RIGHT)} of {len(words)} right")
    return 0 if all(word == RIGHT for word in words) else 1


if __name__ == "__main__":
    print(f"\n{json.dumps(verdict(pathlib.Path(sys.argv[1])))}", end="")  # whatever the hand-in has printed
