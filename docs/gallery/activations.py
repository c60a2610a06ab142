"""What a network makes of an image.

From the pixels through two hidden layers to the answer, layer by layer.
"""

import jnndl

digits = jnndl.load_digits()
fit = jnndl.fit(
    jnndl.mlp([64, 100, 30, 10]), digits.training, digits.validation, key=0,
    epochs=8, learning_rate=0.5, progress=False,
)  # fmt: skip
figure = jnndl.plots.activations(fit.network, fit.params, digits.test.inputs[8])
