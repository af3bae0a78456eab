"""How low-bit layers become blocks, the same for all methods: what differs they supply as `Parts`.

"v1"        BN -> Q -> layer -> BN (-> Q -> layer -> BN ...), one shortcut per block
"release"   Q -> layer -> ReLU -> BN -> + shortcut per layer, wherever the shapes match (the
            released code of Group-Net); a BN in front of the first Q only
"bi_real"   Q -> layer -> BN -> + shortcut per layer, wherever the shapes match (Bi-Real Net,
            arXiv 1808.00278)
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet import layers
from keras_groupnet.structure.blocks import (
    Block,
    BlockLayer,
    batch_norm,
    initializer,
    max_pool,
    real_layer,
)


@dataclasses.dataclass(frozen=True)
class Wiring:
    """What distinguishes a wiring.

    Attributes:
        first_norm: whether a batch norm stands in front of the first quantizer.
        block_norm: whether one stands in front of the first quantizer of each later block.
        relu: whether a ReLU follows each layer.
        layer_shortcuts: whether shortcuts lead around layers instead of blocks.
    """

    first_norm: bool
    block_norm: bool
    relu: bool
    layer_shortcuts: bool


WIRINGS = {
    "v1": Wiring(first_norm=True, block_norm=True, relu=False, layer_shortcuts=False),
    "release": Wiring(first_norm=True, block_norm=False, relu=True, layer_shortcuts=True),
    "bi_real": Wiring(first_norm=False, block_norm=False, relu=False, layer_shortcuts=True),
}
SKIPS = ("real", "quantized")
SHORTCUTS = ("binary", "real")


class Parts:
    """What a method supplies: the base of those that are built of blocks.

    Attributes:
        wiring: a name in `WIRINGS`.
        skip: what identity shortcuts carry: `"real"`, or `"quantized"`: the quantized tensor.
        shortcut: where a block changes the shape: `"binary"`, a low-bit 1x1 convolution of the
            quantized input and a batch norm; `"real"`, average pooling, a real 1x1 convolution and
            a batch norm.
        activation_scale: `"xnor"`, `"mean"` or `"none"`, see `layers.ActivationScale`.
    """

    wiring: str | None
    skip: str
    shortcut: str
    activation_scale: str | None

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations (Q)."""
        raise NotImplementedError

    def low_bit_layer(self, layer: BlockLayer, seed: int, name: str) -> keras.layers.Layer:
        """A new low-bit convolution or dense layer of quantized inputs."""
        raise NotImplementedError

    def connect(self, source: "Source", layer: BlockLayer, seed: int, name: str) -> Any:
        """The output of one low-bit layer, with its activation scale."""
        x = self.low_bit_layer(layer, seed, name)(source.quantized)
        scale = source.scale(layer.kernel_size, layer.strides)
        if scale is None:
            return x
        return keras.layers.Multiply(name=f"{name}_scaled")([x, scale])

    def decompose(
        self, source: "Source", block: Block, layer: BlockLayer, seed: int, base: int | None
    ) -> Any:
        """What stands for a layer of a block; the layer's low-bit version by default."""
        return self.connect(source, layer, seed, block.layer_name(layer.name, base))


class Source:
    """A tensor that layers read quantized: its forms are made once and shared by all readers.

    Attributes:
        real: the tensor.
        normalized: what is quantized: the tensor, behind a batch norm if `normalize`.
        quantized: its quantized form.
        skip: what an identity shortcut carries.
    """

    def __init__(self, real: Any, parts: Parts, name: str, normalize: bool):
        self.real = real
        self.normalized = batch_norm(real, f"{name}_input_bn") if normalize else real
        self.quantized = parts.activation(f"{name}_quantize")(self.normalized)
        self.skip = real if parts.skip == "real" else self.quantized
        self._name = name
        self._scale_mode = parts.activation_scale or "none"
        self._scales: dict[tuple[int, int], Any] = {}

    def scale(self, kernel_size: int, strides: int) -> Any:
        """The activation scale for a convolution of this geometry, or None."""
        if self._scale_mode == "none":
            return None
        if self._scale_mode == "mean" or not kernel_size:
            kernel_size, strides = 1, 1
        key = (kernel_size, strides)
        if key not in self._scales:
            self._scales[key] = layers.ActivationScale(
                self._scale_mode,
                kernel_size,
                strides,
                name=f"{self._name}_scale_{kernel_size}x{kernel_size}_{strides}",
            )(self.normalized)
        return self._scales[key]


