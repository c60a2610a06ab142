"""Data sets: IDX files in every spelling and every kind of damage, the digits, MNIST, and the download."""

import collections
import contextlib
import gzip
import hashlib
import http.server
import itertools
import pathlib
import re
import socket
import struct
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pooch
import pytest
from sklearn import datasets

from jnndl import data
from jnndl import idx as idx_module

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
NAMES = (IMAGES, LABELS, TEST_IMAGES, TEST_LABELS)


def idx(values, *shape, code=8):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape) + bytes(values)


def zipped(content):
    return gzip.compress(content, mtime=0)


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


# Twelve training and four test images of 3 x 5 pixels in three classes.
PIXELS = [i * 7 % 256 for i in range(12 * 3 * 5)]
CLASSES = [2, 0, 1, 1, 0, 2, 0, 0, 1, 2, 1, 0]
TEST_PIXELS = [255 - i for i in range(4 * 3 * 5)]
TEST_CLASSES = [1, 2, 0, 2]
MADE = {
    IMAGES: idx(PIXELS, 12, 3, 5),
    LABELS: idx(CLASSES, 12),
    TEST_IMAGES: idx(TEST_PIXELS, 4, 3, 5),
    TEST_LABELS: idx(TEST_CLASSES, 4),
}
SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in MADE.items()}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def folder(tmp_path):
    """The made data set as plain files."""
    return write(tmp_path / "made", MADE)


@pytest.fixture
def made(folder):
    return idx_module.load_idx(folder)


def in_order(*parts):
    """A pattern for a sentence that holds these parts, one after another."""
    return "(?s)" + ".*".join(re.escape(str(part)) for part in parts)


# IDX files: what loads


def pixel(image, row, column):
    return (image * 15 + row * 5 + column) * 7 % 256


