"""What a method supplies for blocks of low-bit layers, and the quantized tensors between them."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet import layers
from keras_groupnet.structure.blocks import BlockLayer, batch_norm
from keras_groupnet.structure.scope import Scope

SKIPS = ("float", "quantized")
SHORTCUTS = ("binary", "float")


class BlockStyle:
    """What a method supplies: the base of those that are built of blocks.

    Attributes:
        wiring: a name in `wiring.WIRINGS`.
        skip: what identity shortcuts carry: `"float"`, the tensor itself, or `"quantized"`, the
            quantized one.
        shortcut: where a block changes the shape: `"binary"`, a low-bit 1x1 convolution of the
            quantized input and a batch norm; `"float"`, average pooling, a float 1x1 convolution
            and a batch norm.
        activation_scale: `"xnor"`, `"mean"` or `"none"`, the modes of `layers.ActivationScale`.
        gates: whether `layers.SoftGates` stand between groups of bases, in place of sums.
    """

    wiring: str | None
    skip: str
    shortcut: str
    activation_scale: str | None
    gates: bool = False

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations (Q)."""
        raise NotImplementedError

    def low_bit_layer(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new low-bit version of the layer, which reads quantized inputs."""
        raise NotImplementedError

    def nonlinearity(self, layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
        """A new activation that belongs to a layer, for wirings that have one: a ReLU."""
        return keras.layers.ReLU(name=scope.name(layer.part("relu")))

    def of_groups(self, count: int) -> Sequence[Any]:
        """The style of each of so many groups, for `structure.groups`.

        Raises:
            ValueError: if the style is for another number of groups.
        """
        return [self] * count

    def dilations_of_groups(self, count: int) -> Sequence[int | Sequence[int]]:
        """For each of so many groups the dilation of all its bases, or one for each: 1 here.

        Raises:
            ValueError: if the style is for another number of groups.
        """
        return [1] * count

    def group_sum(self, name: str) -> layers.GroupSum:
        """A new layer that sums bases."""
        return layers.GroupSum(name=name)

    def connect(
        self, source: "QuantizedInput | FloatInput", layer: BlockLayer, scope: Scope
    ) -> Any:
        """The output of the low-bit version of a layer, multiplied by its activation scale."""
        x = self.low_bit_layer(layer, scope)(source.quantized)
        scale = source.scale(layer)
        return x if scale is None else scaled(x, scale, layer, scope)


def scaled(x: Any, scale: Any, layer: BlockLayer, scope: Scope) -> Any:
    """The output of a layer's low-bit version, multiplied by a scale.

    Raises:
        ValueError: if the layer does more than multiply by its kernel.
    """
    name = scope.name(layer.name)
    if layer.config.get("use_bias") or layer.config.get("activation") not in (None, "linear"):
        raise ValueError(
            "An activation scale multiplies the output of a layer, so a layer that has one "
            "needs use_bias=False and no activation (a batch norm follows it anyway); or use "
            f"activation_scale='none'. Received: layer {name!r} with "
            f"use_bias={layer.config.get('use_bias')!r}, "
            f"activation={layer.config.get('activation')!r}"
        )
    return keras.layers.Multiply(name=f"{name}_scaled")([x, scale])


class FloatInput:
    """A tensor that layers read as it is.

    Attributes:
        quantized: the tensor.
    """

    def __init__(self, tensor: Any):
        self.quantized = tensor

    def scale(self, layer: BlockLayer) -> Any:
        """None: floats are not scaled."""
        return None


class QuantizedInput:
    """A tensor that layers read quantized: its forms are made once and shared by all readers.

    Attributes:
        full_precision: the tensor.
        normalized: what is quantized: the tensor, behind a batch norm if `normalize`.
        quantized: its quantized form.
        skip: what an identity shortcut carries.
    """

    def __init__(self, full_precision: Any, style: BlockStyle, name: str, normalize: bool):
        self.full_precision = full_precision
        self.normalized = (
            batch_norm(full_precision, f"{name}_input_bn") if normalize else full_precision
        )
        self.quantized = style.activation(f"{name}_quantize")(self.normalized)
        self.skip = full_precision if style.skip == "float" else self.quantized
        self._name = name
        self._scale_mode = style.activation_scale or "none"
        self._scales: dict[str, Any] = {}

    def scale(self, layer: BlockLayer) -> Any:
        """The activation scale for a layer of this geometry, or None.

        It is the mean over all input channels, for grouped and depthwise convolutions too; that of
        all positions for transposed ones, whose output has no position for each of its input.
        """
        if self._scale_mode == "none":
            return None
        geometry: dict[str, Any] = {}
        mode = self._scale_mode
        if layer.layer_class is keras.layers.Conv2DTranspose:
            mode = "mean"
        if mode == "xnor" and layer.kernel_size:
            keys = ("kernel_size", "strides", "padding", "dilation_rate")
            geometry = {key: layer.config[key] for key in keys}
        name = f"{self._name}_scale_{_geometry_name(**geometry)}"
        if mode != self._scale_mode:
            name += f"_{mode}"
        if name not in self._scales:
            scale = layers.ActivationScale(mode, **geometry, name=name)
            self._scales[name] = scale(self.normalized)
        return self._scales[name]


def _geometry_name(kernel_size=(1, 1), strides=(1, 1), padding="same", dilation_rate=(1, 1)):
    """`"3x3_2"`; what is unusual is written out: `"3x5_1x2_valid_dilated2"`."""

    def short(sizes):
        return str(sizes[0]) if len(set(sizes)) == 1 else "x".join(map(str, sizes))

    name = f"{'x'.join(map(str, kernel_size))}_{short(strides)}"
    if padding != "same" and set(kernel_size) != {1}:
        name += f"_{padding}"
    return name if set(dilation_rate) == {1} else f"{name}_dilated{short(dilation_rate)}"
