"""Pictures: what is drawn is read back from the figure and compared with the data, and with NumPy's own arithmetic."""

import ast
import dataclasses
import pathlib
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from matplotlib.figure import Figure

import jnndl
from jnndl import figures, plots
from jnndl.layers import Affine
from jnndl.measures import Evaluation, History

ROOT = pathlib.Path(__file__).resolve().parents[1]
NAN = np.nan
KEY = jax.random.key(0)


def history_of(*shape, **columns):
    """A history with made-up measurements of this shape, (epochs,) or (networks, epochs)."""
    random = np.random.default_rng(0)
    names = [f"{part}_{what}" for part in ("training", "evaluation") for what in ("cost", "accuracy")]
    return History(np.ones(shape), np.zeros(shape), **({name: random.uniform(size=shape) for name in names} | columns))


def title_of(figure):
    """The title, in one line."""
    return " ".join(figure.get_suptitle().split())


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def band_of(axes, number=0):
    """The lower and the upper edge of a band, by x."""
    (path,) = axes.collections[number].get_paths()
    x, y = path.vertices.T
    places = np.unique(x)
    return np.array([[y[x == place].min() for place in places], [y[x == place].max() for place in places]])


def drawn_images(axes):
    """The pixels of a mosaic, without what is between its pictures."""
    array = np.ma.filled(axes.images[0].get_array().astype(float), NAN)
    holes = np.isnan(array)
    return array[~holes.all(axis=1)][:, ~holes.all(axis=0)]


# Learning curves.


def test_the_lines_are_the_measurements():
    history = history_of(5)
    cost, accuracy = plots.history(history, title="A run").axes
    for axes, what, factor in ((cost, "cost", 1), (accuracy, "accuracy", 100)):
        lines = lines_of(axes)
        assert set(lines) == {"evaluation", "training"}
        for part, line in lines.items():
            np.testing.assert_array_equal(line.get_xdata(), range(5))
            np.testing.assert_allclose(line.get_ydata(), factor * getattr(history, f"{part}_{what}"))
    assert (cost.get_ylabel(), accuracy.get_ylabel(), accuracy.get_xlabel()) == ("cost", "accuracy (%)", "epoch")
    figure = cost.get_figure()
    assert title_of(figure) == "A run"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["evaluation", "training"]
    assert cost.get_title() == ""  # there is no band
    assert not cost.collections


def test_the_two_lines_differ_in_more_than_their_colour():
    lines = lines_of(plots.history(history_of(5)).axes[0])
    assert lines["evaluation"].get_linestyle() != lines["training"].get_linestyle()


@pytest.mark.parametrize(("words", "unit"), [({}, "networks"), ({"unit": "seeds"}, "seeds")])
def test_the_band_is_one_standard_deviation_and_says_so(words, unit):
    history = history_of(10, 4)
    cost, accuracy = plots.history(history, **words).axes
    for axes, values in ((cost, history.evaluation_cost), (accuracy, 100 * history.evaluation_accuracy)):
        np.testing.assert_allclose(lines_of(axes)["evaluation"].get_ydata(), np.mean(values, axis=0))
        mean, std = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
        np.testing.assert_allclose(band_of(axes), [mean - std, mean + std])
    assert cost.get_title() == f"line: mean; shaded: one standard deviation over 10 {unit}"


def test_epochs_that_were_not_measured_are_left_out_and_stopped_networks_are_named():
    values = np.array([[NAN, 0.5, NAN, 0.7], [NAN, 0.7, NAN, 0.9]])
    history = history_of(2, 4, training_accuracy=values, training_cost=values)
    axes = plots.history(history).axes[1]
    line = lines_of(axes)["training"]
    np.testing.assert_array_equal(line.get_xdata(), [1, 3])  # joined, and with a mark at each
    np.testing.assert_allclose(line.get_ydata(), [60, 80])
    assert line.get_marker() == "."
    note = "line: mean; shaded: one standard deviation over 2 networks"
    assert plots.history(history).axes[0].get_title() == note
    stopped = history._replace(evaluation_cost=np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 3.0, NAN, np.inf]]))
    axes = plots.history(stopped).axes[0]
    assert axes.get_title() == f"{note}, fewer where some had stopped"
    np.testing.assert_allclose(lines_of(axes)["evaluation"].get_ydata(), [1.5, 2.5, 3.0, 4.0])


