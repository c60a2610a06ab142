"""The page to draw on: its arithmetic, its preparation of a drawing, and the page itself, in a real browser."""

import base64
import dataclasses
import html
import itertools
import json
import math
import pathlib
import re
import time

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
import reports
import samples
from browsing import SEVEN, STICKS_OUT, TEXTS, contrast, draw, opening, settled, watched

import jnndl
from experiments import runner
from experiments.__main__ import EXPERIMENTS
from experiments.ch1 import baseline
from experiments.intervals import summarize
from jnndl import images, neurons, page
from jnndl.__main__ import main
from jnndl.convolution import Conv, Flatten
from jnndl.distortion import Distort
from jnndl.layers import Affine, Dense, Dropout
from jnndl.network import Network
from jnndl.pooling import AvgPool, L2Pool, MaxPool

KEPT = pathlib.Path(__file__).resolve().parents[1] / "docs" / "draw.html"


def parameters(network):
    """Parameters with which the outputs depend on the inputs, and few weighted inputs are far out."""
    layers = samples.draw(network)
    return tuple(p and p._replace(weight=2 * p.weight / p.weight[0].size ** 0.5, bias=0.1 * p.bias) for p in layers)


def convolutional(below, *layers, output="softmax", side=8, scale=1 / 16):
    """A network that takes square digits, with ten linear outputs above the `below` outputs of the other layers."""
    return Network((*layers, Dense(below, 10, "linear")), output, (side, side, 1), scale)


def model_in(text):
    """The network that a page holds, as JSON."""
    return json.loads(re.search(r'id="model">(.*?)</script>', text, re.DOTALL)[1])


# What a network's images are.


def scaled(scale, offset=0.0):
    return jnndl.Network(jnndl.mlp([64, 2]).layers, neurons.sigmoid, (64,), scale, offset)


@pytest.mark.parametrize(
    ("scale", "offset", "white"),
    [
        (1 / 256, 0.0, 255),  # MNIST, as the book has it
        (1 / 255, 0.0, 255),
        (1 / 16, 0.0, 16),  # scikit-learn's digits
        (1 / 20, 0.0, 20),
        (1 / 21, 0.0, 255),
        (1.0, 0.0, 1),  # fractions
        (2.0, 0.0, 1),
        (None, 0.0, 1),
        (1 / 78.6, -33.3 / 78.6, 255),  # MNIST standardised: mean 33.3, standard deviation 78.6
        (1 / 6.0, -4.9 / 6.0, 16),  # the digits: 4.9, 6.0
        (1 / 0.31, -0.13 / 0.31, 1),  # MNIST as fractions
        ([1 / 110] * 32 + [0.0] * 32, [-0.1] * 64, 255),  # by column, half of them constant
        ([1 / 6.5] * 63 + [1.0], [-0.1] * 64, 16),
    ],
)
def test_the_brightest_pixel_follows_from_the_scale(scale, offset, white):
    assert images.brightest(scaled(scale, offset)) == white


@dataclasses.dataclass(frozen=True)
class Flat:
    """A layer that the page does not know."""

    def init(self, key):
        return ()

    def forward(self, params, a, key=None):
        return a.reshape(-1), a.shape

    def backward(self, params, saved, grad):
        return grad.reshape(saved), ()


@pytest.mark.parametrize(
    ("shape", "image"), [((784,), (28, 28)), ((64,), (8, 8)), ((9, 7), (9, 7)), ((28, 28, 1), (28, 28))]
)
def test_the_shape_of_the_images_is_that_of_the_inputs(shape, image):
    network = Network((Flat(), Dense(int(np.prod(shape)), 2, neurons.linear)), neurons.sigmoid, shape)
    assert images.image_shape(network) == image


# Refusals.


@pytest.mark.parametrize("shape", [(20,), (36,), (8, 8, 3), (1, 64, 1, 3)])
def test_what_is_no_image_is_refused(shape):
    network = Network((Flat(), Dense(int(np.prod(shape)), 2, neurons.linear)), neurons.sigmoid, shape)
    with pytest.raises(ValueError, match="which is no image of one value per pixel; give a network trained on") as told:
        page.describe(network, samples.draw(network))
    assert f"the network's input_shape is {shape}" in str(told.value)


def test_what_the_page_does_not_know_is_refused(tmp_path):
    path = tmp_path / "draw.html"
    network = Network((Flat(), Dense(64, 10, neurons.linear)), neurons.sigmoid, (8, 8))
    with pytest.raises(ValueError, match="layer 0 is a Flat, which the page to draw on does not know; give a network"):
        jnndl.save_page(path, network, samples.draw(network))

    class Cross(MaxPool):
        """A pooling that the page does not know."""

    network = convolutional(27, Conv(1, 3, 3, pool=Cross(2)), Flatten())
    told = "layer 0 has a Cross, which .* give a network of Dense, Dropout, Distort, .* and Flatten layers, with"
    with pytest.raises(ValueError, match=told):
        jnndl.save_page(path, network, samples.draw(network))
    mine = neurons.Neuron("swish", lambda z: z * jax.nn.sigmoid(z), lambda z, grad: grad)
    for network, where in (
        (jnndl.mlp([64, 5, 2], hidden=mine), "layer 0"),
        (jnndl.mlp([64, 2], output=mine), "output"),
    ):
        with pytest.raises(ValueError, match=f"{where} is of swish neurons, which the page to draw on does not know"):
            jnndl.save_page(path, network, samples.draw(network))
    network = jnndl.mlp([64, 2])
    params = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan), samples.draw(network))
    with pytest.raises(
        ValueError, match=r"params: 0\.weight is not finite everywhere; give those of a run that did not"
    ):
        jnndl.save_page(path, network, params)
    with pytest.raises(ValueError, match="not parameters of this network"):
        jnndl.save_page(path, network, ())
    assert not list(tmp_path.iterdir())


