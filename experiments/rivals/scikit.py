"""scikit-learn's MLPClassifier; with unit vectors as targets it has sigmoid outputs and the cross-entropy cost."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from experiments.rivals import Layers, Task


class Scikit:
    """``partial_fit``, one call per epoch."""

    def __init__(self, task: Task) -> None:
        self.x, self.y = task.floats(task.inputs), task.targets().astype(int)
        self.model = MLPClassifier(
            task.sizes[1:-1],
            activation="logistic",
            solver="sgd",
            alpha=0.0,
            batch_size=task.batch_size,
            learning_rate_init=task.learning_rate,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=False,  # the data are shuffled already
        )
        self.model.partial_fit(self.x[: task.batch_size], self.y[: task.batch_size], classes=np.arange(task.sizes[-1]))
        self.model.coefs_ = [w.T.copy() for w, _ in task.layers]
        self.model.intercepts_ = [b.copy() for _, b in task.layers]

    def epoch(self, order: np.ndarray) -> None:
        self.model.partial_fit(self.x[order], self.y[order])

    def layers(self) -> Layers:
        return [(w.T, b) for w, b in zip(self.model.coefs_, self.model.intercepts_, strict=True)]

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict_proba(x))
