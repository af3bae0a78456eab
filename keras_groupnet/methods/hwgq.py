"""HWGQ: activations quantized for the half of a Gaussian."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import BinaryWeight, HalfWaveGaussian
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class HWGQ(SingleBranch):
    """Weights `BinaryWeight("channel")`; 2-bit activations `HalfWaveGaussian` behind a batch norm.

    References:
        Cai et al., Half-Wave Gaussian Quantization, arXiv 1702.00953.
    """

    name: ClassVar[str] = "hwgq"
    reference: ClassVar[str] = "Cai et al., arXiv 1702.00953"

    @property
    def activation_bits(self) -> int:
        """Bits of an activation: 0 and three positive levels take 2."""
        return 2

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(HalfWaveGaussian(), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        return quant_layer(layer, scope, BinaryWeight("channel"), self.pad_values)
