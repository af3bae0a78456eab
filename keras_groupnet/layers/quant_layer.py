"""What all layers with a quantized kernel share."""

from typing import Any

import keras
from keras import ops

from keras_groupnet import quantizers
from keras_groupnet.layers.exact_scale import split_scale
from keras_groupnet.layers.learned_quantizers import build_quantizers


class QuantLayer:
    """A mixin: `activation(linear(input_quantizer(x), quantize_kernel(w)) + bias)`.

    Put it in front of a Keras layer that has a kernel, and say in `linear` how the layer applies
    one. The stored variable is the latent (float) kernel; it is quantized in every call, and a
    `.keras` file keeps it. Gradients are those of the quantizers.

        @keras.saving.register_keras_serializable(package="my_package")
        class QuantDense(QuantLayer, keras.layers.Dense):
            def linear(self, inputs, kernel):
                return keras.ops.matmul(inputs, kernel)

    Convolutions have `QuantConv`, which pads with ±1 too.

    Args:
        *args: arguments of the Keras layer.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        kernel_quantizer: anything `quantizers.get` takes; None for the latent kernel itself.
        **kwargs: arguments of the Keras layer.

    Raises:
        ValueError: if there is no such quantizer.

    Attributes:
        channel_axes: how many of the kernel's last axes number the output channels.
    """

    channel_axes = 1

    # Of the Keras layer.
    kernel: Any
    use_bias: bool
    bias: Any
    activation: Any

    def __init__(
        self, *args: Any, input_quantizer: Any = None, kernel_quantizer: Any = None, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        self.input_quantizer = quantizers.get(input_quantizer)
        self.kernel_quantizer = quantizers.get(kernel_quantizer)

    def build(self, input_shape: Any) -> None:
        """Makes the kernel, the bias and the variables of quantizers that learn."""
        super().build(input_shape)  # type: ignore[misc]
        build_quantizers(self, input_shape)

    @property
    def kernel_precision(self) -> int:
        """Bits of one weight; 32 without a quantizer, or with one that does not tell its bits."""
        return getattr(self.kernel_quantizer, "precision", 32)

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns `kernel` as the layer applies it, same shape."""
        if self.kernel_quantizer is None:
            return kernel
        if isinstance(kernel, keras.Variable):
            # In the compute dtype: a quantizer that is a layer would see the variable's own.
            kernel = kernel.value
        return self.kernel_quantizer(ops.convert_to_tensor(kernel))

    def linear(self, inputs: Any, kernel: Any) -> Any:
        """The layer without bias and activation.

        Args:
            inputs: quantized.
            kernel: quantized.

        Returns:
            The outputs, output channels last.
        """
        raise NotImplementedError

    def exact_kernel(self) -> tuple[Any, Any]:
        """The quantized kernel as integers and their scale, where `split_scale` finds such.

        Returns:
            `(kernel, scale)`, the scale a number or of shape `(output channels,)`.
        """
        kernel = self.quantize_kernel(self.kernel)
        axes = tuple(range(len(kernel.shape) - self.channel_axes))
        step = getattr(self.kernel_quantizer, "step", None)
        return split_scale(kernel, self.kernel_precision, axes, step)

    def call(self, inputs: Any) -> Any:
        """Returns the outputs of the layer."""
        if self.input_quantizer is not None:
            inputs = self.input_quantizer(inputs)
        kernel, scale = self.exact_kernel()
        outputs = self.linear(inputs, kernel) * scale
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),  # type: ignore[misc]
            "input_quantizer": quantizers.serialize(self.input_quantizer),
            "kernel_quantizer": quantizers.serialize(self.kernel_quantizer),
        }
