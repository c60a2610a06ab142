"""Each seed as a dot on a line, as a small drawing in the page itself."""

import html

import numpy as np

from experiments import units
from experiments.report.answers import SMALLER, Judged
from experiments.statistics import Claim, Equivalent, Number

WIDTH, LINE, EDGE = 320, 16, 12


def marks_of(judged: Judged) -> list[tuple[float, str]]:
    """What the dots are held against: value and words; nothing at a smaller scale than the book's."""
    rule = judged.row.rule
    if judged.word == SMALLER:
        return []
    if isinstance(rule, Number):
        return [(rule.value, f"the book: {units.show(rule.value, rule.unit)}")]
    if isinstance(rule, Equivalent):
        shown = units.show(rule.limit, rule.unit).lstrip("+")
        return [(sign * rule.limit, f"the margin, {shown} on either side") for sign in (-1, 1)]
    if isinstance(rule, Claim):
        return [(rule.limit, f"the claim: {rule.side} {units.show(rule.limit, rule.unit)}")]
    return []


def strip(judged: Judged) -> str:
    """An SVG with a dot per seed, the interval that decided, and the book's number; empty where all seeds agree.

    Where two spreads are compared, there is a line for each arm.
    """
    arms = np.atleast_2d(judged.values)
    if arms.shape[1] < 2 or np.unique(arms[np.isfinite(arms)]).size < 2:
        return ""
    unit, verdict = judged.row.rule.unit, judged.verdict
    marks = [mark for mark in marks_of(judged) if np.isfinite(mark[0])] if len(arms) == 1 else []
    band: tuple[float, ...] = ()
    if len(arms) == 1 and verdict.low is not None and verdict.high is not None:
        band = verdict.low, verdict.high
    every = np.array([*arms[np.isfinite(arms)], *(value for value, _ in marks), *band], float)
    low, high = every.min(), every.max()
    scale = (WIDTH - 2 * EDGE) / (high - low) if high > low else 0.0

    def x(value: float) -> str:
        return f"{EDGE + (value - low) * scale if scale else WIDTH / 2:.1f}"

    height = LINE * len(arms) + 18
    parts = []
    if band:
        left, right = map(x, band)
        wide = f"{float(right) - float(left):.1f}"
        told = f"the interval: {units.between(band[0], band[1], unit)}"
        parts.append(titled(f'<rect class="band" x="{left}" y="2" width="{wide}" height="{LINE}" rx="3"', told, "rect"))
    for row, arm in enumerate(arms):
        y = 2 + LINE * row + LINE / 2
        for seed, value in enumerate(arm):
            if np.isfinite(value):
                told = f"seed {seed}: {units.show(float(value), unit)}"
                parts.append(titled(f'<circle cx="{x(value)}" cy="{y:.1f}" r="3.5"', told, "circle"))
    for value, told in marks:
        at = float(x(value))
        parts.append(titled(f'<path class="mark" d="M{at:.1f} 1v{LINE + 2}"', told, "path"))
    ends = [(EDGE, "start", low), (WIDTH - EDGE, "end", high)] if scale else [(WIDTH / 2, "middle", low)]
    for at, anchor, value in ends:
        shown = html.escape(units.show(float(value), unit))
        parts.append(f'<text x="{at}" y="{height - 3}" text-anchor="{anchor}">{shown}</text>')
    told = "A dot for each seed"  # the values stand below, in words
    return (
        f'<svg class="strip" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{told}">' + "".join(parts) + "</svg>"
    )


def titled(start: str, told: str, tag: str) -> str:
    """An element of the drawing that says on hover what it is."""
    return f"{start}><title>{html.escape(told)}</title></{tag}>"


def listed(judged: Judged) -> str:
    """Every value, seed by seed, in words."""

    def show(value: float) -> str:
        return units.show(float(value), judged.row.rule.unit) if np.isfinite(value) else "none"

    return "; ".join(", ".join(show(value) for value in arm) for arm in np.atleast_2d(judged.values))
