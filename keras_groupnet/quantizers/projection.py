"""PCNN's discrete back-propagation via projection, as one function with its own gradient.

Equation numbers are those of the book chapter on PCNN (Gu et al., Projection Convolutional Neural
Networks for 1-bit CNNs via Discrete Back Propagation, arXiv 1811.12755).

Shapes: kernel C `(kh, kw, Cin, O)`, projections W `(J, kh, kw)`, projected kernel D
`(kh, kw, Cin, O * J)`; the J kernels of output feature map h are the channels `h * J + j`.
"""

from typing import Any

from keras import ops

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.gradient import straight_through

LEVELS = (2, 3)
FORWARDS = ("elementwise", "mean")
LEVEL_NORMS = ("weight", "kernel")
# Ternary weight networks (Li et al., arXiv 1605.04711): weights below 0.7 mean|C| become 0.
_TERNARY_THRESHOLD = 0.7


def nearest_level(x: Any, level: Any, levels: int) -> Any:
    """The projection P of Eq. 3.28: the level nearest to `x`.

    Args:
        x: any tensor, the product of projection and kernel.
        level: a > 0.
        levels: 2 for `{-a, a}`, where 0 goes to a; 3 for `{-a, 0, a}`, where a tie goes to 0.
    """
    signed = functional.sign(x) * level
    if levels == 2:
        return signed
    return ops.where(ops.abs(x) > level / 2, signed, ops.zeros_like(signed))


def outer_level(kernel: Any, levels: int, norm: str = "weight") -> Any:
    """The level a of a layer: `mean|C|` for two levels, `1.4 mean|C|` for three.

    With three levels the threshold is a / 2 = 0.7 mean|C|, that of ternary weight networks, and a
    is near the level that fits a Gaussian kernel best.

    Args:
        kernel: C.
        levels: 2 or 3.
        norm: `"weight"`: the mean over the weights; `"kernel"`: the letter of Eq. 3.57, the mean
            L1 norm of the `(kh, kw, Cin)` kernels, which is larger by the size of one. A batch norm
            behind the layer makes them one.
    """
    magnitude = ops.abs(ops.cast(kernel, "float32"))
    total = ops.mean(magnitude)
    if norm == "kernel":
        height, width, channels, _ = kernel.shape
        total = total * (height * width * channels)
    factor = 1.0 if levels == 2 else 2 * _TERNARY_THRESHOLD
    return ops.cast(total * factor, kernel.dtype)


def project(
    kernel: Any,
    projections: Any,
    learning_rate: Any = 0.0,
    weight: float = 1e-4,
    levels: int = 2,
    forward: str = "elementwise",
    norm: str = "weight",
) -> Any:
    """`D_j = P(W_j * C)` (Eq. 3.43, 3.45), with the gradients of both of PCNN's losses.

    With `d_j` the gradient of the task loss at D_j, lambda the `weight` and eta the
    `learning_rate`, the gradient (Eq. 3.49 to 3.56) is

        at C     sum_j d_j * 1[|W_j * C| <= 1] * W_j
                 + lambda * sum_j (W_j * (C + eta d_j) - D_j) * W_j
        at W_j   the sum over channels of d_j * 1[|W_j * C| <= 1] * C
                 + lambda * (W_j * (C + eta d_j) - D_j) * (C + eta d_j)

    whose second lines are those of the projection loss
    `lambda / 2 * sum_j ||D_j - W_j * (C + eta d_j)||^2` (Eq. 3.42) for constant D_j and d_j.

    Args:
        kernel: C.
        projections: W.
        learning_rate: eta, scalar; constant.
        weight: lambda.
        levels: 2 or 3.
        forward: `"elementwise"`; or `"mean"`: W_j is replaced by its mean in the forward pass only,
            as in the paper. The J kernels of a feature map are then equal up to their signs.
        norm: `"weight"` or `"kernel"`, what the level a is the mean of, as in `outer_level`.

    Returns:
        D.
    """

    def projected(kernel, projections):
        expanded = _expand(projections)
        if forward == "mean":
            expanded = ops.mean(expanded, axis=(0, 1), keepdims=True)
        level = outer_level(kernel, levels, norm)
        return nearest_level(expanded * kernel[..., None], level, levels)

    def forward_pass(kernel, projections, learning_rate):
        return _merge(projected(kernel, projections))

    def gradient(upstream, kernel, projections, learning_rate):
        quantized = projected(kernel, projections)
        upstream = ops.reshape(upstream, quantized.shape)
        expanded = _expand(projections)
        latent = kernel[..., None]
        inside = ops.cast(ops.abs(expanded * latent) <= 1, upstream.dtype) * upstream
        moved = latent + learning_rate * upstream
        residual = weight * (expanded * moved - quantized)
        to_kernel = ops.sum((inside + residual) * expanded, axis=-1)
        to_projections = ops.sum(inside * latent + residual * moved, axis=(2, 3))
        return (
            to_kernel,
            ops.transpose(to_projections, (2, 0, 1)),
            ops.zeros_like(learning_rate),
        )

    kernel = ops.convert_to_tensor(kernel)
    projections = ops.cast(ops.convert_to_tensor(projections), kernel.dtype)
    learning_rate = ops.cast(ops.convert_to_tensor(learning_rate), kernel.dtype)
    return straight_through(forward_pass, gradient)(kernel, projections, learning_rate)


def projection_loss(kernel: Any, projections: Any, projected: Any, weight: float = 1e-4) -> Any:
    """`lambda / 2 * sum_j ||D_j - W_j * C||^2`: Eq. 3.42 at `d_j = 0`, float32."""
    kernel, projections, projected = (
        ops.cast(ops.convert_to_tensor(x), "float32") for x in (kernel, projections, projected)
    )
    difference = projected - _merge(_expand(projections) * kernel[..., None])
    return weight / 2 * ops.sum(ops.square(difference))


def _expand(projections):
    """`(J, kh, kw)` as `(kh, kw, 1, 1, J)`: copied along the channels."""
    return ops.transpose(projections, (1, 2, 0))[:, :, None, None, :]


def _merge(per_projection):
    """`(kh, kw, Cin, O, J)` as `(kh, kw, Cin, O * J)`."""
    *taps, filters, projections = per_projection.shape
    return ops.reshape(per_projection, (*taps, filters * projections))
