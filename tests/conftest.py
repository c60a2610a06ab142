"""What all tests share: strict shapes, real digits, and MNIST where there is one."""

import os
import pathlib

import browsing
import jax
import pytest

import jnndl

# Most of the time goes into compiling programs that run once; has to come before the backend starts. The older of two
# code generators is the faster one, as long as there are two. A user's programs are optimised in full: so are the
# tests' with JNNDL_TEST_OPTIMIZED=1, for those marked core.
OPTIMIZED = os.environ.get("JNNDL_TEST_OPTIMIZED", "") not in ("", "0")
if not OPTIMIZED:
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"
    if jax.__version_info__ < (0, 11):
        os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"
MAPS = 15_000
jax.config.update("jax_num_cpu_devices", 2)  # as the experiments' command does; before the first use
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_report_header():
    """Which programs are tested."""
    return f"jax {jax.__version__}, programs {'optimised in full' if OPTIMIZED else 'not optimised'}"


def pytest_collection_modifyitems(items):
    """The slow tests first: a long one that starts last keeps one core busy and the others waiting."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True, scope="module")
def forgotten_programs():
    """Every compiled program has memory maps, and Linux lets a process have 65,530: at the next one it crashes."""
    yield
    maps = pathlib.Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MAPS:
        jax.clear_caches()


@pytest.fixture(scope="session")
def digits():
    return jnndl.load_digits()


@pytest.fixture(scope="session")
def mnist():
    if "JNNDL_DATA" not in os.environ:
        pytest.skip("needs MNIST: set JNNDL_DATA to the folder of its four IDX files")
    return jnndl.load_mnist()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Debian's Chromium, without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright to talk to a browser")
    if browsing.program() is None:
        pytest.skip("needs a browser: apt-get install chromium, or set CHROMIUM to one")
    with api.sync_playwright() as started:
        context = started.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=browsing.program(),
            headless=True,
            args=browsing.FLAGS.split(),
        )
        yield context
        context.close()


@pytest.fixture
def x64():
    """Run a test in float64."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def compiled():
    """What is compiled during a test, a name a program."""
    programs = []

    def listen(event, seconds, fun_name="", **_):
        if event == "/jax/core/compile/backend_compile_duration":
            programs.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield programs
    jax.monitoring.unregister_event_duration_listener(listen)
