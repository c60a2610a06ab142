"""A page to draw on: one HTML file with a network in it, which answers while one draws. ``jnndl draw NETWORK``.

The page holds the weights and the same arithmetic in JavaScript, and needs nothing else: no server, no library, no
connection. ``page_network.js`` has the neurons and the layers, ``page_image.js`` what ``images.centre`` does,
``page_diagram.js`` the picture of the network, ``page_teach.js`` how its last layer learns from drawings in the
browser, and ``page_draw.js`` the rest of the page. A new kind of layer is a function in ``LAYERS`` of page_network.js
and its name in ``LAYERS`` here.
"""

import argparse
import base64
import html
import json
import os
import pathlib
import string
from typing import Any

import numpy as np

from jnndl import arguments, files, images, storage, validation
from jnndl.network import Network, Params
from jnndl.neurons import NEURONS

HELP = "Write a page to draw on: one HTML file with the network in it, to open in a browser."
# The kinds of layers that page_network.js has a function for.
LAYERS = ("Dense", "Dropout", "Distort", "Conv", "MaxPool", "AvgPool", "L2Pool", "Flatten")
HERE = pathlib.Path(__file__).parent
SCRIPTS = ("page_network.js", "page_image.js", "page_diagram.js", "page_teach.js", "page_draw.js")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("network", metavar="NETWORK", help="a file from jnndl.save")
    parser.add_argument("--out", metavar="FILE", default="draw.html", help="the page to write (default draw.html)")
    parser.add_argument("--about", metavar="TEXT", default="", help="a sentence about the network, shown on the page")


def run(options: argparse.Namespace) -> int:
    """Write the page, and say how to open it; returns the exit status.

    Raises:
        ValueError, OSError: if the network cannot be read or drawn for, or the page cannot be written.
    """
    save_page(options.out, *files.load(options.network), about=options.about)
    print(invitation(options.out))
    return 0


def invitation(path: str | os.PathLike) -> str:
    """What to do with a page."""
    return f"Now draw a digit: open {os.fspath(path)} in a browser"


def save_page(path: str | os.PathLike, network: Network, params: Params, *, about: str = "") -> None:
    """Write a page to draw on: the network answers while one draws, and shows its layers and what spoke for the answer.

    One file that needs nothing else; it can be opened from a disk, mailed, or put on any web server. The drawing is
    scaled and centred by ``images.centre``. A weight is kept as 32 bits.

    >>> network = jnndl.mlp([784, 30, 10])
    >>> jnndl.save_page("draw.html", network, network.init(0))

    Args:
        path: the file to write, by convention ending in '.html'.
        network: a network that takes images; one that ``fit`` returned, which knows how its inputs were scaled.
        params: its parameters.
        about: a sentence about the network, shown at the foot of the page.

    Raises:
        TypeError, ValueError: if the network takes no images, has a layer or a neuron that the page does not know, or
            the parameters are not its own or not finite.
    """
    text = fill(describe(network, params), about)
    storage.write_atomically(path, lambda temporary: pathlib.Path(temporary).write_text(text, encoding="utf-8"))


def fill(model: dict[str, Any], about: str) -> str:
    """The text of the page: the files beside this one, with a network as JSON between them."""
    digits = model["classes"] == [str(digit) for digit in range(10)]
    texts = {
        "title": "Draw a digit" if digits else "Draw for a neural network",
        "opening": "A neural network looks on while you draw, and says what it sees. All of it is inside this page."
        + ("" if digits else f" It knows: {', '.join(model['classes'])}."),
        "about": about,
    }
    parts = {name: (HERE / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", *SCRIPTS)}
    return string.Template(parts["page.html"]).substitute(
        {name: html.escape(text) for name, text in texts.items()},
        style=parts["page.css"],
        model=json.dumps(model, allow_nan=False).replace("<", "\\u003c"),  # no class name ends the script
        script="\n".join(parts[name] for name in SCRIPTS),
    )


def _check_known(what: str, known: bool) -> None:
    if not known:
        raise ValueError(
            f"{what}, which the page to draw on does not know; give a network of {', '.join(LAYERS[:-1])} and "
            f"{LAYERS[-1]} layers, with neurons of jnndl.neurons"
        )


def describe(network: Network, params: Params) -> dict[str, Any]:
    """The network and its parameters as JSON, for ``build`` of page_network.js.

    Raises:
        TypeError, ValueError: as ``save_page``.
    """
    if not isinstance(network, Network):
        raise TypeError(
            f"network is {arguments.short_repr(network)}, not a network; give fit.network, or what load returned"
        )
    validation.check_params(network, params)
    shape, brightest = images.image_shape(network), images.brightest(network)
    for number, layer in enumerate(network.layers):
        kind = type(layer).__name__
        _check_known(f"layer {number} is a {kind}", kind in LAYERS)
        if hasattr(layer, "neuron"):
            _check_known(f"layer {number} is of {layer.neuron.name} neurons", layer.neuron in NEURONS.values())
        pool = getattr(layer, "pool", None)
        _check_known(f"layer {number} has a {type(pool).__name__}", pool is None or type(pool).__name__ in LAYERS)
    _check_known(f"the output is of {network.neuron.name} neurons", network.neuron in NEURONS.values())
    described = files.describe(network)
    for number, layer in enumerate(described["layers"]):
        arrays = {name: np.asarray(array) for name, array in storage.named(params[number]).items()}
        for name, array in arrays.items():
            if not np.all(np.isfinite(array)):
                raise ValueError(
                    f"params: {number}.{name} is not finite everywhere; give those of a run that did not diverge"
                )
        layer["arrays"] = {
            name: base64.b64encode(array.astype("<f4").tobytes()).decode() for name, array in arrays.items()
        }
    return described | {
        "scale": 1.0 if network.scale is None else network.scale,
        "classes": list(network.classes or map(str, range(network.output_shape[0]))),
        "image": shape,
        "brightest": brightest,
        # The 8x8 digits of scikit-learn fill their images.
        "box": 1.0 if brightest == 16 else images.BOX,
    }
