"""The gallery: every script runs and draws, and the page shows its very lines."""

import ast
import importlib.util
import io
import pathlib
import re

import pytest
from matplotlib.figure import Figure
from PIL import Image

import jnndl

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
SCRIPTS = sorted(path.stem for path in (DOCS / "gallery").glob("*.py"))


@pytest.fixture(scope="module")
def gallery():
    """docs/make_gallery.py, as a module."""
    spec = importlib.util.spec_from_file_location("make_gallery", DOCS / "make_gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_made_of_the_present_scripts(gallery):
    assert sorted(gallery.NAMES) == SCRIPTS
    text = (DOCS / "gallery.md").read_text()
    assert text == gallery.page()
    shown = re.findall(r"```python\n(.*?)\n```", text, re.S)
    for name, lines in zip(gallery.NAMES, shown, strict=True):
        script = (DOCS / "gallery" / f"{name}.py").read_text().replace("  # fmt: skip", "")
        assert script.endswith(f'"""\n\n{lines}\n')
        assert len([line for line in lines.splitlines() if line.strip()]) <= 32  # a few lines each
    for name, alt in re.findall(r'<img src="gallery/(\w+)\.webp" alt="([^"]+)">', text):
        assert len(alt) > 40, name


@pytest.mark.parametrize("name", SCRIPTS)
def test_only_public_names_are_used(name):
    tree = ast.parse((DOCS / "gallery" / f"{name}.py").read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "jnndl"
    }
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    used |= {module.split(".")[1] for module in imported if module.startswith("jnndl.")}
    assert used
    assert used <= set(jnndl.__all__)


@pytest.mark.parametrize("name", SCRIPTS)
def test_pictures_are_small(name):
    path = DOCS / "gallery" / f"{name}.webp"
    assert path.stat().st_size < 120_000
    with Image.open(path) as picture:
        assert 500 <= picture.width <= 1200
        colours = picture.convert("RGB").getcolors(1 << 24)
    assert len(colours) > 50  # something is drawn


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_draws(gallery, name):
    figure = gallery.draw(name)
    assert isinstance(figure, Figure)
    assert any(axes.has_data() for axes in figure.axes)
    content = io.BytesIO()
    figure.savefig(content, dpi=20)
    assert content.tell() > 500
