"""What is installed: the lists of packages against the imports, the wheel, the version, and what runs the tests."""

import ast
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
import yaml

import jnndl

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
FOR_USERS = {"sklearn", "images", "experiments", "notebook"}
MODULE = {"scikit-learn": "sklearn", "pillow": "PIL", "pyyaml": "yaml"}  # where it is not the package's name
# Needed, but imported by no file: half of JAX, plug-ins of pytest, programs, and what a notebook runs in.
TOOLS = {"jaxlib", "beartype", "pytest_cov", "pytest_xdist", "mypy", "ruff", "setuptools", "ipywidgets", "jupyterlab"}


def modules(requirements):
    """The names by which the packages of these requirements are imported; an extra of our own is looked up."""
    found = set()
    for line in requirements:
        if own := re.fullmatch(r"jnndl\[(.+)\]", line):
            found |= set().union(*(modules(EXTRAS[extra.strip()]) for extra in own[1].split(",")))
        else:
            package = re.match(r"[\w.-]+", line)[0].lower()
            found.add(MODULE.get(package, package.replace("-", "_")))
    return found


CORE = modules(
    line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")
)


def imports(path):
    """Pairs of a module from outside that a file imports, and whether importing the file does so."""
    tree = ast.parse(path.read_text(), str(path))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inside = {id(node) for f in ast.walk(tree) if isinstance(f, functions) for node in ast.walk(f)}
    own = {"jnndl", "experiments", *(file.stem for file in (ROOT / "tests").glob("*.py"))}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip":
            names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - own:
            yield name, id(node) not in inside


def listed(path, at_once):
    """What may be imported there: at the top of the file, or inside a function of it."""
    folder, *rest = path.relative_to(ROOT).parts
    if folder == "jnndl":
        if path.stem == "sklearn":  # which ``import jnndl`` leaves alone
            return CORE | modules(EXTRAS["sklearn"])
        return CORE if at_once else CORE | modules(f"jnndl[{extra}]" for extra in FOR_USERS)
    if folder == "tests":
        return CORE | modules(EXTRAS["test"]) | modules(EXTRAS["torch"])
    timed = "rivals" in rest or path.stem in ("benchmark", "accelerator")
    return CORE | modules(EXTRAS["bench" if timed else "experiments"])


FILES = {folder: sorted((ROOT / folder).rglob("*.py")) for folder in ("jnndl", "experiments", "tests")}


@pytest.mark.parametrize("folder", FILES)
def test_what_is_imported_is_listed(folder):
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in FILES[folder]
        for name, at_once in imports(path)
        if name not in listed(path, at_once)
    }
    assert not missing


def test_what_is_listed_is_imported():
    used = {name for paths in FILES.values() for path in paths for name, _ in imports(path)}
    assert CORE | modules(f"jnndl[{extra}]" for extra in EXTRAS) <= used | TOOLS


def test_all_is_every_extra_for_users():
    assert modules(EXTRAS["all"]) == modules(f"jnndl[{extra}]" for extra in FOR_USERS)
    assert set(EXTRAS) == FOR_USERS | {"all", "bench", "test", "torch"}


def build(folder):
    """Build the wheel from a copy of what is in the repository; returns its path."""
    source = folder / "a copy"  # with a blank in its name
    source.mkdir()
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for name in FILES:
        for path in (ROOT / name).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                copy = source / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    program = f"from setuptools import build_meta; build_meta.build_wheel({str(folder)!r})"
    done = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """What the wheel holds, in a folder."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(build(folder)) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run(wheel, program, folder):
    """Run a program in a folder, with nothing of ours but what the wheel installs."""
    environment = os.environ | {"PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_program_and_nothing_else(wheel):
    held = {str(path.relative_to(wheel)) for path in wheel.rglob("*") if path.is_file()}
    wanted = {
        str(path.relative_to(ROOT))
        for folder in ("jnndl", "experiments")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".md", ".png") and path.name != "results.html"
    }
    assert {"jnndl/__init__.py", "jnndl/py.typed", "experiments/__main__.py"} <= wanted
    assert {name for name in held if ".dist-info" not in name} == wanted


def test_the_wheel_says_what_it_needs(wheel):
    (path,) = wheel.glob("*.dist-info/METADATA")
    lines = path.read_text().partition("\n\n")[0].splitlines()
    needs = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    assert modules(line for line in needs if "extra ==" not in line) == CORE
    assert f"Version: {jnndl.__version__}" in lines
    assert {line.removeprefix("Provides-Extra: ") for line in lines if line.startswith("Provides-Extra")} == set(EXTRAS)


def test_the_wheel_trains_with_the_core_alone(wheel, tmp_path):
    absent = modules(f"jnndl[{extra}]" for extra in EXTRAS) - CORE - {"scipy"}  # JAX itself needs scipy
    assert {"sklearn", "matplotlib", "PIL", "torch"} <= absent
    program = f"""
import sys
sys.modules.update(dict.fromkeys({sorted(absent)}))  # to import one of them is an error

import pathlib
import jax
import numpy as np
import jnndl

