"""Makes the gallery: runs the scripts in gallery/, and writes gallery.md. ``python docs/make_gallery.py [NAME ...]``.

Each script leaves a Matplotlib figure called ``figure``. Its docstring is the text beside the picture: the title in the
first line, a caption after it; the page shows all that follows as it is. With names, only these pictures are made anew.
"""

import ast
import pathlib
import runpy
import sys
from typing import Any

FOLDER = pathlib.Path(__file__).with_name("gallery")
PAGE = pathlib.Path(__file__).with_name("gallery.md")
NAMES = (
    "networks",
    "weights",
    "towers",
    "gradients",
    "mistakes",
    "distortions",
    "saturation",
    "regularization",
    "filters",
    "sweep",
    "confusion",
    "activations",
)
OPENING = """# Gallery

Twelve pictures of neural networks, each beside the lines that made it. All of them use the bundled 8x8 digits, so that
each takes seconds; with `load_mnist()`, 784 inputs and images of 28 by 28 they work on MNIST, too. In a notebook
`figure` shows itself, and `figure.savefig("mine.png")` keeps it. The scripts are in [gallery/](gallery); `python
docs/make_gallery.py` makes this page.
"""


def parts(name: str) -> tuple[str, str, str]:
    """A script's title, its caption, and its lines without the docstring."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    title, _, caption = (ast.get_docstring(tree) or "").partition("\n\n")
    end = tree.body[0].end_lineno or 0
    lines = [line.removesuffix("  # fmt: skip") for line in text.splitlines()[end:]]
    return title.removesuffix("."), caption, "\n".join(lines).strip("\n")


def draw(name: str) -> Any:
    """The figure that a script leaves."""
    return runpy.run_path(str(FOLDER / f"{name}.py"))["figure"]


def page() -> str:
    """The text of gallery.md."""
    texts = [OPENING]
    for name in NAMES:
        title, caption, lines = parts(name)
        alt = " ".join(caption.split()).replace('"', "&quot;")
        picture = f'<img src="gallery/{name}.webp" alt="{title}: {alt}">'
        cells = f'<td width="50%">\n{picture}\n\n{caption}\n\n</td>\n<td>\n\n```python\n{lines}\n```\n\n</td>'
        texts.append(f"## {title}\n\n<table>\n<tr>\n{cells}\n</tr>\n</table>\n")
    return "\n".join(texts)


def main(names: list[str]) -> None:
    """Draw the pictures, all or those named, and write the page."""
    for name in names or NAMES:
        draw(name).savefig(FOLDER / f"{name}.webp", dpi=110, pil_kwargs={"quality": 82, "method": 6})
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
