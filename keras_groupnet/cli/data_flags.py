"""Flags that name a data set."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from absl import app, flags

if TYPE_CHECKING:
    from keras_groupnet.datasets import SeededBatches

DATA = ("digits", "cifar10", "cifar100", "fashion_mnist", "folder")
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
    flags.DEFINE_enum(
        "data",
        default,
        list(DATA),
        "digits (built in), cifar10, cifar100, fashion_mnist or folder (of images)",
        flag_values=values,
    )
    flags.DEFINE_string("data_path", None, "where its files are", flag_values=values)
    flags.DEFINE_integer("image_size", 224, "crops of --data folder", 1, flag_values=values)


def check_data_flags(values: flags.FlagValues) -> None:
    """Raises absl.app.UsageError if the files of a data set cannot be there."""
    path = values.data_path
    if values.data == "folder" and not path:
        raise app.UsageError("--data=folder needs --data_path=FOLDER.")
    if path and values.data in (None, "digits"):
        raise app.UsageError(
            f"--data_path={path} needs --data=cifar10, cifar100, fashion_mnist or folder."
        )
    if path and not Path(path).exists():
        raise app.UsageError(f"--data_path={path}: no such file or folder. Give that of the data.")


def load_data(values: flags.FlagValues, batch_size: int, seed: int = 0) -> Data:
    """The data set of the flags.

    Args:
        values: parsed flags that name one.
        batch_size: images in a batch.
        seed: of order and augmentation.
    """
    from keras_groupnet import datasets

    if values.data == "folder":
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
