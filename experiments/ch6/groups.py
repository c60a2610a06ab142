"""Networks that take up to an hour: trained a few at a time, and kept as they end, so that a run may take several days.

A group is one network for each device. After each, what is needed later of its networks is written to kept.json beside
the results, and when the question is done it stands in result.json, which is kept under version control. A network that
is found in either is not trained again, provided that its recipe and its data are the same.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments import runner
from experiments.ch6 import network3
from experiments.ch6.network3 import Tried
from experiments.comparison import curve
from experiments.training import Job
from jnndl.data import Dataset
from jnndl.network import Network

NAME = "kept.json"
Record = dict[str, Any]


class Arm(NamedTuple):
    """How the networks of an arm are trained.

    Attributes:
        network, training: what, and on which images.
        settings: of ``train``.
        seeds: how many networks.
        besides: of the first seed's training, what else is to be kept.
        train: by which protocol, called as ``network3.train`` is; None for that one.
    """

    network: Network
    training: Dataset
    settings: dict[str, Any]
    seeds: int
    besides: Callable[[Tried], dict[str, Any]] | None = None
    train: Callable[..., Tried] | None = None

    def recipe(self, job: Job) -> dict[str, Any]:
        """All that makes two networks of one seed the same, as JSON."""
        own = {"epochs": network3.EPOCHS, "short_epochs": network3.SHORT_EPOCHS} | self.settings
        epochs, short = own.pop("epochs"), own.pop("short_epochs")
        own |= {"network": repr(self.network), "training": checksum(self.training)}
        found: dict[str, Any] = json.loads(json.dumps(own | {"epochs": job.epochs_of(epochs if job.book else short)}))
        return found


class Networks(NamedTuple):
    """What is kept of the networks of an arm, in the order of their seeds.

    Attributes:
        test, validation: accuracies after the epoch that is the best on the validation data, shape (seeds,).
        epoch: these epochs, shape (seeds,).
        curve: the validation accuracy after each epoch, shape (seeds, epochs).
        answers: to the test images after the best epoch, shape (seeds, n).
        records: all that is kept, as JSON.
    """

    test: np.ndarray
    validation: np.ndarray
    epoch: np.ndarray
    curve: np.ndarray
    answers: np.ndarray
    records: list[Record]

    def figures(self, arm: str) -> dict[str, Any]:
        """What is measured of the arm, by the names of ``network3.names``."""
        chosen = int(np.argmax(self.validation[: network3.TRIES]))
        values = self.test, self.validation, self.epoch, self.test[chosen]
        return dict(zip(network3.names(arm), values, strict=True))


def checksum(data: Dataset) -> str:
    """Tells training data from others: their images and labels, in their order."""
    found = hashlib.sha256(np.asarray(data.inputs).tobytes())
    found.update(np.asarray(data.targets).tobytes())
    return found.hexdigest()


def folder_of(job: Job, question: str) -> pathlib.Path | None:
    """Where a question's results lie at this scale; None where nothing is written."""
    return None if job.results is None else job.results / runner.folder_name(question, job.scale)


def stored(job: Job, question: str) -> Iterator[tuple[pathlib.Path, dict[str, Any]]]:
    """What is kept of a question at this scale, of the same data: beside the results, and under version control."""
    folder = folder_of(job, question)
    paths = [] if folder is None else [folder / NAME]
    if not job.quick and job.epochs is None:  # what is under version control is of full length
        paths.append(runner.EVIDENCE / f"{runner.folder_name(question, job.scale)}.json")
    for path in paths:
        if path.exists():
            found = json.loads(path.read_text())
            kept = found if path.name == NAME else found.get("kept", {})
            if kept.get("data") == job.splits.sha256:
                yield path, kept


def known(job: Job, question: str, arm: str, recipe: Mapping[str, Any]) -> dict[int, Record]:
    """The networks of an arm that need not be trained again, by seed.

    Raises:
        ValueError: if there are networks of another recipe.
    """
    found: dict[int, Record] = {}
    for path, kept in stored(job, question):
        if arm not in kept.get("networks", {}):
            continue
        theirs = kept["recipes"][arm]
        other = [name for name in sorted({*recipe, *theirs}) if recipe.get(name) != theirs.get(name)]
        if other:
            name = other[0]
            raise ValueError(
                f"{path} has networks of {question}, {arm}, by another recipe: {name} is {theirs.get(name)!r:.200} "
                f"there, and {recipe.get(name)!r:.200} here; run {question} without --resume to train them anew"
            )
        found = {int(seed): one for seed, one in kept["networks"][arm].items()} | found
    return found


