import numpy as np

from keras_groupnet import quantizers
from keras_groupnet.layers import QuantDense
from tests.tensors import array


def test_xnor_popcount_identity():
    a = np.array([[1, -1, -1, 1, 1, 1, -1, 1]], "float32")
    b = np.array([[1], [1], [-1], [-1], [1], [-1], [-1], [1]], "float32")
    layer = QuantDense(
        1,
        input_quantizer="ste_sign",
        kernel_quantizer=quantizers.BinaryWeight("none"),
        use_bias=False,
    )
    layer.build(a.shape)
    layer.set_weights([b * 0.3])
    agreements = int((a.ravel() == b.ravel()).sum())
    assert agreements == 5
    assert array(layer(a * 0.7)) == 2 * agreements - 8 == 2


def test_bias_and_activation():
    layer = QuantDense(
        2, kernel_quantizer="binary_weight", activation="relu", bias_initializer="ones"
    )
    layer.build((None, 2))
    layer.set_weights([np.array([[1.0, -1.0], [3.0, -3.0]]), np.array([1.0, 1.0])])
    np.testing.assert_allclose(array(layer(np.array([[1.0, 2.0]]))), [[7.0, 0.0]])
