"""Images in folders, one folder for each class, as training, validation and test data."""

import os
import pathlib
import warnings
from typing import Any

import numpy as np

from jnndl.arguments import REQUIRED, is_whole, short_repr
from jnndl.arrays import divide
from jnndl.data import Splits

ENDINGS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
IGNORED = {"thumbs.db", "desktop.ini"}  # what file managers leave behind; hidden files are not looked at either
SCALE = 1 / 256  # as load_mnist: a network trained on the one takes the other


def load_images(
    folder: str | os.PathLike,
    *,
    key: Any = REQUIRED,
    shape: Any = None,
    validation: Any = 0.2,
    test: Any = 0.2,
) -> Splits:
    """Load images from a folder that has a folder of them for each class, ``cats/`` and ``dogs/``, say.

    The images become grey, one byte per pixel, 0 for black. They are turned as the camera says, and what is transparent
    becomes white. The network sees bytes divided by 256, as with MNIST.

    Args:
        folder: the folder of folders; each gives its class its name.
        key, validation, test: as for ``from_arrays``.
        shape: (height, width) to which all images are resized, (28, 28), say; None if they are of one size.

    Returns:
        The parts; inputs are bytes of shape (n, height, width), classes in alphabetical order.

    Raises:
        FileNotFoundError: if there is no such folder, or no images in it.
        ValueError: if a file is not an image, or damaged, or the images are not of one size; names the file.
        ModuleNotFoundError: if Pillow is not installed.

    >>> splits = load_images("animals", shape=(28, 28), key=0)  # doctest: +SKIP
    >>> network = jnndl.mlp([28 * 28, 30, splits.classes])  # doctest: +SKIP
    """
    folder = pathlib.Path(folder).expanduser()
    sizes = shape if isinstance(shape, tuple | list) else ()
    if shape is not None and (len(sizes) != 2 or not all(is_whole(size) and size > 0 for size in sizes)):
        raise ValueError(f"shape is {short_repr(shape)}; give (height, width) in pixels, such as (28, 28), or None")
    names, paths = find_images(folder)
    images: list[np.ndarray] = []
    for path, _ in paths:
        images.append(_read(path, shape))
        if images[-1].shape != images[0].shape:
            raise ValueError(
                f"{path}: has {images[-1].shape[0]} x {images[-1].shape[1]} pixels, but {paths[0][0]} has "
                f"{images[0].shape[0]} x {images[0].shape[1]}; give shape=(height, width) to resize all"
            )
    labels = np.array([label for _, label in paths], np.int32)
    try:
        return divide(np.stack(images), labels, names, key, validation, test, folder.resolve().name, scale=SCALE)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def find_images(folder: pathlib.Path) -> tuple[tuple[str, ...], list[tuple[pathlib.Path, int]]]:
    """The names of the classes, and each image with its label; sorted, so that the order is always the same.

    Raises:
        FileNotFoundError: if there is no such folder, or it holds no two folders of images.
        ValueError: if a folder of a class holds something else.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; give one that holds a folder for each class")
    classes = [path for path in _visible(folder) if path.is_dir()]
    if len(classes) < 2:
        raise FileNotFoundError(
            f"{folder}: holds {len(classes)} folders; give one that holds a folder of images for each class, 2 at least"
        )
    found = []
    for label, inner in enumerate(classes):
        images = _visible(inner)
        if not images:
            raise FileNotFoundError(f"{inner}: holds no images; put some into it, or remove it")
        for path in images:
            if path.is_dir() or path.suffix.lower() not in ENDINGS:
                what = "a folder" if path.is_dir() else "no image that can be read"
                raise ValueError(
                    f"{path}: is {what}; a class's folder holds {', '.join(sorted(ENDINGS))} files and nothing else"
                )
            found.append((path, label))
    return tuple(path.name for path in classes), found


def _visible(folder: pathlib.Path) -> list[pathlib.Path]:
    paths = sorted(folder.iterdir(), key=lambda path: path.name)
    return [path for path in paths if not path.name.startswith(".") and path.name.lower() not in IGNORED]


def _read(path: pathlib.Path, shape: tuple[int, int] | None) -> np.ndarray:
    """An image as bytes of shape (height, width), resized where a shape is given."""
    try:
        from PIL import Image, ImageOps  # here: few programs need it
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "load_images: reading images needs Pillow, which is not installed; pip install 'jnndl[images]'"
        ) from error
    try:
        with warnings.catch_warnings(), Image.open(path) as opened:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):  # 16 bits per pixel, which convert would cut off at 255
                image = Image.fromarray((np.asarray(image).astype(float) / 257).round().clip(0, 255).astype(np.uint8))
            if image.has_transparency_data:
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
            image = image.convert("L")
            if shape is not None and image.size != shape[::-1]:
                image = image.resize(shape[::-1], Image.Resampling.BILINEAR)  # of a large image, averages
            return np.asarray(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{path}: is too large ({error}); make it smaller") from error
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises all three for damaged files
        raise ValueError(f"{path}: cannot be read as an image ({error}); save it again, or remove it") from error
