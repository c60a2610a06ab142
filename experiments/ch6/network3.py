"""The book's convolutional networks as network3 and conv.py ran them: layers, first weights, protocol.

What they share is here: softmax output with log-likelihood, mini-batches of ten always in the stored order, a constant
rate. A run counts by its test accuracy after the epoch that is best on the validation data, the latest of equals.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Key

import jnndl
from experiments import distort, runner
from experiments.comparison import accuracy_curves
from experiments.statistics import NARROW, Number
from experiments.training import BOOK_TRAINING, QUICK_HIDDEN, Job, unstack
from jnndl.data import Dataset
from jnndl.network import Network, Params
from jnndl.training import Fit

KERNEL, POOL, BATCH, EPOCHS = 5, 2, 10, 60
SHORT_IMAGES, SHORT_EPOCHS = 10_000, 12  # of a run at the default scale
SMALL = 16  # on images of fewer rows two such layers have no place
CLOSE = NARROW  # a quarter of the errors: two arms are close, as the interval of a number is narrow
PLACE = "chapter 6, convolutional neural networks in practice; conv.py"
PROTOCOL = (
    "the same; the figure of each seed after its best validation epoch, against single runs (see network3.reported)"
)
PAIRED = "paired by seed, each after its best validation epoch"
TRIES = 3  # of which the book reports the one that is best on the validation data


def fan_out(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any = float) -> Float[Array, "..."]:
    """network3's first weights of a fully connected layer: of standard deviation 1/sqrt(n_out).

    The book calls that a slip for 1/sqrt(n_in), and kept the results. Args as of ``jnndl.initializers.default``.
    """
    return jax.random.normal(key, shape, dtype) / math.sqrt(shape[0])


def pooled_fan_out(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any = float) -> Float[Array, "..."]:
    """network3's first weights of a convolution with pooling: of standard deviation 1/sqrt(maps * 25 / 4).

    That is 0.0894 for the 20 maps of the first layer and 0.0632 for the 40 of the second.

    Args:
        key: the random key.
        shape: (maps, rows, columns, channels).
        dtype: a floating dtype.
    """
    return jax.random.normal(key, shape, dtype) / math.sqrt(math.prod(shape[:3]) / POOL**2)


# As in network3; all other biases are N(0, 1), as by default.
CONVOLUTION, DENSE = {"weight_init": pooled_fan_out}, {"weight_init": fan_out}
LAST = {"weight_init": "zeros", "bias_init": "zeros"}


def network(
    job: Job,
    *,
    maps: Sequence[int] = (20, 40),
    hidden: Sequence[int] = (100,),
    neuron: str = "sigmoid",
    dropout: float = 0.0,
    own_weights: bool = False,
) -> Network:
    """A network of conv.py for the images at hand: convolutions with pooling, fully connected layers, softmax.

    Fields of 5 x 5 inside of the image, then pools of 2 x 2: 28 pixels become 24, 12, 8 and 4. On images of fewer than
    16 rows, such as the bundled digits, there are zeros around the image instead, so that the same layers fit.

    Args:
        job: what was asked for; a quick run has at most 30 neurons in a fully connected layer.
        maps: of each convolution; none for a fully connected network.
        hidden: the neurons of each fully connected layer before the softmax.
        neuron: of all these layers.
        dropout: the fraction of the inputs that each fully connected layer and the softmax drop in training.
        own_weights: whether to start from this library's default weights (1/sqrt(n_in), in the softmax layer too)
            instead of network3's, whose softmax layer starts from zeros.

    Raises:
        ValueError: for data that are not images.
    """
    shape = job.training.inputs.shape[1:]
    if len(shape) not in (2, 3):
        raise ValueError(f"chapter 6 needs images, but an example of these data is {shape[0]} numbers")
    rows, columns, channels = (*shape, 1)[:3]
    padding = "same" if min(rows, columns) < SMALL else "valid"
    convolution, dense, last = ({} if own_weights else kind for kind in (CONVOLUTION, DENSE, LAST))
    layers: list[Any] = []
    n = job.pixels
    for n_out in maps:
        pool = jnndl.MaxPool(POOL)
        layers.append(jnndl.Conv(channels, n_out, KERNEL, neuron, padding=padding, pool=pool, **convolution))
        rows, columns = ((side if padding == "same" else side - KERNEL + 1) // POOL for side in (rows, columns))
        channels, n = n_out, rows * columns * n_out
    layers += [jnndl.Flatten()] if maps else []
    drop = [jnndl.Dropout(dropout)] if dropout else []
    for size in hidden:
        n_out = min(size, QUICK_HIDDEN) if job.quick else size
        layers += [*drop, jnndl.Dense(n, n_out, neuron, **dense)]
        n = n_out
    layers += [*drop, jnndl.Dense(n, job.splits.classes, "linear", **last)]
    return Network(tuple(layers), "softmax", (*shape, 1)[:3] if maps else (job.pixels,))


def images_of(job: Job) -> Dataset:
    """The training images: all at the book's scale, else the first ten thousand."""
    return job.training if job.book else job.training[:SHORT_IMAGES]


