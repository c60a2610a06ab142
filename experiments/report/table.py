"""RESULTS.md, the short form: one line per row, by chapter, with the reasons in footnotes."""

from collections.abc import Callable
from typing import Any

from experiments import catalogue, findings, units
from experiments.ledger import Since
from experiments.report import counts
from experiments.report.answers import Answer, Judged, by_question, spread_over_chapters

RULES = """\
How a verdict is found:

- A **toy** has one right answer, and ours is it or is not.
- A **number** of the book is one run, or the best of several. It is held against the interval in which 95 % of such
  figures fall by our seeds: outside, it is *not reproduced*; inside, *reproduced* if the interval is narrow enough to
  have excluded something, else *compatible*.
- A **claim** is *reproduced* if the 95 % interval of the mean (as a rule, of a difference paired by seed) lies wholly
  on the side that the book names, *not reproduced* if it lies wholly on the other, and else *undecided*.
- A drawing is *drawn*. Where the book gives no figure, ours is *measured*. Where too few seeds have a figure, the row
  stays *open*.

The rules are in `experiments/statistics.py` and in the rows of each question. `experiments/rules.json` says since when
each of them stands, and `experiments/evidence/` what each seed gave.
"""


def cell(text: str) -> str:
    """Text that does not break a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def measured_of(judged: Judged) -> str:
    """What we measured for a row, with its spread and the number of seeds."""
    return "none" if judged.summary is None else units.words(judged.summary, judged.row.rule.unit)


def age(since: Since) -> str:
    """Since when a rule stands: the day, and the commit where it is known."""
    return f"{since.date[:10]} {since.commit}".strip() or "not in rules.json"


def late(since: Since) -> str:
    """Where a rule is younger than figures that it judges, a sentence that says so; else nothing."""
    if not since.date or not since.after:
        return ""
    if since.before:
        return f"The rule was changed after {since.after} of this entry; it was {since.before}."
    return f"The rule was written after {since.after} of this entry."


def note(judged: Judged) -> str:
    """The footnote of a row: reasons, what we run, explanation, a late rule; empty where the line says it all."""
    row = judged.row
    exact = row.rule.kind == "toy" and judged.word == "reproduced"
    parts = [] if exact or not judged.verdict.text else [sentence(judged.verdict.text)]
    parts += [] if row.ours == "the same" else [f"Here: {sentence(row.ours, capital=False)}"]
    parts += [f"Why: {judged.why}"] if judged.why else []
    return " ".join([*parts, late(judged.since)]).strip()


def sentence(text: str, capital: bool = True) -> str:
    """A reason as a sentence."""
    text = text[0].upper() + text[1:] if capital else text
    return text if text.endswith(".") else text + "."


# What a report states once if all results agree on it, and of each question otherwise.
COMMON: dict[str, Callable[[dict[str, Any]], str]] = {
    "data": lambda result: result["data"]["name"],
    "seeds": lambda result: str(len(result["seeds"])),
    "device": lambda result: result["device"],
}


def different(answers: dict[str, Answer], what: str) -> list[str]:
    """Which data, numbers of seeds or devices there are in these results."""
    return sorted({COMMON[what](answer.result) for answer in answers.values()}, key=lambda name: (len(name), name))


def head(answers: dict[str, Answer]) -> str:
    """Data, seeds, devices, time and commits of all results, in a line."""
    found = {what: different(answers, what) for what in COMMON}
    quick = any(answer.result["quick"] for answer in answers.values())
    parts = [
        f"Data: {', '.join(found['data'])}.",
        f"Seeds: {' or '.join(found['seeds'])}.",
        f"Device: {', '.join(found['device'])}.",
        f"{counts.took(answers)} in all.",
        made(answers),
        "Each question says its own." if any(len(names) > 1 for names in found.values()) else "",
        "QUICK RUNS, which say nothing about the book." if quick else "",
    ]
    return " ".join(part for part in parts if part)


def made(answers: dict[str, Answer]) -> str:
    """When the results were made, and at which commits."""
    runs = sorted((answer.result["started"], answer.result["commit"]) for answer in answers.values())
    commits = list(dict.fromkeys(commit for _, commit in runs))
    first, last = runs[0][0][:10], runs[-1][0][:10]
    days = f"on {first}" if first == last else f"between {first} and {last}"
    if len(commits) == 1:
        return f"Made at commit {commits[0]} {days}."
    return f"Made at {len(commits)} commits, {commits[0]} first and {commits[-1]} last, {days}."


def markdown(answers: dict[str, Answer], committed: bool = False) -> str:
    """The whole short form.

    Args:
        answers: the results.
        committed: whether these are all results that are kept, see ``counts.tally``.
    """
    lines = ["# Results", "", "Made by `python -m experiments report`; do not edit. With plots: `results.html`.", ""]
    lines += [head(answers), ""]
    for group, texts in findings.told(answers).items():
        lines += [f"**{group}**", "", *(f"- {text}" for _, text in texts), ""]
    lines += [*(f"- {line}" for line in counts.tally(answers, committed=committed)), "", RULES]
    notes: list[str] = []
    for chapter, answered in spread_over_chapters(answers).items():
        lines += [f"## {catalogue.chapter_title(chapter)}", ""]
        for runs in by_question(answered):
            lines += [f"### {catalogue.QUESTIONS[runs[0].experiment.name]}", ""]
            for answer in runs:
                lines += question(answer, notes)
    lines += ["## Notes", "", *(f"[^{number}]: {text}" for number, text in enumerate(notes, 1)), ""]
    return "\n".join([*lines, *times(answers), ""])


def question(answer: Answer, notes: list[str]) -> list[str]:
    """The lines of a run; its footnotes are added to ``notes``."""
    lines = [f"#### {answer.scale}", ""] if answer.scale else []
    lines += [f"`{answer.experiment.name}`: {counts.answer_in_words(answer)}", ""]
    if not answer.rows:
        return lines
    lines += ["| entry | what | the book | here | verdict | rule since |", "|---|---|---|---|---|---|"]
    for judged in answer.rows:
        row, mark = judged.row, ""
        if text := note(judged):
            notes.append(text)
            mark = f" [^{len(notes)}]"
        columns = [row.id, row.metric, row.reported, measured_of(judged), judged.label + mark, age(judged.since)]
        lines.append("| " + " | ".join(map(cell, columns)) + " |")
    return [*lines, ""]


def times(answers: dict[str, Answer]) -> list[str]:
    """The table of times; data and devices are in it where they differ."""
    more = [what for what in ("data", "device") if len(different(answers, what)) > 1]
    lines = ["## Time", "", "What an earlier question of the same command has trained is not trained again.", ""]
    names = ["question", "seeds", "seconds", "of them compiling", "run at", "on", *more]
    lines += [f"| {' | '.join(names)} |", "|---|---:|---:|---:|---|---|" + "---|" * len(more)]
    for name, answer in answers.items():
        result, took = answer.result, answer.result["seconds"]
        cells = [name, COMMON["seeds"](result), f"{took['total']:.0f}", f"{took['compile']:.0f}"]
        cells += [result["commit"], result["started"][:10], *(COMMON[what](result) for what in more)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
