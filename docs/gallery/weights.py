"""Weights while they learn.

Eight hidden neurons, from their random start (above) to the thirtieth epoch: strokes and edges appear out of noise. Red
is positive, blue negative.
"""

import numpy as np
from matplotlib.figure import Figure

import jnndl

digits = jnndl.load_digits()
network = jnndl.mlp([64, 8, 10])
start = network.init(1)
fit = jnndl.fit(
    network, digits.training, digits.validation, key=1, params=start,
    epochs=30, learning_rate=1.0, l2=2.0, progress=False,
    probe=lambda objective, params, data: params[0].weight,
)  # fmt: skip
weights = np.concatenate([start[0].weight[None], np.moveaxis(fit.history.probe, -1, 0)])

epochs = [0, 1, 3, 10, 30]
figure = Figure(figsize=(8, 5.2), layout="constrained")
grid = figure.subplots(len(epochs), 8)
for row, epoch in zip(grid, epochs, strict=True):
    for axes, weight in zip(row, weights[epoch], strict=True):
        axes.imshow(weight.reshape(8, 8), cmap="RdBu_r", vmin=-2, vmax=2)
        axes.set(xticks=[], yticks=[])
    row[0].set_ylabel(f"epoch {epoch}")
