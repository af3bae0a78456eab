"""DeepLab V3 for segmentation: a ResNet with dilated stages, and spatial pyramid pooling."""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import keras

from keras_groupnet.methods import GroupNet, Method
from keras_groupnet.models.common import (
    UNSET,
    Unset,
    activate,
    check_model_arguments,
    first_layer,
    resolve_method,
)
from keras_groupnet.models.convolutions import float_conv, norm_relu
from keras_groupnet.models.resnet import resnet_blocks
from keras_groupnet.structure.blocks import Block, BlockLayer
from keras_groupnet.structure.groups import partition_blocks
from keras_groupnet.structure.scope import Scope

_STRIDES = (8, 16, 32)


def DeepLabV3(  # noqa: N802
    input_shape: Sequence[int] = (512, 512, 3),
    classes: int = 21,
    bases: int | None | Unset = UNSET,
    activation_bits: int | Unset = UNSET,
    *,
    method: str | Method | None = None,
    output_stride: int = 8,
    blocks: Sequence[int] = (2, 2, 2, 2),
    filters: Sequence[int] = (64, 128, 256, 512),
    stem: str = "imagenet",
    aspp_filters: int = 256,
    aspp_rates: Sequence[int] = (12, 24, 36),
    classifier_activation: str | None = "softmax",
    seed: int = 0,
    name: str = "deeplab_v3",
    **group_options: Any,
) -> keras.Model:
    """DeepLab V3 over a ResNet whose last stages keep the size of the map and are dilated instead.

    `stem -> blocks -> ASPP -> float 1x1 -> bilinear up-sampling -> softmax of each pixel`. The ASPP
    has a 1x1 convolution, a dilated 3x3 one for each rate, and the mean of the whole map (float)
    beside each other, and a 1x1 convolution of all of them. What convolutions and blocks are says
    the method: of Group-Net, each is a sum of K bases.

    A dilated stage has dilation 2, the one behind it 4. In a Group-Net each base has a dilation of
    its own (BPAC): 2, 3, ..., K + 1 in the first dilated stage, K + 1, ..., 2 K in the next, which
    are 2 to 6 and 6 to 10 for K = 5, unless `dilations` says otherwise. They are those of the
    groups of the ResNet.

    Args:
        input_shape: `(height, width, channels)`, height and width multiples of the stride.
        classes: of a pixel.
        bases: K of Group-Net, 5 by default; None for the full-precision parent, which ignores all
            that is about bases.
        activation_bits: of Group-Net: 1, 2, 4 or 32.
        method: one of `methods.names()` or a `methods.Method`, instead of all arguments of
            Group-Net.
        output_stride: 8, 16 or 32: of the four stages, the last two, one or none keep the size.
        blocks: blocks of each of the four stages.
        filters: channels of each stage.
        stem: `"imagenet"` (7x7 stride 2, max pool) or `"cifar"` (3x3), with which the map is larger
            than `output_stride` says by a factor of 4.
        aspp_filters: channels of each branch of the ASPP, and behind it.
        aspp_rates: dilations of its 3x3 convolutions.
        classifier_activation: `"softmax"`, or None for logits.
        seed: of all initial weights.
        name: of the model.
        **group_options: further options of `methods.GroupNet`, such as `gates`.

    Returns:
        A model of outputs `(N, height, width, classes)`.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Zhuang et al., Structured Binary Neural Networks for Image Recognition, arXiv 1909.09934
        (BPAC); Chen et al., Rethinking Atrous Convolution, arXiv 1706.05587 (DeepLab V3).
    """
    check_model_arguments(input_shape, classes, stem)
    chosen = resolve_method(method, bases, activation_bits, group_options)
    if output_stride not in _STRIDES:
        raise ValueError(
            f"`output_stride` must be one of {_STRIDES}. Received: output_stride={output_stride!r}"
        )
    if len(blocks) != 4:
        raise ValueError(f"`blocks` must be those of four stages. Received: blocks={blocks!r}")
    factor = output_stride // 4 if stem == "cifar" else output_stride
    if None in input_shape or any(size % factor for size in input_shape[:2]):
        raise ValueError(
            f"Height and width must be multiples of {factor}, the stride of the last map. "
            f"Received: input_shape={tuple(input_shape)!r}"
        )
    dilated = _STRIDES[::-1].index(output_stride)  # how many of the last stages
    stage_strides = [1, *[2] * (3 - dilated), *[1] * dilated]
    chain = resnet_blocks(blocks, filters, "basic", stage_strides)
    stages = [stage for stage, count in enumerate(blocks) for _ in range(count)]
    chosen, chain = _with_dilations(chosen, chain, [max(s - 3 + dilated, 0) for s in stages])

    inputs = keras.Input(tuple(input_shape), name="images")
    large = stem == "imagenet"
    x = first_layer(
        inputs,
        chosen,
        seed,
        ("stem_conv", "stem_bn", "stem_relu"),
        filters=filters[0],
        kernel_size=7 if large else 3,
        strides=2 if large else 1,
        padding="same",
    )
    if large:
        x = keras.layers.MaxPooling2D(3, 2, "same", name="stem_pool")(x)
    x = chosen.build_blocks(x, chain, seed)
    x = _aspp(x, chosen, aspp_filters, aspp_rates, len(chain), seed)
    x = activate(x, chosen, "classifier")
    x = keras.layers.Conv2D(
        classes, 1, kernel_initializer=Scope(seed).initializer("classifier"), name="classifier"
    )(x)
    x = keras.layers.UpSampling2D(factor, interpolation="bilinear", name="up_sampling")(x)
    activation = keras.layers.Activation(classifier_activation, dtype="float32", name="predictions")
    return keras.Model(inputs, activation(x), name=name)