def test_a_band_over_different_numbers_of_networks_says_so():
    figure = figures.curves({"a": np.ones((10, 3)), "b": np.ones((100, 3)), "c": [1, 2, 3]}, title="t", ylabel="y")
    assert figure.axes[0].get_title() == "line: mean; shaded: one standard deviation over 10 to 100 networks"


def test_bands_are_drawn_in_one_place_which_says_what_they_are():
    found = []
    for path in [*(ROOT / "jnndl").glob("*.py"), *(ROOT / "experiments").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith("fill_between"):
                found.append(path.name)
    assert found == ["figures.py"]


def test_what_was_not_measured_is_not_drawn():
    costs_only = history_of(3, training_accuracy=None, evaluation_accuracy=None, evaluation_cost=None)
    (axes,) = plots.history(costs_only._replace(penalty=np.ones(3))).axes
    assert set(lines_of(axes)) == {"training"}
    assert axes.get_ylabel() == "cost without penalty"
    nothing = history_of(3, training_accuracy=None, evaluation_accuracy=None, evaluation_cost=None, training_cost=None)
    with pytest.raises(ValueError, match=re.escape("give fit evaluation data, or measure_training=1")):
        plots.history(nothing)


def test_history_takes_a_fit(digits):
    fit = jnndl.fit(jnndl.mlp([64, 10]), digits.training[:50], digits.test[:50], key=0, epochs=2, learning_rate=0.5)
    line = lines_of(plots.history(fit).axes[0])["training"]
    np.testing.assert_allclose(line.get_ydata(), fit.history.training_cost, rtol=1e-6)


# Confusion.


def test_confusion_shows_the_counts_and_shades_the_mistakes():
    counts = np.array([[50, 0, 3], [1, 40, 0], [0, 20, 0]])
    axes = plots.confusion(counts, ["cat", "dog", "guinea pig"]).axes[0]
    texts = {(round(y), round(x)): text.get_text() for text in axes.texts for x, y in [text.get_position()]}
    assert texts == {(0, 0): "50", (0, 2): "3", (1, 0): "1", (1, 1): "40", (2, 1): "20"}
    shade = np.asarray(axes.images[0].get_array())
    assert (np.diag(shade) == 0).all()
    assert np.argmax(shade) == 7  # row 2, column 1
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "guinea pig"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog", "guinea pig"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("correct answer", "the network's answer")
    assert axes.get_figure().get_suptitle() == "90 of 114 right"


def test_confusion_takes_what_evaluate_returned_and_many_classes():
    found = Evaluation(0.1, 0.5, np.eye(40, dtype=int))
    axes = plots.confusion(found, title="Mine").axes[0]
    assert not axes.texts  # there is no room
    assert axes.get_figure().get_suptitle() == "Mine"
    assert axes.get_title() == "the darker, the more mistakes; 40 of 40 right"


# Networks with weights by hand.


@pytest.fixture
def reader():
    """A network of 2x2 images whose output k is high where pixel k is: only the upper two pixels count."""
    network = jnndl.Network((jnndl.Dense(4, 2, "linear"),), "sigmoid", (4,))
    return network, (Affine(jnp.array([[4.0, 0, 0, 0], [0, 4.0, 0, 0]]), jnp.zeros(2)),)


IMAGES = np.array([[[1, 0], [0, 5]], [[0.1, 0], [6, 0]], [[1, 0], [0, 0]], [[0, 1], [7, 7]]], np.float32)
LABELS = np.array([1, 1, 0, 0])


def test_mistakes_come_worst_first_and_say_what_is_wrong(reader):
    data = jnndl.Dataset(IMAGES[[1, 0, 2, 3]], LABELS[[1, 0, 2, 3]])  # right is the third alone
    figure = plots.mistakes(*reader, data)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == [
        "true 1, network says 0",
        "true 0, network says 1",
        "true 1, network says 0",
    ]
    np.testing.assert_array_equal(drawn_images(axes), np.concatenate(IMAGES[[0, 3, 1]], axis=1))
    assert title_of(figure) == "3 of 4 wrong"
    figure = plots.mistakes(*reader, data, count=1)
    assert title_of(figure) == "3 of 4 wrong: the 1 of which the network is most sure"
    np.testing.assert_array_equal(drawn_images(figure.axes[0]), IMAGES[0])


def test_mistakes_have_the_names_of_the_classes(reader):
    data = jnndl.Dataset(IMAGES, LABELS, classes=("cat", "dog"))
    titles = [text.get_text() for text in plots.mistakes(*reader, data, columns=2).axes[0].texts]
    assert " ".join(titles[0].split()) == "true dog, network says cat"  # on two lines
    named = dataclasses.replace(reader[0], classes=("a", "b"))
    titles = [text.get_text() for text in plots.mistakes(named, reader[1], jnndl.Dataset(IMAGES, LABELS)).axes[0].texts]
    assert titles[0] == "true b, network says a"


def test_titles_stand_beside_one_another_and_above_their_images(reader, digits):
    network = jnndl.mlp([64, 10])
    for data, parts in ((jnndl.Dataset(IMAGES, LABELS), reader), (digits.test, (network, network.init(1)))):
        figure = plots.mistakes(*parts, data, columns=5)
        figure.canvas.draw()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
        assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)
        array = figure.axes[0].images[0].get_array()
        for box in boxes:  # there is nothing but gaps where a title is
            (x0, y0), (x1, y1) = figure.axes[0].transData.inverted().transform(box.get_points())
            columns = slice(max(0, round(x0)), round(x1))
            assert np.ma.getmaskarray(array)[max(0, int(y1 + 0.5)) : int(y0 + 0.5), columns].all()


