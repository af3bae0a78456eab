"""BNN: signs without scales."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.constraints import Clip
from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import BinaryWeight, SteSign
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.wiring import quant_layer


@dataclasses.dataclass(frozen=True, kw_only=True)
class BNN(SingleBranch):
    """Weights `sgn(w)`, gradient `g`, latent weights clipped to [-1, 1]; activations `SteSign`.

    References:
        Courbariaux et al., BinaryNet, arXiv 1602.02830.
    """

    name: ClassVar[str] = "bnn"
    reference: ClassVar[str] = "Courbariaux et al., arXiv 1602.02830"

    def activation(self, name: str) -> keras.layers.Layer:
        """See `Parts`."""
        return Quantize(SteSign(), name=name)

    def low_bit_layer(self, layer: BlockLayer, seed: int, name: str) -> keras.layers.Layer:
        """See `Parts`."""
        return quant_layer(
            layer, seed, name, BinaryWeight("none"), self.pad_values, kernel_constraint=Clip()
        )
