# %% [markdown]
# # Chapter 3: learning faster, and learning what matters
#
# A companion to [chapter 3](http://neuralnetworksanddeeplearning.com/chap3.html) of Michael Nielsen's book. It takes
# about 45 minutes. You see a neuron that is badly wrong and does not learn, a network that learns its images by heart,
# and the four remedies: another cost, regularisation, better initial weights, and a search for good settings.
#
# Run each cell with Shift and Enter, from the top. Where it says **Change**, change something and run the cell again;
# below it is a folded answer, which says what came out here.
#
# It runs on the 8x8 digits that come with scikit-learn. For the book's own data put `jnndl.load_mnist()` in place of
# `jnndl.load_digits()` in the first cell; training then takes minutes.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import jnndl
from jnndl import costs, neurons
from jnndl.layers import Affine

digits = jnndl.load_digits()
pixels = int(np.prod(digits.training.inputs.shape[1:]))
print(len(digits.training), "training images of", pixels, "pixels")


def draw(lines, xlabel, ylabel, x=None, ylim=None):
    """Plot labelled lines, each with a different dash."""
    plt.figure(figsize=(6, 3.2))
    for (label, y), dash in zip(lines.items(), ["-", "--", "-.", ":"] * 2, strict=False):
        plt.plot(np.arange(len(y)) if x is None else x, y, dash, label=label)
    plt.xlabel(xlabel)
    plt.ylabel(ylabel)
    plt.ylim(ylim)  # None: as they are
    plt.legend(fontsize=9)
    plt.show()


# %% [markdown]
# ## 1. Badly wrong, and stuck
#
# One neuron with one input, which is always 1. It should learn to say 0. It starts at $w = b = 2$, where it says 0.98, so
# it could hardly be more wrong. A person learns fastest then. Look what the neuron does with the quadratic cost:

# %%
start = (Affine(jnp.full((1, 1), 2.0), jnp.full((1,), 2.0)),)
lesson = jnndl.Dataset(jnp.ones((1, 1)), jnp.zeros((1, 1)))
one_by_one = {"key": 0, "epochs": 300, "learning_rate": 0.15, "batch_size": 1, "params": start, "progress": False}


def what_it_says(objective, params, data):
    """A probe: `fit` calls it after each epoch and keeps what it returns."""
    return objective.network(params, data.inputs[0])[0]


said = {}
for cost in ("quadratic", "cross_entropy"):
    fit = jnndl.fit(jnndl.mlp([1, 1]), lesson, cost=cost, probe=what_it_says, **one_by_one)
    said[cost] = fit.history.probe
draw(said, "epoch", "what the neuron says")

# %% [markdown]
# Why? By BP1 the slope of the quadratic cost has the factor $\sigma'(z)$
# ([equation 55](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn55)), and the sigmoid is flat at 0.98:
#
# $$\frac{\partial C}{\partial w} = (a - y) \, \sigma'(z) \, x.$$
#
# The *cross-entropy* is made so that the factor cancels
# ([equations 57](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn57) and
# [61](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn61)):
#
# $$C = -[\, y \ln a + (1 - y) \ln (1 - a) \,], \qquad \frac{\partial C}{\partial w} = (a - y) \, x.$$
#
# The more wrong the neuron is, the faster it learns. **In the library:** `costs.quadratic` and `costs.cross_entropy`, each
# with its `delta` under its `value`. Both are computed from $z$ and not from $a$, which keeps them accurate where $a$ is
# almost 0 or 1.

# %%
z, target = jnp.linspace(-6, 6, 121), jnp.zeros(1)
errors = {
    cost.name: jax.vmap(lambda z, cost=cost: cost.delta(z[None], target, neurons.sigmoid)[0])(z)
    for cost in (costs.quadratic, costs.cross_entropy)
}
draw(errors, "weighted input z of a neuron that should say 0", "error delta", x=z)

# %% [markdown]
# **Change:** start at $w = 0.6$, $b = 0.9$, as the book does first. Does the choice of cost still matter?
#
# <details><summary>Answer</summary>
#
# Less. The neuron then starts at 0.82, on the steep part. After 100 epochs it says 0.21 with the quadratic cost and 0.04
# with the cross-entropy; from $w = b = 2$ it was 0.96 and 0.04.
#
# </details>
#
# A layer of *softmax* neurons says probabilities, which add up to 1
# ([equation 78](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn78)). Its cost is the *log-likelihood* of the
# right class ([equation 80](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn80)):
#
# $$a_j = \frac{e^{z_j}}{\sum_k e^{z_k}}, \qquad C = -\ln a_y, \qquad \delta = a - y \text{ again}.$$
#
# **In the library:** `neurons.softmax` and `costs.log_likelihood`.

