"""The plan of the house: who may import whom, and what the library never does."""

import ast
import importlib
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "jnndl").glob("**/*.py"))
TREES = {path.stem: ast.parse(path.read_text(), str(path)) for path in FILES}
assert len(TREES) == len(FILES), "two rooms of one name"

# The table in CONTRIBUTING.md: a room imports only from rooms below it.
ORDER = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
ROOMS = {room: set(ORDER[number + 1 :]) for number, room in enumerate(ORDER)} | {"__init__": set(ORDER)}
BORROWED = {"jax", "optax", "numpy", "jaxtyping"}  # and what lies in the standard library
# Rooms that ``import jnndl`` does not enter, because they are made of a heavy library.
OUTSIDE = {"sklearn": {"sklearn"}}
COMMAND = {"__main__", "answers", "seen"}  # of the command alone: not imported with the library


def outside_functions(tree):
    """The nodes that run when a module is imported."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from outside_functions(node)


def imported(nodes):
    """The dotted names that import statements among nodes ask for: ``from a import b`` gives ``a.b``."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; write jnndl.module"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(tree):
    """The modules of the library that a module imports, inside functions too."""
    names = [name.split(".") for name in imported(ast.walk(tree))]
    return {parts[1] if len(parts) > 1 else "__init__" for parts in names if parts[0] == "jnndl"}


def dotted(node):
    """``a.b.c`` as text, of an expression that is that; else nothing."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_every_module_has_its_row_in_the_plan():
    assert set(TREES) == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_downwards(room):
    assert rooms(TREES[room]) <= ROOMS[room]


def test_no_circles():
    below = {room: rooms(tree) for room, tree in TREES.items()}
    while below:
        ground = {room for room, wanted in below.items() if not wanted & below.keys()}
        assert ground, f"these import each other in a circle: {', '.join(below)}"
        below = {room: wanted for room, wanted in below.items() if room not in ground}


@pytest.mark.parametrize("room", TREES)
def test_only_the_lent_libraries_are_imported_with_the_library(room):
    found = {name.split(".")[0] for name in imported(outside_functions(TREES[room]))}
    assert found - sys.stdlib_module_names <= BORROWED | {"jnndl"} | OUTSIDE.get(room, set())


@pytest.mark.parametrize("room", TREES)
def test_the_library_knows_nothing_of_experiments_and_tests(room):
    assert {name.split(".")[0] for name in imported(ast.walk(TREES[room]))}.isdisjoint({"experiments", "tests"})


@pytest.fixture(scope="module")
def fresh():
    """What a fresh interpreter holds after ``import jnndl``: the backends that run, and the modules."""
    program = (
        "import sys, jnndl; from jax._src import xla_bridge\n"
        "print(jnndl.__file__, len(xla_bridge._backends), *sys.modules, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    file, backends, *modules = done.stdout.splitlines()
    assert pathlib.Path(file).parent == ROOT / "jnndl"
    return int(backends), set(modules)


def test_import_starts_no_backend(fresh):
    assert fresh[0] == 0


@pytest.mark.parametrize(
    "heavy",
    ["sklearn", "matplotlib", "jax.scipy.ndimage", "scipy.ndimage", "safetensors", "tqdm", "pooch", "requests", "PIL"],
)
def test_import_leaves_heavy_modules_alone(fresh, heavy):
    assert "jax.numpy" in fresh[1]
    assert not {name for name in fresh[1] if name == heavy or name.startswith(f"{heavy}.")}


def test_import_gives_what_it_lists():
    library = importlib.import_module("jnndl")
    assert all(hasattr(library, name) for name in library.__all__)
    assert len(set(library.__all__)) == len(library.__all__)
    assert all(hasattr(library, room) for room in set(ORDER) - OUTSIDE.keys() - COMMAND), (
        "a room that cannot be reached as jnndl.room"
    )


@pytest.mark.parametrize("room", TREES)
def test_the_library_leaves_the_configuration_of_jax_to_the_program(room):
    assert not [name for node in ast.walk(TREES[room]) if (name := dotted(node)).startswith("jax.config")]
    assert not [name for name in imported(ast.walk(TREES[room])) if name.startswith("jax.config")]


@pytest.mark.parametrize("room", TREES)
def test_the_library_makes_no_key_of_its_own(room):
    calls = [node for node in ast.walk(TREES[room]) if isinstance(node, ast.Call)]
    shapes_only = {
        id(inner) for call in calls if dotted(call.func) == "jax.eval_shape" for inner in ast.walk(call)
    }  # nothing is drawn there
    made = [call for call in calls if dotted(call.func).split(".")[-1] in ("key", "PRNGKey", "default_rng", "seed")]
    found = [call for call in made if id(call) not in shapes_only]
    assert len(found) == (room == "arguments")  # there, of the seed that a person gave


def lines_of_code(files):
    code = 0
    for path in files:
        documentation = {
            number
            for node in ast.walk(TREES[path.stem])
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
            for number in range(node.lineno, node.end_lineno + 1)
        }
        lines = enumerate(path.read_text().splitlines(), 1)
        code += sum(
            bool(line.strip()) and not line.lstrip().startswith("#") and number not in documentation
            for number, line in lines
        )
    return code


def test_the_library_is_read_in_an_evening():
    outer = ORDER[: ORDER.index("ensemble")]  # for people and their data: nothing of the book's is in them
    images = {"convolution", "correlation", "pooling", "distortion"}  # layers of images alone
    many = {"ensemble", "sharing", "processes"}  # many networks, devices and processes
    disk = {"storage", "checkpoints", "files", "network2", "idx"}  # what lies on disk, and what may be wrong with it
    assert lines_of_code(path for path in FILES if path.stem not in {*outer, *images, *disk, *many}) < 2480
    assert lines_of_code(path for path in FILES if path.stem in many) < 270
    assert lines_of_code(path for path in FILES if path.stem in disk) < 650
    assert lines_of_code(path for path in FILES if path.stem in images) < 350
    assert lines_of_code(path for path in FILES if path.stem in outer) < 2000
    assert max(len(path.read_text().splitlines()) for path in FILES) <= 300


GRADER = ROOT / "experiments" / "companion" / "grade.py"  # runs hand-ins: that is what it is for, and it says so
PROGRAMS = [*FILES, *(path for path in sorted((ROOT / "experiments").glob("**/*.py")) if path != GRADER)]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_that_could_run_a_file_as_a_program(path):
    tree = ast.parse(path.read_text(), str(path))
    modules = {name.split(".")[0] for name in imported(ast.walk(tree))}
    assert modules.isdisjoint({"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"})
    names = {dotted(node) for node in ast.walk(tree)}
    assert names.isdisjoint({"eval", "exec", "compile", "builtins.eval", "builtins.exec", "__import__"})
    assert "allow_pickle" not in {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}


def test_pytorch_is_pinned_to_one_version():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["torch"]
    (line,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("TORCH :=")]
    assert extra == [line.removeprefix("TORCH := ").partition("$")[0]]
    assert extra[0].startswith("torch==")
