"""Real-to-Binary: outputs of binary convolutions that are scaled by what their inputs were."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_groupnet.constraints import Clip
from keras_groupnet.layers import ChannelScale, Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.methods.teachers import required_teacher
from keras_groupnet.quantizers import BinaryWeight, SteSign
from keras_groupnet.structure.block_style import FloatInput, QuantizedInput, scaled
from keras_groupnet.structure.blocks import BlockLayer, float_layer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class RealToBinary(SingleBranch):
    """`BN -> sign -> layer -> * scale -> PReLU -> + shortcut` for each layer.

    Weights are signs without scales, latent weights clipped to [-1, 1]; the scale is
    `layers.ChannelScale` of what the sign is taken of. Also the stem ends in a PReLU.

    Three stages, each of which starts from the one before and learns from it, the first one from a
    full-precision network: tanh and float weights; signs and float weights; signs and binary
    weights.

    Args:
        ratio: of `layers.ChannelScale`.
        weight_bits: 1, or 32 in the first two stages.
        activation_bits: 1, or 32 in the first stage, whose activations are `tanh(x)`.
        distilled: whether to learn from the stage before, by
            `1/2 L(y, p) + 1/2 (attention_weight * sum A + D)`, where A is
            `distillation.AttentionMatching` of each residual sum that both networks have, and D is
            `distillation.DistributionLoss`.
        attention_weight: of A.

    References:
        Martinez et al., Training Binary Neural Networks with Real-to-Binary Convolutions, arXiv
        2003.11535.
    """

    name: ClassVar[str] = "real_to_binary"
    reference: ClassVar[str] = "Martinez et al., arXiv 2003.11535"

    wiring: str = "real_to_binary"
    shortcut: str = "float"
    ratio: int = 8
    weight_bits: int = 1
    activation_bits: int = 1
    distilled: bool = True
    attention_weight: float = 1.0

    def __post_init__(self) -> None:
        """Checks the arguments."""
        super().__post_init__()
        self.check("weight_bits", (1, 32))
        self.check("activation_bits", (1, 32))
        if (self.weight_bits, self.activation_bits) == (1, 32):
            raise ValueError(
                "Activations become binary before weights do. Received: weight_bits=1, "
                "activation_bits=32"
            )
        ChannelScale(1, self.ratio)

    @property
    def needs_teacher(self) -> bool:
        """Whether there is a teacher."""
        return self.distilled

    @property
    def learns_from_previous(self) -> bool:
        """Whether there is a teacher."""
        return self.distilled

    def stages(self) -> Sequence["RealToBinary"]:
        """Those before this one, then this."""
        bits = [(32, 32), (1, 32), (1, 1)]
        own = bits.index((self.activation_bits, self.weight_bits))
        return [
            *(
                dataclasses.replace(self, activation_bits=activations, weight_bits=weights)
                for activations, weights in bits[:own]
            ),
            self,
        ]

    def trainer(self, student: keras.Model, teacher: keras.Model | None = None) -> keras.Model:
        """`distillation.Distiller` if there is a teacher; for models that end in a softmax."""
        if not self.distilled:
            return student
        from keras_groupnet.distillation import AttentionMatching, Distiller, DistributionLoss

        teacher = required_teacher(teacher, "RealToBinary(distilled=False)")
        losses = [AttentionMatching(), DistributionLoss()]
        return Distiller(teacher, student, losses, [self.attention_weight, 1.0])

    def stem_activation(self, name: str) -> keras.layers.Layer:
        """A PReLU."""
        return _prelu(name.replace("relu", "prelu"), spatial_axes=2)

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        if self.activation_bits == 32:
            return keras.layers.Activation("tanh", name=name)
        return Quantize(SteSign(), name=name)

    def nonlinearity(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new PReLU with one slope for each channel."""
        return _prelu(scope.name(layer.part("prelu")), len(layer.kernel_size))

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method, or with float weights."""
        if self.weight_bits == 32:
            return float_layer(layer, scope)
        return quant_layer(
            layer, scope, BinaryWeight("none"), self.pad_values, kernel_constraint=Clip()
        )

    def connect(self, source: QuantizedInput | FloatInput, layer: BlockLayer, scope: Scope) -> Any:
        """The output of the low-bit version of a layer, times its channel scale."""
        x = self.low_bit_layer(layer, scope)(source.quantized)
        given = source.normalized if isinstance(source, QuantizedInput) else source.quantized
        part = f"{layer.name}_channel_scale"
        scale = ChannelScale(x.shape[-1], self.ratio, scope.layer_seed(part), name=scope.name(part))
        return scaled(x, scale(given), layer, scope)


def _prelu(name: str, spatial_axes: int) -> keras.layers.PReLU:
    axes = list(range(1, spatial_axes + 1)) or None
    return keras.layers.PReLU(shared_axes=axes, name=name)
