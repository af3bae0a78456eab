"""What losses between the features of a student and of its teacher share."""

from typing import Any

import keras

from keras_groupnet.distillation.layer_pairs import (
    Shape,
    check_symbolic,
    equal_shapes,
    layer_pairs,
)


class FeatureLoss(keras.distillation.DistillationLoss):
    """The base of losses that compare what one layer of each of the two models gives.

    Subclasses say what is compared in `compute_loss` and, if the shapes need not be equal, in
    `comparable`. Options of theirs go into `get_config`.

    One loss compares one pair of layers, as Keras' `FeatureDistillation` does. Without names it
    stands for all pairs that `layer_pairs` finds: `kgn.distillation.Distiller` puts a loss for each
    of them in its place, for Keras' own `Distiller` `for_all_pairs` does so.

    Args:
        teacher_layer_name: of the teacher; None for all pairs.
        student_layer_name: of the student; None for all pairs.

    Raises:
        ValueError: if one of the names is given without the other.
    """

    def __init__(
        self, teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ):
        if (teacher_layer_name is None) != (student_layer_name is None):
            raise ValueError(
                "Name the layers of both models, or none for all that correspond. Received: "
                f"teacher_layer_name={teacher_layer_name!r}, "
                f"student_layer_name={student_layer_name!r}"
            )
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    @classmethod
    def comparable(cls, student_shape: Shape, teacher_shape: Shape) -> bool:
        """Whether features of these shapes, batch included, can be compared."""
        return equal_shapes(student_shape, teacher_shape)

    def for_all_pairs(self, student: keras.Model, teacher: keras.Model) -> list["FeatureLoss"]:
        """One loss like this for each pair of layers; this alone if it names its own.

        Args:
            student: functional or Sequential.
            teacher: functional or Sequential.

        Raises:
            ValueError: as `layer_pairs`.
        """
        if self.teacher_layer_name is not None:
            return [self]
        return [
            type(self).from_config(
                self.get_config() | {"teacher_layer_name": taught, "student_layer_name": learning}
            )
            for learning, taught in layer_pairs(student, teacher, self.comparable)
        ]

    def validate_model_compatibility(self, teacher: keras.Model, student: keras.Model) -> None:
        """Checks the names; `Distiller` calls it.

        Raises:
            ValueError: if a model has no such layer, if the shapes do not fit, or if the loss
                stands for all pairs, which only `kgn.distillation.Distiller` understands.
        """
        name = type(self).__name__
        if self.teacher_layer_name is None:
            raise ValueError(
                f"{name} without names of layers stands for all pairs of layers. Use "
                "kgn.distillation.Distiller, or give Keras' Distiller the losses "
                f"*{name}(...).for_all_pairs(student, teacher)"
            )
        shapes = []
        for role, model, layer_name in (
            ("student", student, self.student_layer_name),
            ("teacher", teacher, self.teacher_layer_name),
        ):
            check_symbolic(model)
            known = {layer.name: layer for layer in model.layers}
            if layer_name not in known:
                raise ValueError(
                    f"The {role} has no layer {layer_name!r}; layers of a model inside of it "
                    f"cannot be named. Received: {role}_layer_name={layer_name!r}. Its layers: "
                    f"{', '.join(known)}"
                )
            shapes.append(tuple(known[layer_name].output.shape))
        if not self.comparable(*shapes):
            raise ValueError(
                f"{name} cannot compare features of these shapes. Received: {shapes[0]} of the "
                f"student's layer {self.student_layer_name!r} and {shapes[1]} of the teacher's "
                f"layer {self.teacher_layer_name!r}"
            )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FeatureLoss":
        """Makes a loss from `get_config()`."""
        return cls(**config)
