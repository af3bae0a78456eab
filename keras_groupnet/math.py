"""Functions of quantized networks without a gradient of their own."""

from keras_groupnet.quantizers.functional import heaviside, sign

__all__ = ["heaviside", "sign"]