def test_what_is_no_network_is_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as it is for a user
    with pytest.raises(
        TypeError, match=r"network is 'digits', not a network; give fit\.network, or what load returned"
    ):
        page.describe("digits", ())


# The command.


def test_the_command_writes_the_page(tmp_path, capsys):
    network = dataclasses.replace(jnndl.mlp([64, 3, 2]), scale=1 / 16, classes=("o", "x"))
    params = samples.draw(network)
    jnndl.save(tmp_path / "network.safetensors", network, params)
    out = tmp_path / "a page.html"
    told = ["--about", "Noughts & crosses."]
    assert main(["draw", str(tmp_path / "network.safetensors"), "--out", str(out), *told]) == 0
    assert capsys.readouterr().out == f"Now draw a digit: open {out} in a browser\n"
    text = out.read_text()
    assert '<p id="about">Noughts &amp; crosses.</p>' in text
    model = model_in(text)
    assert (model["brightest"], model["image"], model["classes"]) == (16, [8, 8], ["o", "x"])
    weight = np.frombuffer(base64.b64decode(model["layers"][0]["arrays"]["weight"]), "<f4")
    np.testing.assert_array_equal(weight.reshape(3, 64), params[0].weight)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["draw", "nothing.safetensors"], "nothing.safetensors: there is no such file; give the path of a network"),
        (["draw", __file__], "not a whole safetensors file"),
    ],
)
def test_a_wrong_call_ends_with_one_sentence_and_status_2(capsys, arguments, sentence):
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert sentence in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["draw"], ["paint"]])
def test_what_is_no_command_ends_with_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: python -m jnndl" in capsys.readouterr().err


def test_the_first_experiment_ends_with_the_page(tmp_path, capsys):
    old = EXPERIMENTS["ch1-baseline"]
    folder = reports.leave(tmp_path, old.name, measured={"test_accuracy": summarize([0.5, 0.51])})
    result = json.loads((folder / "result.json").read_text()) | {"rows": []}
    runner.report(old, result, folder)
    assert "Now draw" not in capsys.readouterr().out
    (folder / "draw.html").write_text("")
    runner.report(old, result, folder)
    assert capsys.readouterr().out.endswith(f"\nNow draw a digit: open {folder / 'draw.html'} in a browser\n\n")
    result |= {"config": {"sizes": [784, 30, 10], "epochs": 30}, "curves": {"test_accuracy": [[0.9, 0.9487], [0, 0]]}}
    told = baseline.about_network(result | {"data": {"name": "mnist"}})
    assert "784-30-10" in told
    assert "30 epochs. It reads 94.9 % of the test images of MNIST right." in told


# The page that is kept in the repository.


def test_the_page_in_the_repository_is_made_of_the_present_files():
    text = KEPT.read_text()
    about = html.unescape(re.search('<p id="about">(.*?)</p>', text)[1])
    assert re.search(r"It reads 97\.\d\d % of MNIST's 10,000 test images right\. Made by docs/make_draw\.py", about)
    assert page.fill(model_in(text), about) == text
    assert len(text) < 500_000


def test_a_page_is_small_and_holds_nothing_from_outside():
    network = jnndl.mlp([784, 30, 10])
    text = page.fill(page.describe(network, samples.draw(network)), "")
    assert len(text) < 190_000
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"\b(src|href)=(?!\"data:,\")|@import|url\(", text)
    assert "default-src 'none'" in text


# The arithmetic.


@pytest.fixture(scope="module")
def blank(browser, tmp_path_factory):
    """A tab with a page of an untrained network for the 8x8 digits, to compute in."""
    path = tmp_path_factory.mktemp("page") / "draw.html"
    network = dataclasses.replace(jnndl.mlp([64, 12, 10]), scale=1 / 16)
    jnndl.save_page(path, network, parameters(network))
    tab = browser.new_page()
    wrong = watched(tab)
    tab.emulate_media(reduced_motion="reduce")
    tab.goto(path.as_uri())
    yield tab
    tab.close()
    assert not wrong


def test_the_page_knows_what_python_says_it_knows(blank):
    assert blank.evaluate("Object.keys(LAYERS)") == list(page.LAYERS)
    assert blank.evaluate("Object.keys(NEURONS)") == list(neurons.NEURONS)


OUTPUTS = """([model, images]) => {
    const network = build(model);
    return images.map((pixels) => [...network.feed(pixels).outputs]);
}"""
SPOKE = """([model, images, answers]) => {
    const network = build(model);
    return images.map((pixels, k) => [...network.spoke(network.feed(pixels), pixels, answers[k])]);
}"""
ALL = list(neurons.NEURONS.values())
PAIRS = list(zip(ALL, ALL[3:] + ALL[:3], strict=True))  # each once hidden, once at the output


