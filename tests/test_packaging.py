"""What is installed: the lists of packages against the imports, the wheel, the version, and what runs the tests."""

import ast
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement

import jnndl
import jnndl.__main__
from experiments import companion

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
FOR_USERS = {"sklearn", "images", "experiments", "notebook"}
SITE = {"docutils"}  # a part of Sphinx
MODULE = {"scikit-learn": "sklearn", "pillow": "PIL", "pyyaml": "yaml"}  # where it is not the package's name
# Needed, but imported by no file: half of JAX, plug-ins of pytest, programs, and what a notebook runs in.
TOOLS = {"jaxlib", "beartype", "pytest_cov", "pytest_xdist", "mypy", "ruff", "setuptools", "ipywidgets", "jupyterlab"}
TOOLS |= {"furo", "myst_nb"}  # named in the settings of Sphinx


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
    beside = [*(ROOT / "tests").glob("*.py"), *(ROOT / "docs").glob("*.py")]
    own = {"jnndl", "experiments", *(file.stem for file in beside)}
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
    if folder == "docs":
        return CORE | modules(EXTRAS["site"]) | SITE
    if rest[0] == "companion" and not at_once:
        return CORE | modules(EXTRAS["notebook"])
    timed = "rivals" in rest or path.stem in ("benchmark", "accelerator")
    return CORE | modules(EXTRAS["bench" if timed else "experiments"])


FILES = {folder: sorted((ROOT / folder).rglob("*.py")) for folder in ("jnndl", "experiments", "tests", "docs")}


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
    assert set(EXTRAS) == FOR_USERS | {"all", "bench", "site", "test", "torch"}


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
def built(tmp_path_factory):
    """The wheel."""
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel(built):
    """What the wheel holds, in a folder."""
    with zipfile.ZipFile(built) as archive:
        archive.extractall(built.parent / "held")
    return built.parent / "held"


def lend(site, requirement):
    """Link what a requirement needs into an empty environment: packages as they are installed here, and no others.

    That is what pip would install, but for the versions, and it takes no network and no time.
    """
    waiting, done = [Requirement(requirement)], set()
    while waiting:
        wanted = waiting.pop()
        if str(wanted) in done:
            continue
        done.add(str(wanted))
        found = next(iter(metadata.distributions(name=wanted.name, path=[str(site), *sys.path])), None)
        assert found is not None, f"{wanted} is not installed here"
        for top in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(found.locate_file(top))
        for line in found.requires or ():
            needed = Requirement(line)
            extras = ["", *wanted.extras]
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                needed.marker = None
                waiting.append(needed)


