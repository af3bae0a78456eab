"""DoReFa-Net's weights of several bits."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.base import Quantizer
from keras_groupnet.quantizers.gradient import straight_through


def k_bit_weight(w: Any, bits: int = 2) -> Any:
    """`2 * round(n * z) / n - 1`, `z = tanh(w) / (2 max|tanh(w)|) + 1/2`, `n = 2^bits - 1`.

    Gradient: `g * (1 - tanh(w)^2) / max|tanh(w)|`: the identity through the rounding, then that of
    tanh, with the maximum (over the whole tensor) as a constant.
    """
    top = 2**bits - 1

    def forward(w):
        tanh, largest = _tanh(w)
        code = ops.round((tanh / (2 * largest) + 0.5) * top)
        return (2 * code - top) / top

    def gradient(upstream, w):
        tanh, largest = _tanh(w)
        return upstream * (1 - ops.square(tanh)) / largest

    return straight_through(forward, gradient)(w)


def code_parts(quantized: Any, bits: int) -> list[tuple[Any, Any]]:
    """Splits `(2 code - n) / n`, `n = 2^bits - 1`, into `[(2^b / n, ±1 tensor), ...]`."""
    top = 2**bits - 1
    codes = ops.cast(ops.round((quantized + 1) * (top / 2)), "int32")
    return [
        (2**b * (1.0 / top), ops.cast(2 * ((codes // 2**b) % 2) - 1, "float32"))
        for b in range(bits)
    ]


def _tanh(w):
    tanh = ops.tanh(w)
    largest = ops.max(ops.abs(tanh))
    return tanh, ops.where(largest > 0, largest, ops.ones_like(largest))


@keras.saving.register_keras_serializable(package="keras_groupnet")
class KBitWeight(Quantizer):
    """Weights with 2^bits levels, equally spaced in [-1, 1]; see `k_bit_weight`.

    A converted file holds each bit of the codes as a binary kernel of its own: with `s_b` = ±1 for
    bit b of a code,

        q(w) = sum_b 2^b / (2^bits - 1) * s_b

    Args:
        bits: an int from 2 to 8 (for 1 bit DoReFa-Net has `BinaryWeight("tensor")`).

    Raises:
        ValueError: if `bits` is out of range.

    Attributes:
        step: q(w) is an odd integer times this.

    References:
        Zhou et al., DoReFa-Net, arXiv 1606.06160, Eq. 9.
    """

    def __init__(self, bits: int = 2):
        if isinstance(bits, bool) or not isinstance(bits, int) or not 2 <= bits <= 8:
            raise ValueError(
                "`bits` must be an int from 2 to 8 (for 1 bit use BinaryWeight('tensor')). "
                f"Received: bits={bits!r}"
            )
        self.bits = self.precision = bits
        self.step = 1.0 / (2**bits - 1)

    def __call__(self, inputs: Any) -> Any:
        """Returns the levels, in the dtype of `inputs`."""
        return k_bit_weight(inputs, self.bits)

    def binary_parts(self, kernel: Any) -> list[tuple[Any, Any]]:
        """Splits `q(kernel)` into a sum of `[(scale, ±1 tensor), ...]`, lowest bit first.

        No gradient.
        """
        return code_parts(self(kernel), self.bits)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"bits": self.bits}
