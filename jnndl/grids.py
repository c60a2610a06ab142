"""The cells of a sweep: every combination of values from lists, and draws from ranges."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from jnndl import validation
from jnndl.arguments import check_keys, check_whole, short_repr
from jnndl.costs import Cost
from jnndl.network import Network

VALUES = ("learning_rate", "l1", "l2", "momentum")  # arrays: all their values share one compiled program
STRUCTURE = ("batch_size", "cost", "optimizer")  # compiled in: a program for each value


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high`` to draw from, evenly or evenly on a logarithmic scale."""

    low: float
    high: float
    log: bool

    def draw(self, key: Key[Array, ""], count: int) -> list[float]:
        """So many independent draws."""
        u = np.asarray(jax.random.uniform(key, (count,)), float)
        values = self.low * (self.high / self.low) ** u if self.log else self.low + (self.high - self.low) * u
        return [float(value) for value in values]


def uniform(low: float | int, high: float | int) -> Range:
    """A range for ``sweep`` to draw from, every number between the two equally likely.

    >>> jnndl.uniform(0.5, 0.99)
    Range(low=0.5, high=0.99, log=False)

    Raises:
        ValueError: if they are not finite numbers, or ``low`` is not below ``high``.
    """
    return Range(*_ends("uniform", low, high, -math.inf), log=False)


def log_uniform(low: float | int, high: float | int) -> Range:
    """A range for ``sweep`` to draw from, every order of magnitude equally likely: for learning rates, say.

    >>> jnndl.log_uniform(1e-3, 1)
    Range(low=0.001, high=1.0, log=True)

    Raises:
        ValueError: if they are not finite numbers above 0, or ``low`` is not below ``high``.
    """
    return Range(*_ends("log_uniform", low, high, 0.0), log=True)


def _ends(name: str, low: Any, high: Any, least: float) -> tuple[float, float]:
    numbers = all(isinstance(end, int | float | np.number) and math.isfinite(end) for end in (low, high))
    if not numbers or not least < low < high:
        above = "" if math.isinf(least) else " above 0"
        raise ValueError(
            f"{name}: the range goes from {short_repr(low)} to {short_repr(high)}; give two finite numbers{above}, the "
            "smaller one first"
        )
    return float(low), float(high)


def is_list(value: Any) -> bool:
    """Whether an argument is many values, and not one."""
    return isinstance(value, list | tuple | range) or (isinstance(value, np.ndarray | jax.Array) and value.ndim > 0)


def named_networks(networks: Any) -> dict[str, Network]:
    """The networks of a sweep by name: their sizes, "784-30-10", and what tells them apart where the sizes do not."""
    if isinstance(networks, Mapping):
        found = {str(name): network for name, network in networks.items()}
    else:
        several = list(networks) if is_list(networks) else [networks]
        for network in several:
            validation.check_network(network)
        names: Sequence[str] = [_sizes(network) for network in several]
        if len(set(names)) < len(names):
            names = [f"{name} {_neurons(network)}" for name, network in zip(names, several, strict=True)]
        if len(set(names)) < len(names):
            names = [f"{name}, number {number}" for number, name in enumerate(names)]
        found = dict(zip(names, several, strict=True))
    if not found:
        raise ValueError(f"networks is {short_repr(networks)}; give at least one network")
    for network in found.values():
        validation.check_network(network)
    return found


def _sizes(network: Network) -> str:
    return "-".join("x".join(map(str, shape)) for shape in network.shapes)


def _neurons(network: Network) -> str:
    hidden = [layer.neuron.name for layer in network.layers if hasattr(layer, "neuron")]
    return "-".join([*hidden[:-1], network.neuron.name])


def value_axes(values: Mapping[str, Any], samples: Any, key: Any) -> dict[tuple[str, ...], list[tuple[float, ...]]]:
    """The axes of a grid whose values are arrays: the names that vary together, and their values.

    Args:
        values: learning_rate, l1, l2 and momentum: each a number, a list, a ``Range`` or None.
        samples, key: how often, and by which key, to draw from the ranges; both None where there are none.
    """
    ranges = {name: value for name, value in values.items() if isinstance(value, Range)}
    if ranges:
        check_whole("samples", samples, f"how many draws of {' and '.join(ranges)} to try, such as 20")
        if key is None:
            raise TypeError("key is missing; give a seed, such as 0, by which the samples are drawn")
        key = check_keys("key", key, 0)
    elif samples is not None or key is not None:
        name = "key" if samples is None else "samples"
        raise ValueError(
            f"{name} is {short_repr(key if samples is None else samples)}, but there is no range to draw from; give "
            f"one, learning_rate=jnndl.log_uniform(1e-3, 1) for instance, or leave {name} out"
        )
    axes: dict[tuple[str, ...], list[tuple[float, ...]]] = {}
    if ranges:
        keys = {name: jax.random.fold_in(key, VALUES.index(name)) for name in ranges}
        drawn = [value.draw(keys[name], samples) for name, value in ranges.items()]
        for name, some in zip(ranges, drawn, strict=True):
            validation.check_hyper(samples, **{name: some})
        axes[tuple(ranges)] = list(zip(*drawn, strict=True))
    for name, value in values.items():
        if name in ranges or value is None:
            continue
        some = list(value) if is_list(value) else [value]
        if not some:
            raise ValueError(f"{name} is empty; give at least one value")
        if None in some:
            raise ValueError(f"{name} holds None; give numbers, 0 for none")
        validation.check_hyper(len(some), **{name: some if is_list(value) else value})
        axes[name,] = [(float(one),) for one in some]
    return axes


def structure_axes(settings: Mapping[str, Any]) -> dict[tuple[str, ...], list[tuple[Any, ...]]]:
    """The axes of a grid whose values are compiled in."""
    axes: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for name in STRUCTURE:
        if name in settings:
            some = list(settings[name]) if is_list(settings[name]) else [settings[name]]
            if not some:
                raise ValueError(f"{name} is empty; give at least one value")
            axes[name,] = [(one,) for one in some]
    return axes


def combinations(axes: Mapping[tuple[str, ...], Sequence[tuple[Any, ...]]]) -> list[dict[str, Any]]:
    """Every combination of the values of some axes, the last axis fastest."""
    found = [
        dict(pair for names, values in zip(axes, chosen, strict=True) for pair in zip(names, values, strict=True))
        for chosen in itertools.product(*axes.values())
    ]
    return [{name: cell[name] for name in sorted(cell, key=_place)} for cell in found]


def _place(name: str) -> int:
    return VALUES.index(name) if name in VALUES else -1


def label(value: Any) -> Any:
    """A setting as it stands in a table: a number as it is, a cost or a function by its name."""
    if isinstance(value, Cost):
        return value.name
    return getattr(value, "__name__", value if isinstance(value, str | int | float) else short_repr(value))


def in_words(settings: Mapping[str, Any]) -> str:
    """Settings as a person reads them: "784-30-10, learning_rate 0.5, l2 5"."""
    words = {name: f"{value:.3g}" if isinstance(value, float) else str(value) for name, value in settings.items()}
    return ", ".join(word if name == "network" else f"{name} {word}" for name, word in words.items())
