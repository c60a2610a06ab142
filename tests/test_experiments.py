"""The command and the runner of the experiments."""

import dataclasses
import gc
import json
import pathlib
import re
import runpy
import types

import book_ids
import jax
import numpy as np
import pytest
from book_ids import IDS

import jnndl
from experiments import catalogue, comparison, plots, runner, statistics, training
from experiments.__main__ import EXPERIMENTS, main, select
from experiments.ch2.gradients import FITTING, cases
from experiments.comparison import Comparison, minus
from experiments.runner import Row
from experiments.statistics import Measured
from experiments.training import Job, Trainer, fingerprint
from jnndl import figures


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
        (["ch"], "there is no experiment 'ch'; did you mean ch"),
        (["ch1-baseline", "--data", "digits", "--out", __file__], "File exists"),
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
def test_what_is_not_a_number_ends_with_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(["ch1-baseline", *arguments])
    assert stop.value.code == 2
    assert f"{arguments[1]!r} is not a whole number of at least 1" in capsys.readouterr().err


def test_auto_says_how_to_get_mnist_where_there_is_none(monkeypatch, capsys):
    def no_network():
        raise ConnectionError("no mirror; set JNNDL_DATA")

    monkeypatch.setattr(jnndl, "load_mnist", no_network)
    assert runner.open_data("auto").name == "digits"
    assert "WARNING: MNIST is not available: no mirror; set JNNDL_DATA" in capsys.readouterr().out


def test_an_id_selects_the_question_that_holds_it():
    assert [e.name for e in select(["ch1-100hidden"])] == ["ch1-rates-widths"]
    assert [e.name for e in select(["ch3-hp-small", "ch3-hp-bad"])] == ["ch3-hyper-parameters"]
    assert [e.name for e in select(["ch1-svm-tuned", "ch1-svm"])] == ["ch1-svm"]


@pytest.mark.parametrize("chapter", book_ids.BY_CHAPTER)
def test_a_chapter_selects_its_questions(chapter):
    names = [e.name for e in select([f"ch{chapter}"])]
    assert {name for name in EXPERIMENTS if name.startswith(f"ch{chapter}-")} == {*names} - {"gradients"}
    assert ("gradients" in names) == (chapter == "2")


def test_all_selects_everything():
    assert select(["all"]) == list(EXPERIMENTS.values())


def test_every_entry_of_the_book_has_its_question_or_a_reason():
    answered = [i for e in EXPERIMENTS.values() if e.chapter for i in e.ids]
    assert len(answered) == len(set(answered)), "an entry with two questions"
    assert {*answered, *catalogue.NOT_RUN} == set(IDS)
    counts = {"1": 21, "2": 8, "3": 40, "4": 20, "5": 15, "6": 24}
    assert {chapter: len(ids) for chapter, ids in book_ids.BY_CHAPTER.items()} == counts
    for e in EXPERIMENTS.values():
        assert not e.chapter or {*e.ids} <= {*book_ids.BY_CHAPTER[e.chapter]}, e.name


def test_rows_are_of_four_kinds_and_say_what_they_need():
    for experiment in EXPERIMENTS.values():
        for row in experiment.rows:
            assert row.rule.kind in ("toy", "number", "claim", "drawing")
            assert all((row.id, row.did, row.reported, row.place, row.metric, row.ours)), row
        # A metric that two rows judge by one rule would be counted twice.
        judged = [(row.metric, row.rule) for row in experiment.rows]
        assert len(judged) == len(set(judged)), experiment.name


def test_an_entry_without_anything_to_run_says_why(quietly, capsys):
    assert main(["ch1-record"]) == 2
    assert "for ch1-record there is nothing to run: it cites Wan et al. 2013" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_finished(quietly, monkeypatch, tmp_path, capsys):
    def interrupted(job):
        raise KeyboardInterrupt

    second = dataclasses.replace(EXPERIMENTS["ch1-darkness"], run=interrupted)
    monkeypatch.setitem(EXPERIMENTS, "ch1-darkness", second)
    arguments = ["ch3-polynomial", "ch1-darkness", "--quick", "--data", "digits", "--seeds", "2"]
    assert main([*arguments, "--out", str(tmp_path)]) == 130
    assert "stopped; these are finished and kept: ch3-polynomial" in capsys.readouterr().err
    assert (tmp_path / "ch3-polynomial" / "result.json").exists()
    assert not (tmp_path / "ch1-darkness").exists()