@pytest.mark.parametrize(("hidden", "output"), PAIRS, ids=lambda neuron: neuron.name)
def test_the_page_computes_what_jnndl_computes(blank, digits, hidden, output):
    layers = Dense(64, 20, hidden), Dropout(0.5), Dense(20, 12, neurons.tanh), Dense(12, 10, neurons.linear)
    rng = np.random.default_rng(0)
    plain = hidden in (neurons.relu, neurons.softmax)
    scale, offset = (1 / 16, 0.0) if plain else (rng.uniform(0.1, 0.2, 64), rng.normal(size=64))
    network = Network(layers, output, (64,), scale, offset)
    params = parameters(network)
    raw = np.asarray(digits.test.inputs).reshape(-1, 64)
    ours = jnndl.predict(network, params, raw)
    model = page.describe(network, params)
    theirs = np.asarray(blank.evaluate(OUTPUTS, [model, raw.tolist()]))
    assert np.ptp(ours.outputs, axis=0).max() > 0.01  # they differ from image to image
    np.testing.assert_allclose(theirs, ours.outputs, rtol=1e-5, atol=1e-5)

    # What spoke for the answer: pixel times gradient of its weighted input.
    few, answers = raw[:20], ours.labels[:20]

    def weighted_input(x, answer):
        return network.forward(params, x)[0][answer]

    x = few * np.float32(scale) + np.float32(offset)
    gradient = jax.jit(jax.vmap(jax.grad(weighted_input)))(jnp.asarray(x, jnp.float32), answers)
    wanted = np.asarray(gradient) * np.float32(scale) * few
    assert bool(np.abs(wanted).max() > 1e-3) is (hidden is not neurons.step)  # whose derivative is 0
    theirs = np.asarray(blank.evaluate(SPOKE, [model, few.tolist(), answers.tolist()]))
    np.testing.assert_allclose(theirs, wanted, rtol=1e-4, atol=1e-5)


# Convolutional networks, in both directions: every layer, stride, padding and pool, what fills no window, and a last
# layer that is no Dense.
BOTH_WAYS = {
    "the book's": convolutional(
        12,
        Distort(shift=1, rotation=10),
        Conv(1, 6, 3, "relu", pool=MaxPool(2)),
        Conv(6, 8, 2, "relu"),
        Flatten(),
        Dropout(0.5),
        Dense(32, 12, "tanh"),
    ),
    "same": convolutional(
        8,
        Conv(1, 5, (3, 4), "tanh", padding="same"),
        MaxPool(2),
        Dropout(0.5),
        Conv(5, 4, 5, "sigmoid", stride=(2, 1), padding="same"),
        AvgPool((1, 3)),
        Flatten(),
        output="sigmoid",
    ),
    "ends with a convolution": Network(
        (Conv(1, 4, 4, "linear", stride=2, padding="same", pool=L2Pool(2)), Conv(4, 10, 2, "linear"), Flatten()),
        "softmax",
        (8, 8, 1),
        1 / 16,
    ),
    "pools first": convolutional(
        7, MaxPool((2, 1)), Conv(1, 7, 3, "softmax", stride=(3, 2), pool=AvgPool((1, 2))), L2Pool(1), Flatten()
    ),
    "no neuron": convolutional(4, MaxPool(3), Flatten(), output="tanh"),
    "standardised": dataclasses.replace(
        convolutional(5, AvgPool((1, 2)), Conv(1, 5, (1, 3), "relu", stride=3, pool=MaxPool((2, 1))), Flatten()),
        scale=tuple(np.linspace(0.1, 0.2, 64)),
        offset=tuple(np.linspace(-1, 1, 64)),
    ),
}
LAYERWISE = """([model, images]) => {
    const network = build(model);
    return images.map((pixels) => network.feed(pixels).inside.map(({ output }) => [...output]));
}"""
SHAPES = "(model) => build(model).layers.map(({ shape }) => shape)"


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_the_page_computes_convolutions_as_jnndl_does(blank, digits, name):
    network = BOTH_WAYS[name]
    params = parameters(network)
    raw = np.asarray(digits.test.inputs).reshape(-1, 64)
    model = page.describe(network, params)
    assert blank.evaluate(SHAPES, model) == [list(shape) for shape in network.shapes[1:]]
    ours = jnndl.predict(network, params, raw)
    theirs = np.asarray(blank.evaluate(OUTPUTS, [model, raw.tolist()]))
    assert np.ptp(ours.outputs, axis=0).max() > 0.01  # they differ from image to image
    np.testing.assert_allclose(theirs, ours.outputs, rtol=1e-5, atol=1e-5)

    # In float64, as the browser: what each layer puts out, and what spoke for the answer. Then ties are ties in both.
    few, answers = raw[:20], ours.labels[:20]
    with jax.enable_x64(True):
        double = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)
        scale, offset = (np.reshape(np.broadcast_to(v, 64), (8, 8, 1)) for v in (network.scale, network.offset))
        x = jnp.asarray(few.reshape(-1, 8, 8, 1) * scale[None] + offset[None])

        def layers(x):
            outputs = []
            for layer, p in zip(network.layers, double, strict=True):
                x, _ = layer.forward(p, x, None)
                outputs.append(x.ravel())
            return outputs

        def weighted_input(x, answer):
            return network.forward(double, x)[0][answer]

        wanted = [np.asarray(outputs) for outputs in jax.jit(jax.vmap(layers))(x)]
        gradient = np.asarray(jax.jit(jax.vmap(jax.grad(weighted_input)))(x, answers)).reshape(20, 64)
    theirs = blank.evaluate(LAYERWISE, [model, few.tolist()])
    for number, outputs in enumerate(wanted):
        np.testing.assert_allclose([image[number] for image in theirs], outputs, rtol=1e-12, atol=1e-12)
    theirs = np.asarray(blank.evaluate(SPOKE, [model, few.tolist(), answers.tolist()]))
    assert np.abs(theirs).max() > 1e-3
    np.testing.assert_allclose(theirs, gradient * scale.ravel() * few, rtol=1e-10, atol=1e-12)


