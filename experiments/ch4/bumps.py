"""What do two steps make, and four, and ten? Bumps of any height, anywhere: chapter 4's bricks."""

import pathlib
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch4.constructions import bumps, cells, middles, side_by_side, steps
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Toy
from experiments.training import Job
from jnndl.data import Splits

POSITIONS, WEIGHTS = (0.4, 0.6), (0.6, 1.2)
BUMP, HEIGHTS = (0.4, 0.6), (0.6, 0.8, -0.6)  # the widget's height, the text's, and a negative one
PAIRS, TWO_HEIGHTS = ((0.4, 0.6), (0.7, 0.9)), (-1.2, 0.3)
GENTLE = 10.0
FIVE = side_by_side(5)
TWO_STEPS, PAST = "two steps: off by", "first step past the second: off by"
BUMPS, GENTLE_BUMP = "bumps: off by", "w = 10: height of the bump"
DOUBLE, FIVE_BUMPS = "double bump: off by", "five bumps: off by"


def off(built: Any, x: Any, wanted: Any) -> float:
    """The largest distance of a network's weighted output from what is wanted at some points."""
    return float(np.abs(built.weighted(np.array(x)) - np.array(wanted)).max())


def five_heights(seed: int) -> np.ndarray:
    """Heights as the widget draws them: tenths from -1.5 to 1.5."""
    return np.random.default_rng(seed).integers(-15, 16, 5) / 10


def run(job: Job) -> Outcome:
    """Build each network, and look at its plateaus."""
    x = cells(1000)
    two, past = steps(POSITIONS, WEIGHTS), steps((0.7, 0.6), WEIGHTS)
    one = {h: bumps([BUMP], [h]) for h in HEIGHTS}
    gentle, double = bumps([BUMP], [0.6], weight=GENTLE), bumps(PAIRS, TWO_HEIGHTS)
    random = [five_heights(seed) for seed in range(job.seeds)]
    five = [bumps(FIVE, heights) for heights in random]
    drawn: dict[str, dict[str, Any]] = {
        "two_steps": {"steps at 0.40 and 0.60": two, "the first moved to 0.70": past},
        "bump": {f"h = {h:g}": one[h] for h in HEIGHTS} | {f"h = 0.6, w = {GENTLE:g}": gentle},
        "double_bump": {"-1.2 and 0.3": double},
        "five_bumps": {f"seed {seed}": built for seed, built in enumerate(five[:2])},
    }
    return Outcome(
        config={"w": 1000, "precision": "float64", "five heights": [curve(heights) for heights in random]},
        measured={
            TWO_STEPS: off(two, (0.2, 0.5, 0.8), (0, 0.6, 1.8)),
            PAST: off(past, (0.2, 0.65, 0.8), (0, 1.2, 1.8)),
            BUMPS: max(off(one[h], (0.2, 0.5, 0.8), (0, h, 0)) for h in HEIGHTS),
            GENTLE_BUMP: gentle.weighted(np.array([0.5]))[0],
            DOUBLE: off(double, (0.2, 0.5, 0.65, 0.8, 0.95), (0, -1.2, 0, 0.3, 0)),
            FIVE_BUMPS: [off(b, middles(FIVE), heights) for b, heights in zip(five, random, strict=True)],
        },
        curves={"x": curve(x)}
        | {
            picture: {name: curve(built.weighted(x)) for name, built in lines.items()}
            for picture, lines in drawn.items()
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the weighted outputs."""
    found = result["curves"]
    titles = {
        "two_steps": "Two steps with the output weights 0.6 and 1.2",
        "bump": "Steps at 0.40 and 0.60 with the output weights h and -h",
        "double_bump": "Two pairs of steps: two bumps",
        "five_bumps": "Five pairs of steps with random heights",
    }
    for picture, title in titles.items():
        plots.curves(
            folder / f"{picture}.png",
            found[picture],
            x=found["x"],
            title=title,
            xlabel="x",
            ylabel="weighted output",
            xlim=(0, 1),
            ylim=(-1.7, 2),
        )


def _row(entry: str, did: str, reported: str, metric: str, rule: Toy, ours: str) -> Row:
    place = "chapter 4, universality with one input and one output"
    return Row(id=entry, did=did, reported=reported, place=place, metric=metric, rule=rule, ours=ours, anywhere=True)


EXACT = Toy(0, tolerance=1e-9)
MIDDLES = "w = 1000: the largest distance from these at the middle of each plateau"
EXPERIMENT = Experiment(
    name="ch4-bumps",
    chapter="4",
    shows="two steps, one bump, two bumps, five bumps",
    minutes=0.1,
    metrics=(TWO_STEPS, PAST, BUMPS, GENTLE_BUMP, DOUBLE, FIVE_BUMPS),
    rows=(
        _row(
            "ch4-two-steps",
            "steps at 0.40 and 0.60, output weights 0.6 and 1.2",
            "plateaus at 0, 0.6 and 1.8",
            TWO_STEPS,
            EXACT,
            MIDDLES,
        ),
        _row(
            "ch4-two-steps",
            "moves the first step past the second",
            "the other neuron is the first to be activated",
            PAST,
            EXACT,
            "the first step at 0.70, so the plateaus are 0, 1.2 and 1.8; " + MIDDLES,
        ),
        _row(
            "ch4-bump",
            "steps at 0.40 and 0.60, output weights h and -h",
            "a bump of height h: 0.6, 0.8 or negative",
            BUMPS,
            EXACT,
            MIDDLES,
        ),
        _row(
            "ch4-bump",
            "takes w to be large",
            "no number for a small one",
            GENTLE_BUMP,
            Toy(0.27727029, tolerance=1e-8),
            "w = 10, h = 0.6: by algebra h tanh(w (s2 - s1)/4) = 0.6 tanh(1/2), less than half of h",
        ),
        _row("ch4-double-bump", "two pairs, h = -1.2 and 0.3", "two bumps", DOUBLE, EXACT, MIDDLES),
        _row(
            "ch4-five-bumps",
            "five pairs with steps at 0, 1/5, ..., 1, random heights from -1.5 to 1.5",
            "any five heights",
            FIVE_BUMPS,
            EXACT,
            "heights drawn anew for each seed; " + MIDDLES,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "two_steps": "Each neuron adds its output weight from its step on. The order of the steps decides which "
        "plateau comes first.",
        "bump": "What the first neuron adds, the second takes away again. With a small weight the bump never reaches "
        "its height.",
        "double_bump": "Pairs of neurons do not disturb each other.",
        "five_bumps": "Whoever chooses five heights has designed a function.",
    },
)
