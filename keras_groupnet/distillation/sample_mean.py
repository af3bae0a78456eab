"""The mean of what distillation losses say about samples."""

from typing import Any

import keras
from keras import ops


def sample_mean(values: Any, sample_weight: Any = None) -> Any:
    """`sum_n weight_n * value_n / N`, reduced as Keras' losses are (on many devices too).

    Args:
        values: `(N, ...)`; what a sample has of further axes is averaged first.
        sample_weight: `(N,)` or `(N, 1)`; None for ones.

    Returns:
        A scalar.
    """
    values = ops.mean(values, axis=tuple(range(1, len(values.shape))))
    if sample_weight is not None:
        sample_weight = ops.reshape(sample_weight, (-1,))
    return _Given(name="sample_mean")(values, values, sample_weight)


class _Given(keras.losses.Loss):
    """A loss that is there already."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred
