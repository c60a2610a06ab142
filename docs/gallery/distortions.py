"""One digit, forty-eight times.

A layer that distorts every image anew in every epoch: shifted, turned, scaled, sheared and bent. The first is the digit
as it was.
"""

import jax
import numpy as np
from matplotlib.figure import Figure

import jnndl

digits = jnndl.load_digits()
image = np.pad(digits.test.inputs[8].reshape(8, 8), 1)
image = jax.image.resize(image, (30, 30), "bicubic")  # larger, to see more of it
distort = jnndl.Distort(shift=2, rotation=15, scale=0.15, shear=0.15, alpha=50, sigma=5)
keys = jax.random.split(jax.random.key(0), 47)
others = jax.jit(jax.vmap(lambda key: distort.forward((), image, key)[0]))(keys)

figure = Figure(figsize=(8, 2.8), layout="constrained")
for axes, picture in zip(figure.subplots(4, 12).ravel(), [image, *others], strict=True):
    axes.imshow(picture, cmap="Greys", vmin=0)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("#D55E00" if picture is image else "#cccccc")
