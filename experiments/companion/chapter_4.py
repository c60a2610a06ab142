# %% [markdown]
# # Chapter 4: build a function out of steps
#
# A companion to [chapter 4](http://neuralnetworksanddeeplearning.com/chap4.html) of Michael Nielsen's book. It takes
# about 40 minutes. Nothing is learned here until section 6: you choose every weight yourself, and build a network that
# computes a function as exactly as you like.
#
# Run each cell with Shift and Enter, from the top. Where it says **Change**, change something and run the cell again;
# below it is a folded answer, which says what came out here. There are no data in this chapter, so everything takes
# seconds.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import jnndl
from jnndl import neurons
from jnndl.layers import Affine

x = ((np.arange(400) + 0.5) / 400).astype(np.float32)  # 400 places from 0 to 1, none of them on an edge


def values(network, params, inputs=x):
    """What a network with one output says of many inputs."""
    points = inputs.reshape(len(inputs), -1)
    return jnndl.predict(network, params, points).outputs[:, 0]


def draw(lines, ylabel="output"):
    """Plot labelled functions of x, each with a different dash."""
    plt.figure(figsize=(6, 3.2))
    for (label, y), dash in zip(lines.items(), ["-", "--", "-.", ":"] * 2, strict=False):
        plt.plot(x, y, dash, label=label)
    plt.xlabel("x")
    plt.ylabel(ylabel)
    plt.legend(fontsize=9)
    plt.show()


# %% [markdown]
# ## 1. One neuron is a step
#
# Take [one sigmoid neuron with one input](http://neuralnetworksanddeeplearning.com/chap4.html#universality_with_one_input_and_one_output).
# The larger its weight $w$, the steeper it is; the bias $b$ moves it. The step is where $w x + b = 0$, at
#
# $$s = -b / w.$$
#
# **In the library:** `neurons.sigmoid` in a `layers.Dense`. The numbers are given as `Affine`.

# %%
neuron = jnndl.mlp([1, 1])
lines = {}
for w, b in ((8.0, -4.0), (30.0, -15.0), (100.0, -40.0), (999.0, -300.0)):
    params = (Affine(jnp.array([[w]]), jnp.array([b])),)
    lines[f"w = {w:.0f}, b = {b:.0f}: step at {-b / w:.2f}"] = values(neuron, params)
draw(lines)

# %% [markdown]
# **Change:** move the last step to 0.8, and turn it around so that it goes down.
#
# <details><summary>Answer</summary>
#
# Down means a negative weight: w = -999, b = 799.2. Then -b/w is 0.8 again.
#
# </details>
#
# ## 2. Two steps are a bump
#
# From now on a hidden neuron is described by the place of its step alone; its weight is 1,000. The output neuron adds the
# steps, each times a weight of its own. With the weights $+h$ and $-h$, a step up at $s_1$ and a step down at $s_2$ make
# a bump of height $h$.


# %%
def steps(places, heights, weight=1000.0):
    """The network that adds steps at these places, each times its height; and its parameters."""
    at, h = jnp.asarray(places, float), jnp.asarray(heights, float)
    network = jnndl.mlp([1, len(at), 1], output="linear")
    hidden = Affine(weight=jnp.full((len(at), 1), weight), bias=-weight * at)
    return network, (hidden, Affine(weight=h[None], bias=jnp.zeros(1)))


draw(
    {
        "steps at 0.4 and 0.6, heights 0.6 and 1.2": values(*steps([0.4, 0.6], [0.6, 1.2])),
        "heights 0.8 and -0.8: a bump": values(*steps([0.4, 0.6], [0.8, -0.8])),
        "with weight 50 the bump is soft": values(*steps([0.4, 0.6], [0.8, -0.8], weight=50.0)),
    }
)

# %% [markdown]
# **Change:** two bumps: -1.2 high from 0.4 to 0.6, and 0.3 high from 0.7 to 0.9. How many hidden neurons does that take?
#
# <details><summary>Answer</summary>
#
# Four: `steps([0.4, 0.6, 0.7, 0.9], [-1.2, 1.2, 0.3, -0.3])`. Each bump takes two.
#
# </details>
#
# ## 3. A function out of bumps
#
# This is the function that the book wants computed
# ([equation 113](http://neuralnetworksanddeeplearning.com/chap4.html#eqtn113)):
#
# $$f(x) = 0.2 + 0.4 x^2 + 0.3 x \sin(15 x) + 0.05 \cos(50 x).$$
#
# And this is the challenge: five bumps side by side, ten hidden neurons. The output neuron is a sigmoid, so what its sum
# should follow is $\sigma^{-1}(f(x))$. Choose the five heights so that the average distance is at most 0.40.