def _with_dilations(
    method: Method, chain: list[Block], levels: Sequence[int]
) -> tuple[Method, list[Block]]:
    """The method, or the blocks, with the dilations of the dilated stages.

    Args:
        method: of the model.
        chain: its blocks.
        levels: of each block, the how-manieth dilated stage it is in, 0 for none.
    """
    if not isinstance(method, GroupNet) or method.partition == "layerwise":
        return method, [block.dilated(2**level) for block, level in zip(chain, levels, strict=True)]
    if method.dilations is not None:
        return method, chain
    counts = partition_blocks(method.partition, len(chain))
    dilations: list[Any] = []
    for group in method.of_groups(len(counts)):
        first = sum(counts[: len(dilations)])
        # 2 ... K + 1, then K + 1 ... 2 K: the last of one stage is the first of the next.
        bases = cast(int, group.bases)
        start = (1, 2, bases + 1)[levels[first]]
        dilations.append(tuple(range(start, start + bases)) if levels[first] else 1)
    return dataclasses.replace(method, dilations=dilations), chain


def _aspp(
    x: Any, method: Method, filters: int, rates: Sequence[int], groups: int, seed: int
) -> Any:
    """Atrous spatial pyramid pooling of convolutions of the method.

    Args:
        x: `(N, H, W, C)`.
        method: of the model.
        filters: channels of each branch and of the result.
        rates: dilations of the 3x3 convolutions.
        groups: how many groups there may be in front.
        seed: of the initial weights.
    """
    if isinstance(method, GroupNet):  # whose last group says what those here are like
        last = method.of_groups(1)[0] if _is_uniform(method) else _last_of(method)
        partition = "layerwise" if method.partition == "layerwise" else "v1"
        method = dataclasses.replace(last, partition=partition, gates=False)
    height, width = x.shape[1:3]
    layers = [BlockLayer("conv", filters, 1)]
    layers += [BlockLayer("conv", filters, 3, dilation_rate=rate) for rate in rates]
    names = ["aspp_1x1", *(f"aspp_rate{rate}" for rate in rates)]
    branches = []
    for number, (name, layer) in enumerate(zip(names, layers, strict=True), groups + 1):
        block = Block(name, (layer,), residual=False)
        branches.append(method.build_blocks(x, [block], seed, number))
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name="aspp_mean")(x)
    mean = norm_relu(float_conv(mean, filters, 1, "aspp_mean_conv", seed), "aspp_mean")
    branches.append(keras.layers.UpSampling2D((height, width), name="aspp_mean_map")(mean))
    x = keras.layers.Concatenate(name="aspp_concat")(branches)
    block = Block("aspp", (BlockLayer("conv", filters, 1),), residual=False)
    return method.build_blocks(x, [block], seed, groups + len(branches))


def _is_uniform(method: GroupNet) -> bool:
    return isinstance(method.bases, int) and isinstance(method.activation_bits, int)


def _last_of(method: GroupNet) -> GroupNet:
    values = (method.bases, method.activation_bits)
    return method.of_groups(max(len(x) for x in values if not isinstance(x, int)))[-1]
