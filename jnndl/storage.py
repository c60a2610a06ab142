"""Files that are complete or not there: any file, and safetensors files of arrays and texts."""

import contextlib
import hashlib
import json
import os
import pathlib
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree


class DamagedError(ValueError):
    """A file of ours that is cut off, or in which bits have changed."""


@contextlib.contextmanager
def _beside(path: str | os.PathLike) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """The file to write, behind all links, and a temporary name beside it; whatever is left there is removed.

    Raises:
        OSError: if the file cannot be written: its folder is not there or closed to us, its disk full, or the path is
            that of anything but a plain file.
    """
    given, path = path, pathlib.Path(os.path.realpath(path))
    if not os.fspath(given) or path.is_dir():
        raise IsADirectoryError(f"{os.fspath(given)!r} is a folder; give the path of a file")
    if os.path.lexists(path) and not path.is_file():
        raise OSError(f"{given}: this is no plain file, and is not replaced; give another path")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{given}: there is no folder {path.parent}; make it first")
    start, end = f".{path.stem}.{platform.node()}-", f".partial{path.suffix}"  # some writers go by the ending
    temporary = path.with_name(f"{start}{os.getpid()}-{threading.get_ident()}{end}")
    try:
        for stale in path.parent.iterdir():
            ours = stale.name.startswith(start) and stale.name.endswith(end)
            if ours and not _is_alive(stale.name.removeprefix(start).partition("-")[0]):
                stale.unlink(missing_ok=True)
        yield path, temporary
    except OSError as error:
        what = error.strerror or str(error)
        raise type(error)(f"{given} cannot be written ({what}); make room, or give the path of another file") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike) -> None:
    """Raise at once the OSError that writing this file would end in; nothing that is there is touched."""
    with _beside(path) as (_, temporary):
        temporary.touch()


def write_atomically(path: str | os.PathLike, write: Callable[[str], Any], keep: pathlib.Path | None = None) -> None:
    """Write to a temporary file by ``write(temporary)``, and rename it only when it is complete.

    A link stays one: the file behind it is replaced. A process that is killed while it writes leaves its temporary file
    behind; the next one on this machine to write the same file removes it.

    Args:
        path: the file.
        write: writes a file of the name that it is given.
        keep: where to move the file that was there before; None replaces it.
    """
    with _beside(path) as (target, temporary):
        write(str(temporary))
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before it has its name: a crash leaves the old file or the new
        if keep is not None and target.exists():
            os.replace(target, keep)
        os.replace(temporary, target)


def _is_alive(process: str) -> bool:
    """Whether a process runs; True where that cannot be known."""
    if os.name != "posix" or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)  # sends nothing
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


def named(params: PyTree) -> dict[str, Any]:
    """Each array under its path, '0.weight' for the weights of the first layer."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in jax.tree.leaves_with_path(params)
    }


def write_tensors(
    path: str | os.PathLike, tensors: dict[str, np.ndarray], metadata: dict[str, str], keep: pathlib.Path | None = None
) -> None:
    """Write arrays and texts into a safetensors file, completely or not at all; the same ones make the same bytes.

    safetensors' own writer puts the texts in another order each time, closes the file to other users, and reports a
    full disk without its name.

    Args:
        path: the file.
        tensors: by name; in C order, and of 8 to 64 bits.
        metadata: texts, to which a checksum of all is added.
        keep: where to move the file that was there before.
    """
    tensors = dict(sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])))  # so all are aligned
    header: dict[str, Any] = {"__metadata__": metadata | {"sha256": _checksum(tensors, metadata)}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        header[name] = {"dtype": _code(tensor.dtype), "shape": tensor.shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)

    def write(temporary: str) -> None:
        with open(temporary, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for tensor in tensors.values():
                file.write(tensor.tobytes())

    write_atomically(path, write, keep)


def _code(dtype: np.dtype) -> str:
    """What safetensors calls a dtype."""
    special = {"bfloat16": "BF16", "bool": "BOOL"}
    return special.get(dtype.name, f"{dtype.kind.upper()}{8 * dtype.itemsize}")


def _checksum(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> str:
    """The sha256 of all that a file holds."""
    found = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {_code(tensor.dtype)} {tensor.shape}".encode())
        found.update(tensor.tobytes())
    return found.hexdigest()


@contextlib.contextmanager
def reading(path: str | os.PathLike, what: str, remedy: str) -> Iterator[None]:
    """Whatever goes wrong inside because a file is not as it should be becomes one kind of error with its name.

    Raises:
        DamagedError: in place of what Python raises where something is missing, of another kind or nested too deeply.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, ValueError) as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise DamagedError(f"{path}: {what} ({error!r:.200}); {remedy}") from error


def read_tensors(
    path: str | os.PathLike, kind: str, versions: Sequence[int], what: str
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The metadata and the arrays of a safetensors file of ours.

    Args:
        path: the file.
        kind: its kind, under "format" in its metadata.
        versions: the versions of that format that can be read.
        what: the kind in words.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedError: if it is not whole, or not what was written.
        ValueError: if it is of another kind, or of another version.
    """
    from safetensors import SafetensorError, safe_open  # here, so that importing the library stays light

    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give the path of a {what}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError) as error:  # the last two: a dtype that NumPy does not have
        raise DamagedError(f"{path}: not a whole safetensors file ({error}); give a {what}") from error
    if metadata.get("format") != kind:
        raise ValueError(f"{path}: a safetensors file, but not a {what}; give one that is")
    if metadata.get("version") not in [str(version) for version in versions]:
        raise ValueError(
            f"{path}: has format version {metadata.get('version')}, this jnndl reads "
            f"{' and '.join(map(str, versions))}; load it with the version of jnndl that saved it"
        )
    known = metadata.pop("sha256", None)  # files of older versions have none
    if known not in (None, _checksum(tensors, metadata)):
        raise DamagedError(f"{path}: is not what was written: its checksum is another; get the file again")
    return metadata, tensors
