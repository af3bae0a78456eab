"""Larq's quantizers → ours, which have the same outputs and the same gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_groupnet import quantizers
from keras_groupnet.interop.context import NoCounterpart, find_custom, name_and_config

# Larq's class, with what a function or an alias of that name stands for.
_CLASSES = {
    "SteSign": "SteSign",
    "ste_sign": "SteSign",
    "ApproxSign": "ApproxSign",
    "approx_sign": "ApproxSign",
    "SwishSign": "SwishSign",
    "swish_sign": "SwishSign",
    "MagnitudeAwareSign": "MagnitudeAwareSign",
    "magnitude_aware_sign": "MagnitudeAwareSign",
    "SteHeaviside": "SteHeaviside",
    "ste_heaviside": "SteHeaviside",
    "SteTern": "SteTern",
    "ste_tern": "SteTern",
    "DoReFa": "DoReFa",
    "DoReFaQuantizer": "DoReFa",
    "dorefa_quantizer": "DoReFa",
    "NoOp": "NoOp",
    "NoOpQuantizer": "NoOp",
    # Of no other library: `tfmot_int8` puts it into configs.
    "Int8Weight": "Int8Weight",
}
# Of every tf.keras layer, which Larq's quantizers are; and its metric, a `FlipRatio` here.
_OF_LAYERS = ("name", "trainable", "dtype", "metrics")


def is_quantizer(name: str) -> bool:
    """Whether a class or function of this name is one of Larq's or larq-zoo's quantizers."""
    return name in _CLASSES or name in _OF_LARQ_ZOO


def quantizer(serialized: Any, custom_objects: Mapping[str, Any]) -> Any:
    """The counterpart of a quantizer's config (None for None).

    Raises:
        NoCounterpart: for a quantizer that is not Larq's.
    """
    if serialized is None:
        return None
    name, config = name_and_config(serialized)
    custom = find_custom(custom_objects, name)
    if custom is not None:
        return quantizers.get(custom)
    if name in _OF_LARQ_ZOO:
        return _OF_LARQ_ZOO[name]()
    if name not in _CLASSES:
        raise NoCounterpart(
            f"The quantizer {name!r} is not Larq's. Write it as a subclass of "
            f"kgn.quantizers.Quantizer and pass custom_objects={{{name!r}: YourQuantizer()}}."
        )
    arguments = {key: value for key, value in config.items() if key not in _OF_LAYERS}
    return getattr(quantizers, _CLASSES[name])(**arguments)


def depthwise_quantizer(serialized: Any, multiplier: int, custom_objects: Mapping[str, Any]) -> Any:
    """The counterpart of a quantizer of `(kh, kw, C, multiplier)` kernels.

    Larq's `magnitude_aware_sign` takes the mean for each index of the last axis, over all channels;
    ours for each output channel.

    Raises:
        NoCounterpart: where the two differ, and for a quantizer that is not Larq's.
    """
    found = quantizer(serialized, custom_objects)
    if not isinstance(found, quantizers.MagnitudeAwareSign):
        return found
    raise NoCounterpart(
        "Larq's magnitude_aware_sign takes one magnitude for all channels of a depthwise kernel, "
        "that of keras_groupnet one for each. Retrain with ste_sign, or pass a quantizer of your "
        f"own as custom_objects. Received: depth_multiplier={multiplier}"
    )


# Functions of larq-zoo that are quantizers: of DoReFaNet and of XNORNet.
_OF_LARQ_ZOO = {
    "magnitude_aware_sign_unclipped": lambda: quantizers.BinaryWeight("tensor"),
    "xnor_weight_scale": quantizers.ClippedMagnitudeSign,
}
