"""Pictures of handwriting: decoded, whatever they are; the digits in them found, and made ready as MNIST's were."""

import dataclasses
import io
import struct
import sys
import types
import zlib

import jaxtyping
import numpy as np
import pytest
import samples
from scipy import ndimage

import jnndl
from experiments import photos
from jnndl import answers, images, ink, pictures
from jnndl.__main__ import main
from jnndl.layers import Affine

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def no_type_checker():
    """What a user meets: only these tests switch the checker of annotations on."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def seven(height=120):
    """A 7 in a box of its own, 1 where ink is: a bar with a stem that is not under its middle."""
    strokes = np.zeros((height, height * 2 // 3))
    pen = height // 8
    strokes[:pen] = 1
    for row in range(height):
        right = strokes.shape[1] - row * strokes.shape[1] // (2 * height)
        strokes[row, right - pen : right] = 1
    return strokes


def on_paper(strokes, shape=(240, 300), top=70, left=40, paper=0.85, pen=0.2):
    """Strokes on a sheet, black 0 and white 1."""
    sheet = np.full(shape, paper)
    part = sheet[top : top + strokes.shape[0], left : left + strokes.shape[1]]
    part[strokes > 0] = pen
    return sheet


def stored(folder, grey, name="picture.png", **settings):
    """The path of a file with this picture."""
    path = folder / name
    Image.fromarray(np.rint(255 * np.clip(grey, 0, 1)).astype(np.uint8)).save(path, **settings)
    return path


def assert_alike(found, wanted, most=6.0):
    """The same digits, but for an edge that is a little softer."""
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    assert np.abs(found.astype(float) - wanted).mean() < most


@pytest.fixture
def clean(tmp_path):
    """What is read from a drawing without any damage."""
    return jnndl.read_digits(stored(tmp_path, on_paper(seven(), paper=1.0, pen=0.0), "clean.png"))


# One digit made ready


def test_averages_of_three_pixels_in_two():
    np.testing.assert_allclose(images.averages(3, 2), np.array([[2, 1, 0], [0, 1, 2]]) / 3)


def test_averages_of_two_pixels_in_three():
    np.testing.assert_allclose(images.averages(2, 3), [[1, 0], [0.5, 0.5], [0, 1]])


def test_a_block_is_scaled_into_the_box_and_put_in_the_middle():
    sheet = np.zeros((90, 70))
    sheet[10:50, 30:50] = 0.5
    wanted = np.zeros((28, 28))
    wanted[4:24, 9:19] = 1
    np.testing.assert_allclose(images.centre(sheet), wanted)
    wanted = np.zeros((8, 8))
    wanted[:, 2:6] = 1
    np.testing.assert_allclose(images.centre(sheet, (8, 8), 1.0), wanted)


def test_the_middle_is_that_of_mass():
    sheet = np.zeros((20, 12))
    sheet[:, :3] = 1  # 60 pixels, 1.5 from the left on average, and 18 that are 7.5: together 2.9
    sheet[9:11] = 1
    columns = np.flatnonzero(images.centre(sheet).any(axis=0))
    assert (columns[0], columns[-1]) == (12, 23)  # 14 - 2.9, and up


def test_without_ink_nothing():
    assert not images.centre(np.zeros((5, 5))).any()


def test_images_of_mnist_stay_as_they_are(mnist):
    cut_off = [4530, 9300, 9302]  # by the lower edge: 19 pixels are left of 20, which are scaled
    tested = np.asarray(mnist.test.inputs)
    for number in [*range(0, 10_000, 7), *cut_off]:
        image = tested[number].astype(float)
        same = np.array_equal(images.centre(image), image / image.max())
        assert same == (number not in cut_off), number


# Where the ink is


@pytest.mark.parametrize("window", [1, 3, 7, 21])
@pytest.mark.parametrize("axis", [0, 1])
def test_highest_is_scipys(window, axis):
    a = np.random.default_rng(0).random((9, 14))
    wanted = ndimage.maximum_filter1d(a, window, axis, mode="constant", cval=-np.inf)
    np.testing.assert_array_equal(ink.highest(a, window, axis), wanted)


def test_average_by_hand():
    np.testing.assert_allclose(ink.average(np.array([[3.0, 6.0, 0.0, 9.0]]), 3, 1), [[4.5, 3, 5, 4.5]])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.6, 1.0])
def test_connected_parts_are_scipys(share):
    mask = np.random.default_rng(1).random((40, 57)) < share
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    parts = ink.connected(mask.astype(float), 0.5)
    found = zip(parts.top, parts.bottom, parts.left, parts.right, strict=True)
    wanted = [(y.start, y.stop, x.start, x.stop) for y, x in ndimage.find_objects(labels)]
    assert len(parts.top) == count
    assert sorted(tuple(map(int, box)) for box in found) == sorted(wanted)
    drawn = np.zeros(mask.shape, int)
    for row, start, end, number in parts.runs:
        drawn[row, start:end] = number + 1
    assert np.array_equal(drawn > 0, mask)
    assert len(set(zip(drawn[mask], labels[mask], strict=True))) == count


def test_connected_finds_a_spiral_whole():
    spiral = np.zeros((61, 61))
    for k in range(0, 30, 2):
        spiral[k, max(k - 2, 0) : 61 - k] = spiral[k : 61 - k, 60 - k] = spiral[60 - k, k : 61 - k] = 1
        spiral[k + 2 : 61 - k, k] = 1
    assert len(ink.connected(spiral, 0.5).top) == ndimage.label(spiral, np.ones((3, 3)))[1] == 1


def boxes(grey):
    """Where the digits in a picture are, each (top, left, bottom, right)."""
    return [
        (f.top, f.left, f.top + f.ink.shape[0], f.left + f.ink.shape[1]) for f in ink.find(np.asarray(grey, np.float32))
    ]


def assert_at(found, wanted, within=3):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(np.subtract(one, other)).max() <= within


@pytest.mark.parametrize(("paper", "pen"), [(0.9, 0.1), (0.1, 0.9), (0.5, 0.3), (0.4, 0.6), (1.0, 0.0), (0.0, 1.0)])
def test_dark_on_light_and_light_on_dark(paper, pen):
    assert_at(boxes(on_paper(seven(), paper=paper, pen=pen)), [(70, 40, 190, 120)])


def test_several_digits_from_left_to_right_at_different_heights():
    sheet = on_paper(seven(90), top=100, left=200)
    sheet = np.minimum(sheet, on_paper(seven(60), top=40, left=20))
    sheet = np.minimum(sheet, on_paper(seven(75), top=130, left=90))
    assert_at(boxes(sheet), [(40, 20, 100, 60), (130, 90, 205, 140), (100, 200, 190, 260)])


def test_the_bar_of_a_five_belongs_to_it():
    body, bar = np.ones((70, 12)), np.ones((10, 50))
    sheet = np.minimum(on_paper(body, top=90, left=100), on_paper(bar, top=72, left=108))
    sheet = np.minimum(sheet, on_paper(body, top=90, left=200))
    assert_at(boxes(sheet), [(72, 100, 160, 158), (90, 200, 160, 212)])


def test_slanting_neighbours_stay_apart():
    apart = np.zeros((240, 300))
    for row in range(100):
        apart[70 + row, 120 - row // 2 : 132 - row // 2] = apart[70 + row, 160 - row // 2 : 172 - row // 2] = 1
    assert len(boxes(0.9 - 0.7 * apart)) == 2


def test_specks_and_dashes_are_no_digits():
    sheet = on_paper(seven())
    rng = np.random.default_rng(0)
    for row, column in rng.integers(5, 235, size=(40, 2)):
        sheet[row : row + 2, column : column + 2] = 0.1
    sheet[120:130, 200:230] = 0.2  # a dash
    found = boxes(sheet)
    assert len(found) == 1
    assert found[0][3] < 200


def test_shadows_and_uneven_light(tmp_path, clean):
    y, x = np.mgrid[:240, :300] / 300
    hard = np.where(x + y > 0.55, 0.6, 1.0)
    soft = 1 - 0.5 / (1 + np.exp(-20 * (x - 0.4)))
    slope = 1 - 0.5 * x - 0.3 * y**2
    for light in (hard, soft, slope, hard * slope):
        assert_alike(
            jnndl.read_digits(stored(tmp_path, on_paper(seven()) * light)), clean, 15
        )  # an edge across a stroke moves it by a pixel


def test_a_dark_table_around_the_sheet():
    sheet = on_paper(seven())
    sheet[:, :15], sheet[225:], sheet[:, 290:] = 0.1, 0.15, 0.1
    assert_at(boxes(sheet), [(70, 40, 190, 120)])


def test_noise_and_jpeg(tmp_path, clean):
    sheet = on_paper(seven()) + np.random.default_rng(0).normal(0, 0.06, (240, 300))
    assert_alike(jnndl.read_digits(stored(tmp_path, sheet, "noisy.jpg", quality=40)), clean, 10)


def test_a_picture_cut_close(tmp_path, clean):
    for strokes in (np.pad(seven(), 2), seven()):
        assert_alike(jnndl.read_digits(stored(tmp_path, 1 - strokes)), clean)
        assert_alike(jnndl.read_digits(stored(tmp_path, strokes)), clean)


def test_strokes_of_a_thin_pen_are_thickened():
    sheet = np.ones((400, 400))
    sheet[100:300, 150:152] = sheet[100:102, 150:250] = 0  # a hundredth of its height: in 20 pixels 0.2 wide
    (found,) = ink.find(sheet.astype(np.float32))
    image = images.centre(found.ink)
    widths = (image[12:22] > 0.5).sum(axis=1)
    assert np.all((widths >= 2) & (widths <= 3))


def test_strokes_as_wide_as_mnists_are_left(mnist):
    for image in np.asarray(mnist.test.inputs)[:20]:
        strokes = np.kron(image, np.ones((5, 5))) / 255
        if np.count_nonzero(image > 127) > 120:  # not the thinnest
            assert ink.thicken(strokes, strokes > 0.5) is strokes


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
def test_blank_paper_holds_no_digit(noise):
    x = np.arange(260) / 260
    paper = 0.8 - 0.3 * x + np.random.default_rng(0).normal(0, noise, (200, 260))
    assert boxes(paper) == []
    assert boxes(on_paper(seven(), pen=0.81)) == []  # a watermark


# Files


def test_each_format_and_mode(tmp_path, clean):
    grey = Image.fromarray(np.rint(255 * on_paper(seven(), paper=1.0, pen=0.0)).astype(np.uint8))
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    made = [
        *((grey.convert(mode), f"{mode}.png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *((grey.convert("RGB"), f"x.{ending}") for ending in ("jpg", "gif", "bmp", "webp")),
        (grey.convert("CMYK"), "cmyk.jpg"),
        (deep, "deep.png"),
        (grey, "in a folder with a blank.unknown.png"),
    ]
    for picture, name in made:
        picture.save(tmp_path / name)
        assert 0.95 < pictures.read_grey(tmp_path / name).max() <= 1
        assert_alike(jnndl.read_digits(tmp_path / name), clean)
        assert_alike(jnndl.read_digits(str(tmp_path / name)), clean)


def test_the_first_picture_of_several_counts(tmp_path, clean):
    frames = [Image.fromarray((255 - 255 * np.pad(strokes, 60)).astype(np.uint8)) for strokes in (seven(), seven().T)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert_alike(jnndl.read_digits(tmp_path / "moving.gif"), clean)


def test_what_is_transparent_is_white(tmp_path, clean):
    strokes = np.pad(seven(), 60)
    pixels = np.zeros((*strokes.shape, 4), np.uint8)  # black, where it can be seen and where not
    pixels[..., 3] = 255 * strokes
    Image.fromarray(pixels).save(tmp_path / "clear.png")
    np.testing.assert_array_equal(pictures.read_grey(tmp_path / "clear.png"), 1 - strokes)
    assert_alike(jnndl.read_digits(tmp_path / "clear.png"), clean)
    palette = Image.fromarray((strokes > 0).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 10, 10, 10])
    palette.save(tmp_path / "clear.gif", transparency=0)
    assert_alike(jnndl.read_digits(tmp_path / "clear.gif"), clean)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_photo_is_turned_as_the_camera_was_held(tmp_path, clean, orientation, ending):
    upright = np.rint(255 * on_paper(seven(), paper=1.0, pen=0.0)).astype(np.uint8)
    # EXIF: where the first row and the first column of the stored pixels are in the picture.
    lying = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(lying)).save(tmp_path / f"turned.{ending}", exif=exif)
    assert_alike(jnndl.read_digits(tmp_path / f"turned.{ending}"), clean)


def test_a_large_photo_is_reduced(tmp_path, clean):
    large = np.kron(on_paper(seven()), np.ones((14, 14)))
    path = stored(tmp_path, large, "large.jpg", quality=90)
    assert pictures.SIDE / 2 < max(pictures.read_grey(path).shape) <= pictures.SIDE
    assert_alike(jnndl.read_digits(path), clean)


def test_shape_white_and_box(tmp_path):
    path = stored(tmp_path, on_paper(seven()))
    assert jnndl.read_digits(path).max() == 255
    digits = jnndl.read_digits(path, (8, 8), white=16, box=1)
    assert digits.shape == (1, 8, 8)
    assert (digits.dtype, digits.max()) == (np.uint8, 16)
    assert np.all(digits[0].any(axis=1))
    fractions = jnndl.read_digits(path, (20, 30), white=1)
    assert fractions.shape == (1, 20, 30)
    assert (fractions.dtype, fractions.max()) == (np.float32, 1)
    assert len(np.unique(fractions)) > 2


def png(width, height, data=b""):
    """A PNG of bytes, by its specification."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"odd: not a picture; give a whole PNG, JPEG, GIF, BMP or WebP file$"),
        (b"three\n", r"not a picture; give a whole PNG"),
        (b"II*\0" + bytes(99), r"not a picture; give a whole PNG"),  # TIFF
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"not a picture"),  # would start Ghostscript
        (png(9, 9), r"a damaged picture \(.+\); give a whole PNG"),
        (png(0, 5), r"not a picture"),
        (png(8001, 8000), r"more than 64,000,000 pixels; make the picture smaller"),
        (png(60_000, 60_000, zlib.compress(bytes(9))), r"more than 64,000,000 pixels"),
        (png(2**31 - 1, 2**31 - 1), r"more than 64,000,000 pixels"),
        (
            png(9, 9, zlib.compress(bytes(90))),
            r"there is no digit to be seen; give dark strokes on light paper, or light",
        ),
    ],
)
def test_what_is_no_picture_gets_a_sentence(tmp_path, content, sentence):
    path = tmp_path / "odd"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as raised:
        jnndl.read_digits(path)
    assert str(raised.value).startswith(str(path))


