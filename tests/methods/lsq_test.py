import numpy as np
import pytest

from keras_groupnet import methods
from keras_groupnet.deployment import describe
from keras_groupnet.layers import QuantConv2D, Quantize
from keras_groupnet.quantizers import KBitWeight, LearnedStepActivation, PactActivation
from tests.methods.networks import tiny
from tests.tensors import array


@pytest.mark.parametrize("weights, activations", [(2, 2), (3, 4), (4, 2)])
def test_lsq_learns_a_step_for_each_quantizer(weights, activations):
    method = methods.LSQ(weight_bits=weights, activation_bits=activations)
    net = tiny(method)
    quantizers = [x.quantizer for x in net.layers if isinstance(x, Quantize)]
    assert all(type(x) is LearnedStepActivation and x.bits == activations for x in quantizers)
    binary = [x for x in net.layers if isinstance(x, QuantConv2D)]
    steps = [v for v in net.trainable_variables if v.name == "step_size"]
    assert len(steps) == len(quantizers) + len(binary)
    assert {describe(x).kernel_count for x in binary} == {method.branches} == {weights + 1}
    for layer in binary:  # each step fits its kernel
        expected = 2 * np.abs(array(layer.kernel)).mean() / np.sqrt(2 ** (weights - 1) - 1)
        np.testing.assert_allclose(float(layer.kernel_quantizer.step_size), expected, rtol=1e-5)


def test_pact_has_the_weights_of_dorefa_and_a_loss_of_alpha():
    net = tiny(methods.PACT(activation_bits=4, alpha=2.0, alpha_l2=0.1))
    quantizers = [x.quantizer for x in net.layers if isinstance(x, Quantize)]
    assert all(type(x) is PactActivation and x.bits == 4 for x in quantizers)
    kernels = [x.kernel_quantizer for x in net.layers if isinstance(x, QuantConv2D)]
    assert all(type(x) is KBitWeight and x.bits == 2 for x in kernels)
    np.testing.assert_allclose(float(sum(net.losses)), len(quantizers) * 0.1 * 4, rtol=1e-5)
    assert not tiny(methods.PACT(alpha_l2=0.0)).losses


@pytest.mark.parametrize(
    "method, options, message",
    [
        ("LSQ", {"weight_bits": 1}, "Received: weight_bits=1"),
        ("LSQ", {"activation_bits": 32}, "Received: activation_bits=32"),
        ("PACT", {"activation_bits": 32}, "Received: activation_bits=32"),
        ("PACT", {"alpha": 0.0}, "positive and finite"),
        ("PACT", {"alpha_l2": -1.0}, "at least 0.*Received"),
    ],
)
def test_impossible_options(method, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(methods, method)(**options)