# %%
def f(x):
    return 0.2 + 0.4 * x**2 + 0.3 * x * np.sin(15 * x) + 0.05 * np.cos(50 * x)


def bumps(heights, weight=1000.0):
    """Bumps of these heights that share [0, 1] out equally."""
    n = len(heights)
    edges = np.arange(n + 1) / n
    places = np.stack([edges[:-1], edges[1:]], axis=1).ravel()
    return steps(places, np.stack([heights, np.negative(heights)], axis=1).ravel(), weight)


wanted = np.log(f(x) / (1 - f(x)))  # the inverse of the sigmoid
heights = [-1.0, -1.0, 0.0, 0.0, 1.0]
made = values(*bumps(heights))
print(f"score {np.abs(made - wanted).mean():.3f}; the challenge is 0.40")
draw({"wanted": wanted, "made of five bumps": made}, "weighted input of the output neuron")

# %% [markdown]
# **Change:** the five heights, until the score is 0.40 or less.
#
# <details><summary>Answer</summary>
#
# `heights = [-1.24, -1.42, -0.34, -0.98, 1.14]` scores 0.358, and no other heights score better: each is the value that
# the wanted function is above for half of its bump. (At the book's 100 places it is 0.372.)
#
# </details>
#
# Five bumps are rough. More are better, and nobody has to choose: give each the height of the function in its middle.

# %%
lines, errors = {"f": f(x)}, {}
for n in (5, 20, 80):
    middles = (np.arange(n) + 0.5) / n
    made = values(*bumps(f(middles), weight=20_000.0))
    lines[f"{n} bumps"] = made
    errors[n] = float(np.abs(made - f(x)).mean())
draw(lines)
print("mean error:", {n: round(error, 4) for n, error in errors.items()})
print("times the number of bumps:", {n: round(n * error, 2) for n, error in errors.items()})

# %% [markdown]
# Four times as many bumps, a quarter of the error. So the error can be made as small as you like, for any function
# without jumps. That is what [universality](http://neuralnetworksanddeeplearning.com/chap4.html#two_caveats) means. It
# says nothing about how to *find* such weights, nor how many neurons are needed.
#
# **Change:** another function, `def f(x): return np.abs(np.sin(9 * x))`, say. Then one with a jump, `(x > 0.37) * 1.0`.
#
# <details><summary>Answer</summary>
#
# The first is soon close: mean errors 0.240, 0.070 and 0.017 with 5, 20 and 80 bumps. For the jump they are 0.030, 0.020 and
# 0.005; but the largest error stays 1, at the places between the jump and the next edge. So the claim is for functions
# without jumps.
#
# </details>
#
# ## 4. Two inputs
#
# [With two inputs](http://neuralnetworksanddeeplearning.com/chap4.html#many_input_variables) a neuron that looks at $x$
# alone makes a wall. Two of them make a ridge along $y$, two that look at $y$ a ridge along $x$. Where the ridges cross,
# the sum is twice as high. A sigmoid output neuron with the bias $-3h/2$ lets only the crossing through: a tower.

# %%
side = 40
mesh = np.stack(np.meshgrid((np.arange(side) + 0.5) / side, (np.arange(side) + 0.5) / side), axis=-1)
points = mesh.reshape(-1, 2).astype(np.float32)


def ridges(box, h, bias, output):
    """Ridges of height h over x from x1 to x2 and y from y1 to y2; and the output neuron."""
    (x1, x2), (y1, y2) = box
    looks = 1000.0 * jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    hidden = Affine(weight=looks, bias=-1000.0 * jnp.array([x1, x2, y1, y2]))
    return jnndl.mlp([2, 4, 1], output=output), (hidden, Affine(jnp.array([[h, -h, h, -h]]), jnp.array([bias])))


box = ((0.4, 0.6), (0.3, 0.7))
surfaces = {
    "ridges, h = 0.3": ridges(box, 0.3, 0.0, "linear"),
    "h = 3, b = -4.5": ridges(box, 3.0, -4.5, "sigmoid"),
    "h = 10, b = -15": ridges(box, 10.0, -15.0, "sigmoid"),
}
figure = plt.figure(figsize=(8, 2.8))
for number, (label, (network, params)) in enumerate(surfaces.items()):
    panel = figure.add_subplot(1, 3, number + 1, projection="3d")
    panel.plot_surface(
        mesh[..., 0],
        mesh[..., 1],
        values(network, params, points).reshape(side, side),
        cmap="viridis",
        rcount=40,
        ccount=40,
    )
    panel.set_title(label, fontsize=9)
    panel.tick_params(labelsize=6)
