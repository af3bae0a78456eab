"""Quantizers as pure functions: exact forward passes, straight-through backward passes.

Conventions: tensors are channels-last, `sgn(0) = sgn(-0.0) = +1` (a "binary" tensor never holds a
zero), rounding is half to even. Every result has the dtype of the input and holds exactly the
values named, also in float16 and bfloat16.

`g` is the gradient at the quantized value, `1[.]` an indicator.
"""

import math
from typing import Any

from keras import ops

from keras_groupnet.quantizers.gradient import straight_through

WEIGHT_SCALES = ("channel", "tensor", "none")


def sign(x: Any) -> Any:
    """`sgn(x)`, exactly -1 or +1, with `sgn(0) = +1`. No gradient of its own."""
    x = ops.convert_to_tensor(x)
    return _signed(x, ops.ones((), dtype=x.dtype))


def heaviside(x: Any) -> Any:
    """1 for `x > 0`, else 0, in the dtype of `x`. No gradient of its own."""
    x = ops.convert_to_tensor(x)
    return ops.cast(x > 0, x.dtype)


def ste_sign(x: Any, clip_value: float | None = 1.0) -> Any:
    """`sgn(x)`; gradient `g * 1[|x| <= clip_value]`, the hard window of BinaryNet and XNOR-Net.

    Args:
        x: any tensor.
        clip_value: half the width of the window; None for the gradient `g` everywhere.
    """
    return straight_through(sign, lambda g, x: _window(g, x, clip_value))(x)


def approx_sign(x: Any) -> Any:
    """`sgn(x)`; gradient `g * (2 - 2|x|)` for `|x| < 1`, else 0.

    The piecewise polynomial of Bi-Real Net (arXiv 1808.00278), whose integral over [-1, 1] is the
    jump of the sign.
    """
    return _approx_sign(x)


def swish_sign(x: Any, beta: float = 5.0) -> Any:
    """`sgn(x)`; gradient `g * beta (2 - z tanh(z / 2)) / (1 + cosh(z))` with `z = beta x`.

    BNN+ (arXiv 1812.11800). With `e = exp(-|z|)`, which does not overflow,
    `tanh(|z| / 2) = (1 - e) / (1 + e)` and `1 + cosh(z) = (1 + e)^2 / (2 e)`.
    """

    def gradient(upstream, x):
        z = ops.minimum(beta * ops.abs(x), 64)  # beyond, e is nothing
        e = ops.exp(-z)
        return upstream * (2 * beta * e / ops.square(1 + e) * (2 - z * (1 - e) / (1 + e)))

    return straight_through(sign, gradient)(x)


def ste_tern(
    x: Any,
    threshold_value: float = 0.05,
    ternary_weight_networks: bool = False,
    clip_value: float | None = 1.0,
) -> Any:
    """-1 for `x <= -t`, +1 for `x >= t`, else 0; gradient `g * 1[|x| <= clip_value]`.

    Zero stays 0 for `t = 0`, too.

    Args:
        x: any tensor.
        threshold_value: t.
        ternary_weight_networks: whether t is `0.7 * mean|x|` instead, over the whole tensor
            (Ternary Weight Networks, arXiv 1605.04711).
        clip_value: half the width of the window; None for the gradient `g` everywhere.
    """

    def forward(x):
        t = 0.7 * _mean_magnitude(x, None) if ternary_weight_networks else threshold_value
        return ops.cast(x >= t, x.dtype) - ops.cast(x <= -t, x.dtype)

    return straight_through(forward, lambda g, x: _window(g, x, clip_value))(x)


def ste_heaviside(x: Any, clip_value: float | None = 1.0) -> Any:
    """1 for `x > 0`, else 0; gradient `g * 1[|x| <= clip_value]`.

    Args:
        x: any tensor.
        clip_value: half the width of the window; None for the gradient `g` everywhere.
    """
    return straight_through(heaviside, lambda g, x: _window(g, x, clip_value))(x)


def magnitude_aware_sign(x: Any, clip_value: float | None = 1.0) -> Any:
    """`mean|x| * sgn(x)` per last axis; gradient `g * mean|x| * 1[|x| <= clip_value]`.

    Bi-Real Net (arXiv 1808.00278). The scale is a constant in the backward pass.

    Args:
        x: any tensor.
        clip_value: half the width of the window; None for the gradient `g * mean|x|` everywhere.
    """
    return straight_through(
        lambda x: _signed(x, _channel_scale(x)),
        lambda g, x: _window(g * _channel_scale(x), x, clip_value),
    )(x)


def binary_weight(w: Any, scale: str = "channel") -> Any:
    """`alpha * sgn(w)` with `alpha = mean|w|`, Eq. 1 of Group-Net; gradient `g` (identity).

    alpha minimizes `||w - alpha * sgn(w)||`. It is a constant in the backward pass, and the latent
    weights are not clipped, so there is no window.

    Args:
        w: latent weights, output channels last.
        scale: `"channel"` (one mean per output channel), `"tensor"` (one for all), `"none"` (1).
    """
    return _BINARY_WEIGHT[scale](w)


