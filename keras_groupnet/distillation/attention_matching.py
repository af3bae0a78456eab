"""Real-to-Binary's attention matching: student and teacher look at the same places."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.distillation.feature_loss import FeatureLoss
from keras_groupnet.distillation.layer_pairs import Shape, equal_shapes
from keras_groupnet.distillation.sample_mean import sample_mean


@keras.saving.register_keras_serializable(package="keras_groupnet")
class AttentionMatching(FeatureLoss):
    """`|| Q_S / ||Q_S||_2 - Q_T / ||Q_T||_2 ||_2`, `Q = sum_c |A_c|^2`, a mean over the samples.

    A_c is channel c of the features, Q their attention map: how much there is at each place. The
    norms are those over all places of a sample. Channels are summed over, so the two models may
    have other widths; the scale of the features plays no part, as that of a binary network is
    arbitrary. The norms are `sqrt(sum + 1e-12)`: equal maps have gradient 0, not 0 / 0.

    Example:
        kgn.distillation.Distiller(teacher, student, AttentionMatching())

    Args:
        teacher_layer_name: see `FeatureLoss`.
        student_layer_name: see `FeatureLoss`.

    Raises:
        ValueError: as `FeatureLoss`.

    Input shape:
        `(N, H, W, C)` and `(N, H, W, D)`, or maps of any number of axes, channels last

    References:
        Martinez et al., Training Binary Neural Networks with Real-to-Binary Convolutions, arXiv
        2003.11535, section 4.1.
    """

    @classmethod
    def comparable(cls, student_shape: Shape, teacher_shape: Shape) -> bool:
        """Whether both are maps of one size, whatever their channels."""
        return len(student_shape) > 2 and equal_shapes(student_shape[:-1], teacher_shape[:-1])

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """Returns the distance, a float32 scalar."""
        difference = _attention(student_outputs) - _attention(teacher_outputs)
        return sample_mean(_norm(difference)[:, 0], sample_weight)


def _attention(features: Any) -> Any:
    """`(N, places)`, of norm 1."""
    # Squares of float16 overflow from 256 on.
    energy = ops.sum(ops.square(ops.cast(features, "float32")), axis=-1)
    energy = ops.reshape(energy, (ops.shape(energy)[0], -1))
    return energy / _norm(energy)


def _norm(values: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(values), axis=1, keepdims=True) + 1e-12)
