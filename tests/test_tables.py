"""Data of one's own: arrays and data frames, CSV files, folders of images."""

import re
import sys

import jax
import numpy as np
import pytest

import jnndl

ROWS = [[1, 20.0], [2, 10.0], [3, 30.0], [4, 0.0], [5, 50.0]]
NAMES = ["no", "yes", "no", "yes", "maybe"]
ALL = {"validation": 0, "test": 0, "key": 0}


class Frame:
    """What a pandas or polars data frame offers, as far as it is looked at."""

    def __init__(self, **columns):
        self.columns, self.data = list(columns), columns

    def to_numpy(self):
        return np.array([list(row) for row in zip(*self.data.values(), strict=True)], dtype=object)


class Series:
    def __init__(self, *values):
        self.values = values

    def to_numpy(self):
        return np.array(self.values, dtype=object)


def everything(splits):
    """All pairs of inputs and targets, of all parts."""
    return sorted((x.ravel().tolist(), y.tolist()) for part in splits[:3] for x, y in part)


# Arrays


def test_lists_with_texts_become_labels_and_names():
    splits = jnndl.from_arrays(ROWS, NAMES, **ALL)
    assert splits.names == ("maybe", "no", "yes")
    assert splits.classes == 3
    assert [part.classes for part in splits[:3]] == [splits.names] * 3
    assert everything(splits) == [(row, splits.names.index(name)) for row, name in zip(ROWS, NAMES, strict=True)]
    assert splits.training.inputs.dtype == np.float32


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.array(ROWS), np.array(NAMES)),
        (Frame(a=[1, 2, 3, 4, 5], b=[20.0, 10.0, 30.0, 0.0, 50.0]), Series(*NAMES)),
        (jax.numpy.asarray(ROWS), tuple(NAMES)),
        (ROWS, [[name] for name in NAMES]),
    ],
    ids=["numpy", "data frame", "jax", "a column"],
)
def test_other_kinds_of_tables_give_the_same(inputs, targets):
    wanted, found = (jnndl.from_arrays(*pair, key=3) for pair in ((ROWS, NAMES), (inputs, targets)))
    assert found.sha256 == wanted.sha256
    assert found.training.scale == wanted.training.scale
    np.testing.assert_array_equal(found.training.inputs, wanted.training.inputs)


def test_a_table_of_pandas_gives_the_same():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(ROWS, columns=["a", "b"], index=list("vwxyz")).assign(kind=pandas.Categorical(NAMES))
    found = jnndl.from_arrays(table[["a", "b"]], table["kind"], key=3)
    assert found.sha256 == jnndl.from_arrays(ROWS, NAMES, key=3).sha256
    with pytest.raises(ValueError, match="column 'kind' holds a text, 'no'"):
        jnndl.from_arrays(table, NAMES, key=3)


@pytest.mark.parametrize(
    ("targets", "names", "labels"),
    [
        ([7, 10, 7, -1, 10], ("-1", "7", "10"), [1, 2, 1, 0, 2]),
        ([True, False, True, True, False], ("False", "True"), [1, 0, 1, 1, 0]),
        (["none", "na", "none", "na", "-"], ("-", "na", "none"), [2, 1, 2, 1, 0]),
    ],
)
def test_classes_are_sorted_and_numbered(targets, names, labels):
    splits = jnndl.from_arrays(ROWS, targets, **ALL)
    assert splits.names == names
    assert everything(splits) == list(zip(ROWS, labels, strict=True))


@pytest.mark.parametrize(("shape", "wanted"), [((5,), (5, 1)), ((5, 2), (5, 2))])
def test_floats_are_numbers_to_predict(shape, wanted):
    splits = jnndl.from_arrays(ROWS, np.arange(np.prod(shape)).reshape(shape) / 2, **ALL)
    assert splits.training.targets.shape == wanted
    assert (splits.classes, splits.names, splits.training.has_labels) == (0, None, False)


