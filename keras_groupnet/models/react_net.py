"""ReActNets: ReActNet-18 and the MobileNet-like ReActNet-A."""

import os
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.layers import QuantConv2D, Quantize, RPReLU
from keras_groupnet.methods import ReActNet
from keras_groupnet.models.common import check_model_arguments, finish
from keras_groupnet.models.convolutions import float_conv
from keras_groupnet.models.resnet import ResNet18
from keras_groupnet.quantizers import BinaryWeight, RSign
from keras_groupnet.structure.blocks import batch_norm
from keras_groupnet.structure.scope import Scope

# Behind the stem's 32 channels; where the width doubles, and it is not the first time, the map is
# halved.
_FILTERS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)


def ReActNet18(*args: Any, name: str = "reactnet18", **options: Any) -> keras.Model:  # noqa: N802
    """`ResNet18` of `methods.ReActNet`. Arguments as in `ResNet` but those of Group-Net.

    References:
        Liu et al., ReActNet, arXiv 2003.03488; the ResNet is that of its release.
    """
    return ResNet18(*args, **({"method": ReActNet()} | options), name=name)


def ReActNetA(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    *,
    stem_filters: int = 32,
    filters: Sequence[int] = _FILTERS,
    stem: str = "imagenet",
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    name: str = "reactnet_a",
) -> keras.Model:
    """ReActNet-A: MobileNet's blocks with binary convolutions and shortcuts around all of them.

        x = RPReLU(BN(conv3x3(RSign(x))) + x)           with stride 2: + average of 2x2 of x
        x = RPReLU(BN(conv1x1(RSign(x))) + x)

    Where a block doubles the width, the 1x1 convolution is two, each with the shortcut, whose
    outputs are concatenated in front of the RPReLU.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        classes: number of outputs.
        stem_filters: channels of the float 3x3 convolution in front.
        filters: channels of each block, as many as those in front of it or twice as many. Blocks
            that double them have stride 2, but the first one.
        stem: `"imagenet"` (stride 2) or `"cifar"` (stride 1).
        classifier_activation: `"softmax"`, or None for logits.
        include_top: False for a model that ends in the last feature map.
        weights: a file of `save_weights` of such a model; None for initial weights.
        seed: of all initial weights.
        name: of the model.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Liu et al., ReActNet, arXiv 2003.03488, section 4.1 and 4.2.
    """
    check_model_arguments(input_shape, classes, stem)
    widths = (stem_filters, *filters)
    if stem_filters < 1 or any(
        width not in (before, 2 * before) for before, width in zip(widths, widths[1:], strict=False)
    ):
        raise ValueError(
            "Each of `filters` must be that before it or twice that, the first one `stem_filters`. "
            f"Received: stem_filters={stem_filters!r}, filters={filters!r}"
        )
    inputs = keras.Input(tuple(input_shape), name="images")
    strides = 2 if stem == "imagenet" else 1
    x = float_conv(inputs, stem_filters, 3, "stem_conv", seed, strides=strides)
    x = batch_norm(x, "stem_bn")
    for number, width in enumerate(filters, start=1):
        doubles = width != x.shape[-1]
        strides = 2 if doubles and number > 1 else 1
        x = _block(x, width, strides, f"block{number}", seed)
    return finish(inputs, x, classes, classifier_activation, seed, name, include_top, weights)


def _block(x: Any, filters: int, strides: int, name: str, seed: int) -> Any:
    channels = x.shape[-1]
    signs = Quantize(RSign(), name=f"{name}_conv1_quantize")(x)
    y = _conv(signs, channels, 3, f"{name}_conv1", seed, strides=strides)
    if strides > 1:
        x = keras.layers.AveragePooling2D(strides, padding="same", name=f"{name}_pool")(x)
    x = keras.layers.Add(name=f"{name}_add1")([y, x])
    x = RPReLU(name=f"{name}_rprelu1")(x)

    signs = Quantize(RSign(), name=f"{name}_conv2_quantize")(x)
    halves = [""] if filters == channels else ["_first", "_second"]
    sums = []
    for half in halves:
        y = _conv(signs, channels, 1, f"{name}_conv2{half}", seed)
        sums.append(keras.layers.Add(name=f"{name}_add2{half}")([y, x]))
    x = sums[0] if len(sums) == 1 else keras.layers.Concatenate(name=f"{name}_concat")(sums)
    return RPReLU(name=f"{name}_rprelu2")(x)


def _conv(x: Any, filters: int, kernel_size: int, name: str, seed: int, strides: int = 1) -> Any:
    """The binary convolution and its batch norm."""
    x = QuantConv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_quantizer=BinaryWeight("channel"),
        kernel_initializer=Scope(seed).initializer(name),
        name=name,
    )(x)
    return batch_norm(x, f"{name}_bn")