def expanded(data: Dataset) -> Dataset:
    """The images and four copies of each, moved by a pixel down, up, right and left: expand_mnist.py.

    They are shuffled once, always alike. 50,000 become 250,000.
    """
    images = np.asarray(data.inputs)
    all_images = np.concatenate([images, *(distort.shift(images, *by) for by in distort.SHIFTS)])
    labels = np.tile(np.asarray(data.targets), 1 + len(distort.SHIFTS))
    order = np.asarray(jax.random.permutation(jax.random.key(0), len(labels)))
    return Dataset(all_images[order], labels[order], data.scale, data.offset, data.classes)


def penalty(lmbda: float, n: int, book: int = BOOK_TRAINING) -> float:
    """The lambda of ``fit`` for network3's: 0.1 there is 1.0 here, or less for fewer images, as lambda/n is kept.

    network3 adds lmbda/2 sum w^2 divided by the number of mini-batches to the cost, we l2/2 sum w^2 divided by the
    number of images.

    Args:
        lmbda: network3's.
        n: the number of training images.
        book: how many the book had.
    """
    return lmbda * BATCH * n / book


class Tried(NamedTuple):
    """One network per seed under the book's protocol.

    Attributes:
        fit: of ``jnndl.fit_many``; its best epochs are the latest of the best on the validation data.
        answers: to the test images after these epochs, shape (seeds, n).
        test: the accuracy of these answers, shape (seeds,).
        validation: the accuracy after the same epochs, shape (seeds,).
        epoch: these epochs, from 0, shape (seeds,).
        seconds: the median time of an epoch, all networks together; NaN where it was not taken.
    """

    fit: Fit
    answers: np.ndarray
    test: np.ndarray
    validation: np.ndarray
    epoch: np.ndarray
    seconds: float = math.nan

    @property
    def chosen(self) -> int:
        """Of the first three seeds, the one that is best on the validation data: the run that the book reports."""
        return int(np.argmax(self.validation[:TRIES]))

    @property
    def params(self) -> Params:
        """The parameters of the first seed after its best epoch."""
        return unstack(self.fit.best_params)[0]


def train(
    job: Job,
    network: Network,
    *,
    title: str = "",
    training: Dataset | None = None,
    lmbda: float = 0.0,
    book_images: int = BOOK_TRAINING,
    learning_rate: float = 0.1,
    epochs: int = EPOCHS,
    short_epochs: int = SHORT_EPOCHS,
    **changes: Any,
) -> Tried:
    """Train one network per seed as conv.py does.

    Args:
        job: what was asked for.
        network: see ``network``.
        title: to print before each line.
        training: what to train on; None for ``images_of(job)``.
        lmbda: network3's, see ``penalty``.
        book_images: how many training images the book's lambda belongs to.
        learning_rate: constant.
        epochs, short_epochs: at the book's scale, and at the default one.
        changes: settings of ``jnndl.fit_many`` that differ from network3's.
    """
    training = images_of(job) if training is None else training
    settings: dict[str, Any] = {"learning_rate": learning_rate, "batch_size": BATCH, "cost": "log_likelihood"}
    settings |= {"shuffle": False, "ties": "last", "gradient": "backprop", "measure_training": 0}
    settings |= {"l2": penalty(lmbda, len(training), book_images) if lmbda else None}
    own = epochs if job.book else short_epochs
    evaluation = job.splits.validation
    fit = job.fit(network, evaluation, training=training, epochs=own, title=title, **settings | changes).fit
    test = job.splits.test
    answers = np.stack([jnndl.predict(fit.network, params, test).labels for params in unstack(fit.best_params)])
    right = np.mean(answers == np.asarray(test.targets), axis=1)
    best = fit.state.best
    return Tried(fit, answers, right, np.asarray(best.score, float), np.asarray(best.epoch))


