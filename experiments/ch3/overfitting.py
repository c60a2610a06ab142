"""What is overfitting, and does L2 cure it? A thousand images, 400 epochs, with and without the penalty."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.comparison import Comparison, best_epoch, curve, final, gap, minus, train_arms
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import NARROW, Claim, Equivalent, Number, SpreadClaim, Toy
from experiments.training import Job, unstack
from experiments.units import POINTS
from jnndl.data import Splits
from jnndl.training import Fit

IMAGES, EPOCHS = 1000, 400
ARMS: dict[str, dict[str, Any]] = {"plain": {}, "L2": {"l2": 0.1}}
# The author's files: test accuracy after some epochs, in %; and the test cost.
BOOK = {
    "plain": [(0, 58.87), (14, 80.46), (49, 81.45), (99, 81.73), (199, 81.90), (299, 82.20), (399, 82.23)],
    "L2": [(0, 58.98), (49, 82.78), (99, 84.09), (199, 85.58), (299, 86.32), (399, 86.95)],
}
BOOK_COST = [(0, 2.076), (14, 1.2028), (49, 1.349), (99, 1.505), (199, 1.637), (399, 1.773)]


def late_gain(fit: Fit) -> Any:
    """The mean test accuracy over the last eighth of the epochs minus that over the eighth before."""
    accuracy = fit.history.evaluation_accuracy
    eighth = max(1, accuracy.shape[1] // 8)
    return accuracy[:, -eighth:].mean(axis=1) - accuracy[:, -2 * eighth : -eighth].mean(axis=1)


def at(history: Any, epoch: int) -> Any:
    """A score after an epoch; after the last of a shorter run."""
    return history[:, min(epoch, history.shape[1] - 1)]


COMPARED = Comparison(
    tuple(ARMS),
    {
        "best epoch": best_epoch,
        "final": final,
        "epoch 199": lambda fit: at(fit.history.evaluation_accuracy, 199),
        "training, final": lambda fit: fit.history.training_accuracy[:, -1],
        "gap": gap,
        "last eighth minus the one before": late_gain,
        "least test cost": lambda fit: fit.history.evaluation_cost.min(axis=1),
        "epoch of least test cost": lambda fit: fit.history.evaluation_cost.argmin(axis=1),
        "test cost, final minus epoch 14": lambda fit: (
            fit.history.evaluation_cost[:, -1] - at(fit.history.evaluation_cost, 14)
        ),
        "training cost, final over epoch 299": lambda fit: (
            fit.history.training_cost[:, -1] / at(fit.history.training_cost, 299)
        ),
    },
    {
        minus("L2", "plain", "best epoch"): ("L2: best epoch", "plain: best epoch"),
        minus("L2", "plain", "gap"): ("L2: gap", "plain: gap"),
    },
)


SPREADS = "spread of the best epoch: plain, L2"


def monitors(fit: Fit) -> dict[str, Any]:
    """All four monitors of an arm, as JSON values."""
    history = fit.history
    return {
        "test accuracy": curve(history.evaluation_accuracy),
        "training accuracy": curve(history.training_accuracy),
        "test cost": curve(history.evaluation_cost),
        "training cost": curve(history.training_cost),
    }


def run(job: Job) -> Outcome:
    """Both arms from the same weights on the same shuffles; test data after each epoch, as in the book."""
    training, network = job.training[:IMAGES], job.mlp(30, weight_init=jnndl.initializers.large)
    shared: dict[str, Any] = {"network": network, "training": training, "epochs": EPOCHS}
    fits = train_arms(job, ARMS, job.splits.test, learning_rate=0.5, batch_size=10, **shared)
    measured = COMPARED.measure(fits)
    measured[SPREADS] = np.stack([measured[f"{arm}: best epoch"] for arm in ARMS])
    return Outcome(
        config={"sizes": [job.pixels, 30, job.splits.classes], "weights": "large", "cost": "cross_entropy"}
        | {"images": len(training), "learning_rate": 0.5, "batch_size": 10, "epochs": job.epochs_of(EPOCHS)}
        | {"arms": ARMS, "evaluated on": "test, after each epoch"},
        measured={"test_accuracy": measured["plain: final"], **measured},
        curves={name: monitors(fit) for name, fit in fits.items()},
        network=network,
        params=unstack(fits["plain"].params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw test accuracy of both arms beside the author's, their costs, and their training accuracy."""
    about = f"{result['config']['images']} images, {plots.about(result)}"
    found = result["curves"]
    plots.curves(
        folder / "test.png",
        plots.percent({name: found[name]["test accuracy"] for name in ARMS}),
        title=f"30 hidden neurons, cross-entropy, rate 0.5: {about}",
        ylabel="test accuracy (%)",
        points=plots.if_comparable(result, {f"book, {name}": marks for name, marks in BOOK.items()}),
        ylim=plots.if_comparable(result, (75, 90)),
    )
    plots.curves(
        folder / "cost.png",
        {f"{name}, {part}": found[name][f"{part} cost"] for name in ARMS for part in ("test", "training")},
        title=f"Cost without the penalty: {about}",
        ylabel="cross-entropy (nats)",
        points=plots.if_comparable(result, {"book, plain, test": BOOK_COST}),
    )
    plots.curves(
        folder / "training.png",
        plots.percent({f"{name}, training": found[name]["training accuracy"] for name in ARMS}),
        title=f"Accuracy on the training data: {about}",
        ylabel="training accuracy (%)",
    )


