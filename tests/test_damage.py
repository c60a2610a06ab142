"""Files that are damaged, missing, in the way or too large: one sentence, and nothing of value is lost."""

import gzip
import json
import os
import pathlib
import stat
import struct
import subprocess
import sys
import time

import damage
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
import safetensors.numpy
from samples import blobs, draw, leaves_as_bytes

import jnndl
from jnndl import costs, idx, mlp, storage

NETWORK = mlp([2, 3])
TRAINING = blobs(22)
KINDS = {"idx": 150, "gzip": 150, "network2": 150, "saved": 150, "resumed": 150, "swept": 150, "csv": 50, "picture": 50}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.safetensors"


def fit(**settings):
    return jnndl.fit(NETWORK, TRAINING, **({"key": 0, "epochs": 3, "learning_rate": 0.5, "batch_size": 4} | settings))


def bits(fit):
    return leaves_as_bytes((fit.history, fit.state._replace(key=jax.random.key_data(fit.state.key))))


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_end_in_the_documented_errors_alone(tmp_path, kind):
    found = damage.attack(damage.KINDS[kind](tmp_path), KINDS[kind])
    assert found.total() == KINDS[kind]
    assert found.total() > found["read"]


def test_a_table_too_short_to_be_divided_is_named(tmp_path):
    (tmp_path / "short.csv").write_text("size,kind\n1,a\n2,b\n")
    with pytest.raises(
        ValueError, match=r"short\.csv: validation and test take 1 and 1 of 2 examples, so none is left"
    ):
        jnndl.load_csv(tmp_path / "short.csv", target="kind", key=0)


# Checkpoints: the last two.


@pytest.mark.parametrize("spoil", ["a bit", "cut off", "empty", "gone"])
def test_the_checkpoint_before_a_damaged_one_is_used_and_it_says_so(tmp_path, spoil):
    path = tmp_path / "run.safetensors"
    fit(checkpoint=path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 4  # in an array: the header is whole
    path.write_bytes({"a bit": content, "cut off": content[:-9], "empty": b"", "gone": b""}[spoil])
    if spoil == "gone":
        path.unlink()
    epochs = []
    with pytest.warns(UserWarning, match=r"run\.safetensors: .*; resuming from the checkpoint before it, .*previous"):
        resumed = fit(checkpoint=path, resume=True, epochs=5, callback=lambda number, _: epochs.append(number))
    assert epochs == [2, 3, 4]
    assert bits(resumed) == bits(fit(epochs=5))


def test_where_both_checkpoints_are_damaged_the_last_one_is_named(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(checkpoint=path)
    for damaged in (path, tmp_path / "run.previous.safetensors"):
        damaged.write_bytes(damaged.read_bytes()[:-1])
    with (
        pytest.warns(UserWarning, match="resuming from the checkpoint before it"),
        pytest.raises(storage.DamagedError, match=r"run\.previous\.safetensors: not a whole safetensors file"),
    ):
        fit(checkpoint=path, resume=True)


def test_a_run_of_another_precision_is_not_resumed(tmp_path):
    path, params = tmp_path / "run.safetensors", jax.tree.map(lambda leaf: np.asarray(leaf, "f4"), draw(NETWORK))
    fit(checkpoint=path, params=params)
    with jax.enable_x64(True), pytest.raises(ValueError, match=r"is of another run: .*precision is \[\"float64\""):
        fit(checkpoint=path, params=params, resume=True)


# Network files.


@pytest.mark.parametrize("where", [-2, 300])
def test_a_flipped_bit_in_a_network_file_is_noticed(path, where):
    jnndl.save(path, NETWORK, draw(NETWORK))
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"network\.safetensors: "):
        jnndl.load(path)


def test_equal_networks_make_equal_files(path):
    program = "import sys, jnndl\nn = jnndl.mlp([4, 3])\njnndl.save(sys.argv[1], n, n.init(0))"
    made = []
    for number in range(2):
        name = path.with_name(str(number))
        subprocess.run([sys.executable, "-c", program, str(name)], check=True)
        made.append(name.read_bytes())
    assert made[0] == made[1]
    metadata = json.loads(made[0][8 : 8 + int.from_bytes(made[0][:8], "little")])["__metadata__"]
    assert [*metadata] == ["format", "version", "network", "sha256"]


def test_files_are_as_open_as_the_user_makes_others(path):
    old = os.umask(0o022)
    try:
        jnndl.save(path, NETWORK, draw(NETWORK))
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    finally:
        os.umask(old)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_short_floats_come_back(path, dtype):
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), draw(NETWORK))
    jnndl.save(path, NETWORK, params)
    found = jnndl.load(path)[1]
    assert [leaf.dtype for leaf in jax.tree.leaves(found)] == [dtype, dtype]
    assert leaves_as_bytes(found) == leaves_as_bytes(params)


def test_safetensors_own_reader_reads_what_we_write(tmp_path):
    wanted = {
        "b": np.arange(3, dtype=np.uint8),
        "a": np.eye(2),
        "c": np.array([True, False]),
        "d": np.array(5, np.int32),
        "e": np.zeros((0, 2), np.float32),
        "f": np.arange(4, dtype=np.uint32),
    }
    storage.write_tensors(tmp_path / "x", wanted, {"ü": '"quoted"'})
    found = safetensors.numpy.load_file(tmp_path / "x")
    assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in found.items()} == {
        name: (a.dtype, a.shape, a.tobytes()) for name, a in wanted.items()
    }


