"""ABC-Net: several bases of weights, several of activations."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import ActivationBases, WeightBases
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class ABCNet(SingleBranch):
    """`sum_m sum_n alpha_m beta_n conv(A_n, B_m)`: a convolution for each pair of binary bases.

    Weights are `WeightBases`; inputs `ActivationBases`, which each layer has of its own. A
    converted file has one binary convolution for each pair. Feature maps are padded with 0: no
    other value is that of a sum of bases.

    Args:
        weight_bases: M, binary kernels of a layer.
        activation_bases: N, signs of an activation.

    References:
        Lin et al., Towards Accurate Binary Convolutional Neural Network (ABC-Net), arXiv
        1711.11294.
    """

    name: ClassVar[str] = "abc_net"
    reference: ClassVar[str] = "Lin et al., arXiv 1711.11294"

    weight_bases: int = 5
    activation_bases: int = 5

    def __post_init__(self) -> None:
        """Checks the arguments."""
        super().__post_init__()
        self.check("pad_values", (0,))
        WeightBases(self.weight_bases)
        ActivationBases(self.activation_bases)

    @property
    def weight_bits(self) -> int:
        """M: a weight is a sum of that many signs."""
        return self.weight_bases

    @property
    def activation_bits(self) -> int:
        """N: an activation is a sum of that many signs."""
        return self.activation_bases

    @property
    def branches(self) -> int:
        """M N: one binary convolution for each pair of a weight base and an activation base."""
        return self.weight_bases * self.activation_bases

    def activation(self, name: str) -> keras.layers.Layer:
        """Nothing: layers quantize their inputs themselves."""
        return keras.layers.Activation("linear", name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        return quant_layer(
            layer,
            scope,
            WeightBases(self.weight_bases),
            input_quantizer=ActivationBases(self.activation_bases),
        )