def test_too_many_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="more than 100 bytes; make the picture smaller"):
        jnndl.read_digits(stored(tmp_path, on_paper(seven())))


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.png: there is no such file; give the path of a picture"):
        jnndl.read_digits(tmp_path / "nothing.png")
    with pytest.raises(FileNotFoundError, match="this is a folder; give the path of a picture"):
        jnndl.read_digits(tmp_path)


def test_more_than_a_row_gets_a_sentence(tmp_path):
    two = np.minimum(on_paper(seven(60), top=20), on_paper(seven(60), top=150))
    with pytest.raises(ValueError, match=r"picture\.png: digits in several rows; give a picture with one row of them"):
        jnndl.read_digits(stored(tmp_path, two))
    many = np.full((300, 300), 0.9)
    for row in range(5, 290, 20):
        for column in range(5, 290, 20):
            many[row : row + 8, column : column + 8] = 0.1
    with pytest.raises(ValueError, match=r"225 pieces of ink; give a picture with a row of digits, and nothing else"):
        jnndl.read_digits(stored(tmp_path, many))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"shape": 28}, r"shape is 28; give two whole numbers of at least 1, such as \(28, 28\)"),
        ({"shape": (28, 0)}, r"shape is \(28, 0\); give two whole numbers"),
        ({"white": 0}, r"white is 0; give a number above 0, at most 255"),
        ({"white": "255"}, r"white is '255'; give a number"),
        ({"box": 1.5}, r"box is 1\.5; give a number above 0, at most 1"),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_wrong_arguments_get_a_sentence(tmp_path, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        jnndl.read_digits(stored(tmp_path, on_paper(seven())), **arguments)


@pytest.mark.usefixtures("no_type_checker")
def test_an_array_is_no_path():
    with pytest.raises(TypeError, match="path is a ndarray; give the path of a picture, as a text"):
        jnndl.read_digits(np.zeros((28, 28)))


def test_without_pillow_it_says_what_to_install(tmp_path, monkeypatch):
    path = stored(tmp_path, on_paper(seven()))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'Pillow is needed to read pictures; pip install "jnndl\[images\]"'):
        jnndl.read_digits(path)


