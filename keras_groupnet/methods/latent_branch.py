"""What PCNN, RBCN and MCN share as networks: layers of the family `LatentConv2D`."""

import dataclasses
from typing import Any

import keras

from keras_groupnet.layers import LatentConv2D
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.structure.blocks import BlockLayer, initializer
from keras_groupnet.structure.wiring import Source


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatentBranch(SingleBranch):
    """Every layer is a convolution of `convolution`; a dense layer is one of a map of size 1x1."""

    shortcut: str = "real"

    def convolution(self, maps: int, kernel_size: int, **options: Any) -> LatentConv2D:
        """A new layer with so many output maps."""
        raise NotImplementedError

    def low_bit_layer(self, layer: BlockLayer, seed: int, name: str) -> keras.layers.Layer:
        """See `Parts`."""
        maps, rest = divmod(layer.filters, self.channels_per_map)
        if rest:
            raise ValueError(
                f"A layer of {self.name} makes maps of {self.channels_per_map} channels, so its "
                f"width must be a multiple of that. Received: {layer.filters} for layer {name!r}"
            )
        return self.convolution(
            maps,
            layer.kernel_size or 1,
            strides=layer.strides,
            padding="same",
            pad_values=self.pad_values,
            kernel_initializer=initializer(seed, name),
            name=name,
        )

    def connect(self, source: Source, layer: BlockLayer, seed: int, name: str) -> Any:
        """See `Parts`."""
        if layer.kernel_size:
            return super().connect(source, layer, seed, name)
        features = source.quantized
        x = keras.layers.Reshape((1, 1, features.shape[-1]), name=f"{name}_map")(features)
        x = self.low_bit_layer(layer, seed, name)(x)
        return keras.layers.Reshape((layer.filters,), name=f"{name}_units")(x)
