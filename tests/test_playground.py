"""The playground: its equations against the library, and its pages in a real browser."""

import functools
import itertools
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from browsing import STICKS_OUT, TEXTS, contrast, opening, settled

import jnndl
from experiments.ch3 import single_neuron
from experiments.ch4 import challenge, constructions
from jnndl.layers import Affine

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "docs" / "playground"
PAGES = sorted(path.name for path in FOLDER.glob("*.html"))
WIDGETS = ("builder.html", "network.html", "neuron.html")
COSTS = ("quadratic", "cross_entropy")


@pytest.fixture
def network(browser):
    """A tab with the network that learns a boundary."""
    yield from opening(browser, FOLDER / "network.html")


@pytest.fixture
def neuron(browser):
    """A tab with the single neuron."""
    yield from opening(browser, FOLDER / "neuron.html")


@pytest.fixture
def builder(browser):
    """A tab with chapter 4's builder."""
    yield from opening(browser, FOLDER / "builder.html")


# The equations.

UNPACK = """const typed = (layers) => layers.map(([inputs, weight, bias]) =>
    ({ inputs, weight: Float64Array.from(weight), bias: Float64Array.from(bias) }));"""
PACK = "const plain = (layers) => layers.map(({ weight, bias }) => [[...weight], [...bias]]);"
GRADIENT = (
    "([layers, xs, ys, hidden, cost]) => {"
    + UNPACK
    + PACK
    + "const found = backprop(typed(layers), xs, ys, hidden, COSTS[cost]); return [found.cost, plain(found.grads)]; }"
)
TEN_STEPS = (
    "([layers, xs, ys, hidden, cost, eta, lambda]) => {"
    + UNPACK
    + PACK
    + """const params = typed(layers);
    for (let k = 0; k < 10; k++) {
        const { grads } = backprop(params, xs, ys, hidden, COSTS[cost]);
        descend(params, grads, eta, lambda, xs.length);
    }
    return plain(params); }"""
)
SIZES = ([2, 8, 1], [2, 6, 5, 4, 3, 1])


def as_lists(params):
    """Parameters as the page takes them."""
    return [
        [layer.weight.shape[1], np.ravel(layer.weight).tolist(), np.asarray(layer.bias).tolist()] for layer in params
    ]


def as_arrays(lists, params):
    """What the page gave back, as arrays in the shapes of params."""
    return tuple(
        Affine(np.reshape(weight, np.shape(layer.weight)), np.asarray(bias))
        for (weight, bias), layer in zip(lists, params, strict=True)
    )


def random_params(sizes, rng):
    """Parameters in float64."""
    return tuple(
        Affine(jnp.asarray(rng.normal(size=(n_out, n_in))), jnp.asarray(rng.normal(size=n_out)))
        for n_in, n_out in itertools.pairwise(sizes)
    )


@functools.partial(jax.jit, static_argnames=("network", "cost"))
def by_the_library(network, cost, params, data):
    """The cost, its gradient, and the parameters after ten steps at a rate of 0.3 with a lambda of 0.7."""
    plain, objective = jnndl.Objective(network, cost), jnndl.Objective(network, cost, l2=0.7)

    def step(_, params):
        return jax.tree.map(lambda w, g: w - 0.3 * g, params, jnndl.backprop(objective)(params, data, len(data)))

    grads = jnndl.autodiff(plain)(params, data, len(data))
    return plain(params, data, len(data)), grads, jax.lax.fori_loop(0, 10, step, params)


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("cost", COSTS)
def test_gradients_and_ten_steps_are_those_of_the_library(network, hidden, cost):
    rng = np.random.default_rng(5)
    xs, ys = rng.normal(size=(12, 2)), rng.integers(0, 2, size=12)
    for sizes in SIZES:
        with jax.enable_x64(True):
            params = random_params(sizes, rng)
            data = jnndl.Dataset(jnp.asarray(xs), jnp.asarray(ys[:, None], jnp.float64))
            value, grads, after = by_the_library(jnndl.mlp(sizes, hidden=hidden), cost, params, data)
        given = [as_lists(params), xs.tolist(), ys.tolist(), hidden, cost]
        theirs = network.evaluate(GRADIENT, given)
        assert theirs[0] == pytest.approx(float(value), rel=1e-10)
        found = as_arrays(theirs[1], params)
        for ours, wanted in zip(jax.tree.leaves(found), jax.tree.leaves(grads), strict=True):
            np.testing.assert_allclose(ours, wanted, rtol=1e-8, atol=1e-12)
        stepped = as_arrays(network.evaluate(TEN_STEPS, [*given, 0.3, 0.7]), params)
        for ours, wanted in zip(*map(jax.tree.leaves, (stepped, after)), strict=True):
            np.testing.assert_allclose(ours, wanted, rtol=1e-8, atol=1e-12)
        assert np.abs(after[0].weight - params[0].weight).max() > 1e-2  # the steps lead somewhere


