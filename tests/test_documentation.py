"""What is written for people runs: the examples of the docstrings, and the snippets of README and CONTRIBUTING."""

import doctest
import importlib
import inspect
import pathlib

import jax
import numpy as np
import pytest

import jnndl

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODULES = sorted(path.stem for path in (ROOT / "jnndl").glob("*.py") if path.stem not in ("__main__",))


@pytest.mark.filterwarnings("ignore:training accuracy never rose")  # an example trains for two epochs
@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = jnndl if name == "__init__" else importlib.import_module(f"jnndl.{name}")
    failed, _ = doctest.testmod(module, extraglobs={"jnndl": jnndl, "jax": jax, "np": np})
    assert not failed


@pytest.mark.parametrize("name", [name for name in jnndl.__all__ if not inspect.ismodule(getattr(jnndl, name))])
def test_each_public_name_has_an_example(name):
    value = getattr(jnndl, name)
    if name in ("Cost", "Neuron", "Fit", "Splits", "DivergenceError"):
        pytest.skip("made by the library, or shown in CONTRIBUTING.md")
    assert ">>> " in inspect.getdoc(value)


def test_completion_shows_what_is_meant_for_people():
    assert dir(jnndl) == jnndl.__all__
