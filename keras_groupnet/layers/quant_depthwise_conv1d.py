"""Depthwise convolution over one axis with quantized inputs and kernels."""

import keras

from keras_groupnet.layers.quant_depthwise_conv2d import QuantDepthwiseConv


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantDepthwiseConv1D(QuantDepthwiseConv, keras.layers.DepthwiseConv1D):
    """`activation(depthwise(input_quantizer(x), depthwise_quantizer(w)) + bias)` along time.

    In a converted file it is a convolution of height 1.

    Args:
        kernel_size: int.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        depthwise_quantizer: as in `QuantDepthwiseConv2D`; sees `(k, 1, C * depth_multiplier)`.
        pad_values: as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.DepthwiseConv1D`.

    Raises:
        ValueError: as `QuantConv2D`.

    Input shape:
        `(N, T, C)`

    Output shape:
        `(N, OT, C * depth_multiplier)`
    """