def test_of_equals_the_first_speaks(blank):
    """By hand: all of a window is equal, in each of the four."""
    network = Network((MaxPool(4), Flatten(), Dense(4, 2, "linear")), "sigmoid", (8, 8, 1), 1.0)
    weight = np.array([[1, 2, 3, 4], [0, 0, 0, 0]], np.float32)
    model = page.describe(network, ((), (), Affine(weight, np.zeros(2, np.float32))))
    spoke = np.reshape(blank.evaluate(SPOKE, [model, [[1] * 64], [0]]), (8, 8))
    wanted = np.zeros((8, 8))
    wanted[[0, 0, 4, 4], [0, 4, 0, 4]] = [1, 2, 3, 4]
    np.testing.assert_array_equal(spoke, wanted)
    # Nor is a number that is none lost, as in jnndl.
    best = blank.evaluate(
        "(a) => [...LAYERS.MaxPool({ size: [2, 2] }, {}, [2, 4, 1]).forward(a)[0]]", [1, math.nan] * 4
    )
    assert np.isnan(best).all()


def test_lines_from_maps_count_all_of_their_pixels(blank):
    """Weight times activation, summed over each map by NumPy; the two strongest maps of four."""
    rng = np.random.default_rng(0)
    weight, a = rng.normal(size=(5, 3, 2, 4)), rng.normal(size=(3, 2, 4))
    pulls = (weight * a).sum(axis=(1, 2))
    program = """([weight, a, sources]) => LAYERS.Dense({ neuron: { neuron: "linear" }, n_in: 24, n_out: 5 },
        { weight, bias: [0, 0, 0, 0, 0] }, [24]).pulls({ a }, 2, sources)"""
    for sources, wanted in ((4, pulls), (24, (weight * a).reshape(5, 24))):
        found = blank.evaluate(program, [weight.ravel().tolist(), a.ravel().tolist(), sources])
        assert len(found) == 10
        for (source, to, pull), (j, rank) in zip(found, itertools.product(range(5), range(2)), strict=True):
            assert (source, to) == (np.argsort(-np.abs(wanted[j]))[rank], j)
            assert pull == pytest.approx(wanted[j, source], rel=1e-12)


def test_a_pool_lights_up_by_the_range_of_what_it_pools(blank):
    """The largest and the mean of numbers from -1 to 1 are too; the root of their squares has no bound, as ReLU."""
    layers = Conv(1, 2, 3, "tanh"), MaxPool(2), AvgPool(1), Dropout(0.5), L2Pool(3), Flatten()
    network = convolutional(2, *layers)
    model = page.describe(network, parameters(network))
    found = blank.evaluate("(model) => build(model).layers.map(({ neuron, kind }) => [neuron, kind])", model)
    assert found == [
        ["tanh", "tanh"],
        ["tanh", "max pool"],
        ["tanh", "mean pool"],
        ["tanh", None],
        ["relu", "L2 pool"],
        ["relu", None],
        ["linear", "linear"],
    ]


# The book's network of two convolutions (chapter 6), and a smaller one.
ON_MNIST = {
    "small": (
        1000,
        convolutional(144, Conv(1, 4, 5, "relu", stride=2, pool=MaxPool(2)), Flatten(), side=28, scale=1 / 256),
    ),
    "book": (
        200,
        convolutional(
            100,
            Conv(1, 20, 5, "relu", pool=MaxPool(2)),
            Conv(20, 40, 5, "relu", pool=MaxPool(2)),
            Flatten(),
            Dense(640, 100, "relu"),
            side=28,
            scale=1 / 256,
        ),
    ),
}


@pytest.mark.parametrize("name", ON_MNIST)
def test_the_page_reads_mnist_by_convolutions_as_jnndl_does(blank, mnist, name):
    count, network = ON_MNIST[name]
    params = parameters(network)
    raw = np.asarray(mnist.test.inputs[:count]).reshape(count, 784)
    ours = jnndl.predict(network, params, raw).outputs
    theirs = np.asarray(blank.evaluate(OUTPUTS, [page.describe(network, params), raw.tolist()]))
    assert np.ptp(ours, axis=0).max() > 0.1
    assert np.abs(theirs - ours).max() < 1e-5


def test_the_book_s_network_answers_while_one_draws(blank):
    _, network = ON_MNIST["book"]
    program = """(model) => {
        const network = build(model);
        const pixels = new Float64Array(784).fill(200);
        const times = [...Array(20)].map(() => {
            const start = performance.now();
            network.spoke(network.feed(pixels), pixels, 3);
            return performance.now() - start;
        });
        return Math.min(...times);
    }"""
    assert blank.evaluate(program, page.describe(network, parameters(network))) < 30  # milliseconds; 6 were measured


