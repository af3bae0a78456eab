"""PCNN: several learned projections of each kernel."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_groupnet.layers import LatentConv2D, ProjectionConv2D, Quantize
from keras_groupnet.methods.latent_branch import LatentBranch
from keras_groupnet.quantizers import ApproxSign


@dataclasses.dataclass(frozen=True, kw_only=True)
class PCNN(LatentBranch):
    """Weights `ProjectionConv2D`, activations `ApproxSign`, the blocks of Bi-Real Net.

    Args:
        projections: J, channels of a feature map.
        levels: 2, or 3 for the ternary network that the binary one starts from.
        progressive: whether to train a ternary network first.
        forward: `"elementwise"` or `"mean"`, as in `layers.ProjectionConv2D`.
        projection_weight: lambda of the projection loss.

    References:
        Gu et al., Projection Convolutional Neural Networks, arXiv 1811.12755.
    """

    name: ClassVar[str] = "pcnn"
    reference: ClassVar[str] = "Gu et al., arXiv 1811.12755"

    wiring: str = "bi_real"
    projections: int = 4
    levels: int = 2
    progressive: bool = True
    forward: str = "elementwise"
    projection_weight: float = 1e-4

    @property
    def weight_bits(self) -> int:
        """Bits of a weight: 1, or 2 for the ternary network."""
        return self.levels - 1

    @property
    def channels_per_map(self) -> int:
        """J: the projections of a feature map share one latent filter."""
        return self.projections

    def callbacks(self, model: keras.Model, train_data: Any) -> Sequence[keras.callbacks.Callback]:
        """`ProjectionCallback`."""
        from keras_groupnet.training import ProjectionCallback

        return [ProjectionCallback()]

    def stages(self) -> Sequence["PCNN"]:
        """The ternary network if `progressive`, then this."""
        if not self.progressive or self.levels == 3:
            return [self]
        return [dataclasses.replace(self, levels=3), self]

    def carries(self, variable: Any) -> bool:
        """All but the projections, which are drawn anew for each stage."""
        return not variable.path.endswith("/projection")

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return Quantize(ApproxSign(), name=name)

    def convolution(
        self, filters: int, kernel_size: int | tuple[int, int], **options: Any
    ) -> LatentConv2D:
        """A new `ProjectionConv2D`."""
        return ProjectionConv2D(
            filters,
            kernel_size,
            projections=self.projections,
            levels=self.levels,
            forward=self.forward,
            projection_weight=self.projection_weight,
            **options,
        )