# %%
z = jnp.array([2.5, -1.0, 3.2, 0.5])  # the book's four sliders
y = jnp.array([0.0, 0.0, 1.0, 0.0])
print("probabilities", np.array(neurons.softmax.forward(z), float).round(3))
print("delta        ", np.array(costs.log_likelihood.delta(z, y, neurons.softmax), float).round(3))

# %% [markdown]
# ## 2. Learning by heart
#
# A network with thousands of weights can learn fifty images by heart
# ([overfitting](http://neuralnetworksanddeeplearning.com/chap3.html#overfitting_and_regularization)). Here are fifty, and
# chapter 1's large initial weights.

# %%
few = digits.training[:50]
large = jnndl.mlp([pixels, 30, 10], weight_init="large")
same = {"key": 2, "epochs": 300, "learning_rate": 2.0, "progress": False}
overfit = jnndl.fit(large, few, digits.validation, **same)
jnndl.plots.history(overfit, title="Fifty images")

# %%
cost = overfit.history.evaluation_cost
accuracy = 100 * overfit.history.evaluation_accuracy
best = int(cost.argmin())
print(f"lowest validation cost {cost[best]:.3f} after epoch {best}, where the accuracy is {accuracy[best]:.1f} %")
print(f"after the last epoch the cost is {cost[-1]:.3f}, and the accuracy {accuracy[-1]:.1f} %")
draw({"closer": cost}, "epoch", "cost of the validation images", ylim=(1.0, 1.8))

# %% [markdown]
# Look at the cost of the validation images. It falls, and then it rises for the rest of the run, while the cost of the
# training images goes to 0. The accuracy stands still meanwhile. What gets worse? The network becomes surer and surer,
# also where it is wrong; the accuracy does not show that, as it asks only which output is the largest. The book sees the
# same with 1,000 images of MNIST: the cost is lowest at epoch 15 of 400.
#
# **Change:** 1,000 images, `digits.training[:1000]`, and 60 epochs.
#
# <details><summary>Answer</summary>
#
# The lowest cost is 0.152 now, and the last one 0.167, after 60 epochs: it still rises, but far below. 97.3 % are right.
# More data are the best remedy of all, where they can be had.
#
# </details>
#
# ## 3. L2 regularisation: large weights cost something
#
# ([Equation 87](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn87))
#
# $$C = C_0 + \frac{\lambda}{2n} \sum_w w^2.$$
#
# Now the network keeps a weight large only if that pays. **In the library:** `regularizers.penalty`, with its gradient,
# `regularizers.add_penalty_gradient`, below it. Biases cost nothing. To `fit` it is the setting `l2`, the book's
# $\lambda$.

# %%
with_l2 = jnndl.fit(large, few, digits.validation, l2=0.05, **same)
draw(
    {"without": overfit.history.evaluation_cost, "with l2=0.05": with_l2.history.evaluation_cost},
    "epoch",
    "cost of the validation images",
    ylim=(1.0, 1.8),
)
for name, fit in (("without", overfit), ("with   ", with_l2)):
    weights = np.concatenate([np.ravel(layer.weight) for layer in fit.params])
    last = 100 * fit.history.evaluation_accuracy[-1]
    print(f"{name}: {last:.1f} % right, a typical weight is {np.sqrt(np.mean(weights**2)):.2f}")

# %% [markdown]
# The cost now rises far less, and the weights are half as large. Where does that come from? Each step first makes every
# weight smaller by a factor
# ([equation 93](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn93)):
#
# $$w \to \left(1 - \frac{\eta \lambda}{n}\right) w - \frac{\eta}{m} \sum_x \frac{\partial C_x}{\partial w}.$$
#
# The factor can be seen by itself. The weight of a pixel that is blank in all images has no other gradient:

# %%
blank = np.asarray(few.inputs).reshape(len(few), -1).max(axis=0) == 0
before = large.init(3)
after = jnndl.fit(large, few, digits.validation, l2=0.05, params=before, **same | {"epochs": 100}).params
ratio = after[0].weight[:, blank] / before[0].weight[:, blank]
steps = 100 * len(few) // 10  # a hundred epochs, ten images in each mini-batch
print(f"{blank.sum()} blank pixels; their weights shrank to {ratio.mean():.4f} of what they were")
print(f"by the equation: {(1 - 2.0 * 0.05 / len(few)) ** steps:.4f}")

