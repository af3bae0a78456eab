"""Initial values of weights beyond those of Keras."""

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SignedUniform(keras.initializers.Initializer):
    """`±u`, u uniform in `[low, high)`, both signs equally likely.

    For the projections of PCNN: where one is near zero, its kernel gets no gradient.

    Args:
        low: at least 0.
        high: more than `low`.
        seed: as in `keras.initializers.RandomUniform`.

    Raises:
        ValueError: unless `0 <= low < high`.
    """

    def __init__(self, low: float = 0.5, high: float = 1.5, seed: Any = None):
        if not 0 <= low < high:
            raise ValueError(
                f"`low` must be at least 0 and below `high`. Received: low={low!r}, high={high!r}"
            )
        self.low = low
        self.high = high
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Returns a tensor."""
        uniform = keras.initializers.RandomUniform(-1.0, 1.0, seed=self.seed)(shape, dtype=dtype)
        magnitude = self.low + (self.high - self.low) * ops.abs(uniform)
        return ops.where(uniform < 0, -magnitude, magnitude)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"low": self.low, "high": self.high, "seed": self.seed}


@keras.saving.register_keras_serializable(package="keras_groupnet")
class BlurPool(keras.initializers.Initializer):
    """A depthwise kernel that blurs: the outer product of a row of binomial coefficients.

    For the size 3 it is `[1, 2, 1]^T [1, 2, 1] / 16` for each channel. With strides, a convolution
    with it is an anti-aliased pooling.

    References:
        Zhang, Making Convolutional Networks Shift-Invariant Again, arXiv 1904.11486.
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Returns the kernel.

        Args:
            shape: `(height, width, channels, multiplier)`.
            dtype: of the kernel.
        """
        rows = [
            [math.comb(size - 1, i) / 2 ** (size - 1) for i in range(size)] for size in shape[:2]
        ]
        height, width = (ops.convert_to_tensor(row, dtype=dtype or "float32") for row in rows)
        kernel = height[:, None, None, None] * width[None, :, None, None]
        return ops.broadcast_to(kernel, shape)
