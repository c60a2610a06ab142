"""PyTorch: the training loop of its quickstart, on tensors in memory instead of a DataLoader, which is far slower."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from experiments.rivals import Layers, Task


class Eager:
    """Eager mode, PyTorch's default."""

    def __init__(self, task: Task) -> None:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        self.task = task
        self.x, self.y = torch.from_numpy(task.floats(task.inputs)), torch.from_numpy(task.targets())
        parts: list[nn.Module] = []
        for w, b in task.layers:
            linear = nn.Linear(w.shape[1], w.shape[0])
            linear.load_state_dict({"weight": torch.from_numpy(w), "bias": torch.from_numpy(b)})
            parts += [linear, nn.Sigmoid()]
        self.model = nn.Sequential(*parts)
        self.loss = self.ready(lambda x, y: nn.functional.mse_loss(self.model(x), y, reduction="sum") / (2 * len(x)))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=task.learning_rate)

    def ready(self, loss: Callable[..., Any]) -> Callable[..., Any]:
        """The loss as it is."""
        return loss

    def epoch(self, order: np.ndarray) -> None:
        index = torch.from_numpy(np.asarray(order, np.int64))
        x, y = self.x[index], self.y[index]
        for xs, ys in zip(x.split(self.task.batch_size), y.split(self.task.batch_size), strict=True):
            self.loss(xs, ys).backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def layers(self) -> Layers:
        arrays = [p.detach().numpy() for p in self.model.parameters()]
        return list(zip(arrays[::2], arrays[1::2], strict=True))

    def outputs(self, x: np.ndarray) -> Any:
        with torch.inference_mode():
            return self.model(torch.from_numpy(x)).numpy()


class Compiled(Eager):
    """With ``torch.compile``."""

    def ready(self, loss: Callable[..., Any]) -> Callable[..., Any]:
        """The network and its loss, compiled together."""
        return torch.compile(loss)
