"""What keeps a gradient through ten hidden layers? Three initial weights, with sigmoid and rectified linear neurons."""

import math
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jnndl
from experiments import plots
from experiments.ch5.speed import DECADES, IMAGES, TWICE, WIDTH, norms_at_start
from experiments.comparison import Comparison, accuracy_curves, curve, final, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Equivalent, Measured, Toy
from experiments.training import Job, initial_params
from experiments.units import POINTS
from jnndl import equations
from jnndl.data import Dataset, Splits
from jnndl.gradients import Objective
from jnndl.network import Network
from jnndl.neurons import sigmoid

HIDDEN, EPOCHS, LAMBDA = 10, 5, 5.0
RATES = {"sigmoid": 0.1, "relu": 0.03}  # the book's own, of this chapter and of chapter 6
AXES = {"in_axis": -1, "out_axis": -2}
WEIGHTS: dict[str, dict[str, Any]] = {
    "default": {},  # N(0, 1/n_in), and biases from N(0, 1)
    "Glorot": {"weight_init": jax.nn.initializers.glorot_normal(**AXES), "bias_init": "zeros"},
    "He": {"weight_init": jax.nn.initializers.he_normal(**AXES), "bias_init": "zeros"},
}
SMALL, SCALE = [12, *[12] * HIDDEN, 10], 1.3  # of the networks that algebra is tried on


def arm(neuron: str, weights: str) -> str:
    """The name of an arm."""
    return f"{neuron}, {weights}"


ARMS = {arm(neuron, weights): (neuron, weights) for neuron in RATES for weights in WEIGHTS}
BASE, BEST = arm("sigmoid", "default"), arm("relu", "He")


FINAL = "after 5 epochs"
COMPARED = Comparison(
    tuple(ARMS),
    {FINAL: final},
    {
        minus(a, b, FINAL): (f"{a}: {FINAL}", f"{b}: {FINAL}")
        for a, b in ((BEST, BASE), (arm("sigmoid", "He"), BASE), (BEST, arm("relu", "default")))
    },
)


def slope_of(name: str) -> str:
    """The name of how fast delta grows from layer to layer in an arm."""
    return f"{name}: growth of delta's norm per layer"


BY_IMAGE = f"{BEST}: growth per layer of the root mean square of single images' norms"
HALVES = f"{BASE}: growth per layer, first five layers minus last five"
MATRICES, POWER = "product of matrices against backpropagation: relative distance", "power of c by which outputs grow"


def network_of(job: Job, name: str) -> Network:
    """The network of an arm."""
    neuron, weights = ARMS[name]
    return job.mlp(*[WIDTH] * HIDDEN, hidden=neuron, **WEIGHTS[weights])


def growth(log: np.ndarray) -> np.ndarray:
    """By how many decades delta's norm grows per layer, from the first to the last of these layers.

    Args:
        log: log10 of the norms, shape (seeds, layers).
    """
    found: np.ndarray = (log[:, -1] - log[:, 0]) / (log.shape[1] - 1)
    return found


@jax.jit
def norms_by_image(objective: Objective, params: Any, images: Dataset) -> jax.Array:
    """The root mean square, over images, of the norm of each one's own delta, shape (hidden layers,)."""

    def squares(number: jax.Array) -> jax.Array:
        grads = jnndl.backprop(objective)(params, images[number[None]], 1, None)
        return jnp.stack([jnp.sum(layer.bias**2) for layer in grads[:-1]])

    each = jax.lax.map(squares, jnp.arange(len(images)))
    return jnp.sqrt(each.mean(axis=0))


def matrices_off(seed: int) -> float:
    """How far chapter 5's product of matrices is from backpropagation, in the worst of ten hidden layers."""
    network, keys = jnndl.mlp(SMALL), jax.random.split(jax.random.key(seed), 3)
    params = network.init(keys[0])
    x, y = jax.random.uniform(keys[1], (1, SMALL[0])), jax.random.uniform(keys[2], (1, SMALL[-1]))
    output, saved = network.forward(params, x[0])
    zs = [z for _, z in saved]
    grads = jnndl.backprop(Objective(network, "quadratic"))(params, Dataset(x, y), 1, None)
    worst = 0.0
    for layer in range(HIDDEN):
        weights = [later.weight for later in params[layer + 1 :]]
        neurons = [sigmoid] * len(zs[layer:])
        found = equations.delta_by_matrices(zs[layer:], weights, sigmoid.forward(output) - y[0], neurons)
        hand = grads[layer].bias
        worst = max(worst, float(jnp.linalg.norm(found - hand) / jnp.linalg.norm(hand)))
    return worst


