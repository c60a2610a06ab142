"""The companion: its sources make notebooks, every cell of them runs on the bundled digits, and hand-ins are graded."""

import ast
import builtins
import contextlib
import importlib.util
import json
import pathlib
import re
import subprocess
import sys

import jax
import numpy as np
import pytest

import jnndl
from experiments import companion
from experiments.__main__ import main
from experiments.companion import grade

CHAPTERS = [*companion.SOURCES]
REMEDY = "make notebooks"
BOOK = "http://neuralnetworksanddeeplearning.com/"
PUBLIC = {"jnndl", "jax", "optax", "numpy", "matplotlib", "dataclasses", "math"}  # what a notebook may import


def stored(chapter):
    return json.loads((companion.STORED / f"chapter_{chapter}.ipynb").read_text())


def code_of(book):
    """The text of each cell of code."""
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]


def texts_of(chapter):
    """All that a chapter says, in its texts."""
    return "\n".join(text for kind, text in companion.cells(source_of(chapter)) if kind == "markdown")


def source_of(chapter):
    return companion.SOURCES[chapter].read_text()


def outputs_of(book):
    return [output for cell in book["cells"] for output in cell.get("outputs", ())]


def told(cell):
    """What a stored cell printed."""
    return "".join("".join(output.get("text", ())) for output in cell["outputs"])


def drawn(cell):
    """How many pictures a stored cell drew."""
    return sum("image/png" in output.get("data", ()) for output in cell["outputs"])


def test_there_is_a_notebook_for_each_chapter():
    assert CHAPTERS == [1, 2, 3, 4, 5, 6]
    kept = {path.name for path in companion.STORED.iterdir() if path.suffix == ".ipynb"}
    assert kept == {f"chapter_{chapter}.ipynb" for chapter in CHAPTERS}


def test_cells_of_a_small_program():
    source = "# %% [markdown]\n# # Title\n#\n# text\n# %%\nx = 1\n\n\n# %%\nprint(x)\n"
    assert companion.cells(source) == [("markdown", "# Title\n\ntext"), ("code", "x = 1"), ("code", "print(x)")]


@pytest.mark.parametrize("name", ["2", "ch2", "chapter_2.ipynb"])
def test_the_command_makes_a_notebook(name, tmp_path, capsys):
    assert main(["notebook", name, "--out", str(tmp_path / "mine.ipynb")]) == 0
    book = json.loads((tmp_path / "mine.ipynb").read_text())
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    kinds = [cell["cell_type"] for cell in book["cells"]]
    assert min(kinds.count("code"), kinds.count("markdown")) > 8
    assert len({cell["id"] for cell in book["cells"]}) == len(kinds)
    for cell in book["cells"]:
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | (
            {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        )
    # Put together again, the code is the program; before it comes what installs the library.
    first, *rest = code_of(book)
    assert first == companion.INSTALL
    lines = [[line for line in text.splitlines() if line.strip()] for text in ("\n".join(rest), source_of(2))]
    comments = ("# %%", "# ", "#")
    assert [line for line in lines[0] if not line.startswith(comments)] == [
        line for line in lines[1] if not line.startswith(comments)
    ]
    assert main(["notebook", name, "--out", str(tmp_path / "nowhere" / "mine.ipynb")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_a_copy_that_somebody_changed_is_kept_and_opened(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    opened = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(
        subprocess, "run", lambda command: opened.append(command) or subprocess.CompletedProcess(command, 0)
    )
    assert main(["notebook", "2"]) == 0
    assert main(["notebook", "2"]) == 0  # nobody has changed it
    assert capsys.readouterr().out == 2 * "written: chapter_2.ipynb\n"
    copy = pathlib.Path("chapter_2.ipynb")
    mine = copy.read_text().replace("eps=1e-2", "eps=1e-6")
    assert mine != copy.read_text()
    copy.write_text(mine)
    assert main(["notebook", "2"]) == 0
    assert capsys.readouterr().out == "kept as it is, with your changes: chapter_2.ipynb\n"
    assert copy.read_text() == mine
    assert opened == 3 * [[sys.executable, "-m", "jupyterlab", "chapter_2.ipynb"]]
    assert main(["notebook", "2", "--out", str(tmp_path)]) == 2  # a folder


def test_without_jupyter_the_remedy_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["notebook", "2"]) == 0
    assert 'pip install "jnndl[notebook]") and run: jupyter lab chapter_2.ipynb' in capsys.readouterr().out


def test_what_the_command_refuses(capsys):
    assert main(["notebook"]) == 0
    assert capsys.readouterr().out.count("Chapter ") == len(CHAPTERS)
    assert main(["notebook", "2", "2"]) == 2
    assert capsys.readouterr().err == "error: there are several chapters; give one, or --store\n"
    assert main(["notebook", "2", "--store", "--out", "mine.ipynb"]) == 2
    assert capsys.readouterr().err.endswith("leave out --out\n")
    with pytest.raises(SystemExit, match="2"):
        main(["notebook", "7"])
    assert f"'7' is no chapter; give one of {', '.join(map(str, CHAPTERS))}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (
            companion.STORED,
            'error: running a notebook needs nbclient, which is not installed; pip install "jnndl[notebook]"',
        ),
        (pathlib.Path("nowhere"), "error: --store: there is no folder nowhere; use it in a clone"),
    ],
)
def test_what_storing_needs(where, sentence, monkeypatch, capsys):
    monkeypatch.setattr(companion, "STORED", where)
    monkeypatch.setitem(sys.modules, "nbclient", None)
    assert main(["notebook", "--store"]) == 2
    assert capsys.readouterr().err == sentence + "\n"


