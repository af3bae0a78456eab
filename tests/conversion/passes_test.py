"""What the passes make of the op sequences that TFLiteConverter leaves around composites."""

from collections import Counter

import keras
import numpy as np
import pytest

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.export.tracing import trace
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    ADDEND_MULTIPLIER,
    QUANTIZE_MULTIPLIER,
    SECOND_ADDEND,
)
from keras_groupnet.layers import ActivationScale, GroupSum, QuantDense, Quantize
from tests.conversion.networks import activation, conv, randomise, two_groups


def converted(model: keras.Model) -> Graph:
    traced = trace(model, None)
    assert not traced.stays_float
    graph = Graph(traced.content)
    passes.run(graph)
    return graph


def kinds(graph: Graph) -> Counter:
    return Counter(op.kind for op in graph.ops)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_group_becomes_one_quantizer_and_two_convolutions_a_base(bits):
    graph = converted(two_groups(bits, bases=3))
    assert kinds(graph) == {
        "CONV_2D": 1,
        "KgnQuantize": 1,
        "KgnConv2D": 12,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
    }
    for op in graph.of_kind("KgnConv2D"):
        assert op.options["bits"] == bits
    packed = [op for op in graph.of_kind("KgnConv2D") if op.options["out_bits"]]
    # the first convolutions of all bases write nothing but bits; the sum of the first group
    # is written as float, for the skip, and packed behind the second group's batch norm
    assert [op.options["float_output"] for op in packed] == [0, 0, 0, 1, 0, 0, 0]
    assert packed[3].input(QUANTIZE_MULTIPLIER) != ABSENT


def test_bases_are_chained_through_their_addends_and_the_skip_is_scaled_once():
    model = two_groups(1, bases=3)
    graph = converted(model)
    sums = [op for op in graph.of_kind("KgnConv2D") if op.options["float_output"]][:3]
    assert [op.input(SECOND_ADDEND) for op in sums] == [ABSENT] * 3
    assert sums[1].input(ADDEND) == sums[0].outputs[0]
    assert sums[2].input(ADDEND) == sums[1].outputs[0]
    assert [op.input(ADDEND_MULTIPLIER) != ABSENT for op in sums] == [True, False, False]
    scales = next(w for w in model.layers if w.__class__.__name__ == "GroupSum").get_weights()[0]
    values = graph.constant(sums[0].input(ADDEND_MULTIPLIER))
    np.testing.assert_allclose(values, np.full(35, scales.sum()), rtol=1e-5)


def test_scale_map_is_shared_and_becomes_an_input():
    graph = converted(two_groups(1, bases=3, scale_map=True))
    scaled = [op for op in graph.of_kind("KgnConv2D") if op.input(4) != ABSENT]
    assert len(scaled) == 6
    maps = {op.input(4) for op in scaled}
    assert len(maps) == 2
    assert {graph.producer(scales).kind for scales in maps} == {"KgnScaleMap"}
    assert not graph.of_kind("ABS", "MUL")


@pytest.mark.parametrize("mode", ["xnor", "mean"])
def test_scale_of_features_or_of_an_image_stays_float(mode):
    inputs = keras.Input((6,) if mode == "xnor" else (6, 6, 8))
    graph = converted(keras.Model(inputs, ActivationScale(mode, 3)(inputs)))
    assert {"ABS", "MEAN"} <= set(kinds(graph))


def test_batch_norm_moves_into_the_quantizer_and_the_scale_map():
    inputs = keras.Input((6, 6, 8))
    x = keras.layers.BatchNormalization()(inputs)
    scales = ActivationScale("xnor", 3, 1, "same")(x)
    y = keras.layers.Multiply()([conv(8)(Quantize("ste_sign")(x)), scales])
    graph = converted(randomise(keras.Model(inputs, y)))
    assert kinds(graph) == {"KgnQuantize": 1, "KgnScaleMap": 1, "KgnConv2D": 1}
    (quantize,), (scale_map,) = graph.of_kind("KgnQuantize"), graph.of_kind("KgnScaleMap")
    assert quantize.inputs == scale_map.inputs and len(quantize.inputs) == 3


def test_batch_norm_that_others_read_stays():
    inputs = keras.Input((6, 6, 8))
    x = keras.layers.BatchNormalization()(inputs)
    y = keras.layers.Concatenate()([conv(8)(Quantize("ste_sign")(x)), x])
    graph = converted(randomise(keras.Model(inputs, y)))
    assert len(graph.of_kind("KgnQuantize")[0].inputs) == 1
    assert graph.of_kind("MUL", "ADD")


def test_relu_before_batch_norm_goes_to_the_accumulator():
    graph = converted(two_groups(1, relu=True))
    after_skip = [op for op in graph.of_kind("KgnConv2D") if op.options["float_output"]]
    assert [op.options["pre_activation"] for op in after_skip] == [1] * 6
    assert "RELU" not in kinds(graph)


def test_relu_behind_batch_norm_is_the_activation():
    inputs = keras.Input((6, 6, 8))
    x = keras.layers.BatchNormalization()(conv(8)(Quantize("ste_sign")(inputs)))
    graph = converted(randomise(keras.Model(inputs, keras.layers.ReLU()(x))))
    (op,) = graph.of_kind("KgnConv2D")
    assert op.options["activation"] == 1
    assert kinds(graph) == {"KgnQuantize": 1, "KgnConv2D": 1}


