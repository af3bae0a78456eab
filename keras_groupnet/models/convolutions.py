"""The two convolutions of architectures that are not made of a method's blocks."""

from typing import Any

import keras

from keras_groupnet.constraints import Clip
from keras_groupnet.layers import QuantConv2D
from keras_groupnet.quantizers import SteSign
from keras_groupnet.structure.blocks import batch_norm
from keras_groupnet.structure.scope import Scope


def float_conv(x: Any, filters: int, kernel_size: int, name: str, seed: int, **options: Any) -> Any:
    """A convolution with float weights, without bias, padded to keep the size.

    Args:
        x: `(N, H, W, C)`.
        filters: output channels.
        kernel_size: of both axes.
        name: of the layer.
        seed: of the model.
        **options: of `keras.layers.Conv2D`.
    """
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        padding="same",
        use_bias=False,
        kernel_initializer=Scope(seed).initializer(name),
        name=name,
        **options,
    )(x)


def sign_conv(x: Any, filters: int, name: str, seed: int, clip_value: float, **options: Any) -> Any:
    """`conv3x3(sgn(x), sgn(w))`, without bias, padded to keep the size; latent weights clipped.

    Args:
        x: `(N, H, W, C)`.
        filters: output channels.
        name: of the layer.
        seed: of the model.
        clip_value: where the gradients of both signs end, and the bound of latent weights.
        **options: of `layers.QuantConv2D`.
    """
    return QuantConv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        input_quantizer=SteSign(clip_value),
        kernel_quantizer=SteSign(clip_value),
        kernel_constraint=Clip(clip_value),
        kernel_initializer=Scope(seed).initializer(name),
        name=name,
        **options,
    )(x)


def norm_relu(x: Any, name: str) -> Any:
    """A batch norm and a ReLU, called `{name}_bn` and `{name}_relu`."""
    return keras.layers.ReLU(name=f"{name}_relu")(batch_norm(x, f"{name}_bn"))
