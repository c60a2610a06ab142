"""The tour: its source makes a notebook, and every cell of it runs on the bundled digits."""

import builtins
import importlib.util
import json
import pathlib
import re
import runpy
import sys

import pytest

import jnndl
from experiments import tour
from experiments.__main__ import main


def code_of(book):
    """The text of each cell of code."""
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]


def outputs_of(book):
    return [output for cell in book["cells"] for output in cell.get("outputs", ())]


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
    # Put together again, the code is the program; before it comes what installs the library.
    first, *rest = code_of(book)
    assert first == tour.INSTALL
    lines = [
        [line for line in text.splitlines() if line.strip()] for text in ("\n".join(rest), tour.SOURCE.read_text())
    ]
    assert lines[0] == [line for line in lines[1] if not line.startswith("#")]
    assert main(["tour", "--out", str(tmp_path / "nowhere" / "tour.ipynb")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_a_notebook_that_somebody_changed_is_left_as_it_is(tmp_path, capsys):
    out = tmp_path / "tour.ipynb"
    again = ["tour", "--out", str(out)]
    assert main(again) == 0
    assert main(again) == 0  # nobody has changed it
    mine = out.read_text().replace("(0.235, ", "(0.25, ")
    assert mine != out.read_text()
    out.write_text(mine)
    assert main(again) == 2
    told = capsys.readouterr().err
    assert told == f"error: {out} exists, perhaps with your changes; open it, or give a new name with --out\n"
    assert out.read_text() == mine
    assert main(["tour", "--out", str(tmp_path)]) == 2  # a folder


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (
            tour.STORED,
            'error: running a notebook needs nbclient, which is not installed; pip install "jnndl[notebook]"',
        ),
        (pathlib.Path("nowhere", "a.ipynb"), "error: --store: there is no folder nowhere; use it in a clone"),
    ],
)
def test_what_storing_needs(where, told, monkeypatch, capsys):
    monkeypatch.setattr(tour, "STORED", where)
    monkeypatch.setitem(sys.modules, "nbclient", None)
    assert main(["tour", "--store"]) == 2
    assert capsys.readouterr().err == told + "\n"


def test_an_option_that_would_be_ignored_is_refused(tmp_path, capsys):
    assert main(["tour", "--store", "--out", str(tmp_path / "mine.ipynb")]) == 2
    assert "leave out --out" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("installed", [True, False])
def test_the_first_cell_installs_where_the_library_is_missing(installed, monkeypatch):
    command = f'%pip install --quiet "jnndl[experiments] @ git+{tour.REPOSITORY}"'
    assert tour.INSTALL.endswith(command)
    done = []
    monkeypatch.setattr(builtins, "pip", lambda: done.append("installed"), raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: {"jnndl": "found" if installed else None}[name])
    exec(tour.INSTALL.replace(command, "pip()"), {})
    assert done == ([] if installed else ["installed"])


def test_the_stored_notebook_is_its_source_and_has_run():
    text = tour.STORED.read_text()
    book = json.loads(text)
    assert text == tour.text_of(book)
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    remedy = "make notebooks"
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), remedy
    for cell in code:
        source = "".join(cell["source"])
        drawn = [output for output in cell["outputs"] if "image/png" in output.get("data", ())]
        assert len(drawn) == source.count("plt.show()") + source.count("\ndraw(") - source.count("def draw("), remedy
        cell |= {"execution_count": None, "outputs": []}
    assert book == tour.notebook(tour.SOURCE.read_text()), remedy


def test_the_outputs_of_the_stored_notebook_are_the_same_on_any_machine():
    assert tour.STORED.stat().st_size < 1_500_000
    book = json.loads(tour.STORED.read_text())
    kinds = {(output["output_type"], output.get("name")) for output in outputs_of(book)}
    assert kinds == {("stream", "stdout"), ("display_data", None)}  # no error, no warning
    told = "".join(
        "".join([*output.get("text", ()), *output.get("data", {}).get("text/plain", ())]) for output in outputs_of(book)
    )
    assert "[1, 1] -> 0" in told
    assert not re.search(r"""(^|[\s'"(=])(/|[A-Z]:\\)\w""", told), "a path"
    assert not re.search(r"\b\d+(\.\d+)? ?(s|ms|seconds?|it/s)\b", told), "a time"


def test_names_of_the_tour_exist():
    text = " ".join(text for kind, text in tour.cells(tour.SOURCE.read_text()) if kind == "markdown")
    names = re.findall(r"`((?:neurons|costs|initializers|gradients|layers|regularizers|train)\.(?!py\b)\w+)", text)
    assert len(names) > 8
    for name in names:
        module, member = name.split(".")
        assert hasattr(getattr(jnndl, module), member), name


FIGURE = re.compile(r"\d+(\.\d+)?(e[+-]\d+)?")


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
    stored = json.loads(tour.STORED.read_text())
    kept = "".join("".join(output.get("text", ())) for output in outputs_of(stored))
    # The same text, but for the figures: they depend on the processor, on JAX, and on how programs are optimised.
    assert FIGURE.sub("#", printed) == FIGURE.sub("#", kept), "make notebooks"
    assert len(shown) == sum("data" in output for output in outputs_of(stored))
