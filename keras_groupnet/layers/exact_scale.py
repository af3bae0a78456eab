"""Binary kernels as exact ±1 times a scale."""

from typing import Any

from keras import ops


def split_scale(kernel: Any, precision: int, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Splits a quantised kernel so that sums of ±1 activations are exact.

    `conv(x, alpha * b) = alpha * conv(x, b)`, but only the right side is exact in floating point:
    a sum of ±alpha that should be 0 comes out as ±1e-9 on the left, and the `sign` behind it then
    hangs on the order of the summation. Converted files compute the right side. Gradients stay
    those of the left: the scale divided out is a constant.

    Args:
        kernel: as its quantizer returns it.
        precision: bits of one of its weights; only kernels of 1 bit are split.
        axes: all axes of the kernel but those of the output channels.

    Returns:
        `(kernel / scale, scale)`, the scale with `axes` removed; `(kernel, 1)` if not split.
    """
    if precision != 1:
        return kernel, 1
    scale = ops.stop_gradient(ops.max(ops.abs(kernel), axis=axes, keepdims=True))
    scale = ops.where(scale > 0, scale, ops.ones_like(scale))
    unit = kernel / scale
    # Some backends divide by multiplying with the reciprocal, which leaves ±1 a last place away.
    rounding = ops.where(ops.abs(ops.abs(unit) - 1) < 1e-3, ops.round(unit) - unit, 0)
    return unit + ops.stop_gradient(rounding), ops.squeeze(scale, axes)
