"""SYQ: signs with learned scales for the pixels or rows of a kernel."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import KBitActivation, SubgroupSign
from keras_groupnet.quantizers.subgroup_sign import SUBGROUPS
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class SYQ(SingleBranch):
    """Weights `SubgroupSign`, activations `KBitActivation` with levels in [0, 1].

    Args:
        subgroups: `"pixel"` or `"row"`: what has one scale in `quantizers.SubgroupSign`.
        activation_bits: 2 to 8. In converted files, convolutions behind 2 to 4 bits read packed
            codes, behind other numbers of bits floats.

    References:
        Faraone et al., SYQ, arXiv 1807.00301.
    """

    name: ClassVar[str] = "syq"
    reference: ClassVar[str] = "Faraone et al., arXiv 1807.00301"

    subgroups: str = "pixel"
    activation_bits: int = 8

    def __post_init__(self) -> None:
        """Checks the arguments."""
        super().__post_init__()
        self.check("subgroups", SUBGROUPS)
        self.check("activation_bits", range(2, 9))

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(KBitActivation(self.activation_bits), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        return quant_layer(layer, scope, SubgroupSign(self.subgroups), self.pad_values)
