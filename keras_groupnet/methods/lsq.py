"""LSQ: weights and activations of few bits, whose steps are learned."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import LearnedStepActivation, LearnedStepWeight
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class LSQ(SingleBranch):
    """Weights `LearnedStepWeight`, activations `LearnedStepActivation` behind a batch norm.

    A converted file has one binary kernel more than there are bits of a weight.

    Args:
        weight_bits: 2 to 4.
        activation_bits: 2 to 8. In converted files, layers behind 2 to 4 bits read packed codes,
            behind other numbers of bits floats.

    References:
        Esser et al., Learned Step Size Quantization, arXiv 1902.08153.
    """

    name: ClassVar[str] = "lsq"
    reference: ClassVar[str] = "Esser et al., arXiv 1902.08153"

    weight_bits: int = 2
    activation_bits: int = 2

    def __post_init__(self) -> None:
        """Checks the arguments."""
        super().__post_init__()
        self.check("weight_bits", range(2, 5))
        self.check("activation_bits", range(2, 9))

    @property
    def branches(self) -> int:
        """One binary kernel for each bit of a weight, and that of the odd level."""
        return self.weight_bits + 1

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(LearnedStepActivation(self.activation_bits), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        return quant_layer(layer, scope, LearnedStepWeight(self.weight_bits), self.pad_values)
