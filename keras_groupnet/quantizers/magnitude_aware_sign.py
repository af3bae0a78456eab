"""The sign times the mean magnitude of its channel, for weights."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class MagnitudeAwareSign(Quantizer):
    """Bi-Real Net's weight quantizer: `q(w) = a * sgn(w)`, `a = mean|w|` per output channel.

    Gradient: `g * a * 1[|w| <= 1]`, with a constant a. The forward pass is that of `BinaryWeight`.

    References:
        Liu et al., Bi-Real Net, arXiv 1808.00278, section 3.3.
    """

    precision = 1

    def __call__(self, inputs: Any) -> Any:
        """Returns `±a`; the output channels of `inputs` are the last axis."""
        return functional.magnitude_aware_sign(inputs)
