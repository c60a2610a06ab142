"""The command, the runner and the statistics of the experiments."""

import json
import pathlib
import re
import runpy

import jax
import numpy as np
import pytest
from scipy import stats

import jnndl
from experiments import statistics
from experiments.__main__ import EXPERIMENTS, main
from experiments.gradients import FITTING, cases

KEYS = {"experiment", "data", "seeds", "quick", "scale", "config", "measured"}
KEYS |= {"book", "verdict", "versions", "device", "seconds"}


@pytest.fixture
def quietly(monkeypatch):
    """The command sets the number of CPU devices; here that was done before the first use."""
    monkeypatch.setattr(jax.config, "update", lambda *_: None)


def test_without_a_name_the_experiments_are_listed(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed and experiment.shows in printed for name, experiment in EXPERIMENTS.items())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ch1-basline"], "there is no experiment 'ch1-basline'; did you mean ch1-baseline?"),
        (["ch9"], "there is no experiment 'ch9'; did you mean ch"),
        (
            ["ch1-baseline", "--data", "nowhere"],
            "data folder nowhere does not exist, so it lacks train-images-idx3-ubyte",
        ),
    ],
)
def test_a_request_that_cannot_be_met_ends_with_one_sentence_and_status_2(quietly, capsys, arguments, sentence):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--seeds", "many"], ["--epochs", "-1"]])
def test_a_number_that_is_none_ends_with_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(["ch1-baseline", *arguments])
    assert stop.value.code == 2
    assert f"{arguments[1]!r} is not a whole number of at least 1" in capsys.readouterr().err


def test_auto_says_how_to_get_mnist_where_it_cannot_be_had(monkeypatch, capsys):
    from experiments import runner

    def no_network():
        raise ConnectionError("no mirror; set JNNDL_DATA")

    monkeypatch.setattr(jnndl, "load_mnist", no_network)
    assert runner.open_data("auto").name == "digits"
    assert "WARNING: MNIST could not be had: no mirror; set JNNDL_DATA" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["ch1-baseline", "ch3-monitor-demo", "ch3-early-stopping", "scratch-vs-framework"])
def test_a_quick_run_leaves_result_network_and_pictures(quietly, tmp_path, capsys, name):
    assert main([name, "--quick", "--data", "digits", "--seeds", "2", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / name / "result.json").read_text())
    assert set(result) >= KEYS
    assert (result["experiment"], result["quick"], result["seeds"]) == (name, True, [0, 1])
    assert result["data"]["sizes"] == {"training": 1000, "validation": 300, "test": 300}
    main_figures = [figure for figure in result["measured"] if figure in ("test_accuracy", "validation_accuracy")]
    assert len(main_figures) == 1
    figure = result["measured"][main_figures[0]]
    assert 0.1 < figure["mean"] <= 1
    assert figure["mean"] == pytest.approx(sum(figure["per_seed"]) / 2)
    assert all("not the book's data" in verdict for verdict in result["verdict"].values())
    assert list((tmp_path / name).glob("*.png"))
    network, params = jnndl.load(tmp_path / name / "network.safetensors")
    assert jnndl.predict(network, params, jnndl.load_digits().test).labels.shape == (300,)
    assert "Epoch 1: " in capsys.readouterr().out


def test_summary_by_hand():
    # mean 2, deviations -1 0 1: variance 2/2 = 1; t(0.975, 2) = 4.302653, times 1/sqrt(3)
    summary = statistics.summarize([1.0, 2.0, 3.0])
    assert (summary["mean"], summary["std"]) == (2.0, 1.0)
    np.testing.assert_allclose(summary["ci95"], [2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5], rtol=1e-6)
    assert statistics.summarize([0.5]) == {"mean": 0.5, "std": None, "ci95": None, "per_seed": [0.5]}


def test_prediction_interval_holds_what_it_promises():
    rng = np.random.default_rng(0)
    for best_of in (1, 3):
        hits = 0
        for _ in range(2000):
            low, high = statistics.prediction_interval(rng.normal(size=8), best_of)
            hits += low <= rng.normal(size=best_of).max() <= high
        assert abs(hits / 2000 - 0.95) < 0.02
    # one run: mean +- t sqrt(1 + 1/n) s
    half = stats.t.ppf(0.975, 2) * (1 + 1 / 3) ** 0.5
    np.testing.assert_allclose(statistics.prediction_interval([1.0, 2.0, 3.0]), (2 - half, 2 + half))


@pytest.mark.parametrize(
    ("per_seed", "reported", "start"),
    [
        ([0.950, 0.951, 0.949, 0.950], 0.9505, "reproduced"),
        ([0.950, 0.951, 0.949, 0.950], 0.9600, "not reproduced"),
        ([0.90, 0.95, 0.92, 0.97], 0.9505, "compatible, but"),
        ([0.950], 0.9505, "open"),
    ],
)
def test_verdicts(per_seed, reported, start):
    assert statistics.verdict(per_seed, reported).startswith(start)


