"""How bad are soft steps, and do overlapping copies repair them? Chapter 4's windows of failure."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments import plots
from experiments.ch4.constructions import (
    Box,
    Built,
    Function,
    bumps,
    cells,
    goal_logit,
    mesh,
    one_neuron,
    overlapping,
    power,
    side_by_side,
    towers,
)
from experiments.ch4.surfaces import grid, surfaces
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Drawn, Measured, Rule, Toy
from experiments.training import Job
from jnndl.data import Splits
from jnndl.neurons import sigmoid, step

BOOK_W, SHADED = 50.0, (0.45, 0.55)
REACH = 2.5  # of a window, in units of 1/w: that is what the book shades, from the output sigma(-2.5) to sigma(2.5)
WIDTHS = (50.0, 100.0, 200.0, 500.0)
GRID = 200_001
# The book's drawing: five bumps for sigma^-1 of f, and five for half of it that are moved by half a bump.
BUMPS_W, HEIGHTS = 300.0, np.array([-1.3, -1.8, -0.5, -0.9, 0.3])
MOVED, MOVED_HEIGHTS = side_by_side(5, 0.1), np.array([-0.775, -0.575, -0.35, -0.3, 0.3])
COPIES, N, COPIES_W = (1, 2, 4, 8, 16), 5, 10_000.0
TOWER_COPIES, TOWERS, SHARP = (1, 2, 4, 8), 3, 40.0
RANDOM_BUMPS, RANDOM_W = 20, 1200.0  # steps as steep as in the book's drawing, for the width of a bump

WIDTH, NARROWER, WORSE = "w = 50: width of the window", "width: power of w", "error in the windows over outside"
TWICE, LINE_POWER, GOAL_POWER = "the book's heights: one copy over two", "a line: power of M", "f: power of M"
HOLE, HOLES_POWER, WHOLE = "towers: worst failure", "towers: power of M", "16 copies: worst error over that of one"
SOFTER, LINE_WORSE = "in the windows: soft steps over perfect ones", "a line: error in the windows over outside"
UNCOVERED = "the book's two copies: mean error up to 0.1"


def width(w: float) -> float:
    """How long a neuron with its step at 0.5 takes from the output sigma(-2.5) to sigma(2.5), on a fine grid."""
    x = np.linspace(0, 1, GRID)
    a = one_neuron(w, -w / 2).output(x)
    low, high = 1 / (1 + np.exp([REACH, -REACH]))
    return float(np.mean((a >= low) & (a <= high)))


def failure(soft: Built, perfect: Built, edges: Sequence[float] | np.ndarray) -> float:
    """The largest distance of a network from the same network with perfect steps; it is on an edge."""
    return float(np.abs(soft.weighted(np.asarray(edges)) - perfect.weighted(np.asarray(edges))).max())


def edges_of(copies: int) -> np.ndarray:
    """Where M copies of five bumps have their edges in [0, 1]."""
    return np.arange(N * copies + 1) / (N * copies)


def failure_of(function: Function, copies: int) -> float:
    """The failure of M overlapping copies of five bumps."""
    soft, perfect = (overlapping(function, N, copies, weight=COPIES_W, hidden=neuron) for neuron in (sigmoid, step))
    return failure(soft, perfect, edges_of(copies))


def by_algebra(copies: int) -> float:
    """The same for sigma^-1 of f, from the heights alone: on an edge a soft step is off by half of its jump."""
    edges = edges_of(copies)
    jumps = goal_logit(edges + 0.5 / N) - goal_logit(edges - 0.5 / N)
    return float(np.abs(jumps).max() / (2 * copies))


def line(x: np.ndarray) -> np.ndarray:
    """The function whose bumps all differ by the same."""
    return x


def boxes(copies: int) -> list[Box]:
    """M copies of 3 x 3 towers, each moved along both axes by 1/M of a tower, with a tower more at each end."""
    moved = [side_by_side(TOWERS, k / (TOWERS * copies), beyond=1) for k in range(copies)]
    return [(across, along) for edges in moved for across in edges for along in edges]


def flat(copies: int, weight: float = 1000.0) -> Built:
    """Towers for the function 1, M copies of 1/M."""
    return towers(boxes(copies), np.full(len(boxes(copies)), 1 / copies), SHARP, weight=weight)


def hole(copies: int) -> float:
    """By how much M copies miss 1, at worst: on the points where four towers meet, and on a mesh."""
    corners = np.array([box[axis][0] for box in boxes(copies) for axis in (0, 1)]).reshape(-1, 2)
    inside = corners[np.all((corners >= 0) & (corners <= 1), axis=1)]
    return float(np.abs(flat(copies).weighted(np.concatenate([inside, mesh(50)])) - 1).max())


def random_function(seed: int) -> Function:
    """A smooth random function: five waves."""
    rng = np.random.default_rng(seed)
    sizes, phases = rng.normal(size=5) / np.arange(1, 6), 2 * np.pi * rng.random(5)

    def function(x: np.ndarray) -> np.ndarray:
        waves = np.sin(2 * np.pi * np.arange(1, 6)[:, None] * x[None] + phases[:, None])
        found: np.ndarray = sizes @ waves
        return found

    return function


def in_windows(function: Function) -> tuple[float, float]:
    """The mean error of twenty bumps in the windows of failure, over that outside; and over that of perfect steps."""
    x = cells(20_000)
    soft, perfect = (
        np.abs(overlapping(function, RANDOM_BUMPS, 1, weight=RANDOM_W, hidden=neuron).weighted(x) - function(x))
        for neuron in (sigmoid, step)
    )
    inside = np.abs(x - np.round(x * RANDOM_BUMPS) / RANDOM_BUMPS) < REACH / RANDOM_W
    return float(soft[inside].mean() / soft[~inside].mean()), float(soft[inside].mean() / perfect[inside].mean())


def books_copies(neuron: Any) -> tuple[Built, Built]:
    """The book's five bumps; and its two sets of five, for half of the function each."""
    one = bumps(side_by_side(5), HEIGHTS, weight=BUMPS_W, hidden=neuron)
    heights = np.concatenate([HEIGHTS / 2, MOVED_HEIGHTS])
    return one, bumps(side_by_side(5) + MOVED, heights, weight=BUMPS_W, hidden=neuron)


