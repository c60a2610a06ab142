"""What eight devices give, in a process of its own: JAX counts its devices once. Prints a line of JSON."""

import hashlib
import json
import pathlib
import sys
import tempfile

import jax
import numpy as np
import optax

import jnndl
from jnndl import Conv, Dense, Distort, Dropout, Flatten, Network, chunks

DENSE = Network((Dense(64, 20), Dropout(0.5), Dense(20, 10, "linear")), "sigmoid", (64,))
IMAGES = Network(
    (Distort(shift=1, alpha=1), Conv(1, 3, 3, "relu"), Dropout(0.5), Flatten(), Dense(108, 10, "linear")),
    "sigmoid",
    (8, 8, 1),
)
# Three mini-batches of 80, and one of 10, which two devices share and eight do not.
SETTINGS = {"epochs": 1, "learning_rate": 0.5, "batch_size": 80, "l2": 0.1, "progress": False}


def on_host(fit):
    """Parameters and scores, without what depends on nothing but the call."""
    return jax.tree.map(np.asarray, (fit.params, fit.history))


def bits(fit):
    return hashlib.sha256(b"".join(leaf.tobytes() for leaf in jax.tree.leaves(on_host(fit)))).hexdigest()


def off(fit, other):
    """The largest relative difference of two results, in the norm of an array."""
    pairs = zip(jax.tree.leaves(on_host(fit)), jax.tree.leaves(on_host(other)), strict=True)
    return max(float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300)) for a, b in pairs)


def networks_over_devices(training, validation):
    """The bits of five networks after two epochs on 1, 2 and 8 devices; on 8, the first of them was made by 2."""
    keys = jax.random.split(jax.random.key(0), 5)

    def train(count, epochs, **settings):
        given = SETTINGS | {"epochs": epochs, "keys": keys, "devices": jax.devices()[:count], **settings}
        return jnndl.fit_many(DENSE, training, validation, **given)

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "run.safetensors"
        train(2, 1, checkpoint=path)
        resumed = train(8, 2, checkpoint=path, resume=True)
    return {"1": bits(train(1, 2)), "2": bits(train(2, 2)), "2, then 8": bits(resumed)}


def batches_over_devices(training, validation):
    """How far a network is off that several devices trained together."""
    devices, found = jax.devices(), {}

    def train(network, gradient, count, **settings):
        given = SETTINGS | {"key": 0, "gradient": gradient, "devices": devices[:count], **settings}
        return jnndl.fit(network, training, validation, **given)

    alone = train(DENSE, "autodiff", 1)
    for count in (2, 8):
        found[f"dense, {count}"] = off(train(DENSE, "autodiff", count), alone)
    four = {"keys": jax.random.split(jax.random.key(9), 3).at[1].set(jax.random.key(0)), "devices_per_network": 4}
    many = jnndl.fit_many(DENSE, training, validation, **SETTINGS, **four)
    found["dense, one of three on 2 x 4"] = off(many.one(1), alone)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "run.safetensors"
        train(DENSE, "autodiff", 2, checkpoint=path)
        resumed = train(DENSE, "autodiff", 8, checkpoint=path, resume=True, epochs=2)
    found["dense, 2, then 8"] = off(resumed, train(DENSE, "autodiff", 1, epochs=2))
    chunks.CHUNK = 30  # on one device a mini-batch is looked at in parts
    alone = train(IMAGES, "backprop", 1)
    for count in (2, 8):
        found[f"images, {count}"] = off(train(IMAGES, "backprop", count), alone)
    return found


def optimisers_that_ask_for_the_cost(training, validation):
    """``optax.lbfgs`` searches along a line, and differentiates the cost itself."""
    given = SETTINGS | {"key": 0, "optimizer": optax.lbfgs, "batch_size": 240, "learning_rate": 1.0}
    alone, together = (
        jnndl.fit(jnndl.mlp([64, 10]), training, validation, **given, devices=jax.devices()[:count]) for count in (1, 2)
    )
    return off(together, alone)


PARTS = {f.__name__: f for f in (networks_over_devices, batches_over_devices, optimisers_that_ask_for_the_cost)}


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 8)
    jax.config.update("jax_enable_x64", True)
    digits = jnndl.load_digits()
    print(json.dumps({name: PARTS[name](digits.training[:250], digits.validation[:50]) for name in sys.argv[1:]}))
