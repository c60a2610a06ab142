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
from experiments import accelerator, benchmark, rivals, sweeping
from experiments.__main__ import main
from experiments.rivals import ALTERNATIVES, LIMIT, MANY, OURS, cases
from experiments.rivals.cases import Case

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
    ours.config = dataclasses.replace(ours.config, gradient=spying)
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


def trained(name, task, rng):
    """An alternative after its epochs, and the orders in which it saw the examples."""
    if ALTERNATIVES[name].needs:
        pytest.importorskip(ALTERNATIVES[name].needs)
    jnndl_draws = ALTERNATIVES[name].place.startswith("ours")
    if ALTERNATIVES[name].many:
        orders = np.arange(20)[None].repeat(EPOCHS, axis=0)  # one mini-batch per epoch: the order does not matter
        task = dataclasses.replace(task, batch_size=20, networks=3)
    else:
        orders = orders_of_jnndl(task) if jnndl_draws else np.stack([rng.permutation(20) for _ in range(EPOCHS)])
    assert np.array_equal(np.sort(orders), np.arange(20)[None].repeat(EPOCHS, axis=0))
    rival = ALTERNATIVES[name].make(task)
    for order in orders:
        rival.epoch(order)
    return rival, task, orders


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of the other libraries
@pytest.mark.parametrize("name", IN_PYTHON)
def test_each_alternative_arrives_where_the_book_does(rng, name):
    if name == "PyTorch, compiled" and shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    rival, task, orders = trained(name, task_of(rng), rng)
    wanted = expected(task, orders, "cross_entropy" if name.startswith("scikit") else "quadratic")
    assert_same(rival.layers(), wanted, task.layers)
    x = task.floats(task.inputs)
    activations = [book.feedforward(*map(list, zip(*wanted, strict=True)), one)[1][-1] for one in x]
    np.testing.assert_allclose(rival.outputs(x), activations, rtol=1e-4, atol=1e-5)


def images_of(rng):
    """Twenty small images, wider than high, for two convolutional layers and two dense ones."""
    inputs = rng.integers(0, 256, (20, 14 * 19)).astype(np.uint8)
    labels = rng.integers(0, 3, 20).astype(np.uint8)
    # 14 x 19, fields of 3 x 3: 12 x 17, pooled 6 x 8 (a column is left over), 4 x 6, pooled 2 x 3; 4 maps, 24 in all
    shapes = [(3, 3, 3, 1), (4, 3, 3, 3), (5, 24), (3, 5)]
    layers = [(rng.normal(size=shape) / 2, rng.normal(size=shape[0])) for shape in shapes]
    layers = [tuple(array.astype(np.float32) for array in layer) for layer in layers]
    image = {"image": (14, 19), "maps": (3, 4), "kernel": 3}
    return rivals.Task((14 * 19, 5, 3), BATCH, 0.1, 1, 1 / 256, inputs, labels, inputs, labels, layers, **image)


def forward_by_hand(layers, x):
    """What goes into each layer, its windows, and its weighted inputs; convolutions pooled only in the next entry."""
    seen = []
    for number, (w, b) in enumerate(layers):
        if w.ndim == 4:
            windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (0, 1))  # (down, across, channels, 3, 3)
            z = np.einsum("yxcij,nijc->yxn", windows, w) + b
            seen.append((x, windows, z))
            high, wide = z.shape[0] // 2, z.shape[1] // 2
            x = np.maximum(z, 0)[: 2 * high, : 2 * wide].reshape(high, 2, wide, 2, -1).max(axis=(1, 3))
        else:
            x = x.ravel()
            seen.append((x, None, w @ x + b))
            x = seen[-1][2] if number == len(layers) - 1 else np.maximum(seen[-1][2], 0)
    return seen, np.exp(x) / np.exp(x).sum()


