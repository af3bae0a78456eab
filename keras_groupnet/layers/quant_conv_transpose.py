"""Transposed convolutions with quantized inputs and kernels."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.exact_scale import split_scale
from keras_groupnet.layers.padding import check_padding
from keras_groupnet.layers.quant_layer import QuantLayer


class QuantConvTranspose(QuantLayer):
    """A mixin for transposed convolutions of any rank, channels last.

    Quantizers see the kernel as `(..., Cin, filters)`, so that the last axis is the output channel,
    as in every other layer; Keras' own is `(..., filters, Cin)`.

    Args:
        *args: arguments of the Keras layer.
        **kwargs: arguments of `QuantLayer` and of the Keras layer.

    Raises:
        ValueError: for `data_format="channels_first"`.
    """

    # Of the Keras layer.
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    padding: str
    output_padding: tuple[int, ...] | None
    data_format: str

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        check_padding(0, self.padding, self.data_format)

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns the `(..., filters, Cin)` kernel as the layer applies it."""
        if self.kernel_quantizer is None:
            return kernel
        return _swapped(super().quantize_kernel(_swapped(kernel)))

    def exact_kernel(self) -> tuple[Any, Any]:
        """As in `QuantLayer`; the scale is that of the axis before the last."""
        kernel = _swapped(self.quantize_kernel(self.kernel))
        axes = tuple(range(len(kernel.shape) - 1))
        step = getattr(self.kernel_quantizer, "step", None)
        kernel, scale = split_scale(kernel, self.kernel_precision, axes, step)
        return _swapped(kernel), scale

    def linear(self, inputs: Any, kernel: Any) -> Any:
        """The transposed convolution of quantized inputs and a quantized kernel."""
        return ops.conv_transpose(
            inputs,
            kernel,
            strides=list(self.strides),
            padding=self.padding,
            output_padding=self.output_padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )


def _swapped(kernel: Any) -> Any:
    return ops.swapaxes(kernel, -1, -2)


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantConv2DTranspose(QuantConvTranspose, keras.layers.Conv2DTranspose):
    """`activation(conv_transpose(input_quantizer(x), kernel_quantizer(w)) + bias)`, channels last.

    A converted file holds one binary 1x1 convolution with `kh * kw * filters` outputs, which are
    added where they overlap: no multiplications with the zeros between the pixels, and exact at
    the edges.

    Args:
        filters: number of output channels.
        kernel_size: int or pair.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; sees `(kh, kw, Cin, filters)`.
        **kwargs: arguments of `keras.layers.Conv2DTranspose`.

    Raises:
        ValueError: for `data_format="channels_first"`.

    Input shape:
        `(N, H, W, Cin)`

    Output shape:
        `(N, OH, OW, filters)`; with `padding="same"` `strides` times the input.
    """


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantConv3DTranspose(QuantConvTranspose, keras.layers.Conv3DTranspose):
    """As `QuantConv2DTranspose`, over three axes.

    It trains; the ops know no convolutions over three axes, so `convert` refuses it by name.

    Args:
        filters: number of output channels.
        kernel_size: int or triple.
        **kwargs: see `QuantConv2DTranspose`, and `keras.layers.Conv3DTranspose`.

    Raises:
        ValueError: for `data_format="channels_first"`.

    Input shape:
        `(N, D, H, W, Cin)`

    Output shape:
        `(N, OD, OH, OW, filters)`
    """
