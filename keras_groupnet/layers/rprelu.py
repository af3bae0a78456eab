"""ReActNet's activation function: a PReLU that is shifted in both directions."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_groupnet")
class RPReLU(keras.layers.Layer):
    """`f(x) = PReLU(x + input_shift) + output_shift`, all parameters learned for each channel.

    With `y = x + input_shift` it is `y + output_shift` for `y > 0`, else
    `alpha * y + output_shift`. The paper writes `-gamma` for the first shift and beta for alpha.
    Both shifts start at 0, alpha at 0.25.

    Args:
        **kwargs: arguments of `keras.layers.Layer`.

    Input and output shape:
        `(..., C)`

    References:
        Liu et al., ReActNet, arXiv 2003.03488, section 4.2 (RPReLU).
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Makes `input_shift`, `alpha` and `output_shift`."""
        shape = (input_shape[-1],)
        self.input_shift = self.add_weight(name="input_shift", shape=shape, initializer="zeros")
        self.alpha = self.add_weight(
            name="alpha", shape=shape, initializer=keras.initializers.Constant(0.25)
        )
        self.output_shift = self.add_weight(name="output_shift", shape=shape, initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Returns the activations."""
        y = inputs + self.input_shift
        # As keras.layers.PReLU says it: TFLiteConverter makes one op of this, if alpha has the rank
        # of a sample.
        alpha = ops.reshape(self.alpha, (1,) * (len(inputs.shape) - 2) + (-1,))
        return ops.relu(y) + -alpha * ops.relu(-y) + self.output_shift

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape does not change."""
        return input_shape
