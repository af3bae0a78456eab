"""BNN: signs without scales."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.constraints import Clip
from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import BinaryWeight, SteSign
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class BNN(SingleBranch):
    """Weights `sgn(w)`, gradient `g`, latent weights clipped to [-1, 1]; activations `SteSign`.

    References:
        Courbariaux et al., BinaryNet, arXiv 1602.02830.
    """

    name: ClassVar[str] = "bnn"
    reference: ClassVar[str] = "Courbariaux et al., arXiv 1602.02830"

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(SteSign(), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        return quant_layer(
            layer, scope, BinaryWeight("none"), self.pad_values, kernel_constraint=Clip()
        )