def run(job: Job) -> Outcome:
    """Measure the windows, and what copies make of them."""
    x = cells(1000)
    soft, perfect = books_copies(sigmoid), books_copies(step)
    edges = np.arange(2, 10) / 10  # those between two bumps of a set
    one, two = (failure(a, b, edges) for a, b in zip(soft, perfect, strict=True))
    widths = [width(w) for w in WIDTHS]
    windows = [in_windows(random_function(seed)) for seed in range(job.seeds)]
    line_failures, failures = ([failure_of(function, m) for m in COPIES] for function in (line, goal_logit))
    holes = [hole(m) for m in TOWER_COPIES]
    tables = {m: overlapping(goal_logit, N, m, weight=COPIES_W).weighted(x) for m in COPIES}
    whole = {m: np.abs(table - goal_logit(x)) for m, table in tables.items()}
    early = x < 0.1
    return Outcome(
        config={"windows": f"{REACH}/w to either side of a step", "copies": COPIES, "bumps": N, "w": COPIES_W}
        | {"towers": f"{TOWERS} x {TOWERS} of 1, h = {SHARP:g}, w = 1000", "precision": "float64"},
        measured={
            "pictures": 1,
            WIDTH: widths[0],
            NARROWER: power(WIDTHS, widths),
            WORSE: [outside for outside, _ in windows],
            SOFTER: [over_perfect for _, over_perfect in windows],
            LINE_WORSE: in_windows(line)[0],
            TWICE: one / two,
            LINE_POWER: power(COPIES, line_failures),
            GOAL_POWER: power(COPIES, failures),
            HOLE: holes[0],
            HOLES_POWER: power(TOWER_COPIES, holes),
            WHOLE: whole[COPIES[-1]].max() / whole[1].max(),
            UNCOVERED: np.abs(soft[1].weighted(x) - goal_logit(x))[early].mean(),
        },
        curves={
            "x": curve(x),
            "window": curve(one_neuron(BOOK_W, -BOOK_W / 2).output(x)),
            "book": {"sigma^-1 of f": curve(goal_logit(x))}
            | {name: curve(b.weighted(x)) for name, b in zip(("one set of bumps", "two sets"), soft, strict=True)},
            "copies": {"sigma^-1 of f": curve(goal_logit(x))}
            | {f"{m} {'copy' if m == 1 else 'copies'}": curve(tables[m]) for m in (1, 2, 16)},
            "failures": {"f": failures, "a line": line_failures, "towers": holes},
            "towers": {
                f"{m} {'copy' if m == 1 else 'copies'}": curve(grid(flat(m, weight=100.0).weighted(mesh(60))))
                for m in (1, 2, 4)
            },
        },
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw a window of failure, the book's copies and ours, and the failure against their number."""
    found = result["curves"]
    new, axes = plots.blank()
    axes.axvspan(*SHADED, color=plots.STYLES[2][0], alpha=0.2, linewidth=0, label="window of failure")
    axes.plot(found["x"], found["window"], color=plots.STYLES[0][0], label="sigma(50 x - 25)")
    axes.plot([0, 0.5, 0.5, 1], [0, 0, 1, 1], color="black", linestyle=":", label="a perfect step")
    axes.set(xlabel="x", ylabel="output", xlim=(0, 1))
    plots.heading(axes, "Where a soft step is no step")
    plots.legend(axes)
    plots.save(new, folder / "window.png")
    for name, title in (
        ("book", "The book's bumps, and its two sets for half of the function each"),
        ("copies", "Overlapping copies of five bumps"),
    ):
        plots.curves(
            folder / f"{name}.png",
            found[name],
            x=found["x"],
            title=title,
            xlabel="x",
            ylabel="weighted output",
            xlim=(0, 1),
            ylim=(-2.5, 2),
        )
    plots.powers(
        folder / "failure.png",
        {
            name: (TOWER_COPIES if name == "towers" else COPIES, found["failures"][name])
            for name in ("towers", "f", "a line")
        },
        title="How far soft steps are from perfect ones, at worst",
        xlabel="copies M",
        ylabel="worst failure",
        markers=True,
    )
    surfaces(
        folder / "towers.png",
        found["towers"],
        title="Towers for the function 1, with soft steps (w = 100): holes where four towers meet",
    )


def _row(entry: str, did: str, reported: str, metric: str, rule: Rule, ours: str = "the same", why: str = "") -> Row:
    return Row(
        id=entry,
        did=did,
        reported=reported,
        place="chapter 4, fixing up the step functions",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=True,
        why=why,
    )


FIX = "adds up M overlapping approximations of f/M"
BETTER = "better in the windows by a factor of M; no number"
HANDED_ON = (
    "Worse, but not by half. Two bumps that share an edge hand over there: in the window the output goes from one "
    "height to the next, and so does f. Soft steps make {in the windows: soft steps over perfect ones|times} the error "
    "that perfect steps make so near to an edge. For a straight line the windows are as good as the rest, "
    "{a line: error in the windows over outside|times}; the difference comes from where f is bent. Holes open only "
    "where a threshold comes after the sum, as in towers: see below."
)
COARSE = (
    "Copies repair the windows, but their bumps are as wide as before: the sum of many copies is an average of f over "
    "the width of a bump, which misses the small waves. For those, bumps have to be narrower."
)
EXPERIMENT = Experiment(
    name="ch4-failure-windows",
    chapter="4",
    shows="windows in which a soft step is no step, and overlapping copies as a remedy",
    minutes=0.2,
    metrics=(
        "pictures",
        WIDTH,
        NARROWER,
        WORSE,
        SOFTER,
        LINE_WORSE,
        TWICE,
        LINE_POWER,
        GOAL_POWER,
        HOLE,
        HOLES_POWER,
        WHOLE,
        UNCOVERED,
    ),
    rows=(
        _row(
            "ch4-failure-window",
            "draws sigma(50x - 25), with 0.45 to 0.55 shaded",
            "a picture",
            "pictures",
            Drawn(unit="pictures"),
        ),
        _row(
            "ch4-failure-window",
            "shades 0.45 to 0.55",
            "a window of width 0.1",
            WIDTH,
            Toy(0.1, tolerance=0.0001),
            "where the output is between sigma(-2.5) and sigma(2.5), 0.08 to 0.92",
        ),
        _row(
            "ch4-failure-window",
            "says that large weights make the windows as narrow as we like",
            "no number",
            NARROWER,
            Toy(-1, tolerance=0.01),
            "w from 50 to 500: the slope in a log-log plot; by algebra the width is 5/w",
        ),
        _row(
            "ch4-failure-window",
            "adds up bumps that share their edges",
            "a reasonable approximation, except within the windows",
            WORSE,
            Claim("above", 1.5, unit="times"),
            "twenty bumps for a smooth random function for each seed, w = 1200: the mean error in the windows over "
            "that outside; the rule takes 'except' as worse by half at least",
            HANDED_ON,
        ),
        _row(
            "ch4-overlap-fix",
            "draws five bumps, and two sets of five for half of the function, one of them moved by half a bump",
            "better in the windows by a factor of roughly 2",
            TWICE,
            Toy(2, tolerance=0.01),
            "its heights, w = 300: how far the soft steps are from perfect ones at worst, on the edges between two "
            "bumps of a set",
        ),
        _row(
            "ch4-overlap-fix",
            FIX,
            BETTER,
            LINE_POWER,
            Toy(-1, tolerance=0.001),
            "f(x) = x by five bumps, 1 to 16 copies: the slope of the worst failure in a log-log plot; by algebra "
            "it is 1/(2NM)",
        ),
        _row(
            "ch4-overlap-fix",
            FIX,
            BETTER,
            GOAL_POWER,
            Toy(-1, tolerance=0.001),
            "sigma^-1 of f, the same: by algebra half of the largest jump of a copy, which is as 1/M here, since no "
            "copy has a larger one than the first",
        ),
        _row(
            "ch4-overlap-fix",
            "says that the same works with more inputs",
            "no number",
            HOLE,
            Toy(1, tolerance=0.001),
            "the function 1 by towers, one copy: where four towers meet, all of it is missing; by algebra 1 - 4 "
            "sigma(-h/2)",
        ),
        _row(
            "ch4-overlap-fix",
            "says that the same works with more inputs",
            "no number",
            HOLES_POWER,
            Toy(-1, tolerance=0.001),
            "1 to 8 copies of these towers, moved along both axes: the slope of the worst failure in a log-log plot; "
            "by algebra it is 1/M",
        ),
        _row(
            "ch4-overlap-fix",
            FIX,
            "an excellent overall approximation; no number",
            WHOLE,
            Measured(unit="times"),
            "sigma^-1 of f by five bumps: the largest distance from it, 16 copies over one",
            COARSE,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "window": "Near its step a sigmoid neuron is neither 0 nor 1. A larger weight makes this window narrower.",
        "book": "Two sets of bumps with half the height each, the second moved by half a bump: each jump is half as "
        "high. As drawn in the book, the second set starts at 0.1, so up to there one half is missing, and the mean "
        "error is {the book's two copies: mean error up to 0.1}.",
        "copies": "More copies make smaller jumps, but the bumps stay as wide: sixteen copies are smooth, and still "
        "miss the small waves.",
        "failure": "M copies shrink the failure to 1/M of what it was.",
        "towers": "With two inputs the windows are real: where four towers meet, none of them is on. With more copies "
        "there are more holes, each less deep.",
    },
)
UNJUDGED = {
    UNCOVERED: "a remark on the book's drawing, in the caption",
    **dict.fromkeys((SOFTER, LINE_WORSE), "explains the row about the windows"),
}
