"""RESULTS.md, the short form: one line per row, by chapter, with the reasons in footnotes."""

from experiments import catalogue, findings, units
from experiments.ledger import Since
from experiments.report import counts
from experiments.report.answers import WORDS, Answer, Judged, spread_over_chapters

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
each of them stands, and `experiments/evidence.json` what each seed gave.
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


def head(answers: dict[str, Answer]) -> str:
    """Data, devices, time and commits of all results, in a line."""
    results = [answer.result for answer in answers.values()]

    def different(key: str) -> str:
        return ", ".join(sorted({result[key] for result in results}))

    data = ", ".join(sorted({result["data"]["name"] for result in results}))
    quick = " QUICK RUNS, which say nothing about the book." if any(result["quick"] for result in results) else ""
    one = "Commit" if len({result["commit"] for result in results}) == 1 else "Commits"
    return (
        f"Data: {data}. Device: {different('device')}. {counts.took(answers)} in all. {one}: "
        f"{different('commit')}.{quick}"
    )


def markdown(answers: dict[str, Answer]) -> str:
    """The whole short form."""
    lines = ["# Results", "", "Made by `python -m experiments report`; do not edit. With plots: `results.html`.", ""]
    lines += [head(answers), ""]
    for group, texts in findings.told(answers).items():
        lines += [f"**{group}**", "", *(f"- {text}" for _, text in texts), ""]
    lines += [*(f"- {line}" for line in counts.tally(answers)), "", RULES]
    notes: list[str] = []
    for chapter, answered in spread_over_chapters(answers).items():
        lines += [f"## {catalogue.chapter_title(chapter)}", ""]
        for answer in answered:
            lines += question(answer, notes)
    lines += ["## Notes", "", *(f"[^{number}]: {text}" for number, text in enumerate(notes, 1)), ""]
    return "\n".join([*lines, *times(answers), ""])


def question(answer: Answer, notes: list[str]) -> list[str]:
    """The lines of a question; its footnotes are added to ``notes``."""
    name = answer.experiment.name
    lines = [f"### {catalogue.QUESTIONS[name]}", "", f"`{name}`: {counts.answer_in_words(answer)}", ""]
    if not answer.rows:
        return lines
    lines += ["| entry | what | the book | here | verdict | rule since |", "|---|---|---|---|---|---|"]
    for judged in answer.rows:
        row, mark = judged.row, ""
        if text := note(judged):
            notes.append(text)
            mark = f" [^{len(notes)}]"
        verdict = f"{WORDS[judged.word]} {judged.word}{mark}"
        columns = [row.id, row.metric, row.reported, measured_of(judged), verdict, age(judged.since)]
        lines.append("| " + " | ".join(map(cell, columns)) + " |")
    return [*lines, ""]


def times(answers: dict[str, Answer]) -> list[str]:
    """The table of times."""
    lines = ["## Time", "", "What an earlier question of the same command has trained is not trained again.", ""]
    lines += ["| question | seeds | seconds | of them compiling | run at |", "|---|---:|---:|---:|---|"]
    for name, answer in answers.items():
        result, took = answer.result, answer.result["seconds"]
        cells = (name, len(result["seeds"]), f"{took['total']:.0f}", f"{took['compile']:.0f}", result["commit"])
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines
