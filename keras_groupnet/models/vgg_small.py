"""The VGG for small images of any method."""

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


def VGGSmall(  # noqa: N802
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    bases: int | None | Unset = UNSET,
    activation_bits: int | Unset = UNSET,
    *,
    method: str | Method | None = None,
    filters: Sequence[int] = (128, 128, 256, 256, 512, 512),
    classifier_activation: str | None = "softmax",
    seed: int = 0,
    name: str = "vgg_small",
    **group_options: Any,
) -> keras.Model:
    """Six 3x3 convolutions, a max pool behind every second one, and a dense layer.

    conv1 and the classifier are float; a batch norm and a ReLU stand in front of the classifier.
    The groups of Group-Net's `partition="v1"` are {conv2, pool2}, {conv3, conv4, pool4} and
    {conv5, conv6, pool6}.

    Args:
        input_shape: `(height, width, channels)`, at least 8x8.
        classes: number of outputs.
        bases: K of Group-Net, 5 by default; None for the full-precision parent, which ignores all
            that is about bases.
        activation_bits: of Group-Net: 1, 2, 4 or 32.
        method: one of `methods.names()` or a `methods.Method`, instead of all arguments of
            Group-Net.
        filters: channels of the six convolutions.
        classifier_activation: `"softmax"`, or None for logits.
        seed: of all initial weights.
        name: of the model.
        **group_options: further options of `methods.GroupNet`, such as `partition`.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Zhang et al., LQ-Nets, arXiv 1807.10029 (one dense layer); Courbariaux et al., BinaryNet,
        arXiv 1602.02830 (the convolutions).
    """
    check_model_arguments(input_shape, classes, "cifar")
    chosen = resolve_method(method, bases, activation_bits, group_options)
    if None in input_shape or min(input_shape[:2]) < 8:
        raise ValueError(
            "`input_shape` must be fixed, and at least (8, 8, channels). "
            f"Received: input_shape={input_shape!r}"
        )
    if len(filters) != 6 or min(filters) < 1:
        raise ValueError(f"`filters` must be six positive ints. Received: filters={filters!r}")
    numbers = ((2,), (3, 4), (5, 6))
    blocks = [
        Block(
            "",
            tuple(
                BlockLayer(f"conv{i}", filters[i - 1], 3, pool_size=2 if i % 2 == 0 else 0)
                for i in pair
            ),
            residual=False,
        )
        for pair in numbers
    ]
    inputs = keras.Input(tuple(input_shape), name="images")
    x = first_layer(
        inputs,
        chosen,
        seed,
        ("conv1", "bn1", "relu1"),
        filters=filters[0],
        kernel_size=3,
        padding="same",
    )
    x = chosen.build_blocks(x, blocks, seed)
    x = keras.layers.Flatten(name="flatten")(activate(x, chosen, "fc_input"))
    return keras.Model(inputs, classifier(x, classes, classifier_activation, seed, "fc"), name=name)
