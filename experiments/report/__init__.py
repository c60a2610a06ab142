"""``python -m experiments report``: the results as a page with plots and as a short table.

The report under version control is made from the evidence that is kept there, see ``experiments.evidence``. Results of
full runs are taken into it first; a report of any other goes beside them.
"""

import argparse
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

from experiments import evidence, ledger
from experiments.report import counts, page, table
from experiments.report.answers import Answer, load, recall
from experiments.runner import open_data, write

COMMITTED = pathlib.Path(__file__).parents[1]  # where the report under version control is
RESULTS = pathlib.Path("results")
BEGINNING = 90  # bytes that are the same in each report: its title


def shortcoming(result: Mapping[str, Any], kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Why a result cannot be taken into the evidence, in words; empty if it can.

    Args:
        result: what result.json holds.
        kept: the evidence.
    """
    if not result["comparable"]:
        return "quick, shortened or on other data"
    before = kept.get(evidence.name_of(result))
    if before and len(result["seeds"]) < len(before["seeds"]):
        return "of fewer seeds than what is kept"
    if before and ledger.later(before["started"], result["started"]):
        return "older than what is kept"
    return ""


def shortened(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def replot(answers: dict[str, Answer]) -> None:
    """Draw every plot again, from result.json (and, for pictures of examples and weights, the data and the network)."""
    splits: dict[str, Any] = {}
    for name, answer in answers.items():
        data = answer.result["data"]["name"]
        if data not in splits:
            splits[data] = open_data(data)
        print(f"{name}: drawing", flush=True)
        answer.experiment.plot(answer.result, splits[data], answer.folder)


def main(arguments: list[str]) -> int:
    """Write the report; returns the exit status, 2 where there is nothing to report or it cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m experiments report", description=__doc__)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, help="of the results (default: results, if it has any)")
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        help="report only the results in the folder, here, and take nothing into the evidence",
    )
    parser.add_argument("--replot", action="store_true", help="draw the plots again first, from result.json")
    options = parser.parse_args(arguments)
    folder = options.folder or RESULTS
    has_evidence = options.out is None and evidence.FOLDER.is_dir()
    try:
        needed = options.folder or not has_evidence
        answers = load(folder) if needed or any(folder.glob("*/result.json")) else {}
        if options.replot and not answers:
            raise FileNotFoundError(f"--replot draws from result.json, and there is none under {folder}")
        if options.replot:
            replot(answers)
        if has_evidence:
            answers = take(answers, folder)
            publish(recall(), COMMITTED, committed=True)
        if answers:
            publish(answers, options.out or folder)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def take(answers: dict[str, Answer], folder: pathlib.Path) -> dict[str, Answer]:
    """Take the results of full runs into the evidence; returns the others, and says why they are left out.

    From now on the figures of what is taken are known, which rules.json notes of their entries.
    """
    kept = evidence.read(evidence.FOLDER)
    reasons = {name: shortcoming(answer.result, kept) for name, answer in answers.items()}
    known = ledger.read()
    for name, answer in answers.items():
        if not reasons[name]:
            evidence.keep(answer.result, answer.plots)
            known = ledger.seen(known, answer.experiment.ids, answer.result["started"])
            print(f"taken into {evidence.FOLDER}: {name}")
    if not all(reasons.values()):
        write(COMMITTED / ledger.PATH.name, ledger.text_of(known))
    for reason in sorted(set(reasons.values()) - {""}):
        names = [name for name in answers if reasons[name] == reason]
        print(f"{reason}: {shortened(names)}. So the report goes to {folder}, not to {COMMITTED}", end="")
        print("; --out chooses another place")
    return {name: answer for name, answer in answers.items() if reasons[name]}


def check_ours(path: pathlib.Path, text: str) -> None:
    """Raise FileExistsError where a file of that name is no report, which begins as this text does."""
    if path.exists() and (not path.is_file() or path.read_bytes()[:BEGINNING] != text.encode()[:BEGINNING]):
        raise FileExistsError(f"{path} exists and is no report of ours; move it, or give another folder with --out")


def publish(answers: dict[str, Answer], out: pathlib.Path, committed: bool = False) -> None:
    """Write a report, and say what it comes to."""
    texts = {"RESULTS.md": table.markdown(answers, committed), "results.html": page.whole(answers, committed)}
    for name, text in texts.items():
        check_ours(out / name, text)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write(out / name, text)
        print(f"written: {out / name}, {(out / name).stat().st_size / 1e6:.1f} MB")
    print("\n".join(counts.tally(answers, committed=committed)))
