"""The sign with the piecewise gradient, for 1-bit activations."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer


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
