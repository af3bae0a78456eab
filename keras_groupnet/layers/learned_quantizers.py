"""Quantizers with variables: layers inside of the layer that they quantize for."""

from typing import Any

import keras


def build_quantizers(layer: keras.layers.Layer, input_shape: Any) -> None:
    """Builds those quantizers of a built layer that are layers.

    One for kernels gets its initial values from the latent kernel by its method `fit`.
    """
    activations, weights = layer.input_quantizer, layer.kernel_quantizer
    if isinstance(activations, keras.layers.Layer) and not activations.built:
        activations.build(input_shape)
    if isinstance(weights, keras.layers.Layer):
        if not weights.built:
            weights.build(tuple(layer.kernel.shape))
        weights.fit(layer.kernel)
