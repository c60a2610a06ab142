"""Is backpropagation right, and is it fast? Gradients three ways: handwritten, automatic and numerical.

Three parts: ``check_gradients`` on networks of every depth, neuron, cost, penalty and initializer; the error of
difference quotients against their step; the time of handwritten, automatic and numerical gradients as networks grow
(chapter 2, "In what sense is backpropagation a fast algorithm?").
"""

import concurrent.futures
import dataclasses
import functools
import itertools
import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import jnndl
from experiments import plots
from experiments.runner import Experiment, Outcome, Row, write
from experiments.statistics import Claim, Number, Toy
from experiments.training import Job
from jnndl import costs, equations, initializers, neurons
from jnndl.checks import GradientCheck, once
from jnndl.data import Dataset, Splits
from jnndl.gradients import Objective, autodiff, backprop

FITTING = [
    (costs.quadratic, neurons.sigmoid),
    (costs.quadratic, neurons.tanh),
    (costs.quadratic, neurons.linear),
    (costs.cross_entropy, neurons.sigmoid),
    (costs.log_likelihood, neurons.softmax),
]
HIDDEN = [neurons.sigmoid, neurons.tanh, neurons.relu, neurons.softmax, neurons.linear, neurons.step]
PENALTIES = ["", "l2", "l1", "l1+l2"]
HE = jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2)
INITIALIZERS = {"default": initializers.default, "large": initializers.large, "He": HE, "zeros": initializers.zeros}
SIZES = (8, 7, 8, 7)  # of hidden layers
BATCH = 10
CHECKED = ("by_hand", "numerical", "automatic")
DTYPES = ("float64", "float32")
BACKPROP, STEP_ALONE = "backprop_in_forward_passes", "step_alone_in_forward_passes"
NUMERICAL = "numerical_in_forward_passes_for_each_weight"
EQUATIONS = ("bp1", "bp2", "bp3", "bp4", "matrix_form")


class Case(NamedTuple):
    """One row of the matrix of networks."""

    depth: int
    hidden: str
    cost: str
    output: str
    penalty: str
    weights: str
    dropout: bool

    def __str__(self) -> str:
        about = (
            f"{self.depth} layers",
            self.hidden * (self.depth > 1),
            self.cost,
            self.output,
            self.penalty,
            self.weights,
        )
        return ", ".join(filter(None, (*about, "dropout" * self.dropout)))


EXACT = Toy(0.0, 1e-12)
PASSES = "forward passes"


def cases(quick: bool) -> list[Case]:
    """Every depth with every cost and output neuron; hidden neurons, penalties and weights take turns.

    Only the output layer ever has zero weights, as in network3: if all were zero, no gradient would reach the others.
    """
    found = []
    for turn, (depth, number) in enumerate(itertools.product(range(1, 6), range(len(FITTING)))):
        cost, output = FITTING[number]
        found.append(
            Case(
                depth,
                HIDDEN[(turn + depth // 2) % len(HIDDEN)].name,
                cost.name,
                output.name,
                PENALTIES[(depth + number) % len(PENALTIES)],
                list(INITIALIZERS)[(turn + depth) % len(INITIALIZERS)],
                depth > 1 and (depth + number) % 3 == 0,
            )
        )
    return [found[0], found[-1]] if quick else found


def objective_of(case: Case, pixels: int, classes: int) -> Objective:
    """What the network of a row minimises."""
    network = jnndl.mlp(
        [pixels, *SIZES[: case.depth - 1], classes],
        hidden=neurons.NEURONS[case.hidden],
        output=neurons.NEURONS[case.output],
        weight_init=INITIALIZERS[case.weights if case.weights != "zeros" else "default"],
    )
    *layers, last = network.layers
    last = jnndl.Dense(last.n_in, last.n_out, last.neuron, INITIALIZERS[case.weights])  # type: ignore[attr-defined]
    dropout = [jnndl.Dropout(0.4)] * case.dropout
    strengths = {strength: 0.1 for strength in case.penalty.split("+") if strength}
    return Objective(
        dataclasses.replace(network, layers=(*layers, *dropout, last)), costs.COSTS[case.cost], **strengths
    )


def check(job: Job, case: Case, dtype: str) -> GradientCheck:
    """One network, a real mini-batch, in one precision."""
    objective = objective_of(case, job.pixels, job.splits.classes)
    init_key, key = jax.random.split(jax.random.key(case.depth))
    return jnndl.check_gradients(objective, objective.network.init(init_key), job.training[:BATCH], key, dtype=dtype)


def worst(found: GradientCheck) -> dict[str, float]:
    """The largest of each difference over the arrays of a network."""
    return {name: max(getattr(row, name) for row in found.rows) for name in CHECKED}


def matrix(job: Job) -> tuple[list[dict[str, Any]], str]:
    """The checks of all networks, as rows and as a table; in two threads, because most of the time is compiling."""
    jobs = [(case, dtype) for case in cases(job.quick) for dtype in DTYPES]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda one: check(job, *one), jobs))
    rows: list[dict[str, Any]] = [
        {"network": str(case), "dtype": dtype, "ok": one.ok, "faults": list(one.faults)} | worst(one)
        for (case, dtype), one in zip(jobs, found, strict=True)
    ]
    width = max(len(row["network"]) for row in rows)
    lines = [f"{'network':<{width}}  {'precision':<9}{'hand-auto':>11}{'hand-diff':>11}{'auto-diff':>11}  verdict"]
    for dtype in DTYPES:
        of_dtype = [row for row in rows if row["dtype"] == dtype]
        total: dict[str, Any] = {"network": "worst", "dtype": dtype, "ok": all(row["ok"] for row in of_dtype)}
        total |= {name: max(row[name] for row in of_dtype) for name in CHECKED}
        for row in (*of_dtype, total):
            numbers = "".join(f"{row[name]:11.1e}" for name in CHECKED)
            lines.append(f"{row['network']:<{width}}  {row['dtype']:<9}{numbers}  {'ok' if row['ok'] else 'WRONG'}")
    faults = [f"FAULT: {row['network']}: {fault}" for row in rows for fault in row["faults"]]
    return rows, "\n".join([*lines, *faults])