SPELLINGS = {
    "plain": lambda name, content: (name, content),
    "gzipped": lambda name, content: (f"{name}.gz", zipped(content)),
    "dot": lambda name, content: (name.replace("-idx", ".idx"), content),
    "dot-gzipped": lambda name, content: (name.replace("-idx", ".idx") + ".gz", zipped(content)),
    "gzip-without-the-name": lambda name, content: (name, zipped(content)),
    "plain-under-a-gz-name": lambda name, content: (f"{name}.gz", content),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_idx_folder_loads_in_every_spelling(tmp_path, spelling):
    splits = idx_module.load_idx(write(tmp_path, dict(spelling(*item) for item in MADE.items())))
    expected = np.fromfunction(pixel, (12, 3, 5), dtype=int)
    np.testing.assert_array_equal(splits.training.inputs, expected[:10])
    np.testing.assert_array_equal(splits.validation.inputs, expected[10:])
    np.testing.assert_array_equal(splits.test.inputs, np.arange(255, 195, -1).reshape(4, 3, 5))
    assert splits.training.targets.tolist() == CLASSES[:10]
    assert splits.validation.targets.tolist() == CLASSES[10:]
    assert splits.test.targets.tolist() == TEST_CLASSES
    assert splits.sha256 == SHA256  # of the payload, whatever the wrapper


def test_idx_spellings_may_be_mixed_in_one_folder(tmp_path):
    files = [spelling(*item) for spelling, item in zip(SPELLINGS.values(), MADE.items(), strict=False)]
    assert idx_module.load_idx(write(tmp_path, dict(files))).sha256 == SHA256


def emnist(name, subset="letters"):
    return f"emnist-{subset}-{name.replace('t10k', 'test')}.gz"


def test_emnist_is_read_by_its_own_names_and_set_upright(tmp_path):
    splits = idx_module.load_idx(write(tmp_path, {emnist(name): zipped(content) for name, content in MADE.items()}))
    on_their_side = np.fromfunction(pixel, (12, 3, 5), dtype=int)
    assert splits.training.inputs.shape == (10, 5, 3)
    np.testing.assert_array_equal(splits.training.inputs[3].T, on_their_side[3])
    np.testing.assert_array_equal(splits.test.inputs[:, 0, 1], np.arange(255, 195, -1).reshape(4, 3, 5)[:, 1, 0])
    assert splits.test.targets.tolist() == TEST_CLASSES
    assert splits.sha256 == SHA256


def test_several_sets_in_one_folder_are_not_mixed(tmp_path):
    both = {emnist(name, subset): zipped(content) for name, content in MADE.items() for subset in ("letters", "mnist")}
    with pytest.raises(ValueError, match=in_order(tmp_path, f"emnist-letters-{IMAGES}, emnist-mnist-{IMAGES}", "own")):
        idx_module.load_idx(write(tmp_path, both))
    write(tmp_path, MADE)  # a file under the plain name is the one that is meant
    assert idx_module.load_idx(tmp_path).training.inputs.shape == (10, 3, 5)


@pytest.mark.parametrize(("n", "kept"), [(6, 5), (60, 50), (600, 500)])
def test_last_sixth_of_the_training_file_is_validation_data(folder, n, kept):
    write(folder, {IMAGES: idx(bytes(15 * n), n, 3, 5), LABELS: idx([i % 251 for i in range(n)], n)})
    splits = idx_module.load_idx(folder)
    assert splits.training.targets.tolist() == [i % 251 for i in range(kept)]
    assert splits.validation.targets.tolist() == [i % 251 for i in range(kept, n)]


def test_idx_arrays_stay_bytes_and_are_scaled_by_256(made):
    for part in made[:3]:
        assert part.inputs.dtype == part.targets.dtype == np.uint8
        assert part.scale == 1 / 256
        assert part.offset == 0


def test_idx_data_set_is_named_after_its_folder(made):
    assert made.name == "made"


def test_idx_data_set_with_mnist_checksums_is_named_mnist(folder, monkeypatch):
    monkeypatch.setattr(idx_module, "MNIST_SHA256", SHA256)
    assert idx_module.load_idx(folder).name == "mnist"


@pytest.mark.parametrize(
    ("changed", "labels", "classes"),
    [
        ("none", [], 3),
        ("in-training", [7, *CLASSES[1:]], 8),
        ("in-validation", [*CLASSES[:-1], 9], 10),
        ("in-test", [1, 4, 0, 2], 5),
    ],
)
def test_classes_go_up_to_the_highest_label_anywhere(folder, changed, labels, classes):
    if changed == "in-test":
        write(folder, {TEST_LABELS: idx(labels, 4)})
    elif labels:
        write(folder, {LABELS: idx(labels, 12)})
    assert idx_module.load_idx(folder).classes == classes


# IDX files: what does not


def test_missing_folder_is_named_with_all_four_files_and_where_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=in_order(tmp_path / "no", "does not exist", *NAMES)) as caught:
        idx_module.load_idx(tmp_path / "no")
    for part in (*idx_module.MIRRORS, "JNNDL_DATA", *(f"{name}.gz" for name in NAMES)):
        assert part in str(caught.value)


@pytest.mark.parametrize("missing", [NAMES[:1], NAMES[1:2], NAMES[2:3], NAMES[3:], NAMES[:2], NAMES[1:], NAMES])
def test_missing_files_are_named_with_all_four_and_where_to_get_them(folder, missing):
    for name in missing:
        (folder / name).unlink()
    what = f"{folder} lacks {', '.join(missing)} (plain or .gz"
    with pytest.raises(FileNotFoundError, match=in_order(what, "get", *idx_module.MIRRORS, "JNNDL_DATA")):
        idx_module.load_idx(folder)


