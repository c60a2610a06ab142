# %% [markdown]
# # Chapter 2: backpropagation, and a layer of your own
#
# A companion to [chapter 2](http://neuralnetworksanddeeplearning.com/chap2.html) of Michael Nielsen's book. It takes
# about 45 minutes. First you take the four equations BP1 to BP4 one by one and check each of them. Then you write the
# way back of a layer yourself, and `jnndl.check_gradients` tells you what is still wrong.
#
# Run each cell with Shift and Enter, from the top. Where it says **Change**, change something and run the cell again;
# below it is a folded answer, which says what came out here.
#
# It runs on the 8x8 digits that come with scikit-learn. For the book's own data put `jnndl.load_mnist()` in place of
# `jnndl.load_digits()` in the first cell.

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
network = jnndl.mlp([pixels, 30, 10])
params = network.init(0)
print(network.summary())

# %% [markdown]
# ## 1. Forward, and what to keep
#
# Each layer computes the *weighted input* $z$ from the activations of the layer below, and from $z$ its own activation
# ([equation 25](http://neuralnetworksanddeeplearning.com/chap2.html#eqtn25)):
#
# $$z^l = w^l a^{l-1} + b^l, \qquad a^l = \sigma(z^l).$$
#
# **In the library:** `layers.Dense.forward`. It returns the activation, and keeps $a^{l-1}$ and $z^l$ for the way back.
# Here it is line by line, for one image. The cost is the quadratic one
# ([equation 26](http://neuralnetworksanddeeplearning.com/chap2.html#eqtn26)), $C = \frac{1}{2} \lVert y - a^L \rVert^2$
# for one image.

# %%
(w1, b1), (w2, b2) = params
x = digits.training[:1].examples((pixels,), float)[0]  # the first image, a vector of numbers from 0 to 1
label = int(digits.training.targets[0])
y = jax.nn.one_hot(label, 10)  # 1 for the right digit, 0 for the others

z1 = w1 @ x + b1
a1 = neurons.sigmoid.forward(z1)
z2 = w2 @ a1 + b2
a2 = neurons.sigmoid.forward(z2)
cost = 0.5 * jnp.sum((y - a2) ** 2)

print("a", label, "- the same as the network:", np.allclose(a2, network(params, x), atol=1e-6))
print(f"cost {cost:.4f}, and by the library {costs.quadratic.value(z2, y, neurons.sigmoid):.4f}")

# %% [markdown]
# ## 2. A slope by nudging
#
# How does the cost change with one weight? Nudge the weight, and see
# ([equation 46](http://neuralnetworksanddeeplearning.com/chap2.html#eqtn46)). Nudging it in both directions is more
# exact:
#
# $$\frac{\partial C}{\partial w_j} \approx \frac{C(w + \epsilon e_j) - C(w - \epsilon e_j)}{2 \epsilon}.$$
#
# No calculus is needed, so we can use it to test everything that follows. But it takes two passes through the network
# for every single weight.

# %%
objective = jnndl.Objective(network, costs.quadratic)
one = digits.training[:1]


def slope(nudged, eps=1e-2):
    """The slope of the cost; `nudged(eps)` returns the parameters, one number of them moved by eps."""
    return float((objective.mean_cost(nudged(eps), one) - objective.mean_cost(nudged(-eps), one)) / (2 * eps))


def nudge_weight(eps):
    return Affine(w1, b1), Affine(w2.at[3, 5].add(eps), b2)


print("slope of the cost by one weight:", f"{slope(nudge_weight):.6f}")
count = sum(leaf.size for leaf in jax.tree.leaves(params))
print(f"{count:,} weights and biases, so {2 * count:,} passes for all slopes of one image")

# %% [markdown]
# **Change:** make `eps` tiny, `slope(nudge_weight, 1e-6)`. Why does it get worse and not better?
#
# <details><summary>Answer</summary>
#
# The cost is a number of 32 bits, with about seven digits. The two costs then differ in the last of these digits only,
# and their difference is mostly rounding. Here the slope is 0.0337 at `eps=1e-2`, and 0 at `eps=1e-6`: the two costs are
# the same number. `jnndl.check_gradients` therefore takes its differences in 64 bits.
#
# </details>
#
# ## 3. BP1: the error of the output layer
#
# The trick of the chapter is to ask for another slope first: that of the cost by a weighted input. It is called the
# *error* of a neuron ([equation 29](http://neuralnetworksanddeeplearning.com/chap2.html#eqtn29)):
#
# $$\delta^l_j = \frac{\partial C}{\partial z^l_j}.$$
#
# For the output layer it follows from the chain rule
# ([BP1](http://neuralnetworksanddeeplearning.com/chap2.html#eqtnBP1)):
#
# $$\delta^L = \nabla_a C \odot \sigma'(z^L), \qquad \text{here } \nabla_a C = a^L - y.$$
#
# The sign $\odot$ means: multiply entry by entry. **In the library:** `equations.bp1`, and for a given cost the cost's
# own `delta`, `costs.quadratic.delta`.