def v_curve(job: Job) -> dict[str, Any]:
    """The relative error of a difference quotient against its step: the median over seeds.

    Each seed has a network and a random direction of its own.
    """
    network = jnndl.mlp([job.pixels, 30, job.splits.classes])
    objective, batch = Objective(network), job.training[:BATCH]
    steps = np.logspace(-12, 1, 14 if job.quick else 53)

    @once
    def errors(key: jax.Array) -> dict[str, jax.Array]:
        init_key, key = jax.random.split(key)
        exact = network.init(init_key)
        v = jax.tree.map(lambda a: jax.random.normal(jax.random.fold_in(key, a.size), a.shape), exact)
        length = jnp.sqrt(sum(jnp.vdot(a, a) for a in jax.tree.leaves(v)))
        v = jax.tree.map(lambda a: a / length, v)
        gradient = backprop(objective)(exact, batch, BATCH, None)
        slope = sum(jnp.vdot(*pair) for pair in zip(jax.tree.leaves(gradient), jax.tree.leaves(v), strict=True))
        found = {}
        for dtype in ("float32", "float64"):

            def cost(t: jax.Array, dtype: str = dtype) -> jax.Array:
                moved = jax.tree.map(lambda a, b: a.astype(dtype) + (t * b).astype(dtype), exact, v)
                return objective(moved, batch, BATCH).astype(float)

            h = jnp.asarray(steps)
            ahead, here, behind = (jax.lax.map(cost, sign * h) for sign in (1, 0, -1))
            for name, estimate in (("forward", (ahead - here) / h), ("central", (ahead - behind) / (2 * h))):
                found[f"{name} difference, {dtype}"] = jnp.abs(estimate - slope) / jnp.abs(slope)
        return found

    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        found = [errors(jax.random.key(seed)) for seed in range(job.seeds)]
        curves = {name: np.median([one[name] for one in found], axis=0).tolist() for name in found[0]}
    return {"steps": steps.tolist(), "errors": curves}


def fastest(programs: dict[str, Callable[[], Any]], rounds: int, repeats: int) -> dict[str, np.ndarray]:
    """The least seconds of each program in each round, shape (rounds,).

    They take turns, so that a busy moment of the machine affects all of them.
    """
    for program in programs.values():
        jax.block_until_ready(program())  # compile
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds * repeats):
        for name, program in programs.items():
            started = time.perf_counter()
            jax.block_until_ready(program())
            seconds[name].append(time.perf_counter() - started)
    return {name: np.reshape(taken, (rounds, repeats)).min(axis=1) for name, taken in seconds.items()}