PAGE = b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
DAMAGED = {
    "gzip-cut-off": (zipped(MADE[IMAGES])[:-30], "the gzip data are cut off or damaged"),
    "gzip-without-its-last-byte": (zipped(MADE[IMAGES])[:-1], "the gzip data are cut off or damaged"),
    "gzip-with-a-flipped-byte": (flipped(zipped(MADE[IMAGES]), 60), "the gzip data are cut off or damaged"),
    "gzip-with-a-wrong-sum": (flipped(zipped(MADE[IMAGES]), -5), "the gzip data are cut off or damaged"),
    "gzip-with-an-impossible-block": (
        zipped(MADE[IMAGES])[:10] + b"\x07" + zipped(MADE[IMAGES])[11:],
        "the gzip data are cut off or damaged",
    ),
    "gzip-magic-only": (b"\x1f\x8b", "the gzip data are cut off or damaged"),
    "gzip-of-a-page": (zipped(PAGE), "this is a web page, not an IDX file"),
    "page": (PAGE, "this is a web page, not an IDX file"),
    "page-after-blank-lines": (b"\r\n\n  " + PAGE, "this is a web page, not an IDX file"),
    "empty": (b"", "starts with bytes (none), but an IDX file of bytes starts with 00 00 08"),
    "three-bytes": (b"\x00\x00\x08", "starts with bytes 00 00 08, but"),
    "wrong-magic": (b"\x00\x01" + MADE[IMAGES][2:], "starts with bytes 00 01 08 03, but"),
    "floats": (idx(b"\0" * 720, 12, 3, 5, code=0x0D), "starts with bytes 00 00 0d 03, but"),
    "header-cut-off": (MADE[IMAGES][:8], "it is damaged"),
    "body-missing": (MADE[IMAGES][:16], "the header says 12 x 3 x 5 = 180 bytes, but the file holds 0"),
    "one-byte-short": (MADE[IMAGES][:-1], "the header says 12 x 3 x 5 = 180 bytes, but the file holds 179"),
    "one-byte-more": (MADE[IMAGES] + b"\0", "the header says 12 x 3 x 5 = 180 bytes, but the file holds more"),
    "absurd-header": (idx(PIXELS, *[2**32 - 1] * 3), f"= {(2**32 - 1) ** 3} bytes, but the file holds 180"),
}


@pytest.mark.parametrize("name", [IMAGES, f"{IMAGES}.gz"])
@pytest.mark.parametrize(("content", "sentence"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_file_is_named_with_its_fault_and_the_remedy(folder, name, content, sentence):
    (folder / IMAGES).unlink()
    write(folder, {name: content})
    with pytest.raises(ValueError, match=in_order(f"{folder / name}: ", sentence, "get the file again")):
        idx_module.load_idx(folder)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (IMAGES, MADE[LABELS], "has 1 axes, expected 3"),
        (LABELS, MADE[IMAGES], "has 3 axes, expected 1"),
        (TEST_IMAGES, MADE[TEST_LABELS], "has 1 axes, expected 3"),
        (TEST_LABELS, idx([0, 1, 2, 0], 2, 2), "has 2 axes, expected 1"),
    ],
)
def test_wrong_number_of_axes_asks_whether_images_and_labels_are_swapped(folder, name, content, sentence):
    write(folder, {name: content})
    with pytest.raises(ValueError, match=in_order(f"{folder / name}: {sentence}", "are images and labels swapped?")):
        idx_module.load_idx(folder)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({LABELS: idx(CLASSES[:11], 11)}, "12 images but 11 labels in the train files"),
        ({TEST_LABELS: idx([0] * 5, 5)}, "4 images but 5 labels in the t10k files"),
        ({TEST_IMAGES: MADE[IMAGES]}, "12 images but 4 labels in the t10k files"),
        ({IMAGES: idx([], 0, 3, 5), LABELS: idx([], 0)}, "0 images but 0 labels in the train files"),
        ({TEST_IMAGES: idx([], 0, 3, 5), TEST_LABELS: idx([], 0)}, "0 images but 0 labels in the t10k files"),
        ({TEST_IMAGES: idx(TEST_PIXELS, 4, 5, 3)}, "training images are (3, 5) but test images (5, 3)"),
    ],
)
def test_files_that_do_not_match_are_refused_with_both_numbers(folder, changed, sentence):
    write(folder, changed)
    with pytest.raises(ValueError, match=in_order(f"data folder {folder}: {sentence}; get", "files again")):
        idx_module.load_idx(folder)


# Dataset


def test_length_and_slices_of_a_data_set(made):
    first = made.training[:4]
    assert (len(made.training), len(first)) == (10, 4)
    np.testing.assert_array_equal(first.inputs, np.fromfunction(pixel, (4, 3, 5), dtype=int))
    assert first.targets.tolist() == CLASSES[:4]
    assert made.training[np.array([8, 3])].targets.tolist() == [CLASSES[8], CLASSES[3]]


def test_slice_keeps_scale_and_offset(made):
    part = data.standardize(made).training
    assert (part[2:3].scale, part[2:3].offset) == (part.scale, part.offset)


