"""RBCN's adversarial training as a model for ordinary `fit`."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_groupnet.training.discriminator import (
    Discriminator,
    discriminator_loss,
    generator_loss,
)
from keras_groupnet.training.stages import paired_stages
from keras_groupnet.training.trainer import Trainer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class AdversarialTrainer(Trainer):
    """A binary student that learns to make features which pass for those of its teacher.

    It predicts what the student predicts. In training it adds to the compiled loss L_S, for each
    stage with its discriminator D, features T of the student and R of the teacher (Eq. 2 and 4),

        adversarial_weight * (1 - D(T))^2           gradient to the student only
        -log D(R) - log(1 - D(T))                   gradient to D only

    so that one optimizer and one pass serve both sides on every backend. The loss that `fit`
    reports holds all of these. Train, then convert or save `trainer.student`.

    Example:
        trainer = AdversarialTrainer(student, teacher)
        trainer.compile(SGDWithL2(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        trainer.fit(images, labels)
        kgn.convert(trainer.student, "student.tflite")

    Args:
        student: functional, with one output.
        teacher: functional, trained; it is frozen (`trainable = False`) and runs in inference mode.
        stages: names of the student's layers whose outputs are T; None for `stage_outputs`.
        teacher_stages: names of the teacher's layers whose outputs are R, of the same shapes; None
            for `stage_outputs`.
        adversarial_weight: 1 as in the paper.
        widths: channels of the discriminators' convolutions, see `Discriminator`.
        pooling: their average pooling of the features, see `Discriminator`.
        discriminator_rate: learning rate of the discriminators relative to that of the student. The
            paper gives none. At 1 they win at once: D(T) is 0, the student gets no gradient or one
            that it cannot follow, and its accuracy falls. Only SGD obeys it; Adam undoes it, so
            train with SGD.
        **kwargs: arguments of `keras.Model`.

    Raises:
        ValueError: if stages and those of the teacher differ in number or shape.

    References:
        Liu et al., Rectified Binary Convolutional Networks, arXiv 1908.07748.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        stages: Sequence[str] | None = None,
        teacher_stages: Sequence[str] | None = None,
        *,
        adversarial_weight: float = 1.0,
        widths: Sequence[int] = (256, 128, 64),
        pooling: str = "average",
        discriminator_rate: float = 0.01,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.student = student
        self.teacher = teacher
        self.teacher.trainable = False
        self.stages, self.teacher_stages = paired_stages(student, teacher, stages, teacher_stages)
        self.adversarial_weight = adversarial_weight
        self.widths = tuple(widths)
        self.pooling = pooling
        self.discriminator_rate = discriminator_rate

        fake = [student.get_layer(name).output for name in self.stages]
        real = [teacher.get_layer(name).output for name in self.teacher_stages]
        self._student_features = keras.Model(student.input, [student.output, *fake])
        self._teacher_features = keras.Model(teacher.input, real)
        self._teacher_features.trainable = False
        self.discriminators = []
        for name, features in zip(self.stages, fake, strict=True):
            discriminator = Discriminator(
                self.widths, pooling, discriminator_rate, name=f"discriminator_{name}"
            )
            discriminator.build(features.shape)
            self.discriminators.append(discriminator)
        self.build(student.input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the student's predictions; adds the losses in training."""
        if not training:
            return self.student(inputs, training=False)
        predictions, *fakes = self._student_features(inputs, training=True)
        reals = self._teacher_features(inputs, training=False)
        for discriminator, fake, real in zip(
            self.discriminators, fakes, keras.tree.flatten(reals), strict=True
        ):
            fooled = generator_loss(discriminator(fake, frozen=True))
            self.add_loss(self.adversarial_weight * fooled)
            self.add_loss(
                discriminator_loss(
                    discriminator(ops.stop_gradient(real)), discriminator(ops.stop_gradient(fake))
                )
            )
        return predictions

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "stages": self.stages,
            "teacher_stages": self.teacher_stages,
            "adversarial_weight": self.adversarial_weight,
            "widths": self.widths,
            "pooling": self.pooling,
            "discriminator_rate": self.discriminator_rate,
        }
