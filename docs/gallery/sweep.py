"""Thirty settings at a glance.

Learning rates by regularization, three seeds each: ninety networks, trained at once. The best has the frame.
"""

import jnndl

digits = jnndl.load_digits()
found = jnndl.sweep(
    jnndl.mlp([64, 15, 10]), digits.training[:400], digits.validation,
    learning_rate=[0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
    l2=[0.0, 0.1, 0.5, 2.0, 10.0],
    seeds=3, epochs=15, progress=False,
)  # fmt: skip
figure = jnndl.plots.heat(found, rows="l2", columns="learning_rate")
