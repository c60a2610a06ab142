"""Files of pictures: decoded, whatever they hold, and the digits in them made ready for a network."""

import contextlib
import io
import os
import pathlib
import warnings
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from jnndl import ink
from jnndl.arguments import is_whole, short_repr
from jnndl.images import BOX, centre

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MAX_BYTES, MAX_PIXELS = 64_000_000, 64_000_000  # a phone's photo has 12 to 50 million pixels
SIDE = 1600  # a longer side is brought below this: a digit of a centimetre on a photo of a whole page keeps 50 pixels
ORIENTATION = 0x0112  # in EXIF: how the camera was held, and how to turn the picture back
TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


def read_digits(
    path: str | os.PathLike, shape: tuple[int, int] = (28, 28), *, white: float | int = 255, box: float | int = BOX
) -> Num[np.ndarray, "n height width"]:
    """The handwritten digits in a picture, made ready as MNIST's were.

    A photo or a drawing, dark on light or light on dark. Uneven light, shadows and specks are taken off, and thin
    strokes thickened. Digits stand in one row and apart; parts that overlap horizontally, such as the bar of a 5, are
    one digit. Each is scaled into a box of 20 of 28 pixels and moved so that its centre of mass is in the middle
    (``images.centre``).

    Args:
        path: a PNG, JPEG, GIF, BMP or WebP file of at most 64 million bytes and 64 million pixels. What is transparent
            is white; the first picture counts of several.
        shape: of the images to make, in pixels; the network's.
        white: what the darkest pixel of the pen becomes; paper becomes 0. From 2 on, whole numbers: 255 for a network
            trained on MNIST's bytes, 16 for one trained on scikit-learn's 8x8 digits. 1 for one that takes fractions.
        box: the longer side of a digit as a fraction of the shorter side of the image; 1 for scikit-learn's digits,
            which fill their 8x8 pixels.

    Returns:
        The digits from left to right, bytes (floats where white is below 2), for ``predict``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no picture, too large, blank, or more than a row of digits.
        ImportError: without Pillow (``pip install "jnndl[images]"``).

    Example:
        >>> network, params = jnndl.load("network.safetensors")  # doctest: +SKIP
        >>> jnndl.predict(network, params, jnndl.read_digits("three.jpg")).labels  # doctest: +SKIP
        array([3])
    """
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(is_whole(size) and size > 0 for size in shape)):
        raise ValueError(f"shape is {short_repr(shape)}; give two whole numbers of at least 1, such as (28, 28)")
    if not isinstance(white, int | float | np.number) or not 0 < white <= 255:
        raise ValueError(f"white is {short_repr(white)}; give a number above 0, at most 255")
    if not isinstance(box, int | float | np.number) or not 0 < box <= 1:
        raise ValueError(f"box is {short_repr(box)}; give a number above 0, at most 1")
    grey = read_grey(path)
    try:
        found = ink.find(grey)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not found:
        raise ValueError(f"{path}: there is no digit to be seen; give dark strokes on light paper, or light on dark")
    images = white * np.stack([centre(digit.ink, shape, box) for digit in found])
    return np.rint(images).astype(np.uint8) if white >= 2 else images.astype(np.float32)


def read_grey(path: str | os.PathLike) -> Float[np.ndarray, "h w"]:
    """A picture as brightness, black 0 and white 1, upright, its longer side at most ``SIDE`` pixels.

    Raises:
        FileNotFoundError, ValueError, ImportError: as ``read_digits``.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is {short_repr(path)}; give the path of a picture, as a text")
    path = pathlib.Path(path)
    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "there is no such file"
        raise FileNotFoundError(f"{path}: {what}; give the path of a picture")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: more than {MAX_BYTES:,} bytes; make the picture smaller")
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ImportError('Pillow is needed to read pictures; pip install "jnndl[images]"') from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damage that does not matter here, and of the size, which is checked below
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height <= MAX_PIXELS:
                    return _upright_grey(image)
        except Image.DecompressionBombError:
            pass
        except Exception as error:  # decoders meet damage with whatever they stumble over
            reason = " ".join(str(error).split())[:80] or type(error).__name__
            what = (
                "not a picture" if isinstance(error, Image.UnidentifiedImageError) else f"a damaged picture ({reason})"
            )
            raise ValueError(f"{path}: {what}; give a whole PNG, JPEG, GIF, BMP or WebP file") from error
    raise ValueError(f"{path}: more than {MAX_PIXELS:,} pixels; make the picture smaller")


def _upright_grey(image: Any) -> Float[np.ndarray, "h w"]:
    """An open picture of Pillow's as brightness, reduced by averages, and turned as the camera was held."""
    from PIL import Image

    image.draft("L", (SIDE, SIDE))  # a JPEG can be decoded at a half, a quarter or an eighth: at least this size
    image.load()
    turn = None
    with contextlib.suppress(Exception):  # damaged notes are no reason to refuse the picture
        turn = TURNS.get(image.getexif().get(ORIENTATION))
    white = 255
    if image.mode.startswith("I"):  # 16 bits
        image, white = Image.fromarray(np.asarray(image, np.float32)), 65535
    else:
        clear = image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
        image = image.convert("RGBA" if clear else "L")
    image = image.reduce(-(-max(image.size) // SIDE))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("L")
    if turn:
        image = image.transpose(Image.Transpose[turn])
    return np.asarray(image, np.float32) / white
