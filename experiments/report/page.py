"""results.html: the report to read, in a single file that needs nothing else."""

import base64
import html
import io
import json
import pathlib
from collections import Counter
from typing import Any

from experiments import catalogue, evidence, findings, units
from experiments.report import counts
from experiments.report.answers import WORDS, Answer, Judged, by_question, rows_of, spread_over_chapters
from experiments.report.strip import listed, strip
from experiments.report.table import RULES, age, head, late, measured_of, sentence

HERE = pathlib.Path(__file__).parent
DRAWINGS = (
    "In the small drawings each dot is a seed, the grey band is the interval that decides, and the upright line is the "
    "book's number or the bound of its claim."
)


def embedded(path: pathlib.Path) -> tuple[str, int, int]:
    """A picture as a data URL, its width and its height."""
    from PIL import Image  # here, because nothing else of the command needs it

    content = evidence.picture(path)
    with Image.open(io.BytesIO(content)) as image:
        return "data:image/webp;base64," + base64.b64encode(content).decode(), *image.size


def text(words: str) -> str:
    """Words as HTML."""
    return html.escape(words, quote=True).replace("+-", "&plusmn;")


def class_of(word: str) -> str:
    """The class of a verdict's word."""
    return word.replace(" ", "-")


def whole(answers: dict[str, Answer], committed: bool = False) -> str:
    """The page.

    Args:
        answers: the results.
        committed: whether these are all results that are kept, see ``counts.tally``.
    """
    chapters = spread_over_chapters(answers)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>jnndl: results</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<style>\n{(HERE / 'page.css').read_text()}</style></head><body>",
        "<header><h1>Nielsen&rsquo;s experiments, run again</h1>",
        f'<p class="soft">{text(head(answers))}</p>',
        opening(answers, committed),
        "</header>",
        contents(chapters),
        bar(answers),
        f'<main><p class="soft">{text(DRAWINGS)}</p>',
        *(chapter(name, answered) for name, answered in chapters.items()),
        "</main>",
        f"<script>\n{(HERE / 'page.js').read_text()}</script></body></html>\n",
    ]
    return "\n".join(parts)


def opening(answers: dict[str, Answer], committed: bool) -> str:
    """What held, what did not, what surprised; then the counts and the rules."""
    parts = []
    for group, told in findings.told(answers).items():
        items = "".join(f'<li>{text(words)} <a href="#{name}">More</a></li>' for name, words in told)
        parts.append(f'<h4>{text(group)}</h4><ul class="findings">{items}</ul>')
    lines = "".join(f"<li>{text(line)}</li>" for line in counts.tally(answers, committed=committed))
    parts.append(f'<h4>In numbers</h4><ul class="counts">{lines}</ul>')
    plain = RULES.replace("*", "").replace("`", "").replace("- ", "&bull; ")
    rules = "".join(f"<p>{' '.join(block.split())}</p>" for block in plain.replace("&bull;", "\n\n").split("\n\n"))
    parts.append(f"<details><summary>How a verdict is found</summary>{rules}</details>")
    return "\n".join(parts)


def contents(chapters: dict[str, list[Answer]]) -> str:
    """Links to every question, by chapter."""
    parts = ["<nav><h2>Contents</h2>"]
    for name, answered in chapters.items():
        parts.append(f'<h4><a href="#{anchor(name)}">{text(catalogue.chapter_title(name))}</a></h4><ol>')
        for question in dict.fromkeys(answer.experiment.name for answer in answered):
            parts.append(f'<li><a href="#{question}">{text(catalogue.QUESTIONS[question])}</a></li>')
        parts.append("</ol>")
    return "\n".join([*parts, "</nav>"])


def anchor(name: str) -> str:
    """The id of a chapter's heading."""
    return f"chapter-{name}" if name else "beside-the-book"


def bar(answers: dict[str, Answer]) -> str:
    """The filter by verdict, and the switch between dark and light."""
    found = Counter(judged.word for judged in rows_of(answers.values()))
    parts = ['<div class="bar"><span class="soft">Show</span>']
    parts.append(f'<button data-word="" aria-pressed="true">all {found.total()}</button>')
    for word, symbol in WORDS.items():
        if found[word]:
            parts.append(
                f'<button data-word="{word}" aria-pressed="false" class="{class_of(word)}">'
                f"{symbol} {word} {found[word]}</button>"
            )
    return "".join([*parts, '<button id="theme">dark / light</button></div>'])


