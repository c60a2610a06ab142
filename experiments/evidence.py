"""What was measured with each seed: kept under version control, and filled into the sentences that speak of it."""

import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments import units

PATH = pathlib.Path(__file__).with_name("evidence.json")  # of the last full run
DIGITS = 7  # more than any figure of the report shows
PLACE = re.compile(r"\{([^{}|]+)(?:\|([^{}|]*))?(?:\|(least|greatest|at))?\}")


def metrics_in(text: str) -> tuple[str, ...]:
    """The metrics whose figures a sentence wants filled in, see ``fill``."""
    return tuple(found[1] for found in PLACE.finditer(text))


def fill(text: str, measured: Mapping[str, Any]) -> str | None:
    """A sentence with its figures filled in.

    Args:
        text: may hold places such as ``{test_accuracy|%}``: a metric and its unit (see ``units``), which become mean,
            spread and number of seeds. ``{metric|unit|least}`` and ``{metric|unit|greatest}`` become the least and the
            greatest value of any seed, ``{metric|unit|at}`` the mean alone.
        measured: metric -> what ``intervals.summarize`` found.

    Returns:
        The sentence, or None where a figure that it needs was not measured.
    """
    if any(measured.get(name, {}).get("mean") is None for name in metrics_in(text)):
        return None

    def figure(place: re.Match[str]) -> str:
        summary, unit = measured[place[1]], place[2] or ""
        if place[3] is None:
            return units.words(summary, unit)
        values = np.asarray(summary["per_seed"], float)
        of = {"least": np.nanmin(values), "greatest": np.nanmax(values), "at": summary["mean"]}
        return units.show(float(of[place[3]]), unit)

    return PLACE.sub(figure, text)


def rounded(values: Any) -> Any:
    """The values of one metric as they are kept."""
    if isinstance(values, list):
        return [rounded(value) for value in values]
    return None if values is None else float(f"{values:.{DIGITS}g}")


def text_of(results: Mapping[str, Mapping[str, Any]]) -> str:
    """All per-seed values of these results as JSON, one line for each metric, so that two versions can be compared."""
    questions = []
    for name, result in results.items():
        run = {key: result[key] for key in ("commit", "started", "device", "seeds")}
        run["data"] = result["data"]["name"]
        lines = [f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in run.items()]
        values = ",\n".join(
            f"    {json.dumps(metric)}: {json.dumps(rounded(summary['per_seed']))}"
            for metric, summary in result["measured"].items()
        )
        questions.append(
            f"  {json.dumps(name)}: {{\n" + ",\n".join(lines) + f',\n   "measured": {{\n{values}\n   }}\n  }}'
        )
    return "{\n" + ",\n".join(questions) + "\n}\n"


def read(path: pathlib.Path = PATH) -> dict[str, Any]:
    """The evidence that is kept: question -> commit, time, device, seeds, and the values of each metric."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found