def xnor_weight(w: Any) -> Any:
    """`alpha * sgn(c)`, `c = w - mean(w)`; gradient at c `g * (1 / n + alpha * 1[|c| < 1])`.

    The mean is that over the input channels (the axis before the last) at each position of the
    kernel, `alpha = mean|c|` that of an output channel (the last axis), n the number of its
    weights. XNOR-Net, arXiv 1603.05279, section 3.1; the centring is that of the released code.
    """
    w = ops.convert_to_tensor(w)
    return _xnor_sign(w - ops.mean(w, axis=-2, keepdims=True))


def lift_positive(x: Any, least: float) -> Any:
    """`max(x, least)` for `x > 0`, else 0."""
    x = ops.convert_to_tensor(x)
    return _where(x > 0, ops.maximum(x, least))


def half_wave_gaussian(x: Any, step: float = 0.538) -> Any:
    """0 for `x <= 0`, else the nearest of `step * {1, 2, 3}`; gradient `g * 1[0 < x <= 3 * step]`.

    HWGQ (arXiv 1702.00953). The step of 0.538 has the least squared error for the positive half of
    a standard Gaussian.
    """

    def forward(x):
        return k_bit_activation(lift_positive(x, step), 2, 3 * step)

    def gradient(upstream, x):
        return _where(ops.logical_and(x > 0, x <= 3 * step), upstream)

    return straight_through(forward, gradient)(x)


def k_bit_activation(x: Any, bits: int = 2, beta: float = 1.0) -> Any:
    """`step * code`, Eq. 2 of Group-Net; gradient `g * 1[0 <= x <= beta]`.

    `step = beta / (2^bits - 1)`, `code = clip(round(x / step), 0, 2^bits - 1)`.
    """
    top = 2**bits - 1

    def forward(x):
        code = ops.clip(ops.round(x * (top / beta)), 0, top)
        return code * (beta / top)

    def gradient(upstream, x):
        return _where(ops.logical_and(x >= 0, x <= beta), upstream)

    return straight_through(forward, gradient)(x)


def xnor_scale_map(
    x: Any,
    mode: str = "xnor",
    kernel_size: tuple[int, int] = (1, 1),
    strides: tuple[int, int] = (1, 1),
    padding: str = "same",
    dilation_rate: tuple[int, int] = (1, 1),
) -> Any:
    """The activation scale of XNOR-Net (arXiv 1603.05279, section 3.2).

    `"xnor"`: `A = mean_c|x|`, then a box filter with entries `1 / (kh * kw)` that moves like the
    convolution whose output it scales; taps outside the feature map count as zeros.
    `"mean"`: one `mean|x|` per sample. For 2-D inputs both are the mean over the features.

    Args:
        x: float activations `(N, H, W, C)` or `(N, C)`.
        mode: `"xnor"` or `"mean"`.
        kernel_size: of the convolution.
        strides: of the convolution.
        padding: `"same"` or `"valid"`.
        dilation_rate: of the convolution.

    Returns:
        `(N, OH, OW, 1)`, `(N, 1, 1, 1)` or `(N, 1)`. No gradient flows through it.
    """
    x = ops.convert_to_tensor(x)
    dtype = x.dtype
    # The mean over a large feature map overflows float16 before it is divided.
    magnitude = ops.abs(ops.cast(ops.stop_gradient(x), "float32"))
    if mode == "mean" or len(x.shape) == 2:
        axes = tuple(range(1, len(x.shape)))
        return ops.cast(ops.mean(magnitude, axis=axes, keepdims=True), dtype)
    kernel_height, kernel_width = kernel_size
    taps = kernel_height * kernel_width
    scales = ops.conv(
        ops.mean(magnitude, axis=-1, keepdims=True),
        ops.full((kernel_height, kernel_width, 1, 1), 1.0 / taps, dtype="float32"),
        strides=list(strides),
        padding=padding,
        data_format="channels_last",
        dilation_rate=dilation_rate,
    )
    return ops.cast(scales, dtype)


def _signed(x, magnitude):
    # `x < 0` and not `x >= 0`: NaN becomes +1, as in the kernels.
    return ops.where(x < 0, -magnitude, magnitude)


def _where(condition, value):
    return ops.where(condition, value, ops.zeros_like(value))


def _window(upstream, x, clip_value):
    return upstream if clip_value is None else _where(ops.abs(x) <= clip_value, upstream)


def _mean_magnitude(w, axis):
    mean = ops.mean(ops.abs(ops.cast(w, "float32")), axis=axis, keepdims=True)
    return ops.cast(mean, w.dtype)


def _channel_scale(w):
    return _mean_magnitude(w, tuple(range(len(w.shape) - 1)))


_approx_sign = straight_through(sign, lambda g, x: _where(ops.abs(x) < 1, g * (2 - 2 * ops.abs(x))))
_xnor_sign = straight_through(
    lambda c: _signed(c, _channel_scale(c)),
    lambda g, c: g * (1 / math.prod(c.shape[:-1])) + _where(ops.abs(c) < 1, g * _channel_scale(c)),
)
_BINARY_WEIGHT = {
    "channel": straight_through(lambda w: _signed(w, _channel_scale(w)), lambda g, w: g),
    "tensor": straight_through(lambda w: _signed(w, _mean_magnitude(w, None)), lambda g, w: g),
    "none": straight_through(sign, lambda g, w: g),
}
