"""A thousand networks.

Each dot is a network with a learning rate of its own, trained for eight epochs on 300 images. All of them are trained
at once, by one call. Too small a rate learns nothing in that time; too great a one never does.
"""

import jax
import numpy as np
from matplotlib.figure import Figure

import jnndl

digits = jnndl.load_digits()
rates = 10 ** np.random.default_rng(0).uniform(-3, 2.5, 1000)
fit = jnndl.fit_many(
    jnndl.mlp([64, 10, 10]), digits.training[:300], digits.validation,
    keys=jax.random.split(jax.random.key(0), 1000), learning_rate=rates,
    epochs=8, measure_training=0, progress=False,
)  # fmt: skip
accuracy = 100 * fit.history.evaluation_accuracy[:, -1]

figure = Figure(figsize=(7, 4.2), layout="constrained")
axes = figure.subplots()
axes.scatter(rates, accuracy, s=14, c=accuracy, cmap="viridis", alpha=0.7, lw=0)
axes.set(xscale="log", xlabel="learning rate", ylabel="accuracy (%)", ylim=(0, 100))
axes.spines[["top", "right"]].set_visible(False)
