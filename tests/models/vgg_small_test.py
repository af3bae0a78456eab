import keras
import numpy as np
import pytest

from keras_groupnet import models
from keras_groupnet.layers import GroupSum, QuantConv2D


def test_the_parent_has_the_usual_sizes():
    model = models.VGGSmall(bases=None)
    kernels = [x.kernel.shape for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    widths = [3, 128, 128, 256, 256, 512, 512]
    assert kernels == [(3, 3, a, b) for a, b in zip(widths, widths[1:], strict=False)]
    assert model.get_layer("pool6").output.shape == (None, 4, 4, 512)
    assert model.get_layer("fc").kernel.shape == (8192, 10)


def test_groups():
    model = models.VGGSmall((16, 16, 3), 7, 2, filters=(4, 4, 6, 6, 8, 8))
    sums = [layer.name for layer in model.layers if isinstance(layer, GroupSum)]
    assert sums == ["group1_sum", "group2_sum", "group3_sum"]
    assert sum(isinstance(layer, QuantConv2D) for layer in model.layers) == 2 * 5
    assert type(model.get_layer("conv1")) is keras.layers.Conv2D
    assert model(np.zeros((1, 16, 16, 3))).shape == (1, 7)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"input_shape": (None, None, 3)}, r"at least \(8, 8, channels\).*Received"),
        ({"input_shape": (4, 8, 3)}, r"at least \(8, 8, channels\).*Received"),
        ({"filters": (8, 8, 8)}, "six positive ints.*Received"),
        ({"classes": 0}, "positive int.*Received"),
        ({"bases": 0}, "at least 1.*Received"),
    ],
)
def test_impossible_requests(options, message):
    with pytest.raises(ValueError, match=message):
        models.VGGSmall(**options)
