"""BinaryDenseNets: layers that see all that the layers before them computed."""

import os
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.models.common import check_model_arguments, check_size, finish
from keras_groupnet.models.convolutions import float_conv, norm_relu, sign_conv
from keras_groupnet.structure.blocks import batch_norm


def BinaryDenseNet(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    *,
    blocks: Sequence[int] = (6, 6, 6, 5),
    reductions: Sequence[float] = (2.7, 2.7, 2.2),
    dilation_rates: Sequence[int] = (1, 1, 1, 1),
    growth: int = 64,
    stem: str = "imagenet",
    stem_filters: int = 64,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    name: str = "binary_densenet",
) -> keras.Model:
    """BinaryDenseNet: a block is `concat(x, conv(sgn(BN(x)), sgn(w)))`.

    Between stages: batch norm, 2x2 maximum, ReLU and a float 1x1 convolution that leaves
    `1 / reduction` of the channels, rounded to a multiple of 32. In front of a dilated stage the
    maximum is left out. No block adds, so there is no float shortcut to keep beside the maps.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None, else they are at
            least 32 (8 with the stem `"cifar"`).
        classes: number of outputs.
        blocks: per stage.
        reductions: between stages, one less than there are stages.
        dilation_rates: of the binary convolutions of each stage.
        growth: channels that a block adds.
        stem: `"imagenet"` (7x7 stride 2, batch norm, ReLU, max pool) or `"cifar"` (3x3 alone).
        stem_filters: channels of the stem.
        classifier_activation: `"softmax"`, or None for logits.
        include_top: False for a model that ends in the last feature map.
        weights: a file of `save_weights` of such a model; None for initial weights.
        seed: of all initial weights.
        name: of the model.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Bethge et al., Back to Simplicity: How to Train Accurate BNNs from Scratch?, arXiv
        1906.08637.
    """
    check_model_arguments(input_shape, classes, stem)
    check_size(input_shape, stem, 8)
    if not blocks or not len(blocks) == len(dilation_rates) == len(reductions) + 1:
        raise ValueError(
            "`blocks` and `dilation_rates` must have one number per stage, `reductions` one less. "
            f"Received: blocks={blocks!r}, dilation_rates={dilation_rates!r}, "
            f"reductions={reductions!r}"
        )
    inputs = keras.Input(tuple(input_shape), name="images")
    x = _stem(inputs, stem_filters, stem, seed)
    for stage, count in enumerate(blocks):
        rate = dilation_rates[stage]
        for number in range(1, count + 1):
            block = f"stage{stage + 1}_block{number}"
            y = batch_norm(x, f"{block}_bn")
            y = sign_conv(y, growth, f"{block}_conv", seed, 1.3, dilation_rate=rate)
            x = keras.layers.Concatenate(name=f"{block}_concat")([x, y])
        if stage < len(reductions):
            transition = f"stage{stage + 2}_transition"
            x = batch_norm(x, f"{transition}_bn")
            if dilation_rates[stage + 1] == 1:
                x = keras.layers.MaxPooling2D(2, name=f"{transition}_pool")(x)
            x = keras.layers.ReLU(name=f"{transition}_relu")(x)
            width = max(round(x.shape[-1] // reductions[stage] / 32), 1) * 32
            x = float_conv(x, width, 1, f"{transition}_conv", seed)
    x = norm_relu(x, "head")
    return finish(inputs, x, classes, classifier_activation, seed, name, include_top, weights)


def BinaryDenseNet28(*args: Any, name: str = "binary_densenet28", **options: Any) -> keras.Model:  # noqa: N802
    """BinaryDenseNet-28: 6, 6, 6 and 5 blocks. Arguments as in `BinaryDenseNet`."""
    return BinaryDenseNet(*args, name=name, **options)


def BinaryDenseNet37(*args: Any, name: str = "binary_densenet37", **options: Any) -> keras.Model:  # noqa: N802
    """BinaryDenseNet-37: 6, 8, 12 and 6 blocks. Arguments as in `BinaryDenseNet`."""
    defaults: dict[str, Any] = {"blocks": (6, 8, 12, 6), "reductions": (3.3, 3.3, 4)}
    return BinaryDenseNet(*args, **(defaults | options), name=name)


def BinaryDenseNet37Dilated(  # noqa: N802
    *args: Any, name: str = "binary_densenet37_dilated", **options: Any
) -> keras.Model:
    """BinaryDenseNet-37 with dilations 2 and 4 in place of the last two poolings."""
    return BinaryDenseNet37(*args, **({"dilation_rates": (1, 1, 2, 4)} | options), name=name)


def BinaryDenseNet45(*args: Any, name: str = "binary_densenet45", **options: Any) -> keras.Model:  # noqa: N802
    """BinaryDenseNet-45: 6, 12, 14 and 8 blocks. Arguments as in `BinaryDenseNet`."""
    defaults: dict[str, Any] = {"blocks": (6, 12, 14, 8), "reductions": (2.7, 3.3, 4)}
    return BinaryDenseNet(*args, **(defaults | options), name=name)


def _stem(x: Any, filters: int, stem: str, seed: int) -> Any:
    if stem == "cifar":
        return float_conv(x, filters, 3, "stem_conv", seed)
    x = norm_relu(float_conv(x, filters, 7, "stem_conv", seed, strides=2), "stem")
    return keras.layers.MaxPooling2D(3, 2, "same", name="stem_pool")(x)
