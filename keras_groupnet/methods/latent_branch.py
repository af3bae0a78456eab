"""What PCNN, RBCN and MCN share as networks: layers of the family `LatentConv2D`."""

import dataclasses
from typing import Any

import keras

from keras_groupnet.layers import LatentConv2D
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.structure.block_style import FloatInput, QuantizedInput
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.scope import Scope

# What a dense layer's config says that a convolution has too.
_DENSE_OPTIONS = (
    "activation",
    "dtype",
    "kernel_constraint",
    "kernel_initializer",
    "kernel_regularizer",
    "name",
    "trainable",
    "use_bias",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatentBranch(SingleBranch):
    """Every layer is a `convolution`; a dense layer is one of a feature map of size 1x1."""

    shortcut: str = "float"

    def convolution(
        self, filters: int, kernel_size: int | tuple[int, int], **options: Any
    ) -> LatentConv2D:
        """A new layer with so many output feature maps of `channels_per_map` channels each.

        Args:
            filters: of `layers.LatentConv2D`.
            kernel_size: of `layers.LatentConv2D`.
            **options: of `layers.LatentConv2D`.
        """
        raise NotImplementedError

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new `convolution` in place of a `Conv2D` or a `Dense` layer.

        Raises:
            ValueError: for layers of other classes, and for widths that do not divide.
        """
        config = layer.config_in(scope)
        if layer.layer_class is keras.layers.Dense:
            units = config["units"]
            config = {key: config[key] for key in _DENSE_OPTIONS if key in config}
            config |= {"filters": units, "kernel_size": 1, "padding": "same"}
        elif layer.layer_class is not keras.layers.Conv2D:
            raise ValueError(
                f"{self.name} has low-bit versions of Conv2D and Dense layers only. Received: "
                f"layer {config['name']!r} of class {layer.layer_class.__name__}"
            )
        filters, rest = divmod(config["filters"], self.channels_per_map)
        if rest:
            raise ValueError(
                f"A layer of {self.name} makes feature maps of {self.channels_per_map} channels, "
                "so its width must be a multiple of that. "
                f"Received: {config['filters']} for layer {config['name']!r}"
            )
        if config["padding"] == "same":
            config["pad_values"] = self.pad_values
        return self.convolution(**(config | {"filters": filters}))

    def connect(self, source: QuantizedInput | FloatInput, layer: BlockLayer, scope: Scope) -> Any:
        """As `BlockStyle.connect`; around the convolution of a dense layer, reshapes."""
        if layer.kernel_size:
            return super().connect(source, layer, scope)
        features = source.quantized
        name = scope.name(layer.name)
        x = keras.layers.Reshape((1, 1, features.shape[-1]), name=f"{name}_map")(features)
        x = self.low_bit_layer(layer, scope)(x)
        return keras.layers.Reshape((x.shape[-1],), name=f"{name}_units")(x)
