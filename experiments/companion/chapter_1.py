# %% [markdown]
# # Chapter 1: neurons, a network, and your own handwriting
#
# A companion to [chapter 1](http://neuralnetworksanddeeplearning.com/chap1.html) of Michael Nielsen's book. It takes
# about 40 minutes. You build a circuit from perceptrons, roll downhill, train the book's first network, look inside it,
# and let it read a digit of your own.
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
shape = digits.training.inputs.shape[1:]  # of an image: (8, 8)
pixels = int(np.prod(shape))
print(len(digits.training), "training images of", pixels, "pixels")

# %% [markdown]
# ## 1. A perceptron decides
#
# A [perceptron](http://neuralnetworksanddeeplearning.com/chap1.html#perceptrons) weighs its inputs, adds a bias $b$, and
# fires if the result is above 0 ([equation 2](http://neuralnetworksanddeeplearning.com/chap1.html#eqtn2)):
#
# $$\text{output} = 1 \text{ if } w \cdot x + b > 0, \text{ else } 0.$$
#
# **In the library:** `neurons.step`. The layer, `layers.Dense`, computes the sum $z = w \cdot x + b$, which is called the
# *weighted input*. A network is only a description; its weights and biases are given to it. `Affine` holds those of one
# layer: a matrix with a row for each neuron, and a vector.

# %%
perceptron = jnndl.mlp([2, 1], output="step")
nand = (Affine(weight=jnp.array([[-2.0, -2.0]]), bias=jnp.array([3.0])),)
for x in ([0, 0], [0, 1], [1, 0], [1, 1]):
    print(x, "->", int(perceptron(nand, jnp.array(x, float))[0]))

# %% [markdown]
# That is NAND: it fires unless both inputs are on. Any circuit can be built from NAND gates. In a picture, a perceptron
# cuts the plane along a straight line:


# %%
def show_plane(network, params):
    """Colour the places where a network with two inputs fires, and mark the four corners."""
    side = np.linspace(-0.5, 1.5, 81)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    fires = jnndl.predict(network, params, points.astype(np.float32)).outputs.reshape(81, 81)
    plt.figure(figsize=(3, 3))
    plt.contourf(side, side, fires, levels=[-0.5, 0.5, 1.5], colors=["#ffffff", "#9ecae1"])
    for x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        on = float(network(params, jnp.array(x, float))[0]) > 0.5
        plt.plot(*x, "o" if on else "s", color="#0072B2" if on else "#D55E00", markersize=9)
    plt.title("blue and round: it fires", fontsize=9)
    plt.xlabel("x1")
    plt.ylabel("x2")
    plt.show()


show_plane(perceptron, nand)

# %% [markdown]
# **Change:** find weights and a bias for OR, which fires if at least one input is on. Then try XOR, which fires if
# exactly one is on.
#
# <details><summary>Answer</summary>
#
# OR: weights 2 and 2, bias -1. The weighted inputs of the four corners are -1, 1, 1 and 3. XOR cannot be done: the two
# corners that should fire lie across from each other, and no straight line parts them from the other two.
#
# </details>
#
# With a layer between input and output XOR is possible. Two hidden perceptrons compute OR and NAND, and the last one
# fires if both do:

# %%
circuit = jnndl.mlp([2, 2, 1], hidden="step", output="step")
xor = (
    Affine(weight=jnp.array([[2.0, 2.0], [-2.0, -2.0]]), bias=jnp.array([-1.0, 3.0])),  # OR and NAND
    Affine(weight=jnp.array([[2.0, 2.0]]), bias=jnp.array([-3.0])),  # AND
)
show_plane(circuit, xor)

# %% [markdown]
# ## 2. A sigmoid neuron can be nudged
#
# Change a weight a little, and a perceptron's output stays the same, or flips. Learning needs an output that changes a
# little, too. So the step is smoothed
# ([equation 3](http://neuralnetworksanddeeplearning.com/chap1.html#eqtn3)):
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}}.$$
#
# **In the library:** `neurons.sigmoid`. Its `forward` is $\sigma$; its `backward` multiplies by the derivative
# $\sigma'$, and is written directly below it in `neurons.py`.

