"""Group-Net: groups of binary bases."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import keras

from keras_groupnet import layers, quantizers
from keras_groupnet.methods.method import Method
from keras_groupnet.structure.block_style import SHORTCUTS, SKIPS
from keras_groupnet.structure.blocks import Block, BlockLayer, float_layer
from keras_groupnet.structure.dilations import checked_dilations
from keras_groupnet.structure.groups import (
    ACTIVATION_BITS,
    GroupStyle,
    build_groups,
    partition_blocks,
)
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.renamed import use_current_names
from keras_groupnet.structure.scope import Scope

_CHOICES = {
    "wiring": ("block_shortcut", "layer_shortcut"),
    "skip": SKIPS,
    "shortcut": SHORTCUTS,
    "activation_scale": ("xnor", "mean", "none"),
    "weight_scale": ("channel", "tensor", "none"),
    "aggregation": ("learned", "mean"),
    "gates": (False, True),
}

# What may be said for each group.
_PER_GROUP = ("bases", "activation_bits", "dilations")


@dataclasses.dataclass(frozen=True)
class GroupNet(GroupStyle, Method):
    """K binary bases per group of blocks, or per layer. None gets the paper's choice.

    Groups may differ: `bases` and `activation_bits` are one int for all, or one for each group. For
    what is None, a group then gets the choice for its own bits.

    Args:
        bases: K, at least 1.
        activation_bits: 1 (`ApproxSign`), 2 or 4 (`KBitActivation`), 32 (ReLU).
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
        weight_bits: 1, or 32 for float kernels: of networks whose activations alone are quantized,
            and of those that are as exact as their parent.
        gates: the journal version's `layers.SoftGates` between groups. Each base then quantizes its
            own input, so inputs are packed K times.
        aggregation: `"learned"`, a lambda for each base, or `"mean"`, as in the journal version.
        dilations: of the convolutions in groups: None, or one entry for each group: a number for
            all bases, or one for each base (BPAC of the journal version, for segmentation).

    Raises:
        ValueError: if an argument is none of these.

    Example:
    >>> method = GroupNet(bases=3, activation_bits=2, partition="v2")
    >>> model = kgn.models.ResNet18((32, 32, 3), 10, stem="cifar", method=method)

    Groups of two, one and five blocks, of different numbers of bases and bits:
    >>> method = GroupNet(bases=(3, 5, 1), activation_bits=(1, 2, 1), partition=(2, 1, 5))

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, whose numbers of sections and equations are
        those of version 1; published as Structured Binary Neural Networks, CVPR 2019, arXiv
        1811.10413. The journal version is arXiv 1909.09934.
    """

    name: ClassVar[str] = "group_net"
    reference: ClassVar[str] = "Zhuang et al., arXiv 1808.02631"

    bases: int | Sequence[int] = 5
    activation_bits: int | Sequence[int] = 1
    partition: str | Sequence[int] = "v1"
    wiring: str | None = None
    skip: str = "float"
    shortcut: str = "binary"
    activation_scale: str | None = None
    weight_scale: str = "channel"
    beta: float = 1.0
    pad_values: float | None = None
    weight_bits: int = 1
    gates: bool = False
    aggregation: str = "learned"
    dilations: Sequence[int | Sequence[int]] | None = None

    def __post_init__(self) -> None:
        """Checks the arguments and fills in what depends on `activation_bits`."""
        use_current_names(self)
        self._check_numbers("bases")
        self._check_numbers("activation_bits")
        rates = checked_dilations(self.dilations, self.bases, self.partition)
        object.__setattr__(self, "dilations", rates)
        self._check_lengths()
        if self.gates and (self.partition == "layerwise" or not _is_int(self.bases)):
            raise ValueError(
                "`gates` stand between groups of as many bases each: `bases` must be one int and "
                "`partition` not 'layerwise'. "
                f"Received: bases={self.bases!r}, partition={self.partition!r}"
            )
        if not isinstance(self.activation_bits, int):
            # What depends on the bits stays None; each group checks and fills in its own.
            for bits in sorted(set(self.activation_bits)):
                dataclasses.replace(self, activation_bits=bits)
            return
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
        if self.weight_bits not in (1, 32) or isinstance(self.weight_bits, bool):
            raise ValueError(
                "`weight_bits` must be 1, or 32 for float kernels. "
                f"Received: weight_bits={self.weight_bits!r}"
            )
        quantizers.KBitActivation(beta=self.beta)  # checks beta

    def _check_numbers(self, name):
        """Checks that the field is an int that it may be, or some; keeps these as a tuple."""
        value = getattr(self, name)
        several = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
        for number in value if several else [value]:
            if name == "bases" and not (_is_int(number) and number >= 1):
                raise ValueError(
                    "`bases` must be an int of at least 1, or one for each group (None gives the "
                    f"full-precision parent in `models`). Received: bases={value!r}"
                )
            if name == "activation_bits" and not (_is_int(number) and number in ACTIVATION_BITS):
                raise ValueError(
                    f"`activation_bits` must be one of {ACTIVATION_BITS}, or one of these for each "
                    f"group. Received: activation_bits={value!r}"
                )
        if several:
            object.__setattr__(self, name, tuple(value))

    def _check_lengths(self):
        """Checks that what is said for each group is said for as many groups."""
        values = {name: getattr(self, name) for name in (*_PER_GROUP, "partition")}
        several = {
            name: value for name, value in values.items() if not isinstance(value, int | str | None)
        }
        if len(set(map(len, several.values()))) > 1:
            received = ", ".join(f"{name}={value!r}" for name, value in several.items())
            raise ValueError(
                f"{' and '.join(f'`{name}`' for name in several)} must have one number for each "
                f"group. Received: {received}"
            )

    @property
    def branches(self) -> int | Sequence[int]:
        """K: a float kernel becomes that many binary ones; one number per group if they differ."""
        return self.bases

    def of_groups(self, count: int) -> Sequence["GroupNet"]:
        """The methods of the groups, each with one number of bases and one of bits.

        Args:
            count: how many groups there are.

        Raises:
            ValueError: if there are not as many numbers of bases or bits.

        Example:
        >>> [group.bases for group in GroupNet(bases=(3, 5)).of_groups(2)]
        [3, 5]
        """
        numbers = {name: self._of_each_group(name, count) for name in ("bases", "activation_bits")}
        return [
            dataclasses.replace(self, bases=bases, activation_bits=bits, dilations=None)
            for bases, bits in zip(*numbers.values(), strict=True)
        ]

    def dilations_of_groups(self, count: int) -> Sequence[int | Sequence[int]]:
        """The dilations of the groups, 1 if there are none.

        Args:
            count: how many groups there are.

        Raises:
            ValueError: if there are not as many.
        """
        return [entry or 1 for entry in self._of_each_group("dilations", count)]

    def _of_each_group(self, name: str, count: int) -> list[Any]:
        value = getattr(self, name)
        values = [value] * count if value is None or isinstance(value, int) else list(value)
        if len(values) != count:
            raise ValueError(
                f"`{name}` must be one int, or one for each group: {count} with "
                f"partition={self.partition!r} here. Received: {name}={value!r}"
            )
        return values

    def split(self, blocks: Sequence[int]) -> Sequence["GroupNet"]:
        """The methods of chains of blocks that follow one another in a model.

        Where something stands between blocks that no group can contain, such as the pooling and
        flattening in front of AlexNet's dense layers, a model calls `build_blocks` for each chain.
        A named partition holds for each chain; one of block counts, and numbers for each group, are
        those of all chains in order.

        Args:
            blocks: of each chain, how many.

        Raises:
            ValueError: if a group would reach from one chain into the next, or if the numbers of
                blocks, bases or bits are others.

        Example:
        >>> [chain.partition for chain in GroupNet(partition=(2, 1, 2)).split([3, 2])]
        [[2, 1], [2]]
        """
        if isinstance(self.partition, str):
            sizes = [partition_blocks(self.partition, count) for count in blocks]
            partitions: list[Any] = [self.partition] * len(sizes)
        else:
            sizes = partitions = _cut(partition_blocks(self.partition, sum(blocks)), blocks)
        groups = self.of_groups(sum(map(len, sizes)))
        chains, start = [], 0
        for partition, counts in zip(partitions, sizes, strict=True):
            own = groups[start : start + len(counts)]
            start += len(counts)
            different: dict[str, Any] = {
                name: [getattr(group, name) for group in own]
                for name in _PER_GROUP
                if not isinstance(getattr(self, name), int | None)
            }
            chains.append(dataclasses.replace(self, partition=partition, **different))
        return chains

    def activation(self, name: str) -> keras.layers.Layer:
        """A new `Quantize` for the bits of activations, or a ReLU for 32."""
        if self.activation_bits == 32:
            return keras.layers.ReLU(name=name)
        if self.activation_bits == 1:
            return layers.Quantize(quantizers.ApproxSign(), name=name)
        return layers.Quantize(
            quantizers.KBitActivation(cast(int, self.activation_bits), self.beta), name=name
        )

    def group_sum(self, name: str) -> layers.GroupSum:
        """A new sum with lambdas that are learned, or stay 1 / K."""
        return layers.GroupSum(name=name, trainable=self.aggregation == "learned")

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with `BinaryWeight` kernels, or with float ones."""
        if self.weight_bits == 32:
            return float_layer(layer, scope)
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


def _cut(counts: Sequence[int], blocks: Sequence[int]) -> list[list[int]]:
    """The block counts of all groups, cut where chains of so many blocks end."""
    result = []
    rest = list(counts)
    for length in blocks:
        own: list[int] = []
        while sum(own) < length:
            own.append(rest.pop(0))
        if sum(own) > length:
            raise ValueError(
                f"No group can reach over the ends of the model's chains of {list(blocks)} blocks. "
                f"Received: partition={counts!r}"
            )
        result.append(own)
    return result


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)
