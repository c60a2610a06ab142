"""Do five times as many images help, and then more neurons? Conv.py's networks on images moved by a pixel."""

import pathlib
from typing import Any

from experiments import plots, runner
from experiments.ch6 import groups, network3
from experiments.ch6.groups import Arm
from experiments.comparison import curve, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim
from experiments.training import BOOK_TRAINING, Job
from experiments.units import POINTS
from jnndl.data import Dataset, Splits

NAME, BEFORE = "ch6-expanded", "ch6-relu"
COPIES, IMAGES, SHORT_EPOCHS = 5, 2000, 6  # the last two at the default scale; five times as many are made of them
BOOK_SEEDS = 3
BOOK = {"100": 0.9937, "300": 0.9946, "1000": 0.9943}  # neurons in the fully connected layer
PLAIN = "100, not expanded"
# "Not really a convincing win": less than a quarter of the errors, the share below which an interval counts as narrow.
DECISIVE, ERRORS = 0.25, 0.0063
RELU: dict[str, Any] = {"learning_rate": 0.03, "lmbda": 0.1, "epochs": 60, "short_epochs": SHORT_EPOCHS}


def images_of(job: Job) -> Dataset:
    """The images before they are expanded: all at the book's scale, else the first two thousand."""
    return job.training if job.book else job.training[:IMAGES]


def seeds_of(job: Job, neurons: str) -> int:
    """The number of networks in an arm. At the book's scale, the arm of 1,000 neurons, which is slow, has two fewer."""
    return max(1, job.seeds - 2) if job.book and neurons == "1000" else job.seeds


def arms_of(job: Job) -> dict[str, Arm]:
    """How the networks are trained."""
    training, settings = network3.expanded(images_of(job)), RELU | {"book_images": COPIES * BOOK_TRAINING}
    networks = {neurons: network3.network(job, hidden=(int(neurons),), neuron="relu") for neurons in BOOK}
    return {neurons: Arm(one, training, settings, seeds_of(job, neurons)) for neurons, one in networks.items()}


def plain(job: Job) -> tuple[Any, str]:
    """The test accuracy of 100 neurons on images that are not expanded, and where it is from."""
    if job.book:
        found = runner.earlier_values(job, BEFORE, "ReLU: test")
        if found is not None:
            return found, BEFORE
    network, settings = network3.network(job, neuron="relu"), {"training": images_of(job), **RELU}
    return network3.train(job, network, title=f"{PLAIN}: ", **settings).test, "trained for this question"


def run(job: Job) -> Outcome:
    """Train the three networks on expanded data, and compare."""
    found, kept = groups.train(job, NAME, arms_of(job), again=not job.trainer.resume)
    before, origin = plain(job)
    measured: dict[str, Any] = {}
    for arm, networks in found.items():
        measured |= networks.figures(arm)
    measured |= {
        f"{PLAIN}: test": before,
        minus("100", PLAIN): found["100"].test - before,
        minus("300", "100"): found["300"].test - found["100"].test,
        minus("1000", "100"): found["1000"].test - found["100"].test[: len(found["1000"].test)],
    }
    return Outcome(
        config={"recipes": kept["recipes"], PLAIN: origin, "evaluated on": "test, after the best epoch on validation"},
        measured=measured,
        curves={"validation_accuracy": {f"{arm} neurons": curve(networks.curve) for arm, networks in found.items()}},
        kept=kept,
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs, and the test accuracies beside the book's."""
    plots.curves(
        folder / "validation.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"Expanded data, one fully connected layer: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (98.5, 99.6)),
    )
    accuracies = {arm: plots.percent(plots.per_seed(result, f"{arm}: test")) for arm in (PLAIN, *BOOK)}
    plots.arms(
        folder / "test.png",
        accuracies,
        title=f"Neurons in the fully connected layer: {plots.about(result)}",
        xlabel="test accuracy after the best epoch (%)",
        reported=plots.if_comparable(result, plots.percent(BOOK)),
    )


DID = "two convolutions, {} ReLU, 250,000 images, rate 0.03, lambda 0.1, 60 epochs"
PLACE = "chapter 6, expanding the training data; conv.py, expanded_data"
RIVALS = {"100": 0.9923, "300": 0.9937, "1000": 0.9937}
EXPERIMENT = Experiment(
    name=NAME,
    chapter="6",
    shows="five images made of each training image; 100, 300 and 1,000 neurons",
    minutes=4,
    book_scale=BookScale(seeds=BOOK_SEEDS, minutes=200),
    metrics=(
        *(name for arm in BOOK for name in network3.names(arm)),
        f"{PLAIN}: test",
        minus("100", PLAIN),
        minus("300", "100"),
        minus("1000", "100"),
    ),
    rows=(
        *(
            Row(
                id=f"ch6-expanded-{arm}",
                did=DID.format(arm),
                reported=f"{100 * value:.2f} % (test, the best of three by validation)",
                place=PLACE,
                metric=network3.names(arm)[0],
                rule=network3.reported(value, RIVALS[arm]),
            )
            for arm, value in BOOK.items()
        ),
        Row(
            id="ch6-expanded-100",
            did="compares it with the same network on 50,000 images",
            reported="99.23 % becomes 99.37 %",
            place=PLACE,
            metric=minus("100", PLAIN),
            rule=Claim("above", unit=POINTS),
            ours="paired by seed",
        ),
        *(
            Row(
                id=f"ch6-expanded-{arm}",
                did="compares it with 100 neurons",
                reported=f"99.37 % becomes {100 * BOOK[arm]:.2f} %: not really a convincing win",
                place=PLACE,
                metric=minus(arm, "100"),
                rule=Claim("below", DECISIVE, errors=ERRORS, unit=POINTS),
                ours="paired by seed; a win would be convincing from a quarter of the errors on",
            )
            for arm in ("300", "1000")
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "validation": "Five times as many updates in each epoch: most is learned in the first few.",
        "test": "Moving the images by a pixel gains more than adding neurons.",
    },
)
UNJUDGED = {name: reason for arm in BOOK for name, reason in network3.unjudged(arm).items()} | {
    f"{PLAIN}: test": f"judged in {BEFORE}; the difference is judged here"
}
