"""How layers are exported: `export(layer, emitter)`, a registry by class.

A layer whose `deployment.describe` is one formula of binary kernels needs no entry of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

from keras_groupnet.conversion.export.emitter import Emitter
from keras_groupnet.conversion.export.factors import scalar_factors, tap_factors
from keras_groupnet.conversion.export.int8_layers import int8_layer
from keras_groupnet.conversion.export.transposed import transposed
from keras_groupnet.deployment import Deployment, describe, describe_quantizer
from keras_groupnet.deployment.quantization import quantizer_of
from keras_groupnet.layers import (
    ActivationScale,
    ModulatedConv2D,
    QuantConv2D,
    QuantConv2DTranspose,
    Quantize,
)

Exported = Callable[[Any], Any]


@functools.singledispatch
def export(layer: Any, emitter: Emitter) -> Exported | None:
    """What takes the place of a layer's `call` while a model is traced for conversion.

    Args:
        layer: any built Keras layer; its class may be registered.
        emitter: emits ops in the layer's name.

    Returns:
        A function of the layer's input; None to trace the layer as it is.

    Raises:
        NotBinary: the layer is there to be binary, but cannot be; says why.
    """
    deployment = describe(layer)
    return int8_layer(layer, emitter) if deployment is None else standard(deployment, emitter)


def standard(deployment: Deployment, emitter: Emitter) -> Exported:
    """The formula of `Deployment`: one op for each input and kernel, the bias in the first."""
    kernels = deployment.read_kernels()
    bias = None if deployment.bias is None else deployment.bias()

    def call(x: Any) -> Any:
        total: Any = None
        along_time = deployment.window is not None and len(x.shape) == 3
        if along_time:
            x = _reshaped(x, (1, *x.shape[1:]))
        for source in deployment.inputs:
            values = emitter.read(source, x)
            for kernel in kernels:
                first_bias = bias if total is None else None
                if deployment.window is None:
                    y = emitter.dense(values, kernel, source.factor, first_bias)
                else:
                    y = emitter.conv2d(values, kernel, deployment.window, source.factor, first_bias)
                total = y if total is None else total + y
        if along_time:
            total = _reshaped(total, total.shape[2:])
        return total if deployment.activation is None else deployment.activation(total)

    return call


def _reshaped(x: Any, shape: Any) -> Any:
    """`x` with other axes behind the batch; one of them may be unknown if the batch is not."""
    sizes = [x.shape[0], *shape]
    if sizes.count(None) < 2:
        return keras.ops.reshape(x, [-1 if size is None else size for size in sizes])
    # The batch and the length are dynamic: only one can be -1.
    return keras.ops.expand_dims(x, 1) if len(shape) == 3 else keras.ops.squeeze(x, 1)


@export.register
def _(layer: Quantize, emitter: Emitter) -> Exported:
    return _quantizer(layer.quantizer, emitter)


@export.register
def _(layer: keras.layers.Activation, emitter: Emitter) -> Exported | None:
    quantizer = quantizer_of(layer)
    return None if quantizer is None else _quantizer(quantizer, emitter)


def _quantizer(quantizer: Any, emitter: Emitter) -> Exported:
    quantization = describe_quantizer(quantizer)
    return lambda x: emitter.quantize(quantization, x)


@export.register
def _(layer: ActivationScale, emitter: Emitter) -> Exported:
    own = type(layer).call.__get__(layer)

    def call(x: Any) -> Any:
        # Means over everything become ordinary float ops.
        return emitter.scale_map(layer, x) if layer.mode == "xnor" and len(x.shape) == 4 else own(x)

    return call


@export.register
def _(layer: QuantConv2D, emitter: Emitter) -> Exported | None:
    deployment = describe(layer)
    if deployment is None:
        return int8_layer(layer, emitter)
    return (
        tap_factors(layer, deployment, emitter)
        if deployment.factors
        else standard(deployment, emitter)
    )


@export.register
def _(layer: ModulatedConv2D, emitter: Emitter) -> Exported | None:
    deployment = describe(layer)
    if deployment is None:
        return None
    return (scalar_factors if layer.scalar else tap_factors)(layer, deployment, emitter)


@export.register
def _(layer: QuantConv2DTranspose, emitter: Emitter) -> Exported | None:
    deployment = describe(layer)
    if deployment is None:
        return int8_layer(layer, emitter)
    return transposed(layer, deployment, emitter)
