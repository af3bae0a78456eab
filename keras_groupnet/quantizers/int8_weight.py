"""Weights of 8 bits, as TFLite's int8 ops have them."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.base import Quantizer
from keras_groupnet.quantizers.gradient import straight_through

_LARGEST_CODE = 127
# Channels of smaller weights become 0: their scale would be no normal number.
_LEAST = 1e-30


def int8_weight(w: Any) -> Any:
    """`scale * round(w / scale)`, `scale = max|w| / 127` of each output channel (the last axis).

    Gradient: `g`. It is computed in float32 and given in the dtype of `w`.
    """

    def forward(w):
        full = ops.cast(w, "float32")
        largest = ops.max(ops.abs(full), axis=tuple(range(len(full.shape) - 1)), keepdims=True)
        scale = ops.where(largest > _LEAST, largest, ops.ones_like(largest)) / _LARGEST_CODE
        return ops.cast(ops.round(full / scale) * scale, w.dtype)

    return straight_through(forward, lambda upstream, w: upstream)(w)


@keras.saving.register_keras_serializable(package="keras_groupnet")
class Int8Weight(Quantizer):
    """Weights of the codes -127 to 127, one scale an output channel; see `int8_weight`.

        q(w) = scale * round(w / scale),  scale = max|w| / 127

    For quantization-aware training of layers that are not binary. In a converted file such a layer
    is a builtin float op, or with `float_layers="int8"` a builtin int8 op with these codes
    (docs/conversion.md, "Trained for int8").

    References:
        Jacob et al., Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference, arXiv 1712.05877, section 3; one scale a channel and
        symmetric codes as in TensorFlow Lite 8-bit quantization specification.
    """

    precision = 8

    def __call__(self, inputs: Any) -> Any:
        """Returns the levels, in the dtype of `inputs`."""
        return int8_weight(inputs)