# %%
z = jnp.linspace(-6, 6, 200)
lines = {
    "step": neurons.step.forward(z),
    "sigmoid of z": neurons.sigmoid.forward(z),
    "sigmoid of 4z": neurons.sigmoid.forward(4 * z),
    "slope of the sigmoid of z": neurons.sigmoid.backward(z, jnp.ones_like(z)),
}
plt.figure(figsize=(6, 3))
for (label, line), dash in zip(lines.items(), ["-", "--", "-.", ":"], strict=True):
    plt.plot(z, line, dash, label=label)
plt.xlabel("weighted input z")
plt.ylabel("output")
plt.legend(fontsize=9)
plt.show()

# %% [markdown]
# The slope is a hill of height 1/4. Far from zero the sigmoid is flat: a nudge changes nothing there. That is called
# *saturation*, and it comes back in chapters 3 and 5.
#
# **Change:** multiply z by 20 in place of 4. What does a sigmoid neuron become if its weights are 20 times as large?
#
# <details><summary>Answer</summary>
#
# A perceptron. At z = 0.3 the sigmoid of 20z is already 0.998, and at -0.3 it is 0.002. Only at z = 0 do they differ: the
# sigmoid says 0.5 there, and the perceptron 0.
#
# </details>
#
# ## 3. A network computes
#
# The [book's first network](http://neuralnetworksanddeeplearning.com/chap1.html#a_simple_network_to_classify_handwritten_digits)
# has an input for each pixel, 30 hidden neurons, and ten outputs, one for each digit. Each layer computes its activations
# from the activations $a$ of the layer below
# ([equation 22](http://neuralnetworksanddeeplearning.com/chap1.html#eqtn22)):
#
# $$a' = \sigma(w a + b).$$
#
# **In the library:** `layers.Dense.forward`; for all layers it is the call `network(params, image)`. Chapter 1 draws all
# weights and biases at random, with mean 0 and standard deviation 1: `weight_init="large"`.

# %%
network = jnndl.mlp([pixels, 30, 10], weight_init="large")
params = network.init(0)
image = digits.training[:1].examples((pixels,), float)[0]  # numbers from 0 (paper) to 1 (ink)

a = image
for w, b in params:
    a = neurons.sigmoid.forward(w @ a + b)
print("by hand and by the network, the same:", np.allclose(a, network(params, image), atol=1e-5))

figure, axes = plt.subplots(2, 8, figsize=(7, 2.2))
answers = jnndl.predict(network, params, digits.training[:16]).labels
for panel, picture, target, answer in zip(
    axes.ravel(), digits.training.inputs, digits.training.targets, answers, strict=False
):
    panel.imshow(picture, cmap="Greys")
    panel.set_title(f"{target}, says {answer}", fontsize=8)
    panel.axis("off")
plt.show()

# %% [markdown]
# It has learned nothing yet, so it is right about one time in ten.
#
# ## 4. How wrong is it?
#
# The quadratic cost averages, over the $n$ training images $x$, half the squared distance between the outputs $a$ and
# what they should be, $y(x)$ ([equation 6](http://neuralnetworksanddeeplearning.com/chap1.html#eqtn6)):
#
# $$C(w, b) = \frac{1}{2n} \sum_x \lVert y(x) - a \rVert^2.$$
#
# **In the library:** `costs.quadratic` for one image; `jnndl.Objective` averages it. $y(x)$ is 1 for the right digit and
# 0 for the nine others.

# %%
cost = jnndl.Objective(network, costs.quadratic)
print(f"cost of the untrained network: {cost.mean_cost(params, digits.training):.3f}")
silent = (Affine(*map(jnp.zeros_like, params[0])), Affine(jnp.zeros((10, 30)), jnp.full(10, -5.0)))
print(f"cost of a network that always says nothing: {cost.mean_cost(silent, digits.training):.3f}")

# %% [markdown]
# ## 5. Downhill
#
# To make a cost smaller, take a small step against its gradient
# ([equations 10](http://neuralnetworksanddeeplearning.com/chap1.html#eqtn10) and
# [11](http://neuralnetworksanddeeplearning.com/chap1.html#eqtn11)):
#
# $$v \to v' = v - \eta \nabla C,$$
#
# with the *learning rate* $\eta$. The long bowl $C = v_1^2 + 4 v_2^2$ shows what the rate does:


