"""The promises of the README: each names the tests that hold it, and these are there."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]


def promises():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Promises\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    return re.split(r"^- ", section, flags=re.MULTILINE)[1:]


def test_every_promise_names_a_test_that_there_is():
    assert len(promises()) >= 8
    for promise in promises():
        names = re.findall(r"`(tests/\w+\.py)::(\w+)`", promise)
        assert names, promise
        for file, name in names:
            found = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
            assert name in {node.name for node in found if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"
            assert name.startswith("test_"), name
