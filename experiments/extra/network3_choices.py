"""What do network3's own ways cost? Its stored order, its first weights, its last of equal epochs, one by one."""

import pathlib
from typing import Any

from experiments import plots
from experiments.ch6 import conv1, network3
from experiments.comparison import accuracy_curves
from experiments.runner import BookScale, Experiment, Outcome, Row
from experiments.statistics import Equivalent
from experiments.training import Job
from jnndl.data import Splits

UNIT = "of the errors"
ARMS = {
    "reshuffled": "mini-batches are drawn anew in each epoch, not always in the stored order",
    "usual weights": "all weights start at 1/sqrt(n_in) and all biases at N(0, 1), those of the softmax layer too",
    "first of equals": "the first of equally good validation epochs counts, not the last",
}


def more(arm: str) -> str:
    """The name of a metric: by which part of the errors an arm has more than network3, or fewer."""
    return f"{arm}: more errors than network3"


def run(job: Job) -> Outcome:
    """The network with one convolutional layer with one thing changed at a time; and as network3 has it."""
    tried = {"reshuffled": conv1.train(job, "reshuffled: ", shuffle=True)}
    usual = network3.network(job, maps=(20,), own_weights=True)
    tried["usual weights"] = network3.train(job, usual, title="usual weights: ")
    tried["first of equals"] = conv1.train(job, "first of equals: ", ties="first")
    earlier = network3.before(job, "ch6-conv1", conv1.ARM, lambda: conv1.train(job))
    measured = {f"{arm}: test": one.test for arm, one in tried.items()}
    measured |= {more(arm): (earlier.test - one.test) / (1 - earlier.test.mean()) for arm, one in tried.items()}
    curves = {"network3": earlier.curve.tolist()} | accuracy_curves({arm: one.fit for arm, one in tried.items()})
    del curves["first of equals"]  # the same networks
    return Outcome(
        config=network3.settings_of(job, maps=20, hidden=100, learning_rate=0.1) | {"network3": earlier.source} | ARMS,
        measured=measured,
        curves={"validation_accuracy": curves},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw validation accuracy against epochs, and what each change makes."""
    plots.curves(
        folder / "accuracy.png",
        plots.percent(result["curves"]["validation_accuracy"]),
        title=f"One convolutional layer, one thing changed: {plots.about(result)}",
        ylabel="validation accuracy (%)",
        ylim=plots.if_comparable(result, (97, 99.2)),
    )
    plots.arms(
        folder / "errors.png",
        {arm: plots.percent(plots.per_seed(result, more(arm))) for arm in ARMS},
        title=f"More test errors than as network3 has it: {plots.about(result)}",
        xlabel="% of the errors",
        zero=True,
    )


EXPERIMENT = Experiment(
    name="network3-choices",
    chapter="",
    shows="one convolutional layer trained as network3 does, and with each of its ways changed",
    minutes=4.5,
    book_scale=BookScale(seeds=5, minutes=32),
    metrics=(*(f"{arm}: test" for arm in ARMS), *map(more, ARMS)),
    rows=tuple(
        Row(
            id=f"network3-{arm.replace(' ', '-')}",
            did="trains as network3 does",
            reported="nothing about what that costs",
            place="network3.py",
            metric=more(arm),
            rule=Equivalent(network3.CLOSE, unit=UNIT),
            ours=f"{told}; paired by seed. It matters little if that makes less than a quarter of the errors",
            at_any_scale=True,
        )
        for arm, told in ARMS.items()
    ),
    run=run,
    plot=plot,
    captions={
        "accuracy": "network3 shuffles never and starts from other weights than chapter 3.",
        "errors": "One dot for each network, paired with the same seed's under network3's protocol.",
    },
)
UNJUDGED = {f"{arm}: test": "the part of the errors is judged" for arm in ARMS}