def test_the_page_in_the_repository_reads_mnist_as_jnndl_does(blank, mnist):
    model = model_in(KEPT.read_text())
    arrays = [layer["arrays"] for layer in model["layers"]]
    network = dataclasses.replace(jnndl.mlp([784, 100, 10]), scale=model["scale"], offset=model["offset"])
    leaves = [np.frombuffer(base64.b64decode(array[name]), "<f4") for array in arrays for name in ("weight", "bias")]
    shapes = jax.tree.leaves(network.param_shapes)
    leaves = [jnp.asarray(leaf.reshape(wanted.shape)) for leaf, wanted in zip(leaves, shapes, strict=True)]
    params = jax.tree.unflatten(jax.tree.structure(network.param_shapes), leaves)
    few = mnist.test[:1000]
    ours = jnndl.predict(network, params, few)
    theirs = np.asarray(blank.evaluate(OUTPUTS, [model, np.asarray(few.inputs).reshape(1000, 784).tolist()]))
    assert np.abs(theirs - ours.outputs).max() < 1e-5
    assert np.mean(theirs.argmax(axis=1) == few.targets) > 0.96
    assert model["scale"] == 1 / 256
    assert (model["brightest"], model["box"]) == (255, 20 / 28)


# The preparation of a drawing.

PREPARE = """([strokes, size, shape, box, radius]) => {
    const ink = new Ink(...size, radius);
    for (const stroke of strokes) stroke.forEach((point, k) => ink.line(stroke[Math.max(0, k - 1)], point));
    return [Array.from(ink.pixels, (x) => String.fromCharCode(x)).join(""), [...centre(ink.pixels, size, shape, box)]];
}"""


def test_a_drawing_is_prepared_as_by_jnndl(blank):
    rng = np.random.default_rng(0)
    shapes = [((28, 28), 20 / 28)] * 30 + [((8, 8), 1.0)] * 12 + [((20, 30), 20 / 28), ((31, 17), 0.6)] * 4
    assert len(shapes) == 50
    for shape, box in shapes:
        size = [int(n) for n in rng.integers(150, 300, size=2)]
        strokes = []
        for _ in range(rng.integers(1, 4)):
            start = rng.uniform(0, size[::-1])
            steps = rng.normal(size=(rng.integers(1, 12), 2)) * 30
            strokes.append(np.concatenate([[start], start + np.cumsum(steps, axis=0)]).tolist())  # beyond the edge too
        raw, image = blank.evaluate(PREPARE, [strokes, size, shape, box, float(rng.uniform(2, 14))])
        ink = np.frombuffer(raw.encode("latin-1"), np.uint8).reshape(size)
        assert len(np.unique(ink)) > 20  # soft edges
        wanted = images.centre(ink / 255, shape, box)
        assert np.abs(np.reshape(image, shape) - wanted).max() < 1e-9  # 1/255 was asked for


@pytest.mark.parametrize("mass", [[1, 1], [1 + 1e-12, 1], [1, 1 + 1e-12]])
def test_where_a_straight_line_goes_does_not_hang_on_the_last_bit_of_a_sum(blank, mass):
    """Two equal columns of ink in 28 begin with column 13; by hand, the middle of the image is 14, theirs is 1."""
    assert images._corner(np.array(mass, float), 28) == 13
    assert blank.evaluate("(mass) => corner(mass, 28)", mass) == 13


def test_a_line_of_ink_is_what_is_near_enough(blank):
    raw, _ = blank.evaluate(PREPARE, [[[[10, 10], [30, 25]]], [40, 50], [28, 28], 20 / 28, 5.0])
    ink = np.frombuffer(raw.encode("latin-1"), np.uint8).reshape(40, 50)
    y, x = np.mgrid[:40, :50] + 0.5
    along = np.clip(((x - 10) * 20 + (y - 10) * 15) / 625, 0, 1)
    distance = np.hypot(x - 10 - 20 * along, y - 10 - 15 * along)
    np.testing.assert_allclose(ink, 255 * np.clip(5.5 - distance, 0, 1), atol=0.51)
    raw, _ = blank.evaluate(PREPARE, [[[[10, 10]]], [40, 50], [28, 28], 20 / 28, 5.0])  # a point is a dot
    dot = np.frombuffer(raw.encode("latin-1"), np.uint8).reshape(40, 50)
    assert dot[10, 10] == 255
    assert dot.astype(float).sum() / 255 == pytest.approx(np.pi * 25, rel=0.02)


def test_the_pixels_are_whole_numbers_where_those_of_the_data_are(blank):
    pixels = "([model, image]) => [...build(model).pixelsOf(Float64Array.from(image))]"
    network = jnndl.mlp([64, 2])
    for scale, wanted in ((1 / 16, [0, 16, 5]), (1.0, [0, 1, 0.3])):
        model = page.describe(dataclasses.replace(network, scale=scale), samples.draw(network))
        assert blank.evaluate(pixels, [model, [0, 1, 0.3]]) == wanted


