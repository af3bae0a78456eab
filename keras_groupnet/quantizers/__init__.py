"""Quantizers: pure functions in `functional`, small classes that can be saved, string aliases."""

from keras_groupnet.quantizers import functional, projection
from keras_groupnet.quantizers.activation_bases import ActivationBases
from keras_groupnet.quantizers.base import Quantizer
from keras_groupnet.quantizers.binary_weight import BinaryWeight
from keras_groupnet.quantizers.clipped_magnitude_sign import ClippedMagnitudeSign
from keras_groupnet.quantizers.dorefa import DoReFa
from keras_groupnet.quantizers.functional import (
    approx_sign,
    magnitude_aware_sign,
    ste_heaviside,
    ste_sign,
    ste_tern,
    swish_sign,
)
from keras_groupnet.quantizers.half_wave_gaussian import HalfWaveGaussian
from keras_groupnet.quantizers.heaviside import SteHeaviside
from keras_groupnet.quantizers.int8_activation import Int8Activation
from keras_groupnet.quantizers.int8_weight import Int8Weight
from keras_groupnet.quantizers.k_bit_activation import KBitActivation
from keras_groupnet.quantizers.k_bit_weight import KBitWeight
from keras_groupnet.quantizers.learned import LearnedQuantizer
from keras_groupnet.quantizers.learned_step import LearnedStepActivation, LearnedStepWeight
from keras_groupnet.quantizers.no_op import NoOp
from keras_groupnet.quantizers.pact_activation import PactActivation
from keras_groupnet.quantizers.r_sign import RSign
from keras_groupnet.quantizers.serialization import deserialize, get, serialize
from keras_groupnet.quantizers.signs import ApproxSign, MagnitudeAwareSign, SteSign, SwishSign
from keras_groupnet.quantizers.subgroup_sign import SubgroupSign
from keras_groupnet.quantizers.ternary import SteTern
from keras_groupnet.quantizers.weight_bases import WeightBases
from keras_groupnet.quantizers.xnor_weight import XnorWeight

__all__ = [
    "ActivationBases",
    "ApproxSign",
    "BinaryWeight",
    "ClippedMagnitudeSign",
    "DoReFa",
    "HalfWaveGaussian",
    "Int8Activation",
    "Int8Weight",
    "KBitActivation",
    "KBitWeight",
    "LearnedQuantizer",
    "LearnedStepActivation",
    "LearnedStepWeight",
    "MagnitudeAwareSign",
    "NoOp",
    "Quantizer",
    "SteHeaviside",
    "PactActivation",
    "Quantizer",
    "RSign",
    "SteSign",
    "SteTern",
    "SubgroupSign",
    "SwishSign",
    "WeightBases",
    "XnorWeight",
    "approx_sign",
    "deserialize",
    "functional",
    "get",
    "magnitude_aware_sign",
    "projection",
    "serialize",
    "ste_heaviside",
    "ste_sign",
    "ste_tern",
    "swish_sign",
]
