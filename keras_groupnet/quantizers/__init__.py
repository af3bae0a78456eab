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
from keras_groupnet.quantizers.magnitude_aware_sign import MagnitudeAwareSign
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
    "MagnitudeAwareSign",
    "Quantizer",
    "SteSign",
    "SubgroupSign",
    "WeightBases",
    "XnorWeight",
    "functional",
    "get",
    "projection",
    "serialize",
]
