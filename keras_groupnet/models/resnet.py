"""ResNets of any method."""

import os
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.methods import Method
from keras_groupnet.models.common import (
    UNSET,
    Unset,
    check_model_arguments,
    finish,
    first_layer,
    resolve_method,
)
from keras_groupnet.structure.blocks import Block, BlockLayer


def ResNet(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    bases: int | None | Unset = UNSET,
    activation_bits: int | Unset = UNSET,
    *,
    method: str | Method | None = None,
    blocks: Sequence[int] = (2, 2, 2, 2),
    filters: Sequence[int] = (64, 128, 256, 512),
    block: str = "basic",
    stem: str = "imagenet",
    stem_filters: int | None = None,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    name: str = "resnet",
    **group_options: Any,
) -> keras.Model:
    """A residual network whose blocks are those of a method.

    `stem conv -> BN (-> max pool) -> blocks -> global average pool -> dense`; the first and the
    last layer are float, and no non-linearity stands in front of the classifier. With `bases=None`
    or `method="full_precision"` it is the usual full-precision network with the same layer names
    (`stage1_block1_conv1` is what `stage1_block1_base3_conv1` is to replace), for
    `transfer_weights`.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        classes: number of outputs.
        bases: K of Group-Net, 5 by default; None for the full-precision parent, which ignores all
            that is about bases.
        activation_bits: of Group-Net: 1, 2, 4 or 32.
        method: one of `methods.names()` or a `methods.Method`, instead of all arguments of
            Group-Net.
        blocks: blocks per stage. Each stage but the first halves the feature map.
        filters: channels per stage (a bottleneck's output has four times as many).
        block: `"basic"` (two 3x3 convolutions) or `"bottleneck"` (1x1, 3x3, 1x1).
        stem: `"imagenet"` (7x7 stride 2, max pool) or `"cifar"` (3x3).
        stem_filters: channels of the stem; None for those of the first stage.
        classifier_activation: `"softmax"`, or None for logits.
        include_top: False for a model that ends in the last feature map.
        weights: a file of `save_weights` of such a model; None for initial weights.
        seed: of all initial weights.
        name: of the model.
        **group_options: further options of `methods.GroupNet`, such as `partition`.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631 (v1); He et al., arXiv 1512.03385.
    """
    check_model_arguments(input_shape, classes, stem)
    chosen = resolve_method(method, bases, activation_bits, group_options)
    all_blocks = resnet_blocks(blocks, filters, block)
    inputs = keras.Input(tuple(input_shape), name="images")
    large = stem == "imagenet"
    x = first_layer(
        inputs,
        chosen,
        seed,
        ("stem_conv", "stem_bn", "stem_relu"),
        filters=stem_filters or filters[0],
        kernel_size=7 if large else 3,
        strides=2 if large else 1,
        padding="same",
    )
    if large:
        x = keras.layers.MaxPooling2D(3, 2, "same", name="stem_pool")(x)
    x = chosen.build_blocks(x, all_blocks, seed)
    return finish(inputs, x, classes, classifier_activation, seed, name, include_top, weights)


def ResNet18(*args: Any, name: str = "resnet18", **options: Any) -> keras.Model:  # noqa: N802
    """ResNet-18: four stages of two basic blocks. Arguments as in `ResNet`."""
    return ResNet(*args, blocks=(2, 2, 2, 2), name=name, **options)


def ResNet34(*args: Any, name: str = "resnet34", **options: Any) -> keras.Model:  # noqa: N802
    """ResNet-34: stages of 3, 4, 6 and 3 basic blocks. Arguments as in `ResNet`."""
    return ResNet(*args, blocks=(3, 4, 6, 3), name=name, **options)


def ResNet50(*args: Any, name: str = "resnet50", **options: Any) -> keras.Model:  # noqa: N802
    """ResNet-50: stages of 3, 4, 6 and 3 bottlenecks. Arguments as in `ResNet`."""
    return ResNet(*args, blocks=(3, 4, 6, 3), block="bottleneck", name=name, **options)


def WideResNet(  # noqa: N802
    input_shape: Sequence[int | None] = (32, 32, 3),
    classes: int = 100,
    *args: Any,
    depth: int = 22,
    stages: Sequence[int] = (64, 64, 128, 256),
    name: str = "wide_resnet",
    **options: Any,
) -> keras.Model:
    """A residual network for small images: a stem and three stages of basic blocks.

    The geometry is that of wide residual networks as in RBCN's and MCN's tables (no widening
    factor; `stages` says the widths); what a block is says the method.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        classes: number of outputs.
        *args: `bases` and `activation_bits`, as in `ResNet`.
        depth: `6 n + 4` for n blocks per stage: 22 or 40 in the papers.
        stages: channels of the stem and of the three stages.
        name: of the model.
        **options: as in `ResNet` but `blocks`, `filters`, `block`, `stem` and `stem_filters`.

    Raises:
        ValueError: for other depths or numbers of stages, and as `ResNet`.

    References:
        Zagoruyko and Komodakis, Wide Residual Networks, arXiv 1605.07146; Liu et al., RBCN, arXiv
        1908.07748, section 4.
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"`depth` must be 6 n + 4, n at least 1. Received: depth={depth!r}")
    if len(stages) != 4:
        raise ValueError(
            "`stages` must be the channels of the stem and of three stages. "
            f"Received: stages={stages!r}"
        )
    return ResNet(
        input_shape,
        classes,
        *args,
        blocks=[(depth - 4) // 6] * 3,
        filters=stages[1:],
        stem_filters=stages[0],
        stem="cifar",
        name=name,
        **options,
    )


def resnet_blocks(
    counts: Sequence[int],
    filters: Sequence[int],
    kind: str,
    stage_strides: Sequence[int] | None = None,
) -> list[Block]:
    """The blocks of a ResNet, before a method says how they are made.

    Args:
        counts: blocks per stage.
        filters: channels per stage.
        kind: `"basic"` or `"bottleneck"`.
        stage_strides: of the first block of each stage; None for 1, 2, 2, ...

    Raises:
        ValueError: for another kind, or numbers that are not one of each per stage.
    """
    if kind not in ("basic", "bottleneck"):
        raise ValueError(f"`block` must be 'basic' or 'bottleneck'. Received: block={kind!r}")
    if not counts or len(counts) != len(filters) or min(*counts, *filters) < 1:
        raise ValueError(
            "`blocks` and `filters` must be positive ints, one of each per stage. "
            f"Received: blocks={counts!r}, filters={filters!r}"
        )
    stage_strides = stage_strides or [1] + [2] * (len(counts) - 1)
    blocks = []
    for stage, (count, width) in enumerate(zip(counts, filters, strict=True), start=1):
        for number in range(1, count + 1):
            strides = stage_strides[stage - 1] if number == 1 else 1
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
