"""Bounds of latent weights."""

from typing import Any

import keras
from keras import ops

__all__ = ["Clip", "WeightClip", "get", "weight_clip"]


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


@keras.saving.register_keras_serializable(package="keras_groupnet")
class WeightClip(Clip):
    """`Clip` with Larq's name and argument.

    Args:
        clip_value: positive.

    Raises:
        ValueError: if it is not.
    """

    def __init__(self, clip_value: float = 1.0):
        if not clip_value > 0:
            raise ValueError(f"`clip_value` must be positive. Received: clip_value={clip_value!r}")
        super().__init__(clip_value)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"clip_value": self.limit}


weight_clip = WeightClip  # Larq has both

_ALIASES = {"Clip": Clip, "WeightClip": WeightClip, "clip": Clip, "weight_clip": WeightClip}


def get(identifier: Any) -> Any:
    """Returns the constraint that `identifier` stands for.

    The quantized layers take all of these as `kernel_constraint`, the other layers of Keras its own
    names only.

    Args:
        identifier: `"clip"` or `"weight_clip"`, or anything that `keras.constraints.get` takes.

    Raises:
        ValueError: if there is no such constraint.
    """
    if isinstance(identifier, str) and identifier in _ALIASES:
        return _ALIASES[identifier]()
    try:
        return keras.constraints.get(identifier)
    except ValueError:
        raise ValueError(
            f"A constraint must be None, one of {sorted(_ALIASES)}, or what keras.constraints.get "
            f"takes. Received: {identifier!r}"
        ) from None