def test_a_network_without_mistakes_gives_a_picture_too(reader):
    figure = plots.mistakes(*reader, jnndl.Dataset(IMAGES[2:3], LABELS[2:3]))
    assert title_of(figure) == "0 of 1 wrong"
    assert figures.as_png(figure).startswith(b"\x89PNG")


def test_rows_of_a_table_are_strips(reader):
    axes = plots.mistakes(*reader, jnndl.Dataset(IMAGES.reshape(4, 4)[:1], LABELS[:1])).axes[0]
    found = drawn_images(axes)
    np.testing.assert_array_equal(found, np.broadcast_to(IMAGES[0].ravel().repeat(8), (8, 32)))


# Weights.


def test_the_weights_of_each_neuron_are_an_image():
    network = jnndl.mlp([64, 4, 2])
    params = network.init(0)
    figure = plots.weights(network, params, columns=2)
    weights = np.asarray(params[0].weight).reshape(4, 8, 8)
    np.testing.assert_array_equal(drawn_images(figure.axes[0]), np.block([[*weights[:2]], [*weights[2:]]]))
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high == pytest.approx(-np.abs(weights).max())  # white is 0
    assert figure.axes[1].get_ylabel() == "weight"
    two = plots.weights(network, params, shape=(4, 16), count=2, columns=1)
    np.testing.assert_array_equal(drawn_images(two.axes[0]), np.concatenate(weights[:2].reshape(2, 4, 16)))
    assert title_of(two).endswith("one image per neuron (0 to 1 of 4)")


def test_other_weights_are_a_matrix():
    network = jnndl.mlp([3, 4, 2])
    params = network.init(0)
    for layer, xlabel in ((0, "input"), (1, "output of layer 0")):
        axes = plots.weights(network, params, layer).axes[0]
        np.testing.assert_array_equal(axes.images[0].get_array(), params[layer].weight)
        assert (axes.get_xlabel(), axes.get_ylabel()) == (xlabel, f"neuron of layer {layer}")


@dataclasses.dataclass(frozen=True)
class Windows:
    """What a convolution might be: of each image the maps of three windows, rows x columns x channels."""

    def init(self, key):
        return Affine(jax.random.normal(key, (3, 2, 2, 2)), jnp.zeros(3))

    def forward(self, params, a, key=None):
        dimensions = ("NHWC", "OHWI", "NHWC")
        return jax.lax.conv_general_dilated(a[None], params.weight, (1, 1), "VALID", dimension_numbers=dimensions)[
            0
        ], ()

    def backward(self, params, saved, grad):
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Flat:
    def init(self, key):
        return ()

    def forward(self, params, a, key=None):
        return a.ravel(), a.shape

    def backward(self, params, saved, grad):
        raise NotImplementedError


