"""Layers of the parent as parts that have low-bit versions."""

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
    """One kernel of a layer.

    Attributes:
        layer: a layer with this kernel, without bias and activation.
        kernel: in the shape that this layer has.
        bias: added to its output, None for none.
    """

    layer: BlockLayer
    kernel: np.ndarray
    bias: np.ndarray | None = None


def parts_of(layer: keras.layers.Layer, name: str, rank: int) -> tuple[Part, ...]:
    """The parts that compute, one behind the other, what the layer computes before its activation.

    A dense layer of a sequence or of a feature map is a 1x1 convolution; a separable convolution is
    a depthwise one and a 1x1 convolution.

    Args:
        layer: built.
        name: of the layer in the graph.
        rank: of its input, with the batch. A part of a sequence, rank 3, reads it as a map of
            width 1.

    Raises:
        NotLowBit: if there are none; says why.
    """
    kind = type(layer)
    config = layer.get_config()
    if kind is not keras.layers.SeparableConv2D and kind not in LOW_BIT_LAYERS:
        raise NotLowBit(f"there is no low-bit version of {kind.__name__}")
    if config.get("data_format", "channels_last") != "channels_last":
        raise NotLowBit("its channels come first; low-bit layers have them last")
    if getattr(layer, "quantization_mode", None):
        raise NotLowBit(f"Keras has quantized it already, to {layer.quantization_mode}")
    bias = _array(layer.bias) if config.get("use_bias") else None
    if kind is keras.layers.SeparableConv2D:
        return _separable(layer, config, name, bias)
    if kind is keras.layers.Dense and rank > 2:
        if rank > 4:
            raise NotLowBit(f"its input has {rank - 2} axes of positions; two are possible")
        pointwise = keras.layers.Conv2D(config["units"], 1, **_shared(config), **_kernel(config))
        return (_part(name, pointwise, _array(layer.kernel)[None, None], bias),)
    plain = kind.from_config(config | {"use_bias": False, "activation": "linear"})
    return (_part(name, plain, _array(layer.kernel), bias),)


def _separable(layer, config, name, bias):
    keys = ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")
    depthwise = keras.layers.DepthwiseConv2D(
        **{key: config[key] for key in keys},
        **_shared(config),
        **{key: config[key] for key in config if key.startswith("depthwise_")},
    )
    pointwise = keras.layers.Conv2D(
        config["filters"], 1, **_shared(config), **_kernel(config, "pointwise_")
    )
    return (
        _part(f"{name}_depthwise", depthwise, _array(layer.depthwise_kernel)),
        _part(f"{name}_pointwise", pointwise, _array(layer.pointwise_kernel), bias),
    )


def _shared(config: dict[str, Any]) -> dict[str, Any]:
    return {"use_bias": False, "dtype": config["dtype"], "trainable": config["trainable"]}


def _kernel(config: dict[str, Any], prefix: str = "kernel_") -> dict[str, Any]:
    """What a config says of a kernel, as a `Conv2D` calls it."""
    keys = ("initializer", "regularizer", "constraint")
    return {f"kernel_{key}": config[f"{prefix}{key}"] for key in keys}


def _part(
    name: str, layer: keras.layers.Layer, kernel: np.ndarray, bias: np.ndarray | None = None
) -> Part:
    return Part(BlockLayer.from_layer(layer, name), kernel, bias)


def _array(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)
