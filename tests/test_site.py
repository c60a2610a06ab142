"""The site: it is built without a warning, every link leads somewhere, nothing is asked of another server."""

import fcntl
import html.parser
import os
import pathlib
import subprocess
import sys
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
REPEATED = {"_modules", "_static", "_sources"}  # pages of source text, all alike
LIKE_OTHERS = 3  # of the pages of the reference, which are all alike, as many are opened in the browser
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site; built by the first process that asks for it."""
    pytest.importorskip("sphinx", reason="needs Sphinx: pip install '.[site]'")
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(folder)]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            (shared / "site.log").write_text(f"{done.returncode}\n{done.stdout}{done.stderr}")
    status, _, told = (shared / "site.log").read_text().partition("\n")
    assert status == "0", told
    return folder


class Page(html.parser.HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.ids = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        elif tag != "a":
            self.loads += [values[name] for name in ("src", "href", "data") if values.get(name)]


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site): Page(path) for path in sorted(site.rglob("*.html"))}


def target(page, address):
    """The file and the anchor that an address on a page means; None for another server, or for data."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    path = pathlib.Path(os.path.normpath(page.parent / urllib.parse.unquote(parts.path))) if parts.path else page
    return path, urllib.parse.unquote(parts.fragment)


def test_it_is_all_there(pages):
    wanted = {
        "index.html",
        "draw.html",
        "report.html",
        "made/findings.html",
        "made/book.html",
        "made/api/training.html",
    }
    assert wanted <= {str(path) for path in pages}
    assert len([path for path in pages if path.parts[:2] == ("made", "notebooks")]) == len(
        list((ROOT / "notebooks").glob("*.ipynb"))
    )


def test_every_link_leads_somewhere(site, pages):
    broken, count = [], 0
    for page, found in pages.items():
        for address in found.links + found.loads:
            if (meant := target(page, address)) is None:
                assert address.startswith(("http://", "https://", "data:", "mailto:", "blob:")), (page, address)
                continue
            count += 1
            path, anchor = meant
            if not (site / path).is_file() or (
                anchor and path.suffix == ".html" and anchor not in pages[path].ids and "_modules" not in path.parts
            ):
                broken.append(f"{page}: {address}")
    assert not broken
    assert count > 1000


def test_nothing_is_loaded_from_another_server(pages):
    outside = {
        (str(page), address)
        for page, found in pages.items()
        for address in found.loads
        if target(page, address) is None and not address.startswith("data:")
    }
    assert not outside


def opened(pages):
    """The pages that are opened in a browser."""
    of_reference = [path for path in pages if path.parts[:2] == ("made", "api")]
    left_out = set(of_reference[LIKE_OTHERS:])
    return [path for path in pages if path not in left_out and not REPEATED & set(path.parts)]


def test_in_a_browser_nothing_is_asked_fails_or_is_too_wide(site, pages, browser):
    problems, asked = [], []
    tab = browser.new_page()
    tab.on("console", lambda message: problems.append((path, message.text)) if message.type == "error" else None)
    tab.on("pageerror", lambda error: problems.append((path, str(error))))
    tab.on("request", lambda request: asked.append(request.url))
    for path in opened(pages):
        tab.goto((site / path).as_uri())
        for width in (400, 1200):
            tab.set_viewport_size({"width": width, "height": 800})
            wide = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            problems += [(path, f"{wide} pixels wider than {width}")] if wide > 0 else []
    tab.close()
    assert not problems
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def test_axe_finds_nothing_serious(site, pages, browser):
    if not AXE.exists():
        pytest.skip("needs axe: npm install --no-save --no-package-lock axe-core")
    found, axe = [], AXE.read_text(encoding="utf-8")
    tab = browser.new_page()
    for path in opened(pages):
        tab.goto((site / path).as_uri())
        tab.evaluate(axe)
        result = tab.evaluate("axe.run(document, {resultTypes: ['violations'], iframes: false})")
        found += [
            f"{path}: {one['id']} ({one['impact']}): {one['help']}: {one['nodes'][0]['html'][:200]}"
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    tab.close()
    assert not found, "\n".join(found)