def test_a_figure_to_beat_is_beaten_by_every_seed_or_not():
    assert statistics.verdict([0.92, 0.93], 0.9, to_beat=True) == "beaten: 2 of 2 seeds are above"
    assert statistics.verdict([0.92, 0.89], 0.9, to_beat=True) == "not beaten: 1 of 2 seeds are above"


def test_the_layer_of_contributing_works_with_both_gradients(x64, digits, tmp_path):
    text = (pathlib.Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "class Scale" in block]
    assert len(code.strip().splitlines()) < 25 + 5  # imports and blank lines apart
    (tmp_path / "page.py").write_text(code)
    scale = runpy.run_path(str(tmp_path / "page.py"))["Scale"]
    layers = (jnndl.Dense(64, 30), scale(30), jnndl.Dense(30, 10, jnndl.neurons.linear))
    network = jnndl.Network(layers, jnndl.neurons.sigmoid, (64,))
    objective = jnndl.gradients.Objective(network, l2=0.3)
    params = objective.network.init(jax.random.key(0))
    batch = digits.training[:7]
    grads = [make(objective)(params, batch, 7, None) for make in (jnndl.gradients.autodiff, jnndl.gradients.backprop)]
    for auto, hand in zip(*map(jax.tree.leaves, grads), strict=True):
        assert np.linalg.norm(auto - hand) <= 1e-12 * np.linalg.norm(auto)
    (checking,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "check_gradients" in block]
    (tmp_path / "checking.py").write_text(checking)
    names = {"jnndl": jnndl, "network": network, "key": jax.random.key(0), "digits": digits}
    assert runpy.run_path(str(tmp_path / "checking.py"), names)["found"].ok

    class Wrong(scale):
        def backward(self, params, saved, grad):
            below, grads = super().backward(params, saved, grad)
            return below, grads._replace(weight=-grads.weight)

    layers = (layers[0], Wrong(30), layers[2])
    objective = jnndl.gradients.Objective(jnndl.Network(layers, jnndl.neurons.sigmoid, (64,)), l2=0.3)
    found = jnndl.check_gradients(objective, params, batch, jax.random.key(0))
    assert found.faults == ("layer 1, Wrong: backward's gradient for weight is off by 2.0e+00",)
    assert found.faults[0].replace("Wrong", "Scale") in " ".join(text.split())


def test_names_of_the_readme_exist():
    text = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
    for name in re.findall(r"`(?:jnndl\.)?((?:neurons|costs|initializers|gradients|equations|files|train)\.\w+)", text):
        module, member = name.split(".")
        assert hasattr(getattr(jnndl, module), member), name


def test_the_gradients_command_leaves_tables_and_pictures(quietly, tmp_path, capsys):
    assert main(["gradients", "--quick", "--data", "digits", "--seeds", "2", "--out", str(tmp_path)]) == 0
    folder = tmp_path / "gradients"
    result = json.loads((folder / "result.json").read_text())
    assert set(result) >= KEYS
    figures = {name: figure["mean"] for name, figure in result["measured"].items()}
    assert figures["networks_right"] == 1
    assert 0 < figures["by_hand_float64"] <= 1e-12 < figures["by_hand_float32"] <= 1e-5
    assert 0 < figures["numerical_float64"] <= 1e-7
    assert {path.name for path in folder.iterdir()} == {"result.json", "table.txt", "step_size.png", "cost.png"}
    assert (folder / "table.txt").read_text().strip() in capsys.readouterr().out
    errors = result["curves"]["v_curve"]["errors"]
    # truncation grows as h for forward, as h^2 for central differences: at h = 0.1 and 0.01 tenfold and hundredfold
    at = {round(np.log10(h)): i for i, h in enumerate(result["curves"]["v_curve"]["steps"])}
    for name, power in (("forward difference, float64", 1), ("central difference, float64", 2)):
        assert np.log10(errors[name][at[-1]] / errors[name][at[-2]]) == pytest.approx(power, abs=0.3)
    assert min(errors["central difference, float64"]) < 1e-8 < 1e-5 < min(errors["central difference, float32"])
    for row in result["curves"]["cost"]:
        assert row["numerical"] > 20 * row["automatic"]
        assert row["extrapolated"] is False


def test_the_matrix_of_networks_holds_everything():
    found = cases(quick=False)
    assert {(case.depth, case.cost, case.output) for case in found} == {
        (depth, cost.name, output.name) for depth in range(1, 6) for cost, output in FITTING
    }
    deep = [case for case in found if case.depth > 1]
    assert {case.hidden for case in deep} == set(jnndl.neurons.NEURONS)
    assert {case.penalty for case in found} == {"", "l1", "l2", "l1+l2"}
    assert {case.weights for case in found} == {"default", "large", "zeros", "He"}
    assert {case.dropout for case in deep} == {False, True}
