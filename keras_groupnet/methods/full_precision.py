"""The full-precision network: what others are compared with and may take their weights from."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_groupnet.methods.method import Method
from keras_groupnet.structure.blocks import (
    Block,
    batch_norm,
    distinct,
    float_layer,
    max_pool,
)
from keras_groupnet.structure.scope import Scope


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
        """Bits of a weight: 32, a float."""
        return 32

    @property
    def activation_bits(self) -> int:
        """Bits of an activation: 32, a float."""
        return 32

    def build_blocks(
        self, x: Any, blocks: Sequence[Block], seed: int = 0, first_group: int = 1
    ) -> Any:
        """Appends the blocks as they are, with a batch norm and a ReLU behind each layer."""
        scope = Scope(seed)
        for block in distinct(blocks):
            x = _block(x, block, scope.of(block.name))
        return x


def _block(x, block, scope):
    shortcut = x
    for layer in block.layers:
        x = float_layer(layer, scope)(x)
        x = batch_norm(x, scope.name(layer.part("bn")))
        if block.residual and layer is block.layers[-1]:
            channels = shortcut.shape[-1]
            if not block.keeps_shape(channels):
                projection = block.projection(channels, block.strides)
                shortcut = float_layer(projection, scope)(shortcut)
                shortcut = batch_norm(shortcut, scope.name(f"{block.shortcut}_bn"))
            x = keras.layers.Add(name=scope.name(layer.part("add")))([x, shortcut])
        x = keras.layers.ReLU(name=scope.name(layer.part("relu")))(x)
        x = max_pool(x, layer, scope)
    return x
