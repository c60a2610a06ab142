"""What one process of several finds on the loopback: ``several.py I N PORT FOLDER``. Prints a line of JSON."""

import json
import pathlib
import sys

import eight
import jax

import jnndl
from jnndl import processes


def networks(digits, epochs, **settings):
    """Five networks, trained at once."""
    given = eight.SETTINGS | {"keys": jax.random.split(jax.random.key(0), 5), "epochs": epochs} | settings
    return jnndl.fit_many(eight.DENSE, digits.training[:250], digits.validation[:50], **given)


def main(number, count, port, folder):
    jax.config.update("jax_num_cpu_devices", 4 // count)
    jax.config.update("jax_enable_x64", True)
    jax.distributed.initialize(f"127.0.0.1:{port}", count, number)
    processes.GATHERED = 1  # a row at a time
    digits = jnndl.load_digits()
    training, validation = digits.training[:250], digits.validation[:50]
    kept = {"checkpoint": folder / "run.safetensors", "resume": True}
    networks(digits, 1, **kept)
    many = networks(digits, 2, **kept)
    together = jnndl.fit(eight.DENSE, training, validation, key=0, devices=jax.devices(), **eight.SETTINGS)
    alone = jnndl.fit(eight.DENSE, training, validation, key=0, **eight.SETTINGS)
    best = many.best()
    found = {
        "devices": len(jax.devices()),
        "bits": eight.bits(many),
        "off": eight.off(together, alone),
        "accuracy": jnndl.evaluate(best.network, best.params, validation).accuracy,
        "wanted": float(best.history.evaluation_accuracy[-1]),
    }
    print(json.dumps(found), flush=True)
    jax.distributed.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
