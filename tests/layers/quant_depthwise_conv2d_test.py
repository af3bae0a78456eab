import numpy as np
import pytest

from keras_groupnet.layers import QuantDepthwiseConv2D
from tests.tensors import array


@pytest.mark.parametrize("pad_values", [-1, 0, 1])
@pytest.mark.parametrize("strides, length", [(1, 5), (2, 5), (2, 6)])
def test_equals_one_convolution_per_channel(pad_values, strides, length):
    layer = QuantDepthwiseConv2D(
        3,
        strides=strides,
        padding="same",
        depth_multiplier=2,
        pad_values=pad_values,
        kernel_quantizer="binary_weight",
        use_bias=False,
    )
    x = np.random.default_rng(0).choice([-1.0, 1.0], size=(2, length, length, 3)).astype("float32")
    y = array(layer(x))
    latent = array(layer.kernel)
    scale = np.abs(latent).mean((0, 1), keepdims=True)
    kernel = np.where(latent < 0, -scale, scale)
    np.testing.assert_allclose(array(layer.quantize_kernel(layer.kernel)), kernel, rtol=1e-6)
    out = -(-length // strides)
    total = (out - 1) * strides + 3 - length
    width = (total // 2, total - total // 2)
    padded = np.pad(x, ((0, 0), width, width, (0, 0)), constant_values=pad_values)
    expected = np.zeros((2, out, out, 3, 2))
    for i in range(3):
        for j in range(3):
            taps = padded[:, i::strides, j::strides][:, :out, :out]
            expected += taps[..., None] * kernel[i, j]
    np.testing.assert_allclose(y, expected.reshape(2, out, out, 6), atol=1e-5)


def test_any_kernel_quantizer_scales_per_output_channel():
    layer = QuantDepthwiseConv2D(3, kernel_quantizer="magnitude_aware_sign")
    layer.build((None, 5, 5, 4))
    magnitude = np.abs(array(layer.quantize_kernel(layer.kernel)))
    latent = np.abs(array(layer.kernel)).mean((0, 1), keepdims=True)
    np.testing.assert_allclose(magnitude, np.broadcast_to(latent, magnitude.shape), rtol=1e-6)


def test_impossible_arguments():
    with pytest.raises(ValueError, match="padding='same'"):
        QuantDepthwiseConv2D(3, pad_values=1)
    with pytest.raises(ValueError, match="channels_last"):
        QuantDepthwiseConv2D(3, data_format="channels_first")