@pytest.fixture
def windows():
    network = jnndl.Network((Windows(), Flat(), jnndl.Dense(27, 2, "linear")), "sigmoid", (4, 4, 2))
    return network, network.init(0)


def test_the_weights_of_a_convolution_are_images_by_map_and_channel(windows):
    weight = np.asarray(windows[1][0].weight)
    found = drawn_images(plots.weights(*windows).axes[0])
    np.testing.assert_array_equal(found, np.block([[weight[n, :, :, c] for c in range(2)] for n in range(3)]))


# Activations.


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_activations_are_those_of_numpy():
    layers = jnndl.Dense(64, 5), jnndl.Dropout(0.5), jnndl.Dense(5, 50, "tanh"), jnndl.Dense(50, 3, "linear")
    network = jnndl.Network(layers, "sigmoid", (64,), scale=1 / 16, classes=("a", "b", "c"))
    params = network.init(3)
    image = np.random.default_rng(0).integers(0, 17, (8, 8)).astype(np.uint8)
    figure = plots.activations(network, params, image)
    weights = [tuple(map(np.asarray, params[number])) for number in (0, 2, 3)]
    first = sigmoid(weights[0][0] @ (image.ravel() / 16) + weights[0][1])
    second = np.tanh(weights[1][0] @ first + weights[1][1])
    last = sigmoid(weights[2][0] @ second + weights[2][1])
    shown = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert [*shown] == ["input: 8 x 8", "layer 0, sigmoid: 5", "layer 2, tanh: 50", "output, sigmoid: 3"]
    pixels, bars, squares, outputs = shown.values()
    np.testing.assert_allclose(pixels.images[0].get_array(), image / 16)
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], first, rtol=1e-5)
    grid = np.ma.filled(squares.images[0].get_array(), NAN).ravel()
    np.testing.assert_allclose(grid[:50], second, rtol=1e-4)  # read like a text
    assert np.isnan(grid[50:]).all()
    np.testing.assert_allclose([bar.get_width() for bar in outputs.patches], last, rtol=1e-4)
    assert [label.get_text() for label in outputs.get_yticklabels()] == ["a", "b", "c"]
    best = int(last.argmax())
    assert title_of(figure) == f"The network says {'abc'[best]} (output {last[best]:.2f})"
    colours = [bar.get_facecolor() for bar in outputs.patches]
    assert colours.count(colours[best]) == 1
    assert bars.get_xlabel() == "activation"


def test_maps_are_images_side_by_side(windows):
    image = np.random.default_rng(0).normal(size=(4, 4, 2)).astype(np.float32)
    shown = {axes.get_title(): axes for axes in plots.activations(*windows, image).axes if axes.get_title()}
    # The flat layer's numbers are those of the maps, and are not drawn again.
    assert [*shown] == ["input: 4 x 4 x 2", "layer 0, Windows: 3 x 3 x 3", "output, sigmoid: 2"]
    weight = np.asarray(windows[1][0].weight)
    maps = np.array(
        [[[np.sum(image[r : r + 2, c : c + 2] * weight[n]) for c in range(3)] for r in range(3)] for n in range(3)]
    )
    found = drawn_images(shown["layer 0, Windows: 3 x 3 x 3"])
    np.testing.assert_allclose(
        found, np.block([[maps[0], maps[1]], [maps[2], np.full((3, 3), NAN)]]), rtol=1e-4, atol=1e-5
    )


# What a bad call is told.


