"""EL-Net: weights first, then activations of fewer and fewer bits; guided by a float network."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import keras

from keras_groupnet.methods.dorefa import DoReFa
from keras_groupnet.methods.teachers import required_teacher

# More bits than 8 are as good as float activations.
_PROGRESSION = (32, 8, 4, 2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ELNet(DoReFa):
    """The quantizers of DoReFa-Net with 2 bits, and three ideas of training.

    Two-stage: the weights are quantized first. Progressive: the bits of activations then go down
    from 32 over 16, 8 and 4 to 2. 16 bits are left out here: in training they do not differ from
    float activations. Guided: a full-precision network trains along, and the feature maps of both
    are drawn together (`training.GuidedTrainer`).

    Args:
        weight_bits: 1 to 8.
        activation_bits: 2 to 8, of the last stage; 32 in the first.
        progressive: whether there are stages before the last.
        guided: whether to train together with a full-precision network. It starts from the teacher,
            which is not changed.
        guidance_weight: `weight` of `training.GuidedTrainer`.

    References:
        Zhuang et al., Towards Effective Low-bitwidth Convolutional Neural Networks, arXiv
        1711.00205.
    """

    name: ClassVar[str] = "el_net"
    reference: ClassVar[str] = "Zhuang et al., arXiv 1711.00205"

    weight_bits: int = 2
    progressive: bool = True
    guided: bool = True
    guidance_weight: float = 1e-4

    @property
    def needs_teacher(self) -> bool:
        """Whether training is guided."""
        return self.guided

    def stages(self) -> Sequence["ELNet"]:
        """Float activations, then 8, 4 and 2 bits, as far as this has fewer; then this."""
        if not self.progressive:
            return [self]
        more = [bits for bits in _PROGRESSION if bits > self.activation_bits]
        return [*(dataclasses.replace(self, activation_bits=bits) for bits in more), self]

    def trainer(self, student: keras.Model, teacher: keras.Model | None = None) -> keras.Model:
        """`GuidedTrainer` if training is guided."""
        if not self.guided:
            return student
        from keras_groupnet.training import GuidedTrainer

        original = required_teacher(teacher, "ELNet(guided=False)")
        copy = keras.models.clone_model(original)
        copy.set_weights(original.get_weights())
        bits = min(self.activation_bits, 8)
        return GuidedTrainer(student, copy, weight=self.guidance_weight, bits=bits)
