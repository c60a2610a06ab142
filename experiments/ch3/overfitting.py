"""What is overfitting, and does L2 cure it? A thousand images, 400 epochs, with and without the penalty."""

import pathlib
from typing import Any

import numpy as np

import jnndl
from experiments import plots
from experiments.runner import Experiment, Job, Outcome, Row, curve, each
from experiments.statistics import Claim, Number, Toy
from jnndl.data import Splits

IMAGES, EPOCHS = 1000, 400
ARMS: dict[str, dict[str, Any]] = {"plain": {}, "L2": {"l2": 0.1}}
# The author's files: test hits after some epochs.
BOOK = {
    "plain": [(0, 58.87), (14, 80.46), (49, 81.45), (99, 81.73), (199, 81.90), (299, 82.20), (399, 82.23)],
    "L2": [(0, 58.98), (49, 82.78), (99, 84.09), (199, 85.58), (299, 86.32), (399, 86.95)],
}


def run(job: Job) -> Outcome:
    """Both arms from the same weights on the same shuffles; test data after each epoch, as in the book."""
    training, network = job.training[:IMAGES], job.mlp(30, weight_init=jnndl.initializers.large)
    measured: dict[str, Any] = {}
    curves, params = {}, None
    for name, arm in ARMS.items():
        fit, _ = job.fit(
            network,
            job.splits.test,
            title=f"{name}: ",
            training=training,
            epochs=EPOCHS,
            learning_rate=0.5,
            batch_size=10,
            **arm,
        )
        history, params = fit.history, fit.params
        test, train = history.evaluation_accuracy, history.training_accuracy
        tenth = max(1, test.shape[1] // 8)
        measured |= {
            f"{name}: best epoch": test.max(axis=1),
            f"{name}: final": test[:, -1],
            f"{name}: epoch 199": test[:, min(199, test.shape[1] - 1)],
            f"{name}: training, final": train[:, -1],
            f"{name}: gap": train.max(axis=1) - test.max(axis=1),
            f"{name}: last eighth minus the one before": test[:, -tenth:].mean(axis=1)
            - test[:, -2 * tenth : -tenth].mean(axis=1),
            f"{name}: least test cost": history.evaluation_cost.min(axis=1),
            f"{name}: epoch of least test cost": history.evaluation_cost.argmin(axis=1),
            f"{name}: test cost, final minus least": history.evaluation_cost[:, -1]
            - history.evaluation_cost.min(axis=1),
        }
        curves[name] = {
            "test accuracy": curve(test),
            "training accuracy": curve(train),
            "test cost": curve(history.evaluation_cost),
            "training cost": curve(history.training_cost),
        }
    measured["L2 minus plain: best epoch"] = measured["L2: best epoch"] - measured["plain: best epoch"]
    measured["L2 minus plain: gap"] = measured["L2: gap"] - measured["plain: gap"]
    return Outcome(
        config={"sizes": [job.pixels, 30, job.splits.classes], "weights": "large", "cost": "cross_entropy"}
        | {"images": len(training), "learning_rate": 0.5, "batch_size": 10, "epochs": job.epochs_of(EPOCHS)}
        | {"arms": ARMS, "evaluated on": "test, after each epoch"},
        measured={"test_accuracy": measured["plain: final"], **measured},
        curves=curves,
        network=network,
        params=each(params)[0],
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw test accuracy of both arms beside the author's, and the four monitors of the first."""
    about = f"{result['data']['sizes']['training']} images, {result['data']['name']}, {len(result['seeds'])} seeds"
    about = about.replace(str(result["data"]["sizes"]["training"]), str(result["config"]["images"]), 1)
    found, comparable = result["curves"], result["comparable"]
    plots.curves(
        folder / "test.png",
        {name: 100 * np.asarray(found[name]["test accuracy"]) for name in ARMS},
        title=f"30 hidden neurons, cross-entropy, rate 0.5: {about}",
        ylabel="test accuracy (%)",
        points={f"book, {name}": marks for name, marks in BOOK.items()} if comparable else None,
        ylim=(75, 90) if comparable else None,
    )
    plots.curves(
        folder / "cost.png",
        {f"{name}, {part}": found[name][f"{part} cost"] for name in ARMS for part in ("test", "training")},
        title=f"Cost without the penalty: {about}",
        ylabel="cross-entropy (nats)",
        points={"book, plain, test": [(0, 2.076), (14, 1.2028), (49, 1.349), (99, 1.505), (199, 1.637), (399, 1.773)]}
        if comparable
        else None,
    )
    plots.curves(
        folder / "training.png",
        {f"{name}, training": 100 * np.asarray(found[name]["training accuracy"]) for name in ARMS},
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
    rows=(
        Row("ch3-overfitting", DID, "82.27 % at the best epoch", PLACE, "plain: best epoch", Number(0.8227)),
        Row("ch3-overfitting", DID, "just under 82 % at epoch 200", PLACE, "plain: epoch 199", Number(0.8190)),
        Row("ch3-overfitting", DID, "100 % on the training data", PLACE, "plain: training, final", Toy(1)),
        Row("ch3-overfitting", DID, "a gap of 17.73 points to the test data", PLACE, "plain: gap", Number(0.1773)),
        Row(
            "ch3-overfitting",
            DID,
            "the test cost is least near epoch 15",
            PLACE,
            "plain: epoch of least test cost",
            Number(14, narrow=10),
            ours="the same; an interval of 10 epochs counts as narrow",
        ),
        Row(
            "ch3-overfitting",
            DID,
            "the test cost is 1.2028 there",
            PLACE,
            "plain: least test cost",
            Number(1.2028, narrow=0.06),
            ours="the same; an interval of a twentieth of the value counts as narrow",
        ),
        Row(
            "ch3-overfitting",
            DID,
            "the test cost rises after that",
            PLACE,
            "plain: test cost, final minus least",
            Claim("above"),
        ),
        Row("ch3-regularized", DID_L2, "87.1 % at the best epoch", PLACE_L2, "L2: best epoch", Number(0.8710)),
        Row(
            "ch3-regularized",
            DID_L2,
            "still rising at 400 epochs",
            PLACE_L2,
            "L2: last eighth minus the one before",
            Claim("above"),
            ours="mean of the last 50 epochs minus that of the 50 before",
        ),
        Row(
            "ch3-regularized",
            "compares it with the run without a penalty",
            "87.1 % against 82.27 %",
            PLACE_L2,
            "L2 minus plain: best epoch",
            Claim("above"),
            ours="the same, paired by seed",
        ),
    ),
    run=run,
    plot=plot,
)
