"""Keras layers with quantized inputs and kernels, and those that tie the bases of a group."""

from keras_groupnet.layers.activation_scale import ActivationScale
from keras_groupnet.layers.channel_scale import ChannelScale
from keras_groupnet.layers.group_sum import GroupSum
from keras_groupnet.layers.latent_conv2d import LatentConv2D
from keras_groupnet.layers.modulated_conv2d import ModulatedConv2D
from keras_groupnet.layers.projection_conv2d import ProjectionConv2D
from keras_groupnet.layers.quant_conv import QuantConv
from keras_groupnet.layers.quant_conv2d import QuantConv2D
from keras_groupnet.layers.quant_dense import QuantDense
from keras_groupnet.layers.quant_depthwise_conv2d import QuantDepthwiseConv2D
from keras_groupnet.layers.quant_layer import QuantLayer
from keras_groupnet.layers.quantize import Quantize
from keras_groupnet.layers.rectified_conv2d import RectifiedConv2D
from keras_groupnet.layers.repeat_channels import RepeatChannels
from keras_groupnet.layers.rprelu import RPReLU
from keras_groupnet.layers.soft_gates import SoftGates

__all__ = [
    "ActivationScale",
    "ChannelScale",
    "GroupSum",
    "LatentConv2D",
    "ModulatedConv2D",
    "ProjectionConv2D",
    "QuantConv",
    "QuantConv2D",
    "QuantDense",
    "QuantDepthwiseConv2D",
    "QuantLayer",
    "Quantize",
    "RPReLU",
    "RectifiedConv2D",
    "RepeatChannels",
    "SoftGates",
]
