"""Activations of tf.keras and Larq → Keras' own, or layers that compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from keras_groupnet.activations import leaky_tanh
from keras_groupnet.interop.context import NoCounterpart, find_custom, name_and_config
from keras_groupnet.interop.quantizers import is_quantizer, quantizer
from keras_groupnet.layers import Quantize
from keras_groupnet.quantizers import Quantizer

# The same functions in both.
_SAME = (
    *("elu", "exponential", "gelu", "linear", "mish", "relu", "relu6", "selu", "sigmoid", "silu"),
    *("softmax", "softplus", "softsign", "swish", "tanh", "hard_tanh"),
)
_LAYERS = ("ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax")


def in_layer(serialized: Any, custom_objects: Mapping[str, Any]) -> Any:
    """What Keras 3 takes as `activation`, or None if it takes layers behind instead (`behind`)."""
    if serialized is None:
        return None
    name, _ = name_and_config(serialized)
    custom = find_custom(custom_objects, name)
    if custom is not None:
        return None if isinstance(custom, keras.layers.Layer | Quantizer) else custom
    if name == "leaky_tanh":
        return leaky_tanh
    return name if name in _SAME else None


def behind(
    serialized: Any, name: str, custom_objects: Mapping[str, Any]
) -> list[keras.layers.Layer]:
    """The layers that compute an activation which Keras 3 does not have.

    `hard_sigmoid` is `clip(0.2 x + 0.5, 0, 1)` in tf.keras, and `clip(x / 6 + 0.5, 0, 1)` in
    Keras 3.

    Args:
        serialized: the activation in the config.
        name: of the last layer.
        custom_objects: as in `from_tf_keras`.

    Raises:
        NoCounterpart: for an activation that is not known.
    """
    if serialized is None or in_layer(serialized, custom_objects) is not None:
        return []
    function, config = name_and_config(serialized)
    custom = find_custom(custom_objects, function)
    if isinstance(custom, Quantizer):
        return [Quantize(custom, name=name)]
    if custom is not None:
        return [custom]
    if is_quantizer(function):
        return [Quantize(quantizer(serialized, custom_objects), name=name)]
    if function == "hard_sigmoid":
        scaled = keras.layers.Rescaling(0.2, offset=0.5, name=f"{name}_scaled")
        return [scaled, keras.layers.ReLU(max_value=1.0, name=name)]
    if function == "clip_by_value_activation":  # of larq-zoo's DoReFaNet
        return [keras.layers.ReLU(max_value=1.0, name=name)]
    if function in _LAYERS:
        cls = getattr(keras.layers, function)
        if function == "LeakyReLU" and "alpha" in config:
            config["negative_slope"] = config.pop("alpha")
        return [cls(**{**config, "name": name})]
    raise NoCounterpart(
        f"There is no activation {function!r} in Keras 3. Pass a function or a layer: "
        f"custom_objects={{{function!r}: ...}}."
    )
