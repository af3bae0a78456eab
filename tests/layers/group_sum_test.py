import keras
import numpy as np
import pytest

from keras_groupnet.layers import GroupSum, QuantConv2D
from tests.tensors import array


def test_two_bases_of_one_pixel_by_hand():
    x = np.array([[1.0, -2.0], [3.0, 4.0]], "float32").reshape(1, 2, 2, 1)
    bases = []
    for weight in (0.5, -2.0):
        conv = QuantConv2D(1, 1, kernel_quantizer="binary_weight", use_bias=False)
        conv.build(x.shape)
        conv.set_weights([np.full((1, 1, 1, 1), weight)])
        bases.append(conv(x))
    layer = GroupSum()
    layer.build([base.shape for base in bases])
    layer.set_weights([np.array([1.0, 0.5])])
    np.testing.assert_allclose(array(layer(bases)).ravel(), [-0.5, 1.0, -1.5, -2.0])


@pytest.mark.parametrize("bases", [1, 3])
def test_scales_start_at_one_over_k(bases):
    layer = GroupSum()
    y = layer([np.full((2, 4), 6.0, "float32")] * bases)
    np.testing.assert_allclose(array(layer.scales), [1 / bases] * bases)
    np.testing.assert_allclose(array(y), np.full((2, 4), 6.0), rtol=1e-6)


def test_the_gradient_at_a_scale_is_its_base(policy):
    inputs = [keras.Input((2,)) for _ in range(2)]
    initializer = keras.initializers.RandomUniform(0, 1, seed=1)
    model = keras.Model(inputs, GroupSum(initializer, name="sum")(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = model.get_layer("sum").get_weights()[0]
    for _ in range(10):
        model.train_on_batch([np.ones((1, 2)), np.full((1, 2), 2.0)], np.full((1, 2), 5.0))
        after = model.get_layer("sum").get_weights()[0]
        if (after != before).any():
            break  # Loss scaling in float16 skips the first steps.
    # d/d lambda_i is the gradient at the sum times base i: twice as large for the second base.
    ratio = (after[1] - before[1]) / (after[0] - before[0])
    np.testing.assert_allclose(ratio, 2.0, rtol=1e-2)


def test_impossible_inputs():
    with pytest.raises(ValueError, match="list of tensors"):
        GroupSum()(np.ones((1, 2)))
    with pytest.raises(ValueError, match="one shape"):
        GroupSum()([np.ones((1, 2)), np.ones((1, 3))])
