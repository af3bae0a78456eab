"""The base of quantizers with variables."""

from typing import Any

import keras


class LearnedQuantizer(keras.layers.Layer):
    """A quantizer that learns: a layer inside of the layer that it quantizes for.

    Pass it to a layer as `input_quantizer` or `kernel_quantizer`; that layer builds it, and calls
    `fit` of one for kernels. A subclass makes its variables in `build`, quantizes in `call`, and
    gives itself a fixed name, as it is part of a layer that has one of its own. In mixed precision
    the inputs of `call` are half floats, the variables are not: cast them.

    Args:
        **kwargs: arguments of `keras.layers.Layer`.

    Attributes:
        precision: bits that one value needs, as in `quantizers.Quantizer`.
    """

    precision: int

    def __init__(self, **kwargs: Any):
        # It computes in the dtype of what it quantizes, that of the layer around it.
        super().__init__(autocast=False, **kwargs)

    def fit(self, kernel: Any) -> None:
        """Sets the variables to what suits a latent kernel; nothing by default."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape does not change."""
        return input_shape

    def get_build_config(self) -> None:
        """Leaves building to the layer around it, so that variables have paths inside of that."""