# %%
def roll(rate, steps=12):
    """The path of a ball in the bowl."""
    slope = jax.grad(lambda v: v[0] ** 2 + 4 * v[1] ** 2)
    path = [jnp.array([-0.9, 0.6])]
    for _ in range(steps):
        path.append(path[-1] - rate * slope(path[-1]))
    return np.array(path)


v1, v2 = np.meshgrid(np.linspace(-1, 1, 61), np.linspace(-1, 1, 61))
plt.figure(figsize=(5, 4))
plt.contour(v1, v2, v1**2 + 4 * v2**2, levels=8, colors="#aaaaaa", linewidths=0.7)
for rate, dash in ((0.02, "o-"), (0.1, "s--"), (0.235, "^:")):
    plt.plot(*roll(rate).T, dash, markersize=4, label=f"rate {rate}")
plt.xlabel("v1")
plt.ylabel("v2")
plt.legend()
plt.show()

# %% [markdown]
# A rate that is too small creeps, and one that is too large jumps across.
#
# **Change:** what happens at rate 0.25, and at 0.26?
#
# <details><summary>Answer</summary>
#
# At 0.25 the ball jumps from $v_2 = 0.6$ to $-0.6$ and back for ever, as each step multiplies $v_2$ by
# $1 - 8 \cdot 0.25 = -1$. At 0.26 the factor is -1.08, and each jump is wider than the last: after 12 steps $v_2$ is 1.51.
# The cost grows without end, although every step goes downhill at first.
#
# </details>
#
# ## 6. Learning
#
# For the gradient of the cost all images would have to be looked at. An estimate from a *mini-batch* of ten is good
# enough, and 1,000 such steps are better than one exact one. That is
# [stochastic gradient descent](http://neuralnetworksanddeeplearning.com/chap1.html#learning_with_gradient_descent)
# ([equations 20](http://neuralnetworksanddeeplearning.com/chap1.html#eqtn20) and
# [21](http://neuralnetworksanddeeplearning.com/chap1.html#eqtn21)):
#
# $$w_k \to w_k - \frac{\eta}{m} \sum_j \frac{\partial C_{X_j}}{\partial w_k}, \qquad
# b_l \to b_l - \frac{\eta}{m} \sum_j \frac{\partial C_{X_j}}{\partial b_l}.$$
#
# One pass through all images, in a new random order each time, is an *epoch*. **In the library:** an epoch is
# `descent.epoch`, and `jnndl.fit` repeats it. Where the gradient comes from is chapter 2. After each epoch it prints how
# many of the validation images are right, as the book's program does. Those images are not learned from.

# %%
fit = jnndl.fit(
    network,
    digits.training,
    digits.validation,
    key=0,  # where all randomness comes from: the same key gives the same run
    epochs=20,
    learning_rate=3.0,
    batch_size=10,
    cost="quadratic",
    progress="lines",
)
jnndl.plots.history(fit)

# %% [markdown]
# **Change:** the rate to 0.01, and then to 100. Which of the paths in the bowl does each resemble?
#
# <details><summary>Answer</summary>
#
# At 0.01 it creeps: after 20 epochs 26 to 45 of 300 are right, which is hardly more than guessing (three keys). At 0.1 it
# is 159 to 174, and still rising. At 100 it jumps across, 25 to 40 of 300, and `fit` warns that the network stays at
# chance. On MNIST with 100 hidden neurons the rate 0.001 gave 22.3 +- 3.7 % after 30 epochs; with 30 hidden neurons the
# rate 100 gave 10.4 +- 1.5 % (ten seeds each).
#
# </details>
#
# **Change:** no hidden layer at all, `jnndl.mlp([pixels, 10], weight_init="large")`. And 100 hidden neurons?
#
# <details><summary>Answer</summary>
#
# Without a hidden layer 228 to 286 of 300 are right, depending on the key, with 100 hidden neurons 176 to 264, and with 30
# it is 289 to 291 (five keys each). More neurons, and worse! The book says that 100 neurons do better, but warns that
# results vary much. With these large initial weights whole digits are often lost: on MNIST, 100 neurons reached
# 81.1 +- 10.3 % at their best epoch, and 30 neurons 95.1 +- 0.2 % (ten seeds). Chapter 3 has the remedy.
#
# </details>
#
# ## 7. What it sees
#
# The weights of a hidden neuron are one number for each pixel, so they are a picture. Red pixels speak for it, blue ones
# against it.

