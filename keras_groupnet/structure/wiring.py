"""How low-bit layers become blocks, the same for all methods.

"block_shortcut"  BN -> Q -> layer -> BN (-> Q -> layer -> BN ...), one shortcut per block
                  (Fig. 2 and Algorithm 1 of Group-Net, arXiv 1808.02631)
"layer_shortcut"  Q -> layer -> ReLU -> BN -> + shortcut per layer, wherever the shapes match; a BN
                  in front of the first Q only (the released code of Group-Net)
"bi_real"         Q -> layer -> BN -> + shortcut per layer, wherever the shapes match (Bi-Real Net,
                  arXiv 1808.00278)
"react_net"       Q -> layer -> BN -> + shortcut -> activation, else as "bi_real" (ReActNet, arXiv
                  2003.03488)
"real_to_binary"  BN -> Q -> layer -> activation -> + shortcut per layer, wherever the shapes match
                  (Real-to-Binary, arXiv 2003.11535)

What the activation is says `BlockStyle.nonlinearity`, which is a ReLU unless a method says more.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.structure.block_style import BlockStyle, QuantizedInput
from keras_groupnet.structure.blocks import (
    Block,
    batch_norm,
    distinct,
    float_layer,
    max_pool,
)
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True)
class Wiring:
    """What distinguishes a wiring.

    Attributes:
        first_norm: whether a batch norm stands in front of the first quantizer.
        block_norm: whether one stands in front of the first quantizer of each later block.
        inner_norm: whether one stands in front of each later quantizer of a block.
        output_norm: whether one stands behind each layer.
        activation: where that of a layer stands: `"behind_layer"`, in front of the batch norm;
            `"behind_sum"`, behind the sum with the shortcut; None for none.
        layer_shortcuts: whether shortcuts lead around layers instead of blocks.
    """

    first_norm: bool
    block_norm: bool
    layer_shortcuts: bool
    inner_norm: bool = False
    output_norm: bool = True
    activation: str | None = None


WIRINGS = {
    "block_shortcut": Wiring(first_norm=True, block_norm=True, layer_shortcuts=False),
    "layer_shortcut": Wiring(
        first_norm=True, block_norm=False, layer_shortcuts=True, activation="behind_layer"
    ),
    "bi_real": Wiring(first_norm=False, block_norm=False, layer_shortcuts=True),
    "react_net": Wiring(
        first_norm=False, block_norm=False, layer_shortcuts=True, activation="behind_sum"
    ),
    "real_to_binary": Wiring(
        first_norm=True,
        block_norm=True,
        inner_norm=True,
        output_norm=False,
        layer_shortcuts=True,
        activation="behind_layer",
    ),
}


class Chain:
    """Wires blocks one behind the other.

    Args:
        style: a `BlockStyle`, with `copies` a `groups.GroupStyle`.
        scope: the model's, or one of its bases.
        copies: K, to replace each layer by K low-bit layers and their weighted sum (layer-wise
            binarization, Eq. 3 of Group-Net); None for one low-bit layer.
    """

    def __init__(self, style: Any, scope: Scope, copies: int | None = None):
        self._style = style
        self._wiring = WIRINGS[style.wiring or ""]
        self._scope = scope
        self._copies = copies

    def __call__(self, source: QuantizedInput, shortcut: Any, blocks: Sequence[Block]) -> Any:
        """Returns the float output; `source` and `shortcut` are those of the first block."""
        x = self._block(source, shortcut, blocks[0])
        for block in blocks[1:]:
            name = self._scope.of(block.name).name(block.layers[0].name)
            source = QuantizedInput(x, self._style, name, self._wiring.block_norm)
            x = self._block(source, self.shortcut(source, block), block)
        return x

    def shortcut(self, source: QuantizedInput, block: Block) -> Any:
        """The tensor to add to the output of the block; None if the block is not residual."""
        if not block.residual:
            return None
        channels = source.full_precision.shape[-1]
        if block.keeps_shape(channels):
            return source.skip
        scope = self._scope.of(block.name)
        if self._style.shortcut == "binary":
            x = self._style.connect(source, block.projection(channels, block.strides), scope)
        else:
            x = source.full_precision
            if any(stride > 1 for stride in block.strides):
                name = scope.name(f"{block.shortcut}_pool")
                x = keras.layers.AveragePooling2D(block.strides, padding="same", name=name)(x)
            projection = block.projection(channels, (1,) * len(block.strides))
            x = float_layer(projection, scope)(x)
        return batch_norm(x, scope.name(f"{block.shortcut}_bn"))

    def _block(self, source, shortcut, block):
        scope = self._scope.of(block.name)
        channels = block.output_channels(source.full_precision.shape[-1])
        strides = (1,) * len(block.strides)
        x = None
        for layer in block.layers:
            if x is not None:
                name = scope.name(layer.name)
                source = QuantizedInput(x, self._style, name, self._wiring.inner_norm)
            x = self._layer(source, layer, scope)
            if self._wiring.activation == "behind_layer":
                x = self._style.nonlinearity(layer, scope)(x)
            if self._wiring.output_norm:
                x = batch_norm(x, scope.name(layer.part("bn")))
            x = max_pool(x, layer, scope)

            strides = tuple(a * b for a, b in zip(strides, layer.strides, strict=True))
            same_size = all(stride == 1 for stride in layer.strides)
            skip = None
            if not self._wiring.layer_shortcuts:
                if layer is block.layers[-1]:
                    skip = shortcut
            elif shortcut is not None and (strides, x.shape[-1]) == (block.strides, channels):
                # The block's shortcut ends where its output shape appears first; the layers after
                # that have shortcuts of their own.
                skip, shortcut = shortcut, None
            elif block.residual and same_size and source.skip.shape[-1] == x.shape[-1]:
                skip = source.skip
            if skip is not None:
                x = keras.layers.Add(name=scope.name(layer.part("add")))([x, skip])
            if self._wiring.activation == "behind_sum":
                x = self._style.nonlinearity(layer, scope)(x)
        return x

    def _layer(self, source, layer, scope):
        if self._copies is None:
            return self._style.connect(source, layer, scope)
        copies = [
            self._style.connect(source, layer, scope.in_base(i + 1)) for i in range(self._copies)
        ]
        return self._style.group_sum(scope.name(f"{layer.name}_sum"))(copies)


def build_chain(
    x: Any, blocks: Sequence[Block], style: BlockStyle, scope: Scope, copies: int | None = None
) -> Any:
    """Appends the blocks to the float tensor `x`, without groups of bases.

    Args:
        x: `(N, H, W, C)` or `(N, C)`.
        blocks: in order.
        style: of the method.
        scope: of the model.
        copies: as in `Chain`.

    Returns:
        The float output of the last block.
    """
    blocks = distinct(blocks)
    chain = Chain(style, scope, copies)
    name = scope.of(blocks[0].name).name(blocks[0].layers[0].name)
    source = QuantizedInput(x, style, name, WIRINGS[style.wiring or ""].first_norm)
    return chain(source, chain.shortcut(source, blocks[0]), blocks)
