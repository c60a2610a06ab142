"""Many networks at once on an accelerator: ``python -m experiments benchmark --accelerator``.

784-30-10 under ``vmap``, beside the same in PyTorch: batched products, with each step captured as a CUDA graph.
"""

import importlib.util
import itertools
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import jnndl
from experiments import runner
from jnndl import costs, ensemble
from jnndl.data import Dataset, Splits
from jnndl.settings import Hyperparameters, TrainConfig

NETWORKS, BATCH, RATE, EPOCHS = (1, 16, 256, 1024), 10, 3.0, 30
# On a GPU JAX's "bfloat16" and "tensorfloat32" leave the choice to the library; these names fix what is computed.
PRECISIONS = {"float32": "F32_F32_F32", "TF32": "TF32_TF32_F32", "bfloat16": "BF16_BF16_F32"}
ELSEWHERE = {"float32": "float32", "bfloat16": "bfloat16"}  # on a TPU


def precisions() -> dict[str, str]:
    """The precisions of matrix products on this device, and what JAX calls them."""
    return PRECISIONS if jax.default_backend() == "gpu" else ELSEWHERE


def ours(training: Dataset, sizes: tuple[int, ...], networks: int, precision: str) -> Callable[[], None]:
    """A function that trains so many networks for an epoch, side by side."""
    config = TrainConfig(jnndl.mlp(sizes), costs.quadratic, BATCH, measure_training=0)
    hyper = Hyperparameters(np.full(networks, RATE, np.float32))
    mesh, state = ensemble.distribute(config, hyper, jax.random.split(jax.random.key(0), networks))
    training = jax.device_put(training, jax.NamedSharding(mesh, jax.P()))

    def epoch() -> None:
        nonlocal state
        with jax.default_matmul_precision(precisions()[precision]):
            state, _ = jax.block_until_ready(ensemble.train_epoch_many(config, mesh, state, training, None, False))

    return epoch


def pytorch(training: Dataset, sizes: tuple[int, ...], networks: int, precision: str) -> Callable[[], None]:
    """The same in PyTorch: one product for all networks, each with its own shuffle, and one CUDA graph per step."""
    import torch

    device = torch.device("cuda")
    torch.set_float32_matmul_precision("high" if precision == "TF32" else "highest")
    x = torch.as_tensor(np.asarray(training.inputs).reshape(len(training), -1), device=device)
    y = torch.eye(sizes[-1], device=device)[torch.as_tensor(np.asarray(training.targets, np.int64), device=device)]
    params: list[Any] = []
    for n_in, n_out in itertools.pairwise(sizes):
        params += [
            torch.randn(networks, n_in, n_out, device=device) / n_in**0.5,
            torch.randn(networks, 1, n_out, device=device),
        ]
    for p in params:
        p.requires_grad_()
    pick = torch.zeros(networks, BATCH, dtype=torch.int64, device=device)

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False):
            a = x[pick] * float(training.scale)
            for w, b in zip(params[::2], params[1::2], strict=True):
                a = torch.sigmoid(torch.baddbmm(b, a, w))
        grads = torch.autograd.grad(((a - y[pick]) ** 2).sum() / (2 * BATCH), params)
        with torch.no_grad():
            torch._foreach_add_(params, grads, alpha=-RATE)

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # the warm-up that the documentation asks for before a capture
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def epoch() -> None:
        order = torch.rand(networks, len(training), device=device).argsort(dim=1)
        for k in range(0, len(training) - BATCH + 1, BATCH):
            pick.copy_(order[:, k : k + BATCH])
            graph.replay()
        torch.cuda.synchronize()

    return epoch


def run(splits: Splits, folder: pathlib.Path, repeats: int, quick: bool) -> None:
    """Measure, print, and write result.json; if there is no accelerator, only say so."""
    if jax.default_backend() == "cpu":
        print("no accelerator here: JAX finds only a CPU, so there is nothing to measure")
        return
    training = splits.training[:1000] if quick else splits.training
    sizes = (int(np.prod(training.inputs.shape[1:])), 30, splits.classes)
    makers = {"jnndl": ours}
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            makers["PyTorch, CUDA graph"] = pytorch
    print(f"{'-'.join(map(str, sizes))}, {splits.name}, {len(training)} training images, {runner.device()}")
    rows = []
    for networks in NETWORKS:
        for precision in precisions():
            for name, make in makers.items():
                epoch, seconds = make(training, sizes, networks, precision), []
                for _ in range(repeats + 1):
                    started = time.perf_counter()
                    epoch()
                    seconds.append(time.perf_counter() - started)
                best = min(seconds[1:])
                rows.append({"networks": networks, "products": precision, "with": name, "seconds": seconds[1:]})
                rows[-1] |= {"first": seconds[0], "networks_a_second": networks / (EPOCHS * best)}
                print(
                    f"{networks:5} networks, {precision:8} products, {name:20} {best:8.3f} s per epoch, "
                    f"{EPOCHS * best:8.1f} s for {EPOCHS}, {networks / (EPOCHS * best):8.2f} networks per second",
                    flush=True,
                )
    folder.mkdir(parents=True, exist_ok=True)
    result = {"device": runner.device(), "data": splits.name, "sizes": sizes, "quick": quick, "rows": rows}
    runner.write(folder / "result.json", json.dumps(result))
