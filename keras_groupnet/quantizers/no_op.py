"""A mark for kernels that an optimizer keeps binary."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.base import Quantizer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class NoOp(Quantizer):
    """`q(x) = x`; says how many bits the values need that something else keeps low-bit.

    A kernel with this quantizer has the attribute `precision`, which `optimizers.Bop` goes by. A
    layer with it converts once its kernel is ±(one magnitude) in each output channel, as `Bop`
    leaves it.

    Args:
        precision: bits of one value, a positive int.

    Raises:
        ValueError: for another `precision`.

    References:
        Helwegen et al., Latent Weights Do Not Exist, arXiv 1906.02107; `larq.quantizers.NoOp`.
    """

    def __init__(self, precision: int = 1):
        if isinstance(precision, bool) or not isinstance(precision, int) or precision < 1:
            raise ValueError(
                f"`precision` must be a positive int. Received: precision={precision!r}"
            )
        self.precision = precision

    def __call__(self, inputs: Any) -> Any:
        """Returns `inputs`."""
        return ops.convert_to_tensor(inputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"precision": self.precision}