def power_of_scale(seed: int) -> float:
    """By which power of c the outputs grow when all weights are multiplied by c: rectified linear, no biases."""
    network = jnndl.mlp(SMALL, hidden="relu", output="relu", bias_init="zeros")
    key, x_key = jax.random.split(jax.random.key(seed))
    params, x = network.init(key), jax.random.uniform(x_key, (SMALL[0],))
    scaled = tuple(layer._replace(weight=SCALE * layer.weight) for layer in params)
    before, after = (float(jnp.linalg.norm(network(p, x))) for p in (params, scaled))
    return math.log(after / before) / math.log(SCALE) if before else math.nan


def run(job: Job) -> Outcome:
    """Ten hidden layers of 30: the norms of delta before training; accuracy after five epochs; algebra in float64."""
    log = {
        name: np.log10(norms_at_start(job, network_of(job, name), job.training[:IMAGES]).astype(float)) for name in ARMS
    }
    measured: dict[str, Any] = {slope_of(name): growth(found) for name, found in log.items()}
    half = HIDDEN // 2
    measured[HALVES] = growth(log[BASE][:, :half]) - growth(log[BASE][:, half:])
    best = network_of(job, BEST)
    starts = [initial_params(best, seed) for seed in range(job.seeds)]
    by_image = [norms_by_image(Objective(best), params, job.training[:IMAGES]) for params in starts]
    measured[BY_IMAGE] = growth(np.log10(by_image))
    with jax.enable_x64(True):
        measured[MATRICES] = [matrices_off(seed) for seed in range(job.seeds)]
        measured[POWER] = [power_of_scale(seed) for seed in range(job.seeds)]
    arms = {
        name: {"network": network_of(job, name), "learning_rate": RATES[neuron]} for name, (neuron, _) in ARMS.items()
    }
    settings = {"epochs": EPOCHS, "batch_size": 10, "l2": job.l2(LAMBDA), "measure_training": 0}
    fits = train_arms(job, arms, job.splits.validation, **settings)
    measured |= COMPARED.measure(fits)
    return Outcome(
        config={"hidden": [WIDTH] * HIDDEN, "weights": list(WEIGHTS), "rates": RATES, "cost": "cross_entropy"}
        | settings
        | {"epochs": job.epochs_of(EPOCHS), "evaluated on": "validation, after each epoch"},
        measured=measured,
        curves={
            "validation_accuracy": accuracy_curves(fits),
            "log10 of the norms": {name: curve(found) for name, found in log.items()},
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the norms of delta before training, layer by layer; and accuracy against epochs."""
    found = result["curves"]
    for neuron in RATES:
        own = {weights: arm(neuron, weights) for weights in WEIGHTS}
        plots.curves(
            folder / f"norms_{neuron}.png",
            {f"{weights} weights": found["log10 of the norms"][name] for weights, name in own.items()},
            x=range(1, HIDDEN + 1),
            title=f"{HIDDEN} hidden layers of {neuron} neurons before training: {plots.about(result)}",
            xlabel="hidden layer",
            ylabel="log10 of the norm of delta",
        )
    plots.arms(
        folder / "accuracy.png",
        {f"{name} weights": plots.percent(plots.per_seed(result, f"{name}: {FINAL}")) for name in ARMS},
        title=f"{HIDDEN} hidden layers of {WIDTH}, {FINAL}: {plots.about(result)}",
        xlabel="validation accuracy (%)",
    )


PLACE, OTHERS = "chapter 5, unstable gradients in more complex networks", "chapter 5, other obstacles to deep learning"
PROBLEM = "chapter 6, problem"
TEN = "784, ten hidden layers of 30, 10"
TRAINED = f"{TEN}; lambda 5.0, 5 epochs, validation; rate 0.1 for sigmoid neurons, 0.03 for rectified linear ones"
EXPERIMENT = Experiment(
    name="ch5-ten-layers",
    chapter="5",
    shows="ten hidden layers: which initial weights and neurons keep the norm of delta, and what can be trained",
    minutes=2.5,
    metrics=(MATRICES, POWER, *map(slope_of, ARMS), HALVES, BY_IMAGE, *COMPARED.names),
    rows=(
        Row(
            id="ch5-matrix",
            did="delta of a layer as a product of matrices",
            reported="Sigma'(z^l) (w^(l+1))^T ... Sigma'(z^L) grad_a C",
            place=f"{PLACE}, equation 124",
            metric=MATRICES,
            rule=Toy(0, tolerance=1e-12),
            ours="ten hidden layers, float64: against backpropagation, relative, the worst layer",
            anywhere=True,
        ),
        Row(
            id="ch5-matrix",
            did="argues that each further factor tends to make the gradient smaller",
            reported="argued",
            place=PLACE,
            metric=slope_of(BASE),
            rule=Claim("above", TWICE, unit=DECADES),
            ours=f"{TEN}, default weights, before training, first 1,000 images: delta's norm grows at least twofold "
            "per layer towards the output",
        ),
        Row(
            id="ch5-matrix",
            did="in sigmoid networks gradients vanish exponentially quickly in earlier layers",
            reported="typically found",
            place=PLACE,
            metric=HALVES,
            rule=Equivalent(0.2, unit=DECADES),
            ours="the same: exponentially is by the same factor per layer, in the first five layers as in the last "
            "five, within 0.2 decades, a factor of 1.6",
        ),
        Row(
            id="ch5-matrix",
            did="exercise: would a neuron with a larger derivative help?",
            reported="no answer",
            place="chapter 5, exercise",
            metric=slope_of(arm("relu", "default")),
            rule=Measured(unit=DECADES),
            ours="the same with rectified linear neurons, whose derivative is 1 or 0; default weights",
        ),
        Row(
            id="ch5-matrix",
            did="problem: all weights of a network of rectified linear neurons, outputs too, multiplied by c",
            reported="the outputs grow by c^(L-1), L the number of layers",
            place=PROBLEM,
            metric=POWER,
            rule=Toy(len(SMALL) - 1, tolerance=1e-9),
            ours="twelve layers with inputs and outputs, no biases, c = 1.3, float64: the power of c",
            anywhere=True,
        ),
        Row(
            id="ch5-matrix",
            did="problem: asks for initial weights that suit rectified linear neurons",
            reported="no answer",
            place=PROBLEM,
            metric=slope_of(BEST),
            rule=Equivalent(0.05, unit=DECADES),
            ours="by algebra N(0, 2/n_in), He's, keeps the norm on average, c = sqrt(2) times the default; kept is "
            "within 0.05 decades per layer, a factor of 2.8 over nine layers",
            why="The algebra is about the gradient of one image, which is kept: the root mean square of single images' "
            f"norms grows by {{{BY_IMAGE}|decades}} per layer. delta here is the mean over 1,000 images, and theirs "
            "cancel more in the early layers.",
        ),
        Row(
            id="ch5-matrix",
            did="cites others: the choice of neuron and of initial weights plays a role",
            reported="a substantial difference in the ability to train deep networks",
            place=OTHERS,
            metric=minus(BEST, BASE, FINAL),
            rule=Claim("above", 0.1, unit=POINTS),
            ours=f"{TRAINED}: rectified linear neurons with He's weights against sigmoid ones with default weights; "
            "substantial is ten points",
        ),
        *(
            Row(
                id="ch5-matrix",
                did="the same: initial weights alone",
                reported="no figure",
                place=OTHERS,
                metric=metric,
                rule=Measured(unit=POINTS),
                ours=TRAINED,
            )
            for metric in (minus(arm("sigmoid", "He"), BASE, FINAL), minus(BEST, arm("relu", "default"), FINAL))
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "norms_sigmoid": "With sigmoid neurons the gradient vanishes towards the input, whichever the weights: with "
        f"default ones by {{{slope_of(BASE)}|decades}} per layer.",
        "norms_relu": "With rectified linear neurons the gradient vanishes far more slowly: with He's weights the norm "
        f"grows by {{{slope_of(BEST)}|decades}} per layer.",
        "accuracy": "In five epochs ten layers of sigmoid neurons learn nothing, whichever the weights: "
        f"{{{BASE}: {FINAL}|%}} is chance. Rectified linear ones with He's weights reach {{{BEST}: {FINAL}|%}}.",
    },
)
UNJUDGED = {
    BY_IMAGE: "explains why the norm of the mean is not quite kept",
    **{f"{name}: {FINAL}": "the differences say what it makes" for name in ARMS},
    **{
        slope_of(name): "drawn beside the arms that are judged"
        for name in ARMS
        if name not in (BASE, BEST, arm("relu", "default"))
    },
}
