"""EL-Net's guidance: features of student and teacher that are alike once they are quantized."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.distillation.feature_loss import FeatureLoss
from keras_groupnet.distillation.sample_mean import sample_mean
from keras_groupnet.quantizers import KBitActivation


@keras.saving.register_keras_serializable(package="keras_groupnet")
class FeatureRegularizer(FeatureLoss):
    """`R = 1/2 ||Q(phi_T) - Q(phi_S)||^2`, a mean over the samples, a sum over a sample's features.

    Q is `KBitActivation(bits)`, with levels in [0, 1], so that only differences of at least a level
    count. Its gradient is 1 in (0, 1) and 0 elsewhere:

        dR/dphi_S = (Q(phi_S) - Q(phi_T)) 1[0 < phi_S < 1] / N

    As R grows with the size of the maps, its weight is small (1e-4 in `training.GuidedTrainer`,
    which trains the teacher too; the paper's lambda could not be recovered).

    Example:
        kgn.distillation.Distiller(teacher, student, FeatureRegularizer(bits=2))

    Args:
        teacher_layer_name: see `FeatureLoss`.
        student_layer_name: see `FeatureLoss`.
        bits: of Q, 1 to 8.

    Raises:
        ValueError: for other bits, and as `FeatureLoss`.

    Input shape:
        two of one shape `(N, ...)`

    References:
        Zhuang et al., Towards Effective Low-bitwidth Convolutional Neural Networks, arXiv
        1711.00205, section 3.4.
    """

    def __init__(
        self,
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
        *,
        bits: int = 2,
    ):
        super().__init__(teacher_layer_name, student_layer_name)
        self.bits = bits
        self._quantizer = KBitActivation(bits)

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """Returns R, a float32 scalar."""
        taught, learnt = (
            self._quantizer(ops.cast(x, "float32")) for x in (teacher_outputs, student_outputs)
        )
        axes = tuple(range(1, len(learnt.shape)))
        return sample_mean(ops.sum(ops.square(taught - learnt), axis=axes) / 2, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "bits": self.bits}
