"""Group-Net's binary weights."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.base import Quantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class BinaryWeight(Quantizer):
    """Eq. 1 of Group-Net: `q(w) = alpha * sgn(w)`, `alpha = mean|w|`, `sgn(0) = +1`.

    Gradient: `g` (identity, no window; alpha is a constant). A batch norm after the layer absorbs
    a positive factor per channel, so `scale` changes the size of gradients more than the function.

    Args:
        scale: `"channel"`: one mean per output channel (the last axis, as in XNOR-Net);
            `"tensor"`: one for the whole kernel (as in the authors' release); `"none"`: 1.

    Raises:
        ValueError: if `scale` is none of these.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631 (v1), Eq. 1.
    """

    precision = 1

    def __init__(self, scale: str = "channel"):
        if scale not in functional.WEIGHT_SCALES:
            raise ValueError(
                f"`scale` must be one of {functional.WEIGHT_SCALES}. Received: scale={scale!r}"
            )
        self.scale = scale

    def __call__(self, inputs: Any) -> Any:
        """Returns `±alpha`; the output channels of `inputs` are the last axis."""
        return functional.binary_weight(inputs, self.scale)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"scale": self.scale}
