import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet.deployment import describe_quantizer
from keras_groupnet.quantizers import KBitActivation, PactActivation
from tests.tensors import array, value_and_gradient

X = np.array([-1.0, 0.0, 0.3, 0.7, 1.49, 1.5, 2.0, 7.0], "float32")
G = np.arange(1, 9, dtype="float32")


def built(alpha, bits=2):
    quantizer = PactActivation(bits, alpha)
    quantizer.build((None,))
    return quantizer


def test_levels_are_those_of_a_uniform_quantizer():
    np.testing.assert_allclose(array(built(1.5, 4)(X)), array(KBitActivation(4, 1.5)(X)))
    quantizer = built(1.5)
    quantizer.alpha.assign(0.75)
    deployed = describe_quantizer(quantizer)
    assert (deployed.bits, deployed.beta) == (2, 0.75)
    np.testing.assert_allclose(array(deployed.quantizer(X)), array(quantizer(X)))


def test_the_gradients_of_the_paper():
    quantizer = built(1.5)
    _, gradient = value_and_gradient(quantizer, X, G)
    np.testing.assert_array_equal(gradient, G * ((X >= 0) & (X < 1.5)))

    def outputs(alpha):
        with keras.StatelessScope([(quantizer.alpha, alpha)]):
            return quantizer(ops.convert_to_tensor(X))

    _, gradient = value_and_gradient(outputs, 1.5, G)
    np.testing.assert_allclose(gradient, 6 + 7 + 8)  # Eq. 3: where x >= alpha


def test_alpha_is_regularized():
    quantizer = PactActivation(2, 2.0, regularizer=keras.regularizers.L2(0.5))
    quantizer.build((None,))
    np.testing.assert_allclose(float(sum(quantizer.losses)), 0.5 * 2.0**2)


@pytest.mark.parametrize("alpha", [0, -1, float("inf"), float("nan")])
def test_impossible_levels(alpha):
    with pytest.raises(ValueError, match="positive and finite.*Received: alpha="):
        PactActivation(2, alpha)
