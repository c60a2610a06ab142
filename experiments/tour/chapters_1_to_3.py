# %% [markdown]
# # From a perceptron to a trained network
#
# A walk through chapters 1 to 3 of Michael Nielsen's
# [*Neural Networks and Deep Learning*](http://neuralnetworksanddeeplearning.com), in which every idea is run. Each section
# names the function of `jnndl` that holds its equation; open that file beside this page, it is short. Each section ends
# with something to change. The second half follows the order of the notebooks that people write while reading chapter 3:
# initial weights, costs, gradients, regularisation, training.
#
# It runs on the 8x8 digits that come with scikit-learn, in about a minute. For the book's own data put
# `jnndl.load_mnist()` where the digits are loaded; training then takes minutes.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import jnndl
from jnndl import costs, gradients, initializers, neurons
from jnndl.data import Dataset
from jnndl.layers import Affine

digits = jnndl.load_digits()
pixels = int(np.prod(digits.training.inputs.shape[1:]))
print(len(digits.training), "training images of", pixels, "pixels")


def draw(lines, xlabel, ylabel, x=None):
    """Plot labelled lines, each with a different dash."""
    for (label, y), dash in zip(lines.items(), ["-", "--", "-.", ":"] * 2, strict=False):
        plt.plot(np.arange(len(y)) if x is None else x, y, dash, label=label)
    plt.xlabel(xlabel)
    plt.ylabel(ylabel)
    plt.legend()
    plt.show()


# %% [markdown]
# ## 1. A perceptron decides
#
# A perceptron weighs its inputs and fires if the sum exceeds a threshold. With the bias $b$, which is minus the
# threshold,
#
# $$\text{output} = 1 \text{ if } w \cdot x + b > 0, \text{ else } 0.$$
#
# **In the library:** `neurons.step`. The layer, `layers.Dense`, computes the sum $z = w \cdot x + b$, the
# *weighted input*. A network only describes; its weights are passed to it.

# %%
perceptron = jnndl.mlp([2, 1], output=neurons.step)
nand = (Affine(weight=jnp.array([[-2.0, -2.0]]), bias=jnp.array([3.0])),)
for x in ([0, 0], [0, 1], [1, 0], [1, 1]):
    print(x, "->", int(perceptron(nand, jnp.array(x, float))[0]))

# %% [markdown]
# That is NAND, from which any circuit can be built. A perceptron cuts the plane along a straight line:

# %%
side = np.linspace(-0.5, 1.5, 101)
grid = jnp.stack(jnp.meshgrid(side, side), axis=-1)
fires = jax.vmap(jax.vmap(lambda x: perceptron(nand, x)[0]))(grid)
plt.contourf(side, side, fires, levels=[-0.5, 0.5, 1.5], colors=["#ffffff", "#9ecae1"])
plt.scatter([0, 0, 1], [0, 1, 0], c="#0072B2", label="fires")
plt.scatter([1], [1], c="#D55E00", marker="s", label="does not")
plt.xlabel("x1")
plt.ylabel("x2")
plt.legend()
plt.show()

# %% [markdown]
# **Change:** find weights and a bias for OR. Then try XOR, and convince yourself that no straight line does it.
#
# ## 2. A sigmoid neuron can be nudged
#
# Change a weight a little, and a perceptron's output stays the same, or flips. Learning needs an output that changes a
# little, too. So the step is smoothed:
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}}.$$
#
# **In the library:** `neurons.sigmoid`, whose `forward` is $\sigma$ and whose `backward` is its derivative, written
# directly below it.

# %%
z = jnp.linspace(-6, 6, 200)
draw(
    {
        "step": neurons.step.forward(z),
        "sigmoid": neurons.sigmoid.forward(z),
        "sigmoid of 4z": neurons.sigmoid.forward(4 * z),
        "slope of the sigmoid": neurons.sigmoid.backward(z, jnp.ones_like(z)),
    },
    "weighted input z",
    "output",
    x=z,
)

# %% [markdown]
# The slope is a hill of height 1/4: far from zero, in *saturation*, a nudge changes nothing. Remember that hill: it comes
# back in sections 6 and 7.
#
# **Change:** multiply z by 20. What does a sigmoid neuron become if its weights are 20 times as large?
#
# ## 3. A network computes
#
# Each layer computes its activations from the activations $a$ of the layer below:
#
# $$a' = \sigma(w a + b),$$
#
# with one row of $w$ for each neuron (chapter 2, equation 25). **In the library:** `layers.Dense.forward`; from input to
# output it is `Network.__call__`.

