# %% [markdown]
# # Chapter 5: why deep networks are hard to train
#
# A companion to [chapter 5](http://neuralnetworksanddeeplearning.com/chap5.html) of Michael Nielsen's book. It takes
# about 30 minutes. You watch the gradient fade on its way back through the layers, find out why, make it explode for a
# change, and try what keeps it alive.
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
from jnndl import costs, equations, neurons
from jnndl.layers import Affine

digits = jnndl.load_digits()
pixels = int(np.prod(digits.training.inputs.shape[1:]))
thousand = digits.training[:1000]


def deep(hidden_layers, **kind):
    """A network with so many hidden layers of 30 neurons each."""
    return jnndl.mlp([pixels, *[30] * hidden_layers, 10], **kind)


print(deep(4).summary())

# %% [markdown]
# ## 1. More layers, better?
#
# Chapter 4 showed that one hidden layer can compute anything. With more layers a network can build ideas on ideas, as a
# circuit does. So [let us add layers](http://neuralnetworksanddeeplearning.com/chap5.html#the_vanishing_gradient_problem).
# Three networks of each depth are trained, in the same way:

# %%
recipe = {"learning_rate": 0.5, "l2": 0.1, "gradient": "backprop", "measure_training": 0, "progress": False}
plt.figure(figsize=(6, 3.2))
for depth, dash in zip((1, 2, 3), ("-", "--", "-."), strict=True):
    many = jnndl.fit_many(
        deep(depth),
        digits.training,
        digits.validation,
        keys=jax.random.split(jax.random.key(0), 3),
        epochs=15,
        **recipe,
    )
    accuracy = 100 * many.history.evaluation_accuracy.mean(axis=0)
    plt.plot(accuracy, dash, label=f"hidden layers: {depth}")
    print(f"hidden layers: {depth}; {accuracy[4]:.1f} % after 5 epochs, {accuracy[-1]:.1f} % after 15")
plt.xlabel("epoch")
plt.ylabel("validation accuracy (%), mean of three")
plt.legend(fontsize=9)
plt.show()

# %% [markdown]
# The deeper the network, the later it starts to learn. On MNIST, with 42 times as many images, all of them get under way
# in the first epoch. There one to four hidden layers gave 96.46 +- 0.11, 96.87 +- 0.17, 96.47 +- 0.21 and 96.19 +- 0.38 %
# after 30 epochs (ten seeds): a second layer helps, the next ones do not.
#
# **Change:** add a fourth hidden layer, `(1, 2, 3, 4)` and one dash more, and take `epochs=80`. Do the deepest networks
# catch up?
#
# <details><summary>Answer</summary>
#
# Yes. Three hidden layers are at 86.2 % after 15 epochs and at 97.0 % after 40. Four are at 16.8 % after 15, at 62.4 % after
# 40, and at 96.9 % after 80. They learn in the end, but nothing is gained for the wait.
#
# </details>
#
# ## 2. How fast each layer learns
#
# How fast does a layer change? Take $\delta^l = \partial C / \partial b^l$, the errors of chapter 2 averaged over the
# images. Its length says how fast the biases of layer $l$ learn, and the weights are much the same. **In the library:**
# `jnndl.backprop` gives the gradient of every layer. Here is a network that has learned nothing yet:


# %%
def speeds(objective, params, data):
    """The length of delta in each layer, the first one first; also a probe for `fit`."""
    gradient = jnndl.backprop(objective)(params, data, len(data), None)
    return jnp.stack([jnp.linalg.norm(layer.bias) for layer in gradient])


network = deep(4)
params = network.init(0)
found = speeds(jnndl.Objective(network), params, thousand)
for number, speed in enumerate(found[:-1], start=1):
    print(f"hidden layer {number}: {speed:.5f}")
print(f"the last hidden layer is {found[-2] / found[0]:.0f} times as fast as the first")

gradient = jnndl.backprop(jnndl.Objective(network))(params, thousand, len(thousand), None)
figure, axes = plt.subplots(1, 4, figsize=(8, 2.2), sharey=True)
for number, panel in enumerate(axes):
    panel.bar(range(30), gradient[number].bias)
    panel.set_title(f"hidden layer {number + 1}", fontsize=9)
    panel.set_xlabel("neuron")
axes[0].set_ylabel("delta")
plt.show()

# %% [markdown]
# Each layer is a few times slower than the one above it. The first layer, which has to make sense of the pixels, learns
# slowest of all. And it stays so: a *probe* is measured after each epoch of a run. As in the book, a step uses all 1,000
# images at once.

