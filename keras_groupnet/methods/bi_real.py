"""Bi-Real Net: a float shortcut around each binary convolution."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import ApproxSign, MagnitudeAwareSign
from keras_groupnet.structure.blocks import BlockLayer, float_layer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class BiReal(SingleBranch):
    """Weights `MagnitudeAwareSign`, activations `ApproxSign`.

    Args:
        pretraining: the network that the binary one starts from: float weights, and activations
            `clip(x, -1, 1)`.

    References:
        Liu et al., Bi-Real Net, arXiv 1808.00278.
    """

    name: ClassVar[str] = "bi_real"
    reference: ClassVar[str] = "Liu et al., arXiv 1808.00278"

    wiring: str = "bi_real"
    shortcut: str = "float"
    pretraining: bool = False

    @property
    def weight_bits(self) -> int:
        """Bits of a weight: 1, or 32 in pre-training."""
        return 32 if self.pretraining else 1

    @property
    def activation_bits(self) -> int:
        """Bits of an activation: 1, or 32 in pre-training."""
        return 32 if self.pretraining else 1

    def stages(self) -> Sequence["BiReal"]:
        """The pre-training, then this."""
        if self.pretraining:
            return [self]
        return [dataclasses.replace(self, pretraining=True), self]

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        if self.pretraining:
            return keras.layers.Activation("hard_tanh", name=name)
        return Quantize(ApproxSign(), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        if self.pretraining:
            return float_layer(layer, scope)
        return quant_layer(layer, scope, MagnitudeAwareSign(), self.pad_values)