# The page itself.


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page with two hidden layers for the 8x8 digits."""
    path = tmp_path_factory.mktemp("page") / "draw.html"
    network = dataclasses.replace(
        jnndl.mlp([64, 20, 12, 10], hidden=neurons.tanh, output=neurons.softmax), scale=1 / 16
    )
    jnndl.save_page(path, network, parameters(network))
    return path


@pytest.fixture
def opened(browser, small):
    """A tab with the small page, in which nothing goes wrong."""
    yield from opening(browser, small)


@pytest.fixture
def kept(browser):
    """A tab with the page that is kept in the repository."""
    yield from opening(browser, KEPT)


def waits(tab, condition):
    """Wait for a condition; Playwright's own way would be stopped by the page's policy."""
    end = time.monotonic() + 30
    while not tab.evaluate(condition):
        assert time.monotonic() < end, condition
        tab.wait_for_timeout(50)


def ink(tab):
    """How much ink there is, in pixels."""
    return tab.evaluate("ink.pixels.reduce((x, y) => x + y, 0) / 255")


def test_a_mouse_draws_and_the_network_answers(kept):
    assert kept.inner_text("#answer") == "3"  # the example
    draw(kept, SEVEN)
    assert kept.inner_text("#answer") == "7"
    assert kept.evaluate("strokes.length") == 1  # the example is gone
    size = kept.evaluate("[ink.height, ink.width]")
    pixels = np.reshape(kept.evaluate("[...ink.pixels]"), size)
    seen = np.reshape(kept.evaluate("[...shown.image]"), (28, 28))
    assert np.abs(seen - images.centre(pixels / 255)).max() < 1e-9
    # What is on the pad is that ink.
    alpha = (
        "[...$('pad').getContext('2d').getImageData(0, 0, ink.width, ink.height).data].filter((_, i) => i % 4 === 3)"
    )
    np.testing.assert_array_equal(np.reshape(kept.evaluate(alpha), size), pixels)
    # Outputs, as bars with label and figure.
    rows = kept.evaluate("[...document.querySelectorAll('#outputs li')].map((li) => li.innerText.split(/\\s+/))")
    outputs = kept.evaluate("[...shown.outputs]")
    assert rows == [[str(k), f"{x:.2f}"] for k, x in enumerate(outputs)]
    bars = kept.evaluate("[...document.querySelectorAll('.bar')].map((b) => b.offsetWidth / b.parentNode.offsetWidth)")
    np.testing.assert_allclose(bars, outputs, atol=0.02)
    # Announced politely, once the pen is lifted.
    waits(kept, "document.querySelector('#said').textContent.startsWith('Answer: 7, ')")
    assert kept.get_attribute("#said", "aria-live") == "polite"
    draw(kept, [(0.5, 0.5), (0.6, 0.5)])
    assert kept.evaluate("strokes.length") == 2


def test_another_output_can_be_asked_about(kept):
    draw(kept, SEVEN)
    colours = "[...$('why').getContext('2d').getImageData(0, 0, 28, 28).data]"
    seven = kept.evaluate(colours)
    assert kept.inner_text("#question") == "What spoke for and against 7?"
    kept.click("#outputs li:nth-child(2) button")
    settled(kept)
    assert kept.inner_text("#question") == "What spoke for and against 1?"
    assert kept.get_attribute("#outputs li:nth-child(2) button", "aria-pressed") == "true"
    one = kept.evaluate(colours)
    assert one != seven
    # Blue where the pixel spoke for it, orange where against it.
    spoke = np.asarray(kept.evaluate("[...network.spoke(shown, shown.pixels, 1)]"))
    red, _, blue, _ = np.reshape(one, (784, 4)).T
    strong = np.abs(spoke) > 0.3 * np.abs(spoke).max()
    assert strong.sum() > 5
    assert len(set(np.sign(spoke[strong]))) == 2
    np.testing.assert_array_equal(spoke[strong] > 0, (blue > red)[strong])
    kept.click("#outputs li:nth-child(2) button")
    settled(kept)
    assert kept.evaluate(colours) == seven


@pytest.mark.parametrize("kind", ["touch", "pen"])
def test_touch_and_pen_draw_too(opened, kind):
    opened.keyboard.press("Escape")
    box = opened.locator("#pad").bounding_box()
    at = [
        {"x": box["x"] + box["width"] * (0.2 + 0.1 * k), "y": box["y"] + 0.1 * box["height"] * k} for k in range(1, 7)
    ]
    session = opened.context.new_cdp_session(opened)
    if kind == "touch":
        session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": at[:1]})
        for point in at[1:]:
            session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        mouse = {"button": "left", "pointerType": "pen", "clickCount": 1}
        session.send("Input.dispatchMouseEvent", {"type": "mousePressed", **mouse, **at[0]})
        for point in at[1:]:
            session.send("Input.dispatchMouseEvent", {"type": "mouseMoved", "buttons": 1, **mouse, **point})
        session.send("Input.dispatchMouseEvent", {"type": "mouseReleased", **mouse, **at[-1]})
    settled(opened)
    assert opened.evaluate("strokes.length") == 1
    assert ink(opened) > 3000
    assert opened.evaluate("scrollY") == 0  # a finger on the pad draws, and does not scroll


def test_the_keyboard_clears_and_undoes(opened):
    assert ink(opened) > 0
    for key in ("Escape", "Delete", "Backspace"):
        draw(opened, SEVEN)
        draw(opened, [(0.3, 0.5), (0.7, 0.5)])
        opened.keyboard.press("Control+z")
        settled(opened)
        assert opened.evaluate("strokes.length") == 1
        assert ink(opened) > 0
        opened.keyboard.press(key)
        settled(opened)
        assert ink(opened) == 0
        assert opened.inner_text("#answer") == ""
        assert opened.inner_text("#said") == "Cleared."
        assert opened.is_visible("#hint")
    draw(opened, SEVEN)
    opened.click("#undo")
    assert ink(opened) == 0
    draw(opened, SEVEN)
    opened.click("#clear")
    assert ink(opened) == 0


def test_the_keyboard_draws(opened):
    opened.keyboard.press("Escape")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.id") == "pad"
    opened.keyboard.press("ArrowDown")
    assert ink(opened) == 0
    assert opened.is_visible("#pen")
    opened.keyboard.press("Space")
    assert opened.inner_text("#said") == "Pen down."
    for _ in range(10):
        opened.keyboard.press("ArrowDown")
    opened.keyboard.press("Space")
    opened.keyboard.press("ArrowRight")
    settled(opened)
    assert opened.evaluate("strokes.map((s) => s.length)") == [11]
    step, radius = opened.evaluate("[SIDE * 0.04, ink.radius]")
    assert ink(opened) == pytest.approx(10 * step * 2 * radius + np.pi * radius**2, rel=0.01)
    waits(opened, "document.querySelector('#said').textContent.startsWith('Answer: ')")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.id") == "clear"  # no trap
    assert not opened.is_visible("#pen")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_window_and_can_be_read(opened, scheme):
    opened.emulate_media(color_scheme=scheme)
    for width in (1200, 768, 400, 320):
        opened.set_viewport_size({"width": width, "height": 900})
        settled(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.evaluate(STICKS_OUT, width) == []
    texts = opened.evaluate(TEXTS)
    assert len(texts) > 30
    for what, colour, back in texts:
        assert contrast(colour, back) >= 4.5, what
    colours = opened.evaluate("Object.fromEntries(Object.entries(colours).map(([k, v]) => [k, `rgb(${v})`]))")
    assert contrast(colours["soft"], opened.evaluate("getComputedStyle(document.body).backgroundColor")) >= 4.5
    for name in ("lit", "for", "against"):
        assert contrast(colours[name], colours["paper"]) >= 3, name
    assert (
        opened.evaluate("getComputedStyle(document.body).backgroundColor")
        == ({"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 28)"}[scheme])
    )


def test_dark_and_light_follow_the_system_while_the_page_is_open(opened):
    pixel = "[...$('diagram').getContext('2d').getImageData(4, Math.round($('diagram').height / 2) - 22, 1, 1).data]"
    found = []
    for scheme in ("light", "dark", "light"):
        opened.emulate_media(color_scheme=scheme)
        settled(opened)
        found.append(opened.evaluate(pixel))
    assert found[0] == found[2] == [244, 245, 247, 255]
    assert found[1] == [13, 14, 17, 255]


def test_a_screen_reader_finds_names(opened):
    assert opened.get_by_role("application", name="Drawing pad").count() == 1
    assert opened.get_by_role("status").count() == 1
    for name in ("Clear", "Undo", "Example"):
        assert opened.get_by_role("button", name=name).count() == 1
    assert opened.get_by_role("img").count() == 2
    label = opened.get_attribute("#diagram", "aria-label")
    assert label.endswith("8 by 8 pixels, then 20 tanh neurons, then 12 tanh neurons, then 10 outputs")
    label = opened.get_attribute("#why", "aria-label")
    assert re.fullmatch(
        r"Pixels that spoke for and against \d: together [\d.]+ for it and [\d.]+ against it, .*", label
    )
    assert opened.get_attribute("html", "lang") == "en"
    described = opened.get_attribute("#pad", "aria-describedby")
    assert "Space sets it down" in opened.inner_text(f"#{described}")


def test_examples_are_drawn_one_after_the_other(kept):
    answers = []
    for _ in range(10):
        kept.click("#example")
        settled(kept)
        answers.append(kept.inner_text("#answer"))
    assert answers == list("4567890123")


def test_an_example_is_drawn_as_by_hand_where_motion_is_wanted(kept):
    kept.emulate_media(reduced_motion="no-preference")
    kept.click("#example")
    assert kept.evaluate("playing") > 0
    waits(kept, "!playing")
    assert kept.inner_text("#answer") == "4"
    kept.click("#example")
    draw(kept, SEVEN)  # takes the pen
    assert kept.evaluate("[playing, strokes.length]") == [0, 1]


def test_other_classes_keep_their_names_and_have_no_examples(browser, tmp_path):
    names = ("Ankle boot", "</script><b>Bag", 'a "coat" & $hat')
    network = dataclasses.replace(jnndl.mlp([64, 3]), classes=names, scale=1.0)
    jnndl.save_page(tmp_path / "draw.html", network, samples.draw(network), about="<b>$about</b>")
    for tab in opening(browser, tmp_path / "draw.html"):
        assert tuple(tab.evaluate("[...document.querySelectorAll('.name')].map((e) => e.textContent)")) == names
        assert not tab.is_visible("#example")
        assert tab.inner_text("#answer") == ""
        assert tab.is_visible("#hint")
        assert f"It knows: {', '.join(names)}." in tab.inner_text("header")
        assert "<b>$about</b>" in tab.inner_text("footer")
        draw(tab, SEVEN)
        assert tab.inner_text("#answer") in names
        tab.set_viewport_size({"width": 400, "height": 800})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400


# Convolutional networks on the page.


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A page of a network with maps, for the 8x8 digits."""
    path = tmp_path_factory.mktemp("page") / "draw.html"
    network = convolutional(
        20,
        Conv(1, 6, 3, "relu", padding="same"),
        MaxPool(2),
        Conv(6, 9, 2, "tanh", pool=AvgPool((1, 2))),
        Flatten(),
        Dense(27, 20, "sigmoid"),
    )
    jnndl.save_page(path, network, parameters(network))
    return path, network