def wrong_answers(tried: Tried, test: Dataset) -> dict[str, dict[str, int]]:
    """The wrong answers of each seed: seed -> number of the test image -> answer, as JSON.

    All others are right, so votes and errors can be counted again without any training.
    """
    labels = np.asarray(test.targets)
    return {
        str(seed): {str(i): int(answers[i]) for i in np.flatnonzero(answers != labels)}
        for seed, answers in enumerate(tried.answers)
    }


def kept(job: Job, arms: Mapping[str, Tried], recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What ``Outcome.kept`` holds: each arm's wrong answers and curves, on which data, and by which settings."""
    wrong = {arm: wrong_answers(tried, job.splits.test) for arm, tried in arms.items()}
    curves = accuracy_curves({arm: tried.fit for arm, tried in arms.items()})
    return {"data": job.splits.sha256, "recipe": dict(recipe), "wrong": wrong, "validation_accuracy": curves}


def figures(arm: str, tried: Tried) -> dict[str, Any]:
    """What is measured of an arm, by the names that ``names`` declares."""
    values = tried.test, tried.validation, tried.epoch, tried.test[tried.chosen]
    return dict(zip(names(arm), values, strict=True))


def names(arm: str) -> tuple[str, ...]:
    """The metrics of an arm: test and validation accuracy after its best epoch, the epoch, and the book's figure."""
    return tuple(f"{arm}: {what}" for what in ("test", "validation", "best epoch", "best of three"))


def unjudged(arm: str) -> dict[str, str]:
    """Why the metrics of an arm have no row, but for its test accuracy, which has one."""
    reasons = "it chooses the epoch", "the book does not say which it was", "one value: the seeds are judged"
    return dict(zip(names(arm)[1:], reasons, strict=True))


def reported(value: float, rival: float | None = None) -> Number:
    """The rule for a test accuracy of the book's table.

    It is the figure of one run of three, chosen by its validation accuracy. That hardly says which of three runs of one
    setting is the best on the test data: so the figure is held against single runs. The interval of the best of three
    lies higher, and would refute a fifth of such figures (see tests/test_chapter6.py).

    Args:
        value: the book's.
        rival: the figure of the step before, from which it is to be told apart. Without one, an interval that is wider
            than a quarter of the errors confirms nothing.
    """
    return Number(value, rival=rival)


class Before(NamedTuple):
    """An earlier step, to compare with.

    Attributes:
        test: the test accuracy of each seed after its best epoch, shape (seeds,).
        curve: the validation accuracy after each epoch, shape (seeds, epochs).
        source: where both are from, in words.
    """

    test: np.ndarray
    curve: np.ndarray
    source: str


def before(job: Job, question: str, arm: str, again: Callable[[], Tried]) -> Before:
    """An arm of an earlier question: what a command has left, or else trained again.

    Ask for it after everything else was trained: so a run that is resumed finds its checkpoints in the same order.

    Args:
        job: what was asked for.
        question, arm: which; see ``runner.earlier``.
        again: trains it, where no command has left it.
    """
    result = runner.earlier(job, question)
    if result is None:
        tried = again()
        return Before(tried.test, np.asarray(tried.fit.history.evaluation_accuracy), "trained for this question")
    test = runner.earlier_values(job, question, names(arm)[0])
    assert test is not None
    curves = result["curves"] if "curves" in result else result["kept"]  # of a run that is under version control
    validation = np.asarray(curves["validation_accuracy"][arm], float)
    source = f"{question} of commit {result['commit']}, {result['started']}"
    return Before(test, validation[: job.seeds], source)


def settings_of(job: Job, **own: Any) -> dict[str, Any]:
    """The settings that all these questions share, for the record, and a question's own."""
    shared = {"output": "softmax", "cost": "log_likelihood", "batch_size": BATCH, "initial weights": "network3's"}
    shared |= {
        "order": "as stored, in every epoch",
        "evaluated on": "validation, after each epoch; test after the best",
    }
    epochs = job.epochs_of(EPOCHS if job.book else SHORT_EPOCHS)
    return shared | {"images": len(images_of(job)), "epochs": epochs} | own
