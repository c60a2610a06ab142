"""Sweeps: each network is bit for bit the one that ``fit`` trains alone; halving, resuming, the table and the file."""

import functools
import itertools
import json
import re
import sys

import jax
import numpy as np
import optax
import pytest
from samples import blobs, leaves_as_bytes

import jnndl
from jnndl import Dataset, checkpoints, costs, ensemble, grids, mlp, neurons, storage, sweeps, swept

TRAINING, EVALUATION = blobs(22), blobs(31, seed=1)
SMALL, WIDE = mlp([2, 3]), mlp([2, 4, 3])
RATES, L2 = [0.01, 0.3, 1.0], [0.0, 2.0]
SETTINGS = {"batch_size": 4, "epochs": 3, "progress": False}
HALVED = {"learning_rate": [0.001, 0.01, 0.1, 0.3, 1.0], "seeds": 2, "halving": [1, 2], "epochs": 4}


def sweep(networks=SMALL, **settings):
    return jnndl.sweep(networks, TRAINING, EVALUATION, **(SETTINGS | settings))


def bits(fit):
    state = fit.state._replace(key=jax.random.key_data(fit.state.key), stopped=None)
    return leaves_as_bytes((fit.history, state))


@functools.cache
def grid():
    return sweep(learning_rate=RATES, l2=L2, seeds=2)


@functools.cache
def programs():
    """Two networks and two sizes of mini-batches: four programs, eight cells."""
    networks = {"small": SMALL, "wide": WIDE}
    return sweep(networks, learning_rate=[0.1, 1.0], batch_size=[4, 11], seeds=[3, 5], l2=0.5)


@pytest.fixture
def unchecked(monkeypatch):
    """As a user's calls are: without a checker of types around every function."""
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)


# What is trained.


@pytest.mark.core
def test_each_network_of_a_grid_is_the_one_that_fit_trains_with_its_settings_and_seed():
    found = grid()
    assert found.cells == [{"learning_rate": rate, "l2": l2} for rate in RATES for l2 in L2]
    for number, cell in enumerate(found.cells):
        for seed in range(2):
            alone = jnndl.fit(SMALL, TRAINING, EVALUATION, key=seed, measure_training=0, **cell, **SETTINGS)
            assert bits(found.network(number, seed)) == bits(alone)


def test_what_is_structure_is_a_program_of_its_own_and_the_cells_are_in_order():
    found = programs()
    assert [(cell["network"], cell["batch_size"], cell["learning_rate"]) for cell in found.cells] == [
        *itertools.product(["small", "wide"], [4, 11], [0.1, 1.0])
    ]
    assert all("l2" not in cell for cell in found.cells)  # it is the same for all
    assert len(found.fits) == 4
    for number in (1, 2, 7):
        cell = dict(found.cells[number])
        network = {"small": SMALL, "wide": WIDE}[cell.pop("network")]
        settings = SETTINGS | cell | {"l2": 0.5, "measure_training": 0}
        assert bits(found.network(number, 5)) == bits(jnndl.fit(network, TRAINING, EVALUATION, key=5, **settings))


def test_the_networks_of_a_cell_are_those_of_fit_many():
    keys = jax.numpy.stack([jax.random.key(seed) for seed in range(2)])
    alone = jnndl.fit_many(
        SMALL, TRAINING, EVALUATION, keys=keys, learning_rate=0.3, l2=2.0, measure_training=0, **SETTINGS
    )
    assert bits(grid().cell(3)) == bits(alone)
    best = grid().network(3)
    assert bits(best) == bits(alone.best())


def test_values_share_one_program_and_structure_does_not(compiled):
    network = mlp([2, 5, 3])  # seen nowhere else
    sweep(network, learning_rate=[0.1, 0.2], l2=[0.0, 1.0], momentum=[0.0, 0.5], seeds=2)
    assert sum("train_epoch_many" in name for name in compiled) == 1
    compiled.clear()
    sweep(network, learning_rate=[0.3, 0.4], l2=[5.0, 1.0], momentum=[0.9, 0.5], batch_size=[4, 2], seeds=2)
    assert sum("train_epoch_many" in name for name in compiled) == 1  # that of batch_size 2