# %%
network = jnndl.mlp([pixels, 30, 10], weight_init=initializers.large)
params = network.init(jax.random.key(0))
image = digits.training[:1].examples(network.input_shape, float)[0]

a = image
for w, b in params:
    a = neurons.sigmoid.forward(w @ a + b)
print("by hand and by the network, the same:", np.allclose(a, network(params, image), atol=1e-6))

shape = digits.training.inputs.shape[1:]
plt.imshow(image.reshape(shape), cmap="Greys")
plt.title(f"a {digits.training.targets[0]}; the untrained network says {int(a.argmax())}")
plt.axis("off")
plt.show()

# %% [markdown]
# ## 4. Gradient descent goes downhill
#
# How wrong is the network? The quadratic cost averages, over the training images, half the squared distance from what
# the outputs $a$ should be, $y$:
#
# $$C = \frac{1}{2n} \sum_x \lVert y - a \rVert^2.$$
#
# To make a cost smaller, take a small step against its gradient: $v \to v - \eta \nabla C$, with the *learning rate*
# $\eta$. The long bowl $C = v_1^2 + 4 v_2^2$ shows how:


# %%
def roll(rate, steps=12):
    """The path of a ball in the bowl."""
    slope = jax.grad(lambda v: v[0] ** 2 + 4 * v[1] ** 2)
    path = [jnp.array([-0.9, 0.6])]
    for _ in range(steps):
        path.append(path[-1] - rate * slope(path[-1]))
    return np.array(path)


v1, v2 = np.meshgrid(np.linspace(-1, 1, 61), np.linspace(-1, 1, 61))
plt.contour(v1, v2, v1**2 + 4 * v2**2, levels=8, colors="#aaaaaa", linewidths=0.7)
for rate, dash in ((0.02, "o-"), (0.1, "s--"), (0.235, "^:")):
    plt.plot(*roll(rate).T, dash, markersize=4, label=f"rate {rate}")
plt.xlabel("v1")
plt.ylabel("v2")
plt.legend()
plt.show()

# %% [markdown]
# A rate that is too small creeps, and one that is too large jumps across. **Change:** what happens at rate 0.25, and at 0.26?
#
# For a network the gradient over all images would be expensive, and an estimate from a *mini-batch* of ten is enough:
# that is stochastic gradient descent. One pass over all images, in a new order each time, is an *epoch*. **In the library:** the
# cost is `costs.quadratic`, an epoch is `descent.epoch`, and `fit` repeats it.

# %%
fit = jnndl.fit(
    network,
    digits.training,
    digits.validation,
    key=jax.random.key(0),
    epochs=20,
    learning_rate=3.0,
    batch_size=10,
    cost=costs.quadratic,
    progress="lines",
)
draw(
    {"training": 100 * fit.history.training_accuracy, "validation": 100 * fit.history.evaluation_accuracy},
    "epoch",
    "accuracy (%)",
)

# %% [markdown]
# **Change:** the rate to 0.01, and to 100. Which of the paths in the bowl does each resemble?
#
# ## 5. Backpropagation: where the gradient comes from
#
# Write $\delta^l$ for how the cost of one image changes with the weighted input $z^l$ of layer $l$. Four equations
# (chapter 2) give everything:
#
# | | | in the library |
# |---|---|---|
# | BP1 | $\delta^L = \nabla_a C \odot \sigma'(z^L)$ | `costs.quadratic.delta` |
# | BP2 | $\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)$ | `layers.Dense.backward`, with `neurons.sigmoid.backward` |
# | BP3 | $\partial C / \partial b^l = \delta^l$ | `layers.Dense.backward` |
# | BP4 | $\partial C / \partial w^l = \delta^l (a^{l-1})^T$ | `layers.Dense.backward` |
#
# Here they are for one image, one line for each; below they are compared with the library's two gradients.

# %%
(w1, b1), (w2, b2) = params
y = jax.nn.one_hot(int(digits.training.targets[0]), 10)

z1 = w1 @ image + b1  # forward; keep what the backward pass needs
a1 = neurons.sigmoid.forward(z1)
z2 = w2 @ a1 + b2

delta2 = costs.quadratic.delta(z2, y, neurons.sigmoid)  # BP1
delta1 = neurons.sigmoid.backward(z1, w2.T @ delta2)  # BP2
by_hand = (Affine(jnp.outer(delta1, image), delta1), Affine(jnp.outer(delta2, a1), delta2))  # BP4 and BP3

