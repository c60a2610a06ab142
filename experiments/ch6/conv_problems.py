"""Is there an answer to each of chapter 6's problems? A small check for each, or where else the project has it."""

import dataclasses
import functools
import math
import pathlib
import tempfile
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import jnndl
from experiments import plots
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Dataset, Splits
from jnndl.gradients import Objective
from jnndl.layers import Affine
from jnndl.network import Network, Params
from jnndl.neurons import relu
from jnndl.training import Fit

SIDE, IMAGES = 12, 40  # of random images: no data are needed
RATES, PATIENCE, LEARNING = (0.5, 0.25, 0.125), 3, 1200
LAYERS, FACTOR = 5, 3.0  # the input's counts as one
WIDTH, DEEP = 1000, 10

BY_HAND, NUMERICAL, CAUGHT = (
    "convolution by hand: off from jax.grad",
    "convolution by hand: off from differences",
    "convolution wrong by hand: faults named",
)
STOPPED, COUNTED, SCHEDULED = (
    "early stopping: epochs until it stops",
    "accuracy of any set: off from counting",
    "rate by epoch: off from fits one after the other",
)
TURNED, REPEATED, SAVED, OVERFIT = (
    "on the fly: off from turning and moving in NumPy",
    "on the fly: images that are the same in two epochs",
    "saved and loaded: numbers that differ",
    "overfitting: accuracy in training less that on other images",
)
POWER, POWER_BIASES, SOFTMAX = (
    "power of c by which the output grows",
    "power of c by which the output grows, biases scaled too",
    "softmax: answers that change with c",
)
KEPT = {2: "mean square that a layer keeps, variance 2/n", 1: "mean square that a layer keeps, variance 1/n"}
OF_TRAINING = STOPPED, COUNTED, SCHEDULED, TURNED, REPEATED, SAVED, OVERFIT
METRICS = (BY_HAND, NUMERICAL, CAUGHT, *OF_TRAINING, POWER, POWER_BIASES, SOFTMAX, *KEPT.values())


class Wrong(jnndl.Conv):
    """A convolutional layer whose ``backward`` forgets that the weights are shared: it counts the first row only."""

    def backward(self, params: Affine, saved: tuple, grad: Any) -> tuple[Any, Affine]:
        """The gradients as if the other rows of the maps had no influence on the weights."""
        below, grads = super().backward(params, saved, grad)
        _, of_one_row = super().backward(params, saved, grad.at[:, 1:].set(0.0))
        return below, grads._replace(weight=of_one_row.weight)


@dataclasses.dataclass(frozen=True)
class Moved:
    """Turns, skews and moves each image at random while training, and leaves it alone in use.

    Attributes:
        degrees: the greatest angle.
        skew: the greatest shift of a row, in pixels for each row that it is away from the middle.
        pixels: the greatest distance, down and to the right.
    """

    degrees: float = 15.0
    skew: float = 0.2
    pixels: float = 2.0

    def init(self, key: Any) -> tuple[()]:
        """Nothing to learn."""
        return ()

    def sample(self, a: Any, by: Any) -> Any:
        """An image sampled where its pixels come from; ``by`` are angle, skew and two distances from -1 to 1."""
        angle, skew = jnp.deg2rad(self.degrees * by[0]), self.skew * by[1]
        middle = [(size - 1) / 2 for size in a.shape[:2]]
        row, column = (grid - centre for grid, centre in zip(jnp.indices(a.shape[:2]), middle, strict=True))
        column = column + skew * row
        rows = jnp.cos(angle) * row + jnp.sin(angle) * column + middle[0] + self.pixels * by[2]
        columns = -jnp.sin(angle) * row + jnp.cos(angle) * column + middle[1] + self.pixels * by[3]

        def one(channel: Any) -> Any:
            return jax.scipy.ndimage.map_coordinates(channel, [rows, columns], order=1)

        return jax.vmap(one, in_axes=2, out_axes=2)(a)

    def forward(self, params: tuple[()], a: Any, key: Any = None) -> tuple[Any, tuple[Any, Any]]:
        """The image as it was moved; saved are the image for its shape, and how."""
        by = jnp.zeros(4, a.dtype) if key is None else jax.random.uniform(key, (4,), a.dtype, -1.0, 1.0)
        return (a if key is None else self.sample(a, by)), (a, by)

    def backward(self, params: tuple[()], saved: tuple[Any, Any], grad: Any) -> tuple[Any, tuple[()]]:
        """Sampling is linear in the image: each pixel's gradient goes back where it was taken from."""

        def one(a: Any, by: Any, grad: Any) -> Any:
            return jax.linear_transpose(lambda a: self.sample(a, by), a)(grad)[0]

        return jax.vmap(one)(*saved, grad), ()