def test_a_saturated_neuron_keeps_its_digits(network):
    """At z = 40 the cross-entropy is 40 for y = 0, and sigma(-40) = e^-40 for y = 1; a itself rounds to 1."""
    found = network.evaluate("[COSTS.cross_entropy.value(40, 0), COSTS.cross_entropy.value(40, 1), minus(40, 1)]")
    np.testing.assert_allclose(found, [40, np.exp(-40), -np.exp(-40)], rtol=1e-12)
    far = network.evaluate("[sigmoid(-1000), sigmoid(1000), COSTS.quadratic.delta(-1000, 1)]")
    assert np.abs(np.array(far) - [0, 1, 0]).max() < 1e-300


def test_a_mini_batch_epoch_visits_every_point_once(network):
    """Against the library, step by step, in the order that the page drew."""
    network.evaluate("controls.layers.set(2); controls.rate.set(0.5); controls.lambda.set(0.2); reset();")
    before, xs, ys, order = network.evaluate(
        """(() => { const layers = params.map(({ inputs, weight, bias }) => [inputs, [...weight], [...bias]]);
        let drawn; const old = shuffled; shuffled = (...given) => (drawn = old(...given)); epoch();
        return [layers, training.xs, training.ys, drawn]; })()"""
    )
    assert sorted(order) == list(range(200))
    described = jnndl.mlp([2, 8, 8, 1])
    with jax.enable_x64(True):
        params = tuple(
            Affine(jnp.reshape(jnp.asarray(weight), (-1, inputs)), jnp.asarray(bias)) for inputs, weight, bias in before
        )
        gradient = jax.jit(jnndl.backprop(jnndl.Objective(described, l2=0.2)), static_argnums=2)
        for k in range(0, 200, 10):
            few = np.asarray(order[k : k + 10])
            batch = jnndl.Dataset(jnp.asarray(np.asarray(xs)[few]), jnp.asarray(np.asarray(ys, float)[few][:, None]))
            params = jax.tree.map(lambda w, g: w - 0.5 * g, params, gradient(params, batch, 200))
    theirs = as_arrays(network.evaluate(f"(() => {{ {PACK} return plain(params); }})()"), params)
    for ours, wanted in zip(jax.tree.leaves(theirs), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-8, atol=1e-10)


def test_initial_weights_have_the_spread_of_the_library_s(network):
    """400 inputs: standard deviation 1/20 and 1; each estimate is within 5 of its standard errors."""
    program = """(weights) => { const [layer] = initial([400, 100], weights, generator(3));
        return [[...layer.weight], [...layer.bias]]; }"""
    for weights, spread in (("default", 0.05), ("large", 1.0)):
        weight, bias = map(np.asarray, network.evaluate(program, weights))
        assert abs(weight.std() / spread - 1) < 5 / np.sqrt(2 * weight.size)
        assert abs(weight.mean()) < 5 * spread / np.sqrt(weight.size)
        assert abs(bias.std() - 1) < 5 / np.sqrt(200)
    same = "[1, 1, 2].map((seed) => generator(seed).normal())"
    first, second, third = network.evaluate(same)
    assert first == second != third


# One neuron.


