"""Kernels that are sums of binary ones, or have a scale per tap: parity and 1 bit per weight."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.layers import QuantConv2D, QuantDense, QuantDepthwiseConv2D
from keras_groupnet.quantizers import ActivationBases, KBitWeight, SubgroupSign, WeightBases
from tests.conversion.converter_test import assert_agrees
from tests.conversion.networks import activation, randomise

SHAPE = (7, 9, 35)  # 35 channels take two words


def model_of(layer, bits=1, shape=SHAPE):
    """Quantizer, layer, batch norm, with every learned value moved from where it starts."""
    inputs = keras.Input(shape)
    x = layer(activation(bits)(inputs) if bits else inputs)
    model = randomise(keras.Model(inputs, keras.layers.BatchNormalization()(x)))
    generator = np.random.default_rng(1)
    for quantizer in (layer.input_quantizer, layer.kernel_quantizer):
        if isinstance(quantizer, keras.layers.Layer):
            for weight in quantizer.weights:
                weight.assign(weight + generator.uniform(0.01, 0.2, weight.shape))
    return model


def kernel_ops(result):
    return Graph(result.content).of_kind("KgnConv2D", "KgnDense")


@pytest.mark.parametrize("bits, activation_bits", [(2, 2), (3, 1), (2, 32)])
def test_each_bit_of_a_weight_is_a_kernel(bits, activation_bits):
    layer = QuantConv2D(5, 3, padding="same", kernel_quantizer=KBitWeight(bits))
    result = assert_agrees(model_of(layer, activation_bits))
    assert result.report.binary_bytes == bits * 9 * 8 * 5
    operators = kernel_ops(result)
    assert len(operators) == bits
    # They share one packed input, and the sum is in their epilogues.
    assert len({op.inputs[0] for op in operators}) == 1
    kinds = {op.kind for op in Graph(result.content).ops}
    assert not kinds & {"ADD", "MUL"} or activation_bits == 32


def test_bits_of_dense_and_depthwise_weights():
    assert_agrees(model_of(QuantDense(6, kernel_quantizer=KBitWeight(2)), 2, (35,)))
    layer = QuantDepthwiseConv2D(3, depth_multiplier=2, kernel_quantizer=KBitWeight(2))
    assert_agrees(model_of(layer, 1, (7, 9, 6)))


def test_bias_and_activation_come_after_the_sum():
    layer = QuantConv2D(
        5, 3, kernel_quantizer=KBitWeight(2), activation="relu", bias_initializer="random_normal"
    )
    assert_agrees(model_of(layer, 2))


@pytest.mark.parametrize("options", [{}, {"padding": "same", "strides": 2}], ids=str)
@pytest.mark.parametrize("inputs, weights", [(1, 1), (2, 3)])
def test_bases_of_inputs_and_weights(inputs, weights, options):
    layer = QuantConv2D(
        5,
        3,
        use_bias=False,
        input_quantizer=ActivationBases(inputs),
        kernel_quantizer=WeightBases(weights),
        **options,
    )
    result = assert_agrees(model_of(layer, bits=None))
    assert result.report.binary_bytes == weights * 9 * 8 * 5
    graph = Graph(result.content)
    operators = graph.of_kind("KgnConv2D")
    assert len(operators) == inputs * weights
    # Each of the N inputs is packed once, each of the M kernels stored once.
    assert len({op.inputs[0] for op in operators}) == inputs
    assert len({graph.tensors[op.inputs[1]].buffer for op in operators}) == weights
    kinds = [op.kind for op in graph.ops]
    assert kinds.count("KgnQuantize") == inputs and not {"ADD", "MUL"} & set(kinds)


def test_bases_of_dense_layers():
    layer = QuantDense(6, input_quantizer=ActivationBases(2), kernel_quantizer=WeightBases(2))
    assert_agrees(model_of(layer, None, (35,)))


def test_bases_cannot_be_padded_with_ones():
    layer = QuantConv2D(
        4,
        3,
        padding="same",
        pad_values=1,
        input_quantizer=ActivationBases(2),
        kernel_quantizer=WeightBases(2),
    )
    with pytest.raises(kgn.lite.ConversionError, match="padded with 0 only"):
        kgn.convert(model_of(layer, bits=None))


@pytest.mark.parametrize("subgroups", ["pixel", "row"])
@pytest.mark.parametrize(
    "options, bits",
    [({}, 2), ({"padding": "same", "strides": 2}, 1), ({"padding": "same", "use_bias": True}, 8)],
    ids=str,
)
def test_scales_of_pixels_and_rows(subgroups, options, bits):
    layer = QuantConv2D(
        5, (3, 2), kernel_quantizer=SubgroupSign(subgroups), **({"use_bias": False} | options)
    )
    result = assert_agrees(model_of(layer, bits))
    assert result.report.binary_bytes == 3 * 2 * 8 * 5
    assert len(kernel_ops(result)) == 1


def test_one_scale_is_an_ordinary_binary_layer():
    for layer in (
        QuantConv2D(5, 1, kernel_quantizer=SubgroupSign()),
        QuantDense(5, kernel_quantizer=SubgroupSign()),
    ):
        operators = kernel_ops(assert_agrees(model_of(layer, 2)))
        assert [op.options["channels_in"] for op in operators] == [35]


def test_parts_that_are_not_the_kernel_are_refused():
    class Wrong(KBitWeight):
        def binary_parts(self, kernel):
            return super().binary_parts(kernel)[:1]

    with pytest.raises(kgn.lite.ConversionError, match="not the sum"):
        kgn.convert(model_of(QuantConv2D(4, 3, kernel_quantizer=Wrong(2))))
