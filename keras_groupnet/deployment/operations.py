"""How many multiply-accumulates a float layer does, by class."""

from __future__ import annotations

import functools
import math
from typing import Any

import keras

from keras_groupnet.deployment.calls import Shape, positions
from keras_groupnet.deployment.layer_tree import layer_tree


@functools.singledispatch
def multiply_accumulates(layer: Any, input_shape: Shape, output_shape: Shape) -> int:
    """Multiply-accumulates of one call of a layer with float weights.

    Unless its class is registered, each weight of the layer's own variables that are called
    `kernel` or `..._kernel` counts once at every output position; that is right for dense layers
    and convolutions, also grouped, depthwise and separable ones. Not counted: what is done without
    kernels, as in pooling, normalization, look-ups (`Embedding`) and products of two activations
    (attention).

        @keras_groupnet.deployment.multiply_accumulates.register
        def _(layer: MyLayer, input_shape, output_shape):
            return ...

    Args:
        layer: a built layer; its class may be registered.
        input_shape: of the first input, with the batch.
        output_shape: of the first output, with the batch.

    Returns:
        The number for the whole batch, without that of layers inside of `layer`.
    """
    return _places(layer, output_shape) * _kernel_weights(layer)


@multiply_accumulates.register(keras.layers.Conv1DTranspose)
@multiply_accumulates.register(keras.layers.Conv2DTranspose)
@multiply_accumulates.register(keras.layers.Conv3DTranspose)
def _(layer: Any, input_shape: Shape, output_shape: Shape) -> int:
    """Every weight is used once at each position of the input."""
    return _places(layer, input_shape) * _kernel_weights(layer)


@multiply_accumulates.register
def _(layer: keras.layers.EinsumDense, input_shape: Shape, output_shape: Shape) -> int:
    """The product of the sizes of all indices."""
    operands, result = layer.equation.replace(" ", "").split("->")
    kernel = operands.split(",")[1]
    summed = [
        size for label, size in zip(kernel, layer.kernel.shape, strict=True) if label not in result
    ]
    return math.prod(output_shape) * math.prod(summed)


@multiply_accumulates.register
def _(layer: keras.layers.RNN, input_shape: Shape, output_shape: Shape) -> int:
    """The kernels of the cell, in every step; those of ConvLSTM at every position, too."""
    kernels = [w for w in layer.weights if w.name.endswith("kernel")]
    per_step = sum(math.prod(kernel.shape) for kernel in kernels)
    steps = input_shape[1]
    if all(len(kernel.shape) == 2 for kernel in kernels):
        return input_shape[0] * steps * per_step
    sequence = layer.return_sequences
    shape = (output_shape[0], *output_shape[2:]) if sequence else output_shape
    return steps * _places(layer, shape) * per_step


def _places(layer: Any, shape: Shape) -> int:
    return positions(shape, getattr(layer, "data_format", None) == "channels_first")


def _kernel_weights(layer: Any) -> int:
    inner = {id(weight) for one in layer_tree(layer) for weight in one.weights}
    return sum(
        math.prod(weight.shape)
        for weight in layer.weights
        if weight.name.endswith("kernel") and id(weight) not in inner
    )
