"""Depthwise convolution with quantized inputs and kernels."""

from typing import Any

import keras
from keras import ops

from keras_groupnet import quantizers
from keras_groupnet.layers.exact_scale import split_scale
from keras_groupnet.layers.learned_quantizers import build_quantizers
from keras_groupnet.layers.padding import check_padding, pad_same


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantDepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """`depthwise(input_quantizer(x), kernel_quantizer(w)) + bias`, channels last.

    The stored variable is the latent (real) kernel. Gradients are those of the quantizers.

    Args:
        kernel_size: as in `keras.layers.DepthwiseConv2D`, also `kwargs`.
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
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        *,
        input_quantizer: Any = None,
        kernel_quantizer: Any = None,
        pad_values: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(kernel_size, **kwargs)
        check_padding(pad_values, self.padding, self.data_format)
        self.input_quantizer = quantizers.get(input_quantizer)
        self.kernel_quantizer = quantizers.get(kernel_quantizer)
        self.pad_values = float(pad_values)

    def build(self, input_shape: Any) -> None:
        """Makes the kernel, the bias and the variables of quantizers that learn."""
        super().build(input_shape)
        build_quantizers(self, input_shape)

    @property
    def kernel_precision(self) -> int:
        """Bits of one weight; 32 without a quantizer."""
        return getattr(self.kernel_quantizer, "precision", 32)

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns the `(kh, kw, C, depth_multiplier)` kernel as the convolution sees it."""
        if self.kernel_quantizer is None:
            return kernel
        height, width, channels, multiplier = kernel.shape
        per_output = ops.reshape(kernel, (height, width, 1, channels * multiplier))
        return ops.reshape(self.kernel_quantizer(per_output), kernel.shape)

    def call(self, inputs: Any) -> Any:
        """Returns `(N, OH, OW, C * depth_multiplier)`."""
        if self.input_quantizer is not None:
            inputs = self.input_quantizer(inputs)
        padding = self.padding
        if self.pad_values != 0.0:
            inputs = pad_same(
                inputs, self.kernel_size, self.strides, self.dilation_rate, self.pad_values
            )
            padding = "valid"
        kernel = self.quantize_kernel(self.kernel)
        step = getattr(self.kernel_quantizer, "step", None)
        kernel, scale = split_scale(kernel, self.kernel_precision, (0, 1), step)
        outputs = ops.depthwise_conv(
            inputs,
            kernel,
            strides=self.strides,
            padding=padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        outputs = outputs * ops.cast(ops.reshape(scale, (-1,)), outputs.dtype)
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "input_quantizer": quantizers.serialize(self.input_quantizer),
            "kernel_quantizer": quantizers.serialize(self.kernel_quantizer),
            "pad_values": self.pad_values,
        }
