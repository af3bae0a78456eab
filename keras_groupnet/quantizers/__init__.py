"""Quantizers: pure functions in `functional`, small classes that can be saved, string aliases."""

from keras_groupnet.quantizers import functional, projection
from keras_groupnet.quantizers.approx_sign import ApproxSign
from keras_groupnet.quantizers.base import Quantizer
from keras_groupnet.quantizers.binary_weight import BinaryWeight
from keras_groupnet.quantizers.k_bit_activation import KBitActivation
from keras_groupnet.quantizers.magnitude_aware_sign import MagnitudeAwareSign
from keras_groupnet.quantizers.serialization import get, serialize
from keras_groupnet.quantizers.ste_sign import SteSign

__all__ = [
    "ApproxSign",
    "BinaryWeight",
    "KBitActivation",
    "MagnitudeAwareSign",
    "Quantizer",
    "SteSign",
    "functional",
    "get",
    "projection",
    "serialize",
]
