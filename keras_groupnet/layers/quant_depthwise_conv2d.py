"""Depthwise convolution with quantized inputs and kernels."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.quant_conv import QuantConv


class QuantDepthwiseConv(QuantConv):
    """A mixin for depthwise convolutions of any rank.

    Args:
        *args: arguments of the Keras layer.
        depthwise_quantizer: Larq's name of `kernel_quantizer`; one of the two.
        **kwargs: arguments of `QuantConv` and of the Keras layer.

    Raises:
        ValueError: as `QuantConv`, and if both quantizers are given.
    """

    channel_axes = 2

    def __init__(self, *args: Any, depthwise_quantizer: Any = None, **kwargs: Any):
        if depthwise_quantizer is not None:
            if kwargs.get("kernel_quantizer") is not None:
                raise ValueError(
                    "`depthwise_quantizer` and `kernel_quantizer` are the same: give one of them. "
                    f"Received: depthwise_quantizer={depthwise_quantizer!r}, "
                    f"kernel_quantizer={kwargs['kernel_quantizer']!r}"
                )
            kwargs["kernel_quantizer"] = depthwise_quantizer
        super().__init__(*args, **kwargs)

    @property
    def depthwise_quantizer(self) -> Any:
        """The kernel quantizer."""
        return self.kernel_quantizer

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns the `(..., C, depth_multiplier)` kernel as the convolution sees it."""
        if self.kernel_quantizer is None:
            return kernel
        *taps, channels, multiplier = kernel.shape
        per_output = ops.reshape(kernel, (*taps, 1, channels * multiplier))
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


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantDepthwiseConv2D(QuantDepthwiseConv, keras.layers.DepthwiseConv2D):
    """`activation(depthwise(input_quantizer(x), depthwise_quantizer(w)) + bias)`, channels last.

    The stored variable is the latent (float) kernel. Gradients are those of the quantizers.

    Args:
        kernel_size: int or pair.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        depthwise_quantizer: anything `quantizers.get` takes; sees `(kh, kw, 1, C *
            depth_multiplier)`, so that the last axis is the output channel, as in every other
            layer. `kernel_quantizer` is the same.
        pad_values: as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.DepthwiseConv2D`.

    Raises:
        ValueError: as `QuantConv2D`, and if both quantizers are given.

    Input shape:
        `(N, H, W, C)`

    Output shape:
        `(N, OH, OW, C * depth_multiplier)`

    Example:
    >>> layer = QuantDepthwiseConv2D(3, input_quantizer="ste_sign", depthwise_quantizer="ste_sign")
    >>> layer(keras.ops.ones((1, 5, 5, 6))).shape
    (1, 3, 3, 6)
    """
