"""Keras layers with quantized inputs and kernels, and those that tie the bases of a group."""

from keras_groupnet.layers.activation_scale import ActivationScale
from keras_groupnet.layers.group_sum import GroupSum
from keras_groupnet.layers.quant_conv2d import QuantConv2D
from keras_groupnet.layers.quant_dense import QuantDense
from keras_groupnet.layers.quant_depthwise_conv2d import QuantDepthwiseConv2D
from keras_groupnet.layers.quantize import Quantize

__all__ = [
    "ActivationScale",
    "GroupSum",
    "QuantConv2D",
    "QuantDense",
    "QuantDepthwiseConv2D",
    "Quantize",
]