def test_the_neuron_learns_as_the_book_s_and_as_the_library_s(neuron):
    """The figures of the widget's own script, and a run of the library for each arm."""
    lives = neuron.evaluate("Object.fromEntries(Object.entries(lives).map(([k, all]) => [k, all.map(({ a }) => a)]))")
    for epoch, a in ((100, 0.964), (150, 0.933), (200, 0.789), (250, 0.357), (300, 0.203)):
        assert lives["quadratic"][epoch] == pytest.approx(a, abs=5e-4)
    assert lives["entropy"][300] == pytest.approx(0.048, abs=5e-4)
    program = """([w, b, output, eta]) =>
        life(w, b, output === "script" ? SCRIPT : COSTS[output], eta).map(({ a }) => a)"""
    arms = {"quadratic": single_neuron.quadratic, "cross_entropy": single_neuron.cross_entropy}
    for name, cost in (*arms.items(), ("script", single_neuron.widget)):
        rate = 0.005 if name == "script" else 0.15
        with jax.enable_x64(True):
            params = (Affine(jnp.full((1, 1), 2.0), jnp.full((1,), 2.0)),)
            data = jnndl.Dataset(jnp.ones((1, 1)), jnp.zeros((1, 1)))
            gradient = jnndl.backprop(jnndl.Objective(jnndl.mlp([1, 1]), cost))

            def epoch(params, _, gradient=gradient, data=data, rate=rate):
                after = jax.tree.map(lambda w, g: w - rate * g, params, gradient(params, data, 1))
                return after, jax.nn.sigmoid(params[0].weight[0, 0] + params[0].bias[0])

            _, wanted = jax.lax.scan(epoch, params, length=301)
        np.testing.assert_allclose(neuron.evaluate(program, [2, 2, name, rate]), wanted, rtol=1e-9)
    assert wanted[300] == pytest.approx(0.048, abs=5e-4)


def test_the_neuron_s_controls(neuron):
    assert neuron.inner_text("#a-quadratic") == neuron.inner_text("#a-entropy") == "0.982"  # sigma(4)
    assert neuron.inner_text("#along-entropy") == "55.598"  # 1/(1 - a) = 1 + e^4
    neuron.get_by_role("button", name="One for both").click()
    settled(neuron)
    assert neuron.inner_text("#entropy-value") == "0.15"
    assert neuron.inner_text("#along-entropy") == "0.982"  # a
    neuron.get_by_role("button", name="Wrong: 0.6, 0.9").click()
    settled(neuron)
    assert neuron.inner_text("#a-quadratic") == "0.818"  # sigma(1.5)
    neuron.get_by_role("button", name="One epoch").click()
    settled(neuron)
    assert neuron.inner_text("#epoch-value") == "1"
    # By hand: w and b fall by 0.15 a, and z = 1.5 - 0.3 * 0.8176.
    assert neuron.inner_text("#w-entropy") == "0.477"
    neuron.get_by_role("button", name="Run").click()  # without motion: to the end at once
    settled(neuron)
    assert neuron.inner_text("#epoch-value") == "300"
    assert re.match(r"Epoch 300: output 0\.0\d+ with the quadratic cost, 0\.0\d+ with", neuron.inner_text("#said"))
    neuron.focus("#epoch")
    neuron.keyboard.press("Home")
    settled(neuron)
    assert neuron.inner_text("#a-quadratic") == "0.818"
    assert neuron.get_attribute("#epoch", "aria-valuetext") == "0"


def test_with_motion_the_neuron_runs_and_pauses(neuron):
    neuron.emulate_media(reduced_motion="no-preference")
    neuron.get_by_role("button", name="Run").click()
    neuron.wait_for_timeout(300)
    neuron.get_by_role("button", name="Pause").click()
    at = neuron.evaluate("epoch.get()")
    assert 0 < at < 300
    settled(neuron)
    assert neuron.evaluate("epoch.get()") == at


# A network.

RUN = """([changes, epochs]) => {
    for (const [name, value] of Object.entries({ ...START, ...changes })) controls[name].set(value);
    reset();
    const first = history.last;
    for (let k = 0; k < epochs; k++) epoch();
    return [first, history.last];
}"""


