"""``python -m experiments report``: every result.json under a folder, as a page with plots and as a short table.

The report of a full run is kept under version control, with the values of each seed.
"""

import argparse
import pathlib
import sys
from typing import Any

from experiments import evidence, ledger
from experiments.catalogue import EXPERIMENTS
from experiments.report import counts, page, table
from experiments.report.answers import Answer, load
from experiments.runner import open_data, write

COMMITTED = pathlib.Path(__file__).parents[1]  # where the report of a full run is kept, under version control


def shortcomings(answers: dict[str, Answer]) -> str:
    """Why these results are not those of a full run, in words; empty if they are.

    A full run answers every question of the book's chapters on MNIST, at full length.
    """
    missing = [name for name, e in EXPERIMENTS.items() if e.chapter and name not in answers]
    other = [name for name, answer in answers.items() if not answer.result["comparable"]]
    reasons = {"missing": missing, "quick, shortened or on other data": other}
    return "; ".join(f"{reason}: {shortened(names)}" for reason, names in reasons.items() if names)


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
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path("results"), help="of the results")
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        help="where RESULTS.md and results.html go (default: of a full run experiments/, otherwise beside the results)",
    )
    parser.add_argument("--replot", action="store_true", help="draw the plots again first, from result.json")
    options = parser.parse_args(arguments)
    try:
        answers = load(options.folder)
        full = options.out is None and is_full(answers, options.folder)
        out = options.out or (COMMITTED if full else options.folder)
        out.mkdir(parents=True, exist_ok=True)
        if options.replot:
            replot(answers)
        if full:
            keep(answers, out)
        for name, text in (("RESULTS.md", table.markdown(answers)), ("results.html", page.whole(answers))):
            write(out / name, text)
            print(f"written: {out / name}, {(out / name).stat().st_size / 1e6:.1f} MB")
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(counts.tally(answers)))
    return 0


def is_full(answers: dict[str, Answer], folder: pathlib.Path) -> bool:
    """Whether the report may replace the committed one; if not, says why. Any other goes beside its results."""
    reasons = shortcomings(answers)
    if reasons:
        print(f"not a full run: {reasons}. So the report goes to {folder}, not to {COMMITTED}", end="")
        print("; --out chooses another place")
    return not reasons


def keep(answers: dict[str, Answer], out: pathlib.Path) -> None:
    """Keep what each seed gave, and note in rules.json which entries' figures are known from now on."""
    results = {name: answer.result for name, answer in answers.items()}
    write(out / evidence.PATH.name, evidence.text_of(results))
    known = ledger.read()
    for answer in answers.values():
        known = ledger.seen(known, answer.experiment.ids, answer.result["started"])
    write(out / ledger.PATH.name, ledger.text_of(known))
