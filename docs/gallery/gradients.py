"""Gradients that vanish.

Five hidden layers of sigmoid neurons, and the length of each layer's gradient, epoch by epoch, on a logarithmic scale:
each layer learns about five times more slowly than the one above it, and the first hardly at all (chapter 5).
"""

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jnndl


def speeds(objective, params, data):
    """The length of dC/db in every layer, over 300 images."""
    grads = jnndl.backprop(objective)(params, data[:300], len(data))
    return jnp.stack([jnp.linalg.norm(layer.bias) for layer in grads])


digits = jnndl.load_digits()
fit = jnndl.fit(
    jnndl.mlp([64, 30, 30, 30, 30, 30, 10]), digits.training, key=0,
    epochs=30, learning_rate=0.05, gradient="backprop",
    probe=speeds, measure_training=0, progress=False,
)  # fmt: skip
found = np.asarray(fit.history.probe)

figure = Figure(figsize=(7, 4.2), layout="constrained")
axes = figure.subplots()
for layer in range(6):
    name = f"hidden layer {layer + 1}" if layer < 5 else "output layer"
    axes.semilogy(found[layer], color=(0.85 - 0.16 * layer, 0.35, 0.1 + 0.15 * layer))
    axes.text(30, found[layer, -1], name, va="center", fontsize=9)
axes.set(xlabel="epoch", ylabel="length of the gradient", xlim=(0, 37), xticks=range(0, 31, 10))
axes.spines[["top", "right"]].set_visible(False)
