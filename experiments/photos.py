"""Are digits on photos read as well as MNIST's own images? ``python -m experiments photos``, about two minutes.

A network of chapter 3 (784-100-10, cross-entropy, L2) is trained. Then test images are made into photos: dark ink on
grey paper in uneven light, with a soft shadow, off centre, of any size, blurred, noisy, stored as JPEG. The network
sees each digit untouched, the photo resized to 28x28, that inverted too, and what ``jnndl.read_digits`` makes of it;
where that finds no digit, or several, the answer counts as wrong. Rows of digits are pictures of the same kind with two
to six digits that do not touch, the boxes of neighbours apart by at least a tenth of their height.

The targets, written down before the first run on test images:

- The network has at least 97 % right on all test images.
- Of ``PHOTOS`` photos, ``read_digits`` gives at most 3 points fewer right than the untouched images.
- Of ``ROWS`` pictures of rows, in at least 95 % the right number of digits is found, each where it was put: its box and
  the one found overlap by at least half of their union.

``read_digits`` was made with training and validation images only, and other seeds. Results go to result.json, and
examples.png shows the first photos beside what was read.
"""

import argparse
import io
import json
import pathlib
import sys
import tempfile
import time
from typing import Any, NamedTuple

import jax
import numpy as np

import jnndl
from experiments.runner import check_same_data, check_usable, commit, device, now, open_data, write
from jnndl import ink, pictures
from jnndl.__main__ import check_devices
from jnndl.answers import settings_of
from jnndl.data import Dataset, Splits
from jnndl.network import Network, Params

PHOTOS, ROWS, SEED = 500, 200, 13
HIDDEN, EPOCHS, RATE, L2 = 100, 30, 0.2, 5.0  # chapter 3's network and lambda
ENOUGH, POINTS, FOUND = 0.97, 3.0, 0.95  # the targets
OVERLAP = 0.5  # of the union of both boxes: then a digit is where it was put
APART = 0.1  # of the height of the digits in a row


class Box(NamedTuple):
    """Where a digit is in a picture, in pixels; bottom and right are the first outside."""

    top: int
    left: int
    bottom: int
    right: int

    def shared(self, other: "Box") -> float:
        """The area in both, as a fraction of the area in either."""
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        wide = min(self.right, other.right) - max(self.left, other.left)
        both = max(high, 0) * max(wide, 0)
        areas = [(box.bottom - box.top) * (box.right - box.left) for box in (self, other)]
        return both / (sum(areas) - both)


def cut(image: np.ndarray) -> np.ndarray:
    """An image without the empty rows and columns around its digit."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def enlarged(image: np.ndarray, height: int) -> np.ndarray:
    """An image of bytes, smoothly enlarged to a height; from 0 (paper) to 1 (ink)."""
    from PIL import Image

    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC), float) / 255


def photo(strokes: np.ndarray, rng: np.random.Generator) -> bytes:
    """A JPEG of dark ink on grey paper in uneven light.

    Args:
        strokes: how much ink is on each pixel, from 0 to 1.
        rng: draws light, shadow, blur, noise and quality.
    """
    from PIL import Image, ImageFilter

    y, x = (axis / max(strokes.shape) for axis in np.indices(strokes.shape))
    paper, pen = rng.uniform(0.6, 0.95), rng.uniform(0.05, 0.35)
    angle, fall, curve = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.4), rng.uniform(-0.2, 0.2)
    light = 1 - fall * (0.5 + 0.5 * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)))
    light += curve * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    angle, where, soft = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5), rng.uniform(0.02, 0.2)
    side = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5) - where
    light *= 1 - rng.uniform(0, 0.4) / (1 + np.exp(-side / soft * 4))
    grey = light * (paper * (1 - strokes) + paper * pen * strokes)
    image = Image.fromarray(np.rint(255 * grey.clip(0, 1)).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.02) * min(strokes.shape) / 2))
    grey = np.asarray(image, float) + rng.normal(0, rng.uniform(1, 9), strokes.shape)
    file = io.BytesIO()
    image = Image.fromarray(np.rint(grey.clip(0, 255)).astype(np.uint8))
    image.save(file, "JPEG", quality=int(rng.integers(50, 96)))
    return file.getvalue()


def one_digit(image: np.ndarray, rng: np.random.Generator) -> bytes:
    """A photo of one digit, anywhere and of any size."""
    high, wide = rng.integers(100, 500, size=2)
    image = cut(image)
    room = min(high / image.shape[0], 0.9 * wide / image.shape[1]) * image.shape[0]
    strokes, _ = place(np.zeros((high, wide)), image, int(rng.uniform(0.3, 0.85) * room), rng)
    return photo(strokes, rng)


def place(
    paper: np.ndarray, image: np.ndarray, height: int, rng: np.random.Generator, left: int | None = None
) -> tuple[np.ndarray, Box]:
    """Put a digit on paper; at any height, and anywhere across where ``left`` is None."""
    strokes = enlarged(image, height)
    margin = max(2, height // 12)
    top = int(rng.integers(margin, max(margin, paper.shape[0] - height - margin) + 1))
    if left is None:
        left = int(rng.integers(margin, max(margin, paper.shape[1] - strokes.shape[1] - margin) + 1))
    box = Box(top, left, top + height, left + strokes.shape[1])
    area = paper[box.top : box.bottom, box.left : box.right]
    area[:] = np.maximum(area, strokes[: area.shape[0], : area.shape[1]])
    return paper, box


def row(images: list[np.ndarray], rng: np.random.Generator) -> tuple[bytes, list[Box]]:
    """A photo of digits in a row that do not touch, and where each is."""
    high = int(rng.integers(100, 300))
    heights = (high * rng.uniform(0.45, 0.7) * rng.uniform(0.8, 1.2, size=len(images))).astype(int)
    images = [cut(image) for image in images]
    widths = [enlarged(image, height).shape[1] for image, height in zip(images, heights, strict=True)]
    gaps = (heights.mean() * rng.uniform(APART, 0.8, size=len(images) + 1)).astype(int) + 1
    paper, left, boxes = np.zeros((high, sum(widths) + sum(gaps))), 0, []
    for image, height, width, gap in zip(images, heights, widths, gaps, strict=False):
        left += gap
        paper, box = place(paper, image, int(height), rng, int(left))
        boxes.append(box)
        left += width
    return photo(paper, rng), boxes


def resized(content: bytes, shape: tuple[int, int]) -> np.ndarray:
    """A picture as someone reads it who knows only the size that the network wants: grey, black 0 and white 255."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("L").resize(shape[::-1], Image.Resampling.BOX))


