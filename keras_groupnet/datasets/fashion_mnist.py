"""Fashion-MNIST, in the idx format of MNIST."""

import gzip
import os
import zlib
from pathlib import Path

import numpy as np

from keras_groupnet.datasets.dataset import Dataset, check_labels, from_bytes, not_found
from keras_groupnet.datasets.keras_cache import keras_cache

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_UNSIGNED_BYTE = 8


def fashion_mnist(path: str | os.PathLike[str] | None = None) -> Dataset:
    """Loads Fashion-MNIST: 60,000 + 10,000 grey images of 28x28 pixels, 10 classes.

    Args:
        path: a folder with the four published files `train-images-idx3-ubyte`, ... (with or
            without `.gz`), or a folder that holds it as `fashion-mnist`; None for Keras' cache
            (`$KERAS_HOME/datasets` or `~/.keras/datasets`).

    Raises:
        FileNotFoundError: if it is not there; the message lists the places.
        ValueError: if a file is damaged.

    References:
        Xiao et al., Fashion-MNIST, arXiv 1708.07747.
    """
    root = keras_cache() if path is None else Path(path)
    train_x, train_y = _part(root, "train")
    test_x, test_y = _part(root, "t10k")
    return Dataset("fashion_mnist", train_x, train_y, test_x, test_y, CLASS_NAMES)


def read_idx(path: str | os.PathLike[str], dimensions: int) -> np.ndarray:
    """Returns the uint8 array in an idx file.

    Layout: two zero bytes, the type (8: unsigned byte), the number of dimensions, each length as a
    big-endian 32-bit int, the values.

    Args:
        path: may end in `.gz`.
        dimensions: how many there should be.

    Raises:
        ValueError: if the file is something else or cut off.
    """
    path = Path(path)
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} should be a gzip file. Received: {error}") from error
    start = 4 + 4 * dimensions
    if len(content) < start or content[:4] != bytes([0, 0, _UNSIGNED_BYTE, dimensions]):
        raise ValueError(
            f"{path} should be an idx file of unsigned bytes with {dimensions} dimensions. "
            f"Received: {len(content)} bytes that start with {content[:4].hex(' ')}"
        )
    shape = tuple(np.frombuffer(content, ">u4", dimensions, 4).tolist())
    if len(content) - start != np.prod(shape):
        raise ValueError(
            f"{path} should hold {np.prod(shape)} values, shape {shape}. "
            f"Received: {len(content) - start}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _part(root: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images = read_idx(_find(root, f"{part}-images-idx3-ubyte"), 3)
    labels_file = _find(root, f"{part}-labels-idx1-ubyte")
    labels = read_idx(labels_file, 1).astype(np.int64)
    check_labels(labels, images, len(CLASS_NAMES), labels_file)
    return from_bytes(images)[..., None], labels


def _find(root: Path, name: str) -> Path:
    places = [
        folder / file for folder in (root, root / "fashion-mnist") for file in (f"{name}.gz", name)
    ]
    for place in places:
        if place.is_file():
            return place
    raise not_found("Fashion-MNIST (idx files)", places)
