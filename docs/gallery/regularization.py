"""What regularization does to weights.

The same network, the same start, 300 images, 100 epochs: eight of its hidden neurons without a penalty (above), and
with one (below). The weights that are not needed fade (chapter 3).
"""

import numpy as np
from matplotlib.figure import Figure

import jnndl

digits = jnndl.load_digits()
figure = Figure(figsize=(8, 2.3), layout="constrained")
grid = figure.subplots(2, 8)
for row, strength in zip(grid, (0.0, 0.3), strict=True):
    fit = jnndl.fit(
        jnndl.mlp([64, 30, 10]), digits.training[:300], digits.validation,
        key=3, epochs=100, learning_rate=0.5, l2=strength, progress=False,
    )  # fmt: skip
    right = 100 * fit.history.evaluation_accuracy[-1]
    for axes, weight in zip(row, np.asarray(fit.params[0].weight)[:8], strict=True):
        axes.imshow(weight.reshape(8, 8), cmap="RdBu_r", vmin=-1.2, vmax=1.2)
        axes.set(xticks=[], yticks=[])
    row[0].set_ylabel(f"lambda = {strength:g}\n{right:.0f} % right", fontsize=9)
