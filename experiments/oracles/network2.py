"""``python -m experiments.oracles.network2``: chapter 3's network2 in plain NumPy, for comparison with the library.

Float64, one mini-batch as one matrix, no JAX in the arithmetic (MNIST alone comes from ``jnndl.load_mnist``). Sigmoid
neurons throughout; cross-entropy or quadratic cost; L2 penalty on the weights; the answer is the output neuron with the
largest activation, and the first of them where several are equal. For one thread: ``OMP_NUM_THREADS=1``.
"""

import argparse
import json
import pathlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

import jnndl

RECORD = pathlib.Path(__file__).with_suffix(".json")  # what a run of ten seeds with the default settings printed


class Parameters(NamedTuple):
    """A network: for each layer, first to last, weights of shape (n_out, n_in) and biases of shape (n_out,)."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]


def initialize(sizes: Sequence[int], weights: str, rng: np.random.Generator) -> Parameters:
    """Gaussian weights and biases of mean 0.

    Args:
        sizes: the number of neurons in each layer, the inputs first.
        weights: "large" for standard deviation 1, "default" for 1/sqrt(n_in). That of the biases is always 1.
        rng: draws them.

    Reference: chapter 3, "Weight initialization".
    """
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    scales = [1.0 if weights == "large" else 1 / np.sqrt(n_in) for _, n_in in shapes]
    return Parameters(
        [scale * rng.standard_normal(shape) for scale, shape in zip(scales, shapes, strict=True)],
        [rng.standard_normal(n_out) for n_out, _ in shapes],
    )


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1/(1 + exp(-z)) as the book computes it: exactly 1 above z = 37, since 1 + exp(-z) is rounded to 1."""
    with np.errstate(over="ignore"):  # exp(-z) = inf below z = -709; the quotient is 0, as it should be
        return 1 / (1 + np.exp(-z))


def feedforward(params: Parameters, x: np.ndarray) -> list[np.ndarray]:
    """The activations of every layer, the inputs x of shape (m, n_in) first.

    Reference: chapter 2, equation 25.
    """
    activations = [x]
    for w, b in zip(*params, strict=True):
        activations.append(sigmoid(activations[-1] @ w.T + b))
    return activations


def gradient(params: Parameters, x: np.ndarray, y: np.ndarray, cost: str) -> Parameters:
    """The gradient of the cost, summed over a mini-batch.

    Args:
        params: the network.
        x: inputs of shape (m, n_in).
        y: wanted outputs of shape (m, n_out).
        cost: "cross_entropy" or "quadratic".

    Returns:
        Arrays of the shapes of the parameters.

    Reference: chapter 2, BP1 to BP4; chapter 3, equation 66 for the output error with the cross-entropy.
    """
    activations = feedforward(params, x)
    output = activations[-1]
    delta = output - y
    if cost == "quadratic":
        delta = delta * output * (1 - output)  # sigma'(z) = a (1 - a)
    weights, biases = [], []
    for layer in reversed(range(len(params.weights))):
        a = activations[layer]
        weights.append(delta.T @ a)
        biases.append(delta.sum(axis=0))
        if layer:
            delta = (delta @ params.weights[layer]) * a * (1 - a)
    return Parameters(weights[::-1], biases[::-1])


def update(params: Parameters, summed: Parameters, m: int, *, rate: float, lmbda: float, n: int) -> None:
    """One step of gradient descent, in place: fresh arrays of 600 kB at each step would take most of the time.

    Args:
        params: the network.
        summed: the gradient, summed over the mini-batch.
        m: the size of the mini-batch.
        rate: the learning rate eta.
        lmbda: the strength of the L2 penalty.
        n: the number of training examples.

    Reference: chapter 3, equations 93 and 94.
    """
    for w, nabla in zip(params.weights, summed.weights, strict=True):
        w *= 1 - rate * lmbda / n
        w -= rate / m * nabla
    for b, nabla in zip(params.biases, summed.biases, strict=True):
        b -= rate / m * nabla


def right(params: Parameters, images: np.ndarray, labels: np.ndarray) -> int:
    """How many images are answered rightly; the answer is the first of the largest outputs."""
    return int(np.sum(feedforward(params, images)[-1].argmax(axis=1) == labels))


def train(
    params: Parameters,
    data: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    *,
    epochs: int,
    rate: float,
    lmbda: float,
    cost: str = "cross_entropy",
    batch_size: int = 10,
) -> Iterator[Parameters]:
    """Train by stochastic gradient descent, in place; yields the network after each epoch.

    Args:
        params: the network.
        data: images of shape (n, n_in), bytes that count 1/256 each or floats that count as they are, and labels.
        rng: shuffles.
        epochs: how many times to go through the data.
        rate, lmbda, cost: as in ``update`` and ``gradient``.
        batch_size: the size of the mini-batches; the last may be smaller.
    """
    images, labels = data
    targets = np.eye(len(params.biases[-1]))
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            summed = gradient(params, pixels(images[batch]), targets[labels[batch]], cost)
            update(params, summed, len(batch), rate=rate, lmbda=lmbda, n=len(images))
        yield params


def pixels(images: np.ndarray) -> np.ndarray:
    """Images as the network sees them: bytes divided by 256, as in the book's own files; shape (m, n_in)."""
    flat = images.reshape(len(images), -1)
    return flat / 256 if flat.dtype == np.uint8 else flat


def record() -> dict[str, Any]:
    """What this program found: its settings, the command, and the best and the final accuracy with each seed."""
    found: dict[str, Any] = json.loads(RECORD.read_text())
    return found


def main(arguments: list[str]) -> int:
    """Train one network per seed and print its best and final validation accuracy; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m experiments.oracles.network2", description=__doc__)
    parser.add_argument("--hidden", type=int, nargs="*", default=[100], help="neurons in each hidden layer")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rate", type=float, default=0.5, help="the learning rate")
    parser.add_argument("--lmbda", type=float, default=5.0, help="strength of the L2 penalty")
    parser.add_argument("--cost", choices=["cross_entropy", "quadratic"], default="cross_entropy")
    parser.add_argument("--weights", choices=["large", "default"], default="large", help="initial weights")
    parser.add_argument("--seeds", type=int, default=3, help="how many networks")
    parser.add_argument("--data", help="folder with the four files of MNIST; by default JNNDL_DATA, or a download")
    options = parser.parse_args(arguments)
    if options.epochs < 1 or options.seeds < 1:
        parser.error(f"--epochs {options.epochs} --seeds {options.seeds}: give at least 1 of each")
    try:
        splits = jnndl.load_mnist(options.data)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    training = np.asarray(splits.training.inputs), np.asarray(splits.training.targets)
    images, labels = pixels(np.asarray(splits.validation.inputs)), np.asarray(splits.validation.targets)
    best, final = [], []
    for seed in range(options.seeds):
        rng, started = np.random.default_rng(seed), time.perf_counter()
        params = initialize([images.shape[1], *options.hidden, 10], options.weights, rng)
        settings = {"epochs": options.epochs, "rate": options.rate, "lmbda": options.lmbda, "cost": options.cost}
        counts = [right(after, images, labels) for after in train(params, training, rng, **settings)]
        best.append(100 * max(counts) / len(labels))
        final.append(100 * counts[-1] / len(labels))
        print(
            f"seed {seed}: best {best[-1]:.2f} % (epoch {np.argmax(counts)}), final {final[-1]:.2f} %, "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )
    if len(best) > 1:
        for name, values in (("best", best), ("final", final)):
            print(f"{name}: {np.mean(values):.2f} +- {np.std(values, ddof=1):.2f} % ({len(values)} seeds)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
