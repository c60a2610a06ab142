"""``python -m experiments report``: every result.json under a folder, as tables to read and a page with plots."""

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
from experiments.runner import open_data, write
from experiments.training import duration

COMMITTED = pathlib.Path(__file__).parent  # where the report of a full run is kept, under version control
KINDS = {"toy": "Toys: one right answer", "number": "Numbers: single runs of the book", "claim": "Claims"}
RULES = """\
A **toy** has one right answer. A **number** of the book is one run (or the best of several), so it is compared with the
interval that holds 95 % of such runs, estimated from our seeds: *reproduced* if it lies in an interval of at most one
point, *compatible* if it lies in a wider one, otherwise *not reproduced*. A **claim** is *reproduced* if the 95 %
t-interval of the mean (usually of a difference paired by seed) lies entirely on the side that the book names.
*Measured*: the book gives no number. The rules were written before the runs, in `experiments/statistics.py` and in the
rows of each question.
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
    """A result with its question's present explanations, which are found only after the run."""
    experiment = EXPERIMENTS.get(result["experiment"])
    known = {(row.id, row.metric): row.why for row in experiment.rows} if experiment else {}
    rows = [row | {"why": known.get((row["id"], row["metric"])) or row["why"]} for row in result["rows"]]
    return result | {"rows": rows}


def word(verdict: str) -> str:
    """The verdict without its reasons: "reproduced", "not reproduced", "compatible", "measured", ..."""
    return verdict.partition(":")[0].partition(",")[0]


def measured_of(result: dict[str, Any], row: dict[str, Any]) -> str:
    """What we measured for a row, with its spread and the number of seeds."""
    summary = result["measured"].get(row["metric"])  # a quick run leaves some out
    return "none" if summary is None else statistics.words(summary)


def shortcomings(results: dict[str, dict[str, Any]]) -> str:
    """Why these results are not those of a full run, in words; empty if they are.

    A full run answers every question of the book's chapters on MNIST, at full length.
    """
    missing = [name for name, e in EXPERIMENTS.items() if e.chapter and name not in results]
    other = [name for name, result in results.items() if name in EXPERIMENTS and not result["comparable"]]
    reasons = {"missing": missing, "quick, shortened or on other data": other}
    return "; ".join(f"{reason}: {shortened(names)}" for reason, names in reasons.items() if names)


def shortened(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def rows_of(results: dict[str, dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every row with its result."""
    return [(result, row) for result in results.values() for row in result["rows"]]


def tally(results: dict[str, dict[str, Any]]) -> str:
    """How many rows of each kind got which verdict, and how many of the ids have one."""
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
    """The tables to read: one for each kind of row."""
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
            columns = [row["id"], row["did"], reported, row["ours"], measured_of(result, row), row["verdict"] + why]
            columns.append(result["commit"])
            lines.append("| " + " | ".join(cell(column) for column in columns) + " |")
        lines.append("")
    lines += [
        "## Time",
        "",
        "Networks that an earlier question of the same command has trained are not trained again.",
        "",
    ]
    lines += ["| question | seeds | seconds | of them compiling | run at |", "|---|---:|---:|---:|---|"]
    for name, result in results.items():
        took = result["seconds"]
        cells = (name, len(result["seeds"]), f"{took['total']:.0f}", f"{took['compile']:.0f}", result["commit"])
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, ""])


def embedded(path: pathlib.Path) -> str:
    """A picture as a data URL, in 128 colours: a third of the bytes, and it looks the same."""
    from PIL import Image  # here, because nothing else of the command needs it

    with Image.open(path) as image:
        small = io.BytesIO()
        # MAXCOVERAGE: with the default, a curve's colour would be averaged with those around it.
        few = image.convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(small, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()


def page(results: dict[str, dict[str, Any]]) -> str:
    """The page with every plot, the settings and the commands; a single file that needs nothing else."""
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
                columns = (
                    row["id"],
                    row["kind"],
                    reported,
                    row["ours"],
                    measured_of(result, row),
                    row["verdict"] + why,
                )
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
    """Draw every plot again, from result.json (and, for pictures of examples and weights, the data and the network)."""
    splits: dict[str, Any] = {}
    for name, result in results.items():
        data = result["data"]["name"]
        if data not in splits:
            splits[data] = open_data(data)
        print(f"{name}: drawing", flush=True)
        EXPERIMENTS[name].plot(result, splits[data], result["folder"])


def main(arguments: list[str]) -> int:
    """Write the report; returns the exit status, 2 where there is nothing to report or it cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m experiments report", description=__doc__)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path("results"), help="of the results")
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        help="where RESULTS.md and results.html go (default: of a full run experiments/, otherwise beside the results)",
    )
    parser.add_argument("--replot", action="store_true", help="draw the plots again first, from result.json")
    options = parser.parse_args(arguments)
    try:
        results = load(options.folder)
        out = options.out or destination(results, options.folder)
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.replot:
        replot(results)
    for path, text in ((out / "RESULTS.md", markdown(results)), (out / "results.html", page(results))):
        try:
            write(path, text)
        except OSError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        print(f"written: {path}, {path.stat().st_size / 1e6:.1f} MB")
    print(tally(results))
    return 0


def destination(results: dict[str, dict[str, Any]], folder: pathlib.Path) -> pathlib.Path:
    """Where the report goes: only that of a full run replaces the committed one; any other goes beside its results."""
    reasons = shortcomings(results)
    if not reasons:
        return COMMITTED
    print(f"not a full run: {reasons}. So the report goes to {folder}, not to {COMMITTED}; --out chooses another place")
    return folder
