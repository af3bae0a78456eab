"""PACT: DoReFa-Net's weights, activations that are clipped at learned levels."""

import dataclasses
from typing import ClassVar

import keras

from keras_groupnet.layers import Quantize
from keras_groupnet.methods.dorefa import DoReFa
from keras_groupnet.quantizers import PactActivation


@dataclasses.dataclass(frozen=True, kw_only=True)
class PACT(DoReFa):
    """Weights as in DoReFa-Net; activations `PactActivation` behind a batch norm.

    Args:
        weight_bits: 1 to 8.
        activation_bits: 2 to 8. In converted files, layers behind 2 to 4 bits read packed codes,
            behind other numbers of bits floats.
        alpha: at the start, of `quantizers.PactActivation`.
        alpha_l2: of the loss `alpha_l2 * alpha^2`; the paper's is the weight decay of the kernels.

    References:
        Choi et al., PACT, arXiv 1805.06085.
    """

    name: ClassVar[str] = "pact"
    reference: ClassVar[str] = "Choi et al., arXiv 1805.06085"

    weight_bits: int = 2
    alpha: float = 3.0
    alpha_l2: float = 1e-4

    def __post_init__(self) -> None:
        """Checks the arguments."""
        super().__post_init__()
        self.check("activation_bits", range(2, 9))
        if self.alpha_l2 < 0:
            raise ValueError(f"`alpha_l2` must be at least 0. Received: alpha_l2={self.alpha_l2!r}")
        PactActivation(self.activation_bits, self.alpha)

    def activation(self, name: str) -> keras.layers.Layer:
        """A new layer that quantizes activations as the method does."""
        regularizer = keras.regularizers.L2(self.alpha_l2) if self.alpha_l2 else None
        return Quantize(PactActivation(self.activation_bits, self.alpha, regularizer), name=name)
