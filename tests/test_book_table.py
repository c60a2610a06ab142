"""The table of the book, docs/book.toml: what it names exists, and nothing of the book is missing from it."""

import ast
import functools
import pathlib
import re
import tomllib
from xml.etree import ElementTree

import pytest

import jnndl
from experiments.catalogue import EXPERIMENTS

ROOT = pathlib.Path(__file__).resolve().parents[1]
ENTRIES = tomllib.loads((ROOT / "docs" / "book.toml").read_text())["entry"]
KINDS = ("listing", "equation", "figure", "problem")
KEYS = {"chapter", "kind", "name", "section", "ours", "tests", "questions"}  # of every entry; a note it may have
MORE = {"equation": {"what", "latex"}}

# The first and the last number of each chapter, and the numbers that have letters.
NUMBERS = {1: (1, 22), 2: (23, 53), 3: (54, 112), 4: (113, 113), 5: (114, 124), 6: (125, 125)}
LETTERS = {2: ["BP1", "BP1a", "BP2", "BP3", "BP4"]}

# In the README's table, but no functions: attributes of a network, and arguments of SGD.
NO_FUNCTIONS = {"weights", "biases", "monitor_", "early_stopping_n"}


def of_kind(kind):
    return [entry for entry in ENTRIES if entry["kind"] == kind]


def everything(key):
    """The name of an entry, and each thing that it lists under a key."""
    return [(entry["name"], value) for entry in ENTRIES for value in entry[key]]


def test_every_entry_has_the_keys_of_its_kind():
    for entry in ENTRIES:
        name = entry["name"]
        assert entry["kind"] in KINDS, name
        assert entry.keys() - {"note"} == KEYS | MORE.get(entry["kind"], set()), name
        for key, value in entry.items():
            wanted = {"chapter": int, "ours": list, "tests": list, "questions": list}.get(key, str)
            assert isinstance(value, wanted), (name, key)
            assert value or wanted is list, (name, key)
        for key in ("ours", "tests", "questions"):
            assert all(isinstance(value, str) for value in entry[key]), (name, key)
            assert len(entry[key]) == len(set(entry[key])), (name, key)


def test_entries_are_in_the_books_order_and_each_once():
    chapters = [entry["chapter"] for entry in ENTRIES]
    assert chapters == sorted(chapters)
    assert set(chapters) == {1, 2, 3, 4, 5, 6}
    names = [(entry["chapter"], entry["kind"], entry["name"]) for entry in ENTRIES]
    assert [name for name in names if names.count(name) > 1] == []


def test_where_nothing_of_ours_is_named_a_note_says_why():
    named = [entry for entry in ENTRIES if entry["ours"] or entry["tests"] or entry["questions"]]
    assert [entry["name"] for entry in ENTRIES if entry not in named and "note" not in entry] == []


def exists(name):
    """Whether a dotted name is a public one below jnndl."""
    value = jnndl
    for part in name.split("."):
        if part.startswith("_") or not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True


def test_names_of_ours_exist():
    assert [(entry, name) for entry, name in everything("ours") if not exists(name)] == []


@functools.cache
def functions(file):
    """The functions of a test file, without importing it."""
    path = ROOT / file
    nodes = ast.parse(path.read_text()).body if path.is_file() else []
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


def test_tests_exist():
    for entry, test in everything("tests"):
        found = re.fullmatch(r"(tests/test_\w+\.py)::(test_\w+)", test)
        assert found, (entry, test)
        assert found[2] in functions(found[1]), (entry, test)


def test_questions_exist_and_each_of_the_book_is_named():
    asked = {name for _, name in everything("questions")}
    assert asked - EXPERIMENTS.keys() == set()
    assert {name for name, question in EXPERIMENTS.items() if question.chapter} - asked == set()


def test_links_lead_into_the_entrys_chapter():
    for entry in ENTRIES:
        page = rf"chap{entry['chapter']}\.html"
        assert re.fullmatch(page + r"(#[\w.,$%'()-]+)?", entry["section"]), (entry["name"], entry["section"])


def numbers(name):
    """What an equation's name stands for: "(6)", "(BP1)", or "(40) to (45)"."""
    found = re.fullmatch(r"\((\d+)\)(?: to \((\d+)\))?|\((BP\d\w?)\)", name)
    assert found, name
    first, last, letters = found.groups()
    return [letters] if letters else list(range(int(first), int(last or first) + 1))


@pytest.mark.parametrize("chapter", NUMBERS)
def test_equations_are_complete_and_in_order(chapter):
    found = [n for e in of_kind("equation") if e["chapter"] == chapter for n in numbers(e["name"])]
    first, last = NUMBERS[chapter]
    assert [n for n in found if isinstance(n, int)] == list(range(first, last + 1))
    assert [n for n in found if isinstance(n, str)] == LETTERS.get(chapter, [])


def test_the_listings_that_the_readme_names_are_here():
    text = (ROOT / "README.md").read_text().split("## From the book's names to these")[1].split("\n## ")[0]
    left = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    wanted = {re.match(r"(?:\w+\.)*(\w+)", code)[1] for cell in left for code in re.findall(r"`([^`]+)`", cell)}
    assert {"SGD", "backprop", "ConvPoolLayer"} <= wanted
    listed = {re.split(r"[.: ]+", entry["name"])[-1] for entry in of_kind("listing") if ".py: " in entry["name"]}
    assert wanted - NO_FUNCTIONS - listed == set()


def test_every_formula_can_be_set():
    convert = pytest.importorskip("latex2mathml.converter").convert
    for entry in of_kind("equation"):
        assert entry["latex"].count("{") == entry["latex"].count("}"), entry["name"]  # the converter would not mind
        # What it does not know, a command or an environment, it leaves as it is: backslashes, or a bare "&".
        formula = convert(entry["latex"])
        assert "\\" not in formula, entry["name"]
        assert ElementTree.fromstring(formula).tag.endswith("math"), entry["name"]
