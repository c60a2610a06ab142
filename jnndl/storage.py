"""Files that are complete or not there: any file, and safetensors files of arrays and texts."""

import os
import pathlib
import platform
import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree


def write_atomically(path: str | os.PathLike, write: Callable[[str], Any]) -> None:
    """Write to a temporary file by ``write(temporary)``, and rename it only when it is complete.

    A process that is killed while it writes leaves its temporary file behind; the next one on this machine to write the
    same file removes it.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: this is a folder; give the path of a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; make it first")
    start, end = f".{path.stem}.{platform.node()}-", f".partial{path.suffix}"  # some writers go by the ending
    for stale in path.parent.iterdir():
        ours = stale.name.startswith(start) and stale.name.endswith(end)
        if ours and not _is_alive(stale.name.removeprefix(start).partition("-")[0]):
            stale.unlink(missing_ok=True)
    temporary = path.with_name(f"{start}{os.getpid()}-{threading.get_ident()}{end}")
    try:
        write(str(temporary))
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before it has its name: a crash leaves the old file or the new
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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


def write_tensors(path: str | os.PathLike, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write arrays and texts into a safetensors file, completely or not at all."""
    from safetensors.numpy import save_file  # here, so that importing the library stays light

    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata))


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
        ValueError: if it is not whole, of another kind, or of another version.
    """
    from safetensors import SafetensorError, safe_open

    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give the path of a {what}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error}); give a {what}") from error
    if metadata.get("format") != kind:
        raise ValueError(f"{path}: a safetensors file, but not a {what}; give one that is")
    if metadata.get("version") not in [str(version) for version in versions]:
        raise ValueError(
            f"{path}: has format version {metadata.get('version')}, this jnndl reads "
            f"{' and '.join(map(str, versions))}; load it with the version of jnndl that saved it"
        )
    return metadata, tensors
