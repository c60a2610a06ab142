"""What a convolution looks for.

The sixteen filters of a convolutional layer after twenty epochs, each for a small pattern of its own. Some have faded:
the others do without them (chapter 6).
"""

import jnndl

digits = jnndl.load_digits()
layers = (
    jnndl.Conv(1, 16, 5, "relu", padding="same", pool=jnndl.MaxPool(2)),
    jnndl.Flatten(),
    jnndl.Dense(4 * 4 * 16, 10, "linear"),
)
fit = jnndl.fit(
    jnndl.Network(layers, "softmax", (8, 8, 1)), digits.training, digits.validation,
    key=0, epochs=20, learning_rate=0.03, l2=1.0,
    cost="log_likelihood", gradient="backprop", progress=False,
)  # fmt: skip
figure = jnndl.plots.weights(fit.network, fit.params, columns=8, title="Filters, 5 x 5 pixels each")