def times(job: Job, width: int, measured: int) -> dict[str, Any]:
    """Seconds per mini-batch for one width: descent with either gradient, the cost alone, and numerical differences.

    Numerical differences are measured for networks of up to ``measured`` parameters. For larger ones they are
    extrapolated: one forward pass for each parameter, and one more (chapter 2).

    Returns:
        The least seconds of each; and, one value per seed, how many forward passes a step of descent takes
        ("backprop_passes"), the step alone, without a gradient ("step_passes"), and a numerical gradient for each
        parameter ("numerical_passes", where it is measured).
    """
    network = jnndl.mlp([job.pixels, width, job.splits.classes])
    objective, params = Objective(network), network.init(jax.random.key(0))
    size = sum(leaf.size for leaf in jax.tree.leaves(params))
    # How many mini-batches: fewer for wider networks, so that all take about as long.
    count = int(np.clip(4_000_000 // size, 10, len(job.training) // BATCH))
    data = jax.tree.map(lambda a: jnp.asarray(a), job.training[: count * BATCH])
    batches = (data.inputs.reshape(count, BATCH, *data.inputs.shape[1:]), data.targets.reshape(count, BATCH))

    def batch_of(data: Dataset, arrays: Any) -> Dataset:
        return dataclasses.replace(data, inputs=arrays[0], targets=arrays[1])

    def descent(make: Any) -> Callable[[], Any]:
        @jax.jit
        def run(params: Any, data: Dataset, batches: Any) -> Any:
            def step(params: Any, arrays: Any) -> tuple[Any, None]:
                grads = make(objective)(params, batch_of(data, arrays), len(job.training), None)
                return jax.tree.map(lambda w, g: w - 0.01 * g, params, grads), None

            return jax.lax.scan(step, params, batches)[0]

        return functools.partial(run, params, data, batches)

    @jax.jit
    def move(params: Any, grads: Any) -> Any:
        """The same steps with a gradient that is there already."""
        return jax.lax.fori_loop(0, count, lambda _, p: jax.tree.map(lambda w, g: w - 0.01 * g, p, grads), params)

    @jax.jit
    def forward(params: Any, data: Dataset, batches: Any) -> jax.Array:
        return jax.lax.map(lambda arrays: objective(params, batch_of(data, arrays), len(job.training)), batches)

    programs = {"handwritten": descent(backprop), "automatic": descent(autodiff)}
    programs["forward pass"] = functools.partial(forward, params, data, batches)
    programs["step alone"] = functools.partial(move, params, params)
    rounds = {name: taken / count for name, taken in fastest(programs, job.seeds, 1 if job.quick else 3).items()}
    row = {"parameters": size, "width": width} | {name: float(taken.min()) for name, taken in rounds.items()}
    row["extrapolated"] = size > measured
    row["numerical"] = (size + 1) * row["forward pass"]
    row["backprop_passes"] = (rounds["handwritten"] / rounds["forward pass"]).tolist()
    row["step_passes"] = (rounds["step alone"] / rounds["forward pass"]).tolist()
    if size <= measured:
        flat, unravel = ravel_pytree(params)

        @jax.jit
        def numerical(flat: jax.Array, batch: Dataset) -> jax.Array:
            here = objective(unravel(flat), batch, len(job.training))

            def along(j: jax.Array) -> jax.Array:
                return (objective(unravel(flat.at[j].add(1e-3)), batch, len(job.training)) - here) / 1e-3

            return jax.lax.map(along, jnp.arange(size))

        program = functools.partial(numerical, flat, data[:BATCH])
        taken = fastest({"numerical": program}, job.seeds, 1)["numerical"]
        row["numerical"] = float(taken.min())
        row["numerical_passes"] = (taken / (size + 1) / rounds["forward pass"]).tolist()
    return row


def equations_off(job: Job) -> dict[str, list[float]]:
    """The relative distance of each equation from ``jax.grad``, with each seed: an image, one hidden layer, float64."""
    objective, sigmoid = Objective(job.mlp(30), costs.quadratic), neurons.sigmoid

    @once
    def pairs(key: jax.Array, image: Dataset) -> dict[str, tuple[jax.Array, jax.Array]]:
        params = jax.tree.map(lambda a: a.astype(float), objective.network.init(key))
        (w1, b1), (w2, b2) = params
        x, y = (array[0] for array in objective.examples(params, image))
        z1 = w1 @ x + b1
        z2 = w2 @ sigmoid.forward(z1) + b2

        def cost_of_a(a: jax.Array) -> jax.Array:
            return jnp.sum((a - y) ** 2) / 2

        def cost_of_z2(z2: jax.Array) -> jax.Array:
            return cost_of_a(sigmoid.forward(z2))

        def cost_of_z1(z1: jax.Array) -> jax.Array:
            return cost_of_z2(w2 @ sigmoid.forward(z1) + b2)

        grad_a = jax.grad(cost_of_a)(sigmoid.forward(z2))
        delta2 = equations.bp1(z2, grad_a, sigmoid)
        delta1 = equations.bp2(w2, delta2, z1, sigmoid)
        return {
            "bp1": (delta2, jax.grad(cost_of_z2)(z2)),
            "bp2": (delta1, jax.grad(cost_of_z1)(z1)),
            "bp3": (equations.bp3(delta1), jax.grad(lambda b: cost_of_z1(w1 @ x + b))(b1)),
            "bp4": (equations.bp4(x, delta1), jax.grad(lambda w: cost_of_z1(w @ x + b1))(w1)),
            "matrix_form": (
                equations.delta_by_matrices([z1, z2], [w2], grad_a, [sigmoid, sigmoid]),
                jax.grad(cost_of_z1)(z1),
            ),
        }

    with jax.enable_x64(True):
        found = [jax.device_get(pairs(jax.random.key(s), job.training[s : s + 1])) for s in range(job.seeds)]
    return {
        f"{name}_off": [
            float(np.linalg.norm(one - of) / np.linalg.norm(of)) for one, of in (each[name] for each in found)
        ]
        for name in EQUATIONS
    }


def run(job: Job) -> Outcome:
    """All parts; prints the tables as soon as they are ready."""
    rows, table = matrix(job)
    print(table, flush=True)
    curve = v_curve(job)
    widths = (3, 10) if job.quick else (3, 10, 30, 100, 300, 1258 if job.pixels == 784 else 13_000)
    cost = [times(job, width, 3000 if job.quick else 30_000) for width in widths]
    cost_table = [
        "parameters  handwritten    automatic  hand/auto  forward pass     numerical  (seconds per mini-batch of 10)"
    ]
    cost_table += [
        f"{row['parameters']:10d}{row['handwritten']:13.2e}{row['automatic']:13.2e}"
        f"{row['handwritten'] / row['automatic']:11.2f}{row['forward pass']:14.2e}{row['numerical']:14.2e}"
        f"{'  extrapolated' * row['extrapolated']}"
        for row in cost
    ]
    print("\n" + "\n".join(cost_table), flush=True)
    measured = {
        f"{name}_{dtype}": [max(row[name] for row in rows if row["dtype"] == dtype)]
        for dtype in DTYPES
        for name in CHECKED
    }
    ratios = [row["handwritten"] / row["automatic"] for row in cost]
    measured |= {"networks_right": [np.mean([row["ok"] for row in rows])], "time_ratio_worst": [max(ratios)]}
    largest_measured = [row for row in cost if not row["extrapolated"]][-1]
    measured |= equations_off(job) | {
        BACKPROP: cost[-1]["backprop_passes"],
        STEP_ALONE: cost[-1]["step_passes"],
        NUMERICAL: largest_measured["numerical_passes"],
    }
    return Outcome(
        config={"batch_size": BATCH, "hidden_sizes": SIZES, "depths": [1, 2, 3, 4, 5]},
        measured={name: np.asarray(values, float) for name, values in measured.items()},
        curves={"matrix": rows, "table": table.splitlines(), "v_curve": curve, "cost": cost, "cost_table": cost_table},
    )


def plot(result: dict[str, Any], splits: Splits, folder: pathlib.Path) -> None:
    """Draw the V curve and the growth of the cost, and leave the tables as text."""
    found = result["curves"]
    write(folder / "table.txt", "\n".join([*found["table"], "", *found["cost_table"], ""]))
    curve, data = found["v_curve"], result["data"]["name"]
    plots.powers(
        folder / "step_size.png",
        {name: (curve["steps"], values) for name, values in curve["errors"].items()},
        title=f"gradients: rounding on the left, truncation on the right ({data}, {len(result['seeds'])} directions)",
        xlabel="step h, along a direction of length one",
        ylabel="relative error of the difference (median)",
    )
    sizes = [row["parameters"] for row in found["cost"]]
    lines = {
        name: (sizes, [row[name] for row in found["cost"]]) for name in ("handwritten", "automatic", "forward pass")
    }
    for label, extrapolated in (("numerical", False), ("numerical, extrapolated", True)):
        some = [row for row in found["cost"] if row["extrapolated"] == extrapolated]
        lines[label] = ([row["parameters"] for row in some], [row["numerical"] for row in some])
    plots.powers(
        folder / "cost.png",
        {label: line for label, line in lines.items() if line[0]},
        title=f"gradients: time of one step of descent on {BATCH} examples, by kind of gradient ({data})",
        xlabel="weights and biases",
        ylabel="seconds",
        markers=True,
    )


FAST = "chapter 2, in what sense is backpropagation fast"
UNJUDGED = {
    f"{name}_{dtype}": "in networks_right, which holds each array to its tolerance; the worst is in the table"
    for dtype in DTYPES
    for name in CHECKED
    if (name, dtype) != ("numerical", "float64")
} | {
    "time_ratio_worst": "of handwritten to automatic gradients, of which the book has none",
    STEP_ALONE: "tests an explanation",
}
EXPERIMENT = Experiment(
    name="gradients",
    chapter="2",
    shows="handwritten, automatic and numerical gradients: do they agree, and what do they cost",
    minutes=1,
    metrics=(
        *(f"{name}_{dtype}" for dtype in DTYPES for name in CHECKED),
        "networks_right",
        "time_ratio_worst",
        *(f"{name}_off" for name in EQUATIONS),
        *(BACKPROP, STEP_ALONE, NUMERICAL),
    ),
    rows=(
        *(
            Row(
                id=name,
                did=did,
                reported="proved",
                place="chapter 2",
                metric=metric,
                rule=EXACT,
                ours=f"relative to jax.grad with respect to {of}; an image and a network with one hidden layer per "
                "seed, quadratic cost, float64",
                anywhere=True,
            )
            for name, metric, did, of in (
                ("ch2-bp1", "bp1_off", "the error of the output layer", "its z"),
                ("ch2-bp2", "bp2_off", "the error of a layer from that of the next", "its z"),
                ("ch2-bp3", "bp3_off", "the gradient with respect to the biases", "the biases"),
                ("ch2-bp4", "bp4_off", "the gradient with respect to the weights", "the weights"),
                ("ch2-matrix-form", "matrix_form_off", "problem: the error as a product of matrices", "z"),
            )
        ),
        Row(
            id="ch2-finite-diff",
            did="differences instead of backpropagation: a check, and a cost",
            reported="they agree",
            place=FAST,
            metric="numerical_float64",
            rule=Toy(0.0, 1e-7),
            ours="the worst of 25 networks, handwritten against central differences in float64; the book's are forward",
            anywhere=True,
        ),
        Row(
            id="ch2-finite-diff",
            did="backpropagation, for a network of any depth, cost and neuron",
            reported="implied: it is right for all of them",
            place="chapter 2",
            metric="networks_right",
            rule=Toy(1.0, unit="%"),
            ours="25 networks of 1 to 5 layers, three costs, six kinds of neurons, penalties, dropout, in float64 and "
            "float32: the share in which handwritten, automatic and numerical gradients agree within their tolerances",
            anywhere=True,
        ),
        Row(
            id="ch2-finite-diff",
            did="backpropagation in a network of a million weights",
            reported="its cost is about that of two forward passes",
            place=FAST,
            metric=BACKPROP,
            rule=Number(2.0, unit=PASSES, rival=3.0, bounds=(0, np.inf)),
            ours="time of a handwritten gradient and the step along it, mini-batches of 10, timed once per seed; to be "
            "told apart from three passes",
            why="What was timed also moves the weights, which the book does not count. Tested: the step alone, with a "
            "gradient that is there already, takes {step_alone_in_forward_passes|forward passes}.",
        ),
        Row(
            id="ch2-finite-diff",
            did="numerical differences in a network of a million weights",
            reported="a million and one forward passes",
            place=FAST,
            metric=NUMERICAL,
            rule=Claim("below", 2.0, unit=PASSES, bounds=(0, np.inf)),
            ours="23,860 weights: the time for each of them, and one more, in forward passes, with all that is around "
            "them less than two; timed once per seed",
        ),
    ),
    run=run,
    plot=plot,
    captions={
        "step_size": "A difference quotient is worst with a very small step, where rounding decides, and with a large "
        "one, where the curve bends. Central differences are better than forward ones wherever the step is not "
        "tiny.",
        "cost": "The time of a numerical gradient grows with the square of the number of weights. Backpropagation "
        "costs a few forward passes, however many weights there are.",
    },
)
