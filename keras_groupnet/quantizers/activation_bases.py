"""ABC-Net's activations: a weighted sum of shifted signs."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.functional import sign
from keras_groupnet.quantizers.gradient import straight_through
from keras_groupnet.quantizers.learned import LearnedQuantizer
from keras_groupnet.quantizers.weight_bases import spread


@keras.saving.register_keras_serializable(package="keras_groupnet")
class ActivationBases(LearnedQuantizer):
    """`q(x) = sum_n beta_n A_n`, `A_n = H(x + v_n)`, with learned shifts v and scales beta.

    `H(z) = 2 * 1[clip(z, 0, 1) >= 1/2] - 1`, the sign of `z - 1/2`; gradient `g * 1[0 <= z <= 1]`.
    The paper gives no initial values. Here the thresholds `1/2 - v_n` start evenly from -1 to 1,
    where a batch norm puts most values (two at -1/2 and 1/2, so that their windows leave no gap),
    and `beta_n = 1 / N`.

    A `LearnedQuantizer`: pass it to a quantized layer as `input_quantizer`.

    Args:
        bases: N, an int of at least 1.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: for another `bases`.

    Input and output shape:
        any

    References:
        Lin et al., Towards Accurate Binary Convolutional Neural Network (ABC-Net), NIPS 2017,
        arXiv 1711.11294, section 3.2.
    """

    def __init__(self, bases: int = 5, **kwargs: Any):
        # A fixed name: it is part of a layer, which has one of its own.
        super().__init__(**({"name": "activation_bases"} | kwargs))
        if isinstance(bases, bool) or not isinstance(bases, int) or bases < 1:
            raise ValueError(f"`bases` must be an int of at least 1. Received: bases={bases!r}")
        self.bases = self.precision = bases

    def build(self, input_shape: Any) -> None:
        """Makes v (`shifts`) and beta (`scales`)."""
        self.shifts = self.add_weight(
            name="shifts", shape=(self.bases,), initializer=self._initial_shifts
        )
        self.scales = self.add_weight(
            name="scales",
            shape=(self.bases,),
            initializer=keras.initializers.Constant(1.0 / self.bases),
        )

    def call(self, inputs: Any) -> Any:
        """Returns the sum."""
        shifts, scales = (
            ops.cast(ops.convert_to_tensor(variable), inputs.dtype)
            for variable in (self.shifts, self.scales)
        )
        # z - 1/2 in one addition, as in a converted file.
        return sum(scales[n] * _sign(inputs + (shifts[n] - 0.5)) for n in range(self.bases))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "bases": self.bases}

    def _initial_shifts(self, shape, dtype=None):
        width = min(1, (self.bases - 1) / 2)
        return ops.convert_to_tensor([0.5 + width * u for u in spread(self.bases)], dtype=dtype)


_sign = straight_through(sign, lambda g, x: ops.where(ops.abs(x) <= 0.5, g, ops.zeros_like(g)))
