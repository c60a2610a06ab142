"""A neuron that is badly wrong.

One neuron has to learn to answer 0, and starts at 0.98. With the quadratic cost it is saturated, and hardly moves for a
hundred epochs; with the cross-entropy it begins at once (chapter 3).
"""

import numpy as np
from matplotlib.figure import Figure

import jnndl
from jnndl.layers import Affine

network = jnndl.mlp([1, 1])
task = jnndl.Dataset(np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32))
start = (Affine(np.float32([[2]]), np.float32([2])),)
figure = Figure(figsize=(7, 4), layout="constrained")
axes = figure.subplots()
for cost, look in (("quadratic", {"color": "#D55E00", "ls": "--"}), ("cross_entropy", {"color": "#0072B2"})):
    fit = jnndl.fit(
        network, task, key=0, params=start, epochs=300, batch_size=1,
        learning_rate=0.15, cost=cost, progress=False,
        probe=lambda objective, params, data: network(params, data.inputs[0])[0],
    )  # fmt: skip
    axes.plot([0.982, *fit.history.probe], lw=2.5, label=cost.replace("_", "-"), **look)
axes.set(xlabel="epoch", ylabel="output, which should be 0", ylim=(0, 1.02))
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
