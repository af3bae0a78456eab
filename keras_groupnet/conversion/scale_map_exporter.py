"""The exporting twin of XNOR-Net's scale map."""

from __future__ import annotations

from keras_groupnet.conversion.composite import composite
from keras_groupnet.conversion.exporters import Twin


class ScaleMapTwin(Twin):
    """Emits KgnScaleMap for images; means over everything become ordinary float ops."""

    def call(self, inputs):
        """Emits it."""
        layer = self.original
        if layer.mode != "xnor" or len(inputs.shape) != 4:
            return layer(inputs)
        options = {"version": 1, "padding": 0 if layer.padding == "same" else 1}
        for name, pair in (
            ("kernel", layer.kernel_size),
            ("stride", layer.strides),
            ("dilation", layer.dilation_rate),
        ):
            options[f"{name}_height"], options[f"{name}_width"] = pair
        return composite("KgnScaleMap", options, layer, inputs)
