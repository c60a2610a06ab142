# %% [markdown]
# # Chapter 6: networks that see
#
# A companion to [chapter 6](http://neuralnetworksanddeeplearning.com/chap6.html) of Michael Nielsen's book. It takes
# about 40 minutes. You slide a filter over a digit by hand, pool its map, train a network of filters, look at what they
# found, make more images out of few, and let five networks vote.
#
# Run each cell with Shift and Enter, from the top. Where it says **Change**, change something and run the cell again;
# below it is a folded answer, which says what came out here.
#
# It runs on the 8x8 digits that come with scikit-learn. For the book's own data put `jnndl.load_mnist()` in place of
# `jnndl.load_digits()` in the first cell; the filters are then 5x5 as in the book, and training takes many minutes.

# %%
import dataclasses

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import jnndl
from jnndl.layers import Affine

digits = jnndl.load_digits()
side = digits.training.inputs.shape[1]  # 8, or 28
size = 3 if side == 8 else 5  # of a filter
image = digits.training[:1].examples((side, side, 1), float)[0]  # rows, columns, channels: one for a grey image
print("an image of shape", image.shape, "and filters of", size, "x", size)


def show(pictures, titles, signed=False):
    """Draw small images side by side."""
    limit = max(float(np.abs(np.asarray(picture)).max()) for picture in pictures)
    figure, axes = plt.subplots(1, len(pictures), figsize=(1.5 * len(pictures), 1.9))
    for panel, picture, title in zip(axes, pictures, titles, strict=True):
        look = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if signed else {"cmap": "Greys"}
        panel.imshow(picture, **look)
        panel.set_title(title, fontsize=9)
        panel.axis("off")
    plt.show()


# %% [markdown]
# ## 1. The same few weights at every place
#
# A dense layer forgets which pixels are neighbours. A
# [convolutional layer](http://neuralnetworksanddeeplearning.com/chap6.html#introducing_convolutional_networks) does not:
# each of its neurons sees a small window of the image, and all of them use the same weights. The neuron in row $j$ and
# column $k$ says ([equation 125](http://neuralnetworksanddeeplearning.com/chap6.html#eqtn125), with 3 for 5):
#
# $$\sigma \Big( b + \sum_{l=0}^{2} \sum_{m=0}^{2} w_{l,m} \, a_{j+l,\,k+m} \Big).$$
#
# **In the library:** `jnndl.Conv`. Its weights have the shape (maps, rows, columns, channels). Here are three filters that
# nobody has learned, first by hand and then as a layer:

# %%
filters = np.zeros((3, size, size))
filters[0, :, 0], filters[0, :, -1] = -1, 1  # dark on the right, light on the left: a vertical edge
filters[1, 0, :], filters[1, -1, :] = -1, 1  # a horizontal edge
filters[2] = 1 / size**2  # the mean of the window

a, w, b = np.asarray(image)[:, :, 0], filters[0], 0.0
by_hand = np.array(
    [[b + np.sum(w * a[j : j + size, k : k + size]) for k in range(side - size + 1)] for j in range(side - size + 1)]
)

layer = jnndl.Conv(1, 3, size, "linear")  # one channel in, three maps out
numbers = Affine(weight=jnp.asarray(filters[..., None], float), bias=jnp.zeros(3))
maps, _ = layer.forward(numbers, image)
print("by hand and by the layer, the same:", np.allclose(by_hand, maps[:, :, 0], atol=1e-5), "- maps of", maps.shape)
show([a, *np.moveaxis(np.asarray(maps), 2, 0)], ["image", "vertical edges", "horizontal edges", "mean"], signed=True)

# %% [markdown]
# Red is positive: the filter has found what it looks for. Blue is the opposite, an edge from dark to light.
#
# **Change:** a filter for diagonal strokes: `filters[2] = np.eye(size) - 1 / size`.
#
# <details><summary>Answer</summary>
#
# The map is red where a stroke runs from the upper left to the lower right, and near 0 inside of thick strokes and on
# blank paper, as the weights of the filter add up to 0.
#
# </details>
#
# The weights are shared, so there are few of them. In the book, 20 maps of 5x5 filters have 20 x 26 = 520 parameters; 30
# fully connected neurons on the same image have 23,550.
#
# ## 2. Pooling: about where
#
# Whether a stroke is one pixel further left hardly matters.
# [Max-pooling](http://neuralnetworksanddeeplearning.com/chap6.html#introducing_convolutional_networks) keeps the largest
# activation of each window of 2x2 and forgets where in the window it was. **In the library:** `jnndl.MaxPool`; there are
# `jnndl.AvgPool` and `jnndl.L2Pool`, too.

