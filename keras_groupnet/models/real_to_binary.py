"""The network of Real-to-Binary."""

from typing import Any

import keras

from keras_groupnet.methods import RealToBinary
from keras_groupnet.models.resnet import ResNet18


def RealToBinaryNet(*args: Any, name: str = "real_to_binary", **options: Any) -> keras.Model:  # noqa: N802
    """`ResNet18` of `methods.RealToBinary`. Arguments as in `ResNet` but those of Group-Net.

    With `stem="imagenet"` images are halved twice by the stem and thrice by the stages, with
    `"cifar"` (3x3, no pool) only by the stages.

    References:
        Martinez et al., Training Binary Neural Networks with Real-to-Binary Convolutions, arXiv
        2003.11535.
    """
    return ResNet18(*args, **({"method": RealToBinary()} | options), name=name)
