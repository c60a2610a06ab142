"""How many hidden neurons does chapter 4's function take? Made by hand, and trained."""

import pathlib
from typing import Any

import jax
import numpy as np
import optax

import jnndl
from experiments import plots
from experiments.ch4.constructions import Built, Function, affine, cells, goal, goal_logit, lookup, power
from experiments.comparison import curve, minus
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Claim, Drawn, Measured, Rule, Toy
from experiments.training import Job, unstack
from jnndl.data import Dataset, Splits
from jnndl.network import Network
from jnndl.neurons import sigmoid

POINTS, EXAMPLES, EPOCHS = 20_000, 500, 300
BUMPS = (40, 80, 160, 320, 640)  # for the power of N; fewer hardly see cos(50 x), half a wave of which is 1/16 wide
STEEP = 1000  # w = 1000 N: the steps are a thousand times as steep as the bumps are wide
HIDDEN = (10, 20, 40, 80)  # two for each bump
SHOWN = 40
ZOOM = 20.0  # inputs from -10 to 10, and biases to go with them: steps all over the interval, of all widths
# Rates chosen on another function, 1/2 + 0.3 sin(20 x + 1) cos(7 x), before any network saw this one.
ARMS: dict[str, dict[str, Any]] = {
    "descent": {"learning_rate": 0.1},
    "Adam": {"learning_rate": 0.01, "optimizer": optax.adam},
}


def variation() -> float:
    """The integral of |f'| over [0, 1], from the derivative by hand."""
    x = cells(1_000_000)
    slope = 0.8 * x + 0.3 * np.sin(15 * x) + 4.5 * x * np.cos(15 * x) - 2.5 * np.sin(50 * x)
    return float(np.abs(slope).mean())


def misprint(x: np.ndarray) -> np.ndarray:
    """f as the book writes it later on, without the x before the sine."""
    return goal(x) + 0.3 * (1 - x) * np.sin(15 * x)


def distances(function: Function) -> tuple[float, float]:
    """How far outputs are from f over [0, 1]: on average, and at the worst point."""
    x = cells(POINTS)
    off = np.abs(function(x) - goal(x))
    return float(off.mean()), float(off.max())


def slow_distance(function: Function) -> float:
    """How far outputs are on average from f without its fastest wave, 0.05 cos(50 x), itself 0.032 on average."""
    x = cells(POINTS)
    return float(np.abs(function(x) - (goal(x) - 0.05 * np.cos(50 * x))).mean())


def made(bumps: int) -> Built:
    """The network of 2N hidden neurons that has N bumps in its hidden layer, and f after its output neuron."""
    return lookup(goal_logit, bumps, weight=STEEP * bumps, output=sigmoid)


def trainable(hidden: int) -> Network:
    """A network with one hidden layer of sigmoid neurons and a linear output."""
    layers = jnndl.Dense(1, hidden, bias_init=wide), jnndl.Dense(hidden, 1, "linear", bias_init="zeros")
    return Network(layers, "linear", (1,))


def wide(key: Any, shape: tuple[int, ...], dtype: Any = float) -> Any:
    """Biases of standard deviation 5, so that steps start all over the inputs, which go from -10 to 10."""
    return 5 * jax.random.normal(key, shape, dtype)


def inputs(x: np.ndarray) -> np.ndarray:
    """What the trained networks see of x."""
    return ZOOM * (x - 0.5)


