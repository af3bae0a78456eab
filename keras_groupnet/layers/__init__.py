"""Keras layers with quantized inputs and kernels, and those that tie the bases of a group."""

from typing import Any

from keras_groupnet.layers.activation_scale import ActivationScale
from keras_groupnet.layers.channel_scale import ChannelScale
from keras_groupnet.layers.group_sum import GroupSum
from keras_groupnet.layers.latent_conv2d import LatentConv2D
from keras_groupnet.layers.modulated_conv2d import ModulatedConv2D
from keras_groupnet.layers.projection_conv2d import ProjectionConv2D
from keras_groupnet.layers.quant_conv import QuantConv
from keras_groupnet.layers.quant_conv1d import QuantConv1D
from keras_groupnet.layers.quant_conv2d import QuantConv2D
from keras_groupnet.layers.quant_conv3d import QuantConv3D
from keras_groupnet.layers.quant_conv_transpose import QuantConv2DTranspose, QuantConv3DTranspose
from keras_groupnet.layers.quant_dense import QuantDense
from keras_groupnet.layers.quant_depthwise_conv1d import QuantDepthwiseConv1D
from keras_groupnet.layers.quant_depthwise_conv2d import QuantDepthwiseConv2D
from keras_groupnet.layers.quant_layer import QuantLayer
from keras_groupnet.layers.quant_separable_conv import QuantSeparableConv1D, QuantSeparableConv2D
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
    "QuantConv1D",
    "QuantConv2D",
    "QuantConv2DTranspose",
    "QuantConv3D",
    "QuantConv3DTranspose",
    "QuantDense",
    "QuantDepthwiseConv1D",
    "QuantDepthwiseConv2D",
    "QuantLayer",
    "QuantSeparableConv1D",
    "QuantSeparableConv2D",
    "Quantize",
    "RPReLU",
    "RectifiedConv2D",
    "RepeatChannels",
    "SoftGates",
]


def __getattr__(name: str) -> Any:
    if name in ("QuantLocallyConnected1D", "QuantLocallyConnected2D"):
        raise AttributeError(
            f"There is no {name}, as Keras 3 has no LocallyConnected layers. What is nearest: "
            "patches of the input (keras.ops.image.extract_patches) and one QuantDense for each "
            "position, or a QuantConv2D, which shares its weights"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
