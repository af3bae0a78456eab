"""The sign times the mean magnitude of the clipped kernel, for weights."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class ClippedMagnitudeSign(Quantizer):
    """`q(w) = a * sgn(w)`, `a = mean|c|` per output channel, `c = clip(w, -1, 1)`.

    Gradient: `1[|w| <= 1] * (g * a + sgn(w) * mean(g * sgn(w)))`: that of the product, with the
    hard window of `SteSign` for the sign; the mean is over the channel.

    References:
        Rastegari et al., XNOR-Net, arXiv 1603.05279, without the centring of `XnorWeight`;
        `xnor_weight_scale` of larq-zoo.
    """

    precision = 1

    def __call__(self, inputs: Any) -> Any:
        """Returns `±a`; the output channels of `inputs` are the last axis."""
        clipped = ops.clip(ops.convert_to_tensor(inputs), -1.0, 1.0)
        axes = tuple(range(len(clipped.shape) - 1))
        return functional.ste_sign(clipped) * ops.mean(ops.abs(clipped), axis=axes, keepdims=True)