@pytest.mark.parametrize("installed", [True, False])
def test_the_first_cell_installs_where_the_library_is_missing(installed, monkeypatch):
    command = f'%pip install --quiet "jnndl[experiments] @ git+{companion.REPOSITORY}"'
    assert companion.INSTALL.endswith(command)
    done = []
    monkeypatch.setattr(builtins, "pip", lambda: done.append("installed"), raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: {"jnndl": "found" if installed else None}[name])
    exec(companion.INSTALL.replace(command, "pip()"), {})
    assert done == ([] if installed else ["installed"])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_stored_notebook_is_its_source_and_has_run(chapter):
    text = (companion.STORED / f"chapter_{chapter}.ipynb").read_text()
    book = json.loads(text)
    assert text == companion.text_of(book)
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), REMEDY
    for cell in code:
        cell |= {"execution_count": None, "outputs": []}
    assert book == companion.of_chapter(chapter), REMEDY


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_outputs_of_a_stored_notebook_are_the_same_on_any_machine(chapter):
    assert (companion.STORED / f"chapter_{chapter}.ipynb").stat().st_size < 600_000
    outputs = outputs_of(stored(chapter))
    kinds = {(output["output_type"], output.get("name")) for output in outputs}
    assert kinds <= {("stream", "stdout"), ("display_data", None), ("execute_result", None)}  # no error, no warning
    said = "".join(
        "".join([*output.get("text", ()), *output.get("data", {}).get("text/plain", ())]) for output in outputs
    )
    assert len(said) > 200
    assert not re.search(r"""(^|[\s'"(=])(/|[A-Z]:\\)\w""", said), "a path"
    assert not re.search(r"\b\d+(\.\d+)? ?(s|ms|seconds?|it/s)\b", said), "a time"
    assert not re.search(r"0x[0-9a-f]{6,}", said), "an address"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_uses_what_is_public(chapter):
    tree = ast.parse(source_of(chapter))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert {name.partition(".")[0] for name in names} <= PUBLIC
            if names[0] == "jnndl.layers":
                assert [alias.name for alias in node.names] == ["Affine"]
            elif names[0].startswith("jnndl") and isinstance(node, ast.ImportFrom):
                assert {alias.name for alias in node.names} <= set(jnndl.__all__)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "jnndl":
            assert node.attr in jnndl.__all__


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_names_in_a_notebooks_texts_exist(chapter):
    modules = {"neurons", "costs", "initializers", "gradients", "layers", "regularizers", "equations", "plots"}
    names = re.findall(r"`(?:jnndl\.)?(\w+)\.(\w+)[`(.]", texts_of(chapter))
    names = [(module, member) for module, member in names if module in modules and member != "py"]
    names += [("", name) for name in re.findall(r"`jnndl\.(\w+)[`(]", texts_of(chapter))]
    assert len(names) > 1
    for module, member in names:
        assert hasattr(getattr(jnndl, module) if module else jnndl, member), (module, member)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_teaches(chapter):
    """What each has: links to its chapter's sections and equations, tasks, and an answer to each."""
    text = texts_of(chapter)
    links = re.findall(re.escape(BOOK) + r"(chap\d)\.html#([^)\s]+)", text)
    assert len(links) >= 4
    assert all(page == f"chap{chapter}" for page, _ in links)
    for number, anchor in re.findall(r"\[(?:[Ee]quations? )?(\w+)\]\([^)]*#eqtn(\w+)\)", text):
        assert number == anchor
    tasks = text.count("**Change:**")
    assert tasks >= 3
    assert text.count("<details><summary>Answer</summary>") == tasks
    assert (
        text.count("<details>")
        == text.count("</details>")
        == len(re.findall(r"<details><summary>.*</summary>\n\n", text))
    )
    assert text.count("jnndl.load_mnist()") == (chapter != 4)


