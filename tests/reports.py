"""Results of every question, made up rather than measured: each rule gets an outcome that passes or one that fails."""

import json

import numpy as np

from experiments import evidence, plots
from experiments.catalogue import EXPERIMENTS
from experiments.intervals import summarize
from experiments.runner import rule_text

SEEDS = 6


def outcome(row, number):
    """Two of three outcomes pass, one fails."""
    if row.rule.kind == "toy" or number % 3:
        return row.rule.passing(SEEDS) if hasattr(row.rule, "passing") else np.zeros(SEEDS)
    return row.rule.failing(SEEDS)


def result_of(name, **changes):
    """What result.json of a question might hold."""
    experiment = EXPERIMENTS[name]
    measured = {metric: summarize(np.linspace(0.1, 0.2, SEEDS)) for metric in experiment.metrics}
    rows = []
    for number, row in enumerate(experiment.rows):
        try:
            values = outcome(row, number)
        except NotImplementedError:  # nothing to pass or to fail: measured, or drawn
            values = np.linspace(0.1, 0.2, SEEDS)
        measured[row.metric] = summarize(values)
        rows.append({"id": row.id, "metric": row.metric, "rule": rule_text(row.rule)})
    result = {
        "experiment": name,
        "data": {"name": "mnist"},
        "seeds": list(range(SEEDS)),
        "quick": False,
        "scale": "default",
        "comparable": True,
        "config": {"sizes": [784, 30, 10], "a long name of a setting that does not break": list(range(40))},
        "measured": measured,
        "rows": rows,
        "commit": "abc",
        "started": "2100-01-01T00:00:00+00:00",
        "device": "2 x a core (cpu)",
        "seconds": {"total": 90.0, "compile": 1.0},
        "command": "python -m experiments all",
    }
    return result | changes


def leave(folder, name, **changes):
    """Leave such a result.json under a folder; returns the run's folder."""
    result = result_of(name, **changes)
    own = folder / evidence.name_of(result)
    own.mkdir(parents=True, exist_ok=True)
    (own / "result.json").write_text(json.dumps(result))
    return own


def leave_all(folder):
    """Leave a result for every question, and two plots in the first."""
    for name in EXPERIMENTS:
        leave(folder, name)
    curves = {f"arm {number}": np.cumsum(np.ones((SEEDS, 30)) * number, axis=1) for number in (1, 2, 3)}
    values = {"an arm": np.linspace(0, 1, SEEDS), "another arm": np.linspace(1, 2, SEEDS)}
    first = folder / next(iter(EXPERIMENTS))
    plots.curves(first / "curves.png", curves, title="Made up", ylabel="accuracy (%)")
    plots.arms(first / "arms.png", values, title="Made up", xlabel="accuracy (%)", reported={"an arm": 0.5})
