"""Apprentice: a low-bit student learns from the outputs of a full-precision teacher."""

import warnings
from typing import Any

import keras
from keras import ops

from keras_groupnet.training.joint_trainer import JointTrainer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class DistillationTrainer(JointTrainer):
    """Trains by `alpha H(y, p_T) + beta H(y, p_A) + gamma H(z_T, p_A)`.

    `H(y, .)` is the compiled loss; p_T and p_A are the predictions of teacher and student. The last
    term is the cross-entropy of p_A with the softmax of the teacher's logits z_T, a constant here:
    the teacher does not learn from its student. The trainer predicts what the student predicts.
    Train, then convert or save `trainer.student`.

    Both are trained together from scratch (scheme A). With a teacher that is trained already
    (scheme B) use `kgn.distillation.Distiller(teacher, student, DistributionLoss())`.

    Example:
        trainer = DistillationTrainer(student, teacher)
        trainer.compile(SGDWithL2(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        trainer.fit(images, labels)

    Args:
        student: functional, with one output `(N, classes)`.
        teacher: functional, with the same outputs.
        teacher_weight: alpha.
        student_weight: beta.
        distillation_weight: gamma.
        train_teacher: deprecated. With False the teacher stays frozen and runs in inference mode,
            and its loss is left out.
        from_logits: whether the models end in logits instead of a softmax.
        **kwargs: arguments of `keras.Model`.

    Raises:
        ValueError: if the outputs have different shapes.

    References:
        Mishra and Marr, Apprentice: Using Knowledge Distillation Techniques To Improve
        Low-Precision Network Accuracy, arXiv 1711.05852, section 4.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        *,
        teacher_weight: float = 1.0,
        student_weight: float = 0.5,
        distillation_weight: float = 0.5,
        train_teacher: bool = True,
        from_logits: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        shapes = tuple(student.outputs[0].shape), tuple(teacher.outputs[0].shape)
        if shapes[0] != shapes[1]:
            raise ValueError(
                "Student and teacher must have outputs of the same shape. "
                f"Received: student with {shapes[0]}, teacher with {shapes[1]}"
            )
        self.student = student
        self.teacher = teacher
        self.teacher_weight = teacher_weight
        self.student_weight = student_weight
        self.distillation_weight = distillation_weight
        self.train_teacher = train_teacher
        self.from_logits = from_logits
        if not train_teacher:
            warnings.warn(
                "DistillationTrainer(train_teacher=False) will go in the next release. Use "
                "keras_groupnet.distillation.Distiller(teacher, student, DistributionLoss()), and "
                "its `student_loss_weight` for the weights of both terms",
                DeprecationWarning,
                stacklevel=2,
            )
            teacher.trainable = False
        self.build(student.input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the student's predictions; in training those of the teacher too."""
        if not training:
            return self.student(inputs, training=False)
        predictions = self.student(inputs, training=True)
        taught = self.teacher(inputs, training=self.train_teacher)
        targets = ops.stop_gradient(ops.softmax(taught) if self.from_logits else taught)
        difference = ops.categorical_crossentropy(targets, predictions, self.from_logits)
        self.add_loss(self.distillation_weight * ops.mean(difference))
        return (predictions, taught) if self.train_teacher else (predictions,)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "teacher_weight": self.teacher_weight,
            "student_weight": self.student_weight,
            "distillation_weight": self.distillation_weight,
            "train_teacher": self.train_teacher,
            "from_logits": self.from_logits,
        }
