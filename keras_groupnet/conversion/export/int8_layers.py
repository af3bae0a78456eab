"""Float layers that were trained for int8: float ops with kernels and inputs of 8-bit codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from keras_groupnet.conversion.export.emitter import Emitter
from keras_groupnet.deployment.describe import array_of
from keras_groupnet.deployment.quant_layers import is_of_8_bits
from keras_groupnet.deployment.quantization import describe_quantizer
from keras_groupnet.deployment.swap import attributes_replaced


def int8_layer(layer: Any, emitter: Emitter) -> Callable[[Any], Any] | None:
    """What takes the place of such a layer's `call`; None for any other layer.

    The kernel is quantized here, by Keras, so that the file holds just these numbers.
    """
    if not is_of_8_bits(layer):
        return None
    own = type(layer).call.__get__(layer)
    kernel = array_of(layer.quantize_kernel(layer.kernel))
    activations = layer.input_quantizer
    quantization = None if activations is None else describe_quantizer(activations)

    def call(x: Any) -> Any:
        if quantization is not None:
            x = emitter.quantize(quantization, x)
        constant = keras.ops.convert_to_tensor(kernel)
        replacements = [
            (layer, "input_quantizer", None),
            (layer, "quantize_kernel", lambda _: constant),
        ]
        with attributes_replaced(replacements):
            return own(x)

    return call
