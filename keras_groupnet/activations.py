"""Activation functions of binary networks."""

from typing import Any

import keras
from keras import ops
from keras.activations import hard_tanh

__all__ = ["get", "hard_tanh", "leaky_tanh"]


@keras.saving.register_keras_serializable(package="keras_groupnet")
def leaky_tanh(x: Any, alpha: float = 0.2) -> Any:
    """`x` for `|x| <= 1`, beyond with the slope alpha: `clip(x, -1, 1) + alpha (x - clip(x))`.

    Args:
        x: any tensor.
        alpha: the slope outside of [-1, 1].
    """
    x = ops.convert_to_tensor(x)
    clipped = ops.clip(x, -1, 1)
    return clipped + alpha * (x - clipped)


def get(identifier: Any) -> Any:
    """Returns the activation that `identifier` stands for.

    The quantized layers take all of these as `activation`, the other layers of Keras its own names
    only: give them the function.

    Args:
        identifier: `"leaky_tanh"`; a quantizer of `quantizers.get` by its alias, such as
            `"ste_sign"`; or anything that `keras.activations.get` takes.

    Raises:
        ValueError: if there is no such activation.
    """
    from keras_groupnet.quantizers import serialization

    if identifier == "leaky_tanh":
        return leaky_tanh
    if isinstance(identifier, str) and identifier in serialization.ALIASES:
        return serialization.get(identifier)
    return keras.activations.get(identifier)
