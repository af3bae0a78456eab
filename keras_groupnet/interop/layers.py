"""tf.keras and Larq layers → Keras 3 and our layers, by class name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_groupnet import layers
from keras_groupnet.interop import activations
from keras_groupnet.interop.arguments import fitting
from keras_groupnet.interop.context import (
    NoCounterpart,
    find_custom,
    plain_name,
)
from keras_groupnet.interop.functions import function, lambda_layer, op_layer
from keras_groupnet.interop.quantizers import depthwise_quantizer, is_quantizer, quantizer

# Layers that compute the same in tf.keras 2 and Keras 3, from the same arguments.
_SAME = {
    *("Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "Dense"),
    *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "BatchNormalization"),
    *("CategoryEncoding", "CenterCrop", "Concatenate", "Conv1D", "Conv1DTranspose", "Conv2D"),
    *("Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Cropping1D", "Cropping2D", "Cropping3D"),
    *("DepthwiseConv1D", "DepthwiseConv2D", "Dot", "Dropout", "ELU", "Embedding", "Flatten"),
    *("GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
    *("GroupNormalization", "GRU", "GRUCell", "LayerNormalization", "LeakyReLU", "LSTM"),
    *("LSTMCell", "Masking", "Maximum", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
    *("Minimum", "Multiply", "Normalization", "Permute", "PReLU", "RandomContrast"),
    *("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "ReLU", "RepeatVector"),
    *("Rescaling", "Reshape", "Resizing", "SeparableConv1D", "SeparableConv2D", "SimpleRNN"),
    *("SimpleRNNCell", "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
    *("Subtract", "UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D"),
    *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
}
# Old names of classes, and a name of the arguments that were called otherwise.
_RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "GRUV2": "GRU",
    "LSTMV2": "LSTM",
}
_ARGUMENTS = {"LeakyReLU": {"alpha": "negative_slope"}}
_QUANT = {
    *("QuantConv1D", "QuantConv2D", "QuantConv2DTranspose", "QuantConv3D", "QuantConv3DTranspose"),
    *("QuantDense", "QuantDepthwiseConv2D", "QuantSeparableConv1D", "QuantSeparableConv2D"),
}
_QUANTIZERS = (
    "input_quantizer",
    "kernel_quantizer",
    "depthwise_quantizer",
    "pointwise_quantizer",
)
_RECURRENT = {"GRU", "GRUCell", "LSTM", "LSTMCell", "SimpleRNN", "SimpleRNNCell"}
_ADVICE = {
    "QuantLocallyConnected1D": "Keras 3 has no locally connected layers: use a QuantConv1D.",
    "QuantLocallyConnected2D": "Keras 3 has no locally connected layers: use a QuantConv2D.",
    "LocallyConnected1D": "Keras 3 has no locally connected layers: use a Conv1D.",
    "LocallyConnected2D": "Keras 3 has no locally connected layers: use a Conv2D.",
    "ThresholdedReLU": "Use a ReLU with a threshold in its place.",
}

# One after another they compute what one layer of tf.keras does; all but layers hold no weights.
Counterparts = list[Callable[..., Any]]


def counterparts(
    class_name: str, config: Mapping[str, Any], custom_objects: Mapping[str, Any]
) -> Counterparts:
    """What computes the same as a tf.keras layer that is no model.

    Raises:
        NoCounterpart: if nothing does.
        ValueError: what Keras or our layers say of the arguments.
    """
    name = plain_name(class_name)
    name = _RENAMED.get(name, name)
    custom = find_custom(custom_objects, config["name"], name)
    if custom is not None:
        return [_customized(custom, config)]
    if name in ("TFOpLambda", "SlicingOpLambda"):
        return [function(config["function"])]
    if name == "QuantizeLayer":  # of quantization-aware training, on an input
        return [layers.Quantize("int8_activation", name=config["name"])]
    if name == "TensorFlowOpLayer":
        return [op_layer(config)]
    if name == "Lambda":
        return [lambda_layer(config)]
    if is_quantizer(name):
        found = quantizer({"class_name": name, "config": dict(config)}, custom_objects)
        return [layers.Quantize(found, name=config["name"])]
    if name in _QUANT:
        return _quantized(name, config, custom_objects)
    if name in _SAME:
        return _with_activation(getattr(keras.layers, name), config, custom_objects)
    raise NoCounterpart(
        _ADVICE.get(name, "There is no such layer in Keras 3, or it computes something else.")
        + f" Or pass custom_objects={{{name!r}: a Keras 3 layer class, or a function from its "
        "config to a layer}."
    )


def _customized(custom: Any, config: Mapping[str, Any]) -> Any:
    """The user's: a class, a layer, or a function (of the config, or of the tensors for Lambda)."""
    if isinstance(custom, keras.layers.Layer) or "function" in config:
        return custom
    return getattr(custom, "from_config", custom)(dict(config))


def _quantized(
    name: str, config: Mapping[str, Any], custom_objects: Mapping[str, Any]
) -> Counterparts:
    """Ours, or Keras' own layer where nothing is quantized."""
    config = dict(config)
    used = {key: config.pop(key) for key in _QUANTIZERS if key in config}
    float_class = getattr(keras.layers, name.removeprefix("Quant"))
    if not any(used.values()) and not config.get("pad_values"):
        return _with_activation(float_class, config, custom_objects)
    for key, serialized in used.items():
        if key == "depthwise_quantizer":
            multiplier = config["depth_multiplier"]
            found = depthwise_quantizer(serialized, multiplier, custom_objects)
        else:
            found = quantizer(serialized, custom_objects)
        config[key] = found
    return _with_activation(getattr(layers, name), config, custom_objects, float_class)


def _with_activation(
    cls: type[keras.layers.Layer],
    config: Mapping[str, Any],
    custom_objects: Mapping[str, Any],
    *like: type,
) -> Counterparts:
    """A layer, and behind it what computes an activation that Keras 3 does not have.

    Args:
        cls: the class of the layer.
        config: that of the tf.keras layer.
        custom_objects: as in `from_tf_keras`.
        *like: classes whose arguments it takes, too.
    """
    config = dict(config)
    for old, new in _ARGUMENTS.get(cls.__name__, {}).items():
        if old in config:
            config[new] = config.pop(old)
    if cls.__name__ in _RECURRENT:
        _check_recurrent(config, custom_objects)
    activation, name = config.get("activation"), config["name"]
    if cls is keras.layers.Activation:
        found = activations.behind(activation, name, custom_objects)
        if found:
            return [*found]
    elif activation is not None:
        config["activation"] = activations.in_layer(activation, custom_objects)
    layer = cls(**fitting((cls, *like), config, custom_objects))
    if cls is keras.layers.Activation:
        return [layer]
    return [layer, *activations.behind(activation, f"{name}_activation", custom_objects)]


def _check_recurrent(config: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> None:
    for key in ("activation", "recurrent_activation"):
        if config.get(key) and activations.in_layer(config[key], custom_objects) is None:
            raise NoCounterpart(
                f"Keras 3 has no {key} {config[key]!r} that computes the same as tf.keras'. Pass a "
                f"function: custom_objects={{{config[key]!r}: ...}}."
            )
