"""What the moving statistics behind low-bit layers start with.

Those of the parent are of float sums over inputs that are not normalized, and know nothing of sums
of signs. Until training has replaced them, a network with them would blow up from layer to layer.
"""

from __future__ import annotations

import statistics
from typing import Any

import keras
import numpy as np

# What is quantized has been normalized, so it is taken as standard normal: the middles of equally
# likely intervals.
_COUNT = 999
_NORMAL = np.array(
    [statistics.NormalDist().inv_cdf((i + 0.5) / _COUNT) for i in range(_COUNT)], np.float32
)


def expected_statistics(weights: np.ndarray, style: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each channel of a low-bit layer's output, at the start.

    With a binary kernel `alpha s`, `alpha = mean|w|` of each channel, and independent inputs q of
    expectation m and variance v, they are `m sum(alpha s)` and `v sum(alpha^2)`. An activation
    scale, which is close to `a = E|x|`, multiplies them by a and a^2.

    Args:
        weights: `(n, C)`, those of each output channel; noise of the bases is not looked at.
        style: of the layer.
    """
    if style.weight_bits == 1:
        weights = np.abs(weights).mean(0) * np.sign(weights)
    inputs = _NORMAL
    if style.activation_bits != 32:
        inputs = keras.ops.convert_to_numpy(style.activation(None)(_NORMAL[:, None]))
    scaled = (style.activation_scale or "none") != "none"
    scale = float(np.abs(_NORMAL).mean()) if scaled else 1.0
    mean = scale * inputs.mean() * weights.sum(0)
    return mean, scale**2 * inputs.var() * np.square(weights).sum(0)
