"""XNOR-Net: signs with scales for weights and activations."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.constraints import Clip
from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.quantizers import SteSign, XnorWeight
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class XnorNet(SingleBranch):
    """Weights `XnorWeight`, latent weights clipped to [-1, 1]; activations `SteSign`.

    The output of a layer is multiplied by the activation scale of `layers.ActivationScale`.

    Args:
        activation_scale: `"xnor"` as in the paper, or `"none"` as in the released code.

    References:
        Rastegari et al., XNOR-Net, arXiv 1603.05279.
    """

    name: ClassVar[str] = "xnor_net"
    reference: ClassVar[str] = "Rastegari et al., arXiv 1603.05279"

    activation_scale: str = "xnor"

    def __post_init__(self) -> None:
        """Checks the arguments."""
        super().__post_init__()
        self.check("activation_scale", ("xnor", "none"))

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(SteSign(), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        return quant_layer(layer, scope, XnorWeight(), self.pad_values, kernel_constraint=Clip())