def run_cell(source, names):
    """Run a cell as a notebook does; returns its last value if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


FIGURE = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")
SPACE = re.compile(r"\s+")


def without_figures(text):
    """A text without its figures: they depend on the processor, on JAX, and on how programs are optimised."""
    return SPACE.sub(" ", FIGURE.sub("#", text))


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_cell_runs_and_gives_what_is_stored(chapter, tmp_path, monkeypatch, capsys):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    shown = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()) or pyplot.close("all"))
    names = {"__name__": "__main__"}
    with jax.numpy_rank_promotion("allow"):  # as it is for a learner
        for cell in stored(chapter)["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] != "code" or source == companion.INSTALL:
                continue
            shown.clear()
            value = run_cell(source, names)
            if hasattr(value, "_repr_png_"):
                shown.append(value)
                value._repr_png_()
            assert len(shown) == drawn(cell), (source, REMEDY)
            assert all(figure.axes for figure in shown)
            assert without_figures(capsys.readouterr().out) == without_figures(told(cell)), (source, REMEDY)
    SEEN[chapter](names)


def learned_1(names):
    assert names["result"].accuracy > 0.95
    assert names["said"].labels.tolist() == [3]


def learned_2(names):
    assert len(names["checked"].faults) == 3  # the exercise is not done yet


def learned_3(names):
    cost = names["overfit"].history.evaluation_cost
    assert cost[-1] > 1.1 * cost.min()
    assert np.mean(names["tested"]) > 95


def learned_4(names):
    f, x, far = names["f"], names["x"], {}
    for n in (5, 20, 80):
        made = names["values"](*names["bumps"](f((np.arange(n) + 0.5) / n), weight=20_000.0))
        far[n] = np.abs(made - f(x)).mean()
    assert far[80] < far[20] / 3 < far[5] / 9


def learned_5(names):
    speed = names["run"].history.probe
    assert (speed[:-2] < speed[1:-1]).all()  # every hidden layer slower than the next, in every epoch


def learned_6(names):
    assert np.allclose(names["by_hand"], names["maps"][:, :, 0], atol=1e-5)
    assert (names["votes"] == names["truth"]).mean() > 0.97


SEEN = {1: learned_1, 2: learned_2, 3: learned_3, 4: learned_4, 5: learned_5, 6: learned_6}


# Grading: the exercise of chapter 2.


def answer():
    """The answer of the exercise, out of its fold."""
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", texts_of(2), re.S) if "class Mine" in code]
    return code


def hand_in(path, change=lambda code: code, book=True):
    """A notebook with the answer in the exercise's cell, changed."""
    code = change(answer())
    if book:
        found = companion.of_chapter(2)
        (cell,) = [cell for cell in found["cells"] if "class Mine" in "".join(cell["source"]) and "outputs" in cell]
        rest = "".join(cell["source"]).partition("\n\n\nchecked")
        cell["source"] = (code + "\n\nchecked" + rest[2]).splitlines(keepends=True)
        code = companion.text_of(found)
    path.write_text(code)
    return path