def install(built, folder, extra):
    """A new environment, in a path with a blank, with the wheel and what one of its extras needs; its programs."""
    environment = folder / "an environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--no-compile", built]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # or pip finds another jnndl
    done = subprocess.run(pip, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (site,) = environment.glob("lib/python*/site-packages")
    lend(site, f"jnndl[{extra}]")
    return environment / "bin"


@pytest.fixture(scope="module")
def core(built, tmp_path_factory):
    return install(built, tmp_path_factory.mktemp("core"), "")


@pytest.fixture(scope="module")
def full(built, tmp_path_factory):
    return install(built, tmp_path_factory.mktemp("full"), "experiments")


def run(program, *arguments, folder, status=0):
    """Run an installed program in a folder, with nothing of ours in reach but what the wheel installed; its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([program, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr if status else done.stdout


def test_the_wheel_holds_the_program_and_nothing_else(wheel):
    held = {str(path.relative_to(wheel)) for path in wheel.rglob("*") if path.is_file()}
    wanted = {
        str(path.relative_to(ROOT))
        for folder in ("jnndl", "experiments")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".md", ".png") and path.name != "results.html"
        if "evidence" not in path.parts  # the folder
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


def test_the_wheel_trains_with_the_core_alone(core, tmp_path):
    program = """
import pathlib
import sys
import jax
import numpy as np
import jnndl

assert pathlib.Path(jnndl.__file__).is_relative_to(sys.prefix)
points = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
data = jnndl.Dataset(points, (points[:, 0] > points[:, 1]).astype(np.int32))
network = jnndl.mlp([2, 2])
fit = jnndl.fit(network, data, data, key=jax.random.key(0), epochs=10, learning_rate=1.0)
jnndl.save("network.safetensors", network, fit.params)
network, params = jnndl.load("network.safetensors")[:2]
print(jnndl.evaluate(network, params, data).accuracy)
"""
    assert float(run(core / "python", "-P", "-W", "error", "-c", program, folder=tmp_path)) > 0.9


def test_without_the_extra_the_remedy_is_named(core, tmp_path):
    sentence = 'error: the experiments need matplotlib, which is not installed; pip install "jnndl[experiments]"\n'
    assert run(core / "jnndl", "run", "ch1-baseline", folder=tmp_path, status=2) == sentence
    assert run(core / "python", "-P", "-m", "experiments", folder=tmp_path, status=2) == sentence


@pytest.mark.slow
def test_the_wheel_trains_on_the_digits(full, tmp_path):
    """The first experiment, then the network that it left is loaded and asked."""
    order = ["run", "ch1-baseline", "--data", "digits", "--quick", "--seeds", "2"]
    told = run(full / "jnndl", *order, folder=tmp_path)
    (path,) = tmp_path.glob("results-digits-quick/*/network.safetensors")
    assert path.parent.name == "ch1-baseline"
    assert {"result.json", "draw.html", "accuracy.png"} <= {file.name for file in path.parent.iterdir()}
    assert "Now draw a digit" in told
    program = """
import sys
import jnndl

test = jnndl.load_digits().test
network, params = jnndl.load(sys.argv[1])
print(jnndl.evaluate(network, params, test).accuracy)
"""
    assert float(run(full / "python", "-P", "-W", "error", "-c", program, path, folder=tmp_path)) > 0.5


def test_the_wheel_lists_the_experiments_and_makes_a_notebook(full, tmp_path):
    program = """
import pathlib, sys
import experiments, experiments.__main__

assert pathlib.Path(experiments.__file__).is_relative_to(sys.prefix)
assert experiments.__main__.main([]) == 0
assert experiments.__main__.main(["notebook", "2", "--out", "mine.ipynb"]) == 0
"""
    assert "ch1-baseline" in run(full / "python", "-P", "-W", "error", "-c", program, folder=tmp_path)
    assert (tmp_path / "mine.ipynb").exists()


def test_a_command_of_another_package_gets_its_arguments(monkeypatch, capsys):
    def entry_points(group):
        assert group in PROJECT["entry-points"]
        return [metadata.EntryPoint(*pair, group) for pair in PROJECT["entry-points"][group].items()]

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    assert jnndl.__main__.main(["run"]) == 0
    assert "ch1-baseline" in capsys.readouterr().out
    assert jnndl.__main__.main(["run", "ch1-basline", "--quick"]) == 2
    assert "did you mean ch1-baseline" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        jnndl.__main__.main(["--help"])
    told = capsys.readouterr().out
    assert re.search(r"run +Of the package experiments: see run --help", told)


def test_the_address_of_the_repository_is_everywhere_the_same():
    assert PROJECT["urls"]["Repository"] == companion.REPOSITORY
    known = not companion.REPOSITORY.startswith("https://git.example/")
    assert CITATION.get("repository-code") == (companion.REPOSITORY if known else None)
    for name in ("README.md", "CONTRIBUTING.md"):
        assert set(re.findall(r"git\+(\w+://[\w./-]+)", (ROOT / name).read_text())) <= {companion.REPOSITORY}


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
    assert CITATION.keys() >= {"cff-version", "message", "title", "authors"}
    assert CITATION["title"] == PROJECT["name"]
    assert CITATION["license"] == PROJECT["license"]
    assert [author["name"].lower() for author in CITATION["authors"]] == [a["name"] for a in PROJECT["authors"]]


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


def test_the_workflows_pin_the_actions_of_others():
    site = yaml.safe_load((ROOT / ".github" / "workflows" / "site.yml").read_text())
    steps = [step for job in (JOB, *site["jobs"].values()) for step in job["steps"]]
    actions = [step["uses"] for step in steps if "uses" in step]
    assert len(actions) >= 6
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in actions)


@pytest.mark.parametrize(
    ("target", "extra"),
    [
        ("run", "experiments"),
        ("test", "test"),
        ("check", "test"),
        ("bench", "bench"),
        ("notebook", "notebook"),
        ("notebooks", "notebook"),
    ],
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
