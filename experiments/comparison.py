"""Arms that are compared: what is measured of each, and how the metrics are called, declared once for each question.

``run`` measures by what is declared here, rows name it, and plots read it. A name that nobody declared is an error when
the question's module is imported, long before anything is trained.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import jnndl
from experiments.statistics import BROKEN
from experiments.training import Job, unstack
from jnndl.data import Dataset
from jnndl.training import Fit

Measure = Callable[[Fit], Any]


def final(fit: Fit) -> Any:
    """The accuracy on the evaluation data after the last epoch."""
    return fit.history.evaluation_accuracy[:, -1]


def first_epoch(fit: Fit) -> Any:
    """The accuracy on the evaluation data after the first epoch."""
    return fit.history.evaluation_accuracy[:, 0]


def best_epoch(fit: Fit) -> Any:
    """The best accuracy on the evaluation data after any epoch."""
    return fit.history.evaluation_accuracy.max(axis=1)


def gap(fit: Fit) -> Any:
    """By how much the best accuracy on the training data is above that on the evaluation data."""
    return fit.history.training_accuracy.max(axis=1) - best_epoch(fit)


def right_by_class(answers: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Of each class, how many of its images are answered right, and how many images it has.

    Args:
        answers: shape (n,) or (seeds, n); what is no class is wrong.
        labels: shape (n,).

    Returns:
        Counts of shape (classes,) or (seeds, classes), and (classes,).
    """
    labels = np.asarray(labels)
    images = np.bincount(labels)
    right = np.asarray(answers) == labels
    return np.stack([right[..., labels == one].sum(axis=-1) for one in range(len(images))], axis=-1), images


def answers_of(fit: Fit, data: Dataset) -> np.ndarray:
    """What the networks of an arm answer after the last epoch, shape (seeds, n)."""
    return np.stack([jnndl.predict(fit.network, params, data).labels for params in unstack(fit.params)])


def lost_classes(answers: Any, labels: Any) -> np.ndarray:
    """How many classes each network has lost: right in fewer than 2 % of their images (see ``statistics.broken``).

    Args:
        answers: shape (seeds, n).
        labels: shape (n,).
    """
    right, images = right_by_class(answers, labels)
    return np.sum(right < BROKEN * images, axis=-1)


def unbroken(per_seed: Any, *lost: np.ndarray) -> np.ndarray:
    """The values of those seeds whose networks have lost no class, in none of the arms.

    Args:
        per_seed: shape (seeds,).
        lost: of each arm, what ``lost_classes`` returns.
    """
    return np.asarray(per_seed)[~np.any(lost, axis=0)]


def minus(arm: str, other: str, metric: str = "") -> str:
    """The name of a difference: "dropout minus plain", or "L2 minus plain: gap" where there are several."""
    return f"{arm} minus {other}" + (f": {metric}" if metric else "")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The arms of a question, what is measured of each, and which of them are compared.

    Attributes:
        arms: their names.
        metrics: name -> function of an arm's ``Fit``, which returns one value per seed. The metric of one arm is called
            "arm: metric".
        differences: name of a difference (see ``minus``) -> the two metrics, first minus second, paired by seed.

    Raises:
        ValueError: if a difference is one of metrics that are not declared.
    """

    arms: tuple[str, ...]
    metrics: Mapping[str, Measure]
    differences: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for difference, pair in self.differences.items():
            unknown = [name for name in pair if name not in self.by_arm]
            if unknown:
                raise ValueError(
                    f"{difference!r} is a difference of {unknown[0]!r}, but there are {', '.join(self.by_arm)}"
                )

    @property
    def by_arm(self) -> dict[str, tuple[str, Measure]]:
        """The name of each arm's metric -> the arm and the function."""
        return {f"{arm}: {name}": (arm, of) for arm in self.arms for name, of in self.metrics.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all that ``measure`` returns."""
        return *self.by_arm, *self.differences

    def measure(self, fits: Mapping[str, Fit]) -> dict[str, Any]:
        """All metrics and differences by name, one value per seed, from each arm's ``Fit``."""
        measured = {name: of(fits[arm]) for name, (arm, of) in self.by_arm.items()}
        return measured | {name: measured[a] - measured[b] for name, (a, b) in self.differences.items()}


def train_arms(
    job: Job, arms: Mapping[str, Mapping[str, Any]], evaluation: Dataset | None, **shared: Any
) -> dict[str, Fit]:
    """Train all arms, one network per seed each, from the same keys on the same shuffles.

    Args:
        job: what was asked for.
        arms: name -> arguments of ``Job.fit`` that are the arm's own. The name is printed before each line, unless
            there is a ``title``.
        evaluation: the data to measure on after each epoch, or None.
        shared: arguments of ``Job.fit`` that all arms share.
    """
    fits = {}
    for name, own in arms.items():
        arguments: dict[str, Any] = {"title": f"{name}: ", "evaluation": evaluation} | shared | dict(own)
        fits[name] = job.fit(**arguments).fit
    return fits


def curve(values: Any) -> Any:
    """An array as JSON holds it: nested lists of six digits, null for no value."""
    if np.ndim(values):
        return [curve(value) for value in np.asarray(values)]
    return float(f"{float(values):.6g}") if np.isfinite(values) else None


def accuracy_curves(fits: Mapping[str, Fit]) -> dict[str, Any]:
    """The accuracy of each arm on the evaluation data, seed by seed and epoch by epoch, as JSON values."""
    return {name: curve(fit.history.evaluation_accuracy) for name, fit in fits.items()}