def test_a_file_of_many_layers_is_refused_quickly(path, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as a user has it
    dense = {"layer": "Dense", "n_in": 1, "n_out": 1, "neuron": {"neuron": "linear"}}
    rest = {"neuron": "sigmoid", "input_shape": [1], "scale": None, "offset": 0.0, "classes": None}
    network = json.dumps({"layers": [dense] * 20_000, **rest})
    storage.write_tensors(path, {}, {"format": "jnndl-network", "version": "2", "network": network})
    started = time.process_time()
    with pytest.raises(ValueError, match="there are 20000 layers; give at most 1000"):
        jnndl.load(path)
    path.write_text(json.dumps({"sizes": [1] * 20_001, "weights": [], "biases": [], "cost": "QuadraticCost"}))
    with pytest.raises(ValueError, match="there are 20000 layers; give at most 1000"):
        jnndl.load_network2(path)
    assert time.process_time() - started < 5  # a quarter of a second; a minute where every layer is traced


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e300", "-Infinity"])
def test_a_network2_file_with_what_is_no_number_is_refused(path, number):
    network = mlp([2, 1])
    jnndl.save_network2(path, network, draw(network), costs.quadratic)
    content = json.loads(path.read_text())
    content["biases"][0][0][0] = float(number)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"network\.safetensors: biases\[0\]\[0, 0\] is .*; give finite numbers"):
        jnndl.load_network2(path)


# What is in the way.

SAVERS = {
    "save": lambda path: jnndl.save(path, NETWORK, draw(NETWORK)),
    "save_network2": lambda path: jnndl.save_network2(path, mlp([2, 3]), draw(NETWORK), costs.quadratic),
    "checkpoint": lambda path: fit(checkpoint=path, callback=lambda *_: pytest.fail("an epoch was trained")),
}


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
def test_what_is_no_plain_file_is_not_replaced(tmp_path, save):
    with pytest.raises(IsADirectoryError, match="is a folder; give the path of a file"):
        save(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"pipe: this is no plain file, and is not replaced; give another path"):
        save(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"link: this is no plain file, and is not replaced"):
        save(tmp_path / "link")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    with pytest.raises(OSError, match=r"round: this is no plain file, and is not replaced"):
        save(tmp_path / "round")
    with pytest.raises(IsADirectoryError, match="'' is a folder; give the path of a file"):
        save("")


def test_a_device_node_is_not_replaced():
    before = os.stat(os.devnull).st_rdev
    with pytest.raises(OSError, match=r"/dev/null: this is no plain file, and is not replaced"):
        jnndl.save("/dev/null", NETWORK, draw(NETWORK))
    assert os.stat(os.devnull).st_rdev == before


def test_a_link_stays_one_and_the_file_behind_it_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    link, target = tmp_path / "link", tmp_path / "far" / "file"
    link.symlink_to(target)
    for number in range(2):
        jnndl.save(link, NETWORK, draw(NETWORK, number))
    assert link.is_symlink()
    assert leaves_as_bytes(jnndl.load(target)[1]) == leaves_as_bytes(draw(NETWORK, 1))
    assert os.listdir(target.parent) == ["file"]


FULL = """
import resource, signal, sys, jnndl
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
network = jnndl.mlp([100, 100])
jnndl.save(sys.argv[1], network, network.init(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    jnndl.save(sys.argv[1], network, network.init(1))
except OSError as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_is_told_with_the_files_name_and_the_old_file_stays(path):
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert (
        done.stdout
        == f"OSError {path} cannot be written (File too large); make room, or give the path of another file\n"
    )
    network, params = jnndl.load(path)
    assert leaves_as_bytes(params) == leaves_as_bytes(network.init(0))
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_closed_is_noticed_before_training():
    closed = next(
        (p for p in ("/proc/self/run.safetensors", "/sys/run.safetensors") if os.path.isdir(os.path.dirname(p))), None
    )
    if closed is None:
        pytest.skip("needs a folder in which nobody can make a file")
    with pytest.raises(OSError, match=rf"{closed} cannot be written \(.*\); make room, or give"):
        SAVERS["checkpoint"](closed)


# A bomb.


def test_a_gzip_bomb_is_refused_before_it_is_unzipped(tmp_path):
    damage.Gzip(tmp_path)
    bomb = tmp_path / "train-images-idx3-ubyte"
    with gzip.open(bomb, "wb") as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, 12, 2000, 2000))
        for _ in range(12):
            file.write(bytes(4_000_000))
    promised = 48_000_000
    assert promised > idx.MOST_UNZIPPED * bomb.stat().st_size
    with pytest.raises(
        ValueError, match=r"that promises 48,000,000, more than 100 times as many; if that is meant, unzip"
    ):
        jnndl.load_idx(tmp_path)


def test_no_more_is_unzipped_than_the_header_promises(tmp_path, monkeypatch):
    damage.Gzip(tmp_path)
    bomb = tmp_path / "train-images-idx3-ubyte"
    whole = gzip.decompress(bomb.read_bytes())
    bomb.write_bytes(gzip.compress(whole + bytes(10**6)))
    seen = []
    monkeypatch.setattr(
        idx, "parse_idx", lambda content, *_: seen.append(len(content)) or np.zeros((1, 1, 1), np.uint8)
    )
    idx.load_idx(tmp_path)
    assert seen[0] == len(whole) + 1
    monkeypatch.undo()
    with pytest.raises(
        ValueError, match=r"the header says 12 x 5 x 4 = 240 bytes, but the file holds more; it is damaged"
    ):
        idx.load_idx(tmp_path)


def test_paths_of_all_kinds_are_taken(tmp_path):
    for path in (str(tmp_path / "a"), pathlib.Path(tmp_path / "b")):
        jnndl.save(path, NETWORK, draw(NETWORK))
        assert os.path.exists(path)
