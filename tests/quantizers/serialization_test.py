import json

import keras
import numpy as np
import pytest

from keras_groupnet import quantizers
from keras_groupnet.layers import QuantDense
from tests.tensors import array

ALL = [
    (quantizers.SteSign(), 1),
    (quantizers.SteSign(clip_value=1.3), 1),
    (quantizers.SteSign(clip_value=None), 1),
    (quantizers.ApproxSign(), 1),
    (quantizers.MagnitudeAwareSign(), 1),
    (quantizers.BinaryWeight("tensor"), 1),
    (quantizers.KBitActivation(4, 2.5), 4),
]


@pytest.mark.parametrize("quantizer, precision", ALL)
def test_round_trip_through_json(quantizer, precision):
    config = json.loads(json.dumps(quantizers.serialize(quantizer)))
    copy = quantizers.get(config)
    assert type(copy) is type(quantizer)
    assert copy.get_config() == quantizer.get_config()
    assert copy.precision == quantizer.precision == precision
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(array(copy(x)), array(quantizer(x)))


@pytest.mark.parametrize(
    "alias, expected",
    [
        ("ste_sign", quantizers.SteSign),
        ("approx_sign", quantizers.ApproxSign),
        ("magnitude_aware_sign", quantizers.MagnitudeAwareSign),
        ("binary_weight", quantizers.BinaryWeight),
        ("k_bit_activation", quantizers.KBitActivation),
    ],
)
def test_aliases(alias, expected):
    assert type(quantizers.get(alias)) is expected


def test_none_and_callables_pass_through():
    assert quantizers.get(None) is None
    assert quantizers.serialize(None) is None
    assert quantizers.get(np.sign) is np.sign


@keras.saving.register_keras_serializable(package="serialization_test")
class Mine(quantizers.Quantizer):
    precision = 1

    def __call__(self, inputs):
        return quantizers.functional.sign(inputs)


@pytest.mark.parametrize(
    "identifier, expected",
    [
        (quantizers.SteSign, quantizers.SteSign),
        ("keras_groupnet>SteSign", quantizers.SteSign),
        (Mine, Mine),
        ("serialization_test>Mine", Mine),
    ],
)
def test_classes_and_registered_names(identifier, expected):
    assert type(quantizers.get(identifier)) is expected


def plain(x):
    return quantizers.functional.ste_sign(x)


def test_a_plain_function_trains():
    layer = QuantDense(3, kernel_quantizer=plain, input_quantizer=plain, use_bias=False)
    assert layer.kernel_precision == 32  # it does not tell its bits, so they may be all
    model = keras.Sequential([keras.Input((16,)), layer])
    before = array(layer.kernel).copy()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = np.random.default_rng(0).normal(size=(8, 16))
    model.train_on_batch(x, np.ones((8, 3)))
    assert not np.array_equal(array(layer.kernel), before)


def test_a_function_tells_its_bits_by_an_attribute():
    def told(x):
        return plain(x)

    told.precision = 1
    assert QuantDense(3, kernel_quantizer=told).kernel_precision == 1


@pytest.mark.parametrize("identifier", ["sign", 3, int])
def test_an_unknown_identifier_names_the_aliases(identifier):
    with pytest.raises(ValueError, match="ste_sign.*Received"):
        quantizers.get(identifier)


@pytest.mark.parametrize(
    "bits, beta", [(3.5, 1.0), (1, 1.0), (9, 1.0), (True, 1.0), (2, 0.0), (2, -1.0), (2, np.inf)]
)
def test_impossible_k_bit_activations(bits, beta):
    with pytest.raises(ValueError, match="Received"):
        quantizers.KBitActivation(bits, beta)


@pytest.mark.parametrize("clip_value", [0, -1.0, float("nan")])
def test_impossible_windows(clip_value):
    with pytest.raises(ValueError, match="None for no window. Received: clip_value="):
        quantizers.SteSign(clip_value)


def test_impossible_weight_scale():
    with pytest.raises(ValueError, match="channel.*Received: scale='row'"):
        quantizers.BinaryWeight("row")
