"""Dense layer with quantized inputs and kernels."""

from typing import Any

import keras
from keras import ops

from keras_groupnet import quantizers
from keras_groupnet.layers.exact_scale import split_scale
from keras_groupnet.layers.learned_quantizers import build_quantizers


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantDense(keras.layers.Dense):
    """`activation(input_quantizer(x) @ kernel_quantizer(w) + bias)`.

    The stored variable is the latent (real) kernel. Gradients are those of the quantizers.

    Args:
        units: as in `keras.layers.Dense`, also `kwargs`.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; sees `(Cin, units)`.
        **kwargs: arguments of `keras.layers.Dense`.

    Input shape:
        `(..., Cin)`

    Output shape:
        `(..., units)`
    """

    def __init__(
        self,
        units: int,
        *,
        input_quantizer: Any = None,
        kernel_quantizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(units, **kwargs)
        self.input_quantizer = quantizers.get(input_quantizer)
        self.kernel_quantizer = quantizers.get(kernel_quantizer)

    def build(self, input_shape: Any) -> None:
        """Makes the kernel, the bias and the variables of quantizers that learn."""
        super().build(input_shape)
        build_quantizers(self, input_shape)

    @property
    def kernel_precision(self) -> int:
        """Bits of one weight; 32 without a quantizer."""
        return getattr(self.kernel_quantizer, "precision", 32)

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns `kernel` as the matrix product sees it."""
        if self.kernel_quantizer is None:
            return kernel
        return self.kernel_quantizer(ops.convert_to_tensor(kernel))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns `(..., units)`."""
        if self.input_quantizer is not None:
            inputs = self.input_quantizer(inputs)
        kernel = self.quantize_kernel(self.kernel)
        step = getattr(self.kernel_quantizer, "step", None)
        kernel, scale = split_scale(kernel, self.kernel_precision, (0,), step)
        outputs = ops.matmul(inputs, kernel) * scale
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "input_quantizer": quantizers.serialize(self.input_quantizer),
            "kernel_quantizer": quantizers.serialize(self.kernel_quantizer),
        }
