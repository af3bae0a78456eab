"""MCN and MCN-1: binary kernels modulated by a few floats."""

import dataclasses
from typing import Any, ClassVar

import keras

from keras_groupnet.layers import LatentConv2D, ModulatedConv2D
from keras_groupnet.methods.latent_branch import LatentBranch


@dataclasses.dataclass(frozen=True, kw_only=True)
class MCN(LatentBranch):
    """Weights `ModulatedConv2D`, float activations: `BN -> ReLU -> MCconv`.

    Args:
        planes: K, channels of a feature map.
        filter_weight: theta of `layers.ModulatedConv2D`.

    References:
        Wang et al., Modulated Convolutional Networks, CVPR 2018.
    """

    name: ClassVar[str] = "mcn"
    reference: ClassVar[str] = "Wang et al., CVPR 2018"
    scalar: ClassVar[bool] = False

    planes: int = 4
    filter_weight: float = 1e-3

    @property
    def activation_bits(self) -> int:
        """Bits of an activation: 32, a float."""
        return 32

    @property
    def channels_per_map(self) -> int:
        """K: the planes of a feature map share one latent filter."""
        return self.planes

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        return keras.layers.ReLU(name=name)

    def convolution(
        self, filters: int, kernel_size: int | tuple[int, int], **options: Any
    ) -> LatentConv2D:
        """A new `ModulatedConv2D`."""
        return ModulatedConv2D(
            filters,
            kernel_size,
            planes=self.planes,
            scalar=self.scalar,
            filter_weight=self.filter_weight,
            **options,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class MCN1(MCN):
    """MCN whose M-Filters are one number each: a layer is one binary convolution and K scalings."""

    name: ClassVar[str] = "mcn_1"
    scalar: ClassVar[bool] = True
