"""From names and configs to quantizers, and back."""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.activation_bases import ActivationBases
from keras_groupnet.quantizers.binary_weight import BinaryWeight
from keras_groupnet.quantizers.clipped_magnitude_sign import ClippedMagnitudeSign
from keras_groupnet.quantizers.dorefa import DoReFa
from keras_groupnet.quantizers.half_wave_gaussian import HalfWaveGaussian
from keras_groupnet.quantizers.heaviside import SteHeaviside
from keras_groupnet.quantizers.int8_activation import Int8Activation
from keras_groupnet.quantizers.int8_weight import Int8Weight
from keras_groupnet.quantizers.k_bit_activation import KBitActivation
from keras_groupnet.quantizers.k_bit_weight import KBitWeight
from keras_groupnet.quantizers.learned_step import LearnedStepActivation, LearnedStepWeight
from keras_groupnet.quantizers.no_op import NoOp
from keras_groupnet.quantizers.pact_activation import PactActivation
from keras_groupnet.quantizers.r_sign import RSign
from keras_groupnet.quantizers.signs import ApproxSign, MagnitudeAwareSign, SteSign, SwishSign
from keras_groupnet.quantizers.subgroup_sign import SubgroupSign
from keras_groupnet.quantizers.ternary import SteTern
from keras_groupnet.quantizers.weight_bases import WeightBases
from keras_groupnet.quantizers.xnor_weight import XnorWeight

ALIASES: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "activation_bases": ActivationBases,
    "approx_sign": ApproxSign,
    "binary_weight": BinaryWeight,
    "clipped_magnitude_sign": ClippedMagnitudeSign,
    "dorefa_quantizer": DoReFa,
    "half_wave_gaussian": HalfWaveGaussian,
    "int8_activation": Int8Activation,
    "int8_weight": Int8Weight,
    "k_bit_activation": KBitActivation,
    "k_bit_weight": KBitWeight,
    "learned_step_activation": LearnedStepActivation,
    "learned_step_weight": LearnedStepWeight,
    "magnitude_aware_sign": MagnitudeAwareSign,
    "no_op": NoOp,
    "ste_heaviside": SteHeaviside,
    "pact_activation": PactActivation,
    "r_sign": RSign,
    "ste_sign": SteSign,
    "ste_tern": SteTern,
    "subgroup_sign": SubgroupSign,
    "swish_sign": SwishSign,
    "weight_bases": WeightBases,
    "xnor_weight": XnorWeight,
}
# Other spellings: the names of the classes, and older ones of Larq.
_SPELLINGS: dict[str, Callable[..., Callable[[Any], Any]]] = {
    **{quantizer.__name__: quantizer for quantizer in ALIASES.values()},  # type: ignore[attr-defined]
    **{"DoReFaQuantizer": DoReFa, "NoOpQuantizer": NoOp, "noop": NoOp},
}
# The functions train as well as the classes, but do not tell their bits and cannot be saved.
_OF_FUNCTIONS = {
    functional.approx_sign: ApproxSign,
    functional.magnitude_aware_sign: MagnitudeAwareSign,
    functional.ste_heaviside: SteHeaviside,
    functional.ste_sign: SteSign,
    functional.ste_tern: SteTern,
    functional.swish_sign: SwishSign,
}


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Returns the quantizer that `identifier` stands for.

    Any function trains. But what it returns cannot be told from it, so a plain function or lambda
    is taken to return floats, and its layer stays float (`convert` refuses it by name), unless it
    has the attribute `precision`. Better is a subclass of `Quantizer`, which has one in any case:

        @keras.saving.register_keras_serializable(package="my_package")  # else it is not saved
        def my_sign(x): ...
        my_sign.precision = 1  # it returns -1 and +1 only

    Args:
        identifier: None; an alias such as `"ste_sign"`, the name of a class such as `"SteSign"`, or
            the class (all with default arguments); the name that a quantizer of your own is
            registered under, `"my_package>MySign"` or, if there is only one of that name,
            `"MySign"`; the dict of `serialize`; or a callable object, which is returned as it is
            (a function of this package as the quantizer of its name).

    Raises:
        ValueError: if it is none of these, or a name that several packages have registered.
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    resolved = identifier
    if isinstance(identifier, str):
        resolved = ALIASES.get(identifier) or _SPELLINGS.get(identifier) or _registered(identifier)
    elif callable(identifier) and getattr(identifier, "__hash__", None):
        resolved = _OF_FUNCTIONS.get(identifier, identifier)
    if isinstance(resolved, type):
        resolved = resolved()
    if resolved is identifier is None or callable(resolved):
        return resolved
    raise ValueError(
        f"A quantizer must be None, one of {sorted(ALIASES)}, the registered name, the class or "
        f"the config dict of a quantizer, or a callable object. Received: {identifier!r}"
    )


def serialize(quantizer: Callable[[Any], Any] | None) -> dict[str, Any] | None:
    """Returns the dict from which `get` rebuilds the quantizer (None for None)."""
    return None if quantizer is None else keras.saving.serialize_keras_object(quantizer)


def deserialize(
    config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Callable[[Any], Any]:
    """Returns the quantizer of a dict that `serialize` returned.

    Args:
        config: the dict; `{"class_name": "SteSign", "config": {...}}`, as Larq wrote it, will do.
        custom_objects: name -> class or function that is not registered.

    Raises:
        ValueError: if there is no such quantizer.
    """
    known = _SPELLINGS.get(config.get("class_name", "")) if "module" not in config else None
    if known is None:
        return keras.saving.deserialize_keras_object(config, custom_objects=custom_objects)
    # The configs of Larq's quantizers are those of Keras layers, which these are not.
    of_layers = ("name", "trainable", "dtype")
    arguments = {k: v for k, v in config.get("config", {}).items() if k not in of_layers}
    return known(**arguments)


def _registered(name: str) -> Any:
    """What is registered under a name, with or without its package; None if there is nothing."""
    exact = keras.saving.get_registered_object(name)
    if exact is not None:
        return exact
    known = keras.saving.get_custom_objects()
    found = [key for key in known if key.split(">", 1)[-1] == name]
    if len(found) > 1:
        raise ValueError(
            f"Several packages have registered a quantizer {name!r}. Expected one of {found}. "
            f"Received: {name!r}"
        )
    return known[found[0]] if found else None
