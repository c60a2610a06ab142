"""Makes draw.html, the page to draw on that is kept here: ``python docs/make_draw.py``, a minute on two cores.

The network is one of chapter 3's, the settings are the book's, and the seed is 0. Nothing was chosen by test accuracy.
"""

import pathlib

import jax

import jnndl

PAGE = pathlib.Path(__file__).with_name("draw.html")


def main() -> None:
    """Train, measure, write the page."""
    mnist = jnndl.load_mnist()
    fit = jnndl.fit(
        jnndl.mlp([784, 100, 10]),
        mnist.training,
        mnist.validation,
        key=jax.random.key(0),
        epochs=30,
        learning_rate=0.5,
        l2=5.0,
        batch_size=10,
        measure_training=30,
    )
    accuracy = jnndl.evaluate(fit.network, fit.params, mnist.test).accuracy
    about = (
        'The network: 784-100-10, as in chapter 3 of Nielsen\'s "Neural Networks and Deep Learning": sigmoid neurons, '
        "cross-entropy cost, learning rate 0.5, lambda 5.0, mini-batches of 10, 30 epochs on 50,000 images of MNIST, "
        f"seed 0, by jnndl. It reads {100 * accuracy:.2f} % of MNIST's 10,000 test images right. Made by "
        "docs/make_draw.py."
    )
    jnndl.save_page(PAGE, fit.network, fit.params, about=about)
    print(f"{100 * accuracy:.2f} % of the test images; {PAGE}")


if __name__ == "__main__":
    main()
