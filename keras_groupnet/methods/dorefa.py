"""DoReFa-Net: weights and activations of few bits."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import BinaryWeight, KBitActivation, KBitWeight
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoReFa(SingleBranch):
    """Uniform weights and activations; gradients stay floats.

    Weights of 1 bit are `E sgn(w)`, `E = mean|w|` of the whole kernel, gradient `g`; more bits are
    `KBitWeight`, in converted files one binary kernel per bit. Activations are
    `q_k(clip(x, 0, 1))`, which is `KBitActivation(bits, 1.0)`.

    Args:
        weight_bits: 1 to 8.
        activation_bits: 2 to 8, or 32 for ReLU. In converted files, layers behind 2 and 4 bits read
            packed codes, behind other numbers of bits floats.

    References:
        Zhou et al., DoReFa-Net, arXiv 1606.06160.
    """

    name: ClassVar[str] = "dorefa"
    reference: ClassVar[str] = "Zhou et al., arXiv 1606.06160"

    weight_bits: int = 1
    activation_bits: int = 2

    def __post_init__(self) -> None:
        """Checks the arguments."""
        super().__post_init__()
        self.check("weight_bits", range(1, 9))
        self.check("activation_bits", (*range(2, 9), 32))

    @property
    def branches(self) -> int:
        """One binary kernel for each bit of a weight."""
        return self.weight_bits

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        if self.activation_bits == 32:
            return keras.layers.ReLU(name=name)
        return Quantize(KBitActivation(self.activation_bits), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        binary = self.weight_bits == 1
        quantizer = BinaryWeight("tensor") if binary else KBitWeight(self.weight_bits)
        return quant_layer(layer, scope, quantizer, self.pad_values)