@pytest.mark.slow
def test_what_the_page_tells_to_try_is_so(network):
    """Its figures are of seed 0, with which every one of its buttons starts."""
    tries = network.evaluate("[...document.querySelectorAll('[data-set]')].map((b) => JSON.parse(b.dataset.set))")
    text = network.inner_text(".tries")
    vanishing, relu, quadratic, entropy, overfitting, circle, _ = tries
    first, later = network.evaluate(RUN, [vanishing, 75])
    assert 295 < first["speeds"][-1] / first["speeds"][0] < 305
    assert "300 times more slowly" in text
    assert later["cost"] > 0.68  # ln 2 = 0.693 is an output of 1/2 for all
    assert network.evaluate(RUN, [relu, 20])[1]["cost"] < 0.3
    start, found = network.evaluate(RUN, [quadratic, 100])
    assert round(100 * found["training_right"]) == 92
    higher, found = network.evaluate(RUN, [entropy, 100])
    assert 7 <= higher["cost"] / start["cost"] < 8
    assert round(100 * found["training_right"]) in (96, 97)
    low, high = (network.evaluate(RUN, [overfitting, epochs])[1] for epochs in (100, 1000))
    assert high["cost"] < 0.5 * low["cost"]
    assert high["cost_other"] > 1.5 * low["cost_other"]
    calm = network.evaluate(RUN, [overfitting | {"lambda": 0.02}, 1000])[1]
    assert calm["cost_other"] < 0.6 * high["cost_other"]
    assert network.evaluate(RUN, [circle, 100])[1]["training_right"] > 0.98
    assert network.evaluate(RUN, [circle | {"neurons": 2}, 100])[1]["training_right"] == pytest.approx(5 / 6, abs=0.05)


def test_every_setting_of_the_network_can_be_drawn(network):
    for data in ("moons", "circles", "xor", "spiral"):
        for layers in (1, 4):
            for hidden in ("sigmoid", "tanh", "relu"):
                given = {"data": data, "layers": layers, "hidden": hidden, "weights": "large", "rate": 0.1}
                first, last = network.evaluate(RUN, [given, 2])
                network.evaluate("draw()")
                assert len(last["speeds"]) == layers + 1
                assert last["cost"] != first["cost"]
                assert network.evaluate("training.xs.flat().every((x) => Math.abs(x) < REACH)")
    classes = network.evaluate("training.ys.reduce((x, y) => x + y)")
    assert classes == 100


def test_the_network_s_controls(network):
    label = "A map of the outputs with the training points"
    assert network.get_attribute("#map", "aria-label").startswith(label)
    network.get_by_role("button", name="One epoch").click()
    settled(network)
    assert network.inner_text("#epoch") == "1"
    assert network.inner_text("#said").startswith("Epoch 1: cost 0.")
    costs = network.evaluate("history.kept.map(({ cost }) => cost)")
    network.focus("#rate")
    network.keyboard.press("ArrowRight")
    assert network.inner_text("#rate-value") == "1"
    assert network.inner_text("#epoch") == "1"  # at once, without starting again
    network.focus("#layers")
    network.keyboard.press("End")
    settled(network)
    assert network.inner_text("#epoch") == "0"
    assert network.evaluate("params.map(({ bias }) => bias.length)") == [8, 8, 8, 8, 1]
    legend = network.inner_text("#layers-legend").split()
    assert [word for word in legend if word in ("layer", "output")] == ["layer"] * 4 + ["output"]
    network.keyboard.press("Home")
    network.focus("#rate")
    network.keyboard.press("ArrowLeft")
    network.get_by_role("button", name="One epoch").click()
    assert network.evaluate("history.kept.map(({ cost }) => cost)") == costs  # the same seed, the same run
    network.get_by_role("button", name="Run").click()
    network.wait_for_timeout(400)
    network.get_by_role("button", name="Pause").click()
    assert network.evaluate("history.epochs") > 2
    network.get_by_role("button", name="Reset").click()
    settled(network)
    assert network.inner_text("#epoch") == "0"


def test_a_long_run_keeps_as_many_epochs_as_a_curve_can_show(network):
    network.evaluate(RUN, [{"neurons": 1}, 1500])
    epochs = network.evaluate("history.kept.map(({ epoch }) => epoch)")
    assert epochs == list(range(0, 1501, 4))


