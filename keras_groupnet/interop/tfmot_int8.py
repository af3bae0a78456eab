"""Quantization-aware training of tensorflow-model-optimization → that of this package.

`QuantizeWrapperV2` rounds the kernel of a layer, and its outputs or what its activation reads, to 8
bits: the layer becomes ours with `Int8Weight`, and a `Quantize` with `Int8Activation` stands where
values were rounded. The learned ranges come along; kernels are rounded with a scale for each output
channel, which is at least as fine as theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_groupnet import layers
from keras_groupnet.interop.sources import Weights, short_name
from keras_groupnet.interop.weights import LayerHolder

# What is rounded in front of these activations, and what behind them.
_IN_FRONT = ("gelu", "sigmoid", "softmax", "tanh")
_BEHIND = ("gelu", "linear", "relu", "swish")
_KERNELS = {
    **{"Conv1D": "kernel_quantizer", "Conv2D": "kernel_quantizer", "Dense": "kernel_quantizer"},
    "Conv2DTranspose": "kernel_quantizer",
    "DepthwiseConv2D": "depthwise_quantizer",
}


class Trained:
    """What takes the place of a wrapper.

    Args:
        config: of the wrapper.
        inner: class and config of the layer in it, as `tfmot.unwrapped` gives them.

    Attributes:
        inner: the same of the layer that takes its place.
        behind: the layers behind it.
        ranges: the name of each range in the wrapper → the layer that gets it.
    """

    def __init__(self, config: Mapping[str, Any], inner: Mapping[str, Any]):
        plan = (config.get("quantize_config") or {}).get("config", {})
        class_name, own = inner["class_name"], dict(inner["config"])
        self.behind: list[keras.layers.Layer] = []
        self.ranges: dict[str, layers.Quantize] = {}
        if plan.get("weight_attrs") and class_name in _KERNELS:
            own[_KERNELS[class_name]] = {"class_name": "Int8Weight", "config": {}}
            class_name = f"Quant{class_name}"
        activation = own.get("activation")
        if plan.get("activation_attrs") and activation in _IN_FRONT:
            own["activation"] = None
            self._round(own["name"], "pre_activation")
            self.behind.append(
                keras.layers.Activation(activation, name=f"{own['name']}_activation")
            )
        if plan.get("activation_attrs") and activation in _BEHIND:
            self._round(own["name"], "post_activation")
        if plan.get("quantize_output"):
            self._round(own["name"], "output")
        self.inner = {"class_name": class_name, "config": own}

    def _round(self, name: str, which: str) -> None:
        self.ranges[which] = layers.Quantize("int8_activation", name=f"{name}_{which}")
        self.behind.append(self.ranges[which])


class RangesHolder(LayerHolder):
    """As a `LayerHolder`, and the ranges of the activations.

    Args:
        layer: of Keras 3.
        restore: what to do to the weights before.
        ranges: the name of each range → the layer that gets it.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        restore: Callable[[Weights], Weights],
        ranges: Mapping[str, layers.Quantize],
    ):
        super().__init__(layer, restore)
        self._ranges = ranges
        self._found: dict[str, Any] = {}

    def restored(self, weights: Weights) -> Weights:
        """See `Holder`."""
        self._found = {short_name(name): value for name, value in weights}
        return super().restored(weights)

    def variables(self) -> tuple[list[Any], list[Any]]:
        """See `Holder`; the ranges are set by `finish`."""
        own = {id(one) for quantize in self._ranges.values() for one in quantize.variables}
        trainable, others = super().variables()
        return trainable, [one for one in others if id(one) not in own]

    def finish(self) -> None:
        """See `Holder`."""
        super().finish()
        for which, quantize in self._ranges.items():
            quantizer: Any = quantize.quantizer
            for end, variable in (("min", quantizer.low), ("max", quantizer.high)):
                if f"{which}_{end}" not in self._found:
                    raise ValueError(
                        f"Layer {self.layer.name!r}: expected the weight '{which}_{end}' of "
                        f"quantization-aware training. Received: {sorted(self._found)}"
                    )
                variable.assign(self._found[f"{which}_{end}"])
            # So many batches that the averages move on as slowly as they did at the end.
            quantizer.batches.assign(1 / (1 - quantizer.momentum))
