"""Keras' `Distiller` without the limits that trouble binary networks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_groupnet.distillation.feature_loss import FeatureLoss


class _Learnt(NamedTuple):
    """What the student gives in training."""

    predictions: Any
    features: dict[str, Any]


@keras.saving.register_keras_serializable(package="keras_groupnet")
class Distiller(keras.distillation.Distiller):
    """Trains a student by its labels and by what a trained teacher says.

    With L the compiled loss, D_i the distillation losses and R the losses of the student's layers
    (regularizers, the kernel loss of `RectifiedConv2D`), all of which `fit` minimizes,

        student_loss_weight * L + (1 - student_loss_weight) * sum_i weight_i * D_i + R

    It is `keras.distillation.Distiller`, with the same arguments, the same attributes and any
    `keras.distillation.DistillationLoss`, but for what Keras' has not or does otherwise:

    - the student runs once for a batch, features or not, so that its batch norms see each batch
      once; in validation it runs in inference mode and its variables stay as they are
    - `sample_weight` counts in L, and in those D_i that take it, as all of this package do
    - R is part of the loss
    - a `FeatureLoss` without names of layers stands for all pairs of layers that correspond, each
      with the weight of that loss
    - `compile` is that of any model (weights of losses, dicts), and so is loading a compiled one;
      without labels (`fit(images)`) compile without a loss
    - batch norms of the teacher are in inference mode, as there

    The trainer predicts what the student predicts. The teacher's `trainable` is set to False.
    Train, then convert or save `distiller.student`.

    Example:
        distiller = kgn.distillation.Distiller(
            teacher, student, [DistributionLoss(), FeatureRegularizer()], [1.0, 1e-4]
        )
        distiller.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        distiller.fit(images, labels, validation_data=(test_images, test_labels))
        kgn.convert(distiller.student, "student.tflite")

    Args:
        teacher: trained; its inputs and outputs have the shapes and dtypes of the student's.
        student: to be trained.
        distillation_losses: a `DistillationLoss`, or a list of them.
        distillation_loss_weights: one for each; None for ones.
        student_loss_weight: 0 to 1.
        name: of the model.
        **kwargs: arguments of `keras.Model`.

    Raises:
        ValueError: if models, losses and weights do not fit each other; the message says why.
    """

    # That of Keras' Distiller knows neither loss weights nor losses of several outputs by name,
    # and hides from Keras that the model can be compiled again when it is loaded.
    compile = keras.Model.compile  # type: ignore[assignment]

    def __init__(
        self,
        teacher: keras.Model,
        student: keras.Model,
        distillation_losses: Any,
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ):
        losses, weights = _in_pairs(
            student, teacher, distillation_losses, distillation_loss_weights
        )
        super().__init__(teacher, student, losses, weights, student_loss_weight, name, **kwargs)
        self._learning = _with_features(
            student, [getattr(loss, "student_layer_name", None) for loss in losses]
        )
        self._teaching = _with_features(
            teacher, [getattr(loss, "teacher_layer_name", None) for loss in losses]
        )
        self.build(None)

    def build(self, input_shape: Any) -> None:
        """The models are built, or build themselves when they are called."""
        self.built = True

    def call(self, inputs: Any, training: bool = False, **kwargs: Any) -> Any:
        """Returns the student's predictions; in training its features too."""
        if not training or self._learning is None:
            return self.student(inputs, training=training, **kwargs)
        return _Learnt(*self._learning(inputs, training=True))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The sum in the docstring of the class."""
        if y_pred is None:
            y_pred = self(x, training=training)
        learnt = self._features(x, y_pred)
        weight = self.student_loss_weight
        layers = sum(self.losses)
        labelled, distilled, total = 0.0, 0.0, layers
        if weight > 0 and y is not None:
            factors = (
                weight
                if sample_weight is None
                else keras.tree.map_structure(lambda given: given * weight, sample_weight)
            )
            # The losses of layers are in it.
            total = keras.Model.compute_loss(self, x, y, learnt.predictions, factors, training)
            labelled = (total - layers) / weight
        if weight < 1:
            taught = _Learnt(self.teacher(x, training=False), {})
            if self._teaching is not None:
                taught = _Learnt(*self._teaching(x, training=False))
            for loss, factor in zip(
                self.distillation_losses, self.distillation_loss_weights, strict=True
            ):
                distilled += factor * self._distance(loss, taught, learnt, sample_weight)
        total = ops.convert_to_tensor(total + (1 - weight) * distilled)
        self.student_loss_tracker.update_state(labelled)
        self.distillation_loss_tracker.update_state(distilled)
        self.total_loss_tracker.update_state(total)
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The metrics of the predictions."""
        predictions = y_pred.predictions if isinstance(y_pred, _Learnt) else y_pred
        return super().compute_metrics(x, y, predictions, sample_weight)

    def _features(self, x: Any, y_pred: Any) -> _Learnt:
        if isinstance(y_pred, _Learnt):
            return y_pred
        if self._learning is None:
            return _Learnt(y_pred, {})
        # Validation: `call` cannot tell it from `predict`.
        return _Learnt(*self._learning(x, training=False))

    def _distance(self, loss: Any, taught: _Learnt, learnt: _Learnt, sample_weight: Any) -> Any:
        one = _seen_by(loss, "teacher_layer_name", taught)
        other = _seen_by(loss, "student_layer_name", learnt)
        loss.validate_outputs(one, other)
        distance = loss.compute_loss(one, other, sample_weight=sample_weight)
        if len(ops.shape(distance)):
            raise ValueError(
                f"{type(loss).__name__}.compute_loss must return a scalar. "
                f"Received: a tensor of shape {ops.shape(distance)}"
            )
        return distance


def _in_pairs(
    student: keras.Model, teacher: keras.Model, losses: Any, weights: Sequence[float] | None
) -> tuple[list[Any], list[float]]:
    """The losses with one for each pair of layers, and their weights."""
    given = list(losses) if isinstance(losses, (list, tuple)) else [losses]
    for loss in given:
        if not isinstance(loss, keras.distillation.DistillationLoss):
            raise ValueError(
                "`distillation_losses` must be a keras.distillation.DistillationLoss, such as "
                "kgn.distillation.DistributionLoss(), or a list of them. Received: "
                f"distillation_losses={losses!r}"
            )
    factors = [1.0] * len(given) if weights is None else list(weights)
    if len(factors) != len(given):
        raise ValueError(
            "`distillation_loss_weights` must hold one weight for each of the "
            f"{len(given)} losses. Received: distillation_loss_weights={weights!r}"
        )
    pairs = [
        (one, factor)
        for loss, factor in zip(given, factors, strict=True)
        for one in (
            loss.for_all_pairs(student, teacher) if isinstance(loss, FeatureLoss) else [loss]
        )
    ]
    return [loss for loss, _ in pairs], [factor for _, factor in pairs]


def _with_features(model: keras.Model, names: Sequence[str | None]) -> keras.Model | None:
    """The model with predictions and features by layer; None if no layer is named."""
    wanted = {name: model.get_layer(name).output for name in names if name}
    if not wanted:
        return None
    sequential = isinstance(model, keras.Sequential)
    inputs = model.inputs[0] if sequential else model.input
    outputs = model.outputs[0] if sequential else model.output
    return keras.Model(inputs, [outputs, wanted])


def _seen_by(loss: Any, attribute: str, given: _Learnt) -> Any:
    name = getattr(loss, attribute, None)
    return given.features[name] if name else given.predictions
