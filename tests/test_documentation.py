"""What is written for people runs: the examples of the docstrings, and the snippets of README and CONTRIBUTING."""

import doctest
import importlib
import inspect
import pathlib
import re
import runpy

import jax
import numpy as np
import pytest

import jnndl
from experiments import runner
from experiments.training import Job

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
    if name in ("Cost", "Neuron", "Fit", "Splits", "Sweep", "DivergenceError"):
        pytest.skip("made by the library, or shown in CONTRIBUTING.md")
    assert ">>> " in inspect.getdoc(value)


def test_completion_shows_what_is_meant_for_people():
    assert dir(jnndl) == jnndl.__all__


def snippets(name):
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.S)


def run_snippet(code, path, **names):
    path.write_text(code)
    return runpy.run_path(str(path), names)


@pytest.mark.filterwarnings("ignore:training accuracy never rose")  # for two epochs
def test_the_neuron_and_the_cost_of_contributing(tmp_path, capsys):
    (code,) = [code for code in snippets("CONTRIBUTING.md") if "cubic" in code]
    found = run_snippet(code, tmp_path / "snippet.py")
    assert "FAULT" not in (told := capsys.readouterr().out)
    assert told.count(" ok") == 4
    wrong = jnndl.Neuron("sine", found["sine"].forward, lambda z, grad_a: grad_a * jax.numpy.sin(z))
    network = jnndl.mlp([64, 30, 10], hidden=wrong)
    digits = found["digits"].training[:7]
    checked = jnndl.check_gradients(jnndl.Objective(network, found["cubic"]), network.init(0), digits, key=1)
    assert "layer 0" in checked.faults[0]


def test_the_experiment_of_contributing(tmp_path, digits, capsys):
    (code,) = [code for code in snippets("CONTRIBUTING.md") if "relu-or-sigmoid" in code]
    experiment = run_snippet(code, tmp_path / "snippet.py")["EXPERIMENT"]
    result = runner.run(experiment, Job(digits, seeds=2, quick=True), tmp_path / "results")
    assert len(result["measured"]["relu minus sigmoid"]["per_seed"]) == 2
    assert (tmp_path / "results" / "accuracy.png").exists()


@pytest.mark.filterwarnings("ignore:training accuracy never rose")
def test_the_snippets_of_the_readme_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in snippets("README.md"):
        names |= run_snippet(code.replace("epochs=30", "epochs=1"), tmp_path / "snippet.py", **names)
    assert "ok" in capsys.readouterr().out
