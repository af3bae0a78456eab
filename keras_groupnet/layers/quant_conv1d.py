"""Convolution over one axis with quantized inputs and kernels."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.quant_conv import QuantConv


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantConv1D(QuantConv, keras.layers.Conv1D):
    """`activation(conv(input_quantizer(x), kernel_quantizer(w)) + bias)` along time.

    In a converted file it is a convolution of height 1. With `padding="causal"` it trains, but
    does not convert to binary: there is no op that leaves out taps on one side only.

    Args:
        filters: number of output channels.
        kernel_size: int.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; sees `(k, Cin / groups, filters)`.
        pad_values: as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.Conv1D`.

    Raises:
        ValueError: as `QuantConv2D`.

    Input shape:
        `(N, T, Cin)`

    Output shape:
        `(N, OT, filters)`
    """

    paddings = ("same", "valid", "causal")

    def pad(self, inputs: Any) -> tuple[Any, str]:
        """As in `QuantConv`; causal padding is `(k - 1) * dilation` zeros in front."""
        if self.padding != "causal":
            return super().pad(inputs)
        front = (self.kernel_size[0] - 1) * self.dilation_rate[0]
        return ops.pad(inputs, [(0, 0), (front, 0), (0, 0)]), "valid"
