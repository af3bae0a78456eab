import keras
import numpy as np
from keras import ops

from keras_groupnet.deployment import describe_quantizer
from keras_groupnet.deployment.layer_tree import layer_tree
from keras_groupnet.layers import Quantize
from keras_groupnet.quantizers import RSign
from tests.tensors import array, value_and_gradient

X = np.array([[-0.6, -0.6], [0.4, 0.4], [-0.5, 0.5], [2.0, -2.0]], "float32")


def built():
    quantizer = RSign()
    quantizer.build((None, 2))
    quantizer.shift.assign([0.5, -0.5])
    return quantizer


def test_each_channel_has_a_threshold():
    np.testing.assert_array_equal(array(built()(X)), [[-1, -1], [1, -1], [1, 1], [1, -1]])
    deployed = describe_quantizer(built())
    assert deployed.bits == 1
    np.testing.assert_allclose(array(deployed.before(ops.convert_to_tensor(X))), X + [0.5, -0.5])


def test_the_gradient_is_that_of_the_sign_of_the_shifted_input():
    quantizer = built()
    _, gradient = value_and_gradient(quantizer, X)
    shifted = np.abs(X + [0.5, -0.5])
    window = np.where(shifted < 1, 2 - 2 * shifted, 0)
    np.testing.assert_allclose(gradient, window, rtol=1e-6)

    def outputs(shift):
        with keras.StatelessScope([(quantizer.shift, shift)]):
            return quantizer(ops.convert_to_tensor(X))

    _, gradient = value_and_gradient(outputs, [0.5, -0.5])
    np.testing.assert_allclose(gradient, window.sum(0), rtol=1e-6)


def test_a_learned_quantizer_is_a_part_of_its_layer():
    inputs = keras.Input((4, 4, 2), name="images")
    model = keras.Model(inputs, Quantize("r_sign", name="sign")(inputs))
    assert list(layer_tree(model).values()) == ["images", "sign"]
    assert [variable.path for variable in model.variables] == ["sign/r_sign/shift"]
