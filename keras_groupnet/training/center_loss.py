"""The centre loss, which PCNN and MCN may add to theirs."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_groupnet")
class CenterLoss(keras.layers.Layer):
    """`1/2 sum_m ||x_m - c_{y_m}||^2`; the centres follow the features of their classes.

    In training each call moves the centres by `-rate * d_k`, with
    `d_k = sum_{m: y_m = k} (c_k - x_m) / (1 + n_k)` and n_k samples of class k in the batch. No
    gradient flows to them.

    Args:
        classes: how many.
        rate: between 0 and 1.
        **kwargs: arguments of `keras.layers.Layer`; it computes in float32 by default.

    Raises:
        ValueError: if `rate` is out of range.

    Input shape:
        features `(N, F)` and labels: classes `(N,)`, `(N, 1)` or one-hot `(N, classes)`

    Output shape:
        `()`

    References:
        Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016.
    """

    def __init__(self, classes: int, rate: float = 0.5, **kwargs: Any):
        super().__init__(**({"dtype": "float32"} | kwargs))
        if not 0 <= rate <= 1:
            raise ValueError(f"`rate` must lie in [0, 1]. Received: rate={rate!r}")
        self.classes = classes
        self.rate = rate

    def build(self, features_shape: Any, labels_shape: Any = None) -> None:
        """Makes `centers`, at zero."""
        self.centers = self.add_weight(
            name="centers",
            shape=(self.classes, features_shape[-1]),
            initializer="zeros",
            trainable=False,
        )

    def call(self, features: Any, labels: Any, training: bool = False) -> Any:
        """Returns the loss with the centres before the step."""
        if len(labels.shape) == 2 and labels.shape[-1] == self.classes > 1:
            members = ops.cast(labels, features.dtype)
        else:
            members = ops.one_hot(
                ops.cast(ops.reshape(labels, (-1,)), "int32"), self.classes, dtype=features.dtype
            )
        difference = features - ops.matmul(members, self.centers)
        if training:
            counts = ops.sum(members, axis=0)[:, None]
            pull = ops.matmul(ops.transpose(members), ops.stop_gradient(difference))
            self.centers.assign(self.centers + self.rate * pull / (1 + counts))
        return ops.sum(ops.square(difference)) / 2

    def compute_output_shape(self, features_shape: Any, labels_shape: Any = None) -> Any:
        """A scalar."""
        return ()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "classes": self.classes, "rate": self.rate}
