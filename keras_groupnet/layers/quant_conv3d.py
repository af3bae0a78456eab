"""Convolution over three axes with quantized inputs and kernels."""

import keras

from keras_groupnet.layers.quant_conv import QuantConv


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantConv3D(QuantConv, keras.layers.Conv3D):
    """`activation(conv(input_quantizer(x), kernel_quantizer(w)) + bias)`, channels last.

    It trains; the ops know no convolutions over three axes, so `convert` refuses it by name.

    Args:
        filters: number of output channels.
        kernel_size: int or triple.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; sees `(kd, kh, kw, Cin / groups,
            filters)`.
        pad_values: as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.Conv3D`.

    Raises:
        ValueError: as `QuantConv2D`.

    Input shape:
        `(N, D, H, W, Cin)`

    Output shape:
        `(N, OD, OH, OW, filters)`
    """
