"""Ternary weights: -1, 0 and +1."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer, check_window


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SteTern(Quantizer):
    """`q(x) = 1` for `x >= t`, `-1` for `x <= -t`, else 0; for weights.

    Gradient: `g * 1[|x| <= clip_value]`. A converted file holds a ternary kernel as two binary
    ones, since `q(w) = 1/2 s_1 + 1/2 s_2` with `s_1 = 1` for `w >= t`, `s_2 = 1` for `w > -t`, else
    -1: it takes twice the time and memory of binary weights.

    Args:
        threshold_value: t, at least 0.
        ternary_weight_networks: whether t is `0.7 * mean|x|`, over the whole tensor, instead.
        clip_value: half the width of the window, positive; None for the gradient `g` everywhere.

    Raises:
        ValueError: if `threshold_value` is negative or `clip_value` is not positive.

    References:
        Li et al., Ternary Weight Networks, arXiv 1605.04711.
    """

    precision = 2

    def __init__(
        self,
        threshold_value: float = 0.05,
        ternary_weight_networks: bool = False,
        clip_value: float | None = 1.0,
    ):
        if not 0 <= threshold_value < float("inf"):
            raise ValueError(
                "`threshold_value` must be at least 0 and finite. "
                f"Received: threshold_value={threshold_value!r}"
            )
        check_window(clip_value)
        self.threshold_value = threshold_value
        self.ternary_weight_networks = ternary_weight_networks
        self.clip_value = clip_value

    def __call__(self, inputs: Any) -> Any:
        """Returns -1, 0 or 1 of the dtype of `inputs`."""
        return functional.ste_tern(
            inputs, self.threshold_value, self.ternary_weight_networks, self.clip_value
        )

    def binary_parts(self, kernel: Any) -> list[tuple[Any, Any]]:
        """Splits `q(kernel)` into a sum of `[(1/2, s_1), (1/2, s_2)]`. No gradient."""
        values = self(kernel)
        parts = (values > 0, values >= 0)
        return [(0.5, 2 * ops.cast(part, "float32") - 1) for part in parts]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            "threshold_value": self.threshold_value,
            "ternary_weight_networks": self.ternary_weight_networks,
            "clip_value": self.clip_value,
        }