@pytest.fixture
def bad(monkeypatch, reader):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as it is for a user
    network, params = reader
    data = jnndl.Dataset(IMAGES, LABELS)
    vectors = jnndl.Dataset(IMAGES, np.ones((4, 2), np.float32))
    deep = jnndl.Network((jnndl.Dense(4, 2), jnndl.Dropout(0.5), jnndl.Dense(2, 2, "linear")), "sigmoid", (4,))
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf, leaf]), params)
    return {
        "history": lambda: plots.history([0.1, 0.2]),
        "ragged": lambda: plots.confusion([[1, 2], [3]]),
        "fractions": lambda: plots.confusion([[0.5, 0.5], [0.0, 1.0]]),
        "oblong": lambda: plots.confusion([[1, 2, 3], [4, 5, 6]]),
        "negative": lambda: plots.confusion([[1, -2], [3, 4]]),
        "no labels": lambda: plots.confusion(Evaluation(0.1, None, None)),
        "names": lambda: plots.confusion([[1, 2], [3, 4]], ["a", "b", "c"]),
        "count": lambda: plots.mistakes(network, params, data, count=0),
        "columns": lambda: plots.weights(network, params, columns=2.5),
        "swapped": lambda: plots.mistakes(data, params, network),
        "array": lambda: plots.mistakes(network, params, IMAGES),
        "vectors": lambda: plots.mistakes(network, params, vectors),
        "many": lambda: plots.weights(network, many),
        "no network": lambda: plots.weights(params, network),
        "no such layer": lambda: plots.weights(network, params, 7),
        "no weights": lambda: plots.weights(deep, deep.init(0), 1),
        "shape": lambda: plots.weights(network, params, shape=(2, 3)),
        "pair": lambda: plots.activations(network, params, data[0]),
        "data set": lambda: plots.activations(network, params, data),
        "several": lambda: plots.activations(network, params, IMAGES),
        "nan": lambda: plots.activations(network, params, np.full((2, 2), NAN)),
        "scale": lambda: plots.activations(network, params, np.ones((2, 2), np.uint8)),
    }


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("history", "fit is [0.1, 0.2]; give what fit or fit_many returned, or its history"),
        ("ragged", "counts is [[1, 2], [3]]; give what evaluate returned, or a square array of whole numbers from 0"),
        ("fractions", "counts is [[0.5, 0.5], [0.0, 1.0]]; give what evaluate returned"),
        ("oblong", "counts is [[1, 2, 3], [4, 5, 6]]; give what evaluate returned"),
        ("negative", "counts is [[1, -2], [3, 4]]; give what evaluate returned"),
        ("no labels", "counts has no confusion, because the data had no labels; evaluate on data with labels"),
        ("names", "classes has 3 names, but counts has 2 rows; give one name per class"),
        ("count", "count is 0; give how many mistakes to draw, at least 1"),
        ("columns", "columns is 2.5; give how many images stand side by side, at least 1"),
        ("swapped", "network is a Dataset; give the network first and the data after it"),
        ("array", "drawn data is a ndarray; give a Dataset(inputs, targets)"),
        ("vectors", "drawn data: targets are float32, not labels; give a Dataset with integer labels"),
        ("many", "params are those of 3 networks; give those of one: fit.one(0).params"),
        ("no network", "network is a tuple; give the network first"),
        ("no such layer", "layer is 7; give one of 0"),
        ("no weights", "layer is 1, Dropout(rate=0.5), which has no matrix of weights; give one of 0, 2"),
        ("shape", "shape is (2, 3); give (height, width) of 4 pixels in all, or None"),
        ("pair", "np.int64(1)); give one example as an array, such as data.inputs[0]"),
        ("data set", "image is a Dataset; give one example as an array, such as data.inputs[0]"),
        ("several", "image has shape (4, 2, 2), but the network takes (4,); give one example, such as data.inputs[0]"),
        ("nan", "image holds nan; give finite numbers"),
        ("scale", "inputs are uint8, and this network does not know how its inputs were scaled"),
    ],
)
def test_what_a_bad_call_is_told(bad, call, sentence):
    with pytest.raises((TypeError, ValueError), match=re.escape(sentence)):
        bad[call]()


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=re.escape('Matplotlib is needed to draw pictures; pip install "jnndl[exp')):
        plots.history(history_of(3))


# Where pictures are shown.


def test_a_figure_shows_itself_where_pyplot_is_not_imported():
    program = (
        "import sys, numpy as np, jnndl\n"
        "history = jnndl.measures.History(*np.ones((6, 3)))\n"
        "figure = jnndl.plots.history(history)\n"
        "assert figure._repr_png_().startswith(b'\\x89PNG')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_figure_is_one_of_matplotlib_and_can_be_written(tmp_path):
    figure = plots.confusion([[9, 1], [0, 8]])
    assert isinstance(figure, Figure)
    for ending in ("png", "svg", "pdf"):
        figure.savefig(tmp_path / f"confusion.{ending}")
        assert (tmp_path / f"confusion.{ending}").stat().st_size > 1000
