"""PyTorch: the training loop of its quickstart, on tensors in memory instead of a DataLoader, which is far slower.

Images have their channels last in memory, as its tutorial on that recommends for convolutions.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from experiments.rivals import Layers, Task


def filled(module: nn.Module, w: np.ndarray, b: np.ndarray) -> nn.Module:
    """A layer with these parameters."""
    module.load_state_dict({"weight": torch.from_numpy(w), "bias": torch.from_numpy(b)})
    return module


def dense(task: Task) -> nn.Sequential:
    """Sigmoid layers."""
    parts: list[nn.Module] = []
    for w, b in task.layers:
        parts += [filled(nn.Linear(w.shape[1], w.shape[0]), w, b), nn.Sigmoid()]
    return nn.Sequential(*parts)


def convolutional(task: Task) -> nn.Sequential:
    """ReLU layers, up to the weighted inputs of the softmax."""
    parts: list[nn.Module] = []
    for w, b in task.channels_first():
        if w.ndim == 4:
            parts += [filled(nn.Conv2d(w.shape[1], w.shape[0], task.kernel), w, b), nn.MaxPool2d(2), nn.ReLU()]
            continue
        if isinstance(parts[-2], nn.MaxPool2d):
            parts.append(nn.Flatten())
        if task.dropout:
            parts.append(nn.Dropout(task.dropout))
        parts += [filled(nn.Linear(w.shape[1], w.shape[0]), w, b), nn.ReLU()]
    model: Any = nn.Sequential(*parts[:-1])  # Any: PyTorch's annotations do not know memory_format
    return model.to(memory_format=torch.channels_last)


class Eager:
    """Eager mode, PyTorch's default."""

    def __init__(self, task: Task) -> None:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        self.task = task
        self.x = self.images(task.floats(task.inputs))
        if task.maps:
            self.model, self.y = convolutional(task), torch.from_numpy(task.labels.astype(np.int64))
            self.loss = self.ready(lambda x, y: nn.functional.cross_entropy(self.model(x), y))
        else:
            self.model, self.y = dense(task), torch.from_numpy(task.targets())
            self.loss = self.ready(
                lambda x, y: nn.functional.mse_loss(self.model(x), y, reduction="sum") / (2 * len(x))
            )
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=task.learning_rate)

    def images(self, x: np.ndarray) -> torch.Tensor:
        """Inputs as its first layer takes them."""
        if not self.task.maps:
            return torch.from_numpy(x)
        return torch.from_numpy(x.reshape(-1, 1, *self.task.image)).to(memory_format=torch.channels_last)

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
        return self.task.channels_last(list(zip(arrays[::2], arrays[1::2], strict=True)))

    def outputs(self, x: np.ndarray) -> Any:
        self.model.eval()
        with torch.inference_mode():
            found = self.model(self.images(x))
            found = torch.softmax(found, dim=1) if self.task.maps else found
        self.model.train()
        return found.numpy()


class Compiled(Eager):
    """With ``torch.compile``."""

    def ready(self, loss: Callable[..., Any]) -> Callable[..., Any]:
        """The network and its loss, compiled together."""
        return torch.compile(loss)
