import keras
import numpy as np

import keras_groupnet as kgn
from keras_groupnet.metrics.binary_layers import binary_layers
from tests.tensors import array


def test_the_channels_of_a_transposed_kernel():
    layer = kgn.layers.QuantConv2DTranspose(4, 3, kernel_quantizer="ste_sign")
    (found,) = binary_layers(keras.Sequential([keras.Input((4, 4, 2)), layer]))
    assert found.channels == 4
    kernel = array(layer.kernel)  # (kh, kw, filters, Cin)
    np.testing.assert_array_equal(found.latent()[:, 1], kernel[:, :, 1].ravel())


def test_both_kernels_of_a_separable_layer():
    layer = kgn.layers.QuantSeparableConv2D(
        4, 3, depthwise_quantizer="ste_sign", pointwise_quantizer="ste_sign"
    )
    found = binary_layers(keras.Sequential([keras.Input((4, 4, 2)), layer]))
    names = [one.name.split("/")[-1] for one in found]
    assert (names, [one.channels for one in found]) == (["depthwise", "pointwise"], [2, 4])
