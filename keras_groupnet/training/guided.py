"""EL-Net's guided training: a full-precision and a low-bit network learn together."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.distillation import FeatureRegularizer
from keras_groupnet.training.joint_trainer import JointTrainer
from keras_groupnet.training.stages import paired_stages


@keras.saving.register_keras_serializable(package="keras_groupnet")
class GuidedTrainer(JointTrainer):
    """Both networks learn their labels, and features that are alike once they are quantized.

    With L the compiled loss and R added for each stage,

        L(y, p_full) + L(y, p_low) + weight * R,  R = 1/2 ||Q(phi_full) - Q(phi_low)||^2

    R, `distillation.FeatureRegularizer`, is a mean over the samples. Its gradient reaches both
    networks, as if it were added to the loss of each. The trainer predicts what the student
    predicts. Train, then convert or save
    `trainer.student`.

    Args:
        student: the low-bit network, functional, with one output.
        teacher: the full-precision network; it is trained too.
        stages: names of the student's layers whose outputs are phi_low; None for `stage_outputs`.
        teacher_stages: those of the teacher, of the same shapes; None for `stage_outputs`.
        weight: lambda; that of the paper could not be recovered.
        bits: of Q, `KBitActivation(bits)`.
        **kwargs: arguments of `keras.Model`.

    Raises:
        ValueError: if stages and those of the teacher differ in number or shape.

    References:
        Zhuang et al., Towards Effective Low-bitwidth Convolutional Neural Networks, arXiv
        1711.00205, section 3.4.
    """

    student_weight = 1.0
    teacher_weight = 1.0

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        stages: Sequence[str] | None = None,
        teacher_stages: Sequence[str] | None = None,
        *,
        weight: float = 1e-4,
        bits: int = 2,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.student = student
        self.teacher = teacher
        self.stages, self.teacher_stages = paired_stages(student, teacher, stages, teacher_stages)
        self.weight = weight
        self.bits = bits
        self._regularizer = FeatureRegularizer(bits=bits)
        self._features = [
            keras.Model(model.input, [model.output, *(model.get_layer(n).output for n in names)])
            for model, names in ((student, self.stages), (teacher, self.teacher_stages))
        ]
        self.build(student.input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the student's predictions; in training those of the teacher too."""
        if not training:
            return self.student(inputs, training=False)
        (low, *lows), (full, *fulls) = (model(inputs, training=True) for model in self._features)
        for one, other in zip(lows, fulls, strict=True):
            self.add_loss(self.weight * self._regularizer.compute_loss(other, one))
        return (low, full)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "stages": self.stages,
            "teacher_stages": self.teacher_stages,
            "weight": self.weight,
            "bits": self.bits,
        }
