"""Group-Net's k-bit activation quantizer."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class KBitActivation(Quantizer):
    """Eq. 2 of Group-Net: `q(x) = step * round(clip(x, 0, beta) / step)`.

    `step = beta / (2^bits - 1)`; ties round to even. Gradient: `g * 1[0 <= x <= beta]`.

    Args:
        bits: an int from 2 to 8 (1-bit activations are `SteSign` or `ApproxSign`). The converter
            packs 2, 3 (as 4) and 4 bits.
        beta: the largest level, positive. The paper gives no number; 1 is that of DoReFa-Net.

    Raises:
        ValueError: if `bits` or `beta` is out of range.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631 (v1), Eq. 2.
    """

    def __init__(self, bits: int = 2, beta: float = 1.0):
        if isinstance(bits, bool) or not isinstance(bits, int) or not 2 <= bits <= 8:
            raise ValueError(
                "`bits` must be an int from 2 to 8 (for 1 bit use 'ste_sign' or 'approx_sign'). "
                f"Received: bits={bits!r}"
            )
        if not 0 < beta < float("inf"):
            raise ValueError(f"`beta` must be positive and finite. Received: beta={beta!r}")
        self.bits = self.precision = bits
        self.beta = float(beta)

    def __call__(self, inputs: Any) -> Any:
        """Returns the levels `step * code` of the dtype of `inputs`."""
        return functional.k_bit_activation(inputs, self.bits, self.beta)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"bits": self.bits, "beta": self.beta}