def cosine(epochs: int) -> optax.Schedule:
    """A factor on the rate that falls from 1 to 0."""
    return optax.cosine_decay_schedule(1.0, epochs * EXAMPLES // 10)


def train(job: Job, arm: str, hidden: int) -> list[Function]:
    """Networks trained on 500 points of f with the quadratic cost, one per seed, as functions of x in float64."""
    x = cells(EXAMPLES)
    data = Dataset(inputs(x)[:, None].astype(np.float32), goal(x)[:, None].astype(np.float32))
    network = trainable(hidden)
    fit = job.fit(
        network,
        None,
        training=data,
        epochs=EPOCHS,
        title=f"{arm}, {hidden} hidden: ",
        cost="quadratic",
        batch_size=10,
        schedule=SCHEDULE,
        **ARMS[arm],
    ).fit
    return [of_x(Built(network, tuple(affine(*layer) for layer in params))) for params in unstack(fit.params)]


def of_x(trained: Built) -> Function:
    """A trained network as a function of x, in float64."""
    return lambda x: trained.output(inputs(x))


SCHEDULE = cosine(EPOCHS)
LEAST, GREATEST, LATER = "least f", "greatest f", "as written later: least f"
POWER, TIMES = "made: power of N", "made: N times the mean error"
WORST_POWER = "made: power of N, worst error"
SLOW = f"descent, {SHOWN} hidden: mean error without the fast wave"


def error_of(arm: str, hidden: int) -> str:
    """The name of an arm's mean error."""
    return f"{arm}, {hidden} hidden: mean error"


def more(arm: str) -> str:
    """The name of the gain by more hidden neurons."""
    return minus(f"{arm}, {HIDDEN[-1]}", str(HIDDEN[0]))


def against_made(arm: str) -> str:
    """The name of the difference to the network made by hand."""
    return f"{SHOWN} hidden: {minus(arm, 'made')}"


def run(job: Job) -> Outcome:
    """Make networks by hand and train others of the same sizes."""
    drawn, x = np.arange(101) / 100, cells(400)
    of_bumps = [distances(made(bumps).output) for bumps in BUMPS]
    mean, worst = ([pair[k] for pair in of_bumps] for k in (0, 1))
    measured: dict[str, Any] = {
        "pictures": 1,
        LEAST: goal(drawn).min(),
        GREATEST: goal(drawn).max(),
        LATER: misprint(drawn).min(),
        POWER: power(BUMPS, mean),
        TIMES: BUMPS[-1] * mean[-1],
        WORST_POWER: power(BUMPS, worst),
    }
    measured |= {error_of("made", hidden): distances(made(hidden // 2).output)[0] for hidden in HIDDEN}
    lines = {"f": goal(x), f"made, {SHOWN} hidden": made(SHOWN // 2).output(x)}
    for arm in ARMS:
        for hidden in HIDDEN:
            networks = train(job, arm, hidden)
            measured[error_of(arm, hidden)] = np.array([distances(one)[0] for one in networks])
            if hidden == SHOWN and arm == "descent":
                measured[SLOW] = np.array([slow_distance(one) for one in networks])
            if hidden == SHOWN:
                lines[f"{arm}, {hidden} hidden, first seed"] = networks[0](x)
        first, last = (measured[error_of(arm, hidden)] for hidden in (HIDDEN[0], HIDDEN[-1]))
        measured[more(arm)] = last - first
        measured[against_made(arm)] = measured[error_of(arm, SHOWN)] - measured[error_of("made", SHOWN)]
    return Outcome(
        config={"made": f"w = {STEEP} N, heights from the middle of each bump", "hidden": HIDDEN, "bumps": BUMPS}
        | {"trained": f"{EXAMPLES} points, {EPOCHS} epochs, quadratic cost, mini-batches of 10, linear output"}
        | {
            "inputs": "20 (x - 1/2)",
            "weights": "N(0, 1)",
            "hidden biases": "N(0, 25)",
            "rate": "falls to 0 by a cosine",
        }
        | {"rates": {arm: settings["learning_rate"] for arm, settings in ARMS.items()}},
        measured=measured,
        curves={"x": curve(x), "lines": {name: curve(a) for name, a in lines.items()}, "mean": mean, "worst": worst},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw f beside networks that compute it, and the error against the number of hidden neurons."""
    found = result["curves"]
    plots.curves(
        folder / "function.png",
        found["lines"],
        x=found["x"],
        title=f"Chapter 4's function, and networks of {SHOWN} hidden neurons",
        xlabel="x",
        ylabel="f(x)",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    errors = {
        arm: np.transpose([plots.per_seed(result, error_of(arm, hidden)) for hidden in HIDDEN])
        for arm in ("made", *ARMS)
    }
    names = {"made": "made by hand", "descent": "trained by gradient descent", "Adam": "trained by Adam"}
    plots.curves(
        folder / "error.png",
        {names[arm]: values for arm, values in errors.items()},
        x=HIDDEN,
        title=f"Error against the number of hidden neurons, {len(result['seeds'])} seeds",
        xlabel="hidden neurons",
        ylabel="mean distance from f",
        yscale="log",
    )
    plots.powers(
        folder / "bumps.png",
        {
            "mean error": (BUMPS, found["mean"]),
            "worst error": (BUMPS, found["worst"]),
            "mean error by algebra": (BUMPS, [variation() / (4 * bumps) for bumps in BUMPS]),
        },
        title="More bumps, made by hand: twice as many halve the error",
        xlabel="bumps N",
        ylabel="distance from f",
        markers=True,
    )


def _row(
    did: str, reported: str, metric: str, rule: Rule, ours: str = "the same", *, anywhere: bool = True, why: str = ""
) -> Row:
    return Row(
        id="ch4-goal-f",
        did=did,
        reported=reported,
        place="chapter 4, universality with one input and one output",
        metric=metric,
        rule=rule,
        ours=ours,
        anywhere=anywhere,
        why=why,
    )


MORE = "says that more hidden neurons approximate better"
BY_HAND = "made by hand: N bumps as high as sigma^-1 of f in their middles, w = 1000 N, 40 to 640 bumps; "
TRAINED = (
    "500 points of f, 300 epochs, quadratic cost, linear output; the mean distance from f, paired by seed; the rate "
    "was chosen on another function"
)
NO_FAST_WAVE = (
    "In 300 epochs plain descent learns the slow waves of f and not the fast one, 0.05 cos(50x), which alone makes "
    "0.032 on average: from f without it, its networks are only {descent, 40 hidden: mean error without the fast wave} "
    "away. Bumps made by hand do not care how fast a wave is, and Adam learns some of it."
)
FEW_SPREAD = (
    "Descent from random weights spreads too much with few neurons: with 10 hidden ones the mean error is anywhere "
    "from {descent, 10 hidden: mean error||least} to {descent, 10 hidden: mean error||greatest}, with 80 it is "
    "{descent, 80 hidden: mean error}, no better than with 40."
)
EXPERIMENT = Experiment(
    name="ch4-target-function",
    chapter="4",
    shows="the function of chapter 4: error against the number of hidden neurons, made by hand and trained",
    minutes=0.5,
    metrics=(
        "pictures",
        LEAST,
        GREATEST,
        LATER,
        POWER,
        TIMES,
        WORST_POWER,
        *(error_of(arm, hidden) for arm in ("made", *ARMS) for hidden in HIDDEN),
        SLOW,
        *map(more, ARMS),
        *map(against_made, ARMS),
    ),
    rows=(
        _row("draws f", "a picture", "pictures", Drawn(unit="pictures"), "the same, and networks beside it"),
        _row("draws f from 0 to 1", "it lies in 0 to 1; the least is not said", LEAST, Toy(0.097, tolerance=0.0005)),
        _row(
            "draws f from 0 to 1", "it lies in 0 to 1; the greatest is not said", GREATEST, Toy(0.853, tolerance=0.0005)
        ),
        _row(
            "later writes f without the x before the sine",
            "no number",
            LATER,
            Measured(unit="in f(x)"),
            "below 0 no sigmoid output reaches: what is drawn is meant",
        ),
        _row(
            MORE,
            "no number",
            POWER,
            Toy(-1, tolerance=0.05),
            BY_HAND + "the slope of the mean error in a log-log plot; by algebra it is as 1/N",
        ),
        _row(
            MORE,
            "no number",
            TIMES,
            Toy(0.500156, tolerance=0.01),
            BY_HAND + "640 bumps; by algebra a quarter of f's whole way up and down",
        ),
        _row(
            "promises |g(x) - f(x)| < epsilon for all x",
            "no number",
            WORST_POWER,
            Toy(-1, tolerance=0.1),
            BY_HAND + "the slope of the worst error in a log-log plot",
        ),
        *(
            _row(
                MORE,
                "no number",
                more(arm),
                Claim("below", unit="in f(x)"),
                f"trained by {name}: 80 against 10 hidden neurons; {TRAINED}",
                anywhere=False,
                why=FEW_SPREAD if arm == "descent" else "",
            )
            for arm, name in (("descent", "gradient descent"), ("Adam", "Adam"))
        ),
        *(
            _row(
                "says that the construction is no practical prescription",
                "no number",
                against_made(arm),
                Claim("below", unit="in f(x)"),
                f"trained by {name}, against 20 bumps made by hand, 40 hidden neurons each; {TRAINED}",
                anywhere=False,
                why=NO_FAST_WAVE if arm == "descent" else "",
            )
            for arm, name in (("descent", "gradient descent"), ("Adam", "Adam"))
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "function": "Bumps made by hand follow f in stairs. Trained neurons have soft steps, and may follow it "
        "smoothly.",
        "error": "With 40 hidden neurons the bumps made by hand are off by {made, 40 hidden: mean error}, networks "
        "trained by gradient descent by {descent, 40 hidden: mean error}, and by Adam by "
        "{Adam, 40 hidden: mean error}.",
        "bumps": "A bump is flat and f is not, so the error falls only as fast as the bumps get narrow: as 1/N, as "
        "algebra says.",
    },
)
UNJUDGED = {
    error_of(arm, hidden): "what more hidden neurons change is judged" for arm in ("made", *ARMS) for hidden in HIDDEN
} | {SLOW: "explains a row about descent"}