def test_programs_are_trained_one_after_the_other_in_the_order_of_the_cells(monkeypatch):
    order = []

    def watch(run, *rest):
        order.append((run.config.network.shapes[0], run.config.batch_size, run.loop.epochs))
        return ensemble.train_all(run, *rest)

    monkeypatch.setattr(sweeps, "train_all", watch)
    sweep(learning_rate=[0.1, 1.0], batch_size=[4, 11], seeds=1, halving=[1])
    assert [(size, end) for _, size, end in order][:2] == [(4, 1), (11, 1)]
    assert {end for _, _, end in order[2:]} == {3}


def test_networks_in_parts_are_the_same():
    assert [bits(fit) for fit in sweep(learning_rate=RATES, l2=L2, seeds=2, at_once=5).fits] == [
        bits(fit) for fit in grid().fits
    ]


def test_costs_and_optimisers_are_told_by_their_names():
    given = {"cost": ["quadratic", costs.cross_entropy], "optimizer": [optax.sgd, optax.adam]}
    found = sweep(learning_rate=0.1, seeds=1, epochs=1, cost=given["cost"])
    assert [cell["cost"] for cell in found.cells] == ["quadratic", "cross_entropy"]
    assert grids.label(optax.adam) == "adam"
    assert [*grids.structure_axes(given)] == [("cost",), ("optimizer",)]


# Halving.


