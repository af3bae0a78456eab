"""The sign with its gradients: hard window, piecewise, swish, and times a magnitude."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer, check_window


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
        check_window(clip_value)
        self.clip_value = clip_value

    def __call__(self, inputs: Any) -> Any:
        """Returns ±1 of the dtype of `inputs`."""
        return functional.ste_sign(inputs, self.clip_value)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"clip_value": self.clip_value}


@keras.saving.register_keras_serializable(package="keras_groupnet")
class ApproxSign(Quantizer):
    """The sign with the piecewise gradient: `q(x) = sgn(x)`, `sgn(0) = +1`.

    Gradient: `g * (2 - 2|x|)` for `|x| < 1`, else 0.

    References:
        Liu et al., Bi-Real Net, arXiv 1808.00278; the released code of Group-Net.
    """

    precision = 1

    def __call__(self, inputs: Any) -> Any:
        """Returns ±1 of the dtype of `inputs`."""
        return functional.approx_sign(inputs)


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SwishSign(Quantizer):
    """The sign with the derivative of SignSwish: `q(x) = sgn(x)`, `sgn(0) = +1`.

    Gradient: `g * beta (2 - beta x tanh(beta x / 2)) / (1 + cosh(beta x))`. It is negative for
    `|beta x| > 2.4`, which draws values towards ±1.

    Args:
        beta: positive; the larger, the closer to the derivative of the sign.

    Raises:
        ValueError: if `beta` is not positive and finite.

    References:
        Darabi et al., BNN+: Improved Binary Network Training, arXiv 1812.11800.
    """

    precision = 1

    def __init__(self, beta: float = 5.0):
        if not 0 < beta < float("inf"):
            raise ValueError(f"`beta` must be positive and finite. Received: beta={beta!r}")
        self.beta = beta

    def __call__(self, inputs: Any) -> Any:
        """Returns ±1 of the dtype of `inputs`."""
        return functional.swish_sign(inputs, self.beta)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"beta": self.beta}


@keras.saving.register_keras_serializable(package="keras_groupnet")
class MagnitudeAwareSign(Quantizer):
    """Bi-Real Net's weight quantizer: `q(w) = a * sgn(w)`, `a = mean|w|` per output channel.

    Gradient: `g * a * 1[|w| <= clip_value]`, with a constant a. The forward pass is that of
    `BinaryWeight`.

    Args:
        clip_value: half the width of the window, positive; None for the gradient `g * a`
            everywhere.

    Raises:
        ValueError: if `clip_value` is not positive.

    References:
        Liu et al., Bi-Real Net, arXiv 1808.00278, section 3.3.
    """

    precision = 1

    def __init__(self, clip_value: float | None = 1.0):
        check_window(clip_value)
        self.clip_value = clip_value

    def __call__(self, inputs: Any) -> Any:
        """Returns `±a`; the output channels of `inputs` are the last axis."""
        return functional.magnitude_aware_sign(inputs, self.clip_value)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"clip_value": self.clip_value}