def test_full_precision_activations_keep_one_bit_weights():
    graph = converted(two_groups(32))
    assert {op.options["bits"] for op in graph.of_kind("KgnConv2D")} == {32}
    assert not graph.of_kind("KgnQuantize")


def test_pooling_stays_packed():
    inputs = keras.Input((9, 9, 8))
    x = keras.layers.BatchNormalization()(conv(40)(activation(2)(inputs)))
    x = activation(2)(keras.layers.MaxPooling2D(3, 2)(x))
    x = keras.layers.MaxPooling2D(2, 1, padding="same")(x)
    graph = converted(randomise(keras.Model(inputs, conv(4)(x))))
    assert kinds(graph) == {"KgnQuantize": 1, "KgnConv2D": 2, "KgnMaxPool2D": 2}


def test_flatten_moves_before_the_quantizer_and_is_not_dynamic():
    inputs = keras.Input((3, 3, 5))
    x = keras.layers.Flatten()(Quantize("ste_sign")(inputs))
    x = QuantDense(6, kernel_quantizer="binary_weight")(x)
    graph = converted(keras.Model(inputs, x))
    assert [op.kind for op in graph.ops] == ["RESHAPE", "KgnQuantize", "KgnDense"]
    assert graph.constant(graph.ops[0].inputs[1]).tolist() == [-1, 45]


def test_float_reader_of_a_quantized_tensor_gets_a_dequantizer():
    inputs = keras.Input((5, 5, 8))
    quantized = activation(2)(inputs)
    graph = converted(keras.Model(inputs, keras.layers.Add()([conv(8)(quantized), quantized])))
    assert kinds(graph) == {"KgnQuantize": 1, "KgnDequantize": 1, "KgnConv2D": 1}


def test_a_tensor_read_as_float_and_packed_is_written_twice_by_one_op():
    inputs = keras.Input((5, 5, 8))
    x = conv(8)(Quantize("ste_sign")(inputs))
    y = conv(8)(Quantize("ste_sign")(x))
    graph = converted(keras.Model(inputs, keras.layers.Add()([keras.layers.ReLU()(x), y])))
    both = [op for op in graph.of_kind("KgnConv2D") if len(op.outputs) == 2]
    assert len(both) == 1 and both[0].options["out_bits"] == 1


def test_relu_fused_into_the_scaling_goes_to_the_accumulator():
    inputs = keras.Input((5, 5, 8))
    scales = ActivationScale("xnor", 3, 1, "same")(inputs)
    x = keras.layers.Multiply()([conv(8)(Quantize("ste_sign")(inputs)), scales])
    x = keras.layers.BatchNormalization()(keras.layers.ReLU()(x))
    graph = converted(randomise(keras.Model(inputs, x)))
    (op,) = graph.of_kind("KgnConv2D")
    assert op.options["pre_activation"] == 1 and op.input(4) != ABSENT
    assert not graph.of_kind("MUL", "ADD", "RELU")


def test_relu_does_not_pass_a_scale_of_unknown_sign():
    inputs = keras.Input((5, 5, 8))
    scales = keras.layers.Conv2D(1, 3, padding="same")(inputs)
    x = keras.layers.Multiply()([conv(8)(Quantize("ste_sign")(inputs)), scales])
    graph = converted(keras.Model(inputs, keras.layers.ReLU()(x)))
    (op,) = graph.of_kind("KgnConv2D")
    assert op.options["pre_activation"] == 0


def test_bases_with_skips_of_their_own_add_them_beside_their_predecessor():
    inputs = keras.Input((5, 5, 8))
    quantized = Quantize("ste_sign")(inputs)
    branches = []
    for _ in range(3):
        x = conv(8)(quantized)
        branches.append(keras.layers.Add()([conv(8)(Quantize("ste_sign")(x)), x]))
    graph = converted(randomise(keras.Model(inputs, GroupSum()(branches))))
    assert kinds(graph) == {"KgnQuantize": 1, "KgnConv2D": 6}
    first = [op for op in graph.of_kind("KgnConv2D") if op.options["out_bits"]]
    second = [op for op in graph.of_kind("KgnConv2D") if not op.options["out_bits"]]
    assert [op.input(ADDEND) for op in second] == [op.outputs[0] for op in first]
    chain = [op.outputs[0] for op in second]
    assert [op.input(SECOND_ADDEND) for op in second] == [ABSENT, *chain[:2]]


@pytest.mark.parametrize("activation", ["relu", "relu6", "hard_tanh"])
@pytest.mark.parametrize("skip", [True, False])
def test_an_activation_behind_batch_norm_is_the_epilogues(activation, skip):
    inputs = keras.Input((5, 5, 8))
    x = keras.layers.BatchNormalization()(conv(8)(Quantize("ste_sign")(inputs)))
    if skip:
        x = keras.layers.Add()([inputs, x])
    graph = converted(randomise(keras.Model(inputs, keras.layers.Activation(activation)(x))))
    assert [op.kind for op in graph.ops] == ["KgnQuantize", "KgnConv2D"]
    assert (graph.ops[1].input(ADDEND) != ABSENT) == skip