plt.show()

# %% [markdown]
# **Change:** a bias of $-h/2$ in place of $-3h/2$, so `ridges(box, 10.0, -5.0, "sigmoid")`. What stands there now?
#
# <details><summary>Answer</summary>
#
# A cross. Now one ridge alone is enough: on a ridge the output neuron's input is 10 - 5 = 5, and the output 0.993. In
# words, the bias $-3h/2$ makes AND, and $-h/2$ makes OR.
#
# </details>
#
# ## 5. Many towers
#
# Towers side by side follow any function of two inputs. A second hidden layer has a tower for each place, and the output
# adds them, each times its height.


# %%
def towers(function, n, h=20.0):
    """n x n towers, each as high as the function in its middle; a network with two hidden layers."""
    edges, middles = np.arange(n + 1) / n, (np.arange(n) + 0.5) / n
    places = np.concatenate([edges, edges])
    looks = np.zeros((2 * (n + 1), 2))
    looks[: n + 1, 0] = looks[n + 1 :, 1] = 1000.0
    second = np.zeros((n * n, 2 * (n + 1)))
    for i in range(n):
        for j in range(n):
            tower = second[i * n + j]
            tower[[i, n + 1 + j]], tower[[i + 1, n + 2 + j]] = h, -h
    heights = function(*np.meshgrid(middles, middles, indexing="ij")).ravel()
    numbers = (looks, -1000.0 * places), (second, np.full(n * n, -1.5 * h)), (heights[None], np.zeros(1))
    params = tuple(Affine(jnp.asarray(w, jnp.float32), jnp.asarray(b, jnp.float32)) for w, b in numbers)
    return jnndl.mlp([2, 2 * (n + 1), n * n, 1], output="linear"), params


def landscape(x, y):
    return 0.5 + 0.3 * np.sin(6 * x) * np.cos(5 * y) + 0.2 * x * y


wanted = landscape(mesh[..., 0], mesh[..., 1])
figure, axes = plt.subplots(1, 4, figsize=(8, 2.3))
axes[0].imshow(wanted, origin="lower", cmap="viridis", vmin=0, vmax=1)
axes[0].set_title("wanted", fontsize=9)
for panel, n in zip(axes[1:], (5, 10, 20), strict=True):
    network, params = towers(landscape, n)
    made = values(network, params, points).reshape(side, side)
    panel.imshow(made, origin="lower", cmap="viridis", vmin=0, vmax=1)
    panel.set_title(f"{n} x {n} towers\nmean error {np.abs(made - wanted).mean():.3f}", fontsize=9)
for panel in axes:
    panel.axis("off")
plt.show()
print("the last one:", network)

# %% [markdown]
# **Change:** soft steps: put 100 in place of 1000 in `towers`, both times. Where does the picture break?
#
# <details><summary>Answer</summary>
#
# The finest one breaks: the mean errors become 0.057, 0.052 and 0.251, where they were 0.054, 0.027 and 0.013. A step of
# weight 100 takes about 0.1 to rise, and a tower of 20 x 20 is only 0.05 wide: its walls no longer reach the top.
#
# </details>
#
# ## 6. Let it learn instead
#
# So there is a network for the function. Does gradient descent find one? Ten hidden neurons, as in the challenge, from
# three random starts each. Adam is an optimiser of the library optax; any of its optimisers can be given to `fit`.

# %%
places = x[::2, None]
data = jnndl.Dataset(places, f(places))
five = values(*bumps(f((np.arange(5) + 0.5) / 5)))
print(f"five bumps by hand: mean error {np.abs(five - f(x)).mean():.3f}")
lines = {"f": f(x), "five bumps by hand": five}
for name, optimizer, rate in (("plain descent", optax.sgd, 0.1), ("Adam", optax.adam, 0.02)):
    many = jnndl.fit_many(
        jnndl.mlp([1, 10, 1], hidden="sigmoid", output="linear"),
        data,
        keys=jax.random.split(jax.random.key(0), 3),
        epochs=1000,
        learning_rate=rate,
        optimizer=optimizer,
        cost="quadratic",
        measure_training=1000,
        progress=False,
    )
    found = [values(one.network, one.params) for one in many]
    errors = [float(np.abs(line - f(x)).mean()) for line in found]
    lines[f"{name}, the best of three"] = found[int(np.argmin(errors))]
    print(f"{name}: mean errors", [round(error, 3) for error in errors])