assert pathlib.Path(jnndl.__file__).is_relative_to({str(wheel)!r})
points = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
data = jnndl.Dataset(points, (points[:, 0] > points[:, 1]).astype(np.int32))
network = jnndl.mlp([2, 2])
fit = jnndl.fit(network, data, data, key=jax.random.key(0), epochs=10, learning_rate=1.0)
jnndl.save("network.safetensors", network, fit.params)
network, params = jnndl.load("network.safetensors")[:2]
print(jnndl.evaluate(network, params, data).accuracy)
"""
    assert float(run(wheel, program, tmp_path)) > 0.9


def test_the_wheel_runs_the_experiments_command(wheel, tmp_path):
    program = """
import experiments, experiments.__main__
print(experiments.__file__)
assert experiments.__main__.main([]) == 0
assert experiments.__main__.main(["tour"]) == 0
"""
    file, *told = run(wheel, program, tmp_path).splitlines()
    assert pathlib.Path(file).is_relative_to(wheel)
    assert any("ch1-baseline" in line for line in told)
    assert (tmp_path / "tour.ipynb").exists()


def test_the_version_stands_in_the_changelog():
    text = (ROOT / "CHANGELOG.md").read_text()
    (unreleased,) = re.findall(r"^## \[Unreleased\]\n(.*?)^## ", text, re.M | re.S)
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", text, re.M)
    numbers = [tuple(map(int, version.split("."))) for version in released]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(released) + 1 == len(re.findall(r"^## ", text, re.M))
    assert set(re.findall(r"^### (.*)$", text, re.M)) <= {
        *("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
    }
    if unreleased.strip():  # then this is no longer the released version, and not yet the next
        number, development, _ = jnndl.__version__.partition(".dev")
        assert development
        assert tuple(map(int, number.split("."))) > numbers[0]
    else:
        assert jnndl.__version__ == released[0]


def test_the_citation_has_what_the_format_asks_for():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}
    assert citation["title"] == PROJECT["name"]
    assert citation["license"] == PROJECT["license"]
    assert [author["name"].lower() for author in citation["authors"]] == [a["name"] for a in PROJECT["authors"]]


GATE = (ROOT / ".ci" / "run").read_text()
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
(JOB,) = WORKFLOW["jobs"].values()


def make_calls(text):
    """The calls of make in a shell script: each one's target."""
    return set(re.findall(r"^[^#\n]*?\bmake ([\w./-]+)", text, re.M))


def test_the_workflow_makes_what_the_gate_makes():
    commands = "\n".join(step.get("run", "") for step in JOB["steps"])
    assert (
        make_calls(commands) == {"check", "test", ".venv/test.stamp"} == make_calls(GATE) - {".venv-newest/test.stamp"}
    )
    for text in (commands, GATE):
        assert "JNNDL_TEST_OPTIMIZED=1 make test ARGS='-m core'" in text


def test_the_workflow_has_the_oldest_and_the_newest_jax():
    oldest, newest = JOB["strategy"]["matrix"]["include"]
    assert PROJECT["requires-python"] == f">={oldest['python']}"
    assert f"jax>={oldest['jax'].removeprefix('jax==').removesuffix('.*')}" in (ROOT / "requirements.txt").read_text()
    assert (
        f"Programming Language :: Python :: {newest['python']}"
        == [line for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)][-1]
    )
    assert {oldest["torch"], newest["torch"]} == {f"{EXTRAS['torch'][0]}+cpu", ""}


def test_the_workflow_pins_the_actions_of_others():
    actions = [step["uses"] for step in JOB["steps"] if "uses" in step]
    assert actions
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in actions)


@pytest.mark.parametrize(
    ("target", "extra"),
    [("run", "experiments"), ("test", "test"), ("check", "test"), ("bench", "bench"), ("tour", "notebook")],
)
def test_make_installs_what_a_target_needs(target, extra, tmp_path):
    fresh = tmp_path / "a clone"  # with a blank in its name
    fresh.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        (fresh / name).write_bytes((ROOT / name).read_bytes())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-n", target], cwd=fresh, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"--editable '\.\[(\w+)\]'", done.stdout) == [extra]


def test_the_hooks_have_the_linter_of_the_tests():
    remote, local = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["id"] for hook in remote["hooks"]] == ["ruff-check", "ruff-format"]
    assert f"ruff~={remote['rev'].removeprefix('v')}" in EXTRAS["test"]
    assert [hook["id"] for hook in local["hooks"]] == ["mypy"]


@pytest.mark.parametrize(("switch", "optimised"), [(None, False), ("0", False), ("1", True)])
def test_the_switch_leaves_the_programs_of_the_tests_as_a_user_has_them(switch, optimised):
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JNNDL_TEST_OPTIMIZED")}
    environment |= {} if switch is None else {"JNNDL_TEST_OPTIMIZED": switch}
    program = "import os, conftest; print(os.environ.get('XLA_FLAGS', ''))"
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("--xla_backend_optimization_level=0" in done.stdout) is not optimised
    assert bool(done.stdout.strip()) is not optimised
