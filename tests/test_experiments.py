"""The command and the runner of the experiments."""

import dataclasses
import json
import pathlib
import re
import runpy

import jax
import numpy as np
import pytest

import jnndl
from experiments import catalogue, runner
from experiments.__main__ import EXPERIMENTS, main, select
from experiments.ch2.gradients import FITTING, cases
from experiments.runner import Job


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
        (["ch1-100hiden"], "there is no experiment 'ch1-100hiden'; did you mean ch1-100hidden?"),
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
    def no_network():
        raise ConnectionError("no mirror; set JNNDL_DATA")

    monkeypatch.setattr(jnndl, "load_mnist", no_network)
    assert runner.open_data("auto").name == "digits"
    assert "WARNING: MNIST could not be had: no mirror; set JNNDL_DATA" in capsys.readouterr().out


def test_an_id_selects_the_question_that_holds_it():
    assert [e.name for e in select(["ch1-100hidden"])] == ["ch1-rates-widths"]
    assert [e.name for e in select(["ch3-hp-small", "ch3-hp-bad"])] == ["ch3-hyper-parameters"]
    assert [e.name for e in select(["ch1-svm-tuned", "ch1-svm"])] == ["ch1-svm"]


@pytest.mark.parametrize("chapter", ["1", "2", "3"])
def test_a_chapter_selects_its_questions(chapter):
    names = [e.name for e in select([f"ch{chapter}"])]
    assert {name for name in EXPERIMENTS if name.startswith(f"ch{chapter}-")} == {*names} - {"gradients"}
    assert ("gradients" in names) == (chapter == "2")


def test_all_selects_everything():
    assert select(["all"]) == list(EXPERIMENTS.values())


# The entries of chapters 1 to 3 in the catalogue of the book's experiments, figures and exercises.
CATALOGUE = """
ch1-baseline ch1-100hidden ch1-eta-0.001 ch1-eta-0.01-to-1 ch1-eta-100 ch1-nohidden ch1-random ch1-darkness
ch1-svm-default ch1-svm-tuned ch1-record ch1-perceptron-festival ch1-nand ch1-half-adder ch1-perceptron-scaling
ch1-sigmoid-step-plots ch1-architecture ch1-bitwise ch1-valley ch1-gd-direction ch1-digits ch2-bp1 ch2-bp2 ch2-bp3
ch2-bp4 ch2-matrix-form ch2-finite-diff ch2-vectorised ch2-variants ch3-neuron-quad-easy ch3-neuron-quad-sat
ch3-neuron-ce-easy ch3-neuron-ce-sat ch3-ce-30 ch3-ce-100 ch3-overfitting ch3-overfitting-full ch3-regularized
ch3-regularized-full ch3-reg-100 ch3-reg-100-60 ch3-init-30 ch3-init-100 ch3-multiple-eta ch3-more-data
ch3-more-data-svm ch3-monitor-demo ch3-hp-bad ch3-hp-small ch3-hp-lambda ch3-hp-eta-up ch3-hp-eta-down ch3-softmax
ch3-softmax-problems ch3-quad-linear-output ch3-eta-heuristic ch3-l1 ch3-dropout ch3-rotation-figure
ch3-expansion-cited ch3-polynomial ch3-gaussians ch3-early-stopping ch3-lr-schedule ch3-hessian ch3-momentum ch3-tanh
ch3-relu ch3-init-l2-link
"""
ENTRIES = CATALOGUE.split()


def test_every_entry_of_the_book_has_its_question_or_a_reason():
    answered = [i for e in EXPERIMENTS.values() if e.chapter for i in e.ids]
    assert len(answered) == len(set(answered)), "an entry with two questions"
    assert {*answered, *catalogue.NOT_RUN} == set(ENTRIES)


def test_rows_are_of_three_kinds_and_say_what_they_need():
    for experiment in EXPERIMENTS.values():
        for row in experiment.rows:
            assert row.rule.kind in ("toy", "number", "claim")
            assert all((row.id, row.did, row.reported, row.place, row.figure, row.ours)), row
        # A figure that two rows judge by one rule would be counted twice.
        judged = [(row.figure, row.rule) for row in experiment.rows]
        assert len(judged) == len(set(judged)), experiment.name


def test_an_entry_that_is_nothing_to_run_says_why(quietly, capsys):
    assert main(["ch1-record"]) == 2
    assert "ch1-record is nothing to run: it cites Wan et al. 2013" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_finished(quietly, monkeypatch, tmp_path, capsys):
    def interrupted(job):
        raise KeyboardInterrupt

    second = dataclasses.replace(EXPERIMENTS["ch1-darkness"], run=interrupted)
    monkeypatch.setitem(EXPERIMENTS, "ch1-darkness", second)
    arguments = ["ch3-polynomial", "ch1-darkness", "--quick", "--data", "digits", "--seeds", "2"]
    assert main([*arguments, "--out", str(tmp_path)]) == 130
    assert "stopped; what is finished is kept: ch3-polynomial" in capsys.readouterr().err
    assert (tmp_path / "ch3-polynomial" / "result.json").exists()
    assert not (tmp_path / "ch1-darkness").exists()


def test_the_same_networks_are_trained_once_and_others_are_not_mistaken_for_them(digits, capsys):
    job = Job(digits, seeds=2, quick=True)
    network, settings = job.mlp(), {"epochs": 30, "learning_rate": 0.5}
    first, _ = job.fit(network, digits.validation, **settings)
    assert job.fit(network, digits.validation, title="again: ", **settings)[0] is first
    assert "again: trained before" in capsys.readouterr().out
    # Other data of the same memory and size, another penalty, another part to measure on: other networks.
    standard = dataclasses.replace(job, splits=jnndl.data.standardize(digits))
    others = [
        standard.fit(network, standard.splits.validation, **settings)[0],
        job.fit(network, digits.validation, l2=1.0, **settings)[0],
        job.fit(network, digits.test, **settings)[0],
    ]
    assert all(other is not first for other in others)
    assert len({fit.history.evaluation_cost.tobytes() for fit in (first, *others)}) == 4


def test_a_long_run_says_how_much_time_is_left(digits, capsys, monkeypatch):
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(runner.time, "perf_counter", lambda: next(clock))
    job = Job(digits, seeds=2, epochs=4)
    job.fit(job.mlp(), digits.validation, epochs=30, learning_rate=0.5)
    assert [line.partition("s, ")[2].rpartition("s, ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "60 s left)",
        "40 s left)",
        "20 s left)",
        "0 s left)",
    ]


def test_a_stopped_network_keeps_its_last_value():
    nan = np.nan
    kept = runner.lasting([[0.1, 0.2, nan, nan], [0.3, nan, nan, 0.4]])
    np.testing.assert_array_equal(kept, [[0.1, 0.2, 0.2, 0.2], [0.3, 0.3, 0.3, 0.4]])


def test_curves_are_json_values_of_six_digits():
    assert runner.curve(np.array([[1 / 3, np.nan], [np.inf, 2e10 / 3]])) == [[0.333333, None], [None, 6.66667e9]]


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


@pytest.mark.slow
def test_the_gradients_command_leaves_tables_and_pictures(quietly, tmp_path, capsys):
    assert main(["gradients", "--quick", "--data", "digits", "--seeds", "2", "--out", str(tmp_path)]) == 0
    folder = tmp_path / "gradients"
    result = json.loads((folder / "result.json").read_text())
    assert [row["verdict"][:10] for row in result["rows"]] == ["reproduced"] * 6 + ["none: not t"[:10]]
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