draw(lines)

# %% [markdown]
# A network that learns uses no steps: it bends the same ten neurons into soft curves, and can come much closer. But
# whether it finds them depends on the optimiser and on luck. Chapter 4 says only that such weights *exist*. In the
# experiment `ch4-target-function`, with 40 hidden neurons, Adam ended 0.0055 +- 0.0024 below the error of the network
# made by hand, and plain descent 0.0069 +- 0.0013 above it (ten seeds).
#
# **Change:** `hidden="relu"`, and `hidden="linear"`, in both fits.
#
# <details><summary>Answer</summary>
#
# With rectified linear neurons the mean errors of three starts are 0.073 to 0.103 by plain descent and 0.041 to 0.098 by
# Adam, so much as before. With linear ones it is 0.114 to 0.120, whatever the optimiser: layers of linear neurons are
# together one linear function, here a straight line.
#
# </details>
#
# ## 7. Does it have to be the sigmoid?
#
# No: [any neuron](http://neuralnetworksanddeeplearning.com/chap4.html#extension_beyond_sigmoid_neurons) with two different
# limits, far left and far right, becomes a step when its weight grows. A neuron of your own is a formula and its
# derivative:


# %%
def wavy_forward(z):
    return neurons.sigmoid.forward(z) + 0.2 * jnp.sin(10 * z) * jnp.exp(-jnp.abs(z))


def wavy_backward(z, grad_a):
    wave = 10 * jnp.cos(10 * z) - jnp.sign(z) * jnp.sin(10 * z)
    return grad_a * (neurons.sigmoid.backward(z, jnp.ones_like(z)) + 0.2 * wave * jnp.exp(-jnp.abs(z)))


wavy = jnndl.Neuron("wavy", wavy_forward, wavy_backward)
lines = {
    f"w = {w:.0f}": values(jnndl.mlp([1, 1], output=wavy), (Affine(jnp.array([[w]]), jnp.array([-w / 2])),))
    for w in (6.0, 30.0, 1000.0)
}
draw(lines)
little = jnndl.mlp([1, 3, 1], hidden=wavy, output="linear")
print(jnndl.check_gradients(jnndl.Objective(little, "quadratic"), little.init(0), data[:5], key=1))

# %% [markdown]
# **Change:** a neuron with equal limits, `jnp.exp(-(z**2))`. What is a bump made of two of its steps?
#
# <details><summary>Answer</summary>
#
# Nothing is left. With a large weight the neuron is 0 everywhere but in one spot, so there is no step, and the sum of $+h$
# and $-h$ times 0 is flat. The derivative for `check_gradients` is `grad_a * -2 * z * jnp.exp(-(z**2))`.
#
# </details>
#
# ## 8. Where the steps are soft
#
# A real neuron is no perfect step. Around each step is a *window of failure*, where it is halfway. The
# [remedy](http://neuralnetworksanddeeplearning.com/chap4.html#fixing_up_the_step_functions): add up $M$ copies of the
# network, each for $f/M$ and each shifted a little. Where the windows are narrow, at
# most one of them fails in any place.


# %%
def copies(m, n=10, weight=150.0):
    """m sets of n bumps, each 1/m as high and shifted by 1/m of a bump against the one before."""
    starts = np.concatenate([(np.arange(-1, n + 1) + k / m) / n for k in range(m)])
    high = f(starts + 0.5 / n) / m
    places = np.stack([starts, starts + 1 / n], axis=1).ravel()
    return steps(places, np.stack([high, -high], axis=1).ravel(), weight)


lines = {"f": f(x)} | {f"{m} copies" if m > 1 else "1 copy": values(*copies(m)) for m in (1, 2, 8)}
draw(lines)
print("largest error:", {name: round(float(np.abs(line - f(x)).max()), 3) for name, line in list(lines.items())[1:]})

# %% [markdown]
# ## Where to go from here
#
# - `python -m experiments ch4` builds all of the chapter's networks, with the book's numbers beside them.
# - Next is chapter 5: one hidden layer is enough for everything, so why more? And why is that hard?
