"""Does a second fully connected layer help? Conv.py's networks on expanded data, two layers of 100, 300 or 1,000."""

import pathlib
from typing import Any

from experiments import plots
from experiments.ch6 import expanded_data, groups, network3
from experiments.ch6.groups import Arm
from experiments.comparison import curve, minus
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Claim
from experiments.training import BOOK_TRAINING, Job
from experiments.units import POINTS
from jnndl.data import Splits

NAME = "ch6-doublefc"
BOOK = {"100": 0.9943, "300": 0.9948, "1000": 0.9947}  # neurons in each of the two layers
DIFFERENCES = {arm: minus(f"twice {arm}", f"once {arm}") for arm in BOOK}
SETTINGS = expanded_data.RELU | {"book_images": expanded_data.COPIES * BOOK_TRAINING}


def seeds_of(job: Job, neurons: str) -> int:
    """The number of networks in an arm. At the book's scale, the arms of 100 and 1,000 neurons have two fewer."""
    return max(1, job.seeds - 2) if job.book and neurons != "300" else job.seeds


def arms_of(job: Job) -> dict[str, Arm]:
    """How the networks are trained."""
    training = network3.expanded(expanded_data.images_of(job))
    networks = {neurons: network3.network(job, hidden=(int(neurons),) * 2, neuron="relu") for neurons in BOOK}
    return {neurons: Arm(one, training, SETTINGS, seeds_of(job, neurons)) for neurons, one in networks.items()}


def run(job: Job) -> Outcome:
    """Train the three networks, and compare each with the one that has one such layer."""
    arms = arms_of(job)
    found, kept = groups.train(job, NAME, arms, again=not job.trainer.resume)
    # The networks with one layer are those of the question before: known, or trained here.
    once = {name: arm._replace(seeds=arms[name].seeds) for name, arm in expanded_data.arms_of(job).items()}
    before, _ = groups.train(job, expanded_data.NAME, once, again=False)
    measured: dict[str, Any] = {}
    for arm, networks in found.items():
        measured |= networks.figures(arm) | {DIFFERENCES[arm]: networks.test - before[arm].test}
    return Outcome(
        config={"recipes": kept["recipes"], "evaluated on": "test, after the best epoch on validation"},
        measured=measured,
        curves={"validation_accuracy": {f"twice {arm} neurons": curve(one.curve) for arm, one in found.items()}},
        kept=kept,
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs, and the test accuracies beside the book's."""
    plots.curves(
        folder / "validation.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"Expanded data, two fully connected layers: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (98.5, 99.6)),
    )
    plots.arms(
        folder / "test.png",
        {f"twice {arm}": plots.percent(plots.per_seed(result, f"{arm}: test")) for arm in BOOK},
        title=f"Neurons in two fully connected layers: {plots.about(result)}",
        xlabel="test accuracy after the best epoch (%)",
        reported=plots.if_comparable(result, {f"twice {arm}": 100 * value for arm, value in BOOK.items()}),
    )


PLACE = "chapter 6, inserting an extra fully-connected layer; conv.py, expanded_data_double_fc"
EXPERIMENT = Experiment(
    name=NAME,
    chapter="6",
    shows="a second fully connected layer on expanded data; 100, 300 and 1,000 neurons in each",
    minutes=5,
    book_scale=BookScale(seeds=3, minutes=200),
    metrics=(*(name for arm in BOOK for name in network3.names(arm)), *DIFFERENCES.values()),
    rows=(
        *(
            Row(
                id=f"ch6-doublefc-{arm}",
                did=expanded_data.DID.format(f"twice {arm}"),
                reported=f"{100 * value:.2f} % (test, the best of three by validation)",
                place=PLACE,
                metric=network3.names(arm)[0],
                rule=network3.reported(value, expanded_data.BOOK[arm]),
            )
            for arm, value in BOOK.items()
        ),
        *(
            Row(
                id=f"ch6-doublefc-{arm}",
                did=f"compares it with one layer of {arm}",
                reported=f"{100 * expanded_data.BOOK[arm]:.2f} % becomes {100 * value:.2f} %: not a decisive win",
                place=PLACE,
                metric=DIFFERENCES[arm],
                rule=Claim("below", expanded_data.DECISIVE, errors=round(1 - expanded_data.BOOK[arm], 4), unit=POINTS),
                ours="paired by seed; a win would be decisive from a quarter of the errors on",
            )
            for arm, value in BOOK.items()
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "validation": "A second layer changes little in how the networks learn.",
        "test": "The three sizes, each with two fully connected layers.",
    },
)
UNJUDGED = {name: reason for arm in BOOK for name, reason in network3.unjudged(arm).items()}
