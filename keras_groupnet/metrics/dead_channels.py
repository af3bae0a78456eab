"""Output channels of binary layers that say the same about every image."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_groupnet.deployment.describe import array_of
from keras_groupnet.deployment.layer_tree import layer_tree
from keras_groupnet.deployment.swap import attributes_replaced, computing_in_float32
from keras_groupnet.layers import GroupSum, Quantize

# They keep channels apart, on the last axis or (Flatten) interleaved along it.
_CHANNELWISE = (
    keras.layers.Activation,
    keras.layers.Add,
    keras.layers.AveragePooling2D,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.ELU,
    keras.layers.Flatten,
    keras.layers.LeakyReLU,
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.Multiply,
    keras.layers.PReLU,
    keras.layers.ReLU,
    GroupSum,
)


@dataclasses.dataclass(frozen=True, eq=False)
class _Call:
    layer: Any
    inputs: tuple[Any, ...]
    output: Any


def constant_channels(
    model: keras.Model, layers: Sequence[keras.layers.Layer], probe: Any
) -> dict[keras.layers.Layer, np.ndarray]:
    """Which output channels of layers are constant on a batch.

    A channel is constant if the nearest binary activations behind it are the same at all places of
    all samples. They are found by following the layer's output through what keeps channels apart
    (batch norms, activations, poolings, scales, residual sums and sums of bases, `Flatten`) up to
    the first quantizer; where there is none, the float values at the end of that way count. So
    a channel is dead that always has the same sign, that is 0 behind a ReLU, or that reads constant
    inputs only.

    The model is run once, layer by layer and in inference mode; it is not changed.

    Args:
        model: any, built.
        layers: of the model, with channels on the last axis. A layer that is called several times
            has a dead channel where all its calls have one.
        probe: inputs, as `model` takes them, of at least two samples.

    Returns:
        For each of the layers that was called bools, `(channels,)`.
    """
    calls = _calls(model, layers, probe)
    readers: dict[int, list[_Call]] = {}
    for call in calls:
        for tensor in call.inputs:
            readers.setdefault(id(tensor), []).append(call)
    dead: dict[keras.layers.Layer, np.ndarray] = {}
    for call in calls:
        if any(call.layer is layer for layer in layers):
            channels = int(call.output.shape[-1])
            values = array_of(_nearest(call.output, readers)).reshape(-1, channels)
            constant = values.max(axis=0) == values.min(axis=0)
            dead[call.layer] = dead.get(call.layer, True) & constant
    return dead


def _nearest(tensor: Any, readers: dict[int, list[_Call]]) -> Any:
    """The nearest quantized values behind a tensor, or what is at the end of the way."""
    for _ in range(len(readers)):
        following = None
        for call in readers.get(id(tensor), ()):
            quantizer = getattr(call.layer, "input_quantizer", None)
            if isinstance(call.layer, Quantize):
                return call.output
            if quantizer is not None:
                return quantizer(tensor)
            if following is None and isinstance(call.layer, _CHANNELWISE):
                following = call.output
        if following is None or following.shape[-1] % tensor.shape[-1]:
            break
        tensor = following
    return tensor


def _calls(model: keras.Model, layers: Sequence[keras.layers.Layer], probe: Any) -> list[_Call]:
    """The calls of all innermost layers, and of these layers, with values."""
    tree = {model: model.name} | layer_tree(model)
    calls: list[_Call] = []

    def recording(layer: Any, own: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            output = own(*args, **kwargs)
            if keras.ops.is_tensor(output):
                given = keras.tree.flatten((args, kwargs))
                inputs = tuple(x for x in given if keras.ops.is_tensor(x))
                calls.append(_Call(layer, inputs, output))
            return output

        return call

    inside = {inner for layer in layers for inner in layer_tree(layer)}
    replaced = [
        (layer, "call", recording(layer, layer.call))
        for layer in tree
        if layer in layers or (layer not in inside and not layer_tree(layer))
    ]
    with attributes_replaced(replaced), computing_in_float32(tree):
        model(probe, training=False)
    return calls
