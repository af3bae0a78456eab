"""RBCN: rectified kernels, adversarial training, batch norms updated after each epoch."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_groupnet.layers import LatentConv2D, Quantize, RectifiedConv2D
from keras_groupnet.methods.latent_branch import LatentBranch
from keras_groupnet.methods.teachers import required_teacher
from keras_groupnet.quantizers import ApproxSign


@dataclasses.dataclass(frozen=True, kw_only=True)
class RBCN(LatentBranch):
    """Weights `RectifiedConv2D`, activations `ApproxSign`, the blocks of Bi-Real Net.

    Args:
        adversarial: whether to train against a full-precision teacher (the paper's G).
        adversarial_weight: weight of the adversarial loss in `training.AdversarialTrainer`.
        batch_norm_update: whether to update batch norms after each epoch (the paper's B).
        kernel_weight: lambda_1 of the kernel loss in `layers.RectifiedConv2D`.

    References:
        Liu et al., Rectified Binary Convolutional Networks, arXiv 1908.07748.
    """

    name: ClassVar[str] = "rbcn"
    reference: ClassVar[str] = "Liu et al., arXiv 1908.07748"

    wiring: str = "bi_real"
    adversarial: bool = True
    adversarial_weight: float = 1.0
    batch_norm_update: bool = True
    kernel_weight: float = 1e-4

    @property
    def needs_teacher(self) -> bool:
        """Whether training is adversarial."""
        return self.adversarial

    def trainer(self, student: keras.Model, teacher: keras.Model | None = None) -> keras.Model:
        """`AdversarialTrainer` if training is adversarial."""
        if not self.adversarial:
            return student
        teacher = required_teacher(teacher, "RBCN(adversarial=False)")
        from keras_groupnet.training import AdversarialTrainer

        return AdversarialTrainer(student, teacher, adversarial_weight=self.adversarial_weight)

    def callbacks(self, model: keras.Model, train_data: Any) -> Sequence[keras.callbacks.Callback]:
        """`BatchNormUpdate`, if asked for."""
        from keras_groupnet.training import BatchNormUpdate

        return [BatchNormUpdate(model, train_data)] if self.batch_norm_update else []

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(ApproxSign(), name=name)

    def convolution(
        self, filters: int, kernel_size: int | tuple[int, int], **options: Any
    ) -> LatentConv2D:
        """A new `RectifiedConv2D`."""
        return RectifiedConv2D(filters, kernel_size, kernel_weight=self.kernel_weight, **options)
