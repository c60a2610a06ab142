"""A picture of what a network saw beside its outputs."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jnndl.storage import write_atomically

MOST = 12  # outputs that are all shown; of more, the ten most active
ACROSS = 3  # digits in a line
SIZE, ROW, BAR, GAP, HEAD = 336, 32, 290, 40, 52  # pixels
INK, PALE, ANSWER, TRACK = "#222222", "#9db4cc", "#1f5fa8", "#eef1f4"


class Digit(NamedTuple):
    """A digit and what the network says of it.

    Attributes:
        name: the file, and which digit in it.
        image: what the network saw, from 0 to 1.
        outputs: the output activations.
    """

    name: str
    image: Float[np.ndarray, "height width"]
    outputs: Float[np.ndarray, " n_out"]


def write(path: str | os.PathLike, digits: Sequence[Digit], classes: Sequence[str]) -> None:
    """Write a PNG with each digit as the network saw it, beside its outputs as bars, the largest in another colour."""
    from PIL import Image, ImageDraw, ImageFont

    small, large = ImageFont.load_default(22), ImageFont.load_default(26)
    labels = [name if len(name) <= 12 else f"{name[:11]}..." for name in classes]
    count = len(classes) if len(classes) <= MOST else 10
    start = SIZE + GAP + int(max(small.getlength(label) for label in labels))  # of the bars
    wide, high = start + BAR + 3 * GAP, HEAD + max(SIZE, count * ROW) + GAP
    across = min(ACROSS, len(digits))
    sheet = Image.new("RGB", (GAP + wide * across, GAP + high * -(-len(digits) // across)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, digit in enumerate(digits):
        x, y = GAP + number % across * wide, GAP // 2 + number // across * high
        name = os.path.basename(digit.name)
        draw.text((x, y + HEAD // 2), name if len(name) <= 42 else f"...{name[-40:]}", INK, large, "lm")
        y += HEAD
        height, width = (SIZE * side // max(digit.image.shape) for side in digit.image.shape)
        image = Image.fromarray(np.rint(255 * np.clip(digit.image, 0, 1)).astype(np.uint8))
        sheet.paste(image.resize((width, height), Image.Resampling.NEAREST), (x, y))
        best = np.argsort(-digit.outputs, kind="stable")
        for line, which in enumerate(range(count) if count == len(classes) else best[:count]):
            middle, left = y + int((line + 0.5) * max(SIZE / count, ROW)), x + start
            long = BAR * float(np.clip(digit.outputs[which], 0, 1))
            text, colour = (ANSWER, ANSWER) if which == best[0] else (INK, PALE)
            draw.text((left - 14, middle), labels[which], text, small, "rm")
            draw.rectangle((left, middle - 10, left + BAR, middle + 10), TRACK)
            draw.rectangle((left, middle - 10, left + long, middle + 10), colour)
            draw.text((left + BAR + 14, middle), f"{digit.outputs[which]:.2f}", INK, small, "lm")
    write_atomically(path, lambda temporary: sheet.save(temporary, "PNG"))
