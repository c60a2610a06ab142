"""NumPy: the book's algorithm, one example at a time, and the same in matrix form, one mini-batch at a time."""

import numpy as np

from experiments.rivals import Layers, Task


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


class PerExample:
    """The algorithm of the book's network.py (in float32, which is faster than its float64)."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.weights, self.biases = map(list, zip(*task.layers, strict=True))
        self.examples = list(zip(task.floats(task.inputs), task.targets(), strict=True))

    def epoch(self, order: np.ndarray) -> None:
        shuffled = [self.examples[k] for k in order]
        for part in self.task.batches(order):
            self.update_mini_batch(shuffled[part])

    def update_mini_batch(self, batch: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Sum the gradients of the examples, and take a step."""
        nabla_w, nabla_b = [np.zeros_like(w) for w in self.weights], [np.zeros_like(b) for b in self.biases]
        for x, y in batch:
            for w, b, (dw, db) in zip(nabla_w, nabla_b, self.backprop(x, y), strict=True):
                w += dw
                b += db
        rate = self.task.learning_rate / len(batch)
        self.weights = [w - rate * nabla for w, nabla in zip(self.weights, nabla_w, strict=True)]
        self.biases = [b - rate * nabla for b, nabla in zip(self.biases, nabla_b, strict=True)]

    def backprop(self, x: np.ndarray, y: np.ndarray) -> Layers:
        """The gradient of one example's cost, layer by layer."""
        activations = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            activations.append(sigmoid(np.dot(w, activations[-1]) + b))
        a = activations[-1]
        delta = (a - y) * a * (1 - a)  # BP1
        grads = [(np.outer(delta, activations[-2]), delta)]  # BP4, BP3
        for w, a, below in zip(self.weights[:0:-1], activations[-2:0:-1], activations[-3::-1], strict=True):
            delta = np.dot(w.T, delta) * a * (1 - a)  # BP2
            grads.insert(0, (np.outer(delta, below), delta))
        return grads

    def layers(self) -> Layers:
        return list(zip(self.weights, self.biases, strict=True))

    def outputs(self, x: np.ndarray) -> np.ndarray:
        outputs = []
        for a in x:
            for w, b in zip(self.weights, self.biases, strict=True):
                a = sigmoid(np.dot(w, a) + b)
            outputs.append(a)
        return np.stack(outputs)


class MatrixForm:
    """A mini-batch is a matrix, with one example in each row."""

    def __init__(self, task: Task) -> None:
        self.task, self.x, self.y = task, task.floats(task.inputs), task.targets()
        self.params = [(w.copy(), b.copy()) for w, b in task.layers]

    def epoch(self, order: np.ndarray) -> None:
        x, y = self.x[order], self.y[order]
        for part in self.task.batches(order):
            self.step(x[part], y[part])

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        """One update, in place."""
        rate, activations = self.task.learning_rate / len(x), self.forward(x)
        a = activations.pop()
        grad = a - y
        for w, b in reversed(self.params):
            delta = grad * a * (1 - a)
            a = activations.pop()
            if activations:
                grad = delta @ w
            w -= (rate * delta).T @ a
            b -= rate * delta.sum(axis=0)

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """Every layer's activations, the input first."""
        activations = [x]
        for w, b in self.params:
            activations.append(sigmoid(activations[-1] @ w.T + b))
        return activations

    def layers(self) -> Layers:
        return self.params

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.forward(x)[-1]
