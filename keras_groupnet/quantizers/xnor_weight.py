"""XNOR-Net's binary weights."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class XnorWeight(Quantizer):
    """`q(w) = alpha * sgn(c)`, `c = w - mean(w)` over the input channels, `alpha = mean|c|`.

    alpha is that of the output channel (the last axis), n the number of its weights. Gradient at c:
    `g * (1 / n + alpha * 1[|c| < 1])`.

    References:
        Rastegari et al., XNOR-Net, arXiv 1603.05279, section 3.1; the centring is that of the
        released code.
    """

    precision = 1

    def __call__(self, inputs: Any) -> Any:
        """Returns `±alpha`; the last two axes of `inputs` are input and output channels."""
        return functional.xnor_weight(inputs)