def random_images(seed: int, images: int = IMAGES) -> Dataset:
    """Images and labels at random: they can only be learned by heart."""
    rng = np.random.default_rng(seed)
    return Dataset(rng.uniform(size=(images, SIDE, SIDE)), rng.integers(10, size=images).astype(np.uint8))


def small(kind: Any = jnndl.Conv, first: tuple[Any, ...] = ()) -> Network:
    """Two convolutional layers with pooling and two dense ones, for small images."""
    layers = (
        *first,
        kind(1, 3, 3, "relu", pool=jnndl.MaxPool(2)),  # 12 -> 10 -> 5
        jnndl.Conv(3, 4, 2, "tanh", pool=jnndl.MaxPool(2)),  # 5 -> 4 -> 2
        jnndl.Flatten(),
        jnndl.Dense(16, 30),
        jnndl.Dense(30, 10, "linear"),
    )
    return Network(layers, "softmax", (SIDE, SIDE, 1))


def objective(network: Network) -> Objective:
    """What chapter 6 minimises."""
    return Objective(network, "log_likelihood", l2=0.1)


def convolution() -> dict[str, float]:
    """Whether the handwritten gradients are right, and whether one that is wrong is found."""
    batch, (network, wrong) = random_images(0)[:6], (small(first=(Moved(),)), small(Wrong))
    right = jnndl.check_gradients(objective(network), network.init(0), batch, key=1)
    caught = jnndl.check_gradients(objective(wrong), wrong.init(0), batch, key=1)
    named = [fault for fault in caught.faults if "Wrong: backward's gradient for weight" in fault]
    return {
        BY_HAND: max(row.by_hand for row in right.rows) if right.ok else np.nan,
        NUMERICAL: max(row.numerical for row in right.rows) if right.ok else np.nan,
        CAUGHT: len(named) if len(named) == len(caught.faults) else np.nan,
    }


def fit(network: Network, data: Dataset, evaluation: Dataset | None = None, **settings: Any) -> Fit:
    """``jnndl.fit`` by chapter 6's cost."""
    return jnndl.fit(network, data, evaluation, key=0, cost="log_likelihood", progress=False, **settings)


def by_epoch(count: Any) -> Any:
    """The learning rate over the first, as a function of the number of updates: of full-batch descent, of epochs."""
    return 0.5**count


def schedule() -> float:
    """How far three epochs with a rate for each are from three fits one after the other, relative to the weights."""
    network, data = small(), random_images(0)
    settings: dict[str, Any] = {"batch_size": IMAGES, "measure_training": 0}
    params: Params = network.init(0)
    whole = fit(network, data, epochs=len(RATES), learning_rate=RATES[0], schedule=by_epoch, params=params, **settings)
    for rate in RATES:
        params = fit(network, data, epochs=1, learning_rate=rate, params=params, **settings).params
    ours, theirs = (ravel_pytree(part)[0] for part in (whole.params, params))
    return float(jnp.linalg.norm(ours - theirs) / jnp.linalg.norm(theirs - ravel_pytree(network.init(0))[0]))


