"""The exporting twin of SYQ's convolution: signs in bits, the scales of pixels as real factors."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.exporters import Conv2DTwin, Twin
from keras_groupnet.conversion.tap_exporter import TapTwin
from keras_groupnet.layers import QuantConv2D
from keras_groupnet.quantizers import SubgroupSign


def subgroup_twin(layer: QuantConv2D, quantizer: SubgroupSign) -> Twin:
    """The twin of a convolution whose weights `quantizer` quantizes.

    One scale for the whole kernel is an ordinary binary convolution.
    """
    scales = quantizer.scales.numpy()
    if scales.size == 1:
        return Conv2DTwin(layer)
    taps = np.broadcast_to(scales, (*layer.kernel_size, 1, 1))
    return TapTwin(layer, taps.reshape(-1, 1))
