import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.deployment import NotBinary, describe_quantizer
from keras_groupnet.deployment.quantization import quantizer_of
from tests.tensors import array

Q = kgn.quantizers


class Own(Q.Quantizer):
    """Three bits up to 2, a class that is not registered."""

    precision, beta = 5, 2.0

    def __call__(self, x):
        return keras.ops.round(keras.ops.clip(x, 0, 2) * 15.5) / 15.5


@pytest.mark.parametrize("beta", [1.0, 1.7])
def test_three_bits_are_the_lower_codes_of_four(beta):
    quantizer = Q.KBitActivation(3, beta)
    found = describe_quantizer(quantizer)
    x = keras.ops.convert_to_tensor(np.linspace(-3, 3, 101, dtype=np.float32))
    np.testing.assert_allclose(
        array(found.quantizer(found.before(x))), array(quantizer(x)), atol=1e-6
    )
    assert (found.bits, found.packed) == (4, True)


@pytest.mark.parametrize(
    ("quantizer", "bits", "beta", "packed"),
    [
        (Q.SteSign(), 1, 1, True),
        (Q.ApproxSign(), 1, 1, True),
        (Q.KBitActivation(2, beta=1.5), 2, 1.5, True),
        (Q.KBitActivation(8), 8, 1, False),
        (Own(), 5, 2, False),
    ],
)
def test_signs_and_uniform_quantizers(quantizer, bits, beta, packed):
    found = describe_quantizer(quantizer)
    assert (found.bits, found.beta if bits > 1 else 1, found.packed) == (bits, beta, packed)
    assert found.before is None
    x = np.linspace(-3, 3, 101, dtype=np.float32)
    codes = np.round(np.clip(x, 0, beta) * found.scale)
    expected = np.where(x < 0, -1, 1) if bits == 1 else codes * found.step
    np.testing.assert_allclose(array(quantizer(keras.ops.convert_to_tensor(x))), expected, 1e-6)


def test_a_function_in_front_of_the_uniform_quantizer():
    quantizer = Q.HalfWaveGaussian()
    found = describe_quantizer(quantizer)
    x = keras.ops.convert_to_tensor(np.linspace(-3, 3, 101, dtype=np.float32))
    np.testing.assert_allclose(array(found.quantizer(found.before(x))), array(quantizer(x)), 1e-6)


@pytest.mark.parametrize("quantizer", [Q.SteHeaviside(), Q.DoReFa(1)])
def test_zeros_and_ones_are_two_of_four_codes(quantizer):
    found = describe_quantizer(quantizer)
    assert (found.bits, found.beta, found.packed) == (2, 3.0, True)
    x = keras.ops.convert_to_tensor(np.linspace(-3, 3, 121, dtype=np.float32))
    np.testing.assert_array_equal(array(found.quantizer(found.before(x))), array(quantizer(x)))


def test_dorefa_is_uniform_for_activations_only():
    assert describe_quantizer(Q.DoReFa(4)).bits == 4
    with pytest.raises(NotBinary, match="mode='activations'"):
        describe_quantizer(Q.DoReFa(4, "weights"))
    with pytest.raises(NotBinary, match="neither sign"):
        describe_quantizer(Q.NoOp(1))


def subclass_of(base):
    class Other(base):
        def __call__(self, x):
            return super().__call__(x) * 2

    return Other


def test_subclasses_and_others_are_tried():
    with pytest.raises(NotBinary, match="neither sign"):
        describe_quantizer(subclass_of(Q.KBitActivation)(2))
    with pytest.raises(NotBinary, match="neither sign"):
        describe_quantizer(subclass_of(Q.SteSign)())
    for quantizer in (subclass_of(Q.DoReFa)(2), subclass_of(Q.SteHeaviside)()):
        with pytest.raises(NotBinary, match="neither sign"):
            describe_quantizer(quantizer)
    with pytest.raises(NotBinary, match="precision"):
        describe_quantizer(lambda x: x)


def test_layers_that_are_quantizers():
    sign = Q.SteSign()
    assert quantizer_of(kgn.layers.Quantize(sign)) is sign
    assert quantizer_of(keras.layers.Activation(sign)) is sign
    assert quantizer_of(keras.layers.Activation("relu")) is None
    assert quantizer_of(keras.layers.Dense(3, activation=sign)) is None
