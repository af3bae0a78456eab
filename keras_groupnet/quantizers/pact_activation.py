"""PACT: activations that are clipped at a learned level."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.gradient import straight_through
from keras_groupnet.quantizers.k_bit_activation import KBitActivation
from keras_groupnet.quantizers.learned import LearnedQuantizer

# The level is kept from 0, where its step ends; training may bring it back.
_LEAST = 1e-3


@keras.saving.register_keras_serializable(package="keras_groupnet")
class PactActivation(LearnedQuantizer):
    """`q(x) = step * round(clip(x, 0, alpha) / step)` with one learned alpha.

    `step = alpha / (2^bits - 1)`. Of the gradient g, x gets `g * 1[0 <= x < alpha]`, and alpha gets
    `sum g * 1[x >= alpha]`.

    A `LearnedQuantizer`: pass it to `layers.Quantize` or to a layer as `input_quantizer`. Converted
    files hold the alpha that it has then.

    Args:
        bits: an int from 2 to 8. The converter packs 2, 3 (as 4) and 4 bits.
        alpha: at the start, positive. The paper starts at 10 and lets the regularizer shrink it.
            Behind a batch norm 3 is nearly the largest value, and with few bits a larger alpha
            rounds nearly everything to 0.
        regularizer: of alpha; the paper's is the L2 norm with the weight of the kernels'.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: for other bits, or an alpha that is not positive.

    Input and output shape:
        any

    References:
        Choi et al., PACT: Parameterized Clipping Activation for Quantized Neural Networks, arXiv
        1805.06085, Eq. 1 to 3.
    """

    def __init__(self, bits: int = 2, alpha: float = 3.0, regularizer: Any = None, **kwargs: Any):
        # A fixed name: it is part of a layer, which has one of its own.
        super().__init__(**({"name": "pact_activation"} | kwargs))
        if not 0 < alpha < float("inf"):
            raise ValueError(f"`alpha` must be positive and finite. Received: alpha={alpha!r}")
        KBitActivation(bits)  # checks the bits
        self.bits = self.precision = bits
        self.initial_alpha = float(alpha)
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape: Any) -> None:
        """Makes `alpha`."""
        self.alpha = self.add_weight(
            name="alpha",
            shape=(),
            initializer=keras.initializers.Constant(self.initial_alpha),
            regularizer=self.regularizer,
        )

    def current_alpha(self) -> Any:
        """The alpha that is used, a float32 scalar: at least 1e-3."""
        return ops.maximum(ops.cast(ops.convert_to_tensor(self.alpha), "float32"), _LEAST)

    @property
    def beta(self) -> float:
        """The largest level: alpha as it is now."""
        return float(ops.convert_to_numpy(self.current_alpha()))

    def call(self, inputs: Any) -> Any:
        """Returns the levels, in the dtype of `inputs`."""
        top = 2**self.bits - 1

        def forward(x, alpha):
            code = ops.clip(ops.round(x * ops.cast(top / alpha, x.dtype)), 0, top)
            return code * ops.cast(alpha / top, x.dtype)

        def gradient(upstream, x, alpha):
            none = ops.zeros_like(upstream)
            above = x >= ops.cast(alpha, x.dtype)
            inside = ops.logical_and(x >= 0, ops.logical_not(above))
            total = ops.sum(ops.cast(ops.where(above, upstream, none), "float32"))
            return ops.where(inside, upstream, none), total

        return straight_through(forward, gradient)(inputs, self.current_alpha())

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "bits": self.bits,
            "alpha": self.initial_alpha,
            "regularizer": keras.regularizers.serialize(self.regularizer)
            if self.regularizer
            else None,
        }
