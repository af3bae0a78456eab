import keras
import numpy as np
from keras import ops

from keras_groupnet.quantizers.gradient import straight_through
from tests.tensors import array, value_and_gradient

double = straight_through(lambda x: 2 * x, lambda g, x: g * x)


def test_forward_and_backward_are_independent():
    value, gradient = value_and_gradient(double, [1.0, 5.0], [1.0, 10.0])
    np.testing.assert_array_equal(value, [2.0, 10.0])
    np.testing.assert_array_equal(gradient, [1.0, 50.0])


def test_a_variable_is_accepted():
    np.testing.assert_array_equal(array(double(keras.Variable([3.0]))), [6.0])


def test_the_chain_rule_goes_on_before_and_after():
    _, gradient = value_and_gradient(lambda x: 7 * double(3 * x), [2.0])
    np.testing.assert_array_equal(gradient, [7 * 6.0 * 3])


def test_several_tensors_have_several_gradients():
    product = straight_through(lambda x, y: x * y, lambda g, x, y: (g * 100, g * 1000))
    _, gradient = value_and_gradient(lambda x: product(x, ops.ones_like(x) * 5), [2.0])
    np.testing.assert_array_equal(gradient, [100.0])
    _, gradient = value_and_gradient(lambda x: product(ops.ones_like(x) * 5, x), [2.0])
    np.testing.assert_array_equal(gradient, [1000.0])
