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
        elif self.layer.layer_class is keras.layers.Conv2DTranspose:
            # An output sums the taps of its phase only; those of the first one stand for all.
            down, right = self.layer.config["strides"]
            kernel = kernel[::down, ::right].swapaxes(-1, -2)
        return kernel.reshape(-1, kernel.shape[-1])


def part_of(layer: keras.layers.Layer, name: str, rank: int) -> Part:
    """The part of a layer, which is a convolution for sequences and feature maps.

    That of a dense layer of these is a 1x1 convolution, that of a convolution along time one of
    width 1.

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
    if kind in _OF_MAPS:
        if config["padding"] == "causal":
            raise NotLowBit("its padding is causal; low-bit layers pad both sides alike")
        (size,), (stride,), (dilation,) = (
            config[key] for key in ("kernel_size", "strides", "dilation_rate")
        )
        # TensorFlow's depthwise convolutions have one stride, which does nothing along width 1.
        across = stride if kind is keras.layers.DepthwiseConv1D else 1
        config |= {"kernel_size": (size, 1), "strides": (stride, across)}
        config |= {"dilation_rate": (dilation, 1)}
        kind, kernel = _OF_MAPS[kind], kernel[:, None]
    if kind is not keras.layers.Dense or rank == 2:
        plain = kind.from_config(config | {"use_bias": False, "activation": "linear"})
        return Part(BlockLayer.from_layer(plain, name), kernel, bias)
    if rank > 4:
        raise NotLowBit(f"its input has {rank - 2} axes of positions; two are possible")
    same = ("dtype", "trainable", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
    options = {key: config[key] for key in same}
    pointwise = keras.layers.Conv2D(config["units"], 1, use_bias=False, **options)
    return Part(BlockLayer.from_layer(pointwise, name), kernel[None, None], bias)


# What reads a sequence as a map of width 1.
_OF_MAPS: dict[type[Any], type[Any]] = {
    keras.layers.Conv1D: keras.layers.Conv2D,
    keras.layers.DepthwiseConv1D: keras.layers.DepthwiseConv2D,
}


def _array(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)
