"""Group-Net: groups of binary bases."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_groupnet import layers, quantizers
from keras_groupnet.methods.method import Method
from keras_groupnet.structure.block_style import SHORTCUTS, SKIPS
from keras_groupnet.structure.blocks import Block, BlockLayer
from keras_groupnet.structure.groups import ACTIVATION_BITS, GroupStyle, build_groups
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.renamed import use_current_names
from keras_groupnet.structure.scope import Scope

_CHOICES = {
    "wiring": ("block_shortcut", "layer_shortcut"),
    "skip": SKIPS,
    "shortcut": SHORTCUTS,
    "activation_scale": ("xnor", "mean", "none"),
    "weight_scale": ("channel", "tensor", "none"),
}


@dataclasses.dataclass(frozen=True)
class GroupNet(GroupStyle, Method):
    """K binary bases per group of blocks, or per layer. None gets the paper's choice.

    Args:
        bases: K, at least 1.
        activation_bits: 1 (`ApproxSign`), 2 or 4 (`KBitActivation`), 32 (ReLU). Weights have 1 bit.
        partition: `"v1"` one block per group, `"v2"` two, `"v3"` all blocks in one group,
            `"layerwise"` each layer by itself, or the block counts of the groups in order.
        wiring: `"block_shortcut"` or `"layer_shortcut"`, see `structure.wiring`; None is
            `"layer_shortcut"` for 1 bit, else `"block_shortcut"`.
        skip: `"float"`, or `"quantized"`: identity shortcuts carry the quantized tensor (the letter
            of Algorithm 1).
        shortcut: where a block changes the shape: `"binary"`, a binary 1x1 convolution of the
            quantized input and a batch norm; `"float"`, average pooling and a float 1x1 convolution
            (Bi-Real Net). The bases of a group share that of the group's first block.
        activation_scale: `"xnor"`, `"mean"` or `"none"`, the modes of `layers.ActivationScale`;
            None is `"xnor"` for 1 bit, else `"none"`.
        weight_scale: `scale` of `quantizers.BinaryWeight`.
        beta: the largest level of `quantizers.KBitActivation`.
        pad_values: as in `layers.QuantConv2D`; None is 1 for 1 bit, else 0.

    Raises:
        ValueError: if an argument is none of these.

    Example:
    >>> method = GroupNet(bases=3, activation_bits=2, partition="v2")
    >>> model = kgn.models.ResNet18((32, 32, 3), 10, stem="cifar", method=method)

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, whose numbers of sections and equations are
        those of version 1; published as Structured Binary Neural Networks, CVPR 2019, arXiv
        1811.10413.
    """

    name: ClassVar[str] = "group_net"
    reference: ClassVar[str] = "Zhuang et al., arXiv 1808.02631"

    bases: int = 5
    activation_bits: int = 1
    partition: str | Sequence[int] = "v1"
    wiring: str | None = None
    skip: str = "float"
    shortcut: str = "binary"
    activation_scale: str | None = None
    weight_scale: str = "channel"
    beta: float = 1.0
    pad_values: float | None = None

    def __post_init__(self) -> None:
        """Checks the arguments and fills in what depends on `activation_bits`."""
        use_current_names(self)
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
            ("wiring", "layer_shortcut" if binary else "block_shortcut"),
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
        quantizers.KBitActivation(beta=self.beta)  # checks beta

    @property
    def branches(self) -> int:
        """K: a float kernel becomes that many binary ones."""
        return self.bases

    def activation(self, name: str) -> keras.layers.Layer:
        """A new `Quantize` for the bits of activations, or a ReLU for 32."""
        if self.activation_bits == 32:
            return keras.layers.ReLU(name=name)
        if self.activation_bits == 1:
            return layers.Quantize(quantizers.ApproxSign(), name=name)
        return layers.Quantize(
            quantizers.KBitActivation(self.activation_bits, self.beta), name=name
        )

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with `BinaryWeight` kernels."""
        quantizer = quantizers.BinaryWeight(self.weight_scale)
        return quant_layer(layer, scope, quantizer, self.pad_values)

    def build_blocks(
        self, x: Any, blocks: Sequence[Block], seed: int = 0, first_group: int = 1
    ) -> Any:
        """Appends the blocks as groups of bases, see `structure.groups.build_groups`."""
        return build_groups(x, blocks, self, first_group, seed)


@dataclasses.dataclass(frozen=True)
class GroupSpec(GroupNet):
    """Deprecated: use `GroupNet`, and the argument `seed` of `build_groups`.

    Args:
        seed: of the initial weights.

    Raises:
        ValueError: if an argument is none of those of `GroupNet`, or the seed no int.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the seed too."""
        super().__post_init__()
        Scope(self.seed)


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)
