"""Quantizers: pure functions in `functional`, small classes that can be saved, string aliases."""

from keras_groupnet.quantizers import functional, projection
from keras_groupnet.quantizers.activation_bases import ActivationBases
from keras_groupnet.quantizers.approx_sign import ApproxSign
from keras_groupnet.quantizers.base import Quantizer
from keras_groupnet.quantizers.binary_weight import BinaryWeight
from keras_groupnet.quantizers.half_wave_gaussian import HalfWaveGaussian
from keras_groupnet.quantizers.k_bit_activation import KBitActivation
from keras_groupnet.quantizers.k_bit_weight import KBitWeight
from keras_groupnet.quantizers.learned import LearnedQuantizer
from keras_groupnet.quantizers.learned_step import LearnedStepActivation, LearnedStepWeight
from keras_groupnet.quantizers.magnitude_aware_sign import MagnitudeAwareSign
from keras_groupnet.quantizers.pact_activation import PactActivation
from keras_groupnet.quantizers.r_sign import RSign
from keras_groupnet.quantizers.serialization import get, serialize
from keras_groupnet.quantizers.ste_sign import SteSign
from keras_groupnet.quantizers.subgroup_sign import SubgroupSign
from keras_groupnet.quantizers.weight_bases import WeightBases
from keras_groupnet.quantizers.xnor_weight import XnorWeight

__all__ = [
    "ActivationBases",
    "ApproxSign",
    "BinaryWeight",
    "HalfWaveGaussian",
    "KBitActivation",
    "KBitWeight",
    "LearnedQuantizer",
    "LearnedStepActivation",
    "LearnedStepWeight",
    "MagnitudeAwareSign",
    "PactActivation",
    "Quantizer",
    "RSign",
    "SteSign",
    "SubgroupSign",
    "WeightBases",
    "XnorWeight",
    "functional",
    "get",
    "projection",
    "serialize",
]
