"""ReActNet: Bi-Real Net with learned thresholds and activation functions."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize, RPReLU
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.methods.teachers import required_teacher
from keras_groupnet.quantizers import BinaryWeight, RSign
from keras_groupnet.structure.blocks import BlockLayer, float_layer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReActNet(SingleBranch):
    """`RSign -> layer -> BN -> + shortcut -> RPReLU` for each layer, weights `BinaryWeight`.

    Args:
        weight_bits: 1, or 32 for the network with float weights that is trained first.
        distilled: whether to learn from the outputs of a full-precision teacher alone
            (`distillation.DistributionLoss`, no labels), as the paper does.

    References:
        Liu et al., ReActNet: Towards Precise Binary Neural Network with Generalized Activation
        Functions, arXiv 2003.03488.
    """

    name: ClassVar[str] = "react_net"
    reference: ClassVar[str] = "Liu et al., arXiv 2003.03488"

    wiring: str = "react_net"
    shortcut: str = "float"
    weight_bits: int = 1
    distilled: bool = True

    def __post_init__(self) -> None:
        """Checks the arguments."""
        super().__post_init__()
        self.check("weight_bits", (1, 32))

    @property
    def needs_teacher(self) -> bool:
        """Whether there is a teacher."""
        return self.distilled

    def stages(self) -> Sequence["ReActNet"]:
        """Float weights and binary activations first, then this."""
        if self.weight_bits == 32:
            return [self]
        return [dataclasses.replace(self, weight_bits=32), self]

    def trainer(self, student: keras.Model, teacher: keras.Model | None = None) -> keras.Model:
        """`distillation.Distiller` if there is a teacher; for models that end in a softmax."""
        if not self.distilled:
            return student
        from keras_groupnet.distillation import Distiller, DistributionLoss

        teacher = required_teacher(teacher, "ReActNet(distilled=False)")
        return Distiller(teacher, student, DistributionLoss(), student_loss_weight=0.0)

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(RSign(), name=name)

    def nonlinearity(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new `RPReLU`."""
        return RPReLU(name=scope.name(layer.part("rprelu")))

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method, or with float weights."""
        if self.weight_bits == 32:
            return float_layer(layer, scope)
        return quant_layer(layer, scope, BinaryWeight("channel"), self.pad_values)
