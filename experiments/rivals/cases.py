"""What the benchmark measures: dense networks, those of chapter 6, and what grows. The targets stand here, too."""

import dataclasses
import math

from experiments.rivals import (
    BOOK,
    BY_HAND,
    CONVOLUTIONAL,
    DENSE,
    EQUINOX,
    FLAX,
    LIMIT,
    MANY,
    MANY_BY_HAND,
    MATRIX,
    OURS,
    PYTORCH,
    map_sides,
    weight_shapes,
)

KERNEL, RATE = 5, 0.03  # chapter 6's, for its ReLU networks


@dataclasses.dataclass(frozen=True)
class Case:
    """A network to train.

    Attributes:
        hidden: neurons in each hidden layer.
        batch_size: examples in a mini-batch.
        examples: how many of the training images; None for all.
        networks: how many at once, where an alternative can do that.
        parts: alternatives that would take too long, and on how many examples they are measured instead.
        learning_rate: 3.0 is the book's, for its quadratic cost.
        maps: feature maps of each convolutional layer below the hidden ones; each has fields of 5 x 5 and a pooling.
        dropout: the fraction dropped of what goes into each dense layer of a convolutional network.
        targets: how often PyTorch's time should be that of an alternative, at least.
    """

    hidden: tuple[int, ...]
    batch_size: int = 10
    examples: int | None = None
    networks: int = 16
    parts: tuple[tuple[str, int], ...] = ()
    learning_rate: float = 3.0
    maps: tuple[int, ...] = ()
    dropout: float = 0.0
    targets: tuple[tuple[str, float], ...] = ()

    @property
    def reference(self) -> str:
        """The alternative with which the others are compared."""
        return BY_HAND if self.maps else OURS

    @property
    def kind(self) -> str:
        """Which alternatives can train it."""
        return CONVOLUTIONAL if self.maps else DENSE

    def shapes(self, image: tuple[int, ...], classes: int) -> list[tuple[int, ...]]:
        """The shapes of the weights for images of this shape.

        Raises:
            ValueError: if the images are too small for the convolutional layers.
        """
        least = 1
        for _ in self.maps:
            least = 2 * least + KERNEL - 1
        if self.maps and (len(image) != 2 or min(image) < least):
            raise ValueError(f"it needs images of at least {least} x {least}, not {' x '.join(map(str, image))}")
        return weight_shapes((math.prod(image), *self.hidden, classes), image, self.maps, KERNEL)

    def flops(self, image: tuple[int, ...], classes: int, examples: int) -> float:
        """Floating-point operations of an epoch: for each layer one product forward and two back.

        The first layer has only one back, because nothing needs the gradient with respect to the pixels. The weights of
        a convolutional layer are used once for each place in its maps.
        """
        shapes = self.shapes(image, classes)
        places = [math.prod(sides) for sides in map_sides(image, len(self.maps), KERNEL)] + [1] * len(shapes)
        products = [math.prod(weight) * n for weight, n in zip(shapes, places, strict=False)]
        return 2.0 * examples * (3 * sum(products) - products[0])


# Multiples of both sizes of mini-batches. XLA's own convolution takes many times as long as the others on a CPU.
PARTS = (
    *((name, 5120) for name in (PYTORCH, OURS, BY_HAND, MANY, MANY_BY_HAND)),
    *((name, 1280) for name in (FLAX, EQUINOX)),
)


def convolutional(
    maps: tuple[int, ...], hidden: tuple[int, ...], batch_size: int, one: float, two: float, dropout: float = 0.0
) -> Case:
    """A network of chapter 6, one of them and two at once, with the targets for both by the handwritten gradient."""
    targets = (BY_HAND, one), (MANY_BY_HAND, two)
    return Case(hidden, batch_size, None, 2, PARTS, RATE, maps, dropout, targets)


TWO = "conv20-conv40-dense100"
CASES = {
    "784-30-10": Case((30,)),
    "784-100-10": Case((100,)),
    # At rate 3.0 such a network stays at chance.
    "784-800-800-10": Case((800, 800), 100, parts=((BOOK, 1000), (MANY, 5000)), learning_rate=0.5),
    "conv20-dense100": convolutional((20,), (100,), 10, 1.9, 3.0),
    TWO: convolutional((20, 40), (100,), 10, 1.5, 2.2),
    "conv20-conv40-dense1000-dense1000-dropout": convolutional((20, 40), (1000, 1000), 10, 1.9, 2.1, 0.5),
    "conv20-dense100-batch64": convolutional((20,), (100,), 64, 1.1, 1.1),
    f"{TWO}-batch64": convolutional((20, 40), (100,), 64, 1.1, 1.1),
    "conv20-conv40-dense1000-dense1000-dropout-batch64": convolutional((20, 40), (1000, 1000), 64, 1.1, 1.1, 0.5),
}
GROUPS = ("growth", "memory", "sweep", "convolutions")  # what else can be asked for: the last is all with convolutions
USUAL = (OURS, MATRIX, PYTORCH, LIMIT)
GROWTH: dict[str, tuple[tuple[str, ...], dict[int, Case]]] = {  # what grows -> the alternatives, the cases
    "training images": (USUAL, {n: Case((30,), examples=n) for n in (500, 1500, 5000, 15000, 50000)}),
    "hidden neurons": (USUAL, {h: Case((h,), examples=10000) for h in (10, 30, 100, 300, 1000)}),
    "images per mini-batch": (USUAL, {m: Case((30,), m, 10000) for m in (1, 10, 100, 1000)}),
    "networks": ((MANY,), {k: Case((30,), examples=10000, networks=k) for k in (1, 2, 4, 8, 16, 32, 64)}),
}


def check_case(only: str | None, image: tuple[int, ...] | None = None) -> None:
    """Accept the name of a case, of a group of them, or None for all.

    Raises:
        ValueError: if it is anything else, or a case for which images of this shape are too small.
    """
    if only not in (None, *GROUPS, *CASES):
        raise ValueError(f"there is no case {only!r}; there are {', '.join(CASES)}, {', '.join(GROUPS)}")
    if image is not None and only in (*CASES, "memory"):
        try:
            CASES.get(str(only), CASES[TWO]).shapes(image, 1)
        except ValueError as error:
            raise ValueError(f"{only}: {error}") from error


def is_asked(name: str, only: str | None, quick: bool) -> bool:
    """Whether a case, or another part, is to be measured; a quick run of all is one case and what grows."""
    if only is None:
        return not quick or name in ("784-30-10", "growth")
    return only == name or (only == "convolutions" and (name == "memory" or (name in CASES and bool(CASES[name].maps))))
