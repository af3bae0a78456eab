"""From names and configs to quantizers, and back."""

from collections.abc import Callable
from typing import Any

import keras

from keras_groupnet.quantizers.activation_bases import ActivationBases
from keras_groupnet.quantizers.approx_sign import ApproxSign
from keras_groupnet.quantizers.binary_weight import BinaryWeight
from keras_groupnet.quantizers.half_wave_gaussian import HalfWaveGaussian
from keras_groupnet.quantizers.k_bit_activation import KBitActivation
from keras_groupnet.quantizers.k_bit_weight import KBitWeight
from keras_groupnet.quantizers.learned_step import LearnedStepActivation, LearnedStepWeight
from keras_groupnet.quantizers.magnitude_aware_sign import MagnitudeAwareSign
from keras_groupnet.quantizers.pact_activation import PactActivation
from keras_groupnet.quantizers.r_sign import RSign
from keras_groupnet.quantizers.ste_sign import SteSign
from keras_groupnet.quantizers.subgroup_sign import SubgroupSign
from keras_groupnet.quantizers.weight_bases import WeightBases
from keras_groupnet.quantizers.xnor_weight import XnorWeight

ALIASES: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "activation_bases": ActivationBases,
    "approx_sign": ApproxSign,
    "binary_weight": BinaryWeight,
    "half_wave_gaussian": HalfWaveGaussian,
    "k_bit_activation": KBitActivation,
    "k_bit_weight": KBitWeight,
    "learned_step_activation": LearnedStepActivation,
    "learned_step_weight": LearnedStepWeight,
    "magnitude_aware_sign": MagnitudeAwareSign,
    "pact_activation": PactActivation,
    "r_sign": RSign,
    "ste_sign": SteSign,
    "xnor_weight": XnorWeight,
    "subgroup_sign": SubgroupSign,
    "weight_bases": WeightBases,
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
        identifier: None; an alias such as `"ste_sign"` or a class such as `SteSign` (both with
            default arguments); the name that a quantizer of your own is registered under, such as
            `"my_package>SwishSign"`; the dict of `serialize`; or a callable object, which is
            returned as it is.

    Raises:
        ValueError: if it is none of these.
    """
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    resolved = identifier
    if isinstance(identifier, str):
        resolved = ALIASES.get(identifier) or keras.saving.get_registered_object(identifier)
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
