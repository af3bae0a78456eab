"""Convolution with quantized inputs and kernels."""

from typing import Any

import keras

from keras_groupnet import quantizers
from keras_groupnet.layers.exact_scale import split_scale
from keras_groupnet.layers.learned_quantizers import build_quantizers
from keras_groupnet.layers.padding import check_padding, pad_same


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantConv2D(keras.layers.Conv2D):
    """`conv(input_quantizer(x), kernel_quantizer(w)) + bias`, channels last.

    The stored variable is the latent (real) kernel; it is quantized in every call, and a `.keras`
    file keeps it. Gradients are those of the quantizers.

    Args:
        filters: as in `keras.layers.Conv2D`, also `kernel_size` and `kwargs`.
        kernel_size: int or pair.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; sees `(kh, kw, Cin / groups, filters)`.
        pad_values: value of the taps outside the map for `padding="same"`: 0, or 1 or -1, which
            keep a ±1 map binary (the authors' release pads with 1).
        **kwargs: arguments of `keras.layers.Conv2D`.

    Raises:
        ValueError: for other `pad_values`, for `pad_values` without `padding="same"`, and for
            `data_format="channels_first"`.

    Input shape:
        `(N, H, W, Cin)`

    Output shape:
        `(N, OH, OW, filters)`
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        input_quantizer: Any = None,
        kernel_quantizer: Any = None,
        pad_values: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(filters, kernel_size, **kwargs)
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
        """Returns `kernel` as the convolution sees it."""
        if self.kernel_quantizer is None:
            return kernel
        return self.kernel_quantizer(keras.ops.convert_to_tensor(kernel))

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The hook that Keras calls between reading the kernel and adding the bias."""
        if self.input_quantizer is not None:
            inputs = self.input_quantizer(inputs)
        kernel = self.quantize_kernel(kernel)
        step = getattr(self.kernel_quantizer, "step", None)
        kernel, scale = split_scale(kernel, self.kernel_precision, (0, 1, 2), step)
        if self.pad_values == 0.0:
            return super().convolution_op(inputs, kernel) * scale
        inputs = pad_same(
            inputs, self.kernel_size, self.strides, self.dilation_rate, self.pad_values
        )
        outputs = keras.ops.conv(
            inputs,
            kernel,
            strides=list(self.strides),
            padding="valid",
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        return outputs * scale

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "input_quantizer": quantizers.serialize(self.input_quantizer),
            "kernel_quantizer": quantizers.serialize(self.kernel_quantizer),
            "pad_values": self.pad_values,
        }
