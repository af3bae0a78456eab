"""DoReFa-Net: weights and activations of few bits."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.blocks import BlockLayer
from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import BinaryWeight, KBitActivation
from keras_groupnet.wiring import quant_layer


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoReFa(SingleBranch):
    """Weights `E sgn(w)`, `E = mean|w|` of the whole kernel, gradient `g`; uniform activations.

    Activations are `q_k(clip(x, 0, 1))`, which is `KBitActivation(bits, 1.0)`. Gradients stay real.

    Args:
        weight_bits: 1.
        activation_bits: 2 to 8; files hold those of 2 and 4.

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
        self.check("weight_bits", (1,))
        self.check("activation_bits", range(2, 9))

    def activation(self, name: str) -> keras.layers.Layer:
        """See `Parts`."""
        return Quantize(KBitActivation(self.activation_bits), name=name)

    def low_bit_layer(self, layer: BlockLayer, seed: int, name: str) -> keras.layers.Layer:
        """See `Parts`."""
        return quant_layer(layer, seed, name, BinaryWeight("tensor"), self.pad_values)
