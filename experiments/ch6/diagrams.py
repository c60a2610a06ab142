"""Which pixels does a hidden neuron see, and how many numbers does a network learn? Chapter 6's diagrams."""

import itertools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.patches import Rectangle

import jnndl
from experiments import plots
from experiments.ch6 import network3
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn, Toy
from experiments.training import Job
from jnndl.data import Dataset, Splits
from jnndl.network import Network

SIDE, FIELD = 28, network3.KERNEL
SEEN, SHARED, CONVOLVED, POOLED, SHARED_LAYER, DENSE_LAYER, TIMES, COUNTED, DRAWN = (
    "hidden neurons that see their 5 x 5 pixels",
    "pixels that two neighbours share",
    "rows of a feature map",
    "rows of a feature map after pooling",
    "parameters: 20 feature maps",
    "parameters: 30 fully connected neurons",
    "fully connected parameters for each of a convolution's",
    "networks with the parameters that they should have",
    "diagrams",
)
# Maps of the convolutions, neurons of the fully connected layers -> weights and biases, counted by hand.
TABLE: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {
    ((), (100,)): 79_510,
    ((20,), (100,)): 289_630,
    ((20,), ()): 29_330,
    ((20, 40), (100,)): 85_670,
    ((20, 40), (300,)): 215_870,
    ((20, 40), (1000,)): 671_570,
    ((20, 40), (100, 100)): 95_770,
    ((20, 40), (300, 300)): 306_170,
    ((20, 40), (1000, 1000)): 1_672_570,
}
PICTURES = {"three_maps": ((3,), ()), "conv1": ((20,), (100,))}


def blank_job() -> Job:
    """A job of one blank image of MNIST's size: enough to build networks for."""
    one = Dataset(np.zeros((1, SIDE, SIDE), np.uint8), np.zeros(1, np.uint8))
    return Job(Splits(one, one, one, "blank", {}, classes=10), seeds=1)


def network_of(maps: tuple[int, ...], hidden: tuple[int, ...]) -> Network:
    """One of the chapter's networks, for images of 28 x 28."""
    return network3.network(blank_job(), maps=maps, hidden=hidden)


def parameters(params: Any) -> int:
    """How many numbers there are in a pytree of shapes."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def fields() -> np.ndarray:
    """Which pixels move which hidden neuron of one map: shape (24, 24, 28, 28), by ``jax.jacobian``."""
    conv = jnndl.Conv(1, 1, FIELD, "linear")
    params = conv.init(jax.random.key(0))
    slopes = jax.jacobian(lambda a: conv.forward(params, a)[0])(jnp.zeros((SIDE, SIDE, 1)))
    return np.asarray(slopes[:, :, 0, :, :, 0]) != 0


def right_fields(seen: np.ndarray) -> int:
    """How many neurons see the 5 x 5 pixels from their own row and column on, and no others."""
    count = 0
    for i, j in np.ndindex(seen.shape[:2]):
        wanted = np.zeros((SIDE, SIDE), bool)
        wanted[i : i + FIELD, j : j + FIELD] = True
        count += int(np.array_equal(seen[i, j], wanted))
    return count


def run(job: Job) -> Outcome:
    """Look at which pixels neurons see, and count parameters. Nothing is random."""
    seen = fields()
    first = parameters(network_of((20,), ()).param_shapes[0])
    dense = parameters(jnndl.mlp([SIDE**2, 30, 10]).param_shapes[0])
    counts = {layers: parameters(network_of(*layers).param_shapes) for layers in TABLE}
    return Outcome(
        config={"networks (maps, neurons)": [[list(maps), list(hidden), n] for (maps, hidden), n in counts.items()]},
        measured={
            SEEN: right_fields(seen),
            SHARED: int((seen[0, 0] & seen[0, 1]).sum()),
            CONVOLVED: len(seen),
            POOLED: network_of((3,), ()).shapes[1][0],
            SHARED_LAYER: first,
            DENSE_LAYER: dense,
            TIMES: dense / first,
            COUNTED: sum(counts[layers] == wanted for layers, wanted in TABLE.items()),
            DRAWN: 1 + len(PICTURES),
        },
        curves={"shapes": {name: network_of(*layers).shapes for name, layers in PICTURES.items()}},
    )


def stacks(shapes: Any) -> list[tuple[str, int, int]]:
    """What a diagram shows of a network, layer by layer: a caption, how many squares, and their side.

    A convolution is shown before and after pooling; a vector as one column.
    """
    found = [(f"{shapes[0][0]} x {shapes[0][1]}", 1, shapes[0][0])]
    for before, after in itertools.pairwise(shapes):
        if len(after) == 3:
            rows = before[0] - FIELD + 1
            found += [(f"{after[2]} x {side} x {side}", after[2], side) for side in (rows, after[0])]
        elif len(before) == 1:
            found.append((str(after[0]), 0, after[0]))
    return found


def draw_network(path: pathlib.Path, shapes: Any, title: str) -> None:
    """Draw a network as the book does: each layer a stack of squares, the fully connected ones as columns."""
    new, axes = plots.blank(8.0, 3.2)
    left = 0.0
    for text, squares, side in stacks(shapes):
        # A stack of many is drawn as ten, each a little down and to the right of the one before.
        shown = min(squares, 10)
        for number in range(max(1, shown)):
            width, height = (side, side) if squares else (2, min(side, 40))
            corner = left + 1.6 * number, -height / 2 - 1.6 * number + 0.8 * shown
            look: dict[str, Any] = {"facecolor": "white", "edgecolor": plots.STYLES[0][0]}
            axes.add_patch(Rectangle(corner, width, height, **look))
        right = left + (side if squares else 2) + 1.6 * max(0, shown - 1)
        axes.text((left + right) / 2, 26, text, ha="center", fontsize=8)
        left = right + 9
    axes.set(xlim=(-2, left), ylim=(-28, 32), aspect="equal")
    axes.axis("off")
    plots.heading(axes, title)
    plots.save(new, path)


def draw_fields(path: pathlib.Path, image: Any) -> None:
    """Draw an image with the receptive fields of two neighbours, and the map in which they are."""
    new = plots.empty(7.0, 3.8)
    new.suptitle("The local receptive fields of two neighbouring hidden neurons", fontsize=10)
    panels = new.subplots(1, 2)
    side = len(image)
    panels[0].imshow(image, cmap="Greys", extent=(0, side, side, 0))
    after = side - FIELD + 1
    panels[1].imshow(np.zeros((after, after)), cmap="Greys", extent=(0, after, after, 0))
    for number, (colour, dash) in enumerate(plots.STYLES[:2]):
        look: dict[str, Any] = {"fill": False, "edgecolor": colour, "linestyle": dash, "linewidth": 2}
        panels[0].add_patch(Rectangle((number, 0), FIELD, FIELD, **look))
        panels[1].add_patch(Rectangle((number, 0), 1, 1, **look))
    for axes, text in zip(panels, (f"input, {side} x {side}", f"one feature map, {after} x {after}"), strict=True):
        axes.set_title(text, fontsize=9)
    for axes, end in zip(panels, (side, after), strict=True):
        axes.set(xticks=[0, end], yticks=[0, end])
    plots.save(new, path)


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the receptive fields on a training image, and two networks."""
    draw_fields(folder / "fields.png", np.asarray(splits.training.inputs[0], float).squeeze())
    titles = {"three_maps": "Three feature maps, pooled, and ten outputs", "conv1": "The network of ch6-conv1"}
    for name, shapes in result["curves"]["shapes"].items():
        draw_network(folder / f"{name}.png", shapes, titles[name])