def expected_epochs(whole, rungs, epochs, seeds):
    """By the rule, from the histories of a sweep without halving: how many epochs each cell is trained."""
    accuracy = [np.asarray(whole.cell(number).history.evaluation_accuracy, float) for number in range(len(whole.cells))]
    left, trained = list(range(len(whole.cells))), {}
    for rung in rungs:
        score = {number: np.mean([max(accuracy[number][s, :rung]) for s in range(seeds)]) for number in left}
        ranked = sorted(left, key=lambda number: -score[number])  # Python's sort keeps the order of equal ones
        gone = ranked[len(ranked) - len(ranked) // 2 :]
        trained |= dict.fromkeys(gone, rung)
        left = [number for number in left if number not in gone]
    return [trained.get(number, epochs) for number in range(len(whole.cells))]


@functools.cache
def halved(structure):
    """With halving and without, over one program or over two."""
    given = HALVED | ({"batch_size": [4, 11]} if structure else {})
    return sweep(**given), sweep(**given | {"halving": False})


@pytest.mark.parametrize("structure", [False, True])
def test_halving_stops_the_worse_half_of_all_programs_and_only_them(structure):
    some, whole = halved(structure)
    wanted = expected_epochs(whole, [1, 2], 4, 2)
    assert sorted(wanted) == (sorted([1, 1, 2, 4, 4]) if not structure else sorted([1] * 5 + [2] * 2 + [4] * 3))
    for number, epochs in enumerate(wanted):
        for seed in range(2):
            found, alone = some.network(number, seed), whole.network(number, seed)
            assert int(found.state.epoch) == epochs
            assert bool(found.state.stopped) == (epochs < 4)
            np.testing.assert_array_equal(found.history.evaluation_accuracy, alone.history.evaluation_accuracy[:epochs])
            if epochs == 4:
                assert bits(found) == bits(alone)
    assert {row["cell"]: row["epochs"] for row in some.rows()} == dict(enumerate(wanted))


def test_a_stopped_network_is_the_one_that_fit_trains_for_as_many_epochs():
    some, _ = halved(False)
    epochs = int(some.network(0, 1).state.epoch)
    assert epochs < 4
    settings = SETTINGS | {"epochs": epochs, "learning_rate": 0.001, "measure_training": 0}
    assert bits(some.network(0, 1)) == bits(jnndl.fit(SMALL, TRAINING, EVALUATION, key=1, **settings))


def test_the_better_half_by_hand():
    alive = np.array([True, True, False, True, True, True])
    scores = np.array([0.5, 0.7, 0.99, 0.7, -np.inf, 0.6])
    assert sweeps.better_half(scores, alive).tolist() == [False, True, False, True, False, True]
    assert sweeps.better_half(np.zeros(4), np.ones(4, bool)).tolist() == [True, True, False, False]
    assert sweeps.better_half(np.zeros(1), np.ones(1, bool)).tolist() == [True]


def test_when_to_halve():
    assert sweeps._rungs(True, 100, 21) == [1, 2, 4, 8, 16]  # 11, 6, 3, 2, 1 are left
    assert sweeps._rungs(True, 5, 21) == [1, 2, 4]
    assert sweeps._rungs(True, 5, 1) == []
    assert sweeps._rungs((1, 3), 5, 2) == [1, 3]
    assert sweeps._rungs(False, 5, 21) == []


# Checkpoints.


class KilledError(Exception):
    pass


@pytest.mark.parametrize("after", [2, 5, 7])
def test_an_interrupted_sweep_goes_on_to_the_same_bits(tmp_path, monkeypatch, after):
    some, _ = halved(True)
    given = HALVED | {"batch_size": [4, 11], "folder": tmp_path / "new" / "kept"}
    write, written = checkpoints.Checkpoint.write, []

    def note(self, *what):
        if len(written) == after:
            raise KilledError
        written.append(write(self, *what))

    monkeypatch.setattr(checkpoints.Checkpoint, "write", note)
    with pytest.raises(KilledError):
        sweep(**given)
    assert len(written) == after
    written.clear()
    after = 1000
    resumed = sweep(**given)
    whole = sum(fit.history.penalty.shape[1] for fit in some.fits)  # one for each epoch of each program
    assert len(written) < whole
    assert [bits(fit) for fit in resumed.fits] == [bits(fit) for fit in some.fits]
    written.clear()
    again = sweep(**given)
    assert not written  # nothing was left to train
    assert again.rows() == some.rows()
    sweep(resume=False, **given)
    assert len(written) == whole


def test_more_epochs_go_on_from_a_folder(tmp_path):
    sweep(learning_rate=RATES, seeds=2, epochs=2, folder=tmp_path)
    assert [bits(f) for f in sweep(learning_rate=RATES, seeds=2, folder=tmp_path).fits] == [
        bits(f) for f in sweep(learning_rate=RATES, seeds=2).fits
    ]


def test_a_folder_of_another_sweep_is_refused(tmp_path):
    given = {"learning_rate": [0.001, 0.01, 0.3, 1.0], "seeds": 1, "folder": tmp_path}
    sweep(halving=[1], **given)
    with pytest.raises(ValueError, match=r"program-0-rung-0\.safetensors: is of another run: hyper\.l2\[?"):
        sweep(halving=[1], l2=1.0, **given)
    with pytest.raises(ValueError, match=r"program-0-rung-1\.safetensors: is of another run: begun\.epoch"):
        sweep(halving=[2], **given)
    with pytest.raises(NotADirectoryError, match=r"rung-0\.safetensors, which is a file; give a folder"):
        sweep(learning_rate=1.0, folder=tmp_path / "program-0-rung-0.safetensors")


# What came out.


def test_the_table_by_hand(monkeypatch):
    pandas = pytest.importorskip("pandas")
    found, rows = grid(), []
    for number, cell in enumerate(found.cells):
        accuracy = np.asarray(found.cell(number).history.evaluation_accuracy, float)
        best = accuracy.max(axis=1)
        mean, std = best.sum() / 2, abs(best[0] - best[1]) / np.sqrt(2)  # of two
        row = {"cell": number, **cell, "accuracy": mean, "std": std, "best_epoch": accuracy.argmax(axis=1).mean()}
        rows.append(row | {"epochs": 3, "diverged": 0})
    rows.sort(key=lambda row: -row["accuracy"])
    table = found.table()
    assert isinstance(table, pandas.DataFrame)
    assert table.index.name == "cell"
    assert table.index.tolist() == [row["cell"] for row in rows]
    monkeypatch.setitem(sys.modules, "pandas", None)
    plain = found.table()
    assert [list(row) for row in plain] == [list(row) for row in rows]
    for row, wanted in zip(plain, rows, strict=True):
        assert row == pytest.approx(wanted)
    assert found.best() == plain[0]
    assert json.dumps(plain)  # plain numbers
    assert repr(found) == "Sweep(6 cells, 2 seeds each)"


LINE = mlp([2, 1], output=neurons.linear)
PLANE = Dataset(TRAINING.inputs, TRAINING.inputs[:, :1] - 2 * TRAINING.inputs[:, 1:])


def test_without_labels_the_least_cost_is_the_best_and_what_diverged_is_the_worst():
    given = {"batch_size": 22, "epochs": 3, "cost": "quadratic", "seeds": 2, "progress": False, "halving": [2]}
    found = jnndl.sweep(LINE, PLANE, PLANE, learning_rate=[1e30, 0.001, 0.1], **given)
    assert [row["cell"] for row in found.rows()] == [2, 1, 0]
    best, other, last = found.rows()
    assert best["cost"] == pytest.approx(np.asarray(found.cell(2).history.evaluation_cost).min(axis=1).mean())
    assert 0 < best["cost"] < other["cost"]
    assert [row["diverged"] for row in found.rows()] == [0, 0, 2]
    assert np.isnan(last["cost"])
    assert last["epochs"] == 1
    with pytest.raises(ValueError, match="in every cell a network diverged; sweep smaller rates, or weaker penalties"):
        jnndl.sweep(LINE, PLANE, PLANE, learning_rate=[1e30, 1e29, 1e28], **given).best()


def test_a_picture_of_the_cells(unchecked):
    (axes,) = jnndl.plots.heat(grid()).axes
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("learning_rate", "l2")
    rows = {row["cell"]: f"{100 * row['accuracy']:.2f}\n+- {100 * row['std']:.2f}" for row in grid().rows()}
    assert [text.get_text() for text in axes.texts] == [rows[number] for number in range(6)]
    best = grid().best()["cell"]
    (frame,) = axes.patches
    assert frame.get_xy() == (best % 2 - 0.5, best // 2 - 0.5)
    (other,) = jnndl.plots.heat(programs(), "network", "batch_size").axes
    best = programs().best()
    assert f"learning_rate {best['learning_rate']:.3g}" in " ".join(other.get_title().split())
    assert [label.get_text() for label in other.get_yticklabels()] == ["small", "wide"]
    (one,) = jnndl.plots.heat(halved(False)[0]).axes
    assert len(one.texts) == 5
    with pytest.raises(ValueError, match="rows is 'l3'; give two of learning_rate, l2"):
        jnndl.plots.heat(grid(), rows="l3")
    with pytest.raises(TypeError, match="found is 3; give what sweep returned"):
        jnndl.plots.heat(3)


# The file.


@pytest.mark.parametrize("found", [grid, programs], ids=["a grid", "programs"])
def test_a_saved_sweep_is_the_same_when_loaded(tmp_path, found):
    path = tmp_path / "sweep.safetensors"
    found().save(path)
    loaded = jnndl.load_sweep(path)
    assert [bits(fit) for fit in loaded.fits] == [
        bits(jnndl.Fit(fit.network, fit.history, fit.state._replace(opt_state=()))) for fit in found().fits
    ]
    assert (loaded.cells, loaded.seeds, loaded.rows()) == (found().cells, found().seeds, found().rows())
    assert [fit.network for fit in loaded.fits] == [fit.network for fit in found().fits]
    one, other = loaded.network(1), found().network(1)
    answers = [jnndl.predict(fit.network, fit.best_params, EVALUATION.inputs).outputs for fit in (one, other)]
    np.testing.assert_array_equal(*answers)


def test_a_sweep_of_a_neuron_of_ones_own_is_loaded_with_its_network(tmp_path):
    twice = jnndl.Neuron("twice", lambda z: 2 * z, lambda z, grad_a: 2 * grad_a)
    network, path = mlp([2, 4, 3], hidden=twice), tmp_path / "sweep.safetensors"
    sweep(network, learning_rate=0.1, seeds=1, epochs=1).save(path)
    with pytest.raises(ValueError, match=r"sweep\.safetensors: has the neuron 'twice'"):
        jnndl.load_sweep(path)
    assert jnndl.load_sweep(path, network).fits[0].network.layers == network.layers
    with pytest.raises(ValueError, match=r"sweep\.safetensors: holds another architecture: 0\.weight is float32 of"):
        jnndl.load_sweep(path, mlp([2, 5, 3]))
    with pytest.raises(ValueError, match=r"sweep\.safetensors: has 1 programs, but networks has 2"):
        jnndl.load_sweep(path, [network, SMALL])


def test_a_sweep_of_float64_comes_back_in_float64_alone(tmp_path):
    path = tmp_path / "sweep.safetensors"
    with jax.enable_x64(True):
        made = sweep(learning_rate=[0.1], seeds=2, epochs=1)
        made.save(path)
        assert jnndl.load_sweep(path).rows() == made.rows()
        assert {leaf.dtype for leaf in jax.tree.leaves(jnndl.load_sweep(path).fits[0].params)} == {np.dtype(float)}
    with pytest.raises(ValueError, match=r"is float64, which would become float32; load it under jax\.enable_x64"):
        jnndl.load_sweep(path)


DAMAGE = {
    "no description": lambda about: {},
    "no JSON": lambda about: {"sweep": "{"},
    "no networks": lambda about: {"sweep": json.dumps(about | {"networks": []})},
    "a cell less": lambda about: {"sweep": json.dumps(about | {"cells": about["cells"][1:]})},
    "a network more": lambda about: {"sweep": json.dumps(about | {"networks": about["networks"] * 2})},
    "other seeds": lambda about: {"sweep": json.dumps(about | {"seeds": 3})},
    "other random keys": lambda about: {"sweep": json.dumps(about | {"random": "dice"})},
    "seeds that do not divide": lambda about: {"sweep": json.dumps(about | {"seeds": [0, 1, 2, 3], "cells": [{}] * 3})},
    "a seed twice": lambda about: {"sweep": json.dumps(about | {"seeds": [0, 0]})},
    "cells without a rate": lambda about: {"sweep": json.dumps(about | {"cells": [{"l2": 1}] * 6})},
    "nested too deeply": lambda about: {"sweep": "[" * 100_000},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "sweep.safetensors"
    grid().save(path)
    metadata, tensors = storage.read_tensors(path, swept.FORMAT, (swept.VERSION,), "sweep")
    about = json.loads(metadata.pop("sweep"))
    storage.write_tensors(path, tensors, metadata | DAMAGE[damage](about))
    with pytest.raises(ValueError, match=r"sweep\.safetensors: .*; save .*again"):
        jnndl.load_sweep(path)


@pytest.mark.parametrize("epoch", [-1, 0, 4])
def test_a_network_of_epochs_that_there_are_not_is_refused(tmp_path, epoch):
    path = tmp_path / "sweep.safetensors"
    grid().save(path)
    metadata, tensors = storage.read_tensors(path, swept.FORMAT, (swept.VERSION,), "sweep")
    tensors["0.state.epoch"] = np.full_like(tensors["0.state.epoch"], epoch)
    storage.write_tensors(path, tensors, metadata)
    with pytest.raises(ValueError, match=r"sweep\.safetensors: has networks of other epochs than 3; save the sweep"):
        jnndl.load_sweep(path)


def test_a_network_is_no_sweep(tmp_path):
    jnndl.save(tmp_path / "network.safetensors", SMALL, SMALL.init(0))
    with pytest.raises(ValueError, match=r"a safetensors file, but not a sweep saved by Sweep\.save"):
        jnndl.load_sweep(tmp_path / "network.safetensors")


# Ranges.


def cells_of(**given):
    samples, key = given.pop("samples"), given.pop("key")
    return grids.combinations(grids.value_axes(given, samples, key))


def test_samples_are_drawn_from_their_ranges_and_crossed_with_the_lists():
    rates, momenta = jnndl.log_uniform(1e-4, 1.0), jnndl.uniform(0.5, 0.9)
    drawn = cells_of(learning_rate=rates, momentum=momenta, samples=400, key=1)
    logs, others = np.log10([c["learning_rate"] for c in drawn]), np.asarray([c["momentum"] for c in drawn])
    assert len(drawn) == 400
    assert -4 <= logs.min() < -3.9 < -0.1 < logs.max() <= 0
    assert 0.5 <= others.min() < 0.51 < 0.89 < others.max() <= 0.9
    # A mean of 400 has a standard error of width / sqrt(12 * 400) = width / 69; a correlation, of 1 / 20.
    assert abs(logs.mean() + 2) < 5 * 4 / 69
    assert abs(others.mean() - 0.7) < 5 * 0.4 / 69
    assert abs(np.corrcoef(logs, others)[0, 1]) < 5 / 20
    crossed = cells_of(learning_rate=rates, l2=[0.0, 1.0], samples=3, key=1)
    assert [cell["l2"] for cell in crossed] == 3 * [0.0, 1.0]
    assert [cell["learning_rate"] for cell in crossed[::2]] == [cell["learning_rate"] for cell in crossed[1::2]]
    again = [cell["learning_rate"] for cell in cells_of(learning_rate=rates, samples=3, key=1)]
    assert again == [cell["learning_rate"] for cell in crossed[::2]]  # whatever else is swept
    assert again != [cell["learning_rate"] for cell in cells_of(learning_rate=rates, samples=3, key=2)]


def test_sampled_cells_have_the_same_draws_in_every_program_and_no_picture_of_two_ranges():
    given = {"learning_rate": jnndl.log_uniform(0.01, 1.0), "l2": jnndl.uniform(0.0, 2.0), "samples": 3, "key": 0}
    found = sweep(batch_size=[11, 22], seeds=1, epochs=1, **given)
    cells = [{name: cell[name] for name in ("learning_rate", "l2")} for cell in found.cells]
    assert cells[:3] == cells[3:]
    with pytest.raises(ValueError, match="learning_rate and l2 were drawn together and form no grid"):
        jnndl.plots.heat(found)
    assert len(jnndl.plots.heat(found, "learning_rate", "batch_size").axes[0].texts) == 6


def test_names_of_networks():
    assert [*grids.named_networks(mlp([4, 3, 2]))] == ["4-3-2"]
    assert [*grids.named_networks([mlp([4, 3, 2]), mlp([4, 2])])] == ["4-3-2", "4-2"]
    assert [*grids.named_networks([mlp([4, 3, 2]), mlp([4, 3, 2], hidden="relu")])] == [
        "4-3-2 sigmoid-sigmoid",
        "4-3-2 relu-sigmoid",
    ]
    two = [mlp([4, 3, 2]), mlp([4, 3, 2], weight_init="large")]
    assert [*grids.named_networks(two)] == [f"4-3-2 sigmoid-sigmoid, number {k}" for k in range(2)]


# What is said.


def test_progress_says_how_much_is_done_and_the_best_so_far(capsys):
    found = sweep(progress=True, batch_size=[4, 11], **HALVED)
    lines = capsys.readouterr().out.splitlines()
    done = [int(re.search(r"(\d+)% done", line)[1]) for line in lines]
    assert done == sorted(done)
    assert done[-1] == 100
    # Ten cells for one epoch, five for one, three for two: 21 cells; each program has half of them before any halving.
    assert done[:2] == [round(100 * 5 / 21), round(100 * 10 / 21)]
    best = found.best()
    told = f"best so far {100 * best['accuracy']:.2f} % (batch_size {best['batch_size']}, learning_rate "
    assert told in lines[-1]
    assert re.fullmatch(r"batch_size 4, epoch 0: \d+% done, .*, \d+ (s|min) left", lines[0])
    sweep(learning_rate=0.1, seeds=1, epochs=1, progress="bar")
    assert "100%" in capsys.readouterr().err


# Bad calls.

BAD = {
    "no rate": ({}, TypeError, "learning_rate is missing; give a number, a list of them, or jnndl.log_uniform"),
    "no epochs": ({"epochs": "3"}, TypeError, "epochs is '3'; give a whole number of at least 1"),
    "negative": ({"learning_rate": [0.1, -1.0]}, ValueError, "learning_rate is -1; give a number above 0"),
    "text": ({"learning_rate": [0.1, "x"]}, TypeError, r"learning_rate is \[0.1, 'x'\]; give a number above 0"),
    "empty": ({"learning_rate": []}, ValueError, "learning_rate is empty; give at least one value"),
    "none": ({"learning_rate": 1, "l2": [None, 1]}, ValueError, "l2 holds None; give numbers, 0 for none"),
    "no batch": ({"learning_rate": 1, "batch_size": []}, ValueError, "batch_size is empty; give at least one"),
    "batch": ({"learning_rate": 1, "batch_size": [4, 23]}, ValueError, "batch_size is 23; give a whole number from 1"),
    "seeds": ({"learning_rate": 1, "seeds": 0}, ValueError, "seeds is 0; give how many networks each cell has"),
    "twice": ({"learning_rate": 1, "seeds": [1, 1]}, ValueError, r"seeds is \[1, 1\]; give how many .* different"),
    "no samples": (
        {"learning_rate": jnndl.log_uniform(0.1, 1)},
        TypeError,
        "samples is None; give how many draws of learning_rate to try, such as 20",
    ),
    "no key": (
        {"learning_rate": jnndl.log_uniform(0.1, 1), "samples": 3},
        TypeError,
        "key is missing; give a seed, such as 0, by which the samples are drawn",
    ),
    "no range": ({"learning_rate": 1, "samples": 3}, ValueError, "samples is 3, but there is no range to draw from"),
    "range": (
        {"learning_rate": 1, "momentum": jnndl.uniform(0, 2), "samples": 9, "key": 0},
        ValueError,
        "momentum is 1.*; give a number from 0 to below 1",
    ),
    "halving": ({"learning_rate": 1, "halving": [2, 1]}, ValueError, r"halving is \[2, 1\]; give rising numbers"),
    "late": ({"learning_rate": 1, "halving": [3]}, ValueError, r"halving is \[3\]; .* from 1 to 2 \(epochs is 3\)"),
    "checkpoint": ({"learning_rate": 1, "checkpoint": "x"}, TypeError, "checkpoint is for fit .*; a sweep has folder="),
    "unknown": ({"learning_rate": 1, "eta": 3}, TypeError, "there is no setting 'eta'; did you mean learning_rate?"),
    "progress": ({"learning_rate": 1, "progress": "loud"}, ValueError, "progress is 'loud'"),
    "networks": ({"learning_rate": 1, "networks": []}, ValueError, r"networks is \[\]; give at least one network"),
    "network": ({"learning_rate": 1, "networks": [SMALL, 3]}, TypeError, "network is 3; give a Network"),
    "sizes": ({"learning_rate": 1, "networks": {"a": mlp([3, 3])}}, ValueError, "make the network's first size 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_call_gets_a_sentence_before_anything_is_trained(name, unchecked, monkeypatch):
    given, kind, sentence = BAD[name]
    monkeypatch.setattr(sweeps, "train_all", None)
    with pytest.raises(kind, match=sentence):
        sweep(**given)


def test_evaluation_data_are_needed(unchecked):
    with pytest.raises(ValueError, match="evaluation is None, but a sweep chooses by it; give validation data"):
        jnndl.sweep(SMALL, TRAINING, None, learning_rate=1.0, epochs=1)


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, 1), (-1, 1), ("a", 1), (1, np.inf)])
def test_a_range_needs_two_ends(ends, unchecked):
    low, high = ends
    with pytest.raises(ValueError, match=r"log_uniform: the range goes from .*; give two finite numbers above 0"):
        jnndl.log_uniform(low, high)
    if ends == (2, 1):
        with pytest.raises(ValueError, match="uniform: the range goes from 2 to 1; give two finite numbers, the"):
            jnndl.uniform(low, high)


def test_there_is_no_such_network(unchecked):
    with pytest.raises(IndexError, match="cell is 6, but there are 6 cells; give 0 to 5"):
        grid().cell(6)
    with pytest.raises(TypeError, match="cell is 'a'; give its number in the table, from 0 to 5"):
        grid().network("a")
    with pytest.raises(ValueError, match="seed is 7; give one of 0, 1, or None for the best"):
        grid().network(0, 7)
