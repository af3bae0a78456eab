import keras
import numpy as np

from keras_groupnet import methods
from tests.methods.networks import tiny


def test_pretraining_is_a_float_net_with_clipped_activations():
    first, last = methods.BiReal().stages()
    assert last == methods.BiReal() and first == methods.BiReal(pretraining=True)
    assert (first.weight_bits, first.activation_bits) == (32, 32)
    assert first.stages() == [first]
    net = tiny(first)
    assert not any(hasattr(layer, "kernel_quantizer") for layer in net.layers)
    x = np.linspace(-2, 2, 9)
    clipped = net.get_layer("stage1_block1_conv1_quantize")(x)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(clipped), np.clip(x, -1, 1))