GRADED = {
    "right.ipynb": (lambda code: "while True:\n    pass\n" + code, "right"),  # what a hand-in does is not run
    "sign.ipynb": (
        lambda code: code.replace("delta.T @ a", "-delta.T @ a"),
        "wrong: layer 0, Mine: backward's gradient for weight is off by 2.0e+00",
    ),
    "half.py": (
        lambda code: code.replace("delta @ params.weight", "jnp.zeros_like(a)"),
        "wrong: layer 0, Mine: backward's gradient for the layer below is off by 1.0e+00",
    ),
    "lent.py": (
        lambda code: code.replace("a, z = saved", "return super().backward(params, saved, grad)"),
        "look: right, but it contains super().backward",
    ),
    "syntax.ipynb": (lambda code: code.replace("delta = ", "delta := "), "broken: SyntaxError"),
    "typo.ipynb": (lambda code: code.replace("delta.sum", "delta.summ"), "broken: AttributeError"),
    "none.py": (lambda code: code.replace("Mine", "Other"), "broken: ValueError: it has no class Mine"),
}


@pytest.mark.parametrize("name", GRADED)
def test_a_hand_in_gets_its_verdict(name, tmp_path):
    change, wanted = GRADED[name]
    word, why = grade.verdict(hand_in(tmp_path / name, change, book=name.endswith(".ipynb")))
    assert f"{word}: {why}".startswith(wanted)


@pytest.mark.slow
def test_the_command_grades_each_in_a_process_of_its_own(tmp_path, monkeypatch, capfd):
    files = [hand_in(tmp_path / "anna.ipynb"), tmp_path / "ben.py", tmp_path / "carl.py"]
    files[1].write_text("class Mine:\n    print('Good morning', end='')\n    raise SystemExit(3)\n")
    files[2].write_text("class Mine:\n    while True:\n        pass\n")
    assert main(["grade", *map(str, files[:2])]) == 1
    told = capfd.readouterr().out.splitlines()
    assert told == [f"right   {files[0]}", f"broken  {files[1]}: it ended with status 3", "1 of 2 right"]
    monkeypatch.setattr(grade, "SECONDS", 2)
    assert main(["grade", str(files[2])]) == 1
    assert "not done after 2 seconds" in capfd.readouterr().out
    assert main(["grade", str(tmp_path / "dora.py")]) == 2
    assert "there is no such file" in capfd.readouterr().err


@pytest.mark.slow
def test_the_answer_of_chapter_2_learns(tmp_path, monkeypatch, capsys):
    """With the answer in place, the rest of the notebook goes on."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.close("all"))
    book = json.loads(hand_in(tmp_path / "mine.ipynb").read_text())
    names = {"__name__": "__main__"}
    with contextlib.redirect_stderr(None), jax.numpy_rank_promotion("allow"):
        for source in code_of(book)[1:]:
            run_cell(source, names)
    assert names["checked"].ok
    assert names["fit"].history.evaluation_accuracy[-1] > 0.9
    assert "All right!" in capsys.readouterr().out
