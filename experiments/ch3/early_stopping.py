"""Do early stopping and a falling learning rate save epochs? A thousand images; and chapter 3's run of 60 epochs."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import Comparison, accuracy_curves, best_epoch, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Measured, Number
from experiments.training import Job, unstack
from experiments.units import POINTS
from jnndl.data import Splits
from jnndl.network import Network
from jnndl.training import Fit

# The book's last run with a penalty: rate 0.1 for 60 epochs.
FIXED: dict[str, Any] = {"epochs": 60, "learning_rate": 0.1}
# Where stopping has something to stop: the Python 3 port's example (784-30-10, rate 0.5, lambda 5.0, first 1,000
# images) for up to 200 epochs. Stop after n epochs without improvement; halve after 10, until 1/128.
IMAGES, LONGEST, PATIENCE, HALVE_AFTER = 1000, 200, (10, 20, 50), 10
FEW: dict[str, Any] = {"epochs": LONGEST, "learning_rate": 0.5, "batch_size": 10, "measure_training": 0}
WINDOW = 5  # our own rule for stopping looks at the means of two windows of so many epochs


def patient(n: int) -> str:
    """The name of the arm that stops after n epochs without improvement."""
    return f"no improvement in {n}"


ARMS: dict[str, dict[str, Any]] = {
    "fixed": {},
    **{patient(n): {"patience": n} for n in PATIENCE},
    "halving": {"halve_after": HALVE_AFTER},
}
STOPPING = tuple(map(patient, PATIENCE))
CHOSEN, LAST = "test, best validation epoch", "test, last epoch"
OWN = "own rule"
FIRST = patient(PATIENCE[0])


def epochs_trained(fit: Fit) -> np.ndarray:
    """How many epochs each network trained."""
    return np.sum(~np.isnan(fit.history.evaluation_accuracy), axis=1)


def best_validation(fit: Fit) -> np.ndarray:
    """The best accuracy on the validation data of each network until it stopped."""
    return np.nanmax(fit.history.evaluation_accuracy, axis=1)


COMPARED = Comparison(tuple(ARMS), {"epochs": epochs_trained, "best validation": best_validation})
LOSS = {name: f"{minus(name, 'fixed')}: test" for name in STOPPING}
GAIN = f"{minus('halving', 'fixed')}: {LAST}"
OF_OWN_RULE = (
    f"{OWN}: epochs",
    f"{OWN}: best validation",
    minus(OWN, FIRST, "epochs"),
    minus(OWN, FIRST, "validation"),
)
LARGE, DEFAULT = (f"60 epochs, {weights} weights: best epoch, validation" for weights in ("large", "default"))
TESTED = (f"fixed: {LAST}", f"halving: {LAST}", *(f"{name}: {CHOSEN}" for name in STOPPING))


def train_fixed(job: Job, weight_init: jnndl.initializers.Initializer, title: str) -> Fit:
    """Train 784-100-10 for 60 epochs at rate 0.1, lambda 5.0; ch3-initial-weights looks at these networks, too."""
    settings: dict[str, Any] = {"batch_size": 10, "l2": job.l2(5.0), "measure_training": 0, **FIXED}
    return job.fit(job.mlp(100, weight_init=weight_init), job.splits.validation, title=title, **settings).fit


def own_rule(accuracy: np.ndarray) -> int:
    """After how many epochs to stop: as soon as the mean of five epochs is not above that of the five before.

    Args:
        accuracy: of one network on the validation data, after each epoch.
    """
    for epochs in range(2 * WINDOW, len(accuracy)):
        before, now = accuracy[epochs - 2 * WINDOW : epochs - WINDOW], accuracy[epochs - WINDOW : epochs]
        if now.mean() <= before.mean():
            return epochs
    return len(accuracy)


def measure_own_rule(measured: dict[str, Any], accuracy: np.ndarray) -> dict[str, Any]:
    """Our own rule beside no improvement in 10, on the validation data, as the problem asks.

    Args:
        measured: what was measured of the arms.
        accuracy: of the arm that did not stop, shape (seeds, epochs).
    """
    epochs = np.asarray([own_rule(one) for one in accuracy])
    best = np.asarray([one[:until].max() for one, until in zip(accuracy, epochs, strict=True)])
    of = epochs, best, epochs - measured[f"{FIRST}: epochs"], best - measured[f"{FIRST}: best validation"]
    return dict(zip(OF_OWN_RULE, of, strict=True))


def on_test_data(job: Job, network: Network, fits: dict[str, Fit]) -> dict[str, np.ndarray]:
    """Test accuracy of the arms: after the last epoch; where early stopping chose an epoch, after that."""
    chosen = {f"{name}: {LAST}": fits[name].params for name in ("fixed", "halving")}
    chosen |= {f"{name}: {CHOSEN}": fits[name].best_params for name in STOPPING}
    return {
        name: np.asarray([jnndl.evaluate(network, one, job.splits.test).accuracy for one in unstack(params)])
        for name, params in chosen.items()
    }


def run(job: Job) -> Outcome:
    """Train the arms from the same keys on the same shuffles; then the book's 60 epochs with both initial weights.

    Validation data decide when to stop and which epoch's parameters to keep, so the arms are compared on test data.
    """
    network, training = job.mlp(30), job.training[:IMAGES]
    shared = FEW | {"network": network, "training": training, "l2": job.l2(5.0, IMAGES)}
    fits = train_arms(job, ARMS, job.splits.validation, **shared)
    measured = COMPARED.measure(fits) | on_test_data(job, network, fits)
    measured |= measure_own_rule(measured, fits["fixed"].history.evaluation_accuracy)
    measured |= {LOSS[name]: measured[f"{name}: {CHOSEN}"] - measured[f"fixed: {LAST}"] for name in STOPPING}
    measured[GAIN] = measured[f"halving: {LAST}"] - measured[f"fixed: {LAST}"]
    longer = {
        name: train_fixed(job, weight_init, name.partition(" weights")[0] + ": ")
        for name, weight_init in ((LARGE, jnndl.initializers.large), (DEFAULT, jnndl.initializers.default))
    }
    measured |= {name: best_epoch(fit) for name, fit in longer.items()}
    return Outcome(
        config={"sizes": [job.pixels, 30, job.splits.classes], "weights": "default", "cost": "cross_entropy"}
        | {"l2": 5.0, "images": len(training), "arms": ARMS, "evaluated on": "validation, and test in the end"}
        | {"60 epochs": {"hidden": 100, "l2": job.l2(5.0), **FIXED}}
        | FEW,
        measured={"validation_accuracy": measured[f"{FIRST}: best validation"], **measured},
        curves={
            "validation_accuracy": accuracy_curves(fits),
            "60 epochs": accuracy_curves({"large weights": longer[LARGE], "default weights": longer[DEFAULT]}),
        },
        network=network,
        params=unstack(fits[FIRST].best_params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs; a line ends where the last of its networks stopped."""
    found = plots.percent(result["curves"]["validation_accuracy"])
    plots.curves(
        folder / "stopping.png",
        {name: found[name] for name in ("fixed", "halving", *reversed(STOPPING))},
        title=f"30 hidden neurons, rate 0.5, lambda 5.0, {IMAGES} images: {plots.about(result)}",
        ylabel="validation accuracy (%)",
    )
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["60 epochs"]),
        title=f"100 hidden neurons, rate 0.1, lambda 5.0, 60 epochs: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        reported=plots.if_comparable(result, {"book, 60 epochs": 98.04}),
    )


