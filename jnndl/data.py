"""Data sets: examples with their targets, in parts; scikit-learn's 8x8 digits. ``idx`` has MNIST.

Images stay bytes on the device and are scaled where they are used: a quarter of the memory, and the shuffle of an epoch
three times as fast.
"""

import dataclasses
import hashlib
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from jnndl.arguments import as_plain

Scale = float | tuple[float, ...]
FAR = 2  # inputs are far outside from twice the width of the range of training on
FAINT, IMAGE = 50, 16  # images, from so many pixels, are faint where they use the 50th part of the range of training


def as_scale(value: Any) -> Scale:
    """A number as a float, one number per column as a tuple: hashable, so that it can be part of a program."""
    array = np.asarray(value)
    if array.dtype.kind not in "iufb" or not array.size or not np.all(np.isfinite(array)):
        raise ValueError(f"scale or offset is {value!r:.60}; give a finite number, or one number per column")
    array = array.astype(float)
    return array.item() if array.ndim == 0 else tuple(array.ravel().tolist())


def rescale(inputs: Any, scale: Scale, offset: Scale, shape: tuple[int, ...], dtype: Any) -> Float[Array, "n ..."]:
    """``scale * inputs + offset``, what a network sees of n raw examples.

    Args:
        inputs: n examples, bytes or floats.
        scale, offset: a number for all, or one number per column.
        shape: the shape of one example, a network's ``input_shape``.
        dtype: the floating dtype to compute in, that of the parameters.

    Returns:
        Floats of shape ``(n, *shape)``.
    """

    def factor(value: Scale) -> Array:
        return jnp.asarray(value, dtype) if isinstance(value, float) else jnp.asarray(value, dtype).reshape(1, *shape)

    x = jnp.asarray(inputs).reshape(len(inputs), *shape).astype(dtype) * factor(scale)
    return x if offset == 0.0 else x + factor(offset)


def seen_range(inputs: Any, scale: Scale, offset: Scale) -> tuple[float, float]:
    """The smallest and the largest number in ``scale * inputs + offset``, found on the host.

    Args:
        inputs: n examples, at least one; bytes or floats.
        scale, offset: a number for all, or one number per column.
    """
    raw = np.asarray(inputs).reshape(len(inputs), -1)
    ends = np.stack([raw.min(axis=0), raw.max(axis=0)]).astype(float) * scale + offset
    return float(ends.min()), float(ends.max())