def test_every_example_is_in_one_part_and_the_key_decides_in_which():
    inputs = np.arange(200.0).reshape(100, 2)
    splits = {key: jnndl.from_arrays(inputs, np.arange(100) % 2, key=key, validation=0.25, test=10) for key in (0, 1)}
    assert [len(part) for part in splits[0][:3]] == [65, 25, 10]
    assert everything(splits[0]) == [([2 * k, 2 * k + 1], k % 2) for k in range(100)]
    assert not np.array_equal(splits[0].test.inputs, splits[1].test.inputs)
    by_key = jnndl.from_arrays(inputs, np.arange(100) % 2, key=jax.random.key(1), validation=0.25, test=10)
    np.testing.assert_array_equal(by_key.test.inputs, splits[1].test.inputs)


def test_columns_are_standardised_by_the_training_data_alone():
    rng = np.random.default_rng(0)
    inputs = rng.normal([5.0, -1000.0, 7.0], [0.1, 300.0, 0.0], (50, 3))
    splits = jnndl.from_arrays(inputs, np.arange(50) % 2, key=0)
    seen = np.asarray(splits.training.examples((3,), np.float32), float)
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(seen.std(axis=0), [1, 1, 0], rtol=1e-4)
    assert splits.training.scale[2] == 1
    for part in splits[1:3]:
        assert (part.scale, part.offset) == (splits.training.scale, splits.training.offset)
        assert abs(np.asarray(part.examples((3,), np.float32))[:, :2].mean(axis=0)).max() > 0.01
    plain = jnndl.from_arrays(inputs, np.arange(50) % 2, key=0, standardize=False)
    assert (plain.training.scale, plain.training.offset) == (1.0, 0.0)


def test_bytes_stay_bytes_and_images_keep_their_shape():
    images = np.arange(5 * 12, dtype=np.uint8).reshape(5, 3, 4)
    splits = jnndl.from_arrays(images, NAMES, **ALL)
    assert (splits.training.inputs.dtype, splits.training.inputs.shape) == (np.uint8, (5, 3, 4))
    assert len(splits.training.scale) == 12
    np.testing.assert_allclose(splits.training.examples((12,), np.float32).mean(axis=0), 0, atol=1e-5)


def test_a_network_trained_on_a_table_answers_with_its_names():
    rng = np.random.default_rng(0)
    names = np.array(["left", "right"])[np.arange(60) % 2]
    inputs = rng.normal(size=(60, 2)) + np.where(names == "right", 5.0, 0.0)[:, None] + 100
    splits = jnndl.from_arrays(inputs, names, key=0)
    fit = jnndl.fit(jnndl.mlp([2, 2]), splits.training, key=jax.random.key(0), epochs=20, learning_rate=0.5)
    assert jnndl.evaluate(fit.network, fit.params, splits.test).accuracy == 1
    assert jnndl.predict(fit.network, fit.params, np.array([[100.0, 100], [105, 105]])).names == ["left", "right"]


WRONG = {
    "a list": ([1, 2, 3], [0, 1, 0], r"inputs have shape \(3,\); give n rows of numbers; of one column, make it"),
    "nothing": ([], [], r"inputs have shape \(0,\); give n rows"),
    "ragged": ([[1], [2, 3]], [0, 1], "inputs: the rows are not all of one length; give as many"),
    "text": ([[1, 2], [3, "red"]], [0, 1], "inputs: row 1: column 1 holds a text, 'red'; leave"),
    "text in a frame": (
        Frame(size=[1, 2], colour=["red", "blue"]),
        [0, 1],
        r"inputs: row 0: column 'colour' holds a text, 'red'; leave the column out, or make a column of 0 and 1 for",
    ),
    "missing": ([[1, 2], [3, None]], [0, 1], r"inputs: row 1: column 1 is missing \(None\); fill it in, or leave"),
    "nan": (np.array([[1, 2], [np.nan, 3]]), [0, 1], r"inputs: row 1: column 0 is missing \(nan\)"),
    "infinite": (np.array([[1, np.inf], [2, 3]]), [0, 1], "inputs: row 0: column 1 is inf; give a finite number"),
    "dates": (np.zeros((2, 2), "datetime64[s]"), [0, 1], r"columns are datetime64\[s\]; give real numbers"),
    "fewer targets": (ROWS, [0, 1], r"there are 5 inputs, but targets of shape \(2,\); give one per input"),
    "one class": (ROWS, ["a"] * 5, "targets: there is only one class, 'a'; give examples of at least two"),
    "no class": (ROWS, ["a", None, "b", "a", "b"], r"targets: number 1 is missing \(None\); fill it in"),
    "no number": (ROWS, [1.0, np.nan, 2, 3, 4], r"targets: number 1 is missing \(nan\); fill it in"),
    "infinite target": (ROWS, [1.0, np.inf, 2, 3, 4], r"targets: they hold inf; give finite numbers"),
    "one-hot": (ROWS, np.eye(5, dtype=int), r"targets: classes have shape \(5, 5\); give one per example"),
    "numbers": (
        np.eye(60),
        np.arange(60),
        r"targets: 60 different values in 60 examples are no classes; if .* give floats: targets\.astype\(float\)",
    ),
    "far from 0": (
        Frame(time=[1.7e9, 1.7e9 + 4], b=[0, 1]),
        [0, 1],
        r"column 'time' lies around 1\.7e\+09 and varies by 2 only, which is lost in 32 bits; subtract 1\.7e\+09 from",
    ),
}