def gradient_by_hand(layers, x, label):
    """Chapter 6's problem, in float64: backpropagation for one image, with loops over the pixels of a field."""
    seen, outputs = forward_by_hand(layers, x)
    delta, grads = outputs - np.eye(3)[label], []
    for number in reversed(range(len(layers))):
        (w, _), (below, windows, z) = layers[number], seen[number]
        if w.ndim == 2:
            grads.insert(0, (np.outer(delta, below), delta))
            grad = w.T @ delta
        else:
            grads.insert(0, (np.einsum("yxn,yxcij->nijc", delta, windows), delta.sum(axis=(0, 1))))
            grad = np.zeros_like(below)
            for i, j in np.ndindex(3, 3):
                grad[i : i + z.shape[0], j : j + z.shape[1]] += delta @ w[:, i, j]
        if number == 0:
            return grads
        z = seen[number - 1][2]
        if z.ndim == 3:  # to the pixel that was the largest of its four
            high, wide, spread = z.shape[0] // 2, z.shape[1] // 2, np.zeros_like(z)
            for y, x, n in np.ndindex(high, wide, z.shape[2]):
                four = z[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, n]
                i, j = divmod(four.argmax(), 2)
                spread[2 * y + i, 2 * x + j, n] = grad.reshape(high, wide, -1)[y, x, n]
            grad = spread
        delta = np.where(z > 0, grad, 0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of the other libraries
@pytest.mark.parametrize("name", [name for name in ALTERNATIVES if rivals.CONVOLUTIONAL in ALTERNATIVES[name].kinds])
def test_each_alternative_trains_the_same_convolutional_network(rng, name):
    rival, task, orders = trained(name, images_of(rng), rng)
    layers = [(w.astype(float), b.astype(float)) for w, b in task.layers]
    x = task.inputs.reshape(-1, 14, 19, 1) / 256.0
    for order in orders:
        for part in task.batches(order):
            found = [gradient_by_hand(layers, x[k], task.labels[k]) for k in order[part]]
            for number, pair in enumerate(layers):
                means = [np.mean([grads[number][k] for grads in found], axis=0) for k in (0, 1)]
                layers[number] = tuple(p - task.learning_rate * mean for p, mean in zip(pair, means, strict=True))
    assert_same(rival.layers(), layers, task.layers)
    outputs = [forward_by_hand(layers, one)[1] for one in x]
    np.testing.assert_allclose(rival.outputs(task.floats(task.inputs)), outputs, rtol=1e-4, atol=1e-5)


def test_the_task_of_a_convolutional_network_survives_its_files(rng, tmp_path):
    task = images_of(rng)
    task.write(tmp_path)
    again = rivals.Task.read(tmp_path)
    for field in dataclasses.fields(task):
        np.testing.assert_equal(getattr(again, field.name), getattr(task, field.name))
    turned = task.channels_first()
    assert [w.shape for w, _ in turned] == [(3, 1, 3, 3), (4, 3, 3, 3), (5, 24), (3, 5)]
    np.testing.assert_equal(task.channels_last(turned), task.layers)


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
    assert_same(rivals.split(np.fromfile(tmp_path / "params", np.float32), task.shapes), wanted, task.layers)
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
        benchmark.measure(Case((3,), examples=20), [OURS, MANY], digits, repeats=1, quick=False)
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
    few = {name: ALTERNATIVES[name] for name in (rivals.MATRIX, LIMIT, OURS, MANY)}
    monkeypatch.setattr(benchmark, "ALTERNATIVES", few | {"something": rivals.Alternative("x:X", "no_such_package")})
    monkeypatch.setattr(benchmark, "GROWTH", {"networks": ((MANY,), {k: Case((30,), networks=k) for k in (1, 2)})})
    assert main(["benchmark", "--quick", "--data", "digits", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "something: skipped: no_such_package is not installed" in printed
    folder = tmp_path / "benchmark"
    result = json.loads((folder / "result.json").read_text())
    rows = result["cases"]["784-30-10"]
    assert set(rows) >= {rivals.MATRIX, OURS, MANY}
    which = "fast" if rows[rivals.MATRIX]["min"] >= rows[OURS]["min"] else "slow"
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


def test_a_network_for_which_the_images_are_too_small_ends_with_one_sentence_and_status_2(quietly, capsys):
    for name in (cases.TWO, "memory"):
        assert main(["benchmark", "--data", "digits", "--only", name]) == 2
        assert f"{name}: it needs images of at least 16 x 16, not 8 x 8" in capsys.readouterr().err
    with pytest.raises(ValueError, match="at least 6 x 6, not 5 x 28"):
        cases.CASES["conv20-dense100"].shapes((5, 28), 10)
    with pytest.raises(ValueError, match="at least 6 x 6, not 784"):
        cases.CASES["conv20-dense100"].shapes((784,), 10)
    assert cases.CASES["conv20-dense100"].shapes((6, 7), 3) == [(20, 5, 5, 1), (100, 20), (3, 100)]
    assert cases.CASES[cases.TWO].shapes((28, 28), 10)[1:3] == [(40, 5, 5, 20), (100, 640)]  # the book's 40 * 4 * 4


def test_what_is_asked_for_is_measured():
    everything = [*cases.CASES, *cases.GROUPS]

    def asked(only, quick=False):
        return [name for name in everything if cases.is_asked(name, only, quick)]

    assert asked(cases.TWO) == [cases.TWO]
    assert asked(None, quick=True) == ["784-30-10", "growth"]
    assert asked("memory") == ["memory"]
    assert asked("sweep") == ["sweep"]
    assert asked("convolutions") == [
        *[name for name in cases.CASES if name.startswith("conv")],
        "memory",
        "convolutions",
    ]


@pytest.mark.slow
def test_a_quick_run_of_a_convolutional_network_compares_with_the_targets(quietly, monkeypatch, tmp_path, capsys):
    few = {name: ALTERNATIVES[name] for name in (rivals.PYTORCH, rivals.BY_HAND, rivals.MANY_BY_HAND)}
    few[rivals.PYTORCH] = ALTERNATIVES[OURS]  # whether PyTorch is there or not
    monkeypatch.setattr(benchmark, "ALTERNATIVES", few)
    name = "conv20-dense100"
    assert main(["benchmark", "--quick", "--data", "digits", "--only", name, "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "benchmark" / "result.json").read_text())
    assert set(result["cases"]) == {name}
    rows, found = result["cases"][name], result["ratios"][name]
    assert {row: entry["target"] for row, entry in found.items()} == {rivals.BY_HAND: 1.9, rivals.MANY_BY_HAND: 3.0}
    for row, entry in found.items():
        assert entry["ratio"] == pytest.approx(rows[rivals.PYTORCH]["min"] / rows[row]["min"])
        assert entry["reached"] == (entry["ratio"] >= entry["target"])
    assert rows[rivals.MANY_BY_HAND]["networks"] == 2
    assert re.search(
        r"\| jnndl, backprop \| \S+ \| \S+ to \S+ \| at least 1.9: (reached|missed) \|", capsys.readouterr().out
    )


def rows_of(**seconds):
    names = {"pytorch": rivals.PYTORCH, "by_grad": OURS, "one": rivals.BY_HAND, "two": rivals.MANY_BY_HAND}
    return {names[key]: {"seconds": values, "min": min(values)} for key, values in seconds.items()}


def test_ratios_by_hand():
    case = cases.CASES[cases.TWO]
    found = benchmark.ratios(case, rows_of(pytorch=[9.0, 10.0], by_grad=[9.0, 8.0], one=[5.0, 6.0], two=[5.0, 4.5]))
    assert found[rivals.BY_HAND]["ratio"] == pytest.approx(9 / 5)
    assert found[rivals.MANY_BY_HAND]["repeats"] == pytest.approx([9 / 5, 10 / 4.5])
    assert [entry["reached"] for entry in found.values()] == [None, True, False]  # 1.8 of 1.5, 2.0 of 2.2
    assert "| jnndl, autodiff | 1.12 | 1.00 to 1.25 | - |" in benchmark.ratio_table(found)
    assert benchmark.ratio_table(found)[-2] == (
        "| jnndl, many networks, backprop | 2.00 | 1.80 to 2.22 | at least 2.2: missed |"
    )
    assert benchmark.ratio_table(benchmark.ratios(case, rows_of(one=[5.0]))) == []


@pytest.mark.slow
def test_the_memory_of_fit_and_of_fit_many_is_measured(rng):
    splits = jnndl.load_digits()
    large = [dataclasses.replace(data, inputs=np.pad(data.inputs, [(0, 0), (4, 4), (4, 4)])) for data in splits[:3]]
    rows = benchmark.memory(splits._replace(training=large[0], validation=large[1], test=large[2]), quick=True)
    assert [(row["networks"], row["batch_size"]) for row in rows] == [(1, 10), (2, 10), (1, 64), (2, 64)]
    if rows[0]["peak"] is not None:
        assert all(50 < row["before"] < row["peak"] for row in rows)
    assert len(benchmark.memory_table(rows, 1000)) == 10


def test_exponent_and_operations_by_hand():
    assert benchmark.exponent({1: 3.0, 10: 300.0, 100: 30000.0}) == pytest.approx(2)
    # 2*(4*3 + 3*2) forward, as much for the weights, 2*3*2 back through the second layer; 5 examples
    assert Case((3,)).flops((4,), 2, 5) == 5 * (2 * 18 + 2 * 18 + 2 * 6)
    # 4 maps of 4 x 6 places with fields of 25 pixels, pooled to 2 x 3; only one product back for the first layer
    dense = 4 * 6 * 3 + 3 * 2
    assert Case((3,), maps=(4,)).flops((8, 10), 2, 5) == 5 * 2 * (2 * 24 * 25 * 4 + 3 * dense)


def test_without_an_accelerator_one_line_says_so(quietly, capsys):
    assert main(["benchmark", "--accelerator", "--data", "digits"]) == 0
    assert "no accelerator" in capsys.readouterr().out


def test_the_epoch_of_many_networks_for_an_accelerator_runs(digits):
    for precision in accelerator.precisions():
        accelerator.ours(digits.training[:40], (64, 5, 10), 3, precision)()


@pytest.mark.slow
def test_a_quick_measurement_of_a_sweep(quietly, tmp_path, capsys):
    assert main(["benchmark", "--quick", "--data", "digits", "--only", "sweep", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "benchmark" / "result.json").read_text())["sweep"]
    assert {how: row["networks"] for how, row in rows.items()} == dict.fromkeys(sweeping.HOW, 18)  # 3 x 3 x 2
    assert [row["epochs"] for row in rows.values()] == [90, 90, 2 * (9 + 5 + 2 * 3 + 2)]
    told = capsys.readouterr().out
    assert "The accuracies of the cells are the same." in told
    assert re.search(r"Halving finds (the same|another) best rate with 49% of the epochs", told)


def test_what_a_sweep_with_halving_saves():
    cells, trained, begin = len(sweeping.RATES) * len(sweeping.LAMBDAS), 0, 0
    assert cells == 21
    for end in (*sweeping.HALVING, sweeping.EPOCHS):
        trained, begin, cells = trained + cells * (end - begin), end, -(-cells // 2)
    assert trained == 47  # as the module says, of 105
