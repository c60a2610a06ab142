"""Towers that compute any function.

Chapter 4's network, made by hand: four steps and one neuron make a tower, and towers side by side a function of two
variables. Nothing was trained.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jnndl
from jnndl.layers import Affine

n = 10  # towers along each side
edges = jnp.arange(n + 1) / n
steps = jnp.repeat(edges, 2).reshape(-1, 2)  # each edge once along x, once along y
along = jnp.tile(jnp.eye(2), (n + 1, 1))
first = Affine(300 * along, -300 * steps.ravel())
i, j = (k.ravel() for k in jnp.mgrid[:n, :n])
rows, w = jnp.arange(n * n), jnp.zeros((n * n, 2 * n + 2))
for edge, sign in ((2 * i, 30), (2 * i + 2, -30), (2 * j + 1, 30), (2 * j + 3, -30)):
    w = w.at[rows, edge].add(sign)
second = Affine(w, jnp.full(n * n, -45.0))  # fires where both bumps do
x, y = (i + 0.5) / n, (j + 0.5) / n
wanted = 0.5 + 0.4 * jnp.sin(2 * jnp.pi * x) * jnp.sin(2 * jnp.pi * y)
third = Affine(wanted[None], jnp.zeros(1))
network = jnndl.mlp([2, 2 * n + 2, n * n, 1], output="linear")

points = (np.moveaxis(np.mgrid[:60, :60], 0, -1) + 0.5) / 60
params = (first, second, third)
z = jax.vmap(lambda p: network(params, p)[0])(points.reshape(-1, 2))
figure = Figure(figsize=(6.4, 5), layout="constrained")
axes = figure.add_subplot(projection="3d")
axes.plot_surface(*np.moveaxis(points, -1, 0), z.reshape(60, 60), cmap="viridis", rcount=60, ccount=60)
axes.set(xlabel="x", ylabel="y", zlabel="output", zlim=(0, 1))