@pytest.mark.parametrize(("inputs", "targets", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_tables_are_answered(inputs, targets, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        jnndl.from_arrays(inputs, targets, **ALL)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"validation": 1.5},
            r"validation is 1\.5; give a fraction from 0 to below 1, or a number of examples up to 5",
        ),
        ({"test": "some"}, r"test is 'some'; give a fraction"),
        ({"test": -1}, r"test is -1; give a fraction"),
        ({"validation": 3, "test": 2}, r"validation and test take 3 and 2 of 5 examples, so none is left to train on"),
        ({"key": "seed"}, r"key is 'seed', not a random key; give a seed, such as 0, or jax\.random\.key\(0\)"),
        ({"key": -1}, r"key is -1, not a random key"),
    ],
)
def test_wrong_parts_and_keys_are_answered(settings, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        jnndl.from_arrays(ROWS, NAMES, **{"key": 0} | settings)


# CSV files


@pytest.fixture
def table(tmp_path):
    """Write a table; returns its path."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "flowers.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_is_read_whatever_stands_between_its_columns(table, mark, encoding):
    text = 'width, "height, in cm" ,kind\r\n1,2.5,rose\r\n\r\n-3,4e1,"tulip"\r\n5,6,rose\r\n'
    text = text.replace(", in", " in") if mark != "," else text
    splits = jnndl.load_csv(table(text.replace(",", mark) if mark != "," else text, encoding), target="kind", **ALL)
    assert splits.names == ("rose", "tulip")
    assert everything(splits) == [([-3, 40], 1), ([1, 2.5], 0), ([5, 6], 0)]
    assert splits.name == "flowers"


@pytest.mark.parametrize(
    ("target", "settings", "targets", "names"),
    [
        (-1, {}, [1, 0, 1], ("2", "10")),
        ("c", {"regression": True}, [[10.0], [2.0], [10.0]], None),
        (1, {}, [[0.5], [1.0], [2.0]], None),
        (1, {"regression": False}, [0, 1, 2], ("0.5", "1.0", "2.0")),
    ],
)
def test_the_target_column_decides_between_classes_and_numbers(table, target, settings, targets, names):
    splits = jnndl.load_csv(table("a,b,c\n1,0.5,10\n2,1.0,2\n3,2.0,10\n"), target=target, **ALL, **settings)
    assert splits.names == names
    assert [y for _, y in everything(splits)] == targets


def test_columns_can_be_left_out(table):
    path = table("id,a,colour,kind\n7,1,red,x\n8,2,blue,y\n")
    for drop in (["id", "colour"], ("colour", "id")):
        assert everything(jnndl.load_csv(path, target="kind", drop=drop, **ALL)) == [([1.0], 0), ([2.0], 1)]


GOOD = "a,b,kind\n1,2,x\n3,4,y\n"
WRONG_FILES = {
    "missing": ("a,b,kind\n1,2,x\n\n3,?,y\n", {}, r"flowers\.csv, line 4: column 'b' is missing \('\?'\); fill it in"),
    "text": (
        "a,b,kind\n1,2,x\n3,red,y\n",
        {},
        r"flowers\.csv, line 3: column 'b' holds a text, 'red'; leave the column out by drop=, or make a column of 0",
    ),
    "no target": ("a,b,kind\n1,2,x\n3,4,\n", {}, r"column 'kind': line 3 is empty; fill it in, or leave the line out"),
    "no number": (GOOD, {"regression": True}, r"column 'kind': line 2 holds 'x', no number to predict; correct it"),
    "short row": ("a,b,kind\n1,2\n3,4,y\n", {}, r"line 2: has 2 values, but the header has 3 columns; correct the"),
    "no header": ("1.5,2,x\n3,4,y\n", {"target": -1}, r"line 1 holds numbers \(1\.5\), not the names of the columns"),
    "no header either": ("1,2,5\n3,4,6\n", {"target": -1}, r"line 1 holds numbers \(1\), not the names"),
    "row numbers": (",b,kind\n1,2,x\n3,4,y\n", {}, r"column 0 has no name; .* pandas writes none with index=False"),
    "two of a name": ("a,a,kind\n1,2,x\n3,4,y\n", {}, r"two columns are named 'a'; rename one"),
    "one column": ("kind\nx\ny\n", {}, r"line 1 has 1 columns; give at least two, with commas"),
    "empty": ("", {}, r"line 1 has 0 columns"),
    "only a header": ("a,kind\n", {}, r"holds no rows below the header"),
    "unknown target": (GOOD, {"target": "kinds"}, r"target is 'kinds', but .* has no such column; did you mean 'kind'"),
    "target too far": (GOOD, {"target": 3}, r"target is 3, but .* has no such column; there are a, b, kind"),
    "unknown drop": (GOOD, {"drop": ["z"]}, r"drop is 'z', but .* has no such column"),
    "nothing left": (GOOD, {"drop": ["a", "b"]}, r"no column is left beside the target 'kind'; drop fewer"),
}


@pytest.mark.parametrize(("text", "settings", "sentence"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_wrong_files_are_answered(table, text, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        jnndl.load_csv(table(text), **{"target": "kind"} | ALL | settings)


def test_another_encoding_and_a_missing_file_are_named(table, tmp_path):
    with pytest.raises(ValueError, match=r"flowers\.csv: is no text in UTF-8 .*; save it as 'CSV UTF-8'"):
        jnndl.load_csv(table("größe,kind\n1,x\n2,y\n", "latin-1"), target=-1, **ALL)
    with pytest.raises(FileNotFoundError, match=r"none\.csv: there is no such file; give the path of a CSV file"):
        jnndl.load_csv(tmp_path / "none.csv", target=-1, **ALL)


def test_columns_that_are_just_numbered_are_a_header(table):
    assert len(jnndl.load_csv(table("0,1\n5,7\n6,8\n"), target=1, **ALL).training) == 2


# Images


@pytest.fixture
def animals(tmp_path):
    """Three cats and two dogs, 3 x 5 pixels, and a function that adds a file."""
    image = pytest.importorskip("PIL.Image")
    for number in range(5):
        folder = tmp_path / "animals" / ("dog" if number % 2 else "cat")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.arange(15, dtype=np.uint8).reshape(3, 5) + 10 * number
        image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "animals"


def test_a_folder_for_each_class(animals):
    (animals / "cat" / ".hidden").write_text("")
    (animals / "cat" / "Thumbs.db").write_text("")
    splits = jnndl.load_images(animals, **ALL)
    assert splits.names == ("cat", "dog")
    assert splits.name == "animals"
    assert (splits.training.inputs.dtype, splits.training.inputs.shape) == (np.uint8, (5, 3, 5))
    assert everything(splits) == [([10 * n + k for k in range(15)], n % 2) for n in range(5)]
    assert splits.training.scale == 1 / 256  # so that a network of load_mnist takes them


def test_colours_and_transparency_become_grey_and_white(animals):
    from PIL import Image

    Image.new("RGB", (5, 3), (255, 0, 0)).save(animals / "cat" / "red.bmp")
    Image.new("RGBA", (5, 3), (0, 0, 0, 0)).save(animals / "cat" / "glass.png")
    Image.fromarray(np.full((3, 5), 257 * 100, np.uint16)).save(animals / "cat" / "deep.png")
    found = {pixels[0] for pixels, _ in everything(jnndl.load_images(animals, **ALL)) if len(set(pixels)) == 1}
    assert found == {76, 255, 100}  # 0.299 of 255: the luminance of red


def test_images_of_several_sizes_are_resized_if_that_is_asked_for(animals):
    from PIL import Image

    Image.new("L", (10, 6), 200).save(animals / "cat" / "large.jpg", quality=95)
    with pytest.raises(ValueError, match=r"large\.jpg: has 6 x 10 pixels, but .*0\.png has 3 x 5; give shape=\(height"):
        jnndl.load_images(animals, **ALL)
    splits = jnndl.load_images(animals, shape=(6, 2), **ALL)
    assert splits.training.inputs.shape == (6, 6, 2)
    assert max(everything(splits))[0] == [200] * 12


@pytest.mark.parametrize("shape", [5, (5,), (5, 0), "5x5"])
def test_a_wrong_shape_is_named(animals, shape):
    with pytest.raises(
        ValueError, match=re.escape(f"shape is {shape!r}; give (height, width) in pixels, such as (28,")
    ):
        jnndl.load_images(animals, shape=shape, **ALL)


def cut(animals):
    path = animals / "dog" / "1.png"
    path.write_bytes(path.read_bytes()[:50])
    return path


def text_in_png(animals):
    (animals / "dog" / "1.png").write_text("not an image")


def notes(animals):
    (animals / "dog" / "notes.txt").write_text("good dogs")


def deeper(animals):
    (animals / "dog" / "small").mkdir()


def empty(animals):
    (animals / "mouse").mkdir()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut, r"1\.png: cannot be read as an image \(.*\); save it again, or remove it"),
        (text_in_png, r"1\.png: cannot be read as an image"),
        (notes, r"notes\.txt: is no image that can be read; a class's folder holds .*\.png.* and nothing else"),
        (deeper, r"small: is a folder; a class's folder holds"),
        (empty, r"mouse: holds no images; put some into it, or remove it"),
    ],
)
def test_what_is_wrong_in_a_folder_is_named(animals, damage, sentence):
    damage(animals)
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        jnndl.load_images(animals, **ALL)


@pytest.mark.parametrize("limit", [10, 5])  # Pillow warns of the first, and refuses twice the limit itself
def test_an_image_that_would_fill_the_memory_is_refused(animals, monkeypatch, limit):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match=r"0\.png: is too large \(.*15 pixels.*\); make it smaller"):
        jnndl.load_images(animals, **ALL)


def test_a_folder_without_folders_is_refused(animals):
    with pytest.raises(
        FileNotFoundError, match=r"cat: holds 0 folders; give one that holds a folder of images for each"
    ):
        jnndl.load_images(animals / "cat", **ALL)
    with pytest.raises(FileNotFoundError, match=r"none: there is no such folder"):
        jnndl.load_images(animals / "none", **ALL)


def test_without_pillow_the_remedy_is_named(animals, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match=r"load_images: .* Pillow.*; pip install 'jnndl\[images\]'"):
        jnndl.load_images(animals, **ALL)


def test_without_scikit_learn_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ModuleNotFoundError, match=r"load_digits: .* scikit-learn.*; pip install 'jnndl\[sklearn\]'"):
        jnndl.load_digits()


# By name, from the command line


def test_the_command_takes_tables_and_folders(animals, table):
    from experiments import runner

    assert runner.open_data(str(animals)).names == ("cat", "dog")
    path = table("a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8.5,y\n")
    assert runner.open_data(str(path)).names == ("x", "y")
    with pytest.raises(ValueError, match="line 2: column 'kind' holds a text, 'x'"):
        runner.open_data(f"{path}:a")
    path = table("kind,a,b\nx,2,1.5\ny,4,1\nx,6,2\n")
    assert runner.open_data(f"{path}:kind").names == ("x", "y")
    numbers = table("a,b\n1,2.5\n2,3.5\n3,4.5\n")
    with pytest.raises(
        ValueError, match=r"the target column holds numbers to predict, but the experiments need classes"
    ):
        runner.open_data(str(numbers))
    with pytest.raises(FileNotFoundError, match="lacks train-images-idx3-ubyte"):
        runner.open_data(str(animals / "cat"))