# %% [markdown]
# **Change:** try `l2=0.005` and `l2=5` in the cell before. Then `l1=0.05` in place of `l2=0.05`: what does L1 do to the
# weights ([equation 95](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn95))?
#
# <details><summary>Answer</summary>
#
# With `l2=0.005` the last cost is 1.23, with 0.05 it is 1.11, and without it was 1.44. With 5 nothing is learned: the typical
# weight shrinks to 0.002, and 11 % is guessing. L1 makes weights vanish: with `l1=0.05`, 81 % of all weights end below 0.01
# in size, and with `l2=0.05` 5 %. It keeps the few connections that matter.
#
# </details>
#
# ## 4. Dropout: half of the network at a time
#
# [Dropout](http://neuralnetworksanddeeplearning.com/chap3.html#other_techniques_for_regularization) silences a random
# half of the hidden neurons in each step, so that none can rely on another. It is a layer of its own, so the network is
# written down layer by layer. The last one is linear, because the output neuron is given to the network.

# %%
layers = (jnndl.Dense(pixels, 100), jnndl.Dropout(0.5), jnndl.Dense(100, 10, "linear"))
dropout = jnndl.Network(layers, "sigmoid", (pixels,))
print(dropout.summary())

two_hundred = digits.training[:200]
settings = {"key": 2, "epochs": 200, "learning_rate": 0.5, "progress": False}
without = jnndl.fit(jnndl.mlp([pixels, 100, 10]), two_hundred, digits.validation, **settings)
dropped = jnndl.fit(dropout, two_hundred, digits.validation, **settings)
draw(
    {"without": without.history.evaluation_cost, "with dropout": dropped.history.evaluation_cost},
    "epoch",
    "cost of the validation images",
    ylim=(0.3, 1.0),
)
for name, fit in (("without", without), ("with   ", dropped)):
    last = [np.mean(line[-20:]) for line in (fit.history.evaluation_cost, 100 * fit.history.evaluation_accuracy)]
    print(f"{name}: cost {last[0]:.3f}, {last[1]:.1f} % right, mean of the last 20 epochs")

# %% [markdown]
# The cost is lower. The accuracy is no better here, with so few images and neurons.
# On MNIST with 30 epochs, dropout gains 0.40 +- 0.18 points on a network of 100 hidden neurons, and 0.31 +- 0.13 points
# on top of L2 (ten seeds).
#
# **Change:** `Dropout(0.8)`, which silences four of five.
#
# <details><summary>Answer</summary>
#
# The cost ends at 0.52 in place of 0.50, and 91.2 % are right in place of 92.5 % (means of three keys, last 20 epochs). That
# is too much, for a hundred neurons.
#
# </details>
#
# ## 5. Where a neuron starts
#
# With weights of standard deviation 1, the weighted input of a neuron with many inputs is far from zero before anything
# is learned. That is where the sigmoid is flat
# ([weight initialisation](http://neuralnetworksanddeeplearning.com/chap3.html#weight_initialization)). Dividing the
# weights by $\sqrt{n_{in}}$ brings it back to the steep middle. **In the library:** `initializers.large` and
# `initializers.default`.

# %%
images = digits.training[:500].examples((pixels,), float)
edges = np.linspace(-15, 15, 61)
spread, slopes = {}, {}
for name in ("large", "default"):
    w, b = jnndl.mlp([pixels, 30, 10], weight_init=name).init(1)[0]
    z = np.asarray(images) @ np.asarray(w).T + np.asarray(b)
    spread[name] = np.histogram(z, edges, density=True)[0]
    slopes[name] = float((1 / (2 + np.exp(z) + np.exp(-z))).mean())  # sigma'(z)
draw(spread, "weighted input z of the hidden neurons", "density", x=(edges[1:] + edges[:-1]) / 2)
print("mean slope, at most 0.25:", {name: round(slope, 3) for name, slope in slopes.items()})

# %% [markdown]
# On MNIST, with 784 inputs, that is a head start: the first epoch gives 87.2 +- 0.4 % from large weights and 92.7 +- 0.2 %
# from small ones. After 30 epochs it is 96.2 and 96.5 % (ten seeds).
#
# **Change:** is it the same here, with 64 inputs? Train five networks of each with `jnndl.fit_many`, as in section 8, at
# the rate 0.1, and look at the first epoch and at the fifteenth.
#
# <details><summary>Answer</summary>
#
# No! After the first epoch it is 53.7 % from large weights and 25.7 % from small ones; after the fifteenth, 93.1 and 94.3 %
# (means of five, with `l2=0.1`). With so few inputs even large weights leave the neurons on the slope, and large weights
# in the second layer carry larger errors back. A rule of thumb is worth a measurement.
#
# </details>
#
# **Change:** let everything start at zero, `jnndl.mlp([pixels, 30, 10], weight_init="zeros", bias_init="zeros")`, and train
# it on all images. Why does it learn so little?
#
# <details><summary>Answer</summary>
#
# All hidden neurons start the same, get the same gradient, and stay the same: after 15 epochs at the rate 0.5 their weights
# differ by exactly 0, and 34 % of the validation images are right, as with one neuron. With zero weights and the usual
# random biases the neurons differ from the start, and it is 96.3 %.
#
# </details>
#
# ## 6. Choosing the settings
#
# [How to choose](http://neuralnetworksanddeeplearning.com/chap3.html#how_to_choose_a_neural_network's_hyper-parameters)
# the learning rate and $\lambda$? Try, on a small part of the problem, in factors of ten, and look at validation data.
# `jnndl.sweep` trains every combination with the same seeds, all in one program.

