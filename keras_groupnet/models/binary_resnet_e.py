"""BinaryResNetE: a ResNet with a shortcut around each convolution."""

import dataclasses
import os
from collections.abc import Sequence
from typing import ClassVar

import keras

from keras_groupnet.constraints import Clip
from keras_groupnet.layers import Quantize
from keras_groupnet.methods import SingleBranch
from keras_groupnet.models.common import check_model_arguments, finish
from keras_groupnet.models.convolutions import float_conv, norm_relu
from keras_groupnet.models.resnet import resnet_blocks
from keras_groupnet.quantizers import SteSign
from keras_groupnet.structure.blocks import BlockLayer, batch_norm
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope

_CLIP = 1.25


def BinaryResNetE18(  # noqa: N802
    input_shape: Sequence[int | None] = (224, 224, 3),
    classes: int = 1000,
    *,
    blocks: Sequence[int] = (2, 2, 2, 2),
    filters: Sequence[int] = (64, 128, 256, 512),
    stem: str = "imagenet",
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    name: str = "binary_resnet_e18",
) -> keras.Model:
    """BinaryResNetE-18: `sgn -> conv with sgn(w) -> BN -> + shortcut` for each 3x3 convolution.

    The wiring is that of Bi-Real Net, with average pooling and a float 1x1 convolution in the
    shortcuts where the width changes; no scales of weights, a batch norm behind the max pool of the
    stem, and a ReLU in front of the last mean.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        classes: number of outputs.
        blocks: pairs of convolutions per stage. Each stage but the first halves the feature map.
        filters: channels per stage.
        stem: `"imagenet"` (7x7 stride 2, batch norm, ReLU, max pool, batch norm) or `"cifar"` (3x3
            alone).
        classifier_activation: `"softmax"`, or None for logits.
        include_top: False for a model that ends in the last feature map.
        weights: a file of `save_weights` of such a model; None for initial weights.
        seed: of all initial weights.
        name: of the model.

    Raises:
        ValueError: for impossible arguments; the message says what is allowed.

    References:
        Bethge et al., Back to Simplicity: How to Train Accurate BNNs from Scratch?, arXiv
        1906.08637; the architecture is that of larq-zoo 2.
    """
    check_model_arguments(input_shape, classes, stem)
    all_blocks = resnet_blocks(blocks, filters, "basic")
    inputs = keras.Input(tuple(input_shape), name="images")
    if stem == "cifar":
        x = float_conv(inputs, filters[0], 3, "stem_conv", seed)
    else:
        x = norm_relu(float_conv(inputs, filters[0], 7, "stem_conv", seed, strides=2), "stem")
        x = keras.layers.MaxPooling2D(3, 2, "same", name="stem_pool")(x)
        x = batch_norm(x, "stem_pool_bn")
    x = _ResNetE().build_blocks(x, all_blocks, seed)
    x = keras.layers.ReLU(name="head_relu")(x)
    return finish(inputs, x, classes, classifier_activation, seed, name, include_top, weights)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ResNetE(SingleBranch):
    """Signs whose gradients end at 1.25, in the blocks of Bi-Real Net."""

    name: ClassVar[str] = "binary_resnet_e"
    reference: ClassVar[str] = "Bethge et al., arXiv 1906.08637"

    wiring: str = "bi_real"
    shortcut: str = "float"

    def activation(self, name: str) -> keras.layers.Layer:
        return Quantize(SteSign(_CLIP), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        return quant_layer(
            layer, scope, SteSign(_CLIP), self.pad_values, kernel_constraint=Clip(_CLIP)
        )
