"""ReActNet's activations: signs with a learned threshold for each channel."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.learned import LearnedQuantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class RSign(LearnedQuantizer):
    """`q(x) = sgn(x + shift)`, one learned shift for each channel (the last axis), 0 at the start.

    The paper writes `x > alpha`, `alpha = -shift`; its release adds a bias, as here. Gradient:
    `g * (2 - 2|x + shift|)` for `|x + shift| < 1`, else 0, at x and, summed, at the shift. In a
    converted file the shift is part of the threshold.

    A `LearnedQuantizer`: pass it to `layers.Quantize` or to a layer as `input_quantizer`.

    Args:
        **kwargs: arguments of `keras.layers.Layer`.

    Input and output shape:
        `(..., C)`

    References:
        Liu et al., ReActNet, arXiv 2003.03488, section 4.2 (RSign).
    """

    precision = 1

    def __init__(self, **kwargs: Any):
        # A fixed name: it is part of a layer, which has one of its own.
        super().__init__(**({"name": "r_sign"} | kwargs))

    def build(self, input_shape: Any) -> None:
        """Makes `shift`."""
        self.shift = self.add_weight(name="shift", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Returns ±1 of the dtype of `inputs`."""
        return functional.approx_sign(self.shifted(inputs))

    def shifted(self, inputs: Any) -> Any:
        """`x + shift`, of which the sign is taken."""
        return inputs + ops.cast(ops.convert_to_tensor(self.shift), inputs.dtype)
