"""Low-bit kernels as exact integers times a scale."""

from typing import Any

import keras
from keras import ops

# Some backends divide by multiplying with the reciprocal, which leaves an integer a last place
# away. Kernels of several magnitudes may come nearly as close to one; theirs must stay.
_LAST_PLACES = {"float16": 2e-3, "bfloat16": 2e-2}


def split_scale(
    kernel: Any, precision: int, axes: tuple[int, ...], step: Any = None
) -> tuple[Any, Any]:
    """Splits a quantized kernel so that sums of ±1 activations are exact.

    `conv(x, alpha * b) = alpha * conv(x, b)`, but only the right side is exact in floating point:
    a sum of ±alpha that should be 0 comes out as ±1e-9 on the left, and the `sign` behind it then
    hangs on the order of the summation. Converted files compute the right side. Gradients stay
    those of the left: the scale divided out is a constant.

    Args:
        kernel: as its quantizer returns it.
        precision: bits of one of its weights; only kernels of 1 bit are split, and those with a
            step.
        axes: all axes of the kernel but those of the output channels.
        step: all weights are integers times this, a number or a scalar without gradient; None if
            they are not.

    Returns:
        `(kernel / scale, scale)`, the scale of shape `(output channels,)`, or the step;
        `(kernel, 1)` if not split.
    """
    if step is not None:
        step = ops.cast(step, kernel.dtype)
        unit = kernel / step
        return unit + ops.stop_gradient(ops.round(unit) - unit), step
    if precision != 1:
        return kernel, 1
    scale = ops.stop_gradient(ops.max(ops.abs(kernel), axis=axes, keepdims=True))
    scale = ops.where(scale > 0, scale, ops.ones_like(scale))
    unit = kernel / scale
    near = _LAST_PLACES.get(keras.backend.standardize_dtype(unit.dtype), 1e-6)
    rounding = ops.where(ops.abs(ops.abs(unit) - 1) < near, ops.round(unit) - unit, 0)
    return unit + ops.stop_gradient(rounding), ops.reshape(scale, (-1,))