def prepared(content: bytes, settings: dict[str, Any], folder: pathlib.Path) -> np.ndarray | None:
    """What ``read_digits`` makes of a picture with one digit; None where it finds none, or several."""
    path = folder / "photo.jpg"
    path.write_bytes(content)
    try:
        digits = jnndl.read_digits(path, **settings)
    except ValueError:
        return None
    return digits[0] if len(digits) == 1 else None


def in_place(content: bytes, boxes: list[Box], folder: pathlib.Path) -> bool:
    """Whether as many digits are found in a picture as were put there, each in its place."""
    path = folder / "row.jpg"
    path.write_bytes(content)
    try:
        found = ink.find(pictures.read_grey(path))
    except ValueError:
        return False
    places = [Box(f.top, f.left, f.top + f.ink.shape[0], f.left + f.ink.shape[1]) for f in found]
    return len(places) == len(boxes) and all(
        box.shared(place) >= OVERLAP for box, place in zip(boxes, places, strict=True)
    )


def singles(
    network: Network, params: Params, data: Dataset, seed: int
) -> tuple[dict[str, np.ndarray], list[tuple[bytes, np.ndarray | None]]]:
    """Whether each digit is read right in each of the four ways, and the photos with what was prepared from them."""
    rng, images = np.random.default_rng(seed), np.asarray(data.inputs)
    settings = settings_of(network)
    shape, white = settings["shape"], settings["white"]
    photos = [one_digit(np.rint(image * (255 / white)).astype(np.uint8), rng) for image in images]
    with tempfile.TemporaryDirectory() as folder:
        made = [prepared(content, settings, pathlib.Path(folder)) for content in photos]
    seen = np.stack([resized(content, shape) for content in photos]) * (white / 255)
    ways = {
        "untouched": images,
        "resized only": seen,
        "resized and inverted": white - seen,
        "prepared by read_digits": np.stack([np.zeros(shape) if m is None else m for m in made]),
    }
    right = {
        way: jnndl.predict(network, params, inputs).labels == np.asarray(data.targets) for way, inputs in ways.items()
    }
    right["prepared by read_digits"] &= np.array([m is not None for m in made])
    return right, list(zip(photos, made, strict=True))


def rows(data: Dataset, number: int, seed: int, white: float | int) -> list[bool]:
    """Of so many made pictures of rows, whether the digits are found in each."""
    rng, images = np.random.default_rng(seed), np.asarray(data.inputs)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(number):
            chosen = images[rng.integers(len(images), size=rng.integers(2, 7))]
            content, boxes = row([np.rint(image * (255 / white)).astype(np.uint8) for image in chosen], rng)
            found.append(in_place(content, boxes, pathlib.Path(folder)))
    return found


