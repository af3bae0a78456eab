"""Models that Keras has quantized (`model.quantize`) → float models of the same weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def dequantized(model: keras.Model) -> keras.Model:
    """Makes a model whose layers are float, with the weights that Keras' quantized ones stand for.

    `w = q / scale`, or `(q - zero) * scale` for int4 with groups. TFLite has no ops for layers that
    Keras has quantized, so `kgn.convert` takes what this returns. With `float_layers="int8"` a
    Dense kernel of int8 gets the same codes in the file again: both take the largest magnitude of
    an output channel for 127. Keras also rounds the inputs of such layers to 8 bits in each call;
    the float model does not, the file does by ranges from `representative_data`.

    Args:
        model: functional or Sequential, with Dense layers of int8 or int4, or Embeddings of int8 or
            of int4 without groups. It is not changed; its other layers are shared with the result.

    Returns:
        The float model.

    Raises:
        ValueError: for quantized layers of other classes or modes, and those with LoRA weights.

    Example:
        model.quantize("int8")
        kgn.convert(kgn.interop.dequantized(model), "model.tflite")
    """
    values: dict[keras.layers.Layer, list[Any]] = {}

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        if getattr(layer.dtype_policy, "quantization_mode", None) is None:
            return layer
        weights = _weights(layer)
        config = layer.get_config()
        config.pop("quantization_config", None)
        config["dtype"] = layer.dtype_policy.name.partition("_from_")[2]
        copied = type(layer).from_config(config)
        values[copied] = weights
        return copied

    result = keras.models.clone_model(model, clone_function=clone, recursive=True)
    for layer, weights in values.items():
        layer.set_weights(weights)
    return result


def _weights(layer: keras.layers.Layer) -> list[Any]:
    """Of the float layer, in the order of its variables."""
    mode = layer.dtype_policy.quantization_mode
    known = type(layer) in (keras.layers.Dense, keras.layers.Embedding) and mode in ("int8", "int4")
    if (
        not known
        or layer.lora_enabled
        or (type(layer) is keras.layers.Embedding and _groups(layer))
    ):
        raise ValueError(
            "Expected quantized layers to be Dense (int8, int4) or Embedding (int8, int4 without "
            f"groups), without LoRA weights. Received: {type(layer).__name__} {layer.name!r} of "
            f"mode {mode!r}. Convert the model as it was before model.quantize(), with "
            "float_layers='int8'."
        )
    if isinstance(layer, keras.layers.Embedding):
        scale = ops.expand_dims(layer.embeddings_scale, -1)
        found = [ops.cast(layer.embeddings, "float32") / scale]
    else:
        kernel = ops.cast(layer.kernel, "float32")
        if _groups(layer):
            groups = ops.cast(layer.g_idx, "int32")
            zero = ops.cast(ops.take(layer.kernel_zero, groups, axis=0), "float32")
            kernel = (kernel - zero) * ops.take(layer.kernel_scale, groups, axis=0)
        else:
            kernel = kernel / layer.kernel_scale
        found = [kernel] if layer.bias is None else [kernel, layer.bias]
    return [ops.convert_to_numpy(one) for one in found]


def _groups(layer: keras.layers.Layer) -> bool:
    """Whether int4 values share scales in groups along the inputs."""
    return hasattr(layer, "g_idx")
