"""Running the Keras model with what a file computed in the place of quantized values.

A difference of rounding that moves a value across a quantizer's threshold changes everything behind
it. So the model is run eagerly, and each quantizer, once its result was compared with the file's,
hands on the file's. What lies between two quantizers is thus always compared on equal inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np

from keras_groupnet.deployment import Deployment, NotBinary, Quantization, describe
from keras_groupnet.deployment.layer_tree import layer_tree
from keras_groupnet.deployment.quant_layers import is_of_8_bits
from keras_groupnet.deployment.quantization import describe_quantizer, quantizer_of
from keras_groupnet.deployment.swap import attributes_replaced, computing_in_float32
from keras_groupnet.layers import ActivationScale


class Observer(Protocol):
    """What is told of each call, and says what goes on in its place."""

    def quantizer(
        self, name: str, call: int, part: int, quantization: Quantization, x: np.ndarray
    ) -> np.ndarray:
        """The quantized values of `x`, which is what the sign or uniform quantizer reads."""

    def scale_map(
        self, name: str, call: int, x: np.ndarray, own: Callable[[Any], Any]
    ) -> np.ndarray:
        """The scale map of `x`."""

    def kernel_layer(
        self,
        name: str,
        call: int,
        layer: keras.layers.Layer,
        deployment: Deployment,
        x: np.ndarray,
    ) -> np.ndarray:
        """The output of a binary layer for the input `x`, which it may have to quantize."""

    def float_layer(self, name: str, y: np.ndarray) -> np.ndarray:
        """What goes on in the place of an output of any other layer."""


def replay(model: keras.Model, inputs: Any, observer: Observer) -> Any:
    """Calls the model on `inputs`, with the observer in the place of our layers.

    Args:
        model: functional or Sequential, on the TensorFlow backend; it is not changed.
        inputs: as the model takes them.
        observer: gets and returns float32 arrays.

    Returns:
        The outputs of the model.
    """
    names = layer_tree(model)
    calls: dict[str, int] = {}
    replacements: list[tuple[Any, str, Any]] = []
    for layer, name in names.items():
        hook = _hook(layer, name, observer)
        call = _told(layer, name, observer) if hook is None else _counted(hook, name, calls)
        replacements.append((layer, "call", call))
    with attributes_replaced(replacements), computing_in_float32([model, *names]):
        return model(inputs, training=False)


def _counted(hook: Callable[..., Any], name: str, calls: dict[str, int]) -> Callable[..., Any]:
    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        number = calls.get(name, 0)
        calls[name] = number + 1
        x = np.asarray(keras.ops.convert_to_numpy(inputs), np.float32)
        return keras.ops.convert_to_tensor(np.asarray(hook(number, x), np.float32))

    return call


def _told(layer: keras.layers.Layer, name: str, observer: Observer) -> Callable[..., Any]:
    own = layer.call

    def call(*args: Any, **kwargs: Any) -> Any:
        return keras.tree.map_structure(told, own(*args, **kwargs))

    def told(output: Any) -> Any:
        if not keras.ops.is_tensor(output):
            return output
        dtype = keras.backend.standardize_dtype(output.dtype)
        if "float" not in dtype:
            return output
        value = observer.float_layer(name, np.asarray(keras.ops.convert_to_numpy(output)))
        return keras.ops.convert_to_tensor(value, dtype)

    return call


def _hook(
    layer: keras.layers.Layer, name: str, observer: Observer
) -> Callable[[int, np.ndarray], np.ndarray] | None:
    """What is called in the place of a layer; None for layers that are not ours."""
    own = type(layer).call.__get__(layer)
    quantizer = quantizer_of(layer)
    try:
        if quantizer is not None:
            quantization = describe_quantizer(quantizer)
            return lambda call, x: observer.quantizer(
                name, call, 0, quantization, prepared(quantization, x)
            )
        if isinstance(layer, ActivationScale):
            return lambda call, x: observer.scale_map(name, call, x, own)
        deployment = describe(layer) if layer.built else None
    except NotBinary:
        return None
    if deployment is None:
        return _int8_hook(layer, name, observer)
    return lambda call, x: observer.kernel_layer(name, call, layer, deployment, x)


def _int8_hook(
    layer: keras.layers.Layer, name: str, observer: Observer
) -> Callable[[int, np.ndarray], np.ndarray] | None:
    """What is called in the place of a float layer that quantizes its input to int8."""
    if not is_of_8_bits(layer) or layer.input_quantizer is None:
        return None
    quantization = describe_quantizer(layer.input_quantizer)

    def call(number: int, x: np.ndarray) -> np.ndarray:
        read = observer.quantizer(name, number, 0, quantization, x)
        return observer.float_layer(name, own_output(layer, x, read))

    return call


def applied(function: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """What a function of tensors makes of an array."""
    return np.asarray(keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(x))))


def prepared(quantization: Quantization, x: np.ndarray) -> np.ndarray:
    """What the sign or uniform quantizer of a quantization reads."""
    if quantization.before is None:
        return x
    return applied(quantization.before, x)


def own_output(layer: Any, x: np.ndarray, quantized: np.ndarray | None = None) -> np.ndarray:
    """What a layer itself gives, with `quantized` as the result of its input quantizer if given."""
    own = type(layer).call.__get__(layer)
    replacements = []
    if quantized is not None:
        given = keras.ops.convert_to_tensor(quantized)
        replacements = [(layer, "input_quantizer", lambda _: given)]
    with attributes_replaced(replacements):
        return applied(own, x)
