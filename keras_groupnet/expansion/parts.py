"""Layers of the parent as layers that have low-bit versions."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.low_bit import LOW_BIT_LAYERS


class NotLowBit(ValueError):
    """Why a layer cannot be a low-bit one."""


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """What a layer does before its bias and activation.

    Attributes:
        layer: a layer with this kernel, without bias and activation.
        kernel: in the shape that this layer has.
        bias: added to its output, None for none.
    """

    layer: BlockLayer
    kernel: np.ndarray
    bias: np.ndarray | None = None

    @property
    def weights_per_output(self) -> np.ndarray:
        """The kernel as a matrix, whose columns are those of the output channels."""
        kernel = self.kernel
        if self.layer.layer_class is keras.layers.DepthwiseConv2D:
            kernel = kernel.reshape(*kernel.shape[:2], -1)
        return kernel.reshape(-1, kernel.shape[-1])


def part_of(layer: keras.layers.Layer, name: str, rank: int) -> Part:
    """The part of a layer. That of a dense layer of sequences or feature maps is a 1x1 convolution.

    Args:
        layer: built.
        name: of the layer in the graph.
        rank: of its input, with the batch. The part of a sequence, rank 3, reads it as a map of
            width 1.

    Raises:
        NotLowBit: if there is none; says why.
    """
    kind = type(layer)
    config = layer.get_config()
    if kind not in LOW_BIT_LAYERS:
        raise NotLowBit(f"there is no low-bit version of {kind.__name__}")
    if config.get("data_format", "channels_last") != "channels_last":
        raise NotLowBit("its channels come first; low-bit layers have them last")
    if getattr(layer, "quantization_mode", None):
        raise NotLowBit(f"Keras has quantized it already, to {layer.quantization_mode}")
    kernel = _array(layer.kernel)
    bias = _array(layer.bias) if config.get("use_bias") else None
    if kind is not keras.layers.Dense or rank == 2:
        plain = kind.from_config(config | {"use_bias": False, "activation": "linear"})
        return Part(BlockLayer.from_layer(plain, name), kernel, bias)
    if rank > 4:
        raise NotLowBit(f"its input has {rank - 2} axes of positions; two are possible")
    same = ("dtype", "trainable", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
    options = {key: config[key] for key in same}
    pointwise = keras.layers.Conv2D(config["units"], 1, use_bias=False, **options)
    return Part(BlockLayer.from_layer(pointwise, name), kernel[None, None], bias)


def _array(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)
