"""Which digit is taken for which.

A row for each digit, a column for each answer of the network; the darker a cell, the more mistakes.
"""

import jnndl

digits = jnndl.load_digits()
fit = jnndl.fit(
    jnndl.mlp([64, 10, 10]), digits.training, digits.validation, key=0,
    epochs=8, learning_rate=0.3, progress=False,
)  # fmt: skip
found = jnndl.evaluate(fit.network, fit.params, digits.test)
figure = jnndl.plots.confusion(found)