def trained(splits: Splits) -> tuple[Network, Params]:
    """Chapter 3's network, trained on the training images; its accuracy on validation images is printed."""
    started = time.perf_counter()
    network = jnndl.mlp([int(np.prod(splits.training.inputs.shape[1:])), HIDDEN, splits.classes])
    l2 = L2 * len(splits.training) / 50_000  # lambda/n stays what it was
    settings: Any = {"key": jax.random.key(SEED), "epochs": EPOCHS, "learning_rate": RATE, "l2": l2}
    fit = jnndl.fit(network, splits.training, splits.validation, measure_training=0, **settings)
    accuracy, seconds = fit.history.evaluation_accuracy[-1], time.perf_counter() - started
    print(f"trained in {seconds:.0f} s: {accuracy:.2%} of the validation images right", flush=True)
    return fit.network, fit.params


def judged(network: Network, params: Params, test: Dataset) -> dict[str, Any]:
    """All that is measured, on test images drawn without replacement; and whether each target is met."""
    which = np.random.default_rng(SEED).permutation(len(test))[:PHOTOS]
    right, photos = singles(network, params, test[which], SEED)
    found = rows(test, ROWS, SEED + 1, settings_of(network)["white"])
    accuracy = {way: float(values.mean()) for way, values in right.items()}
    lost = 100 * (accuracy["untouched"] - accuracy["prepared by read_digits"])
    whole = float(jnndl.evaluate(network, params, test).accuracy)
    targets = {
        f"network: at least {ENOUGH:.0%} of all test images": whole >= ENOUGH,
        f"photos: at most {POINTS:g} points below the untouched images": lost <= POINTS,
        f"rows: found in at least {FOUND:.0%}": float(np.mean(found)) >= FOUND,
    }
    counts = {"photos": len(which), "rows": len(found), "unread": sum(made is None for _, made in photos)}
    measured = {"all test images": whole, **accuracy, "points lost": lost, "rows found": float(np.mean(found))}
    return {"measured": measured, "counts": counts, "targets": targets, "photos": photos}


def draw(path: pathlib.Path, photos: list[tuple[bytes, np.ndarray | None]], white: float | int) -> None:
    """The first photos, each beside what was prepared from it."""
    from PIL import Image

    side, across = 150, 4
    sheet = Image.new("L", (2 * across * (side + 10), -(-len(photos) // across) * (side + 10)), 255)
    for number, (content, made) in enumerate(photos):
        corner = (2 * (number % across) * (side + 10), number // across * (side + 10))
        with Image.open(io.BytesIO(content)) as image:
            image.thumbnail((side, side))
            sheet.paste(image, corner)
        if made is not None:
            seen = Image.fromarray(np.rint(made * (255 / white)).astype(np.uint8))
            sheet.paste(seen.resize((side, side), Image.Resampling.NEAREST), (corner[0] + side + 4, corner[1]))
    jnndl.storage.write_atomically(path, lambda temporary: sheet.save(temporary, "PNG"))


def main(arguments: list[str]) -> int:
    """Train, judge, print and write; returns the exit status: 1 where a target is missed, 2 where there is no data."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments photos", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--data", default="mnist", help="mnist (default), digits, or a folder of four IDX files")
    parser.add_argument("--network", help="a network saved by jnndl.save, in place of one that is trained now")
    parser.add_argument("--out", type=pathlib.Path, help="folder for the results (default results/photos for MNIST)")
    options = parser.parse_args(arguments)
    try:
        splits = open_data(options.data)
        check_usable(options.data, splits)
        default = pathlib.Path("results" if splits.name == "mnist" else f"results-{splits.name}") / "photos"
        folder = options.out or default
        check_same_data(folder.parent, splits.sha256, folder.name)
        check_devices()
        folder.mkdir(parents=True, exist_ok=True)
        jnndl.storage.check_writable(folder / "result.json")
        network, params = jnndl.load(options.network) if options.network else trained(splits)
        result = judged(network, params, splits.test)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, value in result["measured"].items():
        print(f"{name:26} {value:8.2f}" if name == "points lost" else f"{name:26} {value:8.2%}")
    for target, met in result["targets"].items():
        print(f"{'met' if met else 'MISSED':8}{target}")
    draw(folder / "examples.png", result.pop("photos")[:24], settings_of(network)["white"])
    record = {
        "data": {"name": splits.name, "sha256": splits.sha256},
        "seed": SEED,
        "commit": commit(),
        "device": device(),
        "finished": now(),
    } | result
    write(folder / "result.json", json.dumps(record, indent=1))
    print(f"written: {folder / 'result.json'} and {folder / 'examples.png'}")
    return 0 if all(result["targets"].values()) else 1
