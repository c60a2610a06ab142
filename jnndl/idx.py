"""MNIST, and any other data set that comes as MNIST's four IDX files: found, checked, downloaded."""

import gzip
import hashlib
import math
import os
import pathlib
import struct
import tempfile
import time
import zlib
from typing import Any

import numpy as np

from jnndl.data import Dataset, Splits

# sha256 of each decompressed file: the same bytes circulate in several gzip wrappers, whose own sums differ.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
BYTES = b"\x00\x00\x08"  # how an IDX file of bytes begins
MOST_UNZIPPED = 100  # MNIST's images take 4.7 times as much unzipped
CONNECT_SECONDS, READ_SECONDS = 5, 60
SLOWEST, LONGEST = 10_000, 100_000_000  # bytes a second, after READ_SECONDS; bytes that a mirror may send
HOW_TO_GET_MNIST = (
    "To work offline, get {} from {}, put them into one folder, and set JNNDL_DATA to it (or pass it as --data)"
).format(", ".join(f"{name}.gz" for name in MNIST_SHA256), " or ".join(MIRRORS))


def _read(path: pathlib.Path) -> bytes:
    """The content of a file, unzipped where the content itself (not the name) says gzip.

    No more is unzipped than an IDX header at its beginning promises (and a byte, to notice what is too long), and that
    may be ``MOST_UNZIPPED`` times the size of the file.
    """
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.read_bytes()
    try:
        with gzip.open(path) as file:
            start = file.read(4)
            axes = file.read(4 * start[3] if start[:3] == BYTES and len(start) == 4 else 0)
            promised = math.prod(struct.unpack_from(f">{len(axes) // 4}I", axes)) if axes else 0
            if promised > MOST_UNZIPPED * path.stat().st_size + 2**20:
                raise ValueError(
                    f"{path}: a file of {path.stat().st_size:,} bytes that promises {promised:,}, more than "
                    f"{MOST_UNZIPPED} times as many; if that is meant, unzip it"
                )
            return start + axes + file.read(promised + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: the gzip data are cut off or damaged ({error}); get the file again") from error


def parse_idx(content: bytes, name: str | os.PathLike, ndim: int) -> np.ndarray:
    """Read an IDX file of bytes.

    Args:
        content: the decompressed file: two zero bytes, type code 8, the number of axes, each axis as a big-endian
            32-bit integer, then the values.
        name: what to call it in an error.
        ndim: the number of axes it should have, 3 for images and 1 for labels.

    Returns:
        A uint8 array.

    Raises:
        ValueError: if the content is anything else, or is shorter or longer than its header says.
    """
    if content.lstrip()[:1] == b"<":
        raise ValueError(f"{name}: this is a web page, not an IDX file (a failed download?); get the file again")
    if len(content) < 4 or content[:3] != BYTES:
        start = content[:4].hex(" ")
        raise ValueError(
            f"{name}: starts with bytes {start or '(none)'}, but an IDX file of bytes starts with 00 00 08; "
            "get the file again"
        )
    if content[3] != ndim:
        raise ValueError(f"{name}: has {content[3]} axes, expected {ndim}; are images and labels swapped?")
    header = 4 + 4 * ndim
    if len(content) < header:
        raise ValueError(f"{name}: ends within its header of {header} bytes; it is damaged, get the file again")
    shape = struct.unpack_from(f">{ndim}I", content, 4)
    held = len(content) - header
    if math.prod(shape) != held:
        raise ValueError(
            f"{name}: the header says {' x '.join(map(str, shape))} = {math.prod(shape)} bytes, but the file holds "
            f"{held if held < math.prod(shape) else 'more'}; it is damaged, get the file again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _find(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The four IDX files in a folder, under any of their usual names: EMNIST's begin with the name of the set."""
    found = {}
    for name in MNIST_SHA256:
        spellings = {name, name.replace("t10k", "test")}
        spellings |= {spelling.replace("-idx", ".idx") for spelling in spellings}
        candidates = [folder / (spelling + suffix) for suffix in (".gz", "") for spelling in sorted(spellings)]
        present = [path for path in candidates if path.is_file()]
        others = sorted(path for like in candidates for path in folder.glob(f"*-{like.name}") if path.is_file())
        sets = {path.name.removesuffix(".gz").replace(".idx", "-idx") for path in others}
        if not present and len(sets) > 1:
            raise ValueError(
                f"data folder {folder} holds several data sets ({', '.join(sorted(sets))}); put the four files of one "
                "into a folder of their own"
            )
        if present or others:
            found[name] = (present or others)[0]
    missing = [name for name in MNIST_SHA256 if name not in found]
    if missing:
        why = "" if folder.is_dir() else "is no folder, so it " if folder.exists() else "does not exist, so it "
        raise FileNotFoundError(
            f"data folder {folder} {why}lacks {', '.join(missing)} (plain or .gz, '-idx' or '.idx'). "
            f"{HOW_TO_GET_MNIST}. Pictures in a folder for each class are read by load_images"
        )
    return found


def load_idx(folder: str | os.PathLike) -> Splits:
    """Load any data set that comes as MNIST's four IDX files, whatever its image size and number of classes.

    >>> fashion = jnndl.load_idx("fashion-mnist")  # doctest: +SKIP

    The validation data are the last sixth of the training file and the training data what stands before it, in file
    order: 50,000 and 10,000 for MNIST, as in the book. Pixels are divided by 256, as in the book's own files. EMNIST's
    images, which lie on their side in its files, are set upright; its letters are numbered from 1, so class 0 is empty.

    Args:
        folder: holds {train,t10k}-{images-idx3,labels-idx1}-ubyte, each plain or gzipped, or the same with the name of
            the set before it and "test" for "t10k", as in emnist-letters-test-labels-idx1-ubyte.gz.

    Raises:
        FileNotFoundError: if a file is missing; names all four.
        ValueError: if a file is damaged, images and labels do not match in number, or several sets are in the folder.
    """
    folder = pathlib.Path(folder).expanduser()
    paths, arrays, sha256 = _find(folder), {}, {}
    for name, path in paths.items():
        content = _read(path)
        arrays[name] = parse_idx(content, path, 3 if "images" in name else 1)
        if "images" in name and path.name.startswith("emnist-"):
            arrays[name] = np.ascontiguousarray(arrays[name].swapaxes(1, 2))
        sha256[name] = hashlib.sha256(content).hexdigest()
    pairs = {}
    for part in ("train", "t10k"):
        images, labels = arrays[f"{part}-images-idx3-ubyte"], arrays[f"{part}-labels-idx1-ubyte"]
        if len(images) != len(labels) or not len(images):
            raise ValueError(
                f"data folder {folder}: {len(images)} images but {len(labels)} labels in the {part} files; get both "
                "files again, from one place"
            )
        pairs[part] = (images, labels)
    (images, labels), (test_images, test_labels) = pairs["train"], pairs["t10k"]
    if images.shape[1:] != test_images.shape[1:]:
        raise ValueError(
            f"data folder {folder}: training images are {images.shape[1:]} but test images {test_images.shape[1:]}; "
            "get the files again, from one place"
        )
    name = folder.resolve().name
    kept, scale = len(images) - len(images) // 6, 1 / 256
    return Splits(
        training=Dataset(images[:kept], labels[:kept], scale),
        validation=Dataset(images[kept:], labels[kept:], scale),
        test=Dataset(test_images, test_labels, scale),
        name="mnist" if sha256 == MNIST_SHA256 else f"{name} (other)" if name in ("mnist", "digits") else name,
        sha256=sha256,
        classes=int(max(labels.max(), test_labels.max())) + 1,
    )


def load_mnist(folder: str | os.PathLike | None = None) -> Splits:
    """Load MNIST: 50,000 training, 10,000 validation and 10,000 test images in file order, the book's split.

    >>> mnist = jnndl.load_mnist()  # doctest: +SKIP
    >>> mnist.training.inputs.shape  # doctest: +SKIP
    (50000, 28, 28)

    Args:
        folder: holds the four files. None means the folder that JNNDL_DATA names, else the cache, which is filled by a
            download (11 MB) the first time.

    Raises:
        FileNotFoundError: if a folder was named and lacks a file.
        ValueError: if a file is damaged, or is not MNIST's.
        ConnectionError: if the files had to be downloaded and no mirror could be reached.
    """
    folder = folder or os.environ.get("JNNDL_DATA") or _cache()
    splits = load_idx(folder)
    for name, sha256 in splits.sha256.items():
        if sha256 != MNIST_SHA256[name]:
            raise ValueError(
                f"{pathlib.Path(folder) / name}: not MNIST's (sha256 of the content is {sha256[:16]}..., MNIST's is "
                f"{MNIST_SHA256[name][:16]}...); get the file again, or use load_idx (--data DIR) for other data"
            )
    return splits


def _cache() -> pathlib.Path:
    """The cache folder with all four files in it, downloading what it lacks."""
    import pooch  # here, so that importing the library does not pull in an HTTP client

    folder = pathlib.Path(pooch.os_cache("jnndl")) / "mnist"
    for name in MNIST_SHA256:
        try:
            whole = hashlib.sha256(_read(folder / f"{name}.gz")).hexdigest() == MNIST_SHA256[name]
        except (OSError, ValueError):
            whole = False  # missing, or damaged: fetched again
        if not whole:
            _download(name, folder)
    return folder


def _watching() -> Any:
    """A progress bar that gives up on a mirror which sends too slowly, or without end: pooch would wait."""
    from tqdm import tqdm

    class Watching(tqdm):
        began, received = time.monotonic(), 0

        def __bool__(self) -> bool:
            return True  # that of tqdm asks for the length, which a mirror may not tell

        def update(self, n: float | int | None = 1) -> bool | None:
            self.received += int(n or 0)
            seconds = time.monotonic() - self.began
            if seconds > READ_SECONDS and self.received < SLOWEST * seconds:
                raise TimeoutError(f"only {self.received:,} bytes came in {seconds:.0f} s")
            if self.received > LONGEST:
                raise OSError(f"more than {LONGEST:,} bytes came")
            return super().update(n)

        def reset(self, total: float | int | None = None) -> None:
            self.received, self.began = 0, time.monotonic()
            super().reset(total)

    return Watching(ncols=79, unit="B", unit_scale=True, leave=True)


def _download(name: str, folder: pathlib.Path) -> None:
    """Fetch one file from the first mirror that has it whole; it gets its name only once its content was checked."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would tell the user which checksum to paste where
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConnectionError(f"cannot make the cache folder {folder} ({error}). {HOW_TO_GET_MNIST}") from error
    failures = []
    for mirror in MIRRORS:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            settings = {"progressbar": _watching(), "chunk_size": 256, "timeout": (CONNECT_SECONDS, READ_SECONDS)}
            downloader = pooch.HTTPDownloader(**settings)
            try:
                path = pooch.retrieve(
                    f"{mirror}{name}.gz", known_hash=None, fname="download", path=temporary, downloader=downloader
                )
                sha256 = hashlib.sha256(_read(pathlib.Path(path))).hexdigest()
                if sha256 != MNIST_SHA256[name]:
                    raise ValueError(f"the content has sha256 {sha256[:16]}..., not {MNIST_SHA256[name][:16]}...")
                os.replace(path, folder / f"{name}.gz")
                return
            except (OSError, ValueError) as error:  # requests' errors are OSErrors
                failures.append(f"{mirror}: {(str(error) or repr(error)).splitlines()[0][:120]}")
    raise ConnectionError(f"could not download {name}.gz from any mirror ({'; '.join(failures)}). {HOW_TO_GET_MNIST}")
