"""Dense layer with quantized inputs and kernels."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.quant_layer import QuantLayer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantDense(QuantLayer, keras.layers.Dense):
    """`activation(input_quantizer(x) @ kernel_quantizer(w) + bias)`.

    The stored variable is the latent (float) kernel. Gradients are those of the quantizers.

    Args:
        units: number of outputs.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; sees `(Cin, units)`.
        **kwargs: arguments of `keras.layers.Dense`.

    Input shape:
        `(..., Cin)`

    Output shape:
        `(..., units)`

    Example:
    >>> layer = QuantDense(4, input_quantizer="ste_sign", kernel_quantizer="binary_weight")
    >>> layer(keras.ops.ones((2, 16))).shape
    (2, 4)
    """

    def linear(self, inputs: Any, kernel: Any) -> Any:
        """The matrix product `(..., units)`."""
        return ops.matmul(inputs, kernel)
