"""Activations of 0 and 1."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer, check_window


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SteHeaviside(Quantizer):
    """`q(x) = 1` for `x > 0`, else 0; for activations.

    Gradient: `g * 1[|x| <= clip_value]`. The ops have no 1-bit codes of 0 and 1: a converted file
    holds these values as 2-bit codes, which takes more time and memory than signs.

    Args:
        clip_value: half the width of the window, positive; None for the gradient `g` everywhere.

    Raises:
        ValueError: if `clip_value` is not positive.

    References:
        `larq.quantizers.SteHeaviside`.
    """

    precision = 1

    def __init__(self, clip_value: float | None = 1.0):
        check_window(clip_value)
        self.clip_value = clip_value

    def __call__(self, inputs: Any) -> Any:
        """Returns 0 or 1 of the dtype of `inputs`."""
        return functional.ste_heaviside(inputs, self.clip_value)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"clip_value": self.clip_value}