@pytest.fixture
def mapped(browser, maps):
    """A tab with it."""
    yield from opening(browser, maps[0])


WIDTHS = (1200, 768, 400, 320)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_maps_are_shown_as_small_images_of_their_activations(mapped, maps, scheme, width):
    _, network = maps
    mapped.emulate_media(color_scheme=scheme)
    mapped.set_viewport_size({"width": width, "height": 900})
    settled(mapped)
    assert mapped.evaluate("document.documentElement.scrollWidth") <= width
    assert mapped.evaluate(STICKS_OUT, width) == []
    # Each image that is drawn into the diagram, where, and the first pixel of it.
    drawn = mapped.evaluate(
        """(() => {
            const [found, drawImage] = [[], CanvasRenderingContext2D.prototype.drawImage];
            CanvasRenderingContext2D.prototype.drawImage = function (image, ...box) {
                const { data } = image.getContext("2d").getImageData(0, 0, image.width, image.height);
                found.push([image.height, image.width, box, [...data]]);
            };
            drawDiagram();
            CanvasRenderingContext2D.prototype.drawImage = drawImage;
            return found;
        })()"""
    )
    assert [(height, across) for height, across, *_ in drawn] == [(8, 8)] * 7 + [(4, 4)] * 6 + [(3, 1)] * 9
    diagram = mapped.evaluate("[$('diagram').clientWidth, $('diagram').clientHeight]")
    boxes = np.array([box for *_, box, _ in drawn])
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    assert (low >= 0).all()
    assert (high <= diagram).all()
    for one, other in itertools.combinations(range(len(boxes)), 2):
        assert ((low[one] > high[other]) | (low[other] > high[one])).any(), (one, other)
    assert boxes[1:, 3].min() > 12  # pixels, on a small phone too

    # The colours: from paper to lit, by the activations that jnndl finds in these pixels; orange below 0.
    params = parameters(network)
    a = jnp.asarray(mapped.evaluate("[...shown.pixels]")).reshape(8, 8, 1) / 16
    values = [np.reshape(mapped.evaluate("[...shown.image]"), (8, 8, 1))]
    for layer, p in zip(network.layers[:3], params[:3], strict=True):
        a, _ = layer.forward(p, a, None)
        values.append(np.asarray(a))
    values[1:3] = [value / value.max() for value in values[1:3]]  # ReLU has no bound, tanh has
    assert (values[3] < -0.1).any()
    images = [value[:, :, k] for value in values for k in range(value.shape[2])]
    colours = {name: np.array(mapped.evaluate(f"colours.{name}")) for name in ("paper", "lit", "against")}
    for (*_, data), value in zip(drawn, images, strict=True):
        end = np.where(value[:, :, None] < 0, colours["against"], colours["lit"])
        wanted = colours["paper"] + (end - colours["paper"]) * np.abs(value)[:, :, None]
        np.testing.assert_allclose(np.reshape(data, (*value.shape, 4))[:, :, :3], wanted, atol=1)


