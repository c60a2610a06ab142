"""How Sphinx builds the site: ``make site``. Nothing in it asks anything of another server."""

import pathlib
import sys
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import pages  # noqa: E402  (beside this file, which is no package)

pages.make(HERE.parent, HERE / "made")

project = "jnndl"
copyright = "the jnndl authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["playground", "gallery/*.py"]
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebooks are stored with what they gave
nb_merge_streams = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "exclude-members": "set_fit_request, set_score_request"}
autodoc_class_signature = "mixed"
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]
add_module_names = False
viewcode_follow_imported_members = False

html_theme = "furo"
html_title = "jnndl"
html_extra_path = ["made/extra"]
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "footer_icons": [],
    "light_css_variables": {"color-brand-primary": "#1f5fa8", "color-brand-content": "#1f5fa8"},
    "dark_css_variables": {"color-brand-primary": "#8db9ec", "color-brand-content": "#8db9ec"},
}


def inline(translator: Any, node: nodes.math) -> None:
    """An equation within a line, in the markup that browsers draw by themselves."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    """An equation in lines of its own."""
    translator.body.append(f'<div class="equation">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def link(app: Sphinx, page: str, source: list[str]) -> None:
    """Lead the links of a page that is read in the repository, too, to what is on the site."""
    if page in ("gallery", "lecturer", "scaling"):
        source[0] = pages.linked(source[0], "docs", "")


def reach(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Let the keyboard reach what may be wider than the page, so that it can be scrolled."""
    if "body" in context:
        context["body"] = context["body"].replace("<pre>", '<pre tabindex="0">')


def setup(app: Sphinx) -> None:
    """Tell Sphinx of the way equations are drawn, and of the changes of each page."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("source-read", link)
    app.connect("html-page-context", reach)
