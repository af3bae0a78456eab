"""Convolution with quantized inputs and kernels."""

import keras

from keras_groupnet.layers.quant_conv import QuantConv


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantConv2D(QuantConv, keras.layers.Conv2D):
    """`activation(conv(input_quantizer(x), kernel_quantizer(w)) + bias)`, channels last.

    The stored variable is the latent (float) kernel; it is quantized in every call, and a `.keras`
    file keeps it. Gradients are those of the quantizers.

    Args:
        filters: number of output channels.
        kernel_size: int or pair.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; sees `(kh, kw, Cin / groups, filters)`.
        pad_values: value of the taps outside the feature map for `padding="same"`: 0, or 1 or -1,
            which keep a ±1 feature map binary (Group-Net's released code pads with 1).
        **kwargs: arguments of `keras.layers.Conv2D`.

    Raises:
        ValueError: for other `pad_values`, for `pad_values` without `padding="same"`, and for
            `data_format="channels_first"`.

    Input shape:
        `(N, H, W, Cin)`

    Output shape:
        `(N, OH, OW, filters)`

    Example:
    >>> layer = QuantConv2D(
    ...     8, 3, padding="same", input_quantizer="ste_sign", kernel_quantizer="binary_weight"
    ... )
    >>> layer(keras.ops.ones((1, 4, 4, 3))).shape
    (1, 4, 4, 8)
    """