# %%
run = jnndl.fit(
    network,
    thousand,
    key=0,
    epochs=300,
    learning_rate=0.1,
    batch_size=1000,
    l2=5.0,
    params=params,
    probe=speeds,
    measure_training=0,
    progress=False,
)
plt.figure(figsize=(6, 3.2))
for number, dash in enumerate(("-", "--", "-.", ":")):
    plt.semilogy(run.history.probe[number], dash, label=f"hidden layer {number + 1}")
plt.xlabel("epoch")
plt.ylabel("length of delta")
plt.legend(fontsize=9)
plt.show()
ratio = run.history.probe[3] / run.history.probe[0]
print(f"last over first hidden layer: {ratio[0]:.0f} after the first epoch, {ratio[-1]:.0f} after the last")

# %% [markdown]
# On MNIST with four hidden layers it is a factor of about 100 at the start, as the book says: a mean of
# $10^{2.13 \pm 0.12}$ in ten seeds; each layer was slower than the next in every one of 500 epochs.
#
# **Change:** `deep(8)` in place of `deep(4)` (and `ratio` from `probe[7]`). How many times slower is the first layer?
#
# <details><summary>Answer</summary>
#
# Before anything is learned, 80,600 times: a factor of about 5 for each layer, and that seven times. The first layer as good
# as stands still.
#
# </details>
#
# ## 3. Why: a product of small numbers
#
# Take the simplest deep network, [one neuron in each layer](http://neuralnetworksanddeeplearning.com/chap5.html#what's_causing_the_vanishing_gradient_problem_unstable_gradients_in_deep_neural_nets).
# For three hidden layers ([equation 122](http://neuralnetworksanddeeplearning.com/chap5.html#eqtn122)):
#
# $$\frac{\partial C}{\partial b_1} = \sigma'(z_1) \, w_2 \sigma'(z_2) \, w_3 \sigma'(z_3) \, w_4 \sigma'(z_4) \,
# \frac{\partial C}{\partial a_4}.$$
#
# It is BP2 three times and BP1 once, with numbers in place of matrices. So the chain can be made of `equations.bp1` and
# `equations.bp2`:

# %%
chain = jnndl.mlp([1, 1, 1, 1, 1], weight_init="large")
numbers = chain.init(1)
x, y = jnp.array([0.7]), jnp.array([0.0])
zs, a = [], x
for w, b in numbers:
    zs.append(w @ a + b)
    a = neurons.sigmoid.forward(zs[-1])

delta = equations.bp1(zs[3], a - y, neurons.sigmoid)
print(f"dC/db4 = {delta[0]: .6f}")
for number in (2, 1, 0):
    slope = neurons.sigmoid.backward(zs[number], jnp.ones(1))[0]
    weight = numbers[number + 1].weight
    delta = equations.bp2(weight, delta, zs[number], neurons.sigmoid)
    print(f"dC/db{number + 1} = {delta[0]: .6f}, a factor of {weight[0, 0] * slope: .3f}")

lesson = jnndl.Dataset(x[None], y[None])
found = jnndl.autodiff(jnndl.Objective(chain, costs.quadratic))(numbers, lesson, 1, None)
print("by jax.grad:", f"{found[0].bias[0]: .6f}")

# %% [markdown]
# The sigmoid's slope is at most 1/4, and a weight of the usual size is around 1. So a factor is hardly ever as large as 1.
# A hundred thousand random chains:

# %%
rng = np.random.default_rng(0)
a = np.full(100_000, 0.7)
factors = []
for _ in range(4):
    w, b = rng.normal(size=(2, len(a)))
    z = w * a + b
    a = 1 / (1 + np.exp(-z))
    factors.append(np.abs(w) * a * (1 - a))  # |w sigma'(z)|
plt.figure(figsize=(6, 2.6))
plt.hist(np.concatenate(factors), bins=100, density=True)
plt.axvline(0.25, color="black", linestyle="--", label="1/4")
plt.xlabel("size of a factor")
plt.ylabel("density")
plt.legend()
plt.show()
print(f"largest factor {np.max(factors):.2f}, median {np.median(factors):.3f}")
for length in (1, 2, 3, 4):
    print(f"product of {length}: median {np.median(np.prod(factors[:length], axis=0)):.1e}")

# %% [markdown]
# With many neurons in a layer the numbers become matrices
# ([equation 124](http://neuralnetworksanddeeplearning.com/chap5.html#eqtn124)):
#
# $$\delta^l = \Sigma'(z^l) (w^{l+1})^T \Sigma'(z^{l+1}) (w^{l+2})^T \ldots \Sigma'(z^L) \nabla_a C.$$
#
# The entries of the diagonal matrices $\Sigma'$ are slopes of sigmoids, so at most 1/4 again. **In the library:**
# `equations.delta_by_matrices`.

