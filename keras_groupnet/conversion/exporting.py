"""The clone of a model that is traced for conversion: twins stand in for our layers."""

from __future__ import annotations

import keras

from keras_groupnet.conversion.exporters import (
    Conv2DTwin,
    DenseTwin,
    FloatTwin,
    NotBinary,
    QuantizeTwin,
    Twin,
    depthwise_hwio,
)
from keras_groupnet.conversion.modulated_exporter import modulated_twin
from keras_groupnet.conversion.scale_map_exporter import ScaleMapTwin
from keras_groupnet.conversion.subgroup_exporter import subgroup_twin
from keras_groupnet.layers import (
    ActivationScale,
    ModulatedConv2D,
    QuantConv2D,
    QuantDense,
    QuantDepthwiseConv2D,
    Quantize,
)
from keras_groupnet.quantizers import SubgroupSign


def twin_of(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """The exporting twin of a layer, None if it needs none.

    Raises:
        NotBinary: the layer is ours but its quantizers do not fit the ops.
    """
    if isinstance(layer, QuantDepthwiseConv2D):
        return Conv2DTwin(layer, depthwise_hwio)
    if isinstance(layer, ModulatedConv2D):
        return modulated_twin(layer)
    if isinstance(layer, QuantConv2D) and isinstance(layer.kernel_quantizer, SubgroupSign):
        return subgroup_twin(layer, layer.kernel_quantizer)
    if isinstance(layer, QuantConv2D):
        return Conv2DTwin(layer)
    if isinstance(layer, QuantDense):
        return DenseTwin(layer)
    if isinstance(layer, Quantize):
        return QuantizeTwin(layer)
    if isinstance(layer, ActivationScale):
        return ScaleMapTwin(layer)
    return None


def exporting_clone(
    model: keras.Model, batch_size: int | None
) -> tuple[keras.Model, dict[str, str]]:
    """Clones a functional or Sequential model in float32 with twins for our layers.

    Args:
        model: the model; it is not changed.
        batch_size: None leaves the batch dynamic.

    Returns:
        The clone, and for each of our layers that stays float the reason.
    """
    stays_float: dict[str, str] = {}

    def clone(layer):
        try:
            twin = twin_of(layer)
        except NotBinary as error:
            stays_float[layer.name] = str(error)
            return FloatTwin(layer)
        if twin is not None:
            return twin
        config = layer.get_config()
        if "dtype" in config:
            config["dtype"] = "float32"
        return type(layer).from_config(config)

    def fresh_input(tensor):
        shape = (batch_size, *tensor.shape[1:])
        return keras.Input(batch_shape=shape, dtype=tensor.dtype, name=tensor.name)

    single = isinstance(model, keras.Sequential)  # has no `input` before it is called
    inputs = keras.tree.map_structure(fresh_input, model.inputs[0] if single else model.input)
    copy = keras.models.clone_model(
        model, input_tensors=inputs, clone_function=clone, recursive=True
    )
    _copy_weights(model, copy)
    return copy, stays_float


def layers_of(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, those of nested models included."""
    return [
        inner
        for layer in model.layers
        for inner in (layers_of(layer) if isinstance(layer, keras.Model) else [layer])
    ]


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    for layer, twin in zip(layers_of(source), layers_of(target), strict=True):
        if not isinstance(twin, Twin):
            twin.set_weights(layer.get_weights())
