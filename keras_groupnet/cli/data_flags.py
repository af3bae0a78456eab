"""Flags that name a data set."""

import dataclasses
from typing import TYPE_CHECKING

from absl import app, flags

if TYPE_CHECKING:
    from keras_groupnet.datasets import SeededBatches

_AUGMENTATION = {"digits": (1, False), "fashion_mnist": (2, True)}  # else as for CIFAR: (4, True)


@dataclasses.dataclass(frozen=True)
class Data:
    """Batches of a data set.

    Attributes:
        train: shuffled and augmented.
        test: as they are.
        classes: how many.
    """

    train: "SeededBatches"
    test: "SeededBatches"
    classes: int


def define_data_flags(values: flags.FlagValues, default: str | None) -> None:
    """Defines them; without a default, naming a data set is optional."""
    flags.DEFINE_string(
        "data",
        default,
        "digits (built in), cifar10, cifar100, fashion_mnist or folder (of images)",
        flag_values=values,
    )
    flags.DEFINE_string("data_path", None, "where its files are", flag_values=values)
    flags.DEFINE_integer("image_size", 224, "crops of --data folder", flag_values=values)


def load_data(values: flags.FlagValues, batch_size: int, seed: int = 0) -> Data:
    """The data set of the flags.

    Args:
        values: parsed flags that name one.
        batch_size: images in a batch.
        seed: of order and augmentation.
    """
    from keras_groupnet import datasets

    if values.data == "folder":
        if not values.data_path:
            raise app.UsageError("--data folder needs --data_path.")
        folder = datasets.image_folder(
            values.data_path,
            image_size=values.image_size,
            short_side=round(values.image_size * 256 / 224),
            batch_size=batch_size,
            seed=seed,
        )
        return Data(folder.train, folder.test, folder.classes)
    data = datasets.load(values.data, values.data_path)
    padding, flip = _AUGMENTATION.get(values.data, (4, True))
    augment = datasets.CropAndFlip(padding, flip)
    return Data(
        datasets.Batches(data.train_x, data.train_y, batch_size, augment, seed=seed),
        datasets.Batches(data.test_x, data.test_y, batch_size, shuffle=False),
        data.classes,
    )