def chapter(name: str, answered: list[Answer]) -> str:
    """A chapter with its questions."""
    title = text(catalogue.chapter_title(name))
    questions = map(question, by_question(answered))
    return "\n".join([f'<section class="chapter"><h2 id="{anchor(name)}">{title}</h2>', *questions, "</section>"])


def question(runs: list[Answer]) -> str:
    """A question with its runs, as a rule one."""
    name = runs[0].experiment.name
    title = f'<h3 id="{name}">{text(catalogue.QUESTIONS[name])}</h3>'
    return "\n".join([f'<section class="question">{title}', *map(section, runs), "</section>"])


def section(answer: Answer) -> str:
    """A run: one sentence of answer, the plots, the table, and how to make it again."""
    parts = [f"<h4>{text(answer.scale)}</h4>"] if answer.scale else []
    parts += [
        f'<p class="answer">{text(counts.answer_in_words(answer))}</p>',
        *(figure(answer, path) for path in answer.plots),
    ]
    if answer.rows:
        parts.append("<table><thead><tr><th>The book<th>Here<th>Verdict</tr></thead><tbody>")
        parts += [row(judged) for judged in answer.rows]
        parts.append("</tbody></table>")
    parts.append(
        f"<p class='soft'>To make this section again ({text(counts.machine(answer))}):</p>"
        f"<pre>{text(counts.command(answer))}</pre>"
        f"<details><summary>Settings</summary><pre>{text(settings(answer.result))}</pre></details>"
    )
    return "\n".join(parts)


def settings(result: dict[str, Any]) -> str:
    """What the experiment was run with; where it is known, also the command and the versions of libraries."""
    lines = [json.dumps(result["config"], ensure_ascii=False), f"commit {result['commit']}"]
    if "command" in result:
        lines.append(f"run by: {result['command']}")
    if "versions" in result:
        lines.append(", ".join(f"{name} {version}" for name, version in result["versions"].items()))
    return "\n".join(lines)


def figure(answer: Answer, path: pathlib.Path) -> str:
    """A plot with its caption; where the run is not the book's, what it shows may be something else."""
    experiment = answer.experiment
    captions = experiment.captions if answer.result["comparable"] else {}
    told = units.explain(captions.get(path.stem, ""), answer.result["measured"])
    caption = told or sentence(f"{experiment.shows} ({path.stem.replace('_', ' ')})")
    url, width, height = embedded(path)
    alt = text(f"Plot {path.stem} of {answer.name}: {caption}")
    return (
        f'<figure><img src="{url}" width="{width}" height="{height}" alt="{alt}">'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def row(judged: Judged) -> str:
    """A line of the table: what the book did and reported; what came out here; the verdict, its reasons, its rule."""
    entry = judged.row
    book = (
        f'<p><span class="id">{text(entry.id)}</span>: {text(entry.did)}</p><p>{text(sentence(entry.reported))}</p>'
        f'<p class="soft">{text(entry.place)}</p>'
    )
    ours = "" if entry.ours == "the same" else f'<p class="soft">{text(entry.ours)}</p>'
    here = f'<p>{text(entry.metric)}</p><p class="figure">{text(measured_of(judged))}</p>{ours}{strip(judged)}'
    if judged.values.shape[-1:] > (1,):
        here += f"<details><summary>Each seed</summary><p>{text(listed(judged))}</p></details>"
    why = f"<p>Why: {text(judged.why)}</p>" if judged.why else ""
    after = f"<p>{text(late(judged.since))}</p>" if late(judged.since) else ""
    reasons = f"<p>{text(sentence(judged.verdict.text))}</p>" if judged.verdict.text else ""
    verdict = (
        f'<p class="verdict {class_of(judged.word)}">{judged.label}</p>{reasons}{why}{after}'
        f'<p class="soft">Rule since {text(age(judged.since))}</p>'
    )
    return f'<tr data-word="{judged.word}"><td>{book}</td><td>{here}</td><td>{verdict}</td></tr>'
