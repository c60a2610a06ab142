"""What was measured with each seed: kept under version control."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

PATH = pathlib.Path(__file__).with_name("evidence.json")  # of the last full run
DIGITS = 7  # more than any figure of the report shows


def rounded(values: Any) -> Any:
    """The values of one metric as they are kept; one alone, which algebra may judge to the last digit, as it is."""
    if isinstance(values, list) and len(values) == 1 and isinstance(values[0], float):
        return values
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
