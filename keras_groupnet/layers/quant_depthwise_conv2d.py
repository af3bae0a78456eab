"""Depthwise convolution with quantized inputs and kernels."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.quant_conv import QuantConv


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantDepthwiseConv2D(QuantConv, keras.layers.DepthwiseConv2D):
    """`activation(depthwise(input_quantizer(x), kernel_quantizer(w)) + bias)`, channels last.

    The stored variable is the latent (float) kernel. Gradients are those of the quantizers.

    Args:
        kernel_size: int or pair.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; sees `(kh, kw, 1, C * depth_multiplier)`,
            so that the last axis is the output channel, as in every other layer.
        pad_values: as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.DepthwiseConv2D`.

    Raises:
        ValueError: as `QuantConv2D`.

    Input shape:
        `(N, H, W, C)`

    Output shape:
        `(N, OH, OW, C * depth_multiplier)`

    Example:
    >>> layer = QuantDepthwiseConv2D(3, input_quantizer="ste_sign", kernel_quantizer="ste_sign")
    >>> layer(keras.ops.ones((1, 5, 5, 6))).shape
    (1, 3, 3, 6)
    """

    channel_axes = 2

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns the `(kh, kw, C, depth_multiplier)` kernel as the convolution sees it."""
        if self.kernel_quantizer is None:
            return kernel
        height, width, channels, multiplier = kernel.shape
        per_output = ops.reshape(kernel, (height, width, 1, channels * multiplier))
        return ops.reshape(super().quantize_kernel(per_output), kernel.shape)

    def linear(self, inputs: Any, kernel: Any) -> Any:
        """The depthwise convolution of quantized inputs and a quantized kernel."""
        inputs, padding = self.pad(inputs)
        return ops.depthwise_conv(
            inputs,
            kernel,
            strides=self.strides,
            padding=padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
