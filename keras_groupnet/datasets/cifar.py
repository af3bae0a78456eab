"""CIFAR-10 and CIFAR-100 in their published python layout."""

import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_groupnet.datasets import safe_pickle
from keras_groupnet.datasets.dataset import Dataset, check_labels, from_bytes, not_found
from keras_groupnet.datasets.keras_cache import keras_cache


def cifar10(path: str | os.PathLike[str] | None = None) -> Dataset:
    """Loads CIFAR-10: 50,000 + 10,000 images of 32x32 pixels, 10 classes.

    Args:
        path: the folder `cifar-10-batches-py`, a folder that holds it, or the published
            `.tar.gz`; None for Keras' cache (`$KERAS_HOME/datasets` or `~/.keras/datasets`).

    Raises:
        FileNotFoundError: if it is not there; the message lists the places.
        ValueError: if a file is damaged.

    References:
        Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    names = [*batches, "test_batch"]
    place, files = _read(
        path, "cifar-10-batches-py", "cifar-10-python.tar.gz", names, "batches.meta"
    )
    parts = {name: _images(files[name], b"labels", 10, place / name) for name in names}
    test_x, test_y = parts["test_batch"]
    return Dataset(
        "cifar10",
        np.concatenate([from_bytes(parts[name][0]) for name in batches]),
        np.concatenate([parts[name][1] for name in batches]),
        from_bytes(test_x),
        test_y,
        _names(files.get("batches.meta", {}).get(b"label_names"), 10),
    )


def cifar100(path: str | os.PathLike[str] | None = None, labels: str = "fine") -> Dataset:
    """Loads CIFAR-100: 50,000 + 10,000 images of 32x32 pixels, 100 classes or 20 superclasses.

    Args:
        path: the folder `cifar-100-python`; otherwise as in `cifar10`.
        labels: `"fine"` or `"coarse"`.

    Raises:
        FileNotFoundError: if it is not there; the message lists the places.
        ValueError: if a file is damaged, or for other `labels`.

    References:
        Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    if labels not in ("fine", "coarse"):
        raise ValueError(f"`labels` must be 'fine' or 'coarse'. Received: labels={labels!r}")
    place, files = _read(
        path, "cifar-100-python", "cifar-100-python.tar.gz", ["train", "test"], "meta"
    )
    classes = 100 if labels == "fine" else 20
    key = f"{labels}_labels".encode()
    train_x, train_y = _images(files["train"], key, classes, place / "train")
    test_x, test_y = _images(files["test"], key, classes, place / "test")
    names = _names(files.get("meta", {}).get(f"{labels}_label_names".encode()), classes)
    return Dataset("cifar100", from_bytes(train_x), train_y, from_bytes(test_x), test_y, names)


def _read(
    path: Any, folder: str, archive: str, names: list[str], meta: str
) -> tuple[Path, dict[str, dict[bytes, Any]]]:
    """Where the files are, and the unpickled dicts of `names` and, if it is there, `meta`."""
    root = keras_cache() if path is None else Path(path)
    # Keras 3 unpacks into <folder>-target/, older versions beside the archive <folder>.tar.gz.
    folders = [root, root / folder, root / f"{folder}-target" / folder]
    archives = [root / archive, root / f"{folder}.tar.gz"]
    for place in folders + archives:
        if (place / names[0]).is_file():
            contents = _from_folder(place, names, meta)
            break
        if place.is_file():
            contents = _from_archive(place, folder, names, meta)
            break
    else:
        wanted = [place / names[0] for place in folders]
        raise not_found(f"{folder} (published python layout)", wanted + archives)
    dicts = {}
    for name, content in contents.items():
        dicts[name] = safe_pickle.load(content, place / name)
        if not isinstance(dicts[name], dict):
            raise ValueError(
                f"{place / name} should hold a dict. Received: {type(dicts[name]).__name__}"
            )
    return place, dicts


def _from_folder(folder: Path, names: list[str], meta: str) -> dict[str, bytes]:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} should hold {names}. Missing: {missing}")
    present = [name for name in (*names, meta) if (folder / name).is_file()]
    return {name: (folder / name).read_bytes() for name in present}


def _from_archive(archive: Path, folder: str, names: list[str], meta: str) -> dict[str, bytes]:
    contents = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:  # in the order of the file: seeking in a .gz starts over
                parent, _, name = member.name.rpartition("/")
                if parent == folder and name in (*names, meta):
                    file = tar.extractfile(member)
                    contents[name] = b"" if file is None else file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{archive} should be the published .tar.gz. Received: {error}") from error
    missing = [name for name in names if name not in contents]
    if missing:
        raise ValueError(f"{archive} should hold {folder}/{names}. Missing: {missing}")
    return contents


def _images(
    batch: dict[bytes, Any], key: bytes, classes: int, source: Path
) -> tuple[np.ndarray, np.ndarray]:
    data = batch.get(b"data")
    if not (isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape[1:] == (3072,)):
        received = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else f"{data!r}"
        raise ValueError(
            f"'data' in {source} should be a uint8 array of shape (N, 3072). "
            f"Received: {received[:80]}"
        )
    if key not in batch:
        raise ValueError(f"{source} should hold {key.decode()!r}. Received: keys {[*batch]}")
    labels = np.asarray(batch[key], np.int64)
    check_labels(labels, data, classes, source)
    return data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def _names(names: Any, classes: int) -> tuple[str, ...]:
    if names is None or len(names) != classes:
        return tuple(str(number) for number in range(classes))
    return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names)
