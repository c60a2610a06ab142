"""What is kept of each finished run, under version control: what each seed gave, the settings, and the plots.

They lie in the folder beside this file: of each question ``NAME.json``, and its plots in ``NAME/``; of a run at the
book's scale, where a question has two, ``NAME-book.json`` and ``NAME-book/``. The report is made from them alone, so a
run of one question changes its own part and no other.
"""

import io
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.intervals import summarize
from experiments.runner import EVIDENCE, write
from jnndl import storage

FOLDER = EVIDENCE  # only in the repository: an installed program has none
DIGITS = 7  # as many as a float32 holds
COLOURS = (32, 48, 64, 128)  # of a picture: as few as it can do with
SEEN, SHARE = 1, 0.1  # it can where at most this share of its pixels changes by more than so many of 255 steps
# What is kept of result.json besides the values. The curves are in the plots, and rows are judged by today's rules.
KEPT = (
    "experiment",
    "data",
    "seeds",
    "quick",
    "scale",
    "comparable",
    "config",
    "commit",
    "started",
    "versions",
    "device",
    "seconds",
    "command",
    "kept",
)


def name_of(result: Mapping[str, Any]) -> str:
    """What a run is called: its question, with "-book" at the book's scale where that is not the only one."""
    return str(result["experiment"]) + ("-book" if result["scale"] == "book" else "")


def rounded(values: Any) -> Any:
    """The values of one metric as they are kept; one alone, which algebra may judge to the last digit, as it is."""
    if isinstance(values, list) and len(values) == 1 and isinstance(values[0], float):
        return values
    if isinstance(values, list):
        return [rounded(value) for value in values]
    return None if values is None else float(f"{values:.{DIGITS}g}")


def text_of(result: Mapping[str, Any]) -> str:
    """A run as JSON, one line for each entry and each metric, so that two versions can be compared."""
    lines = [f" {json.dumps(key)}: {json.dumps(result[key])}" for key in KEPT if key in result]
    values = [
        f"  {json.dumps(metric)}: {json.dumps(rounded(summary['per_seed']))}"
        for metric, summary in result["measured"].items()
    ]
    return "{\n" + ",\n".join([*lines, ' "measured": {\n' + ",\n".join(values)]) + "\n }\n}\n"


def read(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """The runs that are kept in a folder, by what they are called: what result.json holds, as far as it is kept."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
            measured = {name: summarize(values) for name, values in run["measured"].items()}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path}: this is no run that is kept ({error!r:.120}); restore it") from error
        found[path.stem] = run | {"measured": measured}
    return found


def picture(path: pathlib.Path) -> bytes:
    """A plot as lossless WebP of few colours. One that is kept already stays as it is."""
    if path.suffix == ".webp":
        return path.read_bytes()
    from PIL import Image  # here, because nothing else of the command needs it

    with Image.open(path) as image:
        whole = image.convert("RGB")
    for colours in COLOURS:
        # MAXCOVERAGE: with the default, a curve's colour would be averaged with those around it. One step of k-means
        # then moves each colour to the middle of what it stands for.
        method = Image.Quantize.MAXCOVERAGE
        few = whole.quantize(colours, method, kmeans=1, dither=Image.Dither.NONE).convert("RGB")
        off = np.abs(np.asarray(few, int) - np.asarray(whole, int)).max(axis=-1)
        if np.mean(off > SEEN) <= SHARE:
            break
    small = io.BytesIO()
    few.save(small, "WEBP", lossless=True, quality=100, method=4)  # 6 would take ten times as long for 0.5 %
    return small.getvalue()


def keep(result: Mapping[str, Any], plots: list[pathlib.Path]) -> None:
    """Keep a finished run, in place of an earlier one of the same name."""
    name = name_of(result)
    pictures = {plot.with_suffix(".webp").name: picture(plot) for plot in plots}
    own = FOLDER / name
    own.mkdir(parents=True, exist_ok=True)
    for file, content in pictures.items():
        write_bytes(own / file, content)
    for old in own.glob("*.webp"):
        if old.name not in pictures:
            old.unlink()
    write(FOLDER / f"{name}.json", text_of(result))


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    storage.write_atomically(path, lambda temporary: pathlib.Path(temporary).write_bytes(content))
