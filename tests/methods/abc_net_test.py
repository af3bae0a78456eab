import pytest

from keras_groupnet import methods
from keras_groupnet.layers import QuantConv2D
from tests.methods.networks import tiny


def test_every_layer_has_bases_of_its_own():
    net = tiny(methods.ABCNet(weight_bases=2, activation_bases=3))
    low_bit = [layer for layer in net.layers if isinstance(layer, QuantConv2D)]
    assert {layer.kernel_quantizer.bases for layer in low_bit} == {2}
    assert len({id(layer.input_quantizer.shifts) for layer in low_bit}) == len(low_bit)
    assert all(layer.input_quantizer.shifts.shape == (3,) for layer in low_bit)


def test_bits():
    chosen = methods.ABCNet(weight_bases=2, activation_bases=3)
    assert (chosen.branches, chosen.weight_bits, chosen.activation_bits) == (6, 2, 3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"weight_bases": 0}, "bases=0"),
        ({"activation_bases": 0}, "bases=0"),
        ({"pad_values": 1}, "pad_values=1"),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(ValueError, match=f"Received: {message}"):
        methods.ABCNet(**options)
