"""MeliusNets: blocks that add channels, and blocks that improve those that were added last."""

import os
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_groupnet.models.common import check_model_arguments, finish
from keras_groupnet.models.convolutions import float_conv, norm_relu, sign_conv
from keras_groupnet.structure.blocks import batch_norm

_GROWTH = 64


def MeliusNet(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    *,
    blocks: Sequence[int] = (4, 5, 4, 4),
    transitions: Sequence[int] = (160, 224, 256),
    stem: str = "imagenet",
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    name: str = "meliusnet",
) -> keras.Model:
    """MeliusNet: a block is a dense block and an improvement block, both of 64 channels.

        dense          x = concat(x, conv(sgn(BN(x)), sgn(w)))
        improvement    x = x + conv(sgn(BN(x)), sgn(w)), on the last 64 channels alone

    Between stages: batch norm, 2x2 maximum, ReLU, float 1x1. The stem is three float 3x3
    convolutions, the second one of 4 and the third one of 8 groups, and a max pool.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        classes: number of outputs.
        blocks: per stage.
        transitions: channels behind each stage but the last.
        stem: `"imagenet"` (stride 2, and the max pool) or `"cifar"` (stride 1, no pool).
        classifier_activation: `"softmax"`, or None for logits.
        include_top: False for a model that ends in the last feature map.
        weights: a file of `save_weights` of such a model; None for initial weights.
        seed: of all initial weights.
        name: of the model.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Bethge et al., MeliusNet: Can Binary Neural Networks Achieve MobileNet-level Accuracy?,
        arXiv 2001.05936.
    """
    check_model_arguments(input_shape, classes, stem)
    if not blocks or len(blocks) != len(transitions) + 1 or min([*blocks, *transitions]) < 1:
        raise ValueError(
            "`blocks` must be positive ints, one per stage, and `transitions` one less. "
            f"Received: blocks={blocks!r}, transitions={transitions!r}"
        )
    inputs = keras.Input(tuple(input_shape), name="images")
    x = _stem(inputs, stem, seed)
    for stage, count in enumerate(blocks, start=1):
        for number in range(1, count + 1):
            block = f"stage{stage}_block{number}"
            y = _branch(x, f"{block}_dense", seed)
            x = keras.layers.Concatenate(name=f"{block}_concat")([x, y])
            x = _improved(x, _branch(x, f"{block}_improvement", seed), block)
        if stage <= len(transitions):
            name_ = f"stage{stage + 1}_transition"
            x = batch_norm(x, f"{name_}_bn")
            x = keras.layers.MaxPooling2D(2, 2, "same", name=f"{name_}_pool")(x)
            x = keras.layers.ReLU(name=f"{name_}_relu")(x)
            x = float_conv(x, transitions[stage - 1], 1, f"{name_}_conv", seed)
    x = norm_relu(x, "head")
    return finish(inputs, x, classes, classifier_activation, seed, name, include_top, weights)


def MeliusNet22(*args: Any, name: str = "meliusnet22", **options: Any) -> keras.Model:  # noqa: N802
    """MeliusNet-22: 4, 5, 4 and 4 blocks. Arguments as in `MeliusNet`."""
    return MeliusNet(*args, name=name, **options)


def _branch(x: Any, name: str, seed: int) -> Any:
    return sign_conv(batch_norm(x, f"{name}_bn"), _GROWTH, f"{name}_conv", seed, 1.3)


def _improved(x: Any, y: Any, block: str) -> Any:
    kept, last = ops.split(x, [x.shape[-1] - _GROWTH], axis=-1)
    last = keras.layers.Add(name=f"{block}_add")([y, last])
    return keras.layers.Concatenate(name=f"{block}_join")([kept, last])


def _stem(x: Any, stem: str, seed: int) -> Any:
    strides = 2 if stem == "imagenet" else 1
    x = norm_relu(float_conv(x, 32, 3, "stem_conv1", seed, strides=strides), "stem1")
    x = norm_relu(_grouped(x, 32, 4, "stem_conv2", seed), "stem2")
    x = norm_relu(_grouped(x, 64, 8, "stem_conv3", seed), "stem3")
    if stem == "cifar":
        return x
    return keras.layers.MaxPooling2D(2, 2, "same", name="stem_pool")(x)


def _grouped(x: Any, filters: int, groups: int, name: str, seed: int) -> Any:
    """A convolution for each group: TensorFlow trains no grouped ones on CPUs."""
    parts = [
        float_conv(part, filters // groups, 3, f"{name}_group{number}", seed)
        for number, part in enumerate(ops.split(x, groups, axis=-1), start=1)
    ]
    return keras.layers.Concatenate(name=f"{name}_concat")(parts)
