"""What all layers with a quantized kernel share."""

from typing import Any

import keras
from keras import ops

from keras_groupnet import activations, constraints, context, quantizers
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
        metrics: None or `["flip_ratio"]`: `metrics.FlipRatio` of the kernel in the logs of `fit`,
            under its name and the layer's. `context.metrics_scope` adds to it. Not on JAX, where
            Keras drops it; `training.BinaryStatistics` counts flips on every backend.
        **kwargs: arguments of the Keras layer. `activation` may also be what `activations.get`
            takes, constraints what `constraints.get` does (`"weight_clip"`).

    Raises:
        ValueError: if there is no such quantizer, activation, constraint or metric.

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
        self,
        *args: Any,
        input_quantizer: Any = None,
        kernel_quantizer: Any = None,
        metrics: Any = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **resolved(kwargs))
        self.input_quantizer = quantizers.get(input_quantizer)
        self.kernel_quantizer = quantizers.get(kernel_quantizer)
        self.training_metrics = training_metrics(metrics)

    def build(self, input_shape: Any) -> None:
        """Makes the kernel, the bias, metrics and the variables of quantizers that learn."""
        super().build(input_shape)  # type: ignore[misc]
        build_quantizers(self, input_shape)
        # What optimizers.Bop.is_binary_variable goes by.
        self.kernel.precision = self.kernel_precision
        if "flip_ratio" in self.training_metrics:
            from keras_groupnet.metrics import FlipRatio

            name = f"flip_ratio/{self.name}"  # type: ignore[attr-defined]
            self.flip_ratio = FlipRatio(self.kernel.shape, name=name)

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

    def watched_kernel(self) -> Any:
        """What `FlipRatio` counts the flips of, of the shape of `kernel`."""
        return self.quantize_kernel(self.kernel)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the outputs of the layer."""
        if training and "flip_ratio" in self.training_metrics:
            self.flip_ratio.update_state(self.watched_kernel())
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
            **({"metrics": self.training_metrics} if self.training_metrics else {}),
        }

    @property
    def weights(self) -> list[Any]:
        """All weights; in a `quantized_scope` with the quantized kernel, which can only be read."""
        weights = super().weights  # type: ignore[misc]
        if not context.should_quantize():
            return weights
        return [_Quantized(self) if weight is self.kernel else weight for weight in weights]

    def save_own_variables(self, store: Any) -> None:
        """Writes the variables; in a `quantized_scope` with the quantized kernel."""
        if not context.should_quantize():
            super().save_own_variables(store)  # type: ignore[misc]
            return
        variables: dict[str, Any] = {}
        super().save_own_variables(variables)  # type: ignore[misc]
        for key, variable in variables.items():
            store[key] = _Quantized(self).numpy() if variable is self.kernel else variable


class _Quantized:
    """What stands for the kernel of a layer in a `quantized_scope`."""

    def __init__(self, layer: Any):
        self._layer = layer
        kernel = layer.kernel
        self.name, self.path, self.dtype, self.shape = (
            kernel.name,
            kernel.path,
            kernel.dtype,
            kernel.shape,
        )

    def numpy(self) -> Any:
        """The quantized kernel."""
        return ops.convert_to_numpy(self._layer.quantize_kernel(self._layer.kernel))

    def assign(self, value: Any) -> None:
        """Refuses."""
        raise ValueError(
            f"The kernel of layer {self._layer.name!r} can only be read inside of a "
            "quantized_scope. Set it outside"
        )


def resolved(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a Keras layer, with the activation and constraints that we know by name."""
    found = dict(arguments)
    for key, value in arguments.items():
        if key == "activation":
            found[key] = activations.get(value)
        elif key.endswith("_constraint"):
            found[key] = constraints.get(value)
    return found


def training_metrics(metrics: Any) -> list[str]:
    """The metrics of a new layer, in order.

    Raises:
        ValueError: for unknown ones, and on JAX.
    """
    names = sorted(context.checked_metrics(metrics or ()) | context.get_training_metrics())
    if names and keras.backend.backend() == "jax":
        raise ValueError(
            "Keras on JAX drops what metrics of layers learn in `fit`. Leave out `metrics`, and "
            f"use keras_groupnet.training.BinaryStatistics. Received: metrics={names}"
        )
    return names
