"""Flags that name a data set."""

from typing import Any

from absl import flags


def define_data_flags(values: flags.FlagValues, default: str | None) -> None:
    """Defines them; without a default, naming a data set is optional."""
    flags.DEFINE_string(
        "data",
        default,
        "digits (built in), cifar10, cifar100, fashion_mnist or folder (of images)",
        flag_values=values,
    )
    flags.DEFINE_string("data_path", None, "where its files are", flag_values=values)


def load_data(values: flags.FlagValues) -> Any:
    """The data set of the flags, None if they name none."""
    if values.data is None:
        return None
    from keras_groupnet import datasets

    return datasets.load(values.data, values.data_path)
