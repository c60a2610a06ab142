"""What the recipes beyond the book share: images distorted anew in every epoch, Adam, one cycle of the learning rate.

They were chosen by the accuracy on the 10,000 validation images, on which no network trains. The networks count as they
are after the last epoch, and answer the test images once, then.

``--scale book`` is the full length of these questions. By default they take a few minutes, on fewer images.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import Array

import jnndl
from experiments import plots
from experiments.ch6 import groups
from experiments.ch6.groups import Arm, Networks
from experiments.ch6.network3 import SHORT_IMAGES, Tried
from experiments.comparison import curve, minus
from experiments.runner import Outcome
from experiments.training import Job, unstack
from jnndl.data import Dataset, Splits
from jnndl.layers import Layer
from jnndl.network import Network, Params

BATCH = 100
SEEDS, FEW = 5, 3  # networks of the whole recipe, and of those that lack an ingredient
ALL = "all"  # the arm that has every ingredient
# Variance 2/n for ReLU, for weights of shape (n_out, n_in) and (n_out, rows, columns, n_in); and biases of 0.
START = {"weight_init": jax.nn.initializers.he_normal(in_axis=-1, out_axis=0), "bias_init": "zeros"}


@dataclasses.dataclass(frozen=True)
class OneCycle:
    """The learning rate rises to its peak in the first 30 % of the updates, from 1/25 of it, and falls to almost 0.

    Both along a cosine (Smith and Topin 2017, as PyTorch has it). It is a factor on the learning rate.

    Attributes:
        updates: of the whole run.
    """

    updates: int

    def __call__(self, count: Any) -> Array:
        """The factor after so many updates."""
        return optax.cosine_onecycle_schedule(self.updates, peak_value=1.0)(count)


def distort(job: Job, changes: Mapping[str, float]) -> list[Layer]:
    """The layer that distorts the images, or none for no changes.

    Args:
        job: what was asked for.
        changes: fields of ``jnndl.Distort`` for images of 28 pixels. On others, lengths are scaled by their size, and
            the elastic field, which is smoothed less there, by its square.
    """
    size = job.training.inputs.shape[1] / 28
    factors = {"shift": size, "alpha": size**2, "sigma": size}
    return [jnndl.Distort(**{name: value * factors.get(name, 1) for name, value in changes.items()})] if changes else []


def train(
    job: Job,
    network: Network,
    *,
    training: Dataset,
    title: str,
    epochs: int,
    short_epochs: int,
    rate: float,
    one_cycle: bool = True,
    keep: str = "",
) -> Tried:
    """Train a group of networks, one for each seed of ``job.group``.

    Args:
        job: what was asked for.
        network, training: what, and on which images.
        title: to print before each line.
        epochs, short_epochs: at full length, and by default.
        rate: Adam's learning rate, its peak where there is one.
        one_cycle: whether it rises and falls; else it is constant.
        keep: a question beside whose results the networks are saved; empty for none.
    """
    own, size = epochs if job.book else short_epochs, min(BATCH, len(training))
    schedule = OneCycle(job.epochs_of(own) * -(-len(training) // size)) if one_cycle else None
    fit, seconds = job.fit(
        network,
        job.splits.validation,
        training=training,
        title=title,
        epochs=own,
        batch_size=size,
        cost="log_likelihood",
        gradient="backprop",
        optimizer=optax.adam,
        learning_rate=rate,
        schedule=schedule,
        measure_training=0,
    )
    labels, validation = np.asarray(job.splits.test.targets), fit.history.evaluation_accuracy
    every = unstack(fit.params)
    answers = np.stack([jnndl.predict(fit.network, params, job.splits.test).labels for params in every])
    for seed, params in zip(job.group or (), every, strict=bool(job.group)):
        path = network_path(job, keep, seed) if keep else None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            jnndl.save(path, fit.network, params)
    last = np.full(len(every), validation.shape[1] - 1)
    return Tried(fit, answers, np.mean(answers == labels, axis=1), validation[:, -1], last, seconds)


def arm(job: Job, network: Network, settings: Mapping[str, Any], seeds: int) -> Arm:
    """How the networks of an arm are trained; ``settings`` are of ``train``."""
    training = job.training if job.book else job.training[:SHORT_IMAGES]
    return Arm(network, training, dict(settings), min(seeds, job.seeds), timed, train)


def timed(tried: Tried) -> dict[str, Any]:
    """What is kept of the first seed besides: how long an epoch took, all networks of its group together."""
    return {"seconds an epoch": None if np.isnan(tried.seconds) else round(tried.seconds, 2)}


def without(ingredient: str) -> str:
    """The name of the arm that lacks an ingredient."""
    return f"without {ingredient}"


def names(ingredients: Any) -> tuple[str, ...]:
    """The metrics of a recipe."""
    arms = [ALL, *map(without, ingredients)]
    of_arms = [f"{one}: {what}" for one in arms for what in ("test", "validation")]
    return "test_accuracy", *of_arms, *(minus(ALL, one) for one in arms[1:])


def measure(found: Mapping[str, Networks]) -> dict[str, Any]:
    """What is measured of a recipe, by the names of ``names``: accuracies, and what each ingredient brings by seed."""
    measured = {"test_accuracy": found[ALL].test}
    for name, networks in found.items():
        measured |= {f"{name}: test": networks.test, f"{name}: validation": networks.validation}
        if name != ALL:
            measured[minus(ALL, name)] = found[ALL].test[: len(networks.test)] - networks.test
    return measured


def unjudged(ingredients: Any) -> dict[str, str]:
    """Why the other metrics of a recipe have no row."""
    reasons = dict.fromkeys(names(ingredients), "what one ingredient brings, from few seeds: measured, not claimed")
    del reasons["test_accuracy"]
    return reasons | {
        f"{ALL}: test": "the same as test_accuracy",
        f"{ALL}: validation": "the recipe was chosen by it",
    }


def network_path(job: Job, question: str, seed: int) -> pathlib.Path | None:
    """Where a network of the whole recipe is saved; None where nothing is written."""
    folder = groups.folder_of(job, question)
    return None if folder is None else folder / "networks" / f"{seed}.safetensors"


def saved(job: Job, question: str, arms: Mapping[str, Arm], count: int) -> list[tuple[Network, Params]]:
    """The first networks of the whole recipe whose files are there.

    Raises:
        ValueError: if a file holds a network of another recipe.
    """
    paths = [network_path(job, question, seed) for seed in range(count)]
    return [jnndl.load(path, arms[ALL].network) for path in paths if path is not None and path.exists()]


def outcome(job: Job, question: str, arms: Mapping[str, Arm]) -> Outcome:
    """Train what is not known of a recipe, with and without each ingredient."""
    found, kept = groups.train(job, question, arms, again=not job.trainer.resume)
    network, params = next(iter(saved(job, question, arms, 1)), (None, None))
    return Outcome(
        config={"recipes": kept["recipes"], "batch_size": BATCH, "optimizer": "adam", "cost": "log_likelihood"}
        | {"evaluated on": "test, after the last epoch", "chosen on": "validation, no network trains on it"}
        | {"parameters": sum(leaf.size for leaf in jax.tree.leaves(arms[ALL].network.param_shapes))},
        measured=measure(found),
        curves={"validation_accuracy": {name: curve(networks.curve) for name, networks in found.items()}},
        network=network,
        params=params,
        kept=kept,
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw what each ingredient brings, and the accuracy while the networks train; and a page to draw on."""
    bring = [name for name in result["measured"] if name.startswith(minus(ALL, ""))]
    plots.arms(
        folder / "ingredients.png",
        {name.removeprefix(minus(ALL, "")): plots.percent(plots.per_seed(result, name)) for name in bring},
        title=f"What is lost without an ingredient: {plots.about(result)}",
        xlabel="points of test accuracy",
        zero=True,
    )
    plots.curves(
        folder / "validation.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"{result['experiment']}: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (97.5, 99.8)),
    )
    path = folder / "network.safetensors"
    if path.exists():
        accuracy = result["measured"]["test_accuracy"]["per_seed"][0]
        about = f"{result['experiment']}, seed 0. It reads {100 * accuracy:.2f} % of the test images right."
        jnndl.save_page(folder / "draw.html", *jnndl.load(path), about=about)