def test_damaged_files_give_digits_or_a_sentence(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    small = Image.fromarray(np.rint(255 * on_paper(seven(30), (48, 48), 9, 12)).astype(np.uint8))
    whole = []
    for kind, settings in (("PNG", {}), ("JPEG", {"exif": exif}), ("GIF", {}), ("BMP", {}), ("WEBP", {"exif": exif})):
        file = io.BytesIO()
        small.save(file, kind, **settings)
        whole.append(file.getvalue())
    rng, path, told = np.random.default_rng(0), tmp_path / "damaged", []
    for number in range(200):
        content = bytearray(whole[number % len(whole)])
        if number % 3 == 0:
            content = content[: rng.integers(len(content))]
        for place in rng.integers(len(content) if number % 2 else min(64, len(content)), size=rng.integers(8)):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        try:
            told.append("" if len(jnndl.read_digits(path)) else "nothing")
        except ValueError as error:
            told.append(str(error))
    assert all(text.startswith(f"{path}: ") and "\n" not in text for text in told if text)
    assert told.count("") > 10


# The command


@pytest.fixture
def prototypes(tmp_path, clean):
    """A network that knows a 7, a 1 and a 0 by heart, and pictures of the three."""
    y, x = np.mgrid[:100, :100] - 49.5
    ring = (np.hypot(x, y) < 48) & (np.hypot(x, y) > 34)
    drawn = {"seven.png": seven(), "one.png": np.ones((100, 14)), "zero.png": ring}
    paths = [stored(tmp_path, on_paper(strokes), name) for name, strokes in drawn.items()]
    known = np.concatenate([jnndl.read_digits(path) for path in paths]).reshape(3, -1) / 256
    others = known.sum(axis=0) - known
    weight = 20 * (known - others) / known.sum(axis=1, keepdims=True)
    network = jnndl.mlp([784, 3])
    return network, (Affine(weight.astype(np.float32), np.zeros(3, np.float32)),), paths


@pytest.fixture
def saved(tmp_path, prototypes):
    """The same on disk, knowing its scale and the names of its classes."""
    network, params, paths = prototypes
    network = dataclasses.replace(network, scale=1 / 256, classes=("seven", "one", "zero"))
    jnndl.save(tmp_path / "network.safetensors", network, params)
    return str(tmp_path / "network.safetensors"), [str(path) for path in paths]


def test_predict_prints_digit_probability_and_runner_up(saved, capsys):
    network, paths = saved
    assert main(["predict", network, *paths]) == 0
    lines = capsys.readouterr().out.splitlines()
    width = max(map(len, paths))
    for line, path, name in zip(lines, paths, ("seven", "one", "zero"), strict=True):
        assert line.startswith(f"{path:<{width}}  {name} (1.00)   next ")
    assert answers.told(np.array([0.0151, 0.99, 0.25]), ("a", "b", "c")) == "b (0.99)   next c (0.25)"
    assert answers.told(np.array([0.4]), ("yes",)) == "yes (0.40)"


def test_predict_reads_a_row_and_says_which_is_which(saved, tmp_path, capsys):
    network, _ = saved
    sheet = np.minimum(on_paper(np.ones((100, 14)), left=200), on_paper(seven(), left=40))
    path = stored(tmp_path, sheet, "row.png")
    assert main(["predict", network, str(path)]) == 0
    assert [line.split()[:3] for line in capsys.readouterr().out.splitlines()] == [
        [str(path), "#1", "seven"],
        [str(path), "#2", "one"],
    ]


def test_predict_shows_what_the_network_saw(saved, tmp_path, capsys):
    network, paths = saved
    assert main(["predict", network, *paths, "--show", str(tmp_path / "seen.png")]) == 0
    assert f"what the network saw: {tmp_path / 'seen.png'}" in capsys.readouterr().out
    with Image.open(tmp_path / "seen.png") as sheet:
        pixels = np.asarray(sheet.convert("L"), float)
    # The first image is there, twelve pixels of the sheet for each of the network's.
    wanted = np.kron(jnndl.read_digits(paths[0])[0], np.ones((12, 12)))
    corner = np.argwhere(pixels < 5)[0]  # paper is black
    found = pixels[corner[0] : corner[0] + 336, 40 : 40 + 336]
    assert np.abs(found - wanted).max() <= 1


@pytest.mark.parametrize(
    ("input_shape", "first"),
    [
        ((28, 28), (jnndl.Flatten(), jnndl.Dense(784, 3, "linear"))),
        ((28, 28, 1), (jnndl.Flatten(), jnndl.Dense(784, 3, "linear"))),
        ((28, 28, 1), (jnndl.Conv(1, 3, 28, "linear"), jnndl.Flatten())),
        ((28, 28, 1), (jnndl.Conv(1, 3, 28, "linear", stride=28, padding="same"), jnndl.Flatten())),
    ],
)
def test_images_reach_networks_of_every_shape(prototypes, saved, tmp_path, capsys, input_shape, first):
    """The same weights by heart, for 784 inputs, for pixels in rows and columns, and as kernels of a whole image."""
    network, ((weight, bias),), _ = prototypes
    layers = jnndl.Network(first, "sigmoid", input_shape, 1 / 256, classes=("seven", "one", "zero"))
    params = tuple(
        () if isinstance(layer, jnndl.Flatten) else Affine(weight.reshape(shapes.weight.shape), bias)
        for layer, shapes in zip(first, layers.param_shapes, strict=True)
    )
    jnndl.save(tmp_path / "other.safetensors", layers, params)
    dense, paths = saved
    told, seen = [], []
    for number, file in enumerate((dense, str(tmp_path / "other.safetensors"))):
        sheet = tmp_path / f"{number}.png"
        assert main(["predict", file, *paths, "--show", str(sheet)]) == 0
        told.append(capsys.readouterr().out.replace(str(sheet), ""))
        seen.append(sheet.read_bytes())
    assert told[0] == told[1]
    assert "seven (1.00)" in told[0]
    assert seen[0] == seen[1]
    found = jnndl.read_digits(paths[2])
    assert found.shape == (1, 28, 28)
    np.testing.assert_allclose(
        jnndl.predict(layers, params, found).outputs,
        jnndl.predict(dataclasses.replace(network, scale=1 / 256), prototypes[1], found).outputs,
        rtol=1e-5,
        atol=1e-6,
    )


def test_predict_takes_files_of_network2(prototypes, tmp_path, capsys):
    network, params, paths = prototypes
    jnndl.network2.save_network2(tmp_path / "book.json", network, params, jnndl.costs.cross_entropy)
    assert main(["predict", str(tmp_path / "book.json"), str(paths[1])]) == 0
    assert f"{paths[1]}  1 (1.00)" in capsys.readouterr().out


def test_predict_expands_what_the_shell_left(saved, tmp_path, capsys):
    network, paths = saved
    assert main(["predict", network, str(tmp_path / "*e*o*.png")]) == 0
    assert capsys.readouterr().out.startswith(paths[2])


def test_a_picture_that_cannot_be_read_leaves_the_others(saved, tmp_path, capsys):
    network, paths = saved
    (tmp_path / "text.png").write_text("a 3")
    assert main(["predict", network, str(tmp_path / "text.png"), paths[0], str(tmp_path / "nothing.png")]) == 2
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    assert [line[:7] for line in printed.err.splitlines()] == ["error: "] * 2
    assert "nothing.png: there is no such file; give the path of a picture" in printed.err


def test_wrong_calls_end_with_a_sentence_and_status_2(saved, tmp_path, capsys):
    network, paths = saved
    jnndl.save(tmp_path / "iris", jnndl.mlp([4, 3]), (Affine(np.zeros((3, 4), np.float32), np.zeros(3, np.float32)),))
    coloured = jnndl.Network((jnndl.Conv(3, 2, 28, "linear"), jnndl.Flatten()), "sigmoid", (28, 28, 3))
    jnndl.save(tmp_path / "coloured", coloured, samples.draw(coloured))
    for arguments, sentence in (
        (
            ["nothing", paths[0]],
            "error: nothing: there is no such file; give the path of a network saved by jnndl.save",
        ),
        ([paths[0], paths[0]], "not a whole safetensors file"),
        (
            [str(tmp_path / "iris"), paths[0]],
            "error: the network's input_shape is (4,), which is no image of one value per pixel; give a network",
        ),
        (
            [str(tmp_path / "coloured"), paths[0]],
            "error: the network's input_shape is (28, 28, 3), which is no image of one value per pixel; give a network "
            "trained on images, such as 784 inputs, or (28, 28, 1), for 28x28 pixels",
        ),
        ([network, paths[0], "--show", "a.jpg"], "error: --show is 'a.jpg'; give the name of a file that ends in .png"),
        ([network, paths[0], "--show", str(tmp_path / "no" / "a.png")], "there is no folder"),
    ):
        assert main(["predict", *arguments]) == 2
        told = capsys.readouterr().err
        assert sentence in told
        assert told.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["predict"], ["predict", "network"], ["draw me"]])