PLACE = "chapter 3, how to choose hyper-parameters"
SETTING = "784-30-10, rate 0.5, lambda 5.0, first 1,000 images (the Python 3 port's example), 200 epochs at most"
ERRORS = 1 - 0.8885  # of the book's network with 1,000 images, ch3-more-data
EXPERIMENT = Experiment(
    name="ch3-early-stopping",
    chapter="3",
    shows="early stopping and halving on a thousand images; and the book's 60 epochs of 784-100-10",
    minutes=5,
    metrics=(
        "validation_accuracy",
        *COMPARED.names,
        *TESTED,
        *LOSS.values(),
        GAIN,
        *OF_OWN_RULE,
        LARGE,
        DEFAULT,
    ),
    rows=(
        *(
            Row(
                id="ch3-reg-100-60",
                did="784-100-10, rate 0.1, lambda 5.0, 60 epochs; the initial weights are not named",
                reported="98.04 % (validation)",
                place="chapter 3, regularization",
                metric=metric,
                rule=Number(0.9804),
                ours=f"the same with {weights} weights; the best epoch",
            )
            for metric, weights in ((LARGE, "large"), (DEFAULT, "default"))
        ),
        *(
            Row(
                id="ch3-early-stopping",
                did=f"problem: stop after {n} epochs without improvement",
                reported="no number: it saves the choice of the number of epochs",
                place=PLACE,
                metric=f"{patient(n)}: epochs",
                rule=Measured(unit="epochs"),
                ours=f"{SETTING}: the epochs trained",
            )
            for n in PATIENCE
        ),
        *(
            Row(
                id="ch3-early-stopping",
                did=f"problem: stop after {n} epochs without improvement",
                reported="no number: little is lost",
                place=PLACE,
                metric=LOSS[patient(n)],
                rule=Claim("above", -0.05, errors=ERRORS, unit=POINTS),
                ours=f"{SETTING}: test accuracy at the best validation epoch minus that after all 200 epochs, paired "
                "by seed; little is less than 5 % of the errors",
            )
            for n in PATIENCE
        ),
        *(
            Row(
                id="ch3-early-stopping",
                did="problem: find another rule, and compare epochs and validation accuracy with no improvement in ten",
                reported="no number",
                place=PLACE,
                metric=minus(OWN, FIRST, what),
                rule=Measured(unit=unit),
                ours=f"{SETTING}: stop when the mean of five epochs is not above that of the five before; {what}, its "
                "minus that of no improvement in ten, paired by seed",
            )
            for what, unit in (("epochs", "epochs"), ("validation", POINTS))
        ),
        Row(
            id="ch3-lr-schedule",
            did="exercise: halve the rate after 10 epochs without improvement, stop at 1/128",
            reported="no number: large steps first, fine ones later are better than one rate",
            place=PLACE,
            metric=GAIN,
            rule=Claim("above", unit=POINTS),
            ours=f"{SETTING}: test accuracy after the last epoch minus that of the same start with a fixed rate, "
            "paired by seed",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "stopping": "A line ends where the last of its networks stopped. Halving the rate when nothing improves ends "
        "highest.",
        "accuracy": "The book's 98.04 % (dotted) is above the mean of our seeds from either kind of initial weights.",
    },
)
UNJUDGED = {
    "validation_accuracy": "the saved network's arm: no improvement in 10, at its best epoch",
    **{f"{name}: best validation": "what the best epoch is chosen by is no fair measure of it" for name in ARMS},
    "fixed: epochs": "is fixed",
    "halving: epochs": "the exercise is about accuracy",
    **dict.fromkeys((*TESTED, *OF_OWN_RULE[:2]), "the differences are judged"),
}
