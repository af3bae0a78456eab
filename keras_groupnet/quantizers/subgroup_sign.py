"""SYQ's weights: signs with one learned scale per pixel or row of the kernel."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.functional import sign
from keras_groupnet.quantizers.gradient import straight_through
from keras_groupnet.quantizers.learned import LearnedQuantizer

SUBGROUPS = ("pixel", "row")


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SubgroupSign(LearnedQuantizer):
    """`q(w) = alpha * sgn(w)`, one learned alpha per pixel (r, s) or row r of the kernel.

    Gradient: g at w (identity, without the scale and without a window, as in the authors' code);
    `sum g * sgn(w)` over its subgroup at alpha. The kernel of a dense layer is one pixel.

    A `LearnedQuantizer`: pass it to a quantized layer as `kernel_quantizer`. The layer calls `fit`
    when it is built, so alpha starts as the mean of |w| over its subgroup.

    Args:
        subgroups: `"pixel"` or `"row"`.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if `subgroups` is neither.

    Input and output shape:
        `(kh, kw, Cin, Cout)` or `(Cin, Cout)`

    References:
        Faraone et al., SYQ: Learning Symmetric Quantization for Efficient Deep Neural Networks,
        CVPR 2018, arXiv 1807.00301.
    """

    precision = 1

    def __init__(self, subgroups: str = "pixel", **kwargs: Any):
        # A fixed name: it is part of a layer, which has one of its own.
        super().__init__(**({"name": "subgroup_sign"} | kwargs))
        if subgroups not in SUBGROUPS:
            raise ValueError(
                f"`subgroups` must be one of {SUBGROUPS}. Received: subgroups={subgroups!r}"
            )
        self.subgroups = subgroups

    def build(self, kernel_shape: Any) -> None:
        """Makes alpha (`scales`): `(kh, kw, 1, 1)`, `(kh, 1, 1, 1)` or, dense, `(1, 1)`."""
        shape = [1] * len(kernel_shape)
        if len(kernel_shape) == 4:
            kept = 2 if self.subgroups == "pixel" else 1
            shape[:kept] = kernel_shape[:kept]
        self.scales = self.add_weight(name="scales", shape=tuple(shape), initializer="ones")

    def fit(self, kernel: Any) -> None:
        """Sets alpha to the mean of |kernel| over its subgroup."""
        kernel = ops.convert_to_tensor(kernel)
        axes = [axis for axis, size in enumerate(self.scales.shape) if size != kernel.shape[axis]]
        self.scales.assign(ops.mean(ops.abs(kernel), axis=tuple(axes), keepdims=True))

    def call(self, inputs: Any) -> Any:
        """Returns `alpha * sgn(inputs)`."""
        scales = ops.cast(ops.convert_to_tensor(self.scales), inputs.dtype)
        scales = ops.broadcast_to(scales, inputs.shape)
        return _scaled_sign(inputs, scales)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "subgroups": self.subgroups}


_scaled_sign = straight_through(
    lambda w, scales: scales * sign(w), lambda g, w, scales: (g, g * sign(w))
)
