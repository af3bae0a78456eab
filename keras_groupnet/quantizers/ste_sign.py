"""The sign with the hard-window gradient, for 1-bit activations."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SteSign(Quantizer):
    """The sign with the hard-window gradient: `q(x) = sgn(x)`, `sgn(0) = +1`.

    Gradient: `g * 1[|x| <= 1]`.

    References:
        Courbariaux et al., BinaryNet, arXiv 1602.02830.
        Rastegari et al., XNOR-Net, arXiv 1603.05279.
    """

    precision = 1

    def __call__(self, inputs: Any) -> Any:
        """Returns ±1 of the dtype of `inputs`."""
        return functional.ste_sign(inputs)