def test_half_a_call_is_told_how(arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "usage: python -m jnndl" in capsys.readouterr().err


BYTES, DIGITS, FRACTIONS = {"white": 255}, {"white": 16, "box": 1.0}, {"white": 1}


@pytest.mark.parametrize(
    ("input_shape", "scale", "offset", "wanted"),
    [
        ((784,), 1 / 256, 0.0, {"shape": (28, 28)} | BYTES),
        ((784,), 1 / 255, 0.0, {"shape": (28, 28)} | BYTES),
        ((784,), None, 0.0, {"shape": (28, 28)} | FRACTIONS),
        ((784,), 1.0, 0.0, {"shape": (28, 28)} | FRACTIONS),
        ((64,), 1 / 16, 0.0, {"shape": (8, 8)} | DIGITS),
        # With standard deviation 1, of all pixels or of each: MNIST's bytes, the same as fractions, the 8x8 digits.
        ((784,), 1 / 78.6, -0.42, {"shape": (28, 28)} | BYTES),
        ((784,), tuple(1 / np.linspace(10, 60, 784)), tuple(-np.ones(784)), {"shape": (28, 28)} | BYTES),
        ((784,), 1 / 0.308, -0.42, {"shape": (28, 28)} | FRACTIONS),
        ((64,), 1 / 6.0, -0.81, {"shape": (8, 8)} | DIGITS),
        ((64,), tuple(1 / np.linspace(2, 6.5, 64)), tuple(-np.ones(64)), {"shape": (8, 8)} | DIGITS),
        ((20, 30), 1 / 255, 0.0, {"shape": (20, 30)} | BYTES),
        ((1, 28, 28), 1 / 255, 0.0, {"shape": (28, 28)} | BYTES),
        ((28, 28, 1), 1 / 256, 0.0, {"shape": (28, 28)} | BYTES),
        ((8, 8, 1), 1 / 16, 0.0, {"shape": (8, 8)} | DIGITS),
    ],
)
@pytest.mark.usefixtures("no_type_checker")
def test_settings_go_by_the_shape_and_the_scale_of_a_network(input_shape, scale, offset, wanted):
    network = types.SimpleNamespace(input_shape=input_shape, scale=scale, offset=offset)
    assert answers.settings_of(network) == {"box": 20 / 28} | wanted


@pytest.mark.parametrize("input_shape", [(4,), (36,), (783,), (3, 28, 28), (28, 28, 3), (6, 6, 1), (5, 40), (1,)])
@pytest.mark.usefixtures("no_type_checker")
def test_what_takes_no_images_is_refused(input_shape):
    with pytest.raises(
        ValueError, match="which is no image of one value per pixel; give a network trained on images, such as"
    ):
        answers.settings_of(types.SimpleNamespace(input_shape=input_shape, scale=1.0, offset=0.0))


# The photo test


def test_boxes_share_what_both_cover():
    box = photos.Box(0, 0, 10, 10)
    assert box.shared(box) == 1
    assert box.shared(photos.Box(0, 5, 10, 15)) == pytest.approx(1 / 3)
    assert box.shared(photos.Box(20, 20, 30, 30)) == 0


def test_photos_of_the_bundled_digits(digits):
    network = dataclasses.replace(jnndl.mlp([64, 10]), scale=1 / 16)
    params = (Affine(np.zeros((10, 64), np.float32), np.eye(10, dtype=np.float32)[3]),)  # says 3, whatever it sees
    chosen = digits.test[:12]
    right, made = photos.singles(network, params, chosen, seed=1)
    for way, values in right.items():
        wanted = np.asarray(chosen.targets) == 3
        assert np.array_equal(values, wanted & np.array([m is not None for _, m in made]) if "read" in way else wanted)
    assert np.mean([m is not None for _, m in made]) > 0.8
    assert all(content[:2] == b"\xff\xd8" for content, _ in made)  # JPEG
    again = photos.singles(network, params, chosen, seed=1)[1]
    assert [content for content, _ in again] == [content for content, _ in made]


def test_rows_of_the_bundled_digits(digits):
    assert np.mean(photos.rows(digits.test, 8, 1, 16)) > 0.7


def test_the_photo_command_ends_with_a_sentence_where_it_cannot_run(tmp_path, capsys):
    assert photos.main(["--data", "digits", "--network", str(tmp_path / "nothing")]) == 2
    assert "there is no such file; give the path of a network" in capsys.readouterr().err