# %%
image = thousand[:1].examples((pixels,), float)[0]
target = jax.nn.one_hot(int(thousand.targets[0]), 10)
zs, a = [], image
for w, b in params:
    zs.append(w @ a + b)
    a = neurons.sigmoid.forward(zs[-1])
weights = [layer.weight for layer in params]
delta = equations.delta_by_matrices(zs, weights[1:], a - target, [neurons.sigmoid] * 5)
one = jnndl.backprop(jnndl.Objective(network, costs.quadratic))(params, thousand[:1], 1, None)
print("the same as backpropagation:", np.allclose(delta, one[0].bias, rtol=1e-3, atol=1e-9))

# %% [markdown]
# **Change:** make the weights of the chain larger, `2 * rng.normal(...)`, and then `8 * rng.normal(...)`, so that
# $w$ beats the 1/4. Does that help?
#
# <details><summary>Answer</summary>
#
# No. With weights twice as large the largest factor is 2.3, but only 0.6 % of all are above 1, and the median of the
# product of four is 1.3e-04, as before. With weights eight times as large it is 2.9e-11! Large weights also make $z$ large,
# and there the sigmoid is flat. But one product in a hundred is now above 0.016: fading and exploding go together.
#
# </details>
#
# ## 4. Exploding
#
# A factor can be larger than 1: the weights are large, and the biases are such that each $z$ is near 0. The book takes
# $w = 100$ and $b = -100 a$, so that every factor is 25.

# %%
bad = []
a = 0.5
for _ in range(4):
    bad.append(Affine(jnp.array([[100.0]]), jnp.array([-100.0 * a])))
    a = 0.5  # as z = 0
found = jnndl.backprop(jnndl.Objective(chain, costs.quadratic))(
    tuple(bad), jnndl.Dataset(jnp.array([[0.5]]), jnp.array([[0.0]])), 1, None
)
for number, layer in enumerate(found, start=1):
    print(f"dC/db{number} = {layer.bias[0]:,.3f}")

# %% [markdown]
# So the gradient is *unstable*: a product of many numbers, which fades or explodes unless they happen to balance.
#
# ## 5. What helps
#
# The factor of a layer depends on the neuron and on the initial weights. Ten hidden layers, nothing learned yet:

# %%
he = jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2)  # weights of standard deviation sqrt(2/n_in)
kinds = {
    "sigmoid": {},
    "tanh": {"hidden": "tanh", "bias_init": "zeros"},
    "relu": {"hidden": "relu", "bias_init": "zeros"},
    "relu, He's weights": {"hidden": "relu", "weight_init": he, "bias_init": "zeros"},
}
plt.figure(figsize=(6, 3.2))
for (name, kind), dash in zip(kinds.items(), ("-", "--", "-.", ":"), strict=True):
    network = deep(10, **kind)
    found = [speeds(jnndl.Objective(network), network.init(seed), thousand)[:-1] for seed in range(3)]
    mean = np.exp(np.mean(np.log(np.array(found)), axis=0))
    plt.semilogy(range(1, 11), mean, dash, marker=".", label=name)
    print(f"{name}: a factor of {(mean[-1] / mean[0]) ** (1 / 9):.2f} from layer to layer")
plt.xlabel("hidden layer")
plt.ylabel("length of delta, mean of three")
plt.legend(fontsize=9)
plt.show()

# %%
for name in ("sigmoid", "relu, He's weights"):
    fit = jnndl.fit(
        deep(10, **kinds[name]),
        digits.training,
        digits.validation,
        key=0,
        epochs=5,
        **recipe | {"learning_rate": 0.05, "l2": 0.0},
    )
    print(f"{name}: {100 * fit.history.evaluation_accuracy[-1]:.1f} % with ten hidden layers after five epochs")

# %% [markdown]
# With sigmoids nothing is learned at all: 10 % and a little more is guessing. The same ten layers with rectified linear
# neurons, and weights that keep the signal's size, learn at once. On MNIST that difference is 85.1 +- 0.5 points after five epochs (ten
# seeds).
#
# **Change:** give He's weights to the sigmoid network: `"sigmoid": {"weight_init": he}`. Are the weights alone enough?
#
# <details><summary>Answer</summary>
#
# No. The factor from layer to layer falls from 4.9 to 3.7, and after five epochs 13 % are right: still guessing. The neuron
# has to change, too: tanh without He's weights gets as far as 79 %.
#
# </details>
#
# ## Where to go from here
#
# - `python -m experiments ch5` measures all this on MNIST, with ten seeds each, and draws it.
# - Next is chapter 6: networks that see, and that are deep and can be trained all the same.
