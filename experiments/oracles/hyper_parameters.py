"""``python -m experiments.oracles.hyper_parameters``: why chapter 3's search prints "10 / 100" epoch after epoch.

The book's two failing arms, as network2 computes them (float64): 784-10, the first 1,000 training images, accuracy on
the first 100 validation images. With so large a rate the weighted inputs become so large that in each image several
outputs round to exactly 1. The answer is the first of them. In about nine networks of ten digit 0 is always among them,
so the answer is 0 for every image, and ten of the hundred images are zeros. In the others the first steps have pushed
digit 0 down for good, so that the answer is often the next digit, and it may be 11 of 100, or 6.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import jnndl
from experiments.oracles import network2

ARMS = {"small": (10.0, 1000.0), "eta up": (100.0, 20.0)}  # rate, lambda
TRAINING, WATCHED, EPOCHS = 1000, 100, 4


class Epoch(NamedTuple):
    """What is seen on the watched images after an epoch.

    Attributes:
        right: how many are answered rightly.
        zeros: how many are answered with 0.
        one, all_ones, several: in how many the output of digit 0, all outputs, at least two outputs, are exactly 1.
        largest: the largest |z| of an output neuron; not finite once the weights have overflowed.
    """

    right: int
    zeros: int
    one: int
    all_ones: int
    several: int
    largest: float


def look(params: network2.Parameters, images: np.ndarray, labels: np.ndarray) -> Epoch:
    """What a network without hidden layers answers, and how many of its outputs are exactly 1."""
    output = network2.feedforward(params, images)[-1]
    ones, answers = output == 1, output.argmax(axis=1)
    return Epoch(
        right=int(np.sum(answers == labels)),
        zeros=int(np.sum(answers == 0)),
        one=int(ones[:, 0].sum()),
        all_ones=int(ones.all(axis=1).sum()),
        several=int((ones.sum(axis=1) > 1).sum()),
        largest=float(np.abs(images @ params.weights[-1].T + params.biases[-1]).max()),
    )


def story(arm: str, splits: jnndl.data.Splits, seed: int) -> Iterator[Epoch]:
    """Train one network of an arm; yields what is seen after each epoch.

    Args:
        arm: a name in ``ARMS``.
        splits: images and labels of ten classes; the first ``TRAINING`` and ``WATCHED`` are used.
        seed: of the initial weights and of the shuffles.
    """
    rate, lmbda = ARMS[arm]
    training, watched = splits.training[:TRAINING], splits.validation[:WATCHED]
    images, seen = (_inputs(part) for part in (training, watched))
    rng = np.random.default_rng(seed)
    params = network2.initialize([images.shape[1], 10], "default", rng)
    data = images, np.asarray(training.targets)
    with np.errstate(over="ignore", invalid="ignore"):  # each step of "small" multiplies the weights by -9
        for after in network2.train(params, data, rng, epochs=EPOCHS, rate=rate, lmbda=lmbda):
            yield look(after, seen, np.asarray(watched.targets))


def _inputs(part: jnndl.Dataset) -> np.ndarray:
    """Inputs in float64, shape (n, pixels)."""
    return np.asarray(part.inputs, float).reshape(len(part), -1) * float(part.scale)


def main(arguments: list[str]) -> int:
    """Print what each arm answers after each epoch, over seeds; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m experiments.oracles.hyper_parameters", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many networks")
    parser.add_argument("--data", help="folder with the four files of MNIST; by default JNNDL_DATA, or a download")
    options = parser.parse_args(arguments)
    try:
        splits = jnndl.load_mnist(options.data)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for arm, (rate, lmbda) in ARMS.items():
        print(f"{arm}: rate {rate:g}, lambda {lmbda:g}; fewest to most over {options.seeds} seeds, of {WATCHED} images")
        runs = [list(story(arm, splits, seed)) for seed in range(options.seeds)]
        for epoch, seen in enumerate(zip(*runs, strict=True)):
            low, high = (Epoch(*map(extreme, zip(*seen, strict=True))) for extreme in (min, max))
            print(
                f"  epoch {epoch}: right {low.right} to {high.right}; answered 0: {low.zeros} to {high.zeros}; exactly "
                f"1: digit 0's output {low.one} to {high.one}, two or more {low.several} to {high.several}, all ten "
                f"{low.all_ones} to {high.all_ones}; largest |z| {low.largest:.1e} to {high.largest:.1e}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