# %%
delta2 = equations.bp1(z2, a2 - y, neurons.sigmoid)
print("the same as the cost's delta:", np.allclose(delta2, costs.quadratic.delta(z2, y, neurons.sigmoid), atol=1e-7))

# A bias is added to z, so nudging a bias nudges z: the slope has to be delta.
by_nudging = [slope(lambda eps, j=j: (Affine(w1, b1), Affine(w2, b2.at[j].add(eps)))) for j in range(10)]
width = 0.4
plt.figure(figsize=(6, 2.6))
plt.bar(np.arange(10) - width / 2, delta2, width, label="delta by BP1")
plt.bar(np.arange(10) + width / 2, by_nudging, width, label="by nudging")
plt.xticks(range(10))
plt.xlabel(f"output neuron (the right one is {label})")
plt.ylabel("error")
plt.legend()
plt.show()

# %% [markdown]
# One error is negative: that neuron should say more. All others should say less, those most that are most active and
# still on the steep part of the sigmoid.
#
# ## 4. BP2: from one layer to the layer below
#
# ([BP2](http://neuralnetworksanddeeplearning.com/chap2.html#eqtnBP2))
#
# $$\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l).$$
#
# Read it from right to left through the network. The transposed weights carry the errors back: a hidden neuron gets
# blame from each neuron that it feeds, in proportion to the weight between them. Then comes the slope of its own
# sigmoid. **In the library:** `equations.bp2`.

# %%
delta1 = equations.bp2(w2, delta2, z1, neurons.sigmoid)
by_nudging = [slope(lambda eps, j=j: (Affine(w1, b1.at[j].add(eps)), Affine(w2, b2))) for j in range(30)]
print("largest difference between BP2 and nudging:", f"{np.abs(delta1 - np.array(by_nudging)).max():.0e}")
print(f"size of the errors: {jnp.linalg.norm(delta2):.3f} in the output layer, {jnp.linalg.norm(delta1):.3f} below")

# %% [markdown]
# **Change:** leave the slope out, `delta1 = w2.T @ delta2`. How far off is it?
#
# <details><summary>Answer</summary>
#
# The largest difference is 0.13, where the largest right error is 0.03, and the whole vector is 5.4 times as long as it
# should be. The slope
# $\sigma'$ is at most 1/4, so leaving it out makes every error at least four times too large. Remember that factor: in
# chapter 5 it makes the gradients of deep networks vanish.
#
# </details>
#
# ## 5. BP3 and BP4: from errors to gradients
#
# The bias is simply added to $z$, so its slope is the error itself
# ([BP3](http://neuralnetworksanddeeplearning.com/chap2.html#eqtnBP3)). A weight multiplies an activation, so its slope is
# the error times that activation ([BP4](http://neuralnetworksanddeeplearning.com/chap2.html#eqtnBP4)):
#
# $$\frac{\partial C}{\partial b^l_j} = \delta^l_j, \qquad \frac{\partial C}{\partial w^l_{jk}} = a^{l-1}_k \delta^l_j.$$
#
# **In the library:** `equations.bp3` and `equations.bp4`.

# %%
gradient = (
    Affine(weight=equations.bp4(x, delta1), bias=equations.bp3(delta1)),
    Affine(weight=equations.bp4(a1, delta2), bias=equations.bp3(delta2)),
)
print("by BP4:", f"{gradient[1].weight[3, 5]:.6f}", " by nudging:", f"{slope(nudge_weight):.6f}")

