import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet.training.discriminator import (
    Discriminator,
    discriminator_loss,
    generator_loss,
)
from tests.tensors import array, saved_and_loaded, value_and_gradient


def logit(probability):
    return np.log(probability / (1 - probability))


def test_losses_by_hand():
    fake, real = np.array([logit(0.3)]), np.array([logit(0.8)])
    value, gradient = value_and_gradient(generator_loss, fake)
    np.testing.assert_allclose(value, 0.49, rtol=1e-5)
    # dD/dlogit = D (1 - D).
    np.testing.assert_allclose(gradient, -1.4 * 0.3 * 0.7, rtol=1e-5)
    loss = discriminator_loss(ops.convert_to_tensor(real), ops.convert_to_tensor(fake))
    np.testing.assert_allclose(float(loss), 0.579818, rtol=1e-5)


def test_blocks_are_linear_and_leaky_relu():
    layer = Discriminator((3,), dtype="float32")
    x = np.random.default_rng(0).normal(size=(5, 2, 4, 6)).astype("float32")
    y = array(layer(x))
    first, bias, last, last_bias = layer.get_weights()
    z = x.mean((1, 2)) @ first + bias
    z = np.where(z < 0, 0.2 * z, z) @ last + last_bias
    np.testing.assert_allclose(y, np.where(z < 0, 0.2 * z, z)[:, 0], rtol=1e-4, atol=1e-5)


def test_widths_and_pooling():
    layer = Discriminator(pooling="flatten")
    layer.build((None, 2, 3, 4))
    assert [w.shape for w in layer.get_weights()[::2]] == [
        (24, 256),
        (256, 128),
        (128, 64),
        (64, 1),
    ]
    assert layer(np.ones((5, 2, 3, 4))).shape == (5,)
    with pytest.raises(ValueError, match="pooling.*Received"):
        Discriminator(pooling="max")


@pytest.mark.parametrize("frozen, rate", [(True, 1.0), (False, 1.0), (False, 0.1)])
def test_freezing_and_rate(frozen, rate):
    class Judged(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = keras.layers.Dense(3, use_bias=False, kernel_initializer="ones")
            self.judge = Discriminator((4,), rate=rate)

        def call(self, inputs):
            features = self.scale(inputs)
            # The second term has gradient zero: TensorFlow warns of weights without any.
            return self.judge(features, frozen=frozen) + 0.0 * self.judge(features)

    model = Judged()
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    model(x)
    before = [array(w).copy() for w in model.weights]
    model.compile(keras.optimizers.SGD(1.0), lambda target, y: ops.sum(y))
    model.train_on_batch(x, np.zeros(2))
    moved = [np.abs(array(w) - b).max() for w, b in zip(model.weights, before, strict=True)]
    assert moved[0] > 0
    if frozen:
        assert max(moved[1:]) == 0
    else:
        # The gradient at the last bias is 1, or 0.2 where the unit is negative, per sample.
        assert moved[-1] / rate == pytest.approx(round(moved[-1] / rate, 1), abs=1e-4)
        assert moved[-1] / rate >= 0.4 - 1e-4


def test_saving(tmp_path):
    model = keras.Sequential([keras.Input((2, 2, 3)), Discriminator((4,), "flatten", 0.5)])
    loaded = saved_and_loaded(model, tmp_path)
    x = np.random.default_rng(0).normal(size=(3, 2, 2, 3))
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert loaded.layers[-1].rate == 0.5
