"""Which way is down? Chapter 1's valley, a ball that rolls into it, and why the gradient's direction is the best."""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments import plots
from experiments.comparison import curve
from experiments.runner import Experiment, Outcome, Row
from experiments.statistics import Drawn, Toy
from experiments.training import Job
from jnndl.data import Splits

START, RATE, STEPS = (-0.9, 0.7), 0.1, 15
EPSILON, DIRECTIONS = 1e-3, 10_000
PICTURES = ("valley", "ball")


def valley(v: Any) -> Any:
    """The surface C = v1^2 + v2^2."""
    return jnp.sum(jnp.square(v))


def roll() -> np.ndarray:
    """The ball's path by v <- v - eta grad C, shape (STEPS + 1, 2)."""
    path = [jnp.asarray(START)]
    for _ in range(STEPS):
        path.append(path[-1] - RATE * jax.grad(valley)(path[-1]))
    return np.stack(path)


def run(job: Job) -> Outcome:
    """Roll down by v <- v - eta grad C; and compare the gradient's direction with random moves of the same length."""
    gradient = jax.grad(valley)
    better = []
    for seed in range(job.seeds):
        v_key, direction_key = jax.random.split(jax.random.key(seed))
        slope = gradient(jax.random.normal(v_key, (2,)))
        best = -EPSILON * jnp.linalg.norm(slope)  # grad C . dv for dv = -eta grad C, eta = epsilon / |grad C|
        angles = jax.random.uniform(direction_key, (DIRECTIONS,), maxval=2 * np.pi)
        moves = EPSILON * jnp.stack([jnp.cos(angles), jnp.sin(angles)])
        better.append(int(jnp.sum(slope @ moves < best * (1 + 1e-5))))
    return Outcome(
        config={"start": START, "rate": RATE, "steps": STEPS, "epsilon": EPSILON, "directions": DIRECTIONS},
        measured={"pictures": len(PICTURES), "directions_better_than_the_gradient": better},
        curves={"path": curve(roll())},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the valley alone, and with the ball's path in it."""
    path = np.asarray(result["curves"]["path"])
    v1, v2 = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41))
    for picture in PICTURES:
        new = plots.empty(6.4, 4.8)
        axes: Any = new.add_subplot(projection="3d")
        axes.plot_surface(v1, v2, v1**2 + v2**2, cmap="Greys", alpha=0.45, linewidth=0)
        title = "C = v1² + v2²"
        if picture == "ball":
            title += f", {len(path) - 1} steps of gradient descent at rate {RATE}"
            colour = plots.STYLES[1][0]
            axes.plot(*path.T, (path**2).sum(axis=1), color=colour, marker="o", markersize=4, label="the ball")
            axes.legend(frameon=False)
        axes.set_title(title, fontsize=10)
        axes.set(xlabel="v1", ylabel="v2", zlabel="C", zlim=(0, 2))
        axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], zticks=[0, 1, 2])
        axes.view_init(28, -55)
        plots.save(new, folder / f"{picture}.png")


EXPERIMENT = Experiment(
    name="ch1-gradient-descent",
    chapter="1",
    shows="the valley of chapter 1, a ball that rolls into it, and the best direction",
    minutes=0.1,
    metrics=("pictures", "directions_better_than_the_gradient"),
    rows=(
        Row(
            id="ch1-valley",
            did="draws C = v1^2 + v2^2 on [-1, 1]^2, alone and with a ball that rolls down",
            reported="two pictures",
            place="chapter 1, learning with gradient descent",
            metric="pictures",
            rule=Drawn(unit="pictures"),
            ours="the surface, and 15 steps at rate 0.1 on it",
            anywhere=True,
        ),
        Row(
            id="ch1-gd-direction",
            did="exercise: of all moves of one length, -grad C lowers C the most to first order",
            reported="a proof by Cauchy and Schwarz is asked for",
            place="chapter 1, exercise",
            metric="directions_better_than_the_gradient",
            rule=Toy(0, unit="directions"),
            ours="10,000 random directions per seed: how many lower C more",
            anywhere=True,
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "valley": "A cost with two variables is a valley.",
        "ball": "Gradient descent is a ball that always rolls straight down. Its steps get shorter as the slope gets "
        "less steep.",
    },
)
