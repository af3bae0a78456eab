"""ABC-Net's weights: a weighted sum of binary kernels."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.base import Quantizer
from keras_groupnet.quantizers.functional import sign
from keras_groupnet.quantizers.gradient import straight_through


def spread(bases: int) -> list[float]:
    """`u_m = -1 + 2 (m - 1) / (M - 1)` for m = 1 ... M; 0 for a single base."""
    if bases == 1:
        return [0.0]
    return [-1 + 2 * m / (bases - 1) for m in range(bases)]


def weight_bases(w: Any, bases: int = 5) -> tuple[list[Any], list[Any]]:
    """`B_m = sgn(w - mean(w) + u_m std(w))` and the alpha_m of least `||w - sum alpha_m B_m||`.

    Mean and standard deviation are those of the whole tensor. The B_m are nested: a weight with j
    of them at +1 has the last j. So the sum has one level per j, all free but that the highest is
    minus the lowest, and the least squares need no equations: `level_j` is the mean of the weights
    with count j (`sum |w| / n` over both ends together), and `2 alpha_m` the difference of two
    levels. A level without weights takes that below it, which makes its alpha 0. No gradient.

    Returns:
        The B_m (float32) and the alpha_m (float32 scalars).
    """
    w = ops.cast(ops.stop_gradient(ops.convert_to_tensor(w)), "float32")
    centred, deviation = w - ops.mean(w), ops.std(w)
    signs = [sign(centred + u * deviation) for u in spread(bases)]
    count = sum(signs)
    members = [ops.cast(count == 2 * j - bases, "float32") for j in range(bases + 1)]

    def mean(total, number, empty):
        return ops.where(number > 0, total / ops.maximum(number, 1), empty)

    sums = [ops.sum(member * w) for member in members]
    numbers = [ops.sum(member) for member in members]
    end = mean(sums[-1] - sums[0], numbers[-1] + numbers[0], 0.0)
    levels = [-end]
    for total, number in zip(sums[1:-1], numbers[1:-1], strict=True):
        levels.append(mean(total, number, levels[-1]))
    levels.append(end)
    steps = [(high - low) / 2 for low, high in zip(levels, levels[1:], strict=False)]
    return signs, steps[::-1]


@keras.saving.register_keras_serializable(package="keras_groupnet")
class WeightBases(Quantizer):
    """`q(w) = sum_m alpha_m B_m` with M binary kernels; see `weight_bases`.

    Gradient: `g * sum_m alpha_m`: B_m passes on `alpha_m g` unchanged, the alphas are constants.

    Args:
        bases: M, an int of at least 1.

    Raises:
        ValueError: for another `bases`.

    References:
        Lin et al., Towards Accurate Binary Convolutional Neural Network (ABC-Net), NIPS 2017,
        arXiv 1711.11294, section 3.1.
    """

    def __init__(self, bases: int = 5):
        if isinstance(bases, bool) or not isinstance(bases, int) or bases < 1:
            raise ValueError(f"`bases` must be an int of at least 1. Received: bases={bases!r}")
        self.bases = self.precision = bases

    def __call__(self, inputs: Any) -> Any:
        """Returns the sum, in the dtype of `inputs`."""
        return straight_through(self._forward, self._gradient)(inputs)

    def binary_parts(self, kernel: Any) -> list[tuple[Any, Any]]:
        """Splits `q(kernel)` into a sum of `[(alpha_m, B_m), ...]`. No gradient."""
        signs, scales = weight_bases(kernel, self.bases)
        return list(zip(scales, signs, strict=True))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"bases": self.bases}

    def _forward(self, w):
        return ops.cast(sum(scale * part for scale, part in self.binary_parts(w)), w.dtype)

    def _gradient(self, upstream, w):
        _, scales = weight_bases(w, self.bases)
        return upstream * ops.cast(sum(scales), upstream.dtype)
