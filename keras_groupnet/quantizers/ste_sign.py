"""The sign with the hard-window gradient, for 1-bit activations."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SteSign(Quantizer):
    """The sign with the hard-window gradient: `q(x) = sgn(x)`, `sgn(0) = +1`.

    Gradient: `g * 1[|x| <= clip_value]`.

    Args:
        clip_value: half the width of the window, positive; None for the gradient `g` everywhere.

    Raises:
        ValueError: if `clip_value` is not positive.

    Example:
    >>> SteSign(clip_value=1.3)(keras.ops.array([-0.5, 0.0, 2.0]))
    array([-1.,  1.,  1.], dtype=float32)

    References:
        Courbariaux et al., BinaryNet, arXiv 1602.02830.
        Rastegari et al., XNOR-Net, arXiv 1603.05279.
    """

    precision = 1

    def __init__(self, clip_value: float | None = 1.0):
        if clip_value is not None and not clip_value > 0:
            raise ValueError(
                "`clip_value` must be positive, or None for no window. "
                f"Received: clip_value={clip_value!r}"
            )
        self.clip_value = clip_value

    def __call__(self, inputs: Any) -> Any:
        """Returns ±1 of the dtype of `inputs`."""
        return functional.ste_sign(inputs, self.clip_value)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"clip_value": self.clip_value}
