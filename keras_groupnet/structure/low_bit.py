"""From the float layers of blocks to low-bit layers."""

from typing import Any

import keras

from keras_groupnet import layers
from keras_groupnet.layers.quant_conv_transpose import QuantConvTranspose
from keras_groupnet.structure.blocks import BlockLayer
from keras_groupnet.structure.scope import Scope

# The class of a float layer -> that of its low-bit version, which takes the same arguments and
# those of `layers.QuantLayer`. A layer of your own needs an entry here to stand in blocks.
LOW_BIT_LAYERS: dict[type[keras.layers.Layer], type[keras.layers.Layer]] = {
    keras.layers.Conv1D: layers.QuantConv1D,
    keras.layers.Conv2D: layers.QuantConv2D,
    keras.layers.Conv2DTranspose: layers.QuantConv2DTranspose,
    keras.layers.Dense: layers.QuantDense,
    keras.layers.DepthwiseConv1D: layers.QuantDepthwiseConv1D,
    keras.layers.DepthwiseConv2D: layers.QuantDepthwiseConv2D,
}


def quant_layer(
    layer: BlockLayer,
    scope: Scope,
    kernel_quantizer: Any,
    pad_values: float | None = 0.0,
    *,
    kernel_constraint: Any = None,
    input_quantizer: Any = None,
) -> keras.layers.Layer:
    """A new low-bit version of the layer, with all that its config says.

    Args:
        layer: what is replaced.
        scope: where it stands.
        kernel_quantizer: as in `layers.QuantConv2D`.
        pad_values: of convolutions that pad; others, and transposed ones, have none.
        kernel_constraint: instead of the layer's own, if not None.
        input_quantizer: as in `layers.QuantConv2D`.

    Raises:
        ValueError: if there is no low-bit version of such a layer.
    """
    if layer.layer_class not in LOW_BIT_LAYERS:
        raise ValueError(
            f"Only {sorted(kind.__name__ for kind in LOW_BIT_LAYERS)} have low-bit versions. "
            f"Received: layer {layer.name!r} of class {layer.layer_class.__name__}. Leave it "
            "float, or add its version to keras_groupnet.structure.low_bit.LOW_BIT_LAYERS"
        )
    config = layer.config_in(scope)
    config |= {"kernel_quantizer": kernel_quantizer, "input_quantizer": input_quantizer}
    low_bit = LOW_BIT_LAYERS[layer.layer_class]
    if config.get("padding") == "same" and not issubclass(low_bit, QuantConvTranspose):
        config["pad_values"] = pad_values or 0.0
    if kernel_constraint is not None:
        key = "kernel_constraint" if "kernel_constraint" in config else "depthwise_constraint"
        config[key] = kernel_constraint
    return low_bit.from_config(config)
