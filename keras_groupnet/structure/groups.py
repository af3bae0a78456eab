"""Group-Net's structures (arXiv 1808.02631, Eq. 3, 5 and 6) with the functional API.

A network is a list of `Block`s. `build_groups` replaces them:

    group-wise (Eq. 5, 6)   x -> BN -> Q -+-> base 1, a chain of blocks -+-> sum lambda_i y_i ->
                                          +-> ...                        |
                                          +-> base K --------------------+
    layer-wise (Eq. 3)      the same chain once, each convolution being K convolutions and a sum

The input of a group is normalised and quantized once (Algorithm 1), so that all bases read the same
packed tensor. How a base is wired inside: `"v1"` or `"release"`, see `wiring`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet import layers, quantizers
from keras_groupnet.structure.blocks import Block, BlockLayer
from keras_groupnet.structure.wiring import (
    SHORTCUTS,
    SKIPS,
    Chain,
    Parts,
    Source,
    build_chain,
    quant_layer,
)

ACTIVATION_BITS = (1, 2, 4, 32)
PARTITIONS = ("v1", "v2", "v3", "layerwise")
_CHOICES = {
    "wiring": ("v1", "release"),
    "skip": SKIPS,
    "shortcut": SHORTCUTS,
    "activation_scale": ("xnor", "mean", "none"),
    "weight_scale": ("channel", "tensor", "none"),
}


@dataclasses.dataclass(frozen=True)
class GroupOptions(Parts):
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
        """See `Parts`."""
        if self.activation_bits == 32:
            return keras.layers.ReLU(name=name)
        if self.activation_bits == 1:
            return layers.Quantize(quantizers.ApproxSign(), name=name)
        return layers.Quantize(
            quantizers.KBitActivation(self.activation_bits, self.beta), name=name
        )

    def low_bit_layer(self, layer: BlockLayer, seed: int, name: str) -> keras.layers.Layer:
        """See `Parts`."""
        quantizer = quantizers.BinaryWeight(self.weight_scale)
        return quant_layer(layer, seed, name, quantizer, self.pad_values)

    def decompose(
        self, source: Source, block: Block, layer: BlockLayer, seed: int, base: int | None
    ) -> Any:
        """The layer itself in a base; K of them and their sum if layer-wise (Eq. 3)."""
        if not self.layerwise:
            return super().decompose(source, block, layer, seed, base)
        copies = [
            super(GroupOptions, self).decompose(source, block, layer, seed, i + 1)
            for i in range(self.bases)
        ]
        return layers.GroupSum(name=block.layer_name(f"{layer.name}_sum"))(copies)


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
            x = build_chain(x, chain, spec, spec.seed)
            continue
        source = Source(x, spec, f"group{group}", normalize=True)
        shortcut = Chain(spec, spec.seed).shortcut(source, chain[0])
        x = layers.GroupSum(name=f"group{group}_sum")(
            [Chain(spec, spec.seed, i + 1)(source, shortcut, chain) for i in range(spec.bases)]
        )
    return x


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)