DID = "784-30-10, cross-entropy, rate 0.5, first 1,000 images, 400 epochs"
DID_L2 = f"{DID}, lambda 0.1"
PLACE = "chapter 3, overfitting and regularization; overfitting.json"
PLACE_L2 = "chapter 3, regularization; regularized.json"
EXPERIMENT = Experiment(
    name="ch3-overfitting",
    chapter="3",
    shows="a thousand images, 400 epochs: overfitting, and L2 against it",
    minutes=1.5,
    metrics=("test_accuracy", *COMPARED.names, SPREADS),
    rows=(
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="82.27 % at the best epoch",
            place=PLACE,
            metric="plain: best epoch",
            rule=Number(0.8227),
        ),
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="just under 82 % at epoch 200",
            place=PLACE,
            metric="plain: epoch 199",
            rule=Number(0.8190),
        ),
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="100 % on the training data",
            place=PLACE,
            metric="plain: training, final",
            rule=Toy(1),
        ),
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="a gap of 17.73 points to the test data",
            place=PLACE,
            metric="plain: gap",
            rule=Number(0.1773, narrow=NARROW * (1 - 0.8227), unit=POINTS),
            ours="the same; as the training accuracy is 100 %, it is 100 % minus the best epoch, the same figure again",
        ),
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="the test cost is least near epoch 15",
            place=PLACE,
            metric="plain: epoch of least test cost",
            rule=Number(14, narrow=10, unit="epochs", bounds=(0, EPOCHS - 1)),
            ours="the same; an interval of 10 epochs counts as narrow",
        ),
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="the test cost is 1.2028 there",
            place=PLACE,
            metric="plain: least test cost",
            rule=Number(1.2028, narrow=0.06, unit="nats", bounds=(0, np.inf)),
            ours="the same; an interval of a twentieth of the value counts as narrow",
        ),
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="the test cost rises after that",
            place=PLACE,
            metric="plain: test cost, final minus epoch 14",
            rule=Claim("above", unit="nats"),
            ours="the test cost after the last epoch minus that after epoch 14, the book's best",
        ),
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="the test accuracy stops improving near epoch 280",
            place=PLACE,
            metric="plain: last eighth minus the one before",
            rule=Equivalent(0.01, errors=1 - 0.8227, unit=POINTS),
            ours="mean of the last 50 epochs minus that of the 50 before; it stops if that is within 1 % of the errors",
        ),
        Row(
            id="ch3-overfitting",
            did=DID,
            reported="while the training cost goes on falling: 0.00420 at the end, 0.00596 after epoch 299",
            place=PLACE,
            metric="plain: training cost, final over epoch 299",
            rule=Number(0.00420 / 0.00596, narrow=0.05, unit="times", bounds=(0, np.inf)),
            ours="the ratio of the two; an interval of 0.05 counts as narrow",
        ),
        Row(
            id="ch3-regularized",
            did=DID_L2,
            reported="87.1 % at the best epoch",
            place=PLACE_L2,
            metric="L2: best epoch",
            rule=Number(0.8710),
        ),
        Row(
            id="ch3-regularized",
            did=DID_L2,
            reported="still rising at 400 epochs",
            place=PLACE_L2,
            metric="L2: last eighth minus the one before",
            rule=Claim("above", unit=POINTS),
            ours="mean of the last 50 epochs minus that of the 50 before",
        ),
        Row(
            id="ch3-regularized",
            did="compares it with the run without a penalty",
            reported="87.1 % against 82.27 %",
            place=PLACE_L2,
            metric=minus("L2", "plain", "best epoch"),
            rule=Claim("above", unit=POINTS),
            ours="the same, paired by seed",
        ),
        Row(
            id="ch3-regularized",
            did="compares it with the run without a penalty",
            reported="overfitting is considerably reduced: the gap to the training data is smaller",
            place=PLACE_L2,
            metric=minus("L2", "plain", "gap"),
            rule=Claim("below", unit=POINTS),
            ours="the gap between the best epochs, paired by seed",
        ),
        Row(
            id="ch3-regularized",
            did="repeats runs with other initial weights",
            reported="with the penalty the results are much more easily replicated",
            place="chapter 3, regularization",
            metric=SPREADS,
            rule=SpreadClaim("above", unit="times"),
            ours="the standard deviation of the best epoch over seeds, without the penalty over with it",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "test": "Accuracy on the test data with only a thousand training images: with L2 it ends much higher. The "
        "marks are the book's single run.",
        "cost": "Without a penalty the test cost falls, turns, and rises for the rest of training, while the training "
        "cost goes to zero. This is overfitting.",
        "training": "With or without a penalty, the network learns all thousand training images by heart.",
    },
)
UNJUDGED = {
    "test_accuracy": "the saved network's arm: plain, after its last epoch",
    **{f"{arm}: final": "chapter 3 quotes the best epoch here" for arm in ARMS},
    "L2: epoch 199": "the book names it for the run without a penalty",
    "L2: training, final": "the gap is judged",
    "L2: gap": "the difference of the gaps is judged",
    **{
        f"L2: {name}": "the book speaks of it for the run without a penalty"
        for name in (
            "least test cost",
            "epoch of least test cost",
            "test cost, final minus epoch 14",
            "training cost, final over epoch 299",
        )
    },
}
