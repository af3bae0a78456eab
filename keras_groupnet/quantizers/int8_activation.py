"""Activations of 8 bits, as TFLite's int8 ops have them, by ranges that training has seen."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_groupnet.quantizers.gradient import straight_through
from keras_groupnet.quantizers.learned import LearnedQuantizer

_LOWEST, _HIGHEST = -128, 127
# The range before the first batch of training.
_FIRST_RANGE = (-6.0, 6.0)
# Where all that was seen is 0 any scale will do.
_LEAST_WIDTH = 1e-6


def int8_activation(x: Any, scale: Any, zero_point: Any) -> Any:
    """`(clip(round(x / scale) + zero_point, -128, 127) - zero_point) * scale`.

    Gradient: `g` where nothing is clipped, else 0. It is computed in float32 and given in the dtype
    of `x`.
    """

    def codes(x, scale, zero_point):
        return ops.round(ops.cast(x, "float32") / scale) + zero_point

    def forward(x, scale, zero_point):
        clipped = ops.clip(codes(x, scale, zero_point), _LOWEST, _HIGHEST)
        return ops.cast((clipped - zero_point) * scale, x.dtype)

    def gradient(upstream, x, scale, zero_point):
        code = codes(x, scale, zero_point)
        inside = ops.logical_and(code >= _LOWEST, code <= _HIGHEST)
        none = ops.zeros_like(scale)
        return ops.where(inside, upstream, ops.zeros_like(upstream)), none, none

    scale, zero_point = (ops.cast(one, "float32") for one in (scale, zero_point))
    return straight_through(forward, gradient)(x, scale, zero_point)


@keras.saving.register_keras_serializable(package="keras_groupnet")
class Int8Activation(LearnedQuantizer):
    """`int8_activation` with a moving range.

        q(x) = (clip(round(x / scale) + zero_point, -128, 127) - zero_point) * scale

    The range `[low, high]` is a moving average of the smallest and the largest value of the batches
    of training, widened to hold 0:

        scale = (high - low) / 255,  zero_point = round(-128 - low / scale)

    so that 0 is a value of its own, and the largest and smallest values are up to half a step away
    from the range. Gradient: `g` where the code is not clipped, else 0. The averages move while
    training unless `trainable` is False, with the first batches weighed alike:

        low <- low + max(1 - momentum, 1 / (n + 1)) * (min(x) - low)

    for the batch after n others. Before the first batch the range is [-6, 6].

    A `LearnedQuantizer`: pass it to `layers.Quantize` or to a layer as `input_quantizer`. In a
    converted file it is the builtin pair QUANTIZE, DEQUANTIZE, or with `float_layers="int8"` the
    scale of the int8 ops before and behind it (docs/conversion.md, "Trained for int8").

    Args:
        momentum: of the moving averages, from 0 up to but not 1.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: for another momentum.

    Input and output shape:
        any

    References:
        Jacob et al., Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference, arXiv 1712.05877, section 3.1.
    """

    precision = 8

    def __init__(self, momentum: float = 0.99, **kwargs: Any):
        # A fixed name: it is part of a layer, which has one of its own.
        super().__init__(**({"name": "int8_activation"} | kwargs))
        if not 0 <= momentum < 1:
            raise ValueError(
                f"`momentum` must be at least 0 and less than 1. Received: momentum={momentum!r}"
            )
        self.momentum = float(momentum)

    def build(self, input_shape: Any) -> None:
        """Makes `low`, `high` and `batches`, the count of batches seen."""
        self.low, self.high, self.batches = (
            self.add_weight(
                name=name,
                shape=(),
                initializer=keras.initializers.Constant(value),
                trainable=False,
            )
            for name, value in zip(("low", "high", "batches"), (*_FIRST_RANGE, 0.0), strict=True)
        )

    def fit(self, kernel: Any) -> None:
        """Sets the range to that of some activations, which count as one batch."""
        values = ops.cast(ops.convert_to_tensor(kernel), "float32")
        self.low.assign(ops.min(values))
        self.high.assign(ops.max(values))
        self.batches.assign(1.0)

    def scale_and_zero_point(self) -> tuple[float, int]:
        """Both as they are now; the scale is a float32 number."""
        scale, zero_point = self._current()
        return float(ops.convert_to_numpy(scale)), int(ops.convert_to_numpy(zero_point))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the levels, see `int8_activation`."""
        if training and self.trainable:
            self._see(ops.stop_gradient(ops.cast(inputs, "float32")))

        return int8_activation(inputs, *self._current())

    def _see(self, values: Any) -> None:
        """Moves the averages by a batch."""
        count = ops.convert_to_tensor(self.batches)
        rate = ops.maximum(1 - self.momentum, 1 / (count + 1))
        for variable, found in ((self.low, ops.min(values)), (self.high, ops.max(values))):
            before = ops.convert_to_tensor(variable)
            variable.assign(before + rate * (found - before))
        self.batches.assign(count + 1)

    def _current(self) -> tuple[Any, Any]:
        """Scale and zero point as float32 scalars."""
        low = ops.minimum(ops.cast(ops.convert_to_tensor(self.low), "float32"), 0)
        high = ops.maximum(ops.cast(ops.convert_to_tensor(self.high), "float32"), 0)
        scale = ops.maximum(high - low, _LEAST_WIDTH) / np.float32(_HIGHEST - _LOWEST)
        return scale, ops.clip(ops.round(_LOWEST - low / scale), _LOWEST, _HIGHEST)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "momentum": self.momentum}