@pytest.mark.parametrize("width", WIDTHS)
def test_captions_do_not_touch_each_other(mapped, width):
    mapped.set_viewport_size({"width": width, "height": 900})
    settled(mapped)
    told = mapped.evaluate(
        """(() => {
            const [found, fillText] = [[], CanvasRenderingContext2D.prototype.fillText];
            CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
                found.push([text, x, y, this.measureText(text).width]);
            };
            drawDiagram();
            CanvasRenderingContext2D.prototype.fillText = fillText;
            return found.map(([text, ...rest]) => [text.replace("\\u00d7", "x"), ...rest]);
        })()"""
    )
    captions = [line for line in told if line[0] not in list("0123456789")]
    texts = ["8 x 8", "pixels", "6 maps", "8 x 8", "relu", "6 maps", "4 x 4", "max pool", "9 maps", "3 x 1", "tanh"]
    texts += ["20", "sigmoid"] + ["10", "outputs"] * (width < 1000)  # beside their bars the outputs have no caption
    assert [text for text, *_ in captions] == texts
    size = mapped.evaluate("[$('diagram').clientWidth, $('diagram').clientHeight]")
    for _, x, y, wide in captions:
        assert wide / 2 <= x <= size[0] - wide / 2 + 1e-6
        assert y <= size[1] - 8
    for (_, x, y, wide), (_, right, below, other) in itertools.combinations(captions, 2):
        assert abs(x - right) > (wide + other) / 2 + 2 or abs(y - below) >= 16


def test_a_network_of_maps_is_explained_and_read_out(mapped, opened):
    assert mapped.get_attribute("#diagram", "aria-label").endswith(
        "8 by 8 pixels, then 6 maps of 8 by 8 relu neurons, then 6 maps of 4 by 4 after max pool, then 9 maps of "
        "3 by 1 tanh neurons, then 20 sigmoid neurons, then 10 outputs"
    )
    assert mapped.is_visible("#maps")
    assert mapped.is_visible("#negative")  # tanh
    assert not opened.is_visible("#maps")
    draw(mapped, SEVEN)
    outputs = np.asarray(mapped.evaluate("[...shown.outputs]"))
    assert mapped.inner_text("#answer") == str(outputs.argmax())


def test_other_ends_of_a_network_are_shown_too(browser, tmp_path):
    """One that ends with a convolution, and one of a pool and a dense layer."""
    labels = {
        "ends with a convolution": "then 4 maps of 2 by 2 linear neurons, then 10 outputs",
        "no neuron": "then 1 map of 2 by 2 after max pool, then 10 outputs",
    }
    for name, label in labels.items():
        jnndl.save_page(tmp_path / "draw.html", BOTH_WAYS[name], parameters(BOTH_WAYS[name]))
        for tab in opening(browser, tmp_path / "draw.html"):
            draw(tab, SEVEN)
            assert tab.evaluate("strokes.length") == 1
            assert tab.get_attribute("#diagram", "aria-label").endswith(label)
