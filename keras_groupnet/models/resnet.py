"""ResNets, as Group-Nets and as their full-precision parents."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.blocks import Block, BlockLayer, batch_norm
from keras_groupnet.groups import GroupSpec, build_groups
from keras_groupnet.models.common import (
    check_model_arguments,
    classifier,
    conv,
    full_precision_block,
)


def ResNet(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    bases: int | None = 5,
    activation_bits: int = 1,
    *,
    blocks: Sequence[int] = (2, 2, 2, 2),
    filters: Sequence[int] = (64, 128, 256, 512),
    block: str = "basic",
    stem: str = "imagenet",
    partition: str | Sequence[int] = "v1",
    wiring: str | None = None,
    skip: str = "real",
    shortcut: str = "binary",
    activation_scale: str | None = None,
    weight_scale: str = "channel",
    beta: float = 1.0,
    pad_values: float | None = None,
    classifier_activation: str | None = "softmax",
    seed: int = 0,
    name: str = "resnet",
) -> keras.Model:
    """A residual network whose blocks are groups of K binary bases.

    `stem conv -> BN (-> max pool) -> groups -> global average pool -> dense`; the first and the
    last layer are real, and no non-linearity stands in front of the classifier. With `bases=None`
    it is the usual real network with the same layer names (`stage1_block1_conv1` is what
    `stage1_block1_base3_conv1` is to replace), for `transfer_weights`.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        classes: outputs.
        bases: K, or None for the full-precision parent, which ignores all that is about bases.
        activation_bits: 1, 2, 4 or 32.
        blocks: blocks per stage. Each stage but the first halves the map.
        filters: channels per stage (a bottleneck's output has four times as many).
        block: `"basic"` (two 3x3 convolutions) or `"bottleneck"` (1x1, 3x3, 1x1).
        stem: `"imagenet"` (7x7 stride 2, max pool) or `"cifar"` (3x3).
        partition: as in `GroupSpec`, also all that follow but these:
        wiring: see `GroupSpec`.
        skip: see `GroupSpec`.
        shortcut: see `GroupSpec`.
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
        Zhuang et al., Group-Net, arXiv 1808.02631; He et al., arXiv 1512.03385.
    """
    check_model_arguments(input_shape, classes, stem)
    all_blocks = _blocks(blocks, filters, block)
    inputs = keras.Input(tuple(input_shape), name="images")
    if stem == "imagenet":
        x = conv(inputs, filters[0], 7, 2, "same", seed, "stem_conv")
    else:
        x = conv(inputs, filters[0], 3, 1, "same", seed, "stem_conv")
    x = batch_norm(x, "stem_bn")
    if bases is None:
        x = keras.layers.ReLU(name="stem_relu")(x)
    if stem == "imagenet":
        x = keras.layers.MaxPooling2D(3, 2, "same", name="stem_pool")(x)
    if bases is None:
        for one in all_blocks:
            x = full_precision_block(x, one, seed)
    else:
        spec = GroupSpec(
            bases=bases,
            activation_bits=activation_bits,
            partition=partition,
            wiring=wiring,
            skip=skip,
            shortcut=shortcut,
            activation_scale=activation_scale,
            weight_scale=weight_scale,
            beta=beta,
            pad_values=pad_values,
            seed=seed,
        )
        x = build_groups(x, all_blocks, spec)
    x = keras.layers.GlobalAveragePooling2D(name="average_pool")(x)
    return keras.Model(inputs, classifier(x, classes, classifier_activation, seed, "fc"), name=name)


def ResNet18(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    bases: int | None = 5,
    activation_bits: int = 1,
    *,
    name: str = "resnet18",
    **options: Any,
) -> keras.Model:
    """ResNet-18: four stages of two basic blocks. Arguments as in `ResNet`."""
    return ResNet(
        input_shape, classes, bases, activation_bits, blocks=(2, 2, 2, 2), name=name, **options
    )


def ResNet34(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    bases: int | None = 5,
    activation_bits: int = 1,
    *,
    name: str = "resnet34",
    **options: Any,
) -> keras.Model:
    """ResNet-34: stages of 3, 4, 6 and 3 basic blocks. Arguments as in `ResNet`."""
    return ResNet(
        input_shape, classes, bases, activation_bits, blocks=(3, 4, 6, 3), name=name, **options
    )


def ResNet50(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    bases: int | None = 5,
    activation_bits: int = 1,
    *,
    name: str = "resnet50",
    **options: Any,
) -> keras.Model:
    """ResNet-50: stages of 3, 4, 6 and 3 bottlenecks. Arguments as in `ResNet`."""
    return ResNet(
        input_shape,
        classes,
        bases,
        activation_bits,
        blocks=(3, 4, 6, 3),
        block="bottleneck",
        name=name,
        **options,
    )


def _blocks(counts: Sequence[int], filters: Sequence[int], kind: str) -> list[Block]:
    if kind not in ("basic", "bottleneck"):
        raise ValueError(f"`block` must be 'basic' or 'bottleneck'. Received: block={kind!r}")
    if not counts or len(counts) != len(filters) or min(*counts, *filters) < 1:
        raise ValueError(
            "`blocks` and `filters` must be positive ints, one of each per stage. "
            f"Received: blocks={counts!r}, filters={filters!r}"
        )
    blocks = []
    for stage, (count, width) in enumerate(zip(counts, filters, strict=True), start=1):
        for number in range(1, count + 1):
            strides = 2 if stage > 1 and number == 1 else 1
            if kind == "basic":
                parts = [BlockLayer("conv1", width, 3, strides), BlockLayer("conv2", width, 3)]
            else:
                parts = [
                    BlockLayer("conv1", width, 1),
                    BlockLayer("conv2", width, 3, strides),
                    BlockLayer("conv3", 4 * width, 1),
                ]
            blocks.append(Block(f"stage{stage}_block{number}", tuple(parts)))
    return blocks