# The builder.


def test_the_score_is_the_book_s_and_the_best_heights_are_the_medians(builder):
    rng = np.random.default_rng(0)
    for heights in rng.uniform(-1.5, 1.5, (20, 5)):
        assert builder.evaluate("score", heights.tolist()) == pytest.approx(float(challenge.score(heights)), rel=1e-12)
    found = builder.evaluate("best(5)")
    np.testing.assert_allclose(found, challenge.best_heights(), rtol=1e-12)
    assert builder.evaluate("score(best(5))") == pytest.approx(0.372, abs=5e-4)
    for deviation, wanted in ((0.4, True), (0.404, True), (0.405, False)):
        assert builder.evaluate("won", deviation) is wanted


@pytest.mark.parametrize("w", [10, 1000])
def test_the_built_network_is_the_library_s(builder, w):
    heights = [-1.24, -1.42, -0.34, -0.98, 1.14]
    x = np.linspace(0, 1, 97)
    program = "([heights, w, xs]) => xs.map((x) => weightedAt(bumps(heights, w), x))"
    found = builder.evaluate(program, [heights, w, x.tolist()])
    wanted = constructions.bumps(constructions.side_by_side(5), heights, weight=w).weighted(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        builder.evaluate("(xs) => xs.map((x) => logit(goal(x)))", x.tolist()), constructions.goal_logit(x), rtol=1e-10
    )


def test_bumps_are_dragged_and_scored(builder):
    before = builder.evaluate("heights")
    handles = builder.get_by_role("slider", name="Bump")
    assert handles.count() == 5
    box = handles.nth(1).bounding_box()
    one = builder.evaluate("area.at(0, 0)[1] - area.at(0, 1)[1]")  # pixels for a height of 1
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    builder.mouse.move(x, y + 5)
    builder.mouse.down()
    builder.mouse.move(x + 3, y + 5 + one, steps=4)
    builder.mouse.up()
    settled(builder)
    after = builder.evaluate("heights")
    assert after[1] == pytest.approx(before[1] - 1, abs=0.02)
    assert [after[k] for k in (0, 2, 3, 4)] == [before[k] for k in (0, 2, 3, 4)]
    assert builder.inner_text("#score") == f"{challenge.score(np.array(after)):.3f}"
    builder.get_by_role("button", name="Show the best").click()
    settled(builder)
    assert builder.inner_text("#score") == "0.372"
    assert "done" in builder.inner_text("#score-told")
    assert builder.get_attribute("#score", "class") == "won"
    rows = builder.evaluate("[...document.querySelectorAll('#network tr')].map((r) => r.innerText.split(/\\s+/))")
    assert len(rows) == 10
    assert rows[2] == ["3", "0.20", "\u2212200.0", "\u22121.42"]  # the book's question: s = 0.2, so b = -200
    builder.wait_for_timeout(500)
    assert builder.inner_text("#said") == "Average deviation 0.372."


def test_bumps_are_moved_by_keys_and_by_a_finger(builder):
    first = builder.get_by_role("slider", name="Bump 1, from 0.00 to 0.20")
    builder.evaluate("set([0, 0, 0, 0, 0])")
    first.focus()
    for key in ("ArrowUp", "ArrowUp", "Shift+ArrowDown", "PageUp"):
        builder.keyboard.press(key)
    settled(builder)
    assert builder.evaluate("heights[0]") == 0.69
    assert first.get_attribute("aria-valuenow") == "0.69"
    assert first.get_attribute("aria-valuetext").startswith("height 0.69, average deviation ")
    for key, height in (("End", 3), ("ArrowUp", 3), ("Home", -3)):
        builder.keyboard.press(key)
        assert builder.evaluate("heights[0]") == height
    builder.keyboard.press("Tab")
    assert builder.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Bump 2")
    session = builder.context.new_cdp_session(builder)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    box = builder.get_by_role("slider", name="Bump 3").bounding_box()
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    one = builder.evaluate("area.at(0, 0)[1] - area.at(0, 1)[1]")
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at | {"y": at["y"] - one}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settled(builder)
    assert builder.evaluate("heights[2]") == pytest.approx(1, abs=0.02)
    assert builder.evaluate("scrollY") == 0  # a finger on a bump does not scroll


