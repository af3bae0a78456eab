"""The exporting twins of MCN's convolution: each filter once in bits, M-Filters as real factors.

The channels of a map, `y_j = conv(x, sgn(C) * M_j)`, share the bits of one filter.
"""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.exporters import Twin
from keras_groupnet.conversion.tap_exporter import FactorTwin, TapTwin, sign_twin
from keras_groupnet.layers import ModulatedConv2D


class ScalarModulatedTwin(FactorTwin):
    """MCN-1, `y_j = M_j * conv(x, sgn(C))`: one binary convolution and K scalings."""

    def __init__(self, layer: ModulatedConv2D):
        names = ("strides", "padding", "dilation_rate", "pad_values")
        geometry = {name: getattr(layer, name) for name in names}
        signs = sign_twin(layer, layer.kernel.numpy().astype(np.float32), **geometry)
        super().__init__(layer, signs, m_filters(layer))

    def terms(self, inputs):
        """A single one."""
        return self.signs(inputs)[..., None]


def modulated_twin(layer: ModulatedConv2D) -> Twin:
    """The twin of MCN's or MCN-1's convolution."""
    return ScalarModulatedTwin(layer) if layer.scalar else TapTwin(layer, m_filters(layer))


def m_filters(layer: ModulatedConv2D) -> np.ndarray:
    """The M-Filters as `(taps, K)`."""
    return layer.modulation.numpy().reshape(layer.planes, -1).T
