"""AlexNet of any method."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.methods import Method
from keras_groupnet.models.common import (
    UNSET,
    Unset,
    activate,
    check_model_arguments,
    classifier,
    first_layer,
    resolve_method,
)
from keras_groupnet.structure.blocks import Block, BlockLayer

PARTITIONS = ("group_s1", "layerwise")


def AlexNet(  # noqa: N802
    input_shape: Sequence[int] = (227, 227, 3),
    classes: int = 1000,
    bases: int | None | Unset = UNSET,
    activation_bits: int | Unset = UNSET,
    *,
    method: str | Method | None = None,
    filters: Sequence[int] = (96, 256, 384, 384, 256),
    units: int = 4096,
    stem: str = "imagenet",
    partition: str | Unset = UNSET,
    classifier_activation: str | None = "softmax",
    seed: int = 0,
    name: str = "alexnet",
    **group_options: Any,
) -> keras.Model:
    """AlexNet with batch norm and without dropout, its inner layers grouped.

    conv1 and fc8 are float, a batch norm and a ReLU stand in front of fc8. Group-S1 of Group-Net:
    {conv2, pool2, conv3}, {conv4, conv5}, pool5, {fc6, fc7}. With `bases=None` or
    `method="full_precision"` it is the full-precision network with the same layer names
    (`base3_conv4` is to replace `conv4`).

    Args:
        input_shape: `(height, width, channels)`.
        classes: number of outputs.
        bases: K of Group-Net, 5 by default; None for the full-precision parent, which ignores all
            that is about bases.
        activation_bits: of Group-Net: 1, 2, 4 or 32.
        method: one of `methods.names()` or a `methods.Method`, instead of all arguments of
            Group-Net.
        filters: channels of the five convolutions.
        units: of fc6 and fc7.
        stem: `"imagenet"` (11x11 stride 4) or `"cifar"` (5x5, and all pools pad).
        partition: of Group-Net: `"group_s1"` (the default) or `"layerwise"`.
        classifier_activation: `"softmax"`, or None for logits.
        seed: of all initial weights.
        name: of the model.
        **group_options: further options of `methods.GroupNet`.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631 (v1), appendix; Krizhevsky et al., 2012.
    """
    check_model_arguments(input_shape, classes, stem)
    if partition is not UNSET:
        if partition not in PARTITIONS:
            raise ValueError(
                f"`partition` must be one of {PARTITIONS}. Received: partition={partition!r}"
            )
        group_options["partition"] = "v1" if partition == "group_s1" else partition
    chosen = resolve_method(method, bases, activation_bits, group_options)
    if None in input_shape or (stem == "imagenet" and min(input_shape[:2]) < 67):
        raise ValueError(
            "`input_shape` must be fixed, and at least (67, 67, channels) for stem='imagenet'. "
            f"Received: input_shape={input_shape!r}, stem={stem!r}"
        )
    if len(filters) != 5 or min(*filters, units) < 1:
        raise ValueError(
            "`filters` must be five positive ints and `units` one. "
            f"Received: filters={filters!r}, units={units!r}"
        )
    padding = "valid" if stem == "imagenet" else "same"
    convolutions = [
        Block(
            "",
            (BlockLayer("conv2", filters[1], 5, 1, 3, padding), BlockLayer("conv3", filters[2], 3)),
            residual=False,
        ),
        Block(
            "",
            (BlockLayer("conv4", filters[3], 3), BlockLayer("conv5", filters[4], 3)),
            residual=False,
        ),
    ]
    dense = Block("", (BlockLayer("fc6", units, 0), BlockLayer("fc7", units, 0)), residual=False)

    inner, outer = chosen.split([len(convolutions), 1])
    inputs = keras.Input(tuple(input_shape), name="images")
    x = first_layer(
        inputs,
        chosen,
        seed,
        ("conv1", "bn1", "relu1"),
        filters=filters[0],
        kernel_size=11 if stem == "imagenet" else 5,
        strides=4 if stem == "imagenet" else 1,
        padding=padding,
    )
    x = keras.layers.MaxPooling2D(3, 2, padding, name="pool1")(x)
    x = inner.build_blocks(x, convolutions, seed)
    x = keras.layers.MaxPooling2D(3, 2, padding, name="pool5")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = outer.build_blocks(x, [dense], seed, first_group=3)
    x = activate(x, chosen, "fc8_input")
    return keras.Model(
        inputs, classifier(x, classes, classifier_activation, seed, "fc8"), name=name
    )
