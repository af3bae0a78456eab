"""Separable convolutions as the two layers that they are."""

from __future__ import annotations

import keras


def split(layer: keras.layers.SeparableConv2D) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """A depthwise and a 1x1 convolution that compute what the layer computes, with its weights."""
    config = layer.get_config()
    shared = {key: config[key] for key in ("dtype", "trainable", "data_format")}
    geometry = ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")
    depthwise = keras.layers.DepthwiseConv2D(
        **{key: config[key] for key in config if key in geometry or key.startswith("depthwise_")},
        **shared,
        use_bias=False,
        name=f"{layer.name}_depthwise",
    )
    kernel = ("initializer", "regularizer", "constraint")
    pointwise = keras.layers.Conv2D(
        config["filters"],
        1,
        **{f"kernel_{key}": config[f"pointwise_{key}"] for key in kernel},
        **{key: config[key] for key in config if key.startswith("bias_")},
        **shared,
        use_bias=config["use_bias"],
        activation=layer.activation,
        name=f"{layer.name}_pointwise",
    )
    channels, multiplier = layer.depthwise_kernel.shape[-2:]
    for part, width in ((depthwise, channels), (pointwise, channels * multiplier)):
        first = config["data_format"] == "channels_first"
        part.build((None, width, None, None) if first else (None, None, None, width))
    depthwise.kernel.assign(layer.depthwise_kernel)
    pointwise.kernel.assign(layer.pointwise_kernel)
    if config["use_bias"]:
        pointwise.bias.assign(layer.bias)
    return depthwise, pointwise
