"""What the tests in a browser share: how one is started, what is watched, and the contrast of colours."""

import os
import re
import shutil

import numpy as np

FLAGS = """
--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
--disable-sync
"""
NAMES = ("chromium", "chromium-browser", "google-chrome")


def program():
    """The path of a Chromium, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def watched(tab):
    """What goes wrong in a tab from now on: messages in its console, errors, and what it asks for from outside."""
    wrong = []
    # That it is slow to read a canvas twice is said to a test that does so; the page reads none.
    ours = "willReadFrequently"
    tab.on("console", lambda m: ours in m.text or wrong.append(f"{m.type}: {m.text}"))
    tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    tab.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
    return wrong


# Nothing sticks out, not even where it is cut off.
STICKS_OUT = """width => [...document.querySelectorAll('body *')].filter((e) => !e.closest('svg')
    && e.getBoundingClientRect().right > width + 1).map((e) => e.outerHTML.slice(0, 120))"""

# Whatever holds text, with its colour and that of the ground behind it.
TEXTS = """[...document.querySelectorAll('body *')].filter((e) => e.offsetParent && !e.classList.contains('unseen')
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
        const [root, ground] = [document.documentElement, (x) => getComputedStyle(x).backgroundColor];
        let back = e;
        while (ground(back) === 'rgba(0, 0, 0, 0)' && back !== root) back = back.parentElement;
        return [e.outerHTML.slice(0, 80), getComputedStyle(e).color, ground(back)];
    })"""


def contrast(one, other):
    """The contrast of two colours, by WCAG 2."""

    def luminance(colour):
        parts = np.array([float(x) for x in re.findall(r"[\d.]+", colour)[:3]]) / 255
        return np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def opening(browser, path):
    """A tab with a page, in which nothing goes wrong."""
    tab = browser.new_page()
    wrong = watched(tab)
    tab.set_viewport_size({"width": 1200, "height": 900})
    tab.emulate_media(reduced_motion="reduce")
    tab.goto(path.as_uri())
    settled(tab)
    yield tab
    tab.close()
    assert not wrong


def settled(tab):
    """Wait until what was drawn is shown."""
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.88)]


def draw(tab, points):
    """Move the mouse over the pad with its button down."""
    tab.locator("#pad").scroll_into_view_if_needed()
    box = tab.locator("#pad").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    tab.mouse.move(*at[0])
    tab.mouse.down()
    for point in at[1:]:
        tab.mouse.move(*point, steps=8)
    tab.mouse.up()
    settled(tab)
