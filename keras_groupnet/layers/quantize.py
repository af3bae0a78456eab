"""A layer that only quantizes."""

from typing import Any

import keras

from keras_groupnet import quantizers


@keras.saving.register_keras_serializable(package="keras_groupnet")
class Quantize(keras.layers.Layer):
    """`quantizer(x)`; the K bases of a group share its output (Group-Net, Algorithm 1).

    Args:
        quantizer: anything `quantizers.get` takes but None.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if there is no such quantizer.

    Input and output shape:
        any
    """

    def __init__(self, quantizer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        resolved = quantizers.get(quantizer)
        if resolved is None:
            raise ValueError("`quantizer` must be a quantizer. Received: quantizer=None")
        self.quantizer = resolved
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Makes the variables of a quantizer that learns."""
        if isinstance(self.quantizer, keras.layers.Layer) and not self.quantizer.built:
            self.quantizer.build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Returns the quantized inputs."""
        return self.quantizer(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "quantizer": quantizers.serialize(self.quantizer)}
