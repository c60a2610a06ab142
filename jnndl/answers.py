"""``jnndl predict NETWORK IMAGE...``: what a network says of pictures of handwritten digits."""

import argparse
import glob
import pathlib
import sys
from typing import Any

import numpy as np

from jnndl import files, images, measures, network2, seen
from jnndl.network import Network, Params
from jnndl.pictures import read_digits

HELP = "Read handwritten digits from photos or drawings."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("network", metavar="NETWORK", help="a file from jnndl.save, or from the book's network2")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a picture: PNG, JPEG, GIF, BMP or WebP")
    parser.add_argument("--show", metavar="FILE.png", help="write what the network saw beside its outputs")


def run(options: argparse.Namespace) -> int:
    """Print a line per digit; returns the exit status, 2 where a picture could not be read.

    Raises:
        ValueError, OSError, ImportError: if the network cannot be read or takes no images, or --show cannot be written.
    """
    if options.show is not None and pathlib.Path(options.show).suffix.lower() != ".png":
        raise ValueError(f"--show is {options.show!r}; give the name of a file that ends in .png")
    network, params = open_network(options.network)
    settings = settings_of(network)
    digits: list[seen.Digit] = []
    refused: list[Exception] = []
    for path in [path for name in options.images for path in _expanded(name)]:
        try:
            found = read_digits(path, **settings)
        except (ValueError, OSError) as error:
            refused.append(error)
            continue
        outputs = measures.predict(network, params, found).outputs
        names = [path] if len(found) == 1 else [f"{path} #{number + 1}" for number in range(len(found))]
        digits += [seen.Digit(*digit) for digit in zip(names, found / settings["white"], outputs, strict=True)]
    classes = network.classes or [str(number) for number in range(network.output_shape[0])]
    for digit in digits:
        print(f"{digit.name:<{max(len(d.name) for d in digits)}}  {told(digit.outputs, classes)}")
    for reason in refused:
        print(f"error: {reason}", file=sys.stderr)
    if options.show is not None and digits:
        seen.write(options.show, digits, classes)
        print(f"what the network saw: {options.show}")
    return 2 if refused else 0


def told(outputs: np.ndarray, classes: Any) -> str:
    """An answer in words: the most active output, and the next."""
    first, *others = np.argsort(-outputs, kind="stable")
    after = f"   next {classes[others[0]]} ({outputs[others[0]]:.2f})" if others else ""
    return f"{classes[first]} ({outputs[first]:.2f}){after}"


def open_network(path: str) -> tuple[Network, Params]:
    """A network and its parameters from a file, of ``jnndl.save`` or of the book's network2 (JSON)."""
    file = pathlib.Path(path)
    if file.is_file():
        with file.open("rb") as content:
            if content.read(1) == b"{":
                return network2.load_network2(file)[:2]
    return files.load(file)


def settings_of(network: Network) -> dict[str, Any]:
    """The settings of ``read_digits`` for a network: the shape of its images, what white is, how large digits are.

    Where white is 16, digits fill the image, as scikit-learn's do.

    Raises:
        ValueError: if its inputs are no image.
    """
    white = images.brightest(network)
    return {"shape": images.image_shape(network), "white": white, "box": 1.0 if white == 16 else images.BOX}


def _expanded(name: str) -> list[str]:
    """The files that a name with a ``*`` means, which some shells leave to the program."""
    return [name] if pathlib.Path(name).exists() else sorted(glob.glob(name)) or [name]
