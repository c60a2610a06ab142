"""How well does chapter 1's first network do? 784-30-10, quadratic cost, rate 3.0, mini-batches of 10, 30 epochs."""

import pathlib
from typing import Any

import jnndl
from experiments import plots
from experiments.comparison import best_epoch, final
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Number
from experiments.training import Job, unstack
from jnndl.data import Splits

WORST = 24
TRANSCRIPT = {0: 0.9129, 1: 0.9295, 2: 0.9348, 27: 0.9528, 28: 0.9542, 29: 0.9534}  # epoch -> accuracy, of one run
EARLY = (0, 1, 2)


def after_epoch(epoch: int) -> str:
    """The name of the accuracy after an epoch."""
    return f"test accuracy after epoch {epoch}"


def run(job: Job) -> Outcome:
    """Train on the training data and, as the book does here, evaluate on the test data after each epoch."""
    network = jnndl.mlp([job.pixels, 30, job.splits.classes], weight_init=jnndl.initializers.large)
    test = job.splits.test
    fit = job.fit(network, test, epochs=30, learning_rate=3.0, batch_size=10, cost=jnndl.costs.quadratic).fit
    history, params = fit.history, unstack(fit.params)[0]
    accuracy = history.evaluation_accuracy
    early = {after_epoch(epoch): accuracy[:, min(epoch, accuracy.shape[1] - 1)] for epoch in EARLY}
    return Outcome(
        config={"sizes": [job.pixels, 30, job.splits.classes], "weights": "large", "epochs": history.penalty.shape[1]}
        | {"learning_rate": 3.0, "batch_size": 10, "cost": "quadratic", "evaluated on": "test, after each epoch"},
        measured={"test_accuracy": final(fit), "best_epoch_test_accuracy": best_epoch(fit)} | early,
        curves={
            "test_accuracy": history.evaluation_accuracy.tolist(),
            "training_accuracy": history.training_accuracy.tolist(),
            "test_cost": history.evaluation_cost.tolist(),
            "training_cost": history.training_cost.tolist(),
            "confusion": jnndl.evaluate(network, params, test, cost=jnndl.costs.quadratic).confusion.tolist(),
        },
        network=fit.network,  # knows the scale of its inputs: the page to draw on needs it
        params=params,
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw learning curves, confusion matrix, worst mistakes and first-layer weights."""
    found, about = result["curves"], plots.about(result)
    plots.curves(
        folder / "accuracy.png",
        plots.percent({"test": found["test_accuracy"], "training": found["training_accuracy"]}),
        title=f"ch1-baseline: accuracy, {about}",
        ylabel="accuracy (%)",
        points=plots.if_comparable(result, {"book, best of three runs": [(e, 100 * a) for e, a in TRANSCRIPT.items()]}),
    )
    cost = {"test": found["test_cost"], "training": found["training_cost"]}
    plots.curves(folder / "cost.png", cost, title=f"ch1-baseline: cost, {about}", ylabel="quadratic cost")
    network, params = jnndl.load(folder / "network.safetensors")
    shape = splits.test.inputs.shape[1:]
    pictures = {
        "confusion": jnndl.plots.confusion(found["confusion"], splits.names, title="Test images, first seed's network"),
        "mistakes": jnndl.plots.mistakes(
            network,
            params,
            splits.test,
            count=WORST,
            title="The worst mistakes: most sure of a wrong answer (first seed's network)",
        ),
        "weights": jnndl.plots.weights(
            network,
            params,
            shape=shape if len(shape) == 2 else None,
            title="First-layer weights, one picture per hidden neuron (red positive, blue negative)",
        ),
    }
    for name, picture in pictures.items():
        plots.save(picture, folder / f"{name}.png")
    try:
        jnndl.save_page(folder / "draw.html", network, params, about=about_network(result))
    except ValueError as error:  # other data: not all images are square, or have one value per pixel
        print(f"no page to draw on: {error}")


def about_network(result: dict[str, Any]) -> str:
    """What the page to draw on says of its network, the first seed's."""
    config, data = result["config"], {"mnist": "MNIST", "digits": "scikit-learn's 8x8 digits"}
    name = result["data"]["name"]
    return (
        f"The network: {'-'.join(map(str, config['sizes']))}, the first one of chapter 1: sigmoid neurons, quadratic "
        f"cost, learning rate 3.0, mini-batches of 10, {config['epochs']} epochs. It reads "
        f"{100 * result['curves']['test_accuracy'][0][-1]:.1f} % of the test images of {data.get(name, name)} right."
    )


UNJUDGED = {"test_accuracy": "the last epoch, in the picture; the book quotes the best"}
EXPERIMENT = Experiment(
    name="ch1-baseline",
    chapter="1",
    shows="784-30-10, quadratic cost, rate 3.0: the first network of the book",
    minutes=1,
    metrics=("test_accuracy", "best_epoch_test_accuracy", *map(after_epoch, EARLY)),
    rows=(
        Row(
            id="ch1-baseline",
            did="784-30-10, quadratic cost, rate 3.0, mini-batches of 10, 30 epochs; best of three runs",
            reported="95.42 % of the test images, at the best epoch of the best of three runs",
            place="chapter 1, transcript of the first network",
            metric="best_epoch_test_accuracy",
            rule=Number(0.9542, best_of=3, unit="%"),
        ),
        *(
            Row(
                id="ch1-baseline",
                did=f"the same run after epoch {epoch}",
                reported=f"{round(10_000 * TRANSCRIPT[epoch])} of 10,000",
                place="chapter 1, transcript of the first network",
                metric=after_epoch(epoch),
                rule=Number(TRANSCRIPT[epoch], unit="%"),
                ours="the same; held against single runs, because the book's run was chosen for its best epoch",
            )
            for epoch in EARLY
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "The book's diamonds come from the best of its three runs, so they lie at the upper edge of the "
        "band in the first epochs. The band is wide while a network gets a whole digit wrong.",
        "cost": "The training cost keeps falling after the test cost has levelled off: the first sign of overfitting.",
        "confusion": "Rows are the right digit, columns the answer. The darkest cells are the pairs that people mix "
        "up, too.",
        "mistakes": "Test images on which the network is most sure of a wrong answer: the right digit, and what it "
        "was read as.",
        "weights": "What each hidden neuron looks for. Most of it still looks like the random start.",
    },
)