objective = gradients.Objective(network, costs.quadratic)
one = digits.training[:1]
for name, gradient in (("backprop", gradients.backprop), ("autodiff", gradients.autodiff)):
    found = gradient(objective)(params, one, 1, None)
    apart = [
        float(jnp.linalg.norm(h - g)) for h, g in zip(jax.tree.leaves(by_hand), jax.tree.leaves(found), strict=True)
    ]
    print(f"{name}: the largest distance of an array is {max(apart):.1e}")

# %% [markdown]
# A third way needs no calculus at all: nudge one weight, and see how the cost changes. It is slow (two passes for every
# single weight), but good for finding mistakes.

# %%
nudge = 1e-2
costs_at = [
    float(objective.mean_cost((Affine(w1, b1), Affine(w2.at[3, 5].add(by), b2)), one)) for by in (nudge, -nudge)
]
print("nudged:", (costs_at[0] - costs_at[1]) / (2 * nudge), " by BP4:", float(by_hand[1].weight[3, 5]))

# %% [markdown]
# **Change:** leave $\sigma'$ out of BP2 (`delta1 = w2.T @ delta2`) and run the two cells again. Then make `nudge` tiny,
# 1e-6: why does it get worse?
#
# ## 6. Where a neuron starts: initial weights
#
# With weights of standard deviation 1, the weighted input of a neuron with many inputs is far from zero before anything
# is learned, where the slope is almost 0. Dividing by $\sqrt{n_{in}}$ brings it back to the steep middle.
#
# **In the library:** `initializers.large` and `initializers.default`.

# %%
x = digits.training[:500].examples((pixels,), float)
edges = np.linspace(-15, 15, 61)
middle = (edges[1:] + edges[:-1]) / 2
spread, slopes = {}, {}
for name in ("large", "default"):
    w, b = jnndl.mlp([pixels, 30, 10], weight_init=initializers.INITIALIZERS[name]).init(jax.random.key(1))[0]
    z = np.asarray(x @ w.T + b[None])
    spread[name] = np.histogram(z, edges, density=True)[0]
    slopes[name] = float(jax.vmap(neurons.sigmoid.backward)(jnp.asarray(z), jnp.ones(z.shape)).mean())
draw(spread, "weighted input z of the hidden neurons", "density", x=middle)
print("mean slope of the hidden neurons (at most 1/4):", slopes)

# %% [markdown]
# **Change:** give `bias_init=initializers.zeros` to `mlp`, or `weight_init=jax.nn.initializers.zeros`. Why can a network
# whose weights all start at zero not tell its hidden neurons apart?
#
# ## 7. Costs: what counts as wrong, and how much
#
# By BP1 the quadratic cost's error carries the factor $\sigma'(z)$: a neuron that is badly wrong *and* saturated learns
# slowest. The cross-entropy,
#
# $$C = -[\, y \ln a + (1 - y) \ln (1 - a) \,],$$
#
# is chosen so that the factor cancels: $\delta = a - y$. The more wrong a neuron is, the faster it learns.
#
# **In the library:** `costs.quadratic` and `costs.cross_entropy`, each with its `delta` under its `value`. Both are computed
# from $z$ rather than $a$, which keeps them accurate in saturation.

# %%
z, target = jnp.linspace(-6, 6, 121), jnp.zeros(1)
errors = {
    cost.name: jax.vmap(lambda z, cost=cost: cost.delta(z[None], target, neurons.sigmoid)[0])(z)
    for cost in (costs.quadratic, costs.cross_entropy)
}
draw(errors, "weighted input z of a neuron whose target is 0", "error delta", x=z)

# %% [markdown]
# One neuron, one example: input 1, target 0. It starts at $w = b = 2$, where its output is 0.98.

# %%
start = (Affine(jnp.full((1, 1), 2.0), jnp.full((1,), 2.0)),)
lesson = Dataset(jnp.ones((1, 1)), jnp.zeros((1, 1)))
said = {}
for cost in (costs.quadratic, costs.cross_entropy):
    history = jnndl.fit(
        jnndl.mlp([1, 1]),
        lesson,
        key=jax.random.key(0),
        epochs=200,
        learning_rate=0.15,
        batch_size=1,
        cost=cost,
        params=start,
        progress=False,
    ).history
    c = history.training_cost
    said[cost.name] = np.sqrt(2 * c) if cost is costs.quadratic else 1 - np.exp(-c)
draw(said, "epoch", "output")

