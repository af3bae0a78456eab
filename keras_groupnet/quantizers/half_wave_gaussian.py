"""HWGQ's activation quantizer."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer
from keras_groupnet.quantizers.k_bit_activation import KBitActivation


@keras.saving.register_keras_serializable(package="keras_groupnet")
class HalfWaveGaussian(Quantizer):
    """`q(x) = 0` for `x <= 0`, else the nearest of `step * {1, 2, 3}`, for batch-normed inputs.

    Gradient: `g * 1[0 < x <= 3 * step]` (a clipped ReLU).

    Args:
        step: positive; 0.538 has the least squared error for the positive half of a standard
            Gaussian.

    Raises:
        ValueError: if `step` is not positive.

    References:
        Cai et al., Half-Wave Gaussian Quantization, arXiv 1702.00953.
    """

    precision = 2

    def __init__(self, step: float = 0.538):
        if not step > 0:
            raise ValueError(f"`step` must be positive. Received: step={step!r}")
        self.step = float(step)

    def __call__(self, inputs: Any) -> Any:
        """Returns 0, `step`, `2 * step` or `3 * step` of the dtype of `inputs`."""
        return functional.half_wave_gaussian(inputs, self.step)

    def lift(self, inputs: Any) -> Any:
        """`max(x, step)` for `x > 0`, else 0; `uniform` of this is the quantizer."""
        return functional.lift_positive(inputs, self.step)

    @property
    def uniform(self) -> KBitActivation:
        """The uniform quantizer of the same levels."""
        return KBitActivation(2, 3 * self.step)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"step": self.step}