def test_examples_are_pixels_by_256_in_the_shape_asked_for(made):
    expected = np.fromfunction(pixel, (10, 3, 5), dtype=int) / 256  # a power of two: exact
    for shape in [(3, 5), (15,), (1, 3, 5)]:
        examples = made.training.examples(shape, jnp.float32)
        assert examples.dtype == jnp.float32
        np.testing.assert_array_equal(examples, expected.reshape(10, *shape))


def test_examples_in_float64_are_computed_in_float64(x64):
    scale, offset = np.float32(1 / 3), np.float32(-0.1)
    part = data.Dataset(np.arange(256, dtype=np.uint8)[:, None], np.zeros(256, np.uint8), scale, offset)
    examples = part.examples((1,), jnp.float64)
    assert examples.dtype == jnp.float64
    assert examples[:, 0].tolist() == [value * float(scale) + float(offset) for value in range(256)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_examples_are_scaled_then_shifted(x64, dtype):
    part = data.Dataset(np.array([[0, 1], [2, 255]], np.uint8), np.zeros(2, np.uint8), np.float32(0.5), np.float32(-1))
    examples = part.examples((2,), dtype)
    assert examples.dtype == dtype
    assert examples.tolist() == [[-1.0, -0.5], [0.0, 126.5]]


def test_examples_of_floats_are_themselves():
    part = data.Dataset(np.array([[0.1], [0.7]], np.float32), np.array([[1.0], [0.0]], np.float32))
    np.testing.assert_array_equal(part.examples((1,), jnp.float32), np.array([[0.1], [0.7]], np.float32))


def test_data_set_passes_through_jit_as_a_pytree(made):
    part = data.standardize(made).training
    assert len(jax.tree.leaves(part)) == 2
    doubled = jax.jit(lambda part: jax.tree.map(lambda leaf: leaf + leaf, part))(part)
    assert isinstance(doubled, data.Dataset)
    np.testing.assert_array_equal(doubled.targets, 2 * np.array(CLASSES[:10]))
    assert (doubled.scale, doubled.offset) == (part.scale, part.offset)
    examples = jax.jit(lambda part: part.examples((15,), jnp.float32))(made.training)
    np.testing.assert_array_equal(examples, np.fromfunction(pixel, (10, 3, 5), dtype=int).reshape(10, 15) / 256)


def test_standardized_training_pixels_have_mean_0_and_standard_deviation_1(made, x64):
    examples = np.asarray(data.standardize(made).training.examples((15,), jnp.float64))
    assert examples.mean() == pytest.approx(0, abs=1e-6)
    assert examples.std() == pytest.approx(1, abs=1e-6)


def test_all_parts_are_standardized_by_the_numbers_of_the_training_set(made, x64):
    pixels = np.fromfunction(pixel, (10, 3, 5), dtype=int)
    mean, std = pixels.sum() / 150, np.sqrt(((pixels - pixels.sum() / 150) ** 2).sum() / 150)
    for part in data.standardize(made)[:3]:
        examples = part.examples((3, 5), jnp.float64)
        np.testing.assert_allclose(examples, (np.asarray(part.inputs, float) - mean) / std, rtol=0, atol=1e-6)


def test_standardizing_keeps_everything_else(made):
    splits = data.standardize(made)
    assert splits[3:] == made[3:]
    for part, before in zip(splits[:3], made[:3], strict=True):
        assert part.inputs is before.inputs
        assert part.targets is before.targets


# The digits


def pictures(inputs, targets):
    return collections.Counter((image.tobytes(), int(label)) for image, label in zip(inputs, targets, strict=True))


def test_digits_are_1797_in_three_parts(digits):
    assert [len(part) for part in digits[:3]] == [1197, 300, 300]
    assert (digits.name, digits.classes) == ("digits", 10)
    for part in digits[:3]:
        assert part.inputs.shape[1:] == (8, 8)
        assert part.inputs.dtype == np.uint8
        assert part.scale == 1 / 16


def test_digits_are_disjoint_and_together_exactly_scikit_learns(digits):
    source = datasets.load_digits()
    whole = pictures(source.images.astype(np.uint8), source.target)
    assert whole.total() == len(whole) == 1797  # no two alike, so equal sums mean disjoint parts
    assert sum((pictures(part.inputs, part.targets) for part in digits[:3]), collections.Counter()) == whole


def test_digits_are_split_alike_at_each_call(digits):
    again = data.load_digits()
    assert again.sha256 == digits.sha256
    for part, before in zip(again[:3], digits[:3], strict=True):
        np.testing.assert_array_equal(part.inputs, before.inputs)
        np.testing.assert_array_equal(part.targets, before.targets)


def test_digits_split_is_the_one_that_results_were_made_with(digits):
    order = np.random.RandomState(0).permutation(1797)  # a stream that NumPy has frozen
    target = datasets.load_digits().target
    assert digits.training.targets.tolist() == target[order[:1197]].tolist()
    assert digits.validation.targets.tolist() == target[order[1197:1497]].tolist()
    assert digits.test.targets.tolist() == target[order[1497:]].tolist()


# MNIST


def test_mnist_has_the_books_sizes(mnist):
    assert [part.inputs.shape for part in mnist[:3]] == [(50_000, 28, 28), (10_000, 28, 28), (10_000, 28, 28)]
    assert [part.targets.shape for part in mnist[:3]] == [(50_000,), (10_000,), (10_000,)]
    assert (mnist.name, mnist.classes) == ("mnist", 10)


def test_mnist_training_is_in_file_order(mnist):
    assert mnist.training.targets[:6].tolist() == [5, 0, 4, 1, 9, 2]


def test_mnist_arrays_make_up_the_published_payloads(mnist):
    images = mnist.training.inputs.tobytes() + mnist.validation.inputs.tobytes()
    labels = mnist.training.targets.tobytes() + mnist.validation.targets.tobytes()
    published = {  # md5 sums of the decompressed files, as published in code of others
        "6bbc9ace898e44ae57da46a324031adb": idx(images, 60_000, 28, 28),
        "a25bea736e30d166cdddb491f175f624": idx(labels, 60_000),
        "2646ac647ad5339dbf082846283269ea": idx(mnist.test.inputs.tobytes(), 10_000, 28, 28),
        "27ae3e4e09519cfbb04c329615203637": idx(mnist.test.targets.tobytes(), 10_000),
    }
    for md5, payload in published.items():
        assert hashlib.md5(payload, usedforsecurity=False).hexdigest() == md5


def test_mnist_checksums_are_the_published_ones(mnist):
    assert mnist.sha256 == {
        IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }


def test_mnist_digits_are_as_dark_as_in_the_books_files(mnist):
    darkness = mnist.training.inputs.sum(axis=(1, 2), dtype=np.int64) / 256
    means = [darkness[mnist.training.targets == digit].mean() for digit in range(10)]
    book = [135.87, 59.66, 116.29, 110.87, 95.22, 100.35, 107.38, 89.88, 117.88, 96.04]
    np.testing.assert_allclose(means, book, rtol=0, atol=0.01)


@pytest.mark.parametrize("named_by", ["variable", "argument"])
def test_other_data_in_mnists_place_are_refused_with_the_remedy(folder, monkeypatch, named_by):
    if named_by == "variable":
        monkeypatch.setenv("JNNDL_DATA", str(folder))
    what = (
        f"{folder / IMAGES}: not MNIST's",
        SHA256[IMAGES][:16],
        "ba891046e6505d7a",
        "get the file again",
        "load_idx",
    )
    with pytest.raises(ValueError, match=in_order(*what)):
        idx_module.load_mnist(folder if named_by == "argument" else None)


@pytest.mark.parametrize("other", NAMES)
def test_one_file_that_is_not_mnists_is_named(folder, monkeypatch, other):
    monkeypatch.setattr(idx_module, "MNIST_SHA256", SHA256 | {other: 64 * "0"})
    with pytest.raises(ValueError, match=in_order(f"{folder / other}: not MNIST's", SHA256[other][:16], 16 * "0")):
        idx_module.load_mnist(folder)


@pytest.mark.parametrize("named_by", ["variable", "argument"])
def test_named_folder_that_lacks_a_file_is_an_error_and_no_download(folder, monkeypatch, named_by):
    (folder / TEST_LABELS).unlink()
    monkeypatch.setattr(pooch, "retrieve", lambda *_, **__: pytest.fail("downloads"))
    if named_by == "variable":
        monkeypatch.setenv("JNNDL_DATA", str(folder))
    with pytest.raises(FileNotFoundError, match=in_order(f"{folder} lacks {TEST_LABELS}", *NAMES)):
        idx_module.load_mnist(folder if named_by == "argument" else None)


def test_folder_given_by_hand_goes_before_the_variable(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(idx_module, "MNIST_SHA256", SHA256)
    monkeypatch.setenv("JNNDL_DATA", str(tmp_path / "no"))
    assert idx_module.load_mnist(folder).sha256 == SHA256


# The download, from a server of our own


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with ``server.pages[path]``: a status, a body, the length it claims.

    The status may be None: 200 after five seconds; 302: the body is where to look instead; or "slow": 200, and a byte
    every two milliseconds.
    """

    def do_GET(self):
        self.server.seen.append(self.path)
        status, body, claimed = self.server.pages.get(self.path, (404, b"not here", 8))
        if status is None:
            if self.server.closing.wait(5):
                return
            status = 200
        self.send_response(200 if status == "slow" else status)
        if status == 302:
            self.send_header("Location", body.decode())
        self.send_header("Content-Length", str(claimed))
        self.end_headers()
        if status != "slow":
            self.wfile.write(body)
            return
        with contextlib.suppress(OSError):  # where nobody listens any more
            while not self.server.closing.wait(0.002):
                self.wfile.write(b"x")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.pages, server.seen, server.closing = {}, [], threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


def offer(server, mirror, name, body, status=200, claimed=None):
    server.pages[f"/{mirror}/{name}.gz"] = (status, body, len(body) if claimed is None else claimed)


@pytest.fixture
def cache(server, tmp_path, monkeypatch):
    """The cache's folder, empty, with two mirrors of the made data set to fill it from."""
    monkeypatch.delenv("JNNDL_DATA", raising=False)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setattr(idx_module, "MNIST_SHA256", SHA256)
    monkeypatch.setattr(idx_module, "READ_SECONDS", 0.5)
    monkeypatch.setattr(idx_module, "SLOWEST", 0)  # this machine may be busy
    monkeypatch.setattr(
        idx_module,
        "MIRRORS",
        tuple(f"http://127.0.0.1:{server.server_port}/{mirror}/" for mirror in ("first", "second")),
    )
    for mirror in ("first", "second"):
        for name, content in MADE.items():
            offer(server, mirror, name, zipped(content))
    return tmp_path / "cache" / "jnndl" / "mnist"


def asked(mirror, names):
    return [f"/{mirror}/{name}.gz" for name in names]


def held(cache):
    return {str(path.relative_to(cache)): path.read_bytes() for path in cache.rglob("*") if path.is_file()}


WHOLE = {f"{name}.gz": zipped(content) for name, content in MADE.items()}


def test_download_fills_the_cache_from_the_first_mirror_and_loads(cache, server):
    splits = idx_module.load_mnist()
    assert [len(part) for part in splits[:3]] == [10, 2, 4]
    assert splits.training.targets.tolist() == CLASSES[:10]
    assert (splits.name, splits.sha256) == ("mnist", SHA256)
    assert sorted(server.seen) == sorted(asked("first", NAMES))
    assert held(cache) == WHOLE


def test_second_call_downloads_nothing(cache, server):
    idx_module.load_mnist()
    before = len(server.seen)
    assert idx_module.load_mnist().sha256 == SHA256
    assert (before, len(server.seen)) == (4, 4)


def test_download_fetches_only_what_the_cache_lacks(cache, server):
    write(cache, {f"{name}.gz": WHOLE[f"{name}.gz"] for name in NAMES if name != LABELS})
    idx_module.load_mnist()
    assert server.seen == asked("first", [LABELS])


def test_empty_variable_counts_as_none(cache, monkeypatch):
    monkeypatch.setenv("JNNDL_DATA", "")
    assert idx_module.load_mnist().sha256 == SHA256


ANOTHER = zipped(idx(TEST_PIXELS[::-1], 4, 3, 5))
GOOD = WHOLE[f"{TEST_IMAGES}.gz"]
BAD_ANSWERS = {
    "404": (404, b"no", None),
    "503": (503, b"busy", None),
    "page": (200, PAGE, None),
    "other-content": (200, ANOTHER, None),
    "cut-off": (200, GOOD[:40], len(GOOD)),
    "cut-off-at-the-end": (200, GOOD[:-1], len(GOOD)),
    "cut-off-on-the-mirror": (200, GOOD[:40], None),
    "flipped-byte": (200, flipped(GOOD, 40), None),
    "empty": (200, b"", None),
    "silence": (None, GOOD, None),
    "bomb": (200, gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 60_000, 2800, 2800) + bytes(10**6)), None),
    "longer-than-it-promises": (200, gzip.compress(MADE[TEST_IMAGES] + bytes(10**6)), None),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_bad_answer_of_the_first_mirror_is_made_good_by_the_second(cache, server, answer):
    status, body, claimed = answer
    offer(server, "first", TEST_IMAGES, body, status, claimed)
    assert idx_module.load_mnist().sha256 == SHA256
    assert sorted(server.seen) == sorted([*asked("first", NAMES), *asked("second", [TEST_IMAGES])])
    assert held(cache) == WHOLE  # nothing of the bad file, and no leftovers
    assert len(list(cache.rglob("*"))) == 4


def test_a_mirror_that_redirects_to_a_page_is_made_good_by_the_second(cache, server):
    offer(server, "first", TEST_IMAGES, b"/login", 302)
    server.pages["/login"] = (200, PAGE, len(PAGE))
    assert idx_module.load_mnist().sha256 == SHA256
    assert server.seen.count("/login") == 1
    assert held(cache) == WHOLE


def test_a_mirror_that_sends_next_to_nothing_is_given_up(cache, server, monkeypatch):
    monkeypatch.setattr(idx_module, "SLOWEST", 10**6)
    for mirror in ("first", "second"):
        offer(server, mirror, IMAGES, b"", "slow", 10**7)
    with pytest.raises(ConnectionError, match=r"first/: only [\d,]+ bytes came in \d+ s; .*second/: only"):
        idx_module.load_mnist()
    assert list(cache.rglob("*")) == []


def test_a_mirror_that_sends_without_end_is_given_up(cache, server, monkeypatch):
    monkeypatch.setattr(idx_module, "LONGEST", 1000)
    for mirror in ("first", "second"):
        offer(server, mirror, IMAGES, bytes(5000))
    with pytest.raises(ConnectionError, match=r"first/: more than 1,000 bytes came; .*second/: more than 1,000 bytes"):
        idx_module.load_mnist()
    assert list(cache.rglob("*")) == []


def test_first_mirror_that_is_away_is_made_good_by_the_second(cache, server):
    for name in NAMES:
        del server.pages[f"/first/{name}.gz"]
    assert idx_module.load_mnist().sha256 == SHA256
    assert held(cache) == WHOLE


@pytest.mark.parametrize(
    "wrapper",
    [
        lambda content: gzip.compress(content, compresslevel=0, mtime=1_600_000_000),
        lambda content: gzip.compress(content[:20], mtime=0) + gzip.compress(content[20:], mtime=0),
        lambda content: content,
    ],
    ids=["stored", "two-members", "not-zipped"],
)
def test_another_wrapper_of_the_same_payload_is_accepted(cache, server, wrapper):
    for name, content in MADE.items():
        assert wrapper(content) != zipped(content)
        offer(server, "first", name, wrapper(content))
    assert idx_module.load_mnist().sha256 == SHA256
    assert sorted(server.seen) == sorted(asked("first", NAMES))


@pytest.fixture
def dead(monkeypatch):
    """Two mirrors behind a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refused, and nobody else can get it
        mirrors = tuple(f"http://127.0.0.1:{taken.getsockname()[1]}/{mirror}/" for mirror in ("first", "second"))
        monkeypatch.setattr(idx_module, "MIRRORS", mirrors)
        yield mirrors


def test_no_mirror_at_all_names_mirrors_files_and_the_variable_and_leaves_nothing(cache, dead):
    files = [f"{name}.gz" for name in NAMES]
    parts = ("could not download", f"{IMAGES}.gz", *dead, "To work offline, get", *files, "set JNNDL_DATA")
    with pytest.raises(ConnectionError, match=in_order(*parts)):
        idx_module.load_mnist()
    assert list(cache.rglob("*")) == []


def test_no_mirror_with_the_right_file_tells_what_each_one_had(cache, server):
    offer(server, "first", IMAGES, PAGE)
    offer(server, "second", IMAGES, ANOTHER)
    parts = ("first/: the content has sha256", hashlib.sha256(PAGE).hexdigest()[:16], SHA256[IMAGES][:16], "second/: ")
    with pytest.raises(ConnectionError, match=in_order(f"could not download {IMAGES}.gz", *parts)):
        idx_module.load_mnist()
    assert list(cache.rglob("*")) == []


def test_interrupted_download_leaves_nothing(cache, monkeypatch):
    def interrupted(url, known_hash, fname, path, downloader):
        write(pathlib.Path(path), {fname: GOOD[:40]})
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch, "retrieve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        idx_module.load_mnist()
    assert list(cache.rglob("*")) == []


# pending the mends


@pytest.mark.parametrize("kept", range(4, 16))
def test_file_that_ends_within_its_header_is_named(folder, kept):
    write(folder, {IMAGES: MADE[IMAGES][:kept]})
    with pytest.raises(ValueError, match=in_order(f"{folder / IMAGES}: ", "get the file again")):
        idx_module.load_idx(folder)


def test_scale_and_offset_may_be_python_numbers():
    part = data.Dataset(np.array([[0], [4]], np.uint8), np.zeros(2, np.uint8), 0.5, -1)
    assert part.examples((1,), jnp.float32).tolist() == [[-1.0], [1.0]]


def test_failure_without_a_text_does_not_keep_the_second_mirror_from_being_asked(cache, monkeypatch):
    whole = pooch.retrieve

    def silent(url, **others):
        if "first" in url:
            raise TimeoutError
        return whole(url, **others)

    monkeypatch.setattr(pooch, "retrieve", silent)
    assert idx_module.load_mnist().sha256 == SHA256


def test_constant_pixels_cannot_be_standardized(folder):
    write(folder, {IMAGES: idx([7] * 180, 12, 3, 5)})
    with pytest.raises(ValueError, match="standardize: all training pixels are 7; give"):
        data.standardize(idx_module.load_idx(folder))


def test_folder_that_is_a_file_is_not_said_to_be_missing(folder):
    with pytest.raises(FileNotFoundError, match=in_order(f"{folder / IMAGES} is no folder, so it lacks", *NAMES)):
        idx_module.load_idx(folder / IMAGES)


@pytest.mark.parametrize("content", [GOOD[:40], ANOTHER, PAGE, b""])
def test_damaged_file_in_the_cache_is_fetched_again(cache, server, content):
    write(cache, WHOLE | {f"{TEST_IMAGES}.gz": content})
    assert idx_module.load_mnist().sha256 == SHA256
    assert server.seen == asked("first", [TEST_IMAGES])
    assert held(cache) == WHOLE


def test_cache_that_cannot_be_made_tells_the_way_round(cache, tmp_path):
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises(ConnectionError, match=in_order(f"cannot make the cache folder {cache}", "JNNDL_DATA")):
        idx_module.load_mnist()


# One example after the other


def test_iterating_gives_each_pair_once():
    part = data.Dataset(jnp.arange(6.0).reshape(3, 2), jnp.array([2, 0, 1]))
    pairs = list(itertools.islice(part, 10))
    assert [(x.tolist(), int(y)) for x, y in pairs] == [([0, 1], 2), ([2, 3], 0), ([4, 5], 1)]


def test_a_number_as_index_gives_the_pair(made):
    x, y = made.training[0]
    assert (x.shape, int(y)) == ((3, 5), CLASSES[0])
    assert len(made.training[:1]) == 1


@pytest.mark.parametrize("scale", [(0.5, 2.0), np.array([0.5, 2.0]), [0.5, 2.0]])
def test_each_column_may_have_a_scale_of_its_own(scale):
    part = data.Dataset(np.array([[1, 2], [3, 4]], np.uint8), np.zeros(2, np.uint8), scale, (0.0, 1.0))
    assert part.examples((2,), jnp.float32).tolist() == [[0.5, 5.0], [1.5, 9.0]]
    assert hash((part.scale, part.offset)) == hash(((0.5, 2.0), (0.0, 1.0)))


@pytest.mark.parametrize("scale", [np.nan, np.inf, "large", [], [1.0, np.nan]])
def test_a_scale_that_is_not_finite(scale):
    with pytest.raises(ValueError, match=r"scale or offset is .*; give a finite number, or one number per column"):
        data.Dataset(np.zeros((2, 2), np.uint8), np.zeros(2, np.uint8), scale)