def record_of(tried: Tried, number: int, labels: np.ndarray) -> Record:
    """What is kept of one network of a group, with the commit that trained it."""
    answers = tried.answers[number]
    return {
        "commit": runner.commit(),
        "test": float(tried.test[number]),
        "validation": round(float(tried.validation[number]), 6),
        "epoch": int(tried.epoch[number]),
        "curve": curve(tried.fit.history.evaluation_accuracy[number]),
        "wrong": {str(i): int(answers[i]) for i in np.flatnonzero(answers != labels)},
    }


def answers_of(record: Mapping[str, Any], labels: np.ndarray) -> np.ndarray:
    """All answers of a network, from those that are wrong."""
    answers = np.array(labels)
    for i, answer in record["wrong"].items():
        answers[int(i)] = answer
    return answers


def at_once(job: Job) -> int:
    """How many networks are trained together: one for each device."""
    return len(jax.devices()[: job.trainer.devices])


def groups(seeds: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """The seeds in groups of at most this size, in their order."""
    return [tuple(seeds[start : start + size]) for start in range(0, len(seeds), size)]


def train_group(job: Job, arm: Arm, name: str, seeds: tuple[int, ...]) -> dict[int, Record]:
    """Train some networks of an arm together, with checkpoints of their own."""
    trainer, which = job.trainer, "-".join(map(str, seeds))
    if trainer.checkpoints is not None:
        trainer = trainer.for_question(trainer.checkpoints / f"{name}-{which}".replace(" ", "-"))
    title = f"{name}, seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}: "
    own = dataclasses.replace(job, trainer=trainer, group=seeds)
    tried = (arm.train or network3.train)(own, arm.network, training=arm.training, title=title, **arm.settings)
    labels = np.asarray(job.splits.test.targets)
    found = {seed: record_of(tried, number, labels) for number, seed in enumerate(seeds)}
    if 0 in found and arm.besides is not None:
        found[0] |= arm.besides(tried)
    return found


def train(job: Job, question: str, arms: Mapping[str, Arm], *, again: bool) -> tuple[dict[str, Networks], dict]:
    """The networks of a question, of which those are trained that are not known.

    Args:
        job: what was asked for.
        question: whose networks they are.
        arms: by name.
        again: train all of them, whether they are known or not.

    Returns:
        The networks of each arm; and what ``Outcome.kept`` holds.

    Raises:
        ValueError: if networks are known by another recipe, and not all are to be trained again.
    """
    labels, folder = np.asarray(job.splits.test.targets), folder_of(job, question)
    recipes = {name: arm.recipe(job) for name, arm in arms.items()}
    records = {name: {} if again else known(job, question, name, recipes[name]) for name in arms}
    kept = {"data": job.splits.sha256, "recipes": recipes, "networks": records}
    for name, arm in arms.items():
        missing = [seed for seed in range(arm.seeds) if seed not in records[name]]
        if len(missing) < arm.seeds:
            print(f"{name}: {arm.seeds - len(missing)} of {arm.seeds} networks are known, and not trained again")
        for seeds in groups(missing, at_once(job)):
            records[name] |= train_group(job, arm, name, seeds)
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                write(folder / NAME, kept, again=again)
    found = {name: collected([records[name][seed] for seed in range(arm.seeds)], labels) for name, arm in arms.items()}
    asked = {name: {str(seed): records[name][seed] for seed in range(arm.seeds)} for name, arm in arms.items()}
    return found, kept | {"networks": asked}


def write(path: pathlib.Path, kept: dict[str, Any], *, again: bool) -> None:
    """Write what is kept; the question's other arms stay in the file, unless all are trained again."""
    before = json.loads(path.read_text()) if path.exists() and not again else {}
    if before.get("data") == kept["data"]:
        kept = kept | {part: before[part] | kept[part] for part in ("recipes", "networks")}
    runner.write(path, json.dumps(kept))


def collected(records: list[Record], labels: np.ndarray) -> Networks:
    """The records of an arm as arrays."""
    test, validation, epoch = (np.array([one[name] for one in records]) for name in ("test", "validation", "epoch"))
    answers = np.stack([answers_of(one, labels) for one in records])
    return Networks(test, validation, epoch, np.array([one["curve"] for one in records], float), answers, records)
