"""Bounds of latent weights."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_groupnet")
class Clip(keras.constraints.Constraint):
    """`clip(w, -limit, limit)` after each update.

    A latent weight far outside would need many steps before its sign could change again, and where
    the sign's gradient has a window it could not change at all.

    Args:
        limit: positive.

    Raises:
        ValueError: if it is not.

    References:
        Courbariaux et al., BinaryNet, arXiv 1602.02830, Algorithm 1.
    """

    def __init__(self, limit: float = 1.0):
        if not limit > 0:
            raise ValueError(f"`limit` must be positive. Received: limit={limit!r}")
        self.limit = limit

    def __call__(self, w: Any) -> Any:
        """Returns the clipped weights."""
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"limit": self.limit}