shape = digits.training.inputs.shape[1:]
limit = float(jnp.abs(gradient[0].weight).max())
figure, axes = plt.subplots(1, 6, figsize=(7, 1.6))
axes[0].imshow(x.reshape(shape), cmap="Greys")
axes[0].set_title("image", fontsize=9)
for j, panel in enumerate(axes[1:]):
    panel.imshow(gradient[0].weight[j].reshape(shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
    panel.set_title(f"neuron {j}\ndelta {delta1[j]:.3f}", fontsize=9)
for panel in axes:
    panel.axis("off")
plt.show()

# %% [markdown]
# That is BP4 in a picture: the gradient of a hidden neuron's weights is the image itself, times the neuron's error. Red
# is positive. Where the image is blank the gradient is 0, and those weights learn nothing from this image.
#
# ## 6. Three ways to the same gradient
#
# `jnndl.backprop` does the above for a mini-batch, `jnndl.autodiff` lets JAX find the derivatives. Both return the
# gradient in the shape of the parameters.

# %%
for name, way in (("backprop", jnndl.backprop), ("autodiff", jnndl.autodiff)):
    found = way(objective)(params, one, 1, None)
    pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(found), strict=True)
    same = all(np.allclose(mine, theirs, atol=1e-6) for mine, theirs in pairs)
    print(f"{name} gives the same as the four equations: {same}")

# %% [markdown]
# Why go to the trouble, when nudging is so simple? Because of
# [the number of passes](http://neuralnetworksanddeeplearning.com/chap2.html#in_what_sense_is_backpropagation_a_fast_algorithm).
# Backpropagation goes forward once and back once, and has all slopes. The book puts that at about two forward passes. In
# this library's experiment `gradients` it took 3.7 +- 0.5 forward passes on two cores of a Xeon (ten runs), and nudging
# 0.94 of a pass for each weight: for the book's 23,860 parameters, more than 20,000 passes.
#
# ## 7. A mistake that is named
#
# Now the other way round: somebody writes a layer, and we want to know whether its way back is right. A layer here has
# three methods, `init`, `forward` and `backward`. `backward` gets a whole mini-batch of $m$ images, one row for each:
#
# | name | shape | what |
# | --- | --- | --- |
# | `a` | (m, n_in) | the activations from the layer below, as `forward` kept them |
# | `z` | (m, n_out) | the weighted inputs, as `forward` kept them |
# | `grad` | (m, n_out) | the slopes of the cost by this layer's activations |
# | returns `grad_a` | (m, n_in) | the slopes by the activations of the layer below |
# | returns `Affine(weight, bias)` | (n_out, n_in) and (n_out,) | the gradient, summed over the mini-batch |
#
# This one looks good. The sign of one line is wrong.


# %%
class Careless(jnndl.Dense):
    """A dense layer with a mistake on its way back."""

    def backward(self, params, saved, grad):
        a, z = saved
        delta = jax.vmap(self.neuron.backward)(z, grad)  # grad times sigma'(z), for each image
        return delta @ params.weight, Affine(weight=-delta.T @ a, bias=delta.sum(axis=0))


def check(layer):
    """Compare every gradient of a network with such a layer in it by hand, by jax.grad and by nudging."""
    layers = (jnndl.Dense(pixels, 12), layer(12, 11), jnndl.Dense(11, 10, "linear"))
    tried = jnndl.Network(layers, "sigmoid", (pixels,))
    return jnndl.check_gradients(jnndl.Objective(tried), tried.init(0), digits.training[:5], key=1)


print(check(Careless))

# %% [markdown]
# How to read the table: one row for each array of numbers that is learned. `norm` is the length of its gradient. Then
# come three comparisons: by hand with `jax.grad`, by hand with nudging, `jax.grad` with nudging. Where two of the three
# agree, the third is wrong. The last line is the one to look at: it names the layer, the array, and how far off it is,
# as a multiple of the right gradient's length.
#
# | off by | often means |
# | --- | --- |
# | 1.0e+00 | it is 0: something is missing |
# | 2.0e+00 | the sign is wrong |
# | 3 or more | a factor is missing, such as $\sigma'$ |
#
# ## 8. Your turn
#
# Here is a layer whose way back is still empty. Everything that `backward` returns is 0. Fill it in line by line, and run
# the cell after each line. Take BP3 first, then BP4, then the slope of the sigmoid, then the other half of BP2. All rows
# say `ok` when you are done.
#
# For a mini-batch, BP4 is a sum of outer products, one for each image. That sum is one matrix product; the shapes in the
# table above tell you which.


# %%
class Mine(jnndl.Dense):
    """A dense layer whose way back is mine."""

    def backward(self, params, saved, grad):
        a, z = saved
        delta = grad  # BP2: still without the slope of the neuron at z
        bias = jnp.zeros_like(params.bias)  # BP3
        weight = jnp.zeros_like(params.weight)  # BP4
        grad_a = jnp.zeros_like(a)  # BP2, for the layer below: the errors carried back by the weights
        return grad_a, Affine(weight, bias)


checked = check(Mine)
print(checked)
print("All right!" if checked.ok else f"{len(checked.faults)} faults left")

# %% [markdown]
# <details><summary>Hint 1: BP3</summary>
#
# The slope by a bias is the error, and the gradient is the sum over the mini-batch: `bias = delta.sum(axis=0)`. The line
# about the bias changes from `off by 1.0e+00` to `off by 3.7e+00`: no longer missing, but too large, because `delta` has no
# slope yet.
#
# </details>
#
# <details><summary>Hint 2: BP4</summary>
#
# `weight` has shape (n_out, n_in), `delta` (m, n_out), `a` (m, n_in). So `weight = delta.T @ a`. It is now off by 3.7, too.
#
# </details>
#
# <details><summary>Hint 3: the slope of the neuron</summary>
#
# `self.neuron.backward(z, grad)` multiplies by $\sigma'(z)$ for one image; `jax.vmap` does it for each row:
# `delta = jax.vmap(self.neuron.backward)(z, grad)`. It has to stand above the lines that use `delta`. Now only one fault
# is left: the gradient for the layer below.
#
# </details>
#
# <details><summary>Hint 4: the rest of BP2</summary>
#
# Column $k$ of the weights leads from neuron $k$ below to all neurons of this layer. For one image BP2 says
# $w^T \delta$; with images as rows that is `grad_a = delta @ params.weight`.
#
# </details>
#
# <details><summary>The whole answer</summary>
#
# ```python
# class Mine(jnndl.Dense):
#     """A dense layer whose way back is mine."""
#
#     def backward(self, params, saved, grad):
#         a, z = saved
#         delta = jax.vmap(self.neuron.backward)(z, grad)  # BP2: the slope of the neuron at z
#         bias = delta.sum(axis=0)  # BP3
#         weight = delta.T @ a  # BP4
#         grad_a = delta @ params.weight  # BP2: the errors carried back by the weights
#         return grad_a, Affine(weight, bias)
# ```
#
# It is what `layers.Dense.backward` does, line for line.
#
# </details>
#
# Do you see that all faults are in *your* layer? The layer below it inherits its mistakes, and its rows in the table are
# wrong too. But each rule is also checked by itself, so only the one that is wrong is named.
#
# ## 9. Learn with it
#
# The way back is what learning needs. This cell trains a network with your layer, once it is right.

# %%
if checked.ok:
    layers = (Mine(pixels, 30), jnndl.Dense(30, 10, "linear"))
    fit = jnndl.fit(
        jnndl.Network(layers, "sigmoid", (pixels,)),
        digits.training,
        digits.validation,
        key=0,
        epochs=10,
        learning_rate=0.5,
        gradient="backprop",  # by your equations
        progress="lines",
    )
else:
    print("Not yet: section 8 first.")

# %% [markdown]
# <details><summary>What comes out</summary>
#
# With the right `backward`: 288 of the 300 validation images after ten epochs, in every digit the same as with
# `jnndl.Dense`. You have written what trains neural networks.
#
# </details>
#
# **Change:** leave the slope of the neuron out again, `delta = grad`, and train without asking: `if True:`. What does the
# mistake do?
#
# <details><summary>Answer</summary>
#
# Less than you may think, and that is the trouble. With five keys the right layer ends at 288 to 291 of 300, and the wrong
# one at 280 to 287. The direction is roughly right, so it learns; nobody would look for a mistake. With the wrong sign of
# section 7, though, it stays at chance, 25 to 36 of 300. A wrong gradient can look like bad luck. That is why to check.
#
# </details>
#
# ## Where to go from here
#
# - [Equation BP1 with matrices](http://neuralnetworksanddeeplearning.com/chap2.html#the_four_fundamental_equations_behind_backpropagation):
#   the book's problem writes the four equations with matrices only; `equations.delta_by_matrices` is its answer.
# - Give a layer to `check(...)` that does something else: `CONTRIBUTING.md` has one that only scales its input.
# - `python -m experiments gradients` checks 25 networks, with every neuron, cost and penalty.
# - Next is chapter 3: how to make a network learn faster and better.
