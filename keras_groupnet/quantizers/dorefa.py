"""DoReFa-Net's quantizers under Larq's name."""

from typing import Any

import keras

from keras_groupnet.quantizers.base import Quantizer
from keras_groupnet.quantizers.functional import k_bit_activation
from keras_groupnet.quantizers.k_bit_weight import code_parts, k_bit_weight

_MODES = ("activations", "weights")


@keras.saving.register_keras_serializable(package="keras_groupnet")
class DoReFa(Quantizer):
    """Activations or weights of k bits, with `n = 2^k_bit - 1`.

        activations  q(x) = round(n * clip(x, 0, 1)) / n;     gradient g * 1[0 <= x <= 1]
        weights      q(w) = 2 * round(n * z) / n - 1,  z = tanh(w) / (2 max|tanh(w)|) + 1/2;
                     gradient g * (1 - tanh(w)^2) / max|tanh(w)|

    The same as `KBitActivation(k_bit)` and `KBitWeight(k_bit)`, which have 2 to 8 bits; ties round
    to even.

    Args:
        k_bit: an int from 1 to 8. The converter packs activations of 1 (as 2-bit codes), 2 and 4
            bits, and weights as `k_bit` binary kernels.
        mode: `"activations"` or `"weights"`.

    Raises:
        ValueError: if `k_bit` or `mode` is something else.

    References:
        Zhou et al., DoReFa-Net, arXiv 1606.06160, Eq. 5 and 9; `larq.quantizers.DoReFa`.
    """

    def __init__(self, k_bit: int = 2, mode: str = "activations"):
        if isinstance(k_bit, bool) or not isinstance(k_bit, int) or not 1 <= k_bit <= 8:
            raise ValueError(f"`k_bit` must be an int from 1 to 8. Received: k_bit={k_bit!r}")
        if mode not in _MODES:
            raise ValueError(f"`mode` must be one of {_MODES}. Received: mode={mode!r}")
        self.precision = k_bit
        self.mode = mode
        # Of weights: q(w) is an odd integer times this, of activations an integer times this.
        self.step = 1.0 / (2**k_bit - 1)
        if mode == "weights":
            # A kernel quantized as activations are is no sum of binary kernels.
            self.binary_parts = self._binary_parts

    def __call__(self, inputs: Any) -> Any:
        """Returns the levels, in the dtype of `inputs`."""
        quantize = k_bit_weight if self.mode == "weights" else k_bit_activation
        return quantize(inputs, self.precision)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"k_bit": self.precision, "mode": self.mode}

    def _binary_parts(self, kernel: Any) -> list[tuple[Any, Any]]:
        return code_parts(self(kernel), self.precision)
