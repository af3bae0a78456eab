"""Group-Net's structures (arXiv 1808.02631, Eq. 3, 5 and 6) with the functional API.

A network is a list of `Block`s. `build_groups` replaces them:

    group-wise (Eq. 5, 6)   x -> BN -> Q -+-> base 1, a chain of blocks -+-> sum lambda_i y_i ->
                                          +-> ...                        |
                                          +-> base K --------------------+
    layer-wise (Eq. 3)      the same chain once, each convolution being K convolutions and a sum

The input of a group is normalised and quantized once (Algorithm 1), so that all bases read the same
packed tensor. How a base is wired inside:

    "v1"        conv -> BN per layer, one shortcut per block; later blocks start with BN -> Q
    "release"   conv -> ReLU -> BN -> + shortcut per layer, wherever the shapes match (the authors'
                code, as in Bi-Real Net); no BN between a sum and the next quantizer of the base
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet import layers, quantizers
from keras_groupnet.blocks import Block, BlockLayer, batch_norm, initializer

ACTIVATION_BITS = (1, 2, 4, 32)
PARTITIONS = ("v1", "v2", "v3", "layerwise")
_CHOICES = {
    "wiring": ("v1", "release"),
    "skip": ("real", "quantized"),
    "shortcut": ("binary", "real"),
    "activation_scale": ("xnor", "mean", "none"),
    "weight_scale": ("channel", "tensor", "none"),
}


@dataclasses.dataclass(frozen=True)
class GroupOptions:
    """How blocks become groups of bases. Arguments left at None get the paper's choice.

    Args:
        bases: K, at least 1.
        activation_bits: 1 (`ApproxSign`), 2 or 4 (`KBitActivation`), 32 (ReLU). Weights have 1 bit.
        partition: `"v1"` one block per group, `"v2"` two, `"v3"` all blocks in one group,
            `"layerwise"` each convolution by itself, or the block counts of the groups in order.
        wiring: `"v1"` or `"release"`; None is `"release"` for 1 bit, else `"v1"`.
        skip: `"real"`, or `"quantized"`: identity shortcuts carry the quantized tensor (the letter
            of Algorithm 1).
        shortcut: where a block changes the shape: `"binary"`, a binary 1x1 convolution of the
            quantized input and a batch norm; `"real"`, average pooling and a real 1x1 convolution
            (Bi-Real Net). The bases of a group share that of the group's first block.
        activation_scale: `"xnor"`, `"mean"` or `"none"`, see `layers.ActivationScale`; None is
            `"xnor"` for 1 bit, else `"none"`.
        weight_scale: of `quantizers.BinaryWeight`.
        beta: of `quantizers.KBitActivation`.
        pad_values: of `layers.QuantConv2D`; None is 1 for 1 bit, else 0.

    Raises:
        ValueError: if an argument is none of these.
    """

    bases: int = 5
    activation_bits: int = 1
    partition: str | Sequence[int] = "v1"
    wiring: str | None = None
    skip: str = "real"
    shortcut: str = "binary"
    activation_scale: str | None = None
    weight_scale: str = "channel"
    beta: float = 1.0
    pad_values: float | None = None

    def __post_init__(self) -> None:
        """Checks the arguments and fills in what depends on `activation_bits`."""
        if not _is_int(self.bases) or self.bases < 1:
            raise ValueError(
                "`bases` must be an int of at least 1 (None gives the full-precision parent in "
                f"`models`). Received: bases={self.bases!r}"
            )
        if not _is_int(self.activation_bits) or self.activation_bits not in ACTIVATION_BITS:
            raise ValueError(
                f"`activation_bits` must be one of {ACTIVATION_BITS}. "
                f"Received: activation_bits={self.activation_bits!r}"
            )
        binary = self.activation_bits == 1
        for name, value in (
            ("wiring", "release" if binary else "v1"),
            ("activation_scale", "xnor" if binary else "none"),
            ("pad_values", 1.0 if binary else 0.0),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"`{name}` must be one of {allowed}. Received: {name}={getattr(self, name)!r}"
                )
        if not binary and (self.activation_scale != "none" or self.pad_values != 0):
            raise ValueError(
                "`activation_scale` and `pad_values` other than 0 are for activation_bits=1. "
                f"Received: activation_bits={self.activation_bits}, "
                f"activation_scale={self.activation_scale!r}, pad_values={self.pad_values!r}"
            )
        if self.pad_values not in (-1, 0, 1):
            raise ValueError(
                f"`pad_values` must be -1, 0 or 1. Received: pad_values={self.pad_values!r}"
            )
        self.activation()  # checks beta

    @property
    def layerwise(self) -> bool:
        """Whether each layer, not each group of blocks, is decomposed."""
        return self.partition == "layerwise"

    def activation(self, name: str | None = None) -> keras.layers.Layer:
        """A new layer that quantizes activations."""
        if self.activation_bits == 32:
            return keras.layers.ReLU(name=name)
        if self.activation_bits == 1:
            return layers.Quantize(quantizers.ApproxSign(), name=name)
        return layers.Quantize(
            quantizers.KBitActivation(self.activation_bits, self.beta), name=name
        )


@dataclasses.dataclass(frozen=True)
class GroupSpec(GroupOptions):
    """`GroupOptions` and a seed.

    Args:
        seed: from which, with its name, the initial kernel of each layer is drawn. Bases must start
            differently: equal bases stay equal. The other arguments are those of `GroupOptions`.

    Raises:
        ValueError: if an argument is none of these.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the seed too."""
        super().__post_init__()
        if not _is_int(self.seed):
            raise ValueError(f"`seed` must be an int. Received: seed={self.seed!r}")


def partition_blocks(partition: str | Sequence[int], blocks: int) -> list[int]:
    """Returns how many blocks each group holds.

    Args:
        partition: as in `GroupSpec`; `"layerwise"` keeps blocks apart like `"v1"`.
        blocks: how many there are.

    Raises:
        ValueError: if the partition does not cover the blocks exactly.
    """
    if isinstance(partition, str):
        sizes = {"v1": 1, "v2": 2, "v3": blocks, "layerwise": 1}
        if partition not in sizes:
            raise ValueError(
                f"`partition` must be one of {PARTITIONS} or a list of block counts. "
                f"Received: partition={partition!r}"
            )
        size = sizes[partition]
        if blocks % size:
            raise ValueError(
                f"partition={partition!r} needs an even number of blocks. Received: {blocks} "
                f"blocks; pass their counts, for instance {[size] * (blocks // size) + [1]}"
            )
        return [size] * (blocks // size)
    counts = list(partition)
    if not all(_is_int(count) and count > 0 for count in counts) or sum(counts) != blocks:
        raise ValueError(
            f"`partition` must hold positive ints that sum to the number of blocks, {blocks}. "
            f"Received: partition={partition!r}"
        )
    return counts


def build_groups(x: Any, blocks: Sequence[Block], spec: GroupSpec, first_group: int = 1) -> Any:
    """Appends the blocks, decomposed as `spec` says, to the tensor `x`.

    Args:
        x: real tensor `(N, H, W, C)` or `(N, C)`.
        blocks: in order.
        spec: see `GroupSpec`.
        first_group: number of the first group, for the names of layers.

    Returns:
        The real output of the last group.

    Raises:
        ValueError: if the partition does not cover the blocks.
    """
    start = 0
    for group, count in enumerate(partition_blocks(spec.partition, len(blocks)), first_group):
        chain = blocks[start : start + count]
        start += count
        if spec.layerwise:
            first = chain[0].layer_name(chain[0].layers[0].name)
            source = _Source(x, spec, first, normalize=True)
            x = _chain(source, _shortcut(source, chain[0], spec), chain, spec)
        else:
            source = _Source(x, spec, f"group{group}", normalize=True)
            shortcut = _shortcut(source, chain[0], spec)
            x = layers.GroupSum(name=f"group{group}_sum")(
                [_chain(source, shortcut, chain, spec, i + 1) for i in range(spec.bases)]
            )
    return x


class _Source:
    """A tensor that layers read quantized: its forms are made once and shared by all readers."""

    def __init__(self, real: Any, spec: GroupSpec, name: str, normalize: bool):
        self.real = real
        self._name = name
        self._scale_mode = spec.activation_scale or "none"
        self._scales: dict[tuple[int, int], Any] = {}
        self._normalized = batch_norm(real, f"{name}_input_bn") if normalize else real
        self.quantized = spec.activation(f"{name}_quantize")(self._normalized)
        self.skip = real if spec.skip == "real" else self.quantized

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
            )(self._normalized)
        return self._scales[key]


def _chain(source, shortcut, blocks, spec, base=None):
    """One base: the blocks in order; `source` and `shortcut` belong to the first."""
    x = _block(source, shortcut, blocks[0], spec, base)
    for block in blocks[1:]:
        name = block.layer_name(block.layers[0].name, base)
        source = _Source(x, spec, name, normalize=spec.wiring == "v1")
        x = _block(source, _shortcut(source, block, spec, base), block, spec, base)
    return x


def _block(source, shortcut, block, spec, base):
    strides = 1
    x = None
    for layer in block.layers:
        if x is not None:
            name = block.layer_name(layer.name, base)
            source = _Source(x, spec, name, normalize=False)
        x = _decomposed(source, block, layer, spec, base)
        if spec.wiring == "release":
            x = keras.layers.ReLU(name=block.layer_name(layer.part("relu"), base))(x)
        x = batch_norm(x, block.layer_name(layer.part("bn"), base))
        if layer.pool_size:
            name = block.layer_name(layer.part("pool"), base)
            x = keras.layers.MaxPooling2D(layer.pool_size, 2, layer.pool_padding, name=name)(x)

        strides *= layer.strides
        skip = None
        if spec.wiring == "v1":
            if layer is block.layers[-1]:
                skip = shortcut
        elif shortcut is not None and (strides, layer.filters) == (block.strides, block.filters):
            # The block's shortcut ends where its output shape appears first; the layers after
            # that have shortcuts of their own.
            skip, shortcut = shortcut, None
        elif block.residual and layer.strides == 1 and source.skip.shape[-1] == layer.filters:
            skip = source.skip
        if skip is not None:
            x = keras.layers.Add(name=block.layer_name(layer.part("add"), base))([x, skip])
    return x


def _decomposed(source, block, layer, spec, base):
    """The layer itself in a base; K of them and their sum if layer-wise (Eq. 3)."""
    if not spec.layerwise:
        return _quantized_layer(source, layer, spec, block.layer_name(layer.name, base))
    copies = [
        _quantized_layer(source, layer, spec, block.layer_name(layer.name, i + 1))
        for i in range(spec.bases)
    ]
    return layers.GroupSum(name=block.layer_name(f"{layer.name}_sum"))(copies)


def _shortcut(source, block, spec, base=None):
    if not block.residual:
        return None
    if block.strides == 1 and source.real.shape[-1] == block.filters:
        return source.skip
    name = block.layer_name("shortcut_conv", base)
    if spec.shortcut == "binary":
        projection = BlockLayer(name, block.filters, 1, block.strides)
        x = _quantized_layer(source, projection, spec, name)
    else:
        x = source.real
        if block.strides > 1:
            pool_name = block.layer_name("shortcut_pool", base)
            x = keras.layers.AveragePooling2D(block.strides, padding="same", name=pool_name)(x)
        x = keras.layers.Conv2D(
            block.filters,
            1,
            use_bias=False,
            kernel_initializer=initializer(spec.seed, name),
            name=name,
        )(x)
    return batch_norm(x, block.layer_name("shortcut_bn", base))


def _quantized_layer(source, layer, spec, name):
    options = {
        "use_bias": False,
        "kernel_quantizer": quantizers.BinaryWeight(spec.weight_scale),
        "kernel_initializer": initializer(spec.seed, name),
        "name": name,
    }
    if layer.kernel_size:
        x = layers.QuantConv2D(
            layer.filters,
            layer.kernel_size,
            strides=layer.strides,
            padding="same",
            pad_values=spec.pad_values,
            **options,
        )(source.quantized)
    else:
        x = layers.QuantDense(layer.filters, **options)(source.quantized)
    scale = source.scale(layer.kernel_size, layer.strides)
    if scale is None:
        return x
    return keras.layers.Multiply(name=f"{name}_scaled")([x, scale])


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)
