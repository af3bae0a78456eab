"""The binary layers of a model, and their weights."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_groupnet.deployment import NotBinary, describe
from keras_groupnet.deployment.describe import array_of
from keras_groupnet.deployment.layer_tree import layer_tree
from keras_groupnet.layers import LatentConv2D, QuantLayer
from keras_groupnet.layers.quant_conv_transpose import QuantConvTranspose


@dataclasses.dataclass(frozen=True)
class BinaryLayer:
    """A layer with latent weights that are binarized.

    Attributes:
        layer: the layer.
        name: see `deployment.layer_tree.layer_tree`.
        kernel: the variable that holds the latent weights.
        channels: output channels.
    """

    layer: Any
    name: str
    kernel: Any
    channels: int

    def latent(self) -> np.ndarray:
        """The latent weights, `(weights of a channel, latent channels)`, float32."""
        values = array_of(self.kernel)
        if isinstance(self.layer, QuantConvTranspose):
            values = values.swapaxes(-1, -2)
        return values.reshape(-1, _latent_channels(self.layer, values.shape))

    def signs(self) -> np.ndarray:
        """The signs of all its binary weights, flat.

        Those of the kernels that `describe` tells of (several for each latent weight, if they have
        several bits or bases); of the latent weights, if the layer is not binary (yet).
        """
        try:
            deployment = describe(self.layer)
            kernels = [] if deployment is None else deployment.read_kernels()
        except NotBinary:
            kernels = []
        values = [kernel.signs.ravel() for kernel in kernels] or [self.latent().ravel()]
        return np.concatenate(values) >= 0


def binary_layers(model: keras.Model) -> list[BinaryLayer]:
    """All binary layers of a model, each once, wherever they are.

    These are ours with a kernel quantizer, and any that `deployment.describe` knows; of those the
    latent kernel is the attribute `kernel`, or else the largest trainable variable of two axes or
    more.

    Args:
        model: built.
    """
    found = []
    for layer, name in ({model: model.name} | layer_tree(model)).items():
        kernel = _kernel(layer) if layer.built and _is_binary(layer) else None
        if kernel is not None:
            shape = kernel.shape
            if isinstance(layer, QuantConvTranspose):
                shape = (*shape[:-2], shape[-1], shape[-2])
            channels = _latent_channels(layer, shape) * getattr(layer, "channels_per_map", 1)
            found.append(BinaryLayer(layer, name, kernel, channels))
    return found


def _latent_channels(layer: Any, shape: Sequence[int]) -> int:
    """How many output channels a kernel of this shape, with these last, has."""
    return math.prod(shape[-getattr(layer, "channel_axes", 1) :])


def _is_binary(layer: Any) -> bool:
    if isinstance(layer, LatentConv2D):
        return True
    if isinstance(layer, QuantLayer):
        return layer.kernel_quantizer is not None
    try:
        return describe(layer) is not None
    except NotBinary:
        return True


def _kernel(layer: Any) -> Any:
    own = getattr(layer, "kernel", None)
    if own is not None:
        return own
    kernels = [variable for variable in layer.trainable_weights if len(variable.shape) > 1]
    return max(kernels, key=lambda variable: math.prod(variable.shape), default=None)
