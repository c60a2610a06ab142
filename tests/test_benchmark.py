"""The alternatives of the benchmark: each really trains, to the same parameters as the book's algorithm in float64."""

import dataclasses
import itertools
import json
import re
import shutil
import tempfile
from typing import ClassVar

import book
import jax
import numpy as np
import pytest

import jnndl
from experiments import accelerator, benchmark, rivals
from experiments.__main__ import main
from experiments.rivals import ALTERNATIVES, LIMIT, MANY, OURS
from jnndl.settings import TrainConfig

BATCH, RATE, EPOCHS = 6, 2.0, 2
IN_PYTHON = [name for name in ALTERNATIVES if name != LIMIT]


def task_of(rng, sizes=(8, 6, 3), batch=BATCH):
    """Twenty examples, in mini-batches of which the last may be short."""
    inputs = rng.permutation(256)[: 20 * 8].reshape(20, 8).astype(np.uint8)
    labels = rng.integers(0, 3, 20).astype(np.uint8)
    layers = [(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in itertools.pairwise(sizes)]
    layers = [tuple(array.astype(np.float32) for array in layer) for layer in layers]
    return rivals.Task(sizes, batch, RATE, 1, 1 / 256, inputs, labels, inputs, labels, layers)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def orders_of_jnndl(task):
    """The order in which an epoch of jnndl takes the examples, seen from inside its gradient."""
    seen = []

    def spying(objective):
        gradient = jnndl.gradients.autodiff(objective)

        def of_batch(params, batch, n, key):
            jax.debug.callback(lambda inputs: seen.extend(map(bytes, np.asarray(inputs))), batch.inputs, ordered=True)
            return gradient(params, batch, n, key)

        return of_batch

    ours = ALTERNATIVES[OURS].make(task)
    ours.config = TrainConfig(ours.network, jnndl.costs.quadratic, task.batch_size, spying)
    for _ in range(EPOCHS):
        ours.epoch(np.arange(0))
    jax.effects_barrier()
    index = {bytes(row): number for number, row in enumerate(task.inputs)}
    return np.reshape([index[row] for row in seen], (EPOCHS, -1))


def expected(task, orders, cost="quadratic"):
    weights, biases = ([array.astype(float) for array in arrays] for arrays in zip(*task.layers, strict=True))
    x, y = task.inputs / 256.0, np.eye(3)[task.labels]
    for order in orders:
        for part in task.batches(order):
            examples = list(zip(x[order[part]], y[order[part]], strict=True))
            weights, biases = book.update_mini_batch(weights, biases, examples, RATE, 0.0, 20, cost)
    return list(zip(weights, biases, strict=True))


def assert_same(found, wanted, start):
    for (w, b), (w_wanted, b_wanted), (w_start, _) in zip(found, wanted, start, strict=True):
        np.testing.assert_allclose(w, w_wanted, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(b, b_wanted, rtol=1e-5, atol=1e-5)
        assert np.abs(w_wanted - w_start).max() > 0.01


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of the other libraries
@pytest.mark.parametrize("name", IN_PYTHON)
def test_each_alternative_arrives_where_the_book_does(rng, name):
    task = task_of(rng)
    if ALTERNATIVES[name].needs:
        pytest.importorskip(ALTERNATIVES[name].needs)
    if name == "PyTorch, compiled" and shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    jnndl_draws = ALTERNATIVES[name].place.startswith("ours")
    if name == MANY:
        orders = np.arange(20)[None].repeat(EPOCHS, axis=0)  # one mini-batch per epoch: the order does not matter
        task = dataclasses.replace(task, batch_size=20, networks=3)
    else:
        orders = orders_of_jnndl(task) if jnndl_draws else np.stack([rng.permutation(20) for _ in range(EPOCHS)])
    assert np.array_equal(np.sort(orders), np.arange(20)[None].repeat(EPOCHS, axis=0))
    rival = ALTERNATIVES[name].make(task)
    for order in orders:
        rival.epoch(order)
    wanted = expected(task, orders, "cross_entropy" if name.startswith("scikit") else "quadratic")
    assert_same(rival.layers(), wanted, task.layers)
    x = task.floats(task.inputs)
    activations = [book.feedforward(*map(list, zip(*wanted, strict=True)), one)[1][-1] for one in x]
    np.testing.assert_allclose(rival.outputs(x), activations, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(("hidden", "batch"), [(6, 6), (6, 1), (40, 12), (70, 20)])
def test_the_program_in_c_arrives_where_the_book_does(rng, tmp_path, hidden, batch):
    task = task_of(rng, (8, hidden, 3), batch)
    worker = benchmark.Worker(LIMIT, task, 1)
    orders = np.stack([rng.permutation(20) for _ in range(EPOCHS)])
    for number, order in enumerate(orders):
        order.astype(np.int32).tofile(tmp_path / f"order{number}")
        assert worker.ask(f"epoch {tmp_path}/order{number}")["seconds"] > 0
    worker.ask(f"params {tmp_path}/params")
    accuracy = worker.ask("evaluate")["accuracy"]
    assert worker.epoch() > 0
    worker.close()
    wanted = expected(task, orders)
    assert_same(rivals.split(np.fromfile(tmp_path / "params", np.float32), task.sizes), wanted, task.layers)
    outputs = [book.feedforward(*map(list, zip(*wanted, strict=True)), x)[1][-1] for x in task.inputs / 256.0]
    assert accuracy == pytest.approx(np.mean(np.argmax(outputs, axis=1) == task.labels))


class FakeWorker:
    """Takes a second for each epoch; on two cores, or later than its second epoch, it fails."""

    alive: ClassVar = []

    def __init__(self, name, task, cores):
        self.name, self.cores, self.seconds, self.epochs = name, cores, [], 0
        self.alive.append(self)

    def epoch(self):
        self.epochs += 1
        if self.cores == 2 or (self.epochs > 2 and self.name == MANY):
            raise RuntimeError("out of memory")
        return 1.0

    def close(self):
        if self in self.alive:
            self.alive.remove(self)


def test_workers_are_ended_where_one_of_them_fails(monkeypatch, rng, digits, capsys):
    monkeypatch.setattr(benchmark, "Worker", FakeWorker)
    monkeypatch.setattr(benchmark, "CORES", 2)
    with pytest.raises(RuntimeError, match="out of memory"):
        benchmark.start(OURS, task_of(rng), quick=False)
    assert not FakeWorker.alive
    monkeypatch.setattr(benchmark, "CORES", 1)
    with pytest.raises(RuntimeError, match="out of memory"):
        benchmark.measure(benchmark.Case((3,), examples=20), [OURS, MANY], digits, repeats=1, quick=False)
    assert not FakeWorker.alive


def test_a_worker_that_cannot_start_leaves_no_folder(monkeypatch, rng, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"one hidden layer|no C compiler"):
        benchmark.Worker(LIMIT, task_of(rng, (8, 6, 5, 3)), 1)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def quietly(monkeypatch):
    monkeypatch.setattr(jax.config, "update", lambda *_: None)


@pytest.mark.slow
def test_a_quick_run_leaves_result_table_and_pictures(quietly, monkeypatch, tmp_path, capsys):
    few = {name: ALTERNATIVES[name] for name in (benchmark.MATRIX, LIMIT, OURS, MANY)}
    monkeypatch.setattr(benchmark, "ALTERNATIVES", few | {"something": rivals.Alternative("x:X", "no_such_package")})
    monkeypatch.setattr(
        benchmark, "GROWTH", {"networks": ((MANY,), {k: benchmark.Case((30,), networks=k) for k in (1, 2)})}
    )
    assert main(["benchmark", "--quick", "--data", "digits", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "something: skipped: no_such_package is not installed" in printed
    folder = tmp_path / "benchmark"
    result = json.loads((folder / "result.json").read_text())
    rows = result["cases"]["784-30-10"]
    assert set(rows) >= {benchmark.MATRIX, OURS, MANY}
    which = "fast" if rows[benchmark.MATRIX]["min"] >= rows[OURS]["min"] else "slow"
    assert re.search(rf"jnndl is \S+ times as {which} as NumPy, matrix form", printed)
    for row in rows.values():
        assert 0 < row["min"] <= row["median"] <= row["max"]
        assert row["accuracy"] > 0.3
    assert np.isfinite(result["growth"]["networks"][MANY]["exponent"])
    assert "| NumPy, matrix form |" in (folder / "table.md").read_text()
    assert {path.name for path in folder.glob("*.png")} == {"784-30-10.png", "growth-networks.png"}


def test_an_unknown_case_ends_with_one_sentence_and_status_2(quietly, capsys):
    assert main(["benchmark", "--data", "digits", "--only", "784-10"]) == 2
    assert "there is no case '784-10'; there are 784-30-10," in capsys.readouterr().err


def test_exponent_and_operations_by_hand():
    assert benchmark.exponent({1: 3.0, 10: 300.0, 100: 30000.0}) == pytest.approx(2)
    # 2*(4*3 + 3*2) forward, as much for the weights, 2*3*2 back through the second layer; 5 examples
    assert benchmark.Case((3,)).flops(4, 2, 5) == 5 * (2 * 18 + 2 * 18 + 2 * 6)


def test_without_an_accelerator_one_line_says_so(quietly, capsys):
    assert main(["benchmark", "--accelerator", "--data", "digits"]) == 0
    assert "no accelerator" in capsys.readouterr().out


def test_the_epoch_of_many_networks_for_an_accelerator_runs(digits):
    for precision in accelerator.precisions():
        accelerator.ours(digits.training[:40], (64, 5, 10), 3, precision)()