# %%
pool = jnndl.MaxPool(2)


def shifted(picture, down=0, right=0):
    """The picture moved by at most one pixel; what comes in is blank."""
    rows, columns = picture.shape[:2]
    wider = np.pad(picture, [(1, 1), (1, 1), (0, 0)][: picture.ndim])
    return wider[1 - down : 1 - down + rows, 1 - right : 1 - right + columns]


def activations(picture):
    found, _ = layer.forward(numbers, jnp.asarray(picture))
    return jax.nn.relu(found)


before, after = activations(image), activations(shifted(image, right=1))
pooled = [pool.forward((), maps)[0] for maps in (before, after)]
show(
    [before[:, :, 0], after[:, :, 0], pooled[0][:, :, 0], pooled[1][:, :, 0]],
    ["map", "image moved", "pooled", "pooled, moved"],
)
for name, (one, other) in {"before": (before, after), "after ": pooled}.items():
    print(f"{name} pooling the maps change by {jnp.linalg.norm(one - other) / jnp.linalg.norm(one):.0%}")

# %% [markdown]
# **Change:** `jnndl.AvgPool(2)`. Does the mean change more or less than the maximum?
#
# <details><summary>Answer</summary>
#
# A little more: by 53 %, where it was 48 % with the maximum. For the first 20 images together it is 60 and 57 %, and 57 % with
# `jnndl.L2Pool(2)`. So they hardly differ in this.
#
# </details>
#
# ## 3. A network that sees
#
# The book's [networks](http://neuralnetworksanddeeplearning.com/chap6.html#convolutional_neural_networks_in_practice) are
# written layer by layer. `pool` belongs to the convolution. `Flatten` makes one vector of all maps. At the end there is a
# softmax with the log-likelihood cost, as in chapter 3.

# %%
after_pooling = (side - size + 1) // 2
conv = jnndl.Network(
    (
        jnndl.Conv(1, 12, size, "relu", pool=jnndl.MaxPool(2)),
        jnndl.Flatten(),
        jnndl.Dense(12 * after_pooling**2, 10, "linear"),
    ),
    "softmax",
    (side, side, 1),
)
dense = jnndl.mlp([side**2, 30, 10], hidden="relu", output="softmax")
print(conv.summary())
print(dense.summary())

# %%
settings = {
    "keys": jax.random.split(jax.random.key(0), 5),
    "epochs": 20,
    "learning_rate": 0.1,
    "cost": "log_likelihood",
    "gradient": "backprop",  # by hand: BP1 to BP4 with shared weights
    "measure_training": 0,
    "progress": False,
}
trained = {}
for name, network in (("dense", dense), ("convolutional", conv)):
    trained[name] = jnndl.fit_many(network, digits.training, digits.validation, **settings)
    accuracy = 100 * trained[name].history.evaluation_accuracy[:, -1]
    print(f"{name}: {accuracy.mean():.2f} % +- {accuracy.std(ddof=1):.2f} of the validation images, five networks")

# %% [markdown]
# With half the parameters it is as good or better; the two spreads overlap. Small images leave little to gain. On MNIST at
# the book's length (60 epochs, 20 maps of 5x5, and 100 neurons above them) the convolution gains a full point:
# 98.75 +- 0.05 % of the test images, against 97.71 +- 0.11 % of the network without it (five seeds). It leaves 54 % of
# the errors.
#
# Is its gradient right? Chapter 2's check takes any network:

# %%
small = digits.training[:3]
checked = jnndl.check_gradients(jnndl.Objective(conv, "log_likelihood"), conv.init(0), small, key=1)
print(checked)

# %% [markdown]
# ## 4. What it sees
#
# The filters, and what they make of one image:

# %%
best = trained["convolutional"].best()
jnndl.plots.weights(best.network, best.best_params, columns=6)

# %%
jnndl.plots.activations(best.network, best.best_params, digits.test.inputs[0])