def _row(did: str, reported: str, metric: str, rule: Any, ours: str = "the same") -> Row:
    return Row(
        id="ch6-diagrams",
        did=did,
        reported=reported,
        place="chapter 6, introducing convolutional networks",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
    )


FIELDS, POOLING, WEIGHTS = "draws local receptive fields", "pools feature maps by 2 x 2", "counts shared weights"
EXPERIMENT = Experiment(
    name="ch6-diagrams",
    chapter="6",
    shows="local receptive fields, feature maps, pooling, and how many parameters there are",
    minutes=0.1,
    metrics=(SEEN, SHARED, CONVOLVED, POOLED, SHARED_LAYER, DENSE_LAYER, TIMES, COUNTED, DRAWN),
    rows=(
        _row(
            FIELDS,
            "each hidden neuron sees 5 x 5 pixels",
            SEEN,
            Toy(24 * 24),
            "of 24 x 24 neurons, those that only the pixels from (i, j) to (i + 4, j + 4) move, by jax.jacobian",
        ),
        _row(FIELDS, "the next one's are one pixel to the right", SHARED, Toy(20)),
        _row(FIELDS, "24 x 24 hidden neurons", CONVOLVED, Toy(24)),
        _row(POOLING, "12 x 12", POOLED, Toy(12)),
        _row(WEIGHTS, "520 parameters for 20 maps", SHARED_LAYER, Toy(520)),
        _row(WEIGHTS, "23,550 for 30 fully connected neurons", DENSE_LAYER, Toy(23_550)),
        _row(WEIGHTS, "more than 40 times as many", TIMES, Toy(23_550 / 520, 1e-9), "23,550/520 is 45.3"),
        _row(
            "describes nine networks by their layers",
            "implied: their parameters",
            COUNTED,
            Toy(len(TABLE)),
            "each against a count by hand",
        ),
        _row(
            "draws fields, maps, pooling and whole networks",
            "diagrams",
            DRAWN,
            Drawn(),
            "fields on a training image; the network with three maps; the one of ch6-conv1",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "fields": "Two neighbours see 20 of 25 pixels in common; all neurons of a map share their weights.",
        "three_maps": "28 x 28 pixels, three feature maps of 24 x 24, pooled to 12 x 12, and ten outputs that see all.",
        "conv1": "Twenty feature maps, a fully connected layer of a hundred and ten outputs.",
    },
)
