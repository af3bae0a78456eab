"""Bi-Real Net: a real shortcut around each binary convolution."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import ApproxSign, MagnitudeAwareSign
from keras_groupnet.structure.blocks import BlockLayer, real_layer
from keras_groupnet.structure.wiring import quant_layer


@dataclasses.dataclass(frozen=True, kw_only=True)
class BiReal(SingleBranch):
    """Weights `MagnitudeAwareSign`, activations `ApproxSign`.

    Args:
        pretraining: the network that the binary one starts from: real weights, and activations
            `clip(x, -1, 1)`.

    References:
        Liu et al., Bi-Real Net, arXiv 1808.00278.
    """

    name: ClassVar[str] = "bi_real"
    reference: ClassVar[str] = "Liu et al., arXiv 1808.00278"

    wiring: str = "bi_real"
    shortcut: str = "real"
    pretraining: bool = False

    @property
    def weight_bits(self) -> int:
        """1; 32 in pre-training."""
        return 32 if self.pretraining else 1

    @property
    def activation_bits(self) -> int:
        """1; 32 in pre-training."""
        return 32 if self.pretraining else 1

    def stages(self) -> Sequence["BiReal"]:
        """The pre-training, then this."""
        if self.pretraining:
            return [self]
        return [dataclasses.replace(self, pretraining=True), self]

    def activation(self, name: str) -> keras.layers.Layer:
        """See `Parts`."""
        if self.pretraining:
            return keras.layers.Activation("hard_tanh", name=name)
        return Quantize(ApproxSign(), name=name)

    def low_bit_layer(self, layer: BlockLayer, seed: int, name: str) -> keras.layers.Layer:
        """See `Parts`."""
        if self.pretraining:
            return real_layer(layer, seed, name)
        return quant_layer(layer, seed, name, MagnitudeAwareSign(), self.pad_values)