# %% [markdown]
# **Change:** start at $w = b = 0.5$. Does the choice of cost still matter? The softmax output with
# `costs.log_likelihood` has the same $\delta = a - y$: look it up in `costs.py`.
#
# ## 8. Regularisation: against learning by heart
#
# With few images a network can learn all of them by heart, and do badly on others. L2 regularisation makes large
# weights cost something,
#
# $$C = C_0 + \frac{\lambda}{2n} \sum_w w^2,$$
#
# so that each step first shrinks them by the factor $1 - \eta\lambda/n$. **In the library:** `regularizers.penalty`, with
# its gradient `regularizers.add_penalty_gradient` below it; biases are not penalised.

# %%
few = digits.training[:100]
curves = {}
for l2 in (0.0, 0.1):
    history = jnndl.fit(
        jnndl.mlp([pixels, 30, 10], weight_init=initializers.large),
        few,
        digits.validation,
        key=jax.random.key(2),
        epochs=100,
        learning_rate=0.5,
        l2=l2,
        progress=False,
    ).history
    curves[f"validation, lambda {l2}"] = 100 * history.evaluation_accuracy
    curves[f"training, lambda {l2}"] = 100 * history.training_accuracy
draw(curves, f"epoch, {len(few)} images", "accuracy (%)")

# %% [markdown]
# The factor can be seen: a weight from a pixel that is dark in all images is changed by the penalty alone.

# %%
dark = np.asarray(few.inputs).reshape(len(few), -1).max(axis=0) == 0
before = network.init(jax.random.key(3))
rest = {"key": jax.random.key(0), "epochs": 10, "learning_rate": 0.5, "l2": 1.0, "params": before, "progress": False}
after = jnndl.fit(network, few, digits.validation, **rest).params
ratio = after[0].weight[:, dark] / before[0].weight[:, dark]
updates = 10 * len(few) // 10
print("weights of dark pixels shrank to", float(ratio.mean()), "; expected", (1 - 0.5 * 1.0 / len(few)) ** updates)

# %% [markdown]
# **Change:** more images, `digits.training[:1000]`: how much of the difference is left? Use `l1=` instead of `l2=`, or put
# `jnndl.Dropout(0.5)` between two `Dense` layers.
#
# ## 9. Training it all together
#
# Chapter 3's recipe: default weights, cross-entropy, $\eta = 0.5$, $\lambda = 5.0$ for 50,000 images, which is the same
# $\lambda/n$ here. One run is one random draw, so five networks are trained at once. **In the library:** `fit_many`.

# %%
recipe = jnndl.mlp([pixels, 30, 10])
many = jnndl.fit_many(
    recipe,
    digits.training,
    digits.validation,
    keys=jax.random.split(jax.random.key(0), 5),
    epochs=20,
    learning_rate=0.5,
    l2=5.0 * len(digits.training) / 50_000,
    progress="lines",
)
accuracy = 100 * many.history.evaluation_accuracy
plt.plot(accuracy.T, color="#0072B2", alpha=0.35)
plt.plot(accuracy.mean(axis=0), color="black", linestyle="--", label="mean of five networks")
plt.xlabel("epoch")
plt.ylabel("validation accuracy (%)")
plt.legend()
plt.show()
print(f"last epoch: {accuracy[:, -1].mean():.2f} % +- {accuracy[:, -1].std(ddof=1):.2f}")

# %% [markdown]
# Test data are used only at the end, which is here:

# %%
best = jax.tree.map(lambda a: a[0], many.best_params)
result = jnndl.evaluate(recipe, best, digits.test)
print(f"test accuracy of the first network: {100 * result.accuracy:.2f} %")
outputs = jnndl.predict(recipe, best, digits.test)
wrong = np.flatnonzero(outputs.labels != digits.test.targets)[:5]
for place, i in enumerate(wrong):
    plt.subplot(1, 5, place + 1)
    plt.imshow(digits.test.inputs[i], cmap="Greys")
    plt.title(f"{digits.test.targets[i]} read as {outputs.labels[i]}")
    plt.axis("off")
plt.show()

# %% [markdown]
# ## Where to go from here
#
# - `hidden=neurons.tanh` or `neurons.relu`; `output=neurons.softmax` with `cost=costs.log_likelihood`.
# - `momentum=0.9` at a tenth of the rate; `optimizer=optax.adam` at `learning_rate=0.003`; `patience=10`.
# - `gradient=gradients.backprop`: everything above, trained by the handwritten equations.
# - `python -m experiments` lists the book's own experiments, with many seeds each; `python -m experiments report` makes
#   the table of what came out.