# %% [markdown]
# **Change:** look at other images, `digits.test.inputs[1]` and so on. Which maps answer to horizontal strokes, which to
# vertical ones? Compare with the filters above.
#
# <details><summary>Answer</summary>
#
# There is no order in them, and with another key other maps do the same work. But edges like those of section 1 are
# there: look for filters that are red on one side and blue on the other.
#
# </details>
#
# ## 5. More images out of few
#
# A digit that is moved by a pixel is still the same digit, and for the network it is a new image. Take 200 images and
# make five of each: itself, and moved up, down, left and right. That is
# [what the book does](http://neuralnetworksanddeeplearning.com/chap6.html#convolutional_neural_networks_in_practice) with
# all 50,000.

# %%
few = digits.training[:200]
moves = ({}, {"down": 1}, {"down": -1}, {"right": 1}, {"right": -1})
copies = [[shifted(picture, **move) for picture in np.asarray(few.inputs)] for move in moves]
expanded = dataclasses.replace(few, inputs=np.concatenate(copies), targets=np.tile(np.asarray(few.targets), len(moves)))
print(len(few), "images became", len(expanded))
show([group[0] for group in copies], ["itself", "down", "up", "right", "left"])

# %% [markdown]
# Or a layer does it while the network trains, anew for each image in each epoch. `jnndl.Distort` moves, turns, scales
# and, if asked, bends at random; once the network is used, it does nothing.

# %%
distort = jnndl.Distort(shift=side / 12, rotation=10, scale=0.1)
keys = jax.random.split(jax.random.key(0), 6)
show([image[:, :, 0], *(distort.forward((), image[:, :, 0], key)[0] for key in keys)], ["itself"] + 6 * ["distorted"])

with_distortions = dataclasses.replace(conv, layers=(distort, *conv.layers))
runs = {
    "200 images": (conv, few, 100),
    "five of each": (conv, expanded, 20),  # as many steps as the others
    "distorted anew": (with_distortions, few, 100),
}
for name, (network, data, epochs) in runs.items():
    many = jnndl.fit_many(network, data, digits.validation, **settings | {"epochs": epochs})
    accuracy = 100 * many.history.evaluation_accuracy[:, -1]
    print(f"{name}: {accuracy.mean():.2f} % +- {accuracy.std(ddof=1):.2f} of the validation images")

# %% [markdown]
# The five copies help. The random distortions do not, here: on an image of 8x8 pixels, a shift by half a pixel blurs every
# stroke. On MNIST both do: chapter 3's network of 100 hidden neurons, with 5,000 images, gained 1.67 +- 0.27 points by copies
# that are moved by a pixel, and distortions that bend the strokes 0.55 +- 0.26 points more than rotations alone (ten seeds).
#
# **Change:** stronger distortions, `rotation=40`. Do they help?
#
# <details><summary>Answer</summary>
#
# They harm: 90.27 % +- 1.61, where it was 93.27 % +- 1.09. A 6 that is turned far enough is no 6 any more.
#
# </details>
#
# ## 6. Its mistakes, and a vote
#
# Now the test images. These are the mistakes of one network. Would you have read them?

# %%
jnndl.plots.mistakes(best.network, best.best_params, digits.test, count=12)

# %% [markdown]
# Different networks make different mistakes. So let all five vote; a digit is what most of them say.

# %%
answers = np.array([jnndl.predict(one.network, one.params, digits.test).labels for one in trained["convolutional"]])
votes = np.array([np.bincount(column, minlength=10).argmax() for column in answers.T])
truth = np.asarray(digits.test.targets)
print("wrong, each network by itself:", (answers != truth).sum(axis=1))
print("wrong, the vote of all five:  ", (votes != truth).sum(), "of", len(truth))
same = (answers == answers[0]).all(axis=0)
print(f"all five agree on {same.sum()} images, and are wrong about {(votes != truth)[same].sum()} of these")

# %% [markdown]
# The book's last network, five of them voting, leaves 33 errors in MNIST's 10,000 test images.
#
# **Change:** three networks in place of five, `answers[:3]`, and the two kinds together: five dense ones and five
# convolutional ones.
#
# <details><summary>Answer</summary>
#
# Three leave 5 errors, as many as the five dense networks do by vote (which leave 6 to 9 each). All ten together leave 5,
# too: the dense ones outvote the better ones.
#
# </details>
#
# ## Where to go from here
#
# - Dropout between dense layers, several convolutions: the README has one of the book's networks in four
#   lines.
# - `python -m experiments ch6` runs the chapter's experiments at a small scale; `--scale book` at the book's, for hours.
# - That was the book, in code. `CONTRIBUTING.md` says how to add a neuron, a layer or an experiment.
