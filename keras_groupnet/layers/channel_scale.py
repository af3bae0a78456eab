"""The scales of Real-to-Binary: computed from the float input of a binary convolution."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_groupnet")
class ChannelScale(keras.layers.Layer):
    """`sigmoid(relu(mean(x) @ reduction) @ expansion)`: one factor for each output channel.

    The mean is that over all positions, so a sample has one vector of factors, in (0, 1), by which
    the output of the binary convolution of `sgn(x)` is multiplied. The layer in between has
    `C // ratio` units, at least one; there are no biases.

    Args:
        filters: output channels of the convolution.
        ratio: C is divided by this, at least 1.
        seed: of the initial weights; None for any.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if `filters` or `ratio` is less than 1.

    Input shape:
        `(N, H, W, C)` or `(N, C)`

    Output shape:
        `(N, 1, 1, filters)` or `(N, filters)`

    References:
        Martinez et al., Training Binary Neural Networks with Real-to-Binary Convolutions, arXiv
        2003.11535, section 4.2 (data-driven channel re-scaling).
    """

    def __init__(self, filters: int, ratio: int = 8, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if filters < 1 or ratio < 1:
            raise ValueError(
                "`filters` and `ratio` must be at least 1. "
                f"Received: filters={filters!r}, ratio={ratio!r}"
            )
        self.filters = filters
        self.ratio = ratio
        self.seed = seed

    def build(self, input_shape: Any) -> None:
        """Makes `reduction_kernel` and `expansion_kernel`."""
        channels = input_shape[-1]
        width = max(channels // self.ratio, 1)
        seeds = (None, None) if self.seed is None else (self.seed, self.seed + 1)
        self.reduction_kernel, self.expansion_kernel = (
            self.add_weight(name=name, shape=shape, initializer=keras.initializers.HeNormal(seed))
            for name, shape, seed in zip(
                ("reduction_kernel", "expansion_kernel"),
                ((channels, width), (width, self.filters)),
                seeds,
                strict=True,
            )
        )

    def call(self, inputs: Any) -> Any:
        """Returns the factors."""
        axes = tuple(range(1, len(inputs.shape) - 1))
        x = ops.mean(inputs, axis=axes) if axes else inputs
        x = ops.sigmoid(
            ops.matmul(ops.relu(ops.matmul(x, self.reduction_kernel)), self.expansion_kernel)
        )
        return ops.reshape(x, (-1, *(1 for _ in axes), self.filters))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """One position for each sample."""
        return (input_shape[0], *(1 for _ in input_shape[1:-1]), self.filters)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "ratio": self.ratio,
            "seed": self.seed,
        }
