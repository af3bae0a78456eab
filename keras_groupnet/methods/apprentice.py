"""Apprentice: a binary network that learns from the outputs of a full-precision one."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.methods.teachers import required_teacher
from keras_groupnet.quantizers import ApproxSign, BinaryWeight
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import quant_layer
from keras_groupnet.structure.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Apprentice(SingleBranch):
    """Weights `BinaryWeight`, activations `ApproxSign`; learns from the outputs of a teacher.

    The paper's students are ternary or have 4 bits; binary ones are those that RBCN's paper
    compares itself with.

    Args:
        train_teacher: True trains a teacher from scratch with the student (scheme A), a new one of
            the given teacher's architecture (`training.DistillationTrainer`); False learns from
            the given teacher as it is (scheme B, `distillation.Distiller` with Keras' own
            `LogitsDistillation`).

    References:
        Mishra and Marr, Apprentice, arXiv 1711.05852.
    """

    name: ClassVar[str] = "apprentice"
    reference: ClassVar[str] = "Mishra and Marr, arXiv 1711.05852"

    train_teacher: bool = True

    @property
    def needs_teacher(self) -> bool:
        """True: scheme A takes its architecture, scheme B the teacher itself."""
        return True

    def trainer(self, student: keras.Model, teacher: keras.Model | None = None) -> keras.Model:
        """The trainer of the scheme, for models that end in a softmax.

        Scheme B minimizes `1/2 H(y, p_A) + 1/2 H(p_T, p_A)`.
        """
        teacher = required_teacher(teacher, "another method")
        if self.train_teacher:
            from keras_groupnet.training import DistillationTrainer

            return DistillationTrainer(student, keras.models.clone_model(teacher))
        from keras_groupnet.distillation import Distiller

        # Of outputs behind a softmax, at temperature 1, it is the cross-entropy H(p_T, p_A).
        loss = keras.distillation.LogitsDistillation(1.0, "categorical_crossentropy")
        return Distiller(teacher, student, loss)

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(ApproxSign(), name=name)

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new layer with the kernel quantizer of the method."""
        return quant_layer(layer, scope, BinaryWeight(), self.pad_values)