# %%
jnndl.plots.weights(fit.network, fit.params, count=20)

# %% [markdown]
# They do not look like parts of digits. The network found something else that works. What it makes of one image, layer
# by layer:

# %%
jnndl.plots.activations(fit.network, fit.params, digits.test.inputs[0])

# %% [markdown]
# Now the test images, which were not used so far. A row is a digit, a column is the network's answer; off the diagonal
# are its mistakes.

# %%
result = jnndl.evaluate(fit.network, fit.params, digits.test, cost="quadratic")
print(f"{100 * result.accuracy:.1f} % of the test images are right")
jnndl.plots.confusion(result)

# %%
jnndl.plots.mistakes(fit.network, fit.params, digits.test, count=12)

# %% [markdown]
# **Change:** put `digits.training` in place of `digits.test` in the last two cells. Why is that number higher, and why
# should nobody be told it?
#
# <details><summary>Answer</summary>
#
# 98.7 % of the training images are right, and 98.0 % of the test images. The network has seen the answers of the former,
# so that number says little about new images. Here the gap is small; chapter 3 makes it large.
#
# </details>
#
# ## 8. Your own digit
#
# A photo is not what the network was trained on: it is larger, dark on light, and the digit is anywhere.
# `jnndl.read_digits` finds the digits and makes them ready as the training images were. The next cell draws a 3 with a
# thick pen on greyish paper, as a stand-in for your photo.

# %%
paper = np.full((120, 160), 0.85) + 0.03 * np.random.default_rng(0).normal(size=(120, 160))
rows, columns = np.mgrid[:120, :160]
for angle in np.linspace(-0.8 * np.pi, 0.5 * np.pi, 200):  # two arcs, one above the other
    for middle, turn in ((38, 0.0), (76, 0.3 * np.pi)):
        row, column = middle + 19 * np.sin(angle + turn), 80 + 17 * np.cos(angle + turn)
        paper[(rows - row) ** 2 + (columns - column) ** 2 < 20] = 0.15
plt.imsave("three.png", paper, cmap="gray", vmin=0, vmax=1)

white = 1 / digits.training.scale - (pixels == 784)  # the darkest pixel: 16 for the 8x8 digits, 255 for MNIST
box = 1 if pixels == 64 else 20 / 28  # the 8x8 digits fill their image; MNIST's have a margin
found = jnndl.read_digits("three.png", shape, white=white, box=box)
said = jnndl.predict(fit.network, fit.params, found)

figure, axes = plt.subplots(1, 3, figsize=(7, 2.2))
axes[0].imshow(paper, cmap="gray", vmin=0, vmax=1)
axes[0].set_title("the picture", fontsize=9)
axes[1].imshow(found[0], cmap="Greys")
axes[1].set_title("what the network sees", fontsize=9)
axes[2].bar(range(10), said.outputs[0])
axes[2].set_xticks(range(10))
axes[2].set_title(f"its outputs: it says {said.labels[0]}", fontsize=9)
axes[0].axis("off")
axes[1].axis("off")
plt.show()

# %% [markdown]
# **Change:** write a digit on paper, take a photo, put the file beside this notebook, and give its name in place of
# `"three.png"`. Several digits in a row work, too.
#
# <details><summary>Answer</summary>
#
# Most of the work is the preparation. Of 500 MNIST test digits made into photos, a network that reads 95.6 % of the
# original images reads 96.0 % when they are prepared like this, and 9.2 % when they are only made smaller
# (`python -m experiments photos`). At 8x8 pixels the network has less to go by, so expect more mistakes than that.
#
# </details>
#
# Or draw with the mouse: this writes a page with your network in it. Open it in a browser.

# %%
jnndl.save_page("draw.html", fit.network, fit.params)
print("Now open draw.html, beside this notebook.")

# %% [markdown]
# ## Where to go from here
#
# - `jnndl.save("my.safetensors", fit.network, fit.params)` keeps the network; `jnndl.load` reads it again.
# - `python -m experiments ch1` runs all of the chapter's experiments on MNIST, with ten seeds each.
# - Next is chapter 2: where the gradient comes from.
