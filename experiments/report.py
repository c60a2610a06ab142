"""``python -m experiments report``: every result.json under a folder, as tables to read and a page with figures."""

import argparse
import base64
import html
import io
import json
import pathlib
import sys
from collections import Counter
from typing import Any

from experiments import catalogue, statistics
from experiments.catalogue import EXPERIMENTS
from experiments.runner import duration, open_data, write

HERE = pathlib.Path(__file__).parent
KINDS = {"toy": "Toys: one right answer", "number": "Numbers: single runs of the book", "claim": "Claims"}
RULES = """\
A **toy** has one right answer. A **number** of the book is one run (or the best of several), so it is held against the
interval in which 95 % of such figures fall by our seeds: *reproduced* if it lies in an interval of at most one point,
*compatible* if it lies in a wider one, *not reproduced* else. A **claim** is *reproduced* if the 95 % t-interval of the
mean, of a difference paired by seed as a rule, lies wholly on the side that the book names. *Measured*: the book gives
no figure. The rules stand in `experiments/statistics.py`, and in each question's rows, since before the runs.
"""


def load(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """The results under a folder by experiment, in the order of the book; others after them.

    Raises:
        FileNotFoundError: if there are none.
    """
    found = {}
    for path in sorted(folder.glob("*/result.json")):
        result = json.loads(path.read_text())
        found[result["experiment"]] = explained(result) | {"folder": path.parent}
    if not found:
        raise FileNotFoundError(
            f"no result.json under {folder}; run python -m experiments NAME first, or name a folder"
        )
    return {name: found[name] for name in [*EXPERIMENTS, *sorted(found)] if name in found}


def explained(result: dict[str, Any]) -> dict[str, Any]:
    """A result with the explanations that its question has by now: they are found after the run."""
    experiment = EXPERIMENTS.get(result["experiment"])
    known = {(row.id, row.figure): row.why for row in experiment.rows} if experiment else {}
    rows = [row | {"why": known.get((row["id"], row["figure"])) or row["why"]} for row in result["rows"]]
    return result | {"rows": rows}


def word(verdict: str) -> str:
    """The verdict without its reasons: "reproduced", "not reproduced", "compatible", "measured", ..."""
    return verdict.partition(":")[0].partition(",")[0]


def figure_of(result: dict[str, Any], row: dict[str, Any]) -> str:
    """Our figure of a row, with its spread and the number of seeds."""
    figure = result["measured"].get(row["figure"])  # a quick run leaves some out
    return "none" if figure is None else statistics.words(figure)


def rows_of(results: dict[str, dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every row with its result."""
    return [(result, row) for result in results.values() for row in result["rows"]]


def tally(results: dict[str, dict[str, Any]]) -> str:
    """How many rows of each kind came out how, and how many of the runnable ids have a verdict."""
    lines = []
    for kind, title in KINDS.items():
        words = Counter(word(row["verdict"]) for _, row in rows_of(results) if row["kind"] == kind)
        counted = ", ".join(f"{count} {name}" for name, count in words.most_common()) or "none run"
        lines.append(f"- {title}: {sum(words.values())} ({counted})")
    chapters = {e.chapter for name, e in EXPERIMENTS.items() if name in results}
    wanted = {i for e in EXPERIMENTS.values() if e.chapter in chapters and e.chapter for i in e.ids}
    judged = {row["id"] for _, row in rows_of(results) if word(row["verdict"]) not in ("none", "open")}
    missing = sorted(wanted - judged)
    named = f" Without one: {', '.join(missing)}." if missing else ""
    of = ", ".join(sorted(chapter for chapter in chapters if chapter))
    lines.append(f"- Entries of chapters {of} with a verdict: {len(wanted & judged)} of {len(wanted)}.{named}")
    lines += [f"- Not run: {name}: {why}." for name, why in catalogue.NOT_RUN.items()]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Text that does not break a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def markdown(results: dict[str, dict[str, Any]]) -> str:
    """The table to read: one a kind."""
    seconds = sum(result["seconds"]["total"] for result in results.values())
    commits = sorted({result["commit"] for result in results.values()})
    devices = sorted({result["device"] for result in results.values()})
    data = sorted({result["data"]["name"] for result in results.values()})
    quick = " QUICK RUNS, which say nothing about the book." if any(r["quick"] for r in results.values()) else ""
    lines = [
        "# Results",
        "",
        "Made by `python -m experiments report`; do not edit.",
        f"Data: {', '.join(data)}. Device: {', '.join(devices)}. {duration(seconds)} in all. "
        f"Commit: {', '.join(commits)}.{quick}",
        "",
        tally(results),
        "",
        RULES,
    ]
    for kind, title in KINDS.items():
        rows = [(result, row) for result, row in rows_of(results) if row["kind"] == kind]
        if not rows:
            continue
        lines += [f"## {title}", ""]
        lines += [
            "| entry | the book | reported | ours | measured | verdict | run at |",
            "|---|---|---|---|---|---|---|",
        ]
        for result, row in rows:
            why = f" Why: {row['why']}" if row["why"] and word(row["verdict"]) != "reproduced" else ""
            reported = f"{row['reported']} ({row['place']})"
            columns = [row["id"], row["did"], reported, row["ours"], figure_of(result, row), row["verdict"] + why]
            columns.append(result["commit"])
            lines.append("| " + " | ".join(cell(column) for column in columns) + " |")
        lines.append("")
    lines += ["## Time", "", "A network that an earlier question of the same command trained is not trained again.", ""]
    lines += ["| question | seeds | seconds | of them compiling | run at |", "|---|---:|---:|---:|---|"]
    for name, result in results.items():
        took = result["seconds"]
        cells = (name, len(result["seeds"]), f"{took['total']:.0f}", f"{took['compile']:.0f}", result["commit"])
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, ""])


def embedded(path: pathlib.Path) -> str:
    """A picture as a data address, in 128 colours, which is about a third of the bytes and looks the same."""
    from PIL import Image  # it comes with matplotlib

    with Image.open(path) as image:
        small = io.BytesIO()
        # The colours that cover most: by numbers of pixels, a curve's own would be mixed with its neighbours'.
        few = image.convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(small, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()


def page(results: dict[str, dict[str, Any]]) -> str:
    """The page with every figure, its settings, and the command that made it; needs nothing from elsewhere."""
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
        "table{border-collapse:collapse;font-size:.85rem}td,th{border:1px solid #bbb;padding:.3rem .5rem;"
        "vertical-align:top;text-align:left}img{max-width:100%;display:block;margin:1rem 0}"
        "pre{background:#f4f4f4;padding:.6rem;overflow:auto;font-size:.8rem}"
    )
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>jnndl: results</title>",
        f"<meta name='viewport' content='width=device-width'><style>{style}</style></head><body>",
        "<h1>Nielsen's experiments, run again</h1>",
        "<ul>" + "".join(f"<li>{html.escape(line[2:])}</li>" for line in tally(results).splitlines()) + "</ul>",
        f"<p>{html.escape(RULES.replace('*', '').replace('`', ''))}</p>",
    ]
    for name, result in results.items():
        shows = EXPERIMENTS[name].shows if name in EXPERIMENTS else ""
        parts.append(f"<h2 id='{html.escape(name)}'>{html.escape(name)}</h2><p>{html.escape(shows)}</p>")
        if result["rows"]:
            parts.append("<table><tr><th>entry<th>kind<th>reported<th>ours<th>measured<th>verdict</tr>")
            for row in result["rows"]:
                why = f" Why: {row['why']}" if row["why"] and word(row["verdict"]) != "reproduced" else ""
                reported = f"{row['did']}: {row['reported']} ({row['place']})"
                columns = (row["id"], row["kind"], reported, row["ours"], figure_of(result, row), row["verdict"] + why)
                parts.append("<tr>" + "".join(f"<td>{html.escape(column)}" for column in columns) + "</tr>")
            parts.append("</table>")
        for path in sorted(result["folder"].glob("*.png")):
            alt = html.escape(f"{name}: {path.stem}")
            parts.append(f"<img src='{embedded(path)}' alt='{alt}' title='{alt}'>")
        settings = json.dumps(result["config"], ensure_ascii=False)
        parts.append(
            f"<details><summary>settings and command</summary><pre>{html.escape(result['command'])}\n"
            f"commit {html.escape(result['commit'])}, {html.escape(result['device'])}, "
            f"{result['seconds']['total']:.0f} s ({result['seconds']['compile']:.0f} s compiling), "
            f"{len(result['seeds'])} seeds, data {html.escape(json.dumps(result['data']['name']))}\n"
            f"{html.escape(settings)}</pre></details>"
        )
    return "\n".join([*parts, "</body></html>\n"])


def replot(results: dict[str, dict[str, Any]]) -> None:
    """Draw every plot again, from result.json alone (and the images that a picture shows)."""
    splits: dict[str, Any] = {}
    for name, result in results.items():
        data = result["data"]["name"]
        if data not in splits:
            splits[data] = open_data(data)
        print(f"{name}: drawn again", flush=True)
        EXPERIMENTS[name].plot(result, splits[data], result["folder"])


def main(arguments: list[str]) -> int:
    """Write the report; returns the exit status, 2 where there is nothing to report."""
    parser = argparse.ArgumentParser(prog="python -m experiments report", description=__doc__)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path("results"), help="of the results")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="where RESULTS.md and results.html go")
    parser.add_argument("--replot", action="store_true", help="draw the plots again first, from result.json")
    options = parser.parse_args(arguments)
    try:
        results = load(options.folder)
        if options.replot:
            replot(results)
        options.out.mkdir(parents=True, exist_ok=True)
        for name, make in (("RESULTS.md", markdown), ("results.html", page)):
            write(options.out / name, make(results))
            print(f"written: {options.out / name}, {(options.out / name).stat().st_size / 1e6:.1f} MB")
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(tally(results))
    return 0
