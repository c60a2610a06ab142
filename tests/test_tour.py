"""The tour: its source makes a notebook, and every cell of it runs on the bundled digits."""

import json
import re
import runpy

import pytest

import jnndl
from experiments import tour
from experiments.__main__ import main


def test_cells_of_a_small_program():
    source = "# %% [markdown]\n# # Title\n#\n# text\n# %%\nx = 1\n\n\n# %%\nprint(x)\n"
    assert tour.cells(source) == [("markdown", "# Title\n\ntext"), ("code", "x = 1"), ("code", "print(x)")]


def test_the_command_makes_a_notebook(tmp_path, capsys):
    assert main(["tour", "--out", str(tmp_path / "tour.ipynb")]) == 0
    book = json.loads((tmp_path / "tour.ipynb").read_text())
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    kinds = [cell["cell_type"] for cell in book["cells"]]
    assert min(kinds.count("code"), kinds.count("markdown")) > 10
    assert len({cell["id"] for cell in book["cells"]}) == len(kinds)
    for cell in book["cells"]:
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | (
            {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        )
    # Put together again, the code is the program.
    code = "\n".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code")
    lines = [[line for line in text.splitlines() if line.strip()] for text in (code, tour.SOURCE.read_text())]
    assert lines[0] == [line for line in lines[1] if not line.startswith("#")]
    assert main(["tour", "--out", str(tmp_path / "nowhere" / "tour.ipynb")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_names_of_the_tour_exist():
    text = " ".join(text for kind, text in tour.cells(tour.SOURCE.read_text()) if kind == "markdown")
    names = re.findall(r"`((?:neurons|costs|initializers|gradients|layers|regularizers|train)\.(?!py\b)\w+)", text)
    assert len(names) > 8
    for name in names:
        module, member = name.split(".")
        assert hasattr(getattr(jnndl, module), member), name


@pytest.mark.slow
def test_every_cell_runs_and_draws(monkeypatch, capsys):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    shown = []

    def show():
        shown.append(len(pyplot.gcf().axes))
        pyplot.close("all")

    monkeypatch.setattr(pyplot, "show", show)
    values = runpy.run_path(str(tour.SOURCE))
    printed = capsys.readouterr().out
    assert "[1, 1] -> 0" in printed
    assert "the same: True" in printed
    assert len(shown) == 11
    assert all(shown)
    assert max(values["apart"]) < 1e-6
    assert values["result"].accuracy > 0.9
