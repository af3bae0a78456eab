import keras
import numpy as np

from keras_groupnet import quantizers
from keras_groupnet.layers import QuantDense
from tests.tensors import array, saved_and_loaded


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


def test_saving_and_training(tmp_path, policy):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            QuantDense(16, input_quantizer="approx_sign", kernel_quantizer="binary_weight"),
            QuantDense(1, input_quantizer="k_bit_activation", kernel_quantizer="ste_sign"),
        ]
    )
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 6)), rng.normal(size=(64, 1))
    model.compile(keras.optimizers.SGD(0.01), "mse")
    losses = [float(model.train_on_batch(x, y)) for _ in range(20)]
    assert losses[-1] < losses[0]
    loaded = saved_and_loaded(model, tmp_path)
    for kept, latent in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, latent)
    np.testing.assert_array_equal(
        np.asarray(loaded.predict(x, verbose=0), "float32"),
        np.asarray(model.predict(x, verbose=0), "float32"),
    )