class Chain:
    """Wires blocks one behind the other.

    Args:
        parts: of the method.
        seed: of the initial weights.
        base: number of the base that the blocks belong to, for names; None outside of bases.
    """

    def __init__(self, parts: Parts, seed: int, base: int | None = None):
        self._parts = parts
        self._wiring = WIRINGS[parts.wiring or ""]
        self._seed = seed
        self._base = base

    def __call__(self, source: Source, shortcut: Any, blocks: Sequence[Block]) -> Any:
        """Returns the real output; `source` and `shortcut` are those of the first block."""
        x = self._block(source, shortcut, blocks[0])
        for block in blocks[1:]:
            name = block.layer_name(block.layers[0].name, self._base)
            source = Source(x, self._parts, name, self._wiring.block_norm)
            x = self._block(source, self.shortcut(source, block), block)
        return x

    def shortcut(self, source: Source, block: Block) -> Any:
        """The tensor to add to the output of the block; None if the block is not residual."""
        if not block.residual:
            return None
        if block.strides == 1 and source.real.shape[-1] == block.filters:
            return source.skip
        name = block.layer_name("shortcut_conv", self._base)
        if self._parts.shortcut == "binary":
            projection = BlockLayer(name, block.filters, 1, block.strides)
            x = self._parts.connect(source, projection, self._seed, name)
        else:
            x = source.real
            if block.strides > 1:
                pool_name = block.layer_name("shortcut_pool", self._base)
                x = keras.layers.AveragePooling2D(block.strides, padding="same", name=pool_name)(x)
            x = real_layer(BlockLayer(name, block.filters, 1), self._seed, name)(x)
        return batch_norm(x, block.layer_name("shortcut_bn", self._base))

    def _block(self, source, shortcut, block):
        def name(part):
            return block.layer_name(part, self._base)

        strides = 1
        x = None
        for layer in block.layers:
            if x is not None:
                source = Source(x, self._parts, name(layer.name), normalize=False)
            x = self._parts.decompose(source, block, layer, self._seed, self._base)
            if self._wiring.relu:
                x = keras.layers.ReLU(name=name(layer.part("relu")))(x)
            x = batch_norm(x, name(layer.part("bn")))
            x = max_pool(x, layer, name(layer.part("pool")))

            strides *= layer.strides
            skip = None
            if not self._wiring.layer_shortcuts:
                if layer is block.layers[-1]:
                    skip = shortcut
            elif shortcut is not None and (strides, layer.filters) == (
                block.strides,
                block.filters,
            ):
                # The block's shortcut ends where its output shape appears first; the layers after
                # that have shortcuts of their own.
                skip, shortcut = shortcut, None
            elif block.residual and layer.strides == 1 and source.skip.shape[-1] == layer.filters:
                skip = source.skip
            if skip is not None:
                x = keras.layers.Add(name=name(layer.part("add")))([x, skip])
        return x


def build_chain(x: Any, blocks: Sequence[Block], parts: Parts, seed: int) -> Any:
    """Appends the blocks to the real tensor `x`, without bases.

    Args:
        x: `(N, H, W, C)` or `(N, C)`.
        blocks: in order.
        parts: of the method.
        seed: of the initial weights.

    Returns:
        The real output of the last block.
    """
    chain = Chain(parts, seed)
    name = blocks[0].layer_name(blocks[0].layers[0].name)
    source = Source(x, parts, name, WIRINGS[parts.wiring or ""].first_norm)
    return chain(source, chain.shortcut(source, blocks[0]), blocks)


def quant_layer(
    layer: BlockLayer,
    seed: int,
    name: str,
    kernel_quantizer: Any,
    pad_values: float | None = 0.0,
    **options: Any,
) -> keras.layers.Layer:
    """A `QuantConv2D`, padded to keep the size, or a `QuantDense`, without bias.

    Args:
        layer: what is replaced.
        seed: of the initial weights.
        name: of the layer.
        kernel_quantizer: as in `layers.QuantConv2D`.
        pad_values: see there.
        **options: further arguments of both.
    """
    options |= {
        "use_bias": False,
        "kernel_quantizer": kernel_quantizer,
        "kernel_initializer": initializer(seed, name),
        "name": name,
    }
    if not layer.kernel_size:
        return layers.QuantDense(layer.filters, **options)
    return layers.QuantConv2D(
        layer.filters,
        layer.kernel_size,
        strides=layer.strides,
        padding="same",
        pad_values=pad_values or 0.0,
        **options,
    )
