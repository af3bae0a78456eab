"""Images for layers whose feature maps have several channels."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_groupnet")
class RepeatChannels(keras.layers.Layer):
    """Repeats each channel: `y[..., c * copies + i] = x[..., c]`.

    MCN and PCNN make of each channel of an image a feature map of K or J channels like this.

    Args:
        copies: how many channels one becomes.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if `copies` is less than 1.

    Input shape:
        `(..., C)`

    Output shape:
        `(..., C * copies)`
    """

    def __init__(self, copies: int, **kwargs: Any):
        super().__init__(**kwargs)
        if copies < 1:
            raise ValueError(f"`copies` must be at least 1. Received: copies={copies!r}")
        self.copies = copies

    def call(self, inputs: Any) -> Any:
        """Returns the repeated channels."""
        return ops.repeat(inputs, self.copies, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`copies` times as many channels."""
        return (*input_shape[:-1], input_shape[-1] * self.copies)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "copies": self.copies}