# %%
found = jnndl.sweep(
    jnndl.mlp([pixels, 30, 10]),
    digits.training,
    digits.validation,
    learning_rate=[0.01, 0.1, 1.0, 10.0],
    l2=[0.0, 0.1, 1.0, 10.0],
    seeds=3,
    epochs=8,
    progress=False,
)
print("the best:", {name: found.best()[name] for name in ("learning_rate", "l2")})
jnndl.plots.heat(found)

# %% [markdown]
# The rate matters most. $\lambda$ hardly matters here, as long as it is not too large. So it does not take luck, only a
# look over several powers of ten.
#
# **Change:** look closer, `learning_rate=[0.2, 0.5, 1.0, 2.0]` and `l2=[0.0, 0.03, 0.1, 0.3]`. How sure can you be of the
# winner?
#
# <details><summary>Answer</summary>
#
# The best is rate 2.0 with l2 0.0 or 0.1, at 97.0 %, and twelve of the sixteen cells are within one point of it. The standard
# deviations go up to 1.0 points, so three seeds cannot tell these apart. And the best of sixteen flatters itself: that is why
# the winner is measured on test images.
#
# </details>
#
# ## 7. Momentum
#
# A ball that rolls keeps its speed ([equations 107](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn107) and
# [108](http://neuralnetworksanddeeplearning.com/chap3.html#eqtn108)):
#
# $$v \to v' = \mu v - \eta \nabla C, \qquad w \to w' = w + v'.$$
#
# If the gradient stays the same, the speed grows to $1/(1 - \mu)$ times the plain step. So compare momentum 0.9 with plain
# descent at ten times the rate, too:

# %%
lines = {}
for label, rate, momentum in (("rate 0.02", 0.02, 0.0), ("rate 0.02, momentum 0.9", 0.02, 0.9), ("rate 0.2", 0.2, 0.0)):
    run = jnndl.fit(
        jnndl.mlp([pixels, 30, 10]),
        digits.training,
        key=0,
        epochs=15,
        learning_rate=rate,
        momentum=momentum,
        progress=False,
    )
    lines[label] = run.history.training_cost
draw(lines, "epoch", "cost of the training images")

# %% [markdown]
# Two lines lie on each other. While the steps are small, momentum 0.9 is as good as ten times the rate, and no better. On
# MNIST no difference was found either: after the first epoch the costs differed by 0.007 +- 0.013 (ten seeds).
#
# **Change:** `momentum=0.99`, and an optimiser of another library, `optimizer=optax.adam` with `learning_rate=0.003`
# (after `import optax`).
#
# <details><summary>Answer</summary>
#
# Costs after the first, fifth and fifteenth epoch: momentum 0.9 has 2.85, 0.95 and 0.36; 0.99 has 3.16, 0.77 and 0.54: it
# overshoots, catches up, and then cannot settle. Adam has 3.08, 1.54 and 0.48 at that rate.
#
# </details>
#
# ## 8. All of it together
#
# Chapter 3's recipe: small initial weights, cross-entropy, $\eta = 0.5$, and $\lambda = 5$ for 50,000 images, which is the
# same $\lambda / n$ here. One run is one random draw, so five are trained, in one program. Only now are the test images
# used.

# %%
recipe = jnndl.fit_many(
    jnndl.mlp([pixels, 30, 10]),
    digits.training,
    digits.validation,
    keys=jax.random.split(jax.random.key(0), 5),
    epochs=20,
    learning_rate=0.5,
    l2=5.0 * len(digits.training) / 50_000,
    progress=False,
)
tested = [100 * jnndl.evaluate(recipe.network, one.params, digits.test).accuracy for one in recipe]
print(f"test accuracy {np.mean(tested):.2f} % +- {np.std(tested, ddof=1):.2f}, five networks")
jnndl.plots.history(recipe, unit="seeds")

# %% [markdown]
# ## Where to go from here
#
# - `patience=10` stops a run after ten epochs without improvement, and `halve_after=10` halves the rate first.
# - `hidden="tanh"` or `hidden="relu"` for other neurons.
# - `python -m experiments ch3` runs the chapter's experiments on MNIST, with ten seeds each; `experiments/RESULTS.md` has
#   what came out.
# - Next is chapter 4: what a network can compute at all.
