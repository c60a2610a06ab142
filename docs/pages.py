"""Makes the pages of the site that say again what the repository says elsewhere: ``make(root, folder)``.

So nothing is written twice: the ways to start are the README's sections, the findings are the report's, the notebooks
and the drawing page are copies, the reference is made of docstrings.
"""

import importlib
import inspect
import pathlib
import posixpath
import re
import shutil
import tomllib

from experiments import catalogue, evidence, findings
from experiments.report.answers import recall

# page -> its title, and the sections of the README that are on it
SECTIONS = {
    "start": ("Start", ["Start", "Use it from Python", "Your own handwriting", "Your own data"]),
    "trust": ("Can it be trusted?", ["Are the gradients right?", "Promises"]),
    "experiments": ("Experiments", ["Experiments", "Data, and working offline"]),
    "speed": ("Speed", ["Speed", "GPU"]),
}
# What else of the repository is on the site, and where; other links become plain text.
FILES = {
    "docs/draw.html": "draw.html",
    "docs/playground/index.html": "playground/index.html",
    "experiments/RESULTS.md": "report.html",
    "experiments/results.html": "report.html",
}
# finding's question -> the picture that shows it
PICTURES = {
    "ch1-baseline": "accuracy",
    "ch1-rates-widths": "architecture",
    "ch3-expanded": "copies",
    "ch3-full-data": "accuracy",
    "ch3-initial-weights": "accuracy_30",
    "ch3-multiple-eta": "cost",
    "ch3-neurons": "accuracy",
    "ch3-overfitting": "test",
    "gradients": "step_size",
}
BOOK = "http://neuralnetworksanddeeplearning.com/"
KINDS = {"listing": "Programs", "equation": "Equations", "figure": "Figures and widgets", "problem": "Problems"}


def make(root: pathlib.Path, folder: pathlib.Path) -> None:
    """Make all pages anew.

    Args:
        root: the repository.
        folder: where to put them; what is there is deleted.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("api", "extra", "pictures"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(root / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(root / "docs" / "draw.html", folder / "extra" / "draw.html")
    shutil.copy(root / "experiments" / "results.html", folder / "extra" / "report.html")
    shutil.copytree(root / "docs" / "playground", folder / "extra" / "playground")
    shutil.copytree(root / "docs" / "gallery", folder / "extra" / "gallery", ignore=shutil.ignore_patterns("*.py"))
    readme = (root / "README.md").read_text()
    for name, (title, wanted) in SECTIONS.items():
        write(folder / f"{name}.md", of_readme(readme, title, wanted))
    write(folder / "findings.md", found(folder / "pictures"))
    write(folder / "book.md", book(root / "docs" / "book.toml", readme))
    reference(root, folder / "api")


def write(path: pathlib.Path, text: str) -> None:
    """Write a page."""
    path.write_text(text, encoding="utf-8")


def of_readme(readme: str, title: str, wanted: list[str]) -> str:
    """A page of some sections of the README.

    Raises:
        ValueError: if the README has no such section.
    """
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL))
    lacking = [name for name in wanted if name not in sections]
    if lacking:
        raise ValueError(f"README.md has no section {lacking[0]!r}; mend SECTIONS in docs/pages.py")
    parts = [f"## {name}\n{sections[name]}" for name in wanted]
    if title == wanted[0]:
        parts[0] = sections[title]
    return f"# {title}\n{linked(''.join(parts))}"


def linked(text: str, place: str = "", up: str = "../") -> str:
    """A page of the repository with its links as they are on the site.

    Args:
        text: the page.
        place: its folder in the repository.
        up: from the page on the site to the first folder there.
    """

    def link(match: re.Match[str]) -> str:
        words, address = match.groups()
        if address.startswith(("http", "#")):
            return match[0]
        path, mark, anchor = address.partition("#")
        path = posixpath.normpath(posixpath.join(place, path))
        if path.startswith("notebooks/"):
            return f"[{words}]({up}made/{path})"
        if path.startswith("docs/") and path.endswith(".md"):
            return f"[{words}]({up}{path.removeprefix('docs/')}{mark}{anchor})"
        return f'<a href="{up}{FILES[path]}{mark}{anchor}">{words}</a>' if path in FILES else words

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)]+)\)", link, text)


def found(pictures: pathlib.Path) -> str:
    """What held, what did not and what surprised when the book was run again; a picture for each."""
    kept = evidence.FOLDER
    lines = ["# What we found when we ran the book again", "", "Each sentence with its picture; more in the", ""]
    lines[-2] += ' <a href="../report.html">whole report</a>, where every number has its interval and its rule.'
    for group, told in findings.told(recall()).items():
        lines += [f"## {group}", ""]
        for question, text in told:
            lines += [f'{text} <a href="../report.html#{question}">More</a>', ""]
            source = kept / question / f"{PICTURES.get(question, '')}.webp"
            if source.is_file():
                name = f"{question}-{source.name}"
                shutil.copy(source, pictures / name)
                lines += [f"![{catalogue.QUESTIONS[question]}](pictures/{name})", ""]
    return "\n".join(lines)


def book(path: pathlib.Path, readme: str) -> str:
    """The table from the book's programs, equations and figures to ours."""
    names = of_readme(readme, "From the book's names to these", ["From the book's names to these"])
    if not path.exists():
        return names
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["entry"]
    lines, known = [names], {answer.experiment.name for answer in recall().values()}
    for chapter, title in catalogue.CHAPTERS.items():
        lines += [f"## Chapter {chapter}: {title}", ""]
        for kind, heading in KINDS.items():
            own = [entry for entry in entries if str(entry["chapter"]) == chapter and entry["kind"] == kind]
            if own:
                lines += [f"### {heading} of chapter {chapter}", "", "| in the book | here |"]
                lines += ["| --- | --- |", *(row(entry, known) for entry in own), ""]
    return "\n".join(lines)


