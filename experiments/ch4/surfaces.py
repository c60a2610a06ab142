"""Pictures of functions of two inputs, and of one input with its window of failure."""

import pathlib
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments import plots


def surfaces(path: pathlib.Path, panels: Mapping[str, Any], *, title: str) -> None:
    """Draw functions on [0, 1]^2 beside each other, each with its own scale: bright is high.

    Args:
        path: the PNG to write.
        panels: what stands above each -> values on ``constructions.mesh``, shape (n, n), the first row at y = 0.
        title: above them all.
    """
    new = plots.empty(0.6 + 3.1 * len(panels), 3.3)
    new.suptitle(textwrap.fill(title, 34 * len(panels)), fontsize=10)
    for number, (label, values) in enumerate(panels.items(), 1):
        axes = new.add_subplot(1, len(panels), number)
        values = np.asarray(values, float)
        low, high = min(0.0, values.min()), max(values.max(), 1e-3)
        look: dict[str, Any] = {"origin": "lower", "extent": (0, 1, 0, 1), "cmap": "cividis", "vmin": low, "vmax": high}
        image = axes.imshow(values, **look)
        new.colorbar(image, ax=axes, shrink=0.72)
        axes.set_title(textwrap.fill(label, 30), fontsize=9)
        axes.set(xlabel="x", ylabel="y", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    plots.save(new, path)


def grid(values: np.ndarray) -> np.ndarray:
    """Values on ``constructions.mesh`` as a square."""
    side = round(len(values) ** 0.5)
    return values.reshape(side, side)
