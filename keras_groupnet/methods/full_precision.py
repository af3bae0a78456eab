"""The real network that all others are compared with, and whose weights they may start from."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_groupnet.methods.method import Method
from keras_groupnet.structure.blocks import Block, BlockLayer, batch_norm, max_pool, real_layer


@dataclasses.dataclass(frozen=True)
class FullPrecision(Method):
    """`layer -> BN -> ReLU`; in a residual block, the last ReLU comes after the sum.

    Where a block changes the shape, the shortcut is a 1x1 convolution and a batch norm.

    References:
        He et al., Deep Residual Learning, arXiv 1512.03385.
    """

    name: ClassVar[str] = "full_precision"
    reference: ClassVar[str] = "He et al., arXiv 1512.03385"
    post_activation: ClassVar[bool] = True

    @property
    def weight_bits(self) -> int:
        """32."""
        return 32

    @property
    def activation_bits(self) -> int:
        """32."""
        return 32

    def build_blocks(
        self, x: Any, blocks: Sequence[Block], seed: int = 0, first_group: int = 1
    ) -> Any:
        """See `Method`."""
        for block in blocks:
            x = _block(x, block, seed)
        return x


def _block(x, block, seed):
    shortcut = x
    for layer in block.layers:
        x = real_layer(layer, seed, block.layer_name(layer.name))(x)
        x = batch_norm(x, block.layer_name(layer.part("bn")))
        if block.residual and layer is block.layers[-1]:
            if block.strides > 1 or shortcut.shape[-1] != block.filters:
                name = block.layer_name("shortcut_conv")
                projection = BlockLayer(name, block.filters, 1, block.strides)
                shortcut = real_layer(projection, seed, name)(shortcut)
                shortcut = batch_norm(shortcut, block.layer_name("shortcut_bn"))
            x = keras.layers.Add(name=block.layer_name(layer.part("add")))([x, shortcut])
        x = keras.layers.ReLU(name=block.layer_name(layer.part("relu")))(x)
        x = max_pool(x, layer, block.layer_name(layer.part("pool")))
    return x