def test_other_numbers_of_bumps(builder):
    builder.focus("#pairs")
    builder.keyboard.press("End")
    settled(builder)
    assert builder.get_by_role("slider", name="Bump").count() == 25
    assert "book" not in builder.inner_text("#score-told")  # the challenge is of five
    builder.get_by_role("button", name="Show the best").click()
    settled(builder)

    parts = constructions.goal_logit(challenge.X).reshape(25, 4)
    least = np.abs(parts - np.median(parts, axis=1, keepdims=True)).mean()
    assert float(builder.inner_text("#score")) == pytest.approx(least, abs=6e-3)  # heights are in hundredths


# All pages.


@pytest.mark.parametrize("name", PAGES)
def test_nothing_comes_from_outside(name):
    text = (FOLDER / name).read_text()
    assert "default-src 'none'" in text
    for target in re.findall(r'\b(?:src|href)="([^"]*)"', text):
        assert target == "data:," or (FOLDER / target).exists(), target
    assert not re.search(r"https?://|@import|url\(", text)
    for path in (*FOLDER.glob("*.js"), FOLDER / "style.css"):
        assert not re.search(r"https?://|@import|url\(|\bfetch\(", path.read_text()), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_their_window_and_can_be_read(browser, name, scheme):
    for tab in opening(browser, FOLDER / name):
        tab.emulate_media(color_scheme=scheme)
        for width in (1200, 768, 400, 320):
            tab.set_viewport_size({"width": width, "height": 900})
            settled(tab)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.evaluate(STICKS_OUT, width) == []
        texts = tab.evaluate(TEXTS)
        assert len(texts) > 10
        for what, one, back in texts:
            assert contrast(one, back) >= 4.5, what
        names = ("soft", "for", "against", "one", "two", "three", "four", "five")
        shown = "(name) => `rgb(${channels(name)})`"
        if name in WIDGETS:
            back = tab.evaluate(shown, "back")
            assert all(contrast(tab.evaluate(shown, colour), back) >= 3 for colour in names)
        assert (
            tab.evaluate("getComputedStyle(document.body).backgroundColor")
            == ({"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 28)"}[scheme])
        )


@pytest.mark.parametrize("name", PAGES)
def test_a_screen_reader_finds_names_and_the_keyboard_its_way(browser, name):
    for tab in opening(browser, FOLDER / name):
        assert tab.get_attribute("html", "lang") == "en"
        assert tab.get_by_role("main").count() == 1
        assert tab.get_by_role("heading", level=1).count() == 1
        assert tab.locator("nav [aria-current='page']").get_attribute("href") == name
        if name in WIDGETS:
            assert tab.get_by_role("status").count() == 1
            labels = tab.evaluate("[...document.querySelectorAll('canvas')].map((c) => [c.role, c.ariaLabel])")
            assert labels
            assert all(role == "img" and len(label) > 20 for role, label in labels)
        fields = tab.evaluate("[...document.querySelectorAll('input, select')].map((e) => e.labels.length)")
        assert set(fields) <= {1}
        wanted = tab.evaluate(
            """[...document.querySelectorAll('a, button, input, select, [tabindex="0"]')]
                .filter((e) => e.offsetParent).length"""
        )
        reached = set()
        for _ in range(wanted):
            tab.keyboard.press("Tab")
            reached.add(tab.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
            outline = tab.evaluate("getComputedStyle(document.activeElement).outlineWidth")
            assert outline == "3px"
        assert len(reached) == wanted
        small = tab.evaluate(
            """[...document.querySelectorAll('button, select')].filter((e) => e.getBoundingClientRect().height < 43)
                .map((e) => e.outerHTML)"""
        )
        assert small == []  # a finger finds them


def test_dark_and_light_follow_the_system_while_a_page_is_open(neuron):
    pixels = "$('outputs').toDataURL()"
    found = []
    for scheme in ("light", "dark", "light"):
        neuron.emulate_media(color_scheme=scheme)
        settled(neuron)
        found.append(neuron.evaluate(pixels))
    assert found[0] == found[2] != found[1]