def row(entry: dict, known: set[str]) -> str:
    """A line of the table; ``known`` are the questions that the report has."""
    about = f"[{entry['name']}]({BOOK}{entry['section']})"
    about += f" {entry['what']}" if "what" in entry else ""
    about += f"<br>${entry['latex']}$" if "latex" in entry else ""
    tests = (f"`{name.partition('::')[2]}`" for name in entry["tests"])
    asked = (f'<a href="../report.html#{name}">{name}</a>' if name in known else name for name in entry["questions"])
    parts = {
        "": (f"{{py:obj}}`{name} <{full(name)}>`" for name in entry["ours"]),
        "note: ": [entry["note"]] if "note" in entry else [],
        "tests: ": tests,
        "questions: ": asked,
    }
    here = [what + ", ".join(given) for what, each in parts.items() if (given := list(each))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (about, "<br>".join(here))) + " |"


def full(name: str) -> str:
    """The full name, by the module that defines it, of a name below ``jnndl``."""
    thing = importlib.import_module("jnndl")
    for part in name.split("."):
        thing = getattr(thing, part)
    if inspect.ismodule(thing):
        return thing.__name__
    return f"{thing.__module__}.{thing.__qualname__}" if hasattr(thing, "__qualname__") else f"jnndl.{name}"


def reference(root: pathlib.Path, folder: pathlib.Path) -> None:
    """The reference: all names of ``jnndl``, and a page for each module with what it holds."""
    library = importlib.import_module("jnndl")
    names = [name for name in library.__all__ if not inspect.ismodule(getattr(library, name))]
    lines = ["Reference", "=========", "", "What ``import jnndl`` gives, and where it is described:", ""]
    for name in names:
        first = (inspect.getdoc(getattr(library, name)) or "").partition("\n\n")[0].replace("\n", " ")
        lines += [f"- :py:obj:`jnndl.{name} <{full(name)}>`: {first}"]
    table = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    modules = re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)
    lines += ["", "The modules, from top to bottom; each imports only from those below it.", ""]
    lines += [".. toctree::", "   :maxdepth: 1", ""]
    for module, what in modules:
        if module != "__main__":
            lines.append(f"   {module}")
            name = f"jnndl.{module}"
            what = re.sub(r"`+([^`]+)`+", r"``\1``", what)
            page = [name, "=" * len(name), "", f"*{what.replace('``', '')}*", "", f".. automodule:: {name}", ""]
            write(folder / f"{module}.rst", "\n".join(page))
    write(folder / "index.rst", "\n".join([*lines, ""]))
