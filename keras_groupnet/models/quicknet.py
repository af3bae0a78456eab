"""QuickNets: the networks of Larq's zoo that are made for speed."""

import os
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.initializers import BlurPool
from keras_groupnet.models.common import check_model_arguments, check_size, finish
from keras_groupnet.models.convolutions import float_conv, norm_relu, sign_conv
from keras_groupnet.structure.blocks import batch_norm
from keras_groupnet.structure.scope import Scope


def QuickNet(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    *,
    blocks: Sequence[int] = (4, 4, 4, 4),
    filters: Sequence[int] = (64, 128, 256, 512),
    stem: str = "imagenet",
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    name: str = "quicknet",
) -> keras.Model:
    """QuickNet: a block is `x + BN(relu(conv(sgn(x), sgn(w))))`, padded with +1.

    The stem is float: 3x3 with a quarter of the filters, depthwise 3x3, 1x1. Where the width
    changes: ReLU, 2x2 maximum without strides, a fixed blur with stride 2, float 1x1.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None, else they are at
            least 32 (8 with the stem `"cifar"`).
        classes: number of outputs.
        blocks: per stage.
        filters: channels per stage, those of the first a multiple of 4. A stage of another width
            than that before it halves the feature map.
        stem: `"imagenet"` (both 3x3 convolutions have stride 2) or `"cifar"` (stride 1).
        classifier_activation: `"softmax"`, or None for logits.
        include_top: False for a model that ends in the last feature map.
        weights: a file of `save_weights` of such a model; None for initial weights.
        seed: of all initial weights.
        name: of the model.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Bannink et al., Larq Compute Engine, arXiv 2011.09398, section 5 (QuickNet); the
        architecture is that of larq-zoo 2.
    """
    check_model_arguments(input_shape, classes, stem)
    check_size(input_shape, stem, 8)
    if not blocks or len(blocks) != len(filters) or min(*blocks, *filters) < 1 or filters[0] % 4:
        raise ValueError(
            "`blocks` and `filters` must be positive ints, one of each per stage, the first of "
            f"`filters` a multiple of 4. Received: blocks={blocks!r}, filters={filters!r}"
        )
    inputs = keras.Input(tuple(input_shape), name="images")
    x = _stem(inputs, filters[0], 2 if stem == "imagenet" else 1, seed)
    for stage, (count, width) in enumerate(zip(blocks, filters, strict=True), start=1):
        if x.shape[-1] != width:
            x = _transition(x, width, f"stage{stage}_transition", seed)
        for number in range(1, count + 1):
            block = f"stage{stage}_block{number}"
            y = sign_conv(x, width, f"{block}_conv", seed, 1.25, pad_values=1.0, activation="relu")
            y = batch_norm(y, f"{block}_bn")
            x = keras.layers.Add(name=f"{block}_add")([y, x])
    x = keras.layers.ReLU(name="head_relu")(x)
    return finish(inputs, x, classes, classifier_activation, seed, name, include_top, weights)


def QuickNetSmall(*args: Any, name: str = "quicknet_small", **options: Any) -> keras.Model:  # noqa: N802
    """QuickNet with 32, 64, 256 and 512 channels. Arguments as in `QuickNet`."""
    return QuickNet(*args, **({"filters": (32, 64, 256, 512)} | options), name=name)


def QuickNetLarge(*args: Any, name: str = "quicknet_large", **options: Any) -> keras.Model:  # noqa: N802
    """QuickNet with 6, 8, 12 and 6 blocks. Arguments as in `QuickNet`."""
    return QuickNet(*args, **({"blocks": (6, 8, 12, 6)} | options), name=name)


def _stem(x: Any, filters: int, strides: int, seed: int) -> Any:
    x = norm_relu(float_conv(x, filters // 4, 3, "stem_conv1", seed, strides=strides), "stem1")
    x = keras.layers.DepthwiseConv2D(
        3,
        strides,
        "same",
        use_bias=False,
        depthwise_initializer=Scope(seed).initializer("stem_depthwise"),
        name="stem_depthwise",
    )(x)
    x = keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, center=False, scale=False, name="stem2_bn"
    )(x)
    return batch_norm(float_conv(x, filters, 1, "stem_conv2", seed), "stem3_bn")


def _transition(x: Any, filters: int, name: str, seed: int) -> Any:
    x = keras.layers.ReLU(name=f"{name}_relu")(x)
    x = keras.layers.MaxPooling2D(2, 1, name=f"{name}_pool")(x)
    x = keras.layers.DepthwiseConv2D(
        3,
        2,
        "same",
        use_bias=False,
        depthwise_initializer=BlurPool(),
        trainable=False,
        name=f"{name}_blur",
    )(x)
    return batch_norm(float_conv(x, filters, 1, f"{name}_conv", seed), f"{name}_bn")
