"""Real data sets in their usual formats on disk, and batches of them. Nothing is downloaded."""

import os
from collections.abc import Callable
from typing import Any

from keras_groupnet.datasets.augmentation import CropAndFlip
from keras_groupnet.datasets.batches import Batches, SeededBatches
from keras_groupnet.datasets.cifar import cifar10, cifar100
from keras_groupnet.datasets.dataset import Dataset
from keras_groupnet.datasets.digits import digits
from keras_groupnet.datasets.fashion_mnist import fashion_mnist, read_idx
from keras_groupnet.datasets.image_folder import ImageFileBatches, ImageFolder, image_folder

__all__ = [
    "Batches",
    "CropAndFlip",
    "Dataset",
    "ImageFileBatches",
    "ImageFolder",
    "SeededBatches",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "image_folder",
    "load",
    "read_idx",
]

_LOADERS: dict[str, Callable[..., Dataset]] = {
    "cifar10": cifar10,
    "cifar100": cifar100,
    "fashion_mnist": fashion_mnist,
}


def load(
    name: str = "digits", path: str | os.PathLike[str] | None = None, **options: Any
) -> Dataset:
    """Loads a data set as arrays.

    Args:
        name: `"digits"` (embedded), `"cifar10"`, `"cifar100"` or `"fashion_mnist"`. Folders of
            image files are opened with `image_folder`.
        path: where it is; None for Keras' cache. See the function of that name.
        **options: more arguments of that function.

    Raises:
        ValueError: for another name, or a path for `"digits"`.
    """
    if name == "digits" and path is None:
        return digits(**options)
    if name not in _LOADERS:
        raise ValueError(
            f"`name` must be 'digits' (which takes no path) or one of {sorted(_LOADERS)}; use "
            f"`image_folder` for image files. Received: name={name!r}, path={path!r}"
        )
    return _LOADERS[name](path, **options)
