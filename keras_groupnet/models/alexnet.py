"""AlexNet, as a Group-Net and as its full-precision parent."""

from collections.abc import Sequence

import keras

from keras_groupnet.blocks import Block, BlockLayer, batch_norm
from keras_groupnet.groups import GroupSpec, build_groups
from keras_groupnet.models.common import (
    check_model_arguments,
    classifier,
    conv,
    full_precision_block,
)

PARTITIONS = ("group_s1", "layerwise")


def AlexNet(  # noqa: N802
    input_shape: Sequence[int] = (227, 227, 3),
    classes: int = 1000,
    bases: int | None = 5,
    activation_bits: int = 1,
    *,
    filters: Sequence[int] = (96, 256, 384, 384, 256),
    units: int = 4096,
    stem: str = "imagenet",
    partition: str = "group_s1",
    wiring: str | None = None,
    activation_scale: str | None = None,
    weight_scale: str = "channel",
    beta: float = 1.0,
    pad_values: float | None = None,
    classifier_activation: str | None = "softmax",
    seed: int = 0,
    name: str = "alexnet",
) -> keras.Model:
    """AlexNet with batch norm and without dropout, its inner layers grouped.

    Group-S1: {conv2, pool2, conv3}, {conv4, conv5}, pool5, {fc6, fc7}; conv1 and fc8 are real. A
    batch norm and a ReLU stand in front of fc8. With `bases=None` it is the real network with the
    same layer names (`base3_conv4` is to replace `conv4`).

    Args:
        input_shape: `(height, width, channels)`.
        classes: outputs.
        bases: K, or None for the full-precision parent, which ignores all that is about bases.
        activation_bits: 1, 2, 4 or 32.
        filters: channels of the five convolutions.
        units: of fc6 and fc7.
        stem: `"imagenet"` (11x11 stride 4) or `"cifar"` (5x5, and all pools pad).
        partition: `"group_s1"` or `"layerwise"`.
        wiring: see `GroupSpec`.
        activation_scale: see `GroupSpec`.
        weight_scale: see `GroupSpec`.
        beta: see `GroupSpec`.
        pad_values: see `GroupSpec`.
        classifier_activation: `"softmax"`, or None for logits.
        seed: of all initial weights.
        name: of the model.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, appendix; Krizhevsky et al., 2012.
    """
    check_model_arguments(input_shape, classes, stem)
    if partition not in PARTITIONS:
        raise ValueError(
            f"`partition` must be one of {PARTITIONS}. Received: partition={partition!r}"
        )
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

    inputs = keras.Input(tuple(input_shape), name="images")
    if stem == "imagenet":
        x = conv(inputs, filters[0], 11, 4, "valid", seed, "conv1")
    else:
        x = conv(inputs, filters[0], 5, 1, "same", seed, "conv1")
    x = batch_norm(x, "bn1")
    if bases is None:
        x = keras.layers.ReLU(name="relu1")(x)
        x = keras.layers.MaxPooling2D(3, 2, padding, name="pool1")(x)
        for block in convolutions:
            x = full_precision_block(x, block, seed)
        x = keras.layers.MaxPooling2D(3, 2, padding, name="pool5")(x)
        x = full_precision_block(keras.layers.Flatten(name="flatten")(x), dense, seed)
    else:
        spec = GroupSpec(
            bases=bases,
            activation_bits=activation_bits,
            partition="layerwise" if partition == "layerwise" else "v1",
            wiring=wiring,
            activation_scale=activation_scale,
            weight_scale=weight_scale,
            beta=beta,
            pad_values=pad_values,
            seed=seed,
        )
        x = keras.layers.MaxPooling2D(3, 2, padding, name="pool1")(x)
        x = build_groups(x, convolutions, spec)
        x = keras.layers.MaxPooling2D(3, 2, padding, name="pool5")(x)
        x = build_groups(keras.layers.Flatten(name="flatten")(x), [dense], spec, first_group=3)
        x = keras.layers.ReLU(name="fc8_input_relu")(batch_norm(x, "fc8_input_bn"))
    return keras.Model(
        inputs, classifier(x, classes, classifier_activation, seed, "fc8"), name=name
    )
