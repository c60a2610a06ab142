"""Files with damage, made from whole ones by a seed: what a disk, a network or a stranger may do to them.

``python tests/damage.py 20000`` reads so many of each kind, and prints what came of it. The gate reads a few.
"""

import collections
import contextlib
import gzip
import io
import json
import pathlib
import random
import resource
import sys
import tempfile
import time
import warnings

import jax
import numpy as np
from samples import blobs, draw

import jnndl
from jnndl import costs, measures, pictures, settings, training
from jnndl.options import prepare

STRANGE = [None, True, 0, -1, 3, 10**30, 1e308, float("nan"), "", "x", "jnndl", [], {}, [[[]]], {"layer": []}, [0] * 50]
NESTED = "[" * 100_000


def flip(content: bytes, rng: random.Random) -> bytes:
    """One bit to eight that have turned round."""
    found = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def cut(content: bytes, rng: random.Random) -> bytes:
    """The end, or a part in the middle, is missing."""
    start = rng.randrange(len(content))
    return content[:start] + (content[rng.randint(start, len(content)) :] if rng.random() < 0.5 else b"")


def overwrite(content: bytes, rng: random.Random) -> bytes:
    """Some bytes are others, or there are more of them."""
    start, new = rng.randrange(len(content)), rng.randbytes(rng.randint(1, 12))
    return content[:start] + new + content[start + (len(new) if rng.random() < 0.5 else 0) :]


def edit(value, rng: random.Random):
    """A JSON value in which one thing is missing, another, or in another place."""
    if isinstance(value, str) and value[:1] in "{[" and rng.random() < 0.9:  # JSON in JSON
        return NESTED if rng.random() < 0.05 else json.dumps(edit(json.loads(value), rng))
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(STRANGE)
    found = dict(value) if isinstance(value, dict) else list(value)
    where = rng.choice([*found]) if isinstance(found, dict) else rng.randrange(len(found))
    chance = rng.random()
    if chance < 0.1:
        del found[where]
    elif chance < 0.15 and isinstance(found, list):
        found.append(found[where])
    elif chance < 0.2 and isinstance(found, dict):
        other = rng.choice([*found])
        found[other] = found.pop(where)
    else:
        found[where] = edit(found[where], rng)
    return found


def edit_json(content: bytes, rng: random.Random) -> bytes:
    """A JSON file with an edit."""
    return json.dumps(edit(json.loads(content), rng)).encode()


def edit_header(content: bytes, rng: random.Random) -> bytes:
    """A safetensors file whose header somebody has changed, and who took out the checksum that would tell."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    del header["__metadata__"]["sha256"]
    if rng.random() < 0.8:
        header["__metadata__"] = edit(header["__metadata__"], rng)
    else:
        header = edit(header, rng)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def edit_arrays(content: bytes, rng: random.Random) -> bytes:
    """A safetensors file without a checksum in which an array is of another type or shape, exchanged, or not there."""
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    del header["__metadata__"]["sha256"]
    name, other = (rng.choice([*header][1:]) for _ in range(2))
    entry, chance = header[name], rng.random()
    if chance < 0.3:
        width = entry["data_offsets"][1] - entry["data_offsets"][0]
        sizes = {"F32": 4, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "F64": 8, "BOOL": 1}
        entry["dtype"] = rng.choice([*sizes])
        entry["shape"] = [width // sizes[entry["dtype"]]] if rng.random() < 0.5 else entry["shape"]
    elif chance < 0.6:
        entry["shape"] = rng.choice(
            [entry["shape"][::-1], [1, *entry["shape"]], [*entry["shape"], 1], entry["shape"][1:]]
        )
    elif chance < 0.7:
        header[name], header[other] = header[other], header[name]
    elif chance < 0.8:
        start, end = entry["data_offsets"]
        data = data[:start] + data[end:]
        del header[name]
        for left in [*header][1:]:
            header[left]["data_offsets"] = [at - (end - start) * (at > start) for at in header[left]["data_offsets"]]
    elif chance < 0.9:
        header[rng.choice([f"{name}.x", "0.", "state", "1.history.penalty", ""])] = header.pop(name)
    else:
        start = entry["data_offsets"][0]
        data = data[:start] + rng.choice([b"\xff" * 4, b"\0\0\x80\x7f", b"\0\0\0\x80"]) + data[start + 4 :]
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


DAMAGE = [flip, cut, overwrite]
ON_TENSORS = (*DAMAGE, edit_header, edit_header, edit_header, edit_arrays, edit_arrays)
NETWORK = jnndl.mlp([4, 3, 3])
RUN = {"epochs": 2, "learning_rate": 0.5, "batch_size": 4}


class Kind:
    """A kind of file: a whole one, how to read it, what may come out, and the damage that only it can have.

    Args:
        folder: where to write.
    """

    errors: tuple[type[Exception], ...] = (ValueError,)
    damage = DAMAGE
    name = "file"

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.path = folder, folder / self.name
        self.make()
        self.whole = self.path.read_bytes()


class Idx(Kind):
    """Images and labels of MNIST's four files."""

    name, zipped = "train-images-idx3-ubyte", False

    def make(self):
        for part, count in (("train", 12), ("t10k", 6)):
            for what, shape in (("images-idx3", (count, 5, 4)), ("labels-idx1", (count,))):
                values = np.arange(np.prod(shape), dtype=np.uint8) % (3 if len(shape) == 1 else 251)
                header = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
                content = header + values.tobytes()
                (self.folder / f"{part}-{what}-ubyte").write_bytes(gzip.compress(content) if self.zipped else content)

    def read(self):
        jnndl.load_idx(self.folder)


