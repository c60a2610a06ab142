"""The mistakes of a network.

What it gets wrong, those first where it is most sure of itself. Some of them you would not read either.
"""

import jnndl

digits = jnndl.load_digits()
fit = jnndl.fit(
    jnndl.mlp([64, 10, 10]), digits.training, digits.validation, key=2,
    epochs=6, learning_rate=0.3, progress=False,
)  # fmt: skip
figure = jnndl.plots.mistakes(fit.network, fit.params, digits.test, count=18)
