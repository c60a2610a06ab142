"""The page to draw on is taught: the last layer learns from drawings, as the library would teach it."""

import base64
import html
import json
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import samples
from browsing import SEVEN, STICKS_OUT, TEXTS, contrast, draw, opening, settled

import jnndl
from jnndl import page
from jnndl.convolution import Conv, Flatten
from jnndl.layers import Affine, Dense, Dropout
from jnndl.network import Network

KEPT = pathlib.Path(__file__).resolve().parents[1] / "docs" / "draw.html"
ONE = [(0.15, 0.6), (0.65, 0.08), (0.65, 0.92)]  # as Germans write it: the network of the kept page says 4


@pytest.fixture
def kept(browser):
    """A tab with the page that is kept in the repository."""
    yield from opening(browser, KEPT)


def taught(tab, label, *strokes):
    """Draw, and say what it is."""
    for stroke in strokes:
        draw(tab, stroke)
    tab.click(f"#labels button:nth-child({label + 1})")
    settled(tab)


def cards(tab):
    """What stands beside each drawing."""
    return tab.evaluate(
        """[...document.querySelectorAll('#taught li')].map((li) =>
            ['b', '.was', '.is'].map((part) => li.querySelector(part).textContent))"""
    )


# The arithmetic.

COSTS = {"sigmoid": "cross_entropy", "softmax": "log_likelihood", "tanh": "quadratic", "linear": "quadratic"}
LESSON = """([weight, bias, neuron, examples]) => {
    const arrays = { weight: Float64Array.from(weight), bias: Float64Array.from(bias) };
    const { gradient, rate, step } = lesson(arrays, neuron);
    const grad = gradient(examples);
    for (let k = 0; k < 10; k++) step(examples);
    return [[...grad.weight], [...grad.bias], [...arrays.weight], [...arrays.bias], rate(examples)];
}"""


