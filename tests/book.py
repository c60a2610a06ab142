"""The book's own algorithm as an oracle: NumPy in float64, one example at a time, no JAX.

Weights are a list of (n_out, n_in) arrays and biases a list of (n_out,) arrays, first layer to last; every neuron is a
sigmoid. ``cost`` is "quadratic" or "cross_entropy".
"""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def feedforward(weights, biases, x):
    """Every layer's weighted input z and activation a; the activations start with the input itself."""
    zs, activations = [], [x]
    for w, b in zip(weights, biases, strict=True):
        zs.append(np.dot(w, activations[-1]) + b)
        activations.append(sigmoid(zs[-1]))
    return zs, activations


def backprop(weights, biases, x, y, cost):
    """The gradient of the cost of one example: (nabla_w, nabla_b), lists like the weights and the biases."""
    zs, activations = feedforward(weights, biases, x)
    delta = activations[-1] - y  # BP1 for the cross-entropy
    if cost == "quadratic":
        delta = delta * sigmoid_prime(zs[-1])  # BP1
    nabla_w, nabla_b = [np.outer(delta, activations[-2])], [delta]  # BP4, BP3
    for layer in range(2, len(weights) + 1):
        delta = np.dot(weights[-layer + 1].T, delta) * sigmoid_prime(zs[-layer])  # BP2
        nabla_w.insert(0, np.outer(delta, activations[-layer - 1]))
        nabla_b.insert(0, delta)
    return nabla_w, nabla_b


def update_mini_batch(weights, biases, examples, eta, lmbda, n, cost):
    """One step of gradient descent on a list of pairs (x, y); n is the size of the whole training set."""
    sum_w, sum_b = [np.zeros_like(w) for w in weights], [np.zeros_like(b) for b in biases]
    for x, y in examples:
        nabla_w, nabla_b = backprop(weights, biases, x, y, cost)
        sum_w = [total + nabla for total, nabla in zip(sum_w, nabla_w, strict=True)]
        sum_b = [total + nabla for total, nabla in zip(sum_b, nabla_b, strict=True)]
    step = eta / len(examples)
    weights = [(1 - eta * lmbda / n) * w - step * nabla for w, nabla in zip(weights, sum_w, strict=True)]
    biases = [b - step * nabla for b, nabla in zip(biases, sum_b, strict=True)]
    return weights, biases