def training() -> dict[str, float]:
    """Early stopping, accuracy of any set, the diagnosis of overfitting, and files."""
    network, data, other = small(), random_images(0), random_images(1, 10 * IMAGES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that nothing is learned
        # At this rate no weight changes, and no epoch is better than the first.
        still = fit(network, data, other, epochs=20, learning_rate=1e-30, patience=PATIENCE)
    settings: dict[str, Any] = {"epochs": LEARNING, "learning_rate": 0.5, "batch_size": IMAGES // 4}
    learned = fit(network, data, other, **settings)
    answers = jnndl.predict(learned.network, learned.params, other).labels
    off = jnndl.evaluate(learned.network, learned.params, other, cost="log_likelihood").accuracy
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "network.safetensors"
        jnndl.save(path, learned.network, learned.params)
        loaded, params = jnndl.load(path)
    same = [
        np.asarray(a) == np.asarray(b) for a, b in zip(*map(jax.tree.leaves, (params, learned.params)), strict=True)
    ]
    history = learned.history
    return {
        STOPPED: len(still.history.evaluation_accuracy),
        COUNTED: abs(off - np.mean(answers == other.targets)),
        SAVED: sum(int((~one).sum()) for one in same) if loaded == learned.network else np.nan,
        OVERFIT: history.training_accuracy[-1] - history.evaluation_accuracy[-1],
    }


def moving() -> dict[str, float]:
    """Whether images are moved as they should be, and differently in each epoch."""
    images = jnp.asarray(random_images(0).inputs)[..., None]
    right_angle, one_down = Moved(90.0, 0.0, 0.0), Moved(0.0, 0.0, 1.0)
    turned, down = (
        jax.vmap(functools.partial(layer.sample, by=jnp.asarray(by)))(images)
        for layer, by in ((right_angle, (1.0, 0, 0, 0)), (one_down, (0, 0, 1.0, 0)))
    )
    wanted = np.rot90(images, axes=(1, 2)), np.pad(images[:, 1:], ((0, 0), (0, 1), (0, 0), (0, 0)))
    off = max(np.abs(ours - theirs).max() for ours, theirs in zip((turned, down), wanted, strict=True))
    used = max(float(np.abs(Moved().forward((), image)[0] - image).max()) for image in images[:3])
    epochs = [
        jax.vmap(lambda a, key: Moved().forward((), a, key)[0])(images, jax.random.split(jax.random.key(epoch), IMAGES))
        for epoch in range(2)
    ]
    return {
        TURNED: max(float(off), used),
        REPEATED: int((epochs[0] == epochs[1]).reshape(IMAGES, -1).all(axis=1).sum()),
    }


def scaled(params: Params, c: float, *, biases: bool) -> Params:
    """All weights times c; where there are biases, those of the l-th layer of weights times c^l."""
    return tuple(
        Affine(c * layer.weight, c**number * layer.bias if biases else 0 * layer.bias)
        for number, layer in enumerate(params, 1)
    )


def rescaling(seed: int) -> dict[str, float]:
    """By which power of c the output of five layers of ReLU grows when all weights grow by c."""
    network = jnndl.mlp([20] * LAYERS, hidden="relu", output="softmax")
    params, x = network.init(seed), jnp.asarray(np.random.default_rng(seed).uniform(size=(IMAGES, 20)))

    def outputs(c: float, biases: bool) -> np.ndarray:
        return np.asarray(jax.vmap(lambda x: network.forward(scaled(params, c, biases=biases), x)[0])(x))

    def power(biases: bool) -> float:
        before, after = (np.linalg.norm(outputs(c, biases)) for c in (1.0, FACTOR))
        return math.log(after / before) / math.log(FACTOR)

    changed = outputs(1.0, False).argmax(axis=1) != outputs(FACTOR, False).argmax(axis=1)
    return {POWER: power(False), POWER_BIASES: power(True), SOFTMAX: int(changed.sum())}


def squares(seed: int, variance: float) -> list[float]:
    """The mean square of each of ten layers of ReLU, from one of random inputs on; weights of variance over n."""
    rng = np.random.default_rng(seed)
    a, found = rng.normal(size=WIDTH), []
    for _ in range(DEEP):
        a = np.asarray(relu.forward(jnp.asarray(rng.normal(size=(WIDTH, WIDTH)) * math.sqrt(variance / WIDTH) @ a)))
        found.append(float(np.mean(a**2)))
    return found


def run(job: Job) -> Outcome:
    """Go through the problems, on random images."""
    with jax.enable_x64(True):
        measured: dict[str, Any] = convolution() | training() | moving() | {SCHEDULED: schedule()}
        powers = [rescaling(seed) for seed in range(job.seeds)]
        layers = {variance: [squares(seed, variance) for seed in range(job.seeds)] for variance in KEPT}
    measured |= {name: [found[name] for found in powers] for name in (POWER, POWER_BIASES, SOFTMAX)}
    for variance, name in KEPT.items():
        measured[name] = [(one[-1] / one[0]) ** (1 / (DEEP - 1)) for one in layers[variance]]
    image = jnp.asarray(np.asarray(job.training.inputs[0], np.float32)).reshape(*job.training.inputs.shape[1:], 1)
    moved = [Moved().forward((), image, jax.random.key(seed))[0][..., 0] for seed in range(7)]
    return Outcome(
        config={"images": f"random, {SIDE} x {SIDE}", "rates": RATES, "patience": PATIENCE, "c": FACTOR}
        | {"moved by": dataclasses.asdict(Moved()), "layers of ReLU": DEEP, "neurons in each": WIDTH},
        measured=measured,
        curves={
            "moved": curve(np.stack([image[..., 0], *moved])),
            "squares": {f"variance {variance}/n": curve(found) for variance, found in layers.items()},
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw an image as several epochs see it, and what ten layers of ReLU keep of their input."""
    plots.images(
        folder / "moved.png",
        result["curves"]["moved"],
        captions=("as it is", *(f"epoch {number}" for number in range(7))),
        title="A training image, turned, skewed and moved anew in each epoch",
    )
    plots.curves(
        folder / "squares.png",
        result["curves"]["squares"],
        x=range(1, DEEP + 1),
        title=f"Mean square of the activations, {WIDTH} rectified linear neurons in each layer",
        xlabel="layer",
        ylabel="mean square",
        yscale="log",
    )


def _row(did: str, metric: str, rule: Toy, ours: str, reported: str = "asked for") -> Row:
    return Row(
        id="ch6-problems",
        did=f"problem: {did}",
        reported=reported,
        place="chapter 6, problems",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
    )


CONVOLUTION = "the equations of backpropagation in a convolutional network"
MOVING = "expand the data on the fly: turn, skew and move images in the course of training"
RESCALING = "rectified linear neurons, all weights times c > 0"
BETTER = "better initial weights for rectified linear neurons"
EXPERIMENT = Experiment(
    name="ch6-problems",
    chapter="6",
    shows="a small check for each of the chapter's problems",
    minutes=0.5,
    metrics=METRICS,
    rows=(
        _row(
            CONVOLUTION,
            BY_HAND,
            Toy(0, 1e-12),
            "Conv.backward with pooling, in two layers, against jax.grad in float64, the worst array, relative; the "
            "equations stand in jnndl/convolution.py and jnndl/pooling.py",
        ),
        _row(
            CONVOLUTION, NUMERICAL, Toy(0, 1e-7), "the same against central differences, which know nothing of calculus"
        ),
        _row(
            CONVOLUTION,
            CAUGHT,
            Toy(1),
            "a backward that forgets that the weights are shared: how many faults check_gradients names, if they are "
            "its own",
            reported="not asked for",
        ),
        _row(
            "early stopping in network3",
            STOPPED,
            Toy(1 + PATIENCE),
            f"fit(patience={PATIENCE}) where no epoch is better than the first; what it gains is in ch3-early-stopping",
        ),
        _row(
            "a method that gives the accuracy on any set",
            COUNTED,
            Toy(0, 1e-12),
            "jnndl.evaluate, a convolutional network, against counting the answers",
        ),
        _row(
            "the rate eta as a function of the epoch",
            SCHEDULED,
            Toy(0, 1e-9),
            "fit(schedule=...), three epochs of full-batch descent in float64, against three fits with one rate each: "
            "the distance of the weights, relative to their way; what a schedule gains is in ch3-lr-schedule",
        ),
        _row(
            MOVING,
            TURNED,
            Toy(0, 1e-6),
            "a layer that is random in training: a right angle and one pixel against NumPy, and nothing in use; its "
            "gradient is in the first row, and what turned copies gain in ch3-expansion-cited",
        ),
        _row(MOVING, REPEATED, Toy(0), f"of {IMAGES} images, how many are the same in two epochs"),
        _row("save and load networks", SAVED, Toy(0), "jnndl.save and load, the network and every number"),
        _row(
            "diagnose overfitting",
            OVERFIT,
            Toy(0.9, 0.1),
            f"{IMAGES} images with random labels, accuracy in training less that on others, from fit's history: by "
            "heart it is 100 %, and nobody can guess more than 10",
        ),
        _row(
            RESCALING,
            POWER,
            Toy(LAYERS - 1, 1e-9),
            f"L = {LAYERS} layers, c = {FACTOR:g}, no biases",
            reported="the outputs grow by c^(L-1)",
        ),
        _row(
            RESCALING,
            POWER_BIASES,
            Toy(LAYERS - 1, 1e-9),
            "with biases it holds where those of the l-th layer of weights grow by c^l",
            reported="not said of biases",
        ),
        _row(
            f"{RESCALING}, and a softmax layer",
            SOFTMAX,
            Toy(0),
            f"answers to {IMAGES} inputs: probabilities get nearer to 0 and 1, the largest stays the largest",
            reported="asked how this changes it",
        ),
        _row(
            BETTER,
            KEPT[1],
            Toy(0.5, 0.05),
            f"{DEEP} layers of {WIDTH} neurons: half of the mean square is lost in each layer, by algebra",
            reported="are the weights of sigmoid neurons good?",
        ),
        _row(
            BETTER,
            KEPT[2],
            Toy(1, 0.1),
            "the same with variance 2/n (He et al. 2015): nothing is lost",
            reported="an open question",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "moved": "A layer that is random in training shows the network another image in each epoch, and needs no "
        "memory for copies.",
        "squares": "With the variance of sigmoid neurons' weights, ten layers of rectified linear neurons leave a "
        "thousandth of the input's mean square; with twice that variance nothing is lost.",
    },
)
