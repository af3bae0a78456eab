"""Training a student and its teacher on the same labels."""

from typing import Any

from keras import ops

from keras_groupnet.training.trainer import Trainer


class JointTrainer(Trainer):
    """The compiled loss of both sides, weighted. What subclasses add, they add in `call`.

    In training, `call` returns a tuple: the student's predictions, and the teacher's unless it is
    frozen. The loss is then `student_weight * L(y, p_student) + teacher_weight * L(y, p_teacher)`
    plus all losses of layers.

    Attributes:
        student_weight: of the student's loss.
        teacher_weight: of the teacher's loss.
    """

    student_weight: float
    teacher_weight: float

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The compiled loss; in training that of both sides."""
        if not isinstance(y_pred, tuple):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        # One call with the predictions of both in one batch: each call would add the losses of
        # layers again. The loss is a mean over the batch, hence the factor.
        count = len(y_pred)
        factors = (self.student_weight, self.teacher_weight)[:count]
        ones = ops.ones_like(y_pred[0][:, 0])
        weights = ops.concatenate([count * factor * ones for factor in factors])
        if sample_weight is not None:
            sample_weight = ops.cast(ops.reshape(sample_weight, (-1,)), weights.dtype)
            weights = weights * ops.concatenate([sample_weight] * count)
        labels = ops.concatenate([y] * count)
        return super().compute_loss(x, labels, ops.concatenate(y_pred), weights, training)
