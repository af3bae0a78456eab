import numpy as np
import pytest

from keras_groupnet.conversion.weights.bitpack import pack_bits, pack_kernel, unpack_kernel


def test_lowest_channel_is_least_significant_bit():
    negative = np.zeros(40, bool)
    negative[[0, 31, 33]] = True
    assert pack_bits(negative).tolist() == [1 - 2**31, 2]


@pytest.mark.parametrize("channels", [1, 3, 31, 32, 33, 64, 100])
def test_kernel_round_trip(channels):
    generator = np.random.default_rng(channels)
    kernel = generator.choice([-1.0, 1.0], (3, 2, channels, 5)).astype(np.float32)
    packed = pack_kernel(kernel)
    assert packed.shape == (5, 3, 2, -(-channels // 32)) and packed.dtype == np.int32
    np.testing.assert_array_equal(unpack_kernel(packed, channels), kernel)


def test_padding_bits_are_zero():
    packed = pack_kernel(np.full((1, 1, 3, 1), -1.0))
    assert packed.ravel().tolist() == [0b111]