def broken(name, monkeypatch, error):
    """Make an experiment raise in its run."""

    def run(job):
        raise error

    monkeypatch.setitem(EXPERIMENTS, name, dataclasses.replace(EXPERIMENTS[name], run=run))


def test_an_error_inside_an_experiment_shows_its_traceback_and_the_others_still_run(
    quietly, monkeypatch, tmp_path, capsys
):
    broken("ch1-darkness", monkeypatch, ValueError("a mistake of ours"))
    arguments = ["ch1-darkness", "ch3-polynomial", "--quick", "--data", "digits", "--seeds", "2"]
    assert main([*arguments, "--out", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "ValueError: a mistake of ours" in told
    assert "error: " not in told.lower().replace("valueerror: ", "")
    assert "failed, see above: ch1-darkness" in told
    assert (tmp_path / "ch3-polynomial" / "result.json").exists()


def test_the_listener_for_compile_times_is_released_after_an_error(monkeypatch, digits, tmp_path):
    listening = []
    monkeypatch.setattr(jax.monitoring, "register_event_duration_secs_listener", listening.append)
    monkeypatch.setattr(jax.monitoring, "unregister_event_duration_listener", listening.remove)
    broken("ch1-darkness", monkeypatch, OSError("no more disk"))
    with pytest.raises(OSError, match="no more disk"):
        runner.run(EXPERIMENTS["ch1-darkness"], Job(digits, seeds=1), tmp_path)
    assert not listening


# What was trained before.


def test_the_same_networks_are_trained_once_and_others_are_not_mistaken_for_them(digits, capsys):
    job = Job(digits, seeds=2, quick=True)
    network, settings = job.mlp(), {"epochs": 30, "learning_rate": 0.5}
    first = job.fit(network, digits.validation, **settings)
    assert job.fit(network, digits.validation, title="again: ", **settings) is first
    assert "again: already trained" in capsys.readouterr().out
    # Other data of the same memory and size, another penalty, another part to measure on: other networks.
    standard = dataclasses.replace(job, splits=jnndl.data.standardize(digits))
    others = [
        standard.fit(network, standard.splits.validation, **settings),
        job.fit(network, digits.validation, l2=1.0, **settings),
        job.fit(network, digits.test, **settings),
    ]
    assert all(other is not first for other in others)
    assert len({trained.fit.history.evaluation_cost.tobytes() for trained in (first, *others)}) == 4


def test_networks_of_another_precision_are_other_networks(digits):
    job = Job(digits, seeds=2, quick=True)
    network, settings = job.mlp(), {"epochs": 1, "learning_rate": 0.5}
    single = job.fit(network, digits.validation, **settings).fit
    with jax.enable_x64(True):
        double = job.fit(network, digits.validation, **settings).fit
    assert [fit.params[0].weight.dtype for fit in (single, double)] == [np.float32, np.float64]


def test_networks_whose_training_data_were_measured_serve_who_does_not_look_at_that(digits):
    settings = {"epochs": 2, "learning_rate": 0.5, "batch_size": 10}

    def train(job, **more):
        return job.fit(job.mlp(), digits.validation, **settings, **more)

    job = Job(digits, seeds=2, quick=True)
    without = train(job, measure_training=0)
    measured = train(job)
    assert measured is not without  # the other way round something would be missing
    assert train(job, measure_training=1) is measured
    assert train(job, measure_training=0) is without
    assert train(job, measure_training=2) is not measured
    later = Job(digits, seeds=2, quick=True)
    measured = train(later)
    assert train(later, measure_training=0) is measured
    # They are the same networks, to the last bit.
    for a, b in zip(*map(jax.tree.leaves, (measured.fit.params, without.fit.params)), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(measured.fit.history.evaluation_accuracy, without.fit.history.evaluation_accuracy)
    np.testing.assert_array_equal(measured.fit.history.evaluation_cost, without.fit.history.evaluation_cost)


@pytest.fixture
def fits(monkeypatch):
    """Arguments of the calls of ``fit_many``, which does nothing."""
    calls = []

    def fit_many(*data, **settings):
        calls.append((*data, settings))
        return types.SimpleNamespace(number=len(calls))

    monkeypatch.setattr(jnndl, "fit_many", fit_many)
    return calls


def test_data_are_known_by_their_content_not_by_where_they_lie(digits, fits):
    job, data = Job(digits, seeds=2, epochs=1), digits.training
    settings = {"evaluation": digits.validation, "epochs": 1, "learning_rate": 0.5}
    first = job.fit(job.mlp(), training=data[:100], **settings)
    # Of the same memory and shape: every other example; the same bytes as another type.
    assert job.fit(job.mlp(), training=data[::2][:100], **settings) is not first
    signed = dataclasses.replace(data[:100], inputs=np.asarray(data.inputs[:100]).view(np.int8))
    assert job.fit(job.mlp(), training=signed, **settings) is not first
    moved = dataclasses.replace(data[:100], offset=np.float32(0.5))
    assert job.fit(job.mlp(), training=moved, **settings) is not first
    # Copies are the same data.
    copied = jax.tree.map(lambda a: np.array(a, order="F"), data[:100])
    assert job.fit(job.mlp(), training=copied, **settings) is first
    assert len(fits) == 4


def test_long_arrays_of_settings_are_told_apart(digits, fits):
    job, rates = Job(digits, seeds=1, epochs=1), np.linspace(0.1, 1.0, 1001)
    other = rates.copy()
    other[500] = 0.3  # NumPy prints neither
    settings = {"evaluation": None, "epochs": 1, "cells": 1001}
    first = job.fit(job.mlp(), learning_rate=rates, **settings)
    assert job.fit(job.mlp(), learning_rate=other, **settings) is not first
    assert job.fit(job.mlp(), learning_rate=rates.copy(), **settings) is first


def test_an_array_that_changes_in_place_is_not_the_array_that_it_was():
    fixed, array = np.arange(6), np.arange(6)
    fixed.flags.writeable = False
    view = array[:]
    view.flags.writeable = False  # but what it is a view of can be written to
    before = fingerprint(fixed), fingerprint(array), fingerprint(view)
    assert before[0] == before[1] == before[2]
    array[2] = 7
    assert fingerprint(fixed) == before[0]
    assert fingerprint(array) == fingerprint(view) != before[1]
    remembered = len(training._digests)
    del fixed
    gc.collect()
    assert len(training._digests) == remembered - 1  # nothing is remembered by the address of what is gone


def test_each_question_numbers_its_checkpoints_from_nought_and_shares_what_is_trained(digits, fits, tmp_path):
    job = Job(digits, seeds=2, epochs=1, trainer=Trainer(resume=True))
    first, second = (
        dataclasses.replace(job, trainer=job.trainer.for_question(tmp_path / name)) for name in ("first", "second")
    )
    settings = {"evaluation": None, "epochs": 1}
    kept = [first.fit(job.mlp(), learning_rate=rate, **settings) for rate in (0.1, 0.2)]
    assert second.fit(job.mlp(), learning_rate=0.2, **settings) is kept[1]
    second.fit(job.mlp(), learning_rate=0.3, **settings)
    paths = [call[-1]["checkpoint"] for call in fits]
    # The request that needed no training has a number, too: with --resume it may need one.
    assert paths == [
        tmp_path / "first/0.safetensors",
        tmp_path / "first/1.safetensors",
        tmp_path / "second/1.safetensors",
    ]
    assert all(call[-1]["resume"] for call in fits)


def test_cells_are_trained_with_every_seed_one_cell_after_the_other(digits, fits):
    job = Job(digits, seeds=2, epochs=1)
    job.fit(job.mlp(), None, epochs=1, cells=3, learning_rate=np.array([1.0, 2.0, 3.0]), l2=0.5)
    settings = fits[0][-1]
    np.testing.assert_array_equal(settings["learning_rate"], [1, 1, 2, 2, 3, 3])
    assert settings["l2"] == 0.5
    wanted = [jax.random.key_data(jax.random.key(seed)) for seed in (0, 1, 0, 1, 0, 1)]
    np.testing.assert_array_equal(jax.random.key_data(settings["keys"]), wanted)


def test_initial_params_are_those_from_which_fit_starts(digits):
    job = Job(digits, seeds=2, epochs=1)
    network = job.mlp(5)
    # At a rate that changes nothing, what comes out is what went in.
    fit = job.fit(network, None, epochs=1, learning_rate=1e-30).fit
    for seed, params in enumerate(training.unstack(fit.params)):
        for found, wanted in zip(*map(jax.tree.leaves, (training.initial_params(network, seed), params)), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_an_epoch_is_told_as_in_the_book_or_by_its_cost():
    scores = types.SimpleNamespace(
        training_cost=np.array([0.5, np.nan, 0.25]),
        training_accuracy=np.array([1.0, 1.0, 1.0]),
        evaluation_accuracy=np.array([0.5, np.nan, 0.7]),
    )
    # Of two networks that still train: mean 0.6, standard deviation 0.2 / sqrt(2)
    assert training.progress_line(scores, 50, "seeds", "1 s") == "30 / 50   (60.00 % +- 14.14, 2 seeds, 1 s)"
    scores.evaluation_accuracy = None
    assert training.progress_line(scores, 50, "networks", "1 s") == "50 / 50   (100.00 % +- 0.00, 3 networks, 1 s)"
    scores.training_accuracy = None
    assert training.progress_line(scores, 50, "seeds", "1 s") == "training cost 0.375 (1 s)"
    scores.training_cost = None
    assert training.progress_line(scores, 50, "seeds", "1 s") == "trained (1 s)"
    scores.evaluation_accuracy = np.array([np.nan])
    assert training.progress_line(scores, 50, "seeds", "1 s") == "- / 50   (nan %, 0 seeds, 1 s)"


def test_a_long_run_says_how_much_time_is_left(digits, capsys, monkeypatch):
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))
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
    kept = training.forward_fill([[0.1, 0.2, nan, nan], [0.3, nan, nan, 0.4]])
    np.testing.assert_array_equal(kept, [[0.1, 0.2, 0.2, 0.2], [0.3, 0.3, 0.3, 0.4]])


def test_curves_are_json_values_of_six_digits():
    assert comparison.curve(np.array([[1 / 3, np.nan], [np.inf, 2e10 / 3]])) == [[0.333333, None], [None, 6.66667e9]]


def test_lost_classes_by_hand():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    second_of_one, none_of_two = labels.copy(), labels.copy()
    second_of_one[100:149] = 0  # one of 50 is 2 %: not fewer
    none_of_two[150:] = 7  # an answer that is no class
    none_of_two[1:100] = 1  # one of 100
    answers = np.stack([labels, second_of_one, none_of_two])
    right, images = comparison.right_by_class(answers, labels)
    np.testing.assert_array_equal(right, [[100, 50, 10], [100, 1, 10], [1, 50, 0]])
    np.testing.assert_array_equal(images, [100, 50, 10])
    lost = comparison.lost_classes(answers, labels)
    np.testing.assert_array_equal(lost, [0, 0, 2])
    np.testing.assert_array_equal(statistics.broken(right / images), lost > 0)  # the same rule
    np.testing.assert_array_equal(comparison.unbroken([0.1, 0.2, 0.3], lost, [1, 0, 0]), [0.2])
    assert comparison.unbroken([0.1, 0.2, 0.3], [1, 1, 1]).shape == (0,)


# Metrics and their names.


def test_a_row_of_a_metric_that_is_not_declared_is_refused_before_anything_runs():
    row = Row(id="ch1-x", did="did", reported="said", place="there", metric="test_acuracy", rule=Measured())
    with pytest.raises(ValueError, match="ch1-darkness, ch1-x: no metric is called 'test_acuracy'"):
        dataclasses.replace(EXPERIMENTS["ch1-darkness"], rows=(row,))


def test_a_difference_of_metrics_that_are_not_declared_is_refused():
    with pytest.raises(
        ValueError, match="'a minus b' is a difference of 'b: finale', but there are a: final, b: final"
    ):
        Comparison(("a", "b"), {"final": comparison.final}, {minus("a", "b"): ("a: final", "b: finale")})


def test_what_is_measured_but_not_declared_is_named(digits, monkeypatch, tmp_path):
    def run(job):
        return runner.Outcome(config={}, measured={"pictures": 0, "picturs": 1}, curves={})

    experiment = dataclasses.replace(EXPERIMENTS["ch1-digits"], run=run)
    with pytest.raises(ValueError, match="ch1-digits measured what its metrics do not declare: picturs"):
        runner.run(experiment, Job(digits, seeds=1), tmp_path)


@pytest.mark.parametrize("values", [0.9781, np.float64(0.9781), [0.9781], [0.9781, None, 0.97]])
def test_rows_are_judged_on_whatever_a_question_measures(values):
    """A single value too, where nothing is random: support vector machines, whose last row is a figure to beat."""
    experiment = EXPERIMENTS["ch1-svm"]
    row = next(row for row in experiment.rows if row.rule.kind == "claim")
    found = runner.as_json(row, {row.metric: statistics.summarize(np.array(values, float))}, comparable=True)
    assert found["verdict"].startswith("not beaten: ")


def test_arms_are_measured_and_subtracted_seed_by_seed():
    def fit_of(evaluation, training):
        history = types.SimpleNamespace(evaluation_accuracy=np.array(evaluation), training_accuracy=np.array(training))
        return types.SimpleNamespace(history=history)

    a = fit_of([[0.1, 0.5, 0.4], [0.2, 0.3, 0.6]], [[0.7, 0.9, 0.8], [0.6, 0.6, 0.6]])
    b = fit_of([[0.1, 0.1, 0.3], [0.2, 0.2, 0.1]], [[0.7, 0.9, 0.8], [0.6, 0.6, 0.6]])
    metrics = {name: getattr(comparison, name) for name in ("final", "first_epoch", "best_epoch", "gap")}
    compared = Comparison(("a", "b"), metrics, {minus("a", "b", "final"): ("a: final", "b: final")})
    found = compared.measure({"a": a, "b": b})
    assert tuple(found) == compared.names
    wanted = {"a: final": [0.4, 0.6], "a: first_epoch": [0.1, 0.2], "a: best_epoch": [0.5, 0.6], "a: gap": [0.4, 0.0]}
    wanted |= {"b: final": [0.3, 0.1], "a minus b: final": [0.1, 0.5]}
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, atol=1e-12)


def test_arms_are_trained_with_what_they_share_and_what_is_their_own(digits, fits):
    job = Job(digits, seeds=1, epochs=1)
    arms = {"a": {"learning_rate": 0.5}, "b": {"learning_rate": 1.0, "evaluation": digits.test, "batch_size": 7}}
    found = comparison.train_arms(job, arms, digits.validation, network=job.mlp(), epochs=1, batch_size=5)
    assert [fit.number for fit in found.values()] == [1, 2]
    assert [call[2] is part for call, part in zip(fits, (digits.validation, digits.test), strict=True)] == [True, True]
    assert [(call[-1]["learning_rate"], call[-1]["batch_size"]) for call in fits] == [(0.5, 5), (1.0, 7)]


# Plots.


@pytest.fixture
def drawn(monkeypatch):
    """The plots that would have been written."""
    found = []
    monkeypatch.setattr(plots, "save", lambda plot, path: found.append(plot))
    return found


@pytest.mark.parametrize("x", [None, [10, 20, 30, 40]])
def test_a_column_without_values_moves_no_other_point(drawn, x):
    nan = np.nan
    values = [[0.1, nan, 0.3, 0.4], [0.3, nan, 0.5, nan]]
    plots.curves("unused.png", {"a": values}, title="t", ylabel="y", x=x)
    (line,) = drawn[0].axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), range(4) if x is None else x)
    np.testing.assert_allclose(line.get_ydata(), [0.2, nan, 0.4, 0.4])
    mean, std = figures.mean_and_std(np.array(values))
    np.testing.assert_allclose(mean, [0.2, nan, 0.4, 0.4])
    np.testing.assert_allclose(std, [0.02**0.5, nan, 0.02**0.5, nan])  # deviations of 0.1, over one degree of freedom


# What the documentation shows.


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
    (checking,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "assert found.ok" in block]
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
    assert [row["verdict"][:10] for row in result["rows"]] == ["reproduced"] * 7 + ["not compared"[:10]] * 2
    found = {name: summary["mean"] for name, summary in result["measured"].items()}
    assert set(found) == set(EXPERIMENTS["gradients"].metrics)
    assert found["networks_right"] == 1
    assert 0 < found["by_hand_float64"] <= 1e-12 < found["by_hand_float32"] <= 1e-5
    assert 0 < found["numerical_float64"] <= 1e-7
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