@pytest.mark.parametrize("neuron", COSTS)
def test_the_lesson_is_gradient_descent_of_the_library(kept, neuron):
    """Its gradients, and ten steps, with the rest of the network taken away; in float64."""
    rng = np.random.default_rng(1)
    features, labels = np.abs(rng.normal(size=(7, 12))), rng.integers(0, 5, size=7)
    network = Network((Dense(12, 5, "linear"),), neuron, (12,))
    rate = (2 if neuron in ("sigmoid", "softmax") else 1) / np.mean(np.sum(features**2, axis=1) + 1)
    with jax.enable_x64(True):
        params = (Affine(jnp.asarray(rng.normal(size=(5, 12))), jnp.asarray(rng.normal(size=5))),)
        data = jnndl.Dataset(jnp.asarray(features), jnp.asarray(labels))
        objective = jnndl.Objective(network, COSTS[neuron])
        gradient = jax.jit(jnndl.autodiff(objective), static_argnums=2)
        (grads,), costs = gradient(params, data, 7), [float(objective(params, data, 7))]
        after = params
        for _ in range(10):
            after = jax.tree.map(lambda w, g: w - rate * g, after, gradient(after, data, 7))
        costs.append(float(objective(after, data, 7)))
    assert costs[1] < costs[0]
    examples = [{"a": a.tolist(), "label": int(label)} for a, label in zip(features, labels, strict=True)]
    given = [np.ravel(params[0].weight).tolist(), np.asarray(params[0].bias).tolist(), neuron, examples]
    found = kept.evaluate(LESSON, given)
    assert found[4] == pytest.approx(rate, rel=1e-12)
    for ours, wanted in zip(found[:4], (*grads, *after[0]), strict=True):
        np.testing.assert_allclose(ours, np.ravel(wanted), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("neuron", ["sigmoid", "softmax", "linear", "relu"])
def test_no_step_of_a_lesson_makes_it_worse(kept, neuron):
    """One drawing thrice as dark as the others, wrong from the start; costs by hand."""
    program = """([weight, bias, neuron, examples]) => {
        const arrays = { weight: Float64Array.from(weight), bias: Float64Array.from(bias) };
        const { step } = lesson(arrays, neuron);
        return [...Array(50)].map(() => { step(examples); return [[...arrays.weight], [...arrays.bias]]; });
    }"""
    rng = np.random.default_rng(2)
    features, labels = np.abs(rng.normal(size=(4, 6))) * [[3], [1], [1], [1]], np.array([0, 1, 2, 0])
    weight, bias = 2 * rng.normal(size=(3, 6)), rng.normal(size=3)
    examples = [{"a": a.tolist(), "label": int(label)} for a, label in zip(features, labels, strict=True)]
    costs = []
    for w, b in [
        (weight.ravel(), bias),
        *kept.evaluate(program, [weight.ravel().tolist(), bias.tolist(), neuron, examples]),
    ]:
        z, y = features @ np.reshape(w, (3, 6)).T + b, np.eye(3)[labels]
        if neuron == "sigmoid":
            cost = np.logaddexp(0, z) - y * z
        elif neuron == "softmax":
            cost = np.logaddexp.reduce(z, axis=1) - z[np.arange(4), labels]
        else:
            cost = ((np.maximum(z, 0) if neuron == "relu" else z) - y) ** 2 / 2
        costs.append(cost.sum())
    assert (np.diff(costs) <= 1e-9).all()
    assert costs[-1] < 0.5 * costs[0]


# The page.


def test_the_page_learns_a_hand(kept):
    first = kept.evaluate("[...network.layers.at(-1).arrays.weight]")
    below = kept.evaluate("[...network.layers[0].arrays.weight]")
    assert not kept.is_visible("#learn")
    kept.click("#labels button:nth-child(4)")  # the page's own example is no hand of yours
    assert kept.inner_text("#lesson") == "First draw a digit of your own."
    taught(kept, 1, ONE)
    assert kept.inner_text("#lesson") == "Kept as 1. Draw another, or let it learn."
    assert kept.evaluate("strokes.length") == 0  # the pad is free for the next
    taught(kept, 7, SEVEN)
    before = cards(kept)
    assert [card[0] for card in before] == ["1", "7"]
    assert before[0][1].startswith("said 4 ")
    assert before[1][1].startswith("said 7 ")
    assert kept.is_disabled("#keep")
    kept.click("#learn")
    settled(kept)
    told = kept.inner_text("#lesson")
    assert (
        told
        == "After 50 steps. Your drawings: 1 of 2 right before, 2 now. The ten examples: 10 of 10 right before, 10 now."
    )
    assert kept.inner_text("#said") == told
    after = cards(kept)
    assert [card[1] for card in after] == [card[1] for card in before]
    assert after[0][2].startswith("says 1 ")
    draw(kept, ONE)
    assert kept.inner_text("#answer") == "1"
    assert kept.evaluate("[...network.layers[0].arrays.weight]") == below
    assert kept.evaluate("[...network.layers.at(-1).arrays.weight]") != first
    # Removed with a name, and as it was.
    kept.get_by_role("button", name="Remove drawing 1, 1").click()
    assert [card[0] for card in cards(kept)] == ["7"]
    kept.click("#unlearn")
    settled(kept)
    assert kept.evaluate("[...network.layers.at(-1).arrays.weight]") == first
    assert kept.inner_text("#answer") == "4"
    kept.get_by_role("button", name="Remove drawing 1, 7").click()
    assert not kept.is_visible("#learn")


def test_what_was_learned_can_be_saved_as_a_page(browser, kept, tmp_path):
    taught(kept, 1, ONE)
    kept.click("#learn")
    settled(kept)
    with kept.expect_download() as waiting:
        kept.click("#keep")
    assert waiting.value.suggested_filename == "draw-taught.html"
    path = tmp_path / "taught.html"
    waiting.value.save_as(path)
    text = path.read_text()
    model = json.loads(re.search(r'id="model">(.*?)</script>', text, re.DOTALL)[1])
    old = json.loads(re.search(r'id="model">(.*?)</script>', KEPT.read_text(), re.DOTALL)[1])
    weight = np.frombuffer(base64.b64decode(model["layers"][1]["arrays"]["weight"]), "<f4")
    np.testing.assert_allclose(weight, kept.evaluate("[...network.layers.at(-1).arrays.weight]"), rtol=1e-7)
    model["layers"][1]["arrays"] = old["layers"][1]["arrays"]
    assert model == old
    about = html.unescape(re.search('<p id="about">(.*?)</p>', text)[1])
    assert about.endswith(" Then its last layer was taught one drawing in a browser; an accuracy was measured before.")
    # But for these two, it is the page as it was written: whatever was shown meanwhile is not in it.
    assert page.fill(model, about).split("<script")[0].count("<li") == text.split("<script")[0].count("<li")
    for tab in opening(browser, path):
        assert tab.inner_text("#answer") == "3"  # the example
        draw(tab, ONE)
        assert tab.inner_text("#answer") == "1"
        taught(tab, 1, ONE)
        tab.click("#learn")
        settled(tab)
        with tab.expect_download() as waiting:
            tab.click("#keep")
        waiting.value.save_as(tmp_path / "again.html")
        assert (tmp_path / "again.html").read_text().count("Then its last layer was taught one drawing") == 2


def test_lessons_can_be_watched_where_motion_is_wanted(kept):
    taught(kept, 1, ONE)
    kept.emulate_media(reduced_motion="no-preference")
    kept.click("#learn")
    kept.wait_for_timeout(100)
    kept.click("#unlearn")  # which ends it
    settled(kept)
    weights = "network.layers.at(-1).arrays.weight.reduce((x, y) => x + y)"
    still = kept.evaluate(weights)
    kept.wait_for_timeout(200)
    assert kept.evaluate(weights) == still
    assert kept.inner_text("#lesson") == "The network is as it was."


def test_networks_of_maps_and_of_other_classes_learn_too(browser, tmp_path):
    layers = Conv(1, 4, 3, "relu"), Flatten(), Dropout(0.5), Dense(144, 3, "linear")
    network = Network(layers, "softmax", (8, 8, 1), 1 / 16, classes=("<b>boot", "coat", "hat"))
    jnndl.save_page(tmp_path / "draw.html", network, samples.draw(network))
    for tab in opening(browser, tmp_path / "draw.html"):
        assert tab.evaluate("[...$('labels').children].map((b) => b.textContent)") == ["<b>boot", "coat", "hat"]
        tab.click("#labels button:nth-child(1)")
        assert tab.inner_text("#lesson") == "First draw something of your own."
        taught(tab, 0, SEVEN)
        taught(tab, 2, ONE)
        tab.click("#learn")
        settled(tab)
        assert [card[2].split(" (")[0] for card in cards(tab)] == ["says <b>boot", "says hat"]
        assert re.fullmatch(r"After 50 steps\. Your drawings: \d of 2 right before, 2 now\.", tab.inner_text("#lesson"))


def test_a_network_that_ends_otherwise_is_not_taught(browser, tmp_path):
    network = Network((Conv(1, 3, 8, "linear"), Flatten()), "softmax", (8, 8, 1), 1 / 16)
    jnndl.save_page(tmp_path / "draw.html", network, samples.draw(network))
    for tab in opening(browser, tmp_path / "draw.html"):
        assert not tab.is_visible("#teach")
        assert not tab.is_visible("#to-teach")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lessons_fit_their_window_and_can_be_read(kept, scheme):
    kept.emulate_media(color_scheme=scheme)
    taught(kept, 1, ONE)
    taught(kept, 7, SEVEN)
    kept.click("#learn")
    for width in (1200, 768, 400, 320):
        kept.set_viewport_size({"width": width, "height": 900})
        settled(kept)
        assert kept.evaluate("document.documentElement.scrollWidth") <= width
        assert kept.evaluate(STICKS_OUT, width) == []
    for what, colour, back in kept.evaluate(TEXTS):
        assert contrast(colour, back) >= 4.5, what


def test_lessons_by_the_keyboard(kept):
    draw(kept, SEVEN)
    kept.focus("#to-teach")
    kept.keyboard.press("Enter")
    assert kept.evaluate("document.activeElement.textContent") == "0"
    assert kept.get_by_role("group", name="My drawing is").get_by_role("button").count() == 10
    for _ in range(7):
        kept.keyboard.press("Tab")
    kept.keyboard.press("Enter")
    assert [card[0] for card in cards(kept)] == ["7"]
    kept.keyboard.press("Tab")
    kept.keyboard.press("Tab")
    kept.keyboard.press("Tab")
    assert kept.evaluate("document.activeElement.ariaLabel") == "Remove drawing 1, 7"
    kept.keyboard.press("Tab")
    assert kept.evaluate("document.activeElement.id") == "learn"
    assert kept.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    kept.keyboard.press("Enter")
    settled(kept)
    assert kept.inner_text("#lesson").startswith("After 50 steps.")