class Gzip(Idx):
    """The same, zipped."""

    zipped = True


class Network2(Kind):
    """A file of the book's network2."""

    damage = (*DAMAGE, edit_json, edit_json, edit_json)

    def make(self):
        jnndl.save_network2(self.path, NETWORK, draw(NETWORK), costs.quadratic)

    def read(self):
        params = jnndl.load_network2(self.path)[1]
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))


class Saved(Kind):
    """A file of ``save``, of a network that knows all that one can know."""

    damage = ON_TENSORS

    def make(self):
        layers = (jnndl.Conv(1, 4, 2, neuron="relu"), jnndl.MaxPool(1), jnndl.Flatten(), jnndl.Dropout(0.5))
        network = jnndl.Network(
            (*layers, jnndl.Dense(16, 2, "linear")), "softmax", (3, 3, 1), 0.5, 0.1, ("a", "b"), (0.0, 1.0)
        )
        jnndl.save(self.path, network, draw(network))

    def read(self):
        network, params = jnndl.load(self.path)
        assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, network.param_shapes)


class Resumed(Kind):
    """A checkpoint, of two networks."""

    damage = ON_TENSORS

    def make(self):
        keys = jax.random.split(jax.random.key(0), 2)
        points = blobs(12)
        fit = jnndl.fit_many(jnndl.mlp([2, 3]), points, keys=keys, checkpoint=self.path, **RUN)
        run = prepare(jnndl.mlp([2, 3]), points, None, 2, 0.5, {"checkpoint": self.path, "batch_size": 4}, 2)
        hyper = settings.Hyperparameters(np.full(2, 0.5, np.float32))
        self.checkpoint = training.make_checkpoint(run._replace(hyper=hyper), keys)
        self.like = fit.state, measures.History(*(None if x is None else x[..., 0] for x in fit.history))
        self.checkpoint.previous.unlink(missing_ok=True)
        self.checkpoint.read(*self.like)

    def read(self):
        self.checkpoint.read(*self.like)


class Swept(Kind):
    """A file of ``Sweep.save``, of two programs."""

    damage = ON_TENSORS

    def make(self):
        networks, points = [jnndl.mlp([2, 3]), jnndl.mlp([2, 2, 3])], blobs(12)
        settings = {"epochs": 2, "learning_rate": [0.1, 1.0], "l2": 0.1, "batch_size": 4, "seeds": [3, 5]}
        jnndl.sweep(networks, points, points, **settings).save(self.path)

    def read(self):
        found = jnndl.load_sweep(self.path)
        found.rows()
        for cell in range(len(found.cells)):
            fit = found.network(cell, found.seeds[-1])
            jnndl.save(self.folder / "one", fit.network, fit.params)
            str(fit.history), found.cell(cell).history


class Csv(Kind):
    """A table."""

    name, errors = "table.csv", (ValueError, TypeError)

    def make(self):
        rows = "\n".join(f"{n},{n * n % 7}.5,{'ab'[n % 2]}" for n in range(20))
        self.path.write_text(f"size,weight,kind\n{rows}\n")

    def read(self):
        jnndl.load_csv(self.path, target="kind", key=0)


class Picture(Kind):
    """A PNG."""

    name, errors = "digit.png", (ValueError, OSError)

    def make(self):
        from PIL import Image

        pixels = np.full((40, 30), 255, np.uint8)
        pixels[8:32, 13:17] = 0
        Image.fromarray(pixels).save(self.path)

    def read(self):
        pictures.read_digits(self.path)


KINDS = {kind.__name__.lower(): kind for kind in (Idx, Gzip, Network2, Saved, Resumed, Swept, Csv, Picture)}


def attack(kind: Kind, count: int, seed: int = 0) -> collections.Counter:
    """Read so many damaged files, and count what came: "read", or the name of an error.

    Raises:
        AssertionError: at the first error that is not documented, with the seed that leads there.
    """
    found: collections.Counter = collections.Counter()
    for number in range(seed, seed + count):
        rng = random.Random(number)
        kind.path.write_bytes(rng.choice(kind.damage)(kind.whole, rng))
        try:
            with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                kind.read()
            found["read"] += 1
        except kind.errors as error:
            found[type(error).__name__] += 1
            if str(kind.folder) not in str(error):
                raise AssertionError(f"{type(kind).__name__}, seed {number}: no name of a file in {error!r}") from error
        except Exception as error:
            raise AssertionError(f"{type(kind).__name__}, seed {number}: {error!r}") from error
    return found


if __name__ == "__main__":
    for name in sys.argv[2:] or KINDS:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            found = attack(KINDS[name](pathlib.Path(folder)), int(sys.argv[1]))
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            seconds = time.perf_counter() - started
            print(f"{name}: {dict(found)}; {seconds:.0f} s, {memory} MiB at most", flush=True)