def warn_far(known: tuple[float, float] | None, inputs: Any, scale: Any, offset: Any) -> None:
    """Warn where what a network sees is far outside of what it saw in training, the range ``known``."""
    if known is None or not len(inputs):
        return
    (low, high), (lowest, highest) = known, seen_range(inputs, scale, offset)
    far, width = FAR * (high - low), highest - lowest
    outside = lowest < low - far or highest > high + far
    # Bytes divided by 255 for a network that saw bytes: a picture of next to nothing.
    faint = np.ndim(scale) == 0 and np.size(inputs[0]) >= IMAGE and 0 < width < (high - low) / FAINT
    if far > 0 and (outside or faint):
        what = "the inputs"
        if isinstance(scale, float) and isinstance(offset, float) and scale > 0:  # in the units of the user
            low, high, lowest, highest = ((x - offset) / scale for x in (low, high, lowest, highest))
        else:
            what = "after scaling, the inputs"
        warnings.warn(
            f"{what} go from {lowest:g} to {highest:g}, but the network was trained on {low:g} to "
            f"{high:g}; give them in the units of the training data",
            stacklevel=3,
        )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Examples and their targets; a pytree of two arrays. The network sees ``scale * inputs + offset``.

    >>> data = jnndl.Dataset(np.zeros((5, 28, 28), np.uint8), np.arange(5), scale=1 / 256)
    >>> len(data), len(data[:3]), data.has_labels
    (5, 3, True)

    ``dataset[:1000]`` is a data set of the first thousand examples, ``dataset[0]`` the first pair (input, target), and
    iterating gives one such pair after the other.

    Attributes:
        inputs: shape (n, ...), bytes (images) or floats.
        targets: integer class labels of shape (n,), or floats of shape (n, n_out).
        scale: a number, or one number per column; 1/256 for MNIST, as in the book's own files.
        offset: likewise; 0 for none.
        classes: the names of the classes, in the order of the labels, or None. A network trained on the data has them
            too.
    """

    inputs: Num[Array | np.ndarray, "n ..."]
    targets: Num[Array | np.ndarray, "n ..."]
    scale: Any = dataclasses.field(default=1.0, metadata={"static": True})
    offset: Any = dataclasses.field(default=0.0, metadata={"static": True})
    classes: Any = dataclasses.field(default=None, metadata={"static": True})

    def __post_init__(self) -> None:
        for name in ("inputs", "targets"):
            object.__setattr__(self, name, as_plain(name, getattr(self, name)))
        if self.classes is not None:
            object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        object.__setattr__(self, "scale", as_scale(1.0 if self.scale is None else self.scale))
        object.__setattr__(self, "offset", as_scale(0.0 if self.offset is None else self.offset))

    @property
    def has_labels(self) -> bool:
        """Whether the targets are class labels (integers) rather than vectors of floats."""
        return not jnp.issubdtype(self.targets.dtype, jnp.floating)

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def __getitem__(self, which: Any) -> Any:
        inputs, targets = self.inputs[which], self.targets[which]
        if isinstance(which, int | np.integer):
            return inputs, targets
        return dataclasses.replace(self, inputs=inputs, targets=targets)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return zip(np.asarray(self.inputs), np.asarray(self.targets), strict=True)

    def examples(self, shape: tuple[int, ...], dtype: Any) -> Float[Array, "n ..."]:
        """The inputs as a network sees them.

        Args:
            shape: the shape of one example, a network's ``input_shape``.
            dtype: the floating dtype to compute in, that of the parameters.

        Returns:
            Floats of shape ``(n, *shape)``.
        """
        return rescale(self.inputs, self.scale, self.offset, shape, dtype)


class Splits(NamedTuple):
    """A data set in three parts, and what it was made from.

    Attributes:
        training, validation, test: the parts. Test data are for the end; choose on validation data.
        name: "mnist", "digits", or the folder's name.
        sha256: checksum of each file's decompressed content (of the whole set, for the digits).
        classes: the number of classes; 0 where the targets are numbers.
        names: their names, in the order of the labels, or None where they are just numbered.
    """

    training: Dataset
    validation: Dataset
    test: Dataset
    name: str
    sha256: dict[str, str]
    classes: int
    names: tuple[str, ...] | None = None


def standardize(splits: Splits) -> Splits:
    """The same data, shifted and scaled so that the training pixels together have mean 0 and standard deviation 1."""
    pixels = np.asarray(splits.training.inputs)
    mean, std = pixels.mean(), pixels.std()
    if not std > 0:
        raise ValueError(f"standardize: all training pixels are {mean:g}; give training data that vary")
    scale, offset = float(np.float32(1 / std)), float(np.float32(-mean / std))
    training, validation, test = (dataclasses.replace(part, scale=scale, offset=offset) for part in splits[:3])
    return splits._replace(training=training, validation=validation, test=test)


def load_digits() -> Splits:
    """Load the 1,797 handwritten digits of 8x8 pixels that come with scikit-learn; needs no network.

    1,197 training, 300 validation and 300 test images, split by a permutation that is always the same. Pixels are
    whole numbers from 0 to 16, and are divided by 16.

    Raises:
        ModuleNotFoundError: if scikit-learn is not installed.

    >>> digits = jnndl.load_digits()
    >>> digits.training.inputs.shape
    (1197, 8, 8)
    """
    try:
        from sklearn import datasets  # here, because it takes a second and few programs need it
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "load_digits: the digits come with scikit-learn, which is not installed; pip install 'jnndl[sklearn]'"
        ) from error

    digits = datasets.load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    order = np.random.RandomState(0).permutation(len(images))  # a frozen stream: always the same split
    training, validation, test = (Dataset(images[i], labels[i], 1 / 16) for i in np.split(order, [1197, 1497]))
    sha256 = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    return Splits(training, validation, test, "digits", {"digits": sha256}, classes=10)
