"""Networks trained for int8: scales and codes in the file are the trained ones."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.int8.float_ops import float_ops
from keras_groupnet.conversion.int8.requantize import parameters
from keras_groupnet.layers import QuantConv2D, QuantDense, QuantDepthwiseConv2D, Quantize

if not (find_spec("litert_quantizer") or find_spec("ai_edge_quantizer")):
    pytest.skip("the LiteRT quantizer is not installed", allow_module_level=True)

EIGHT = {"input_quantizer": "int8_activation", "kernel_quantizer": "int8_weight"}
STATIC = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).normal(0.3, 1, (48, 10, 10, 3)).astype(np.float32)


def network(images, *, behind_stem=True, behind_last=True):
    """A stem and a classifier of 8 bits around a binary convolution."""
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((10, 10, 3))
    x = QuantConv2D(8, 7, strides=2, padding="same", use_bias=False, name="stem", **EIGHT)(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    if behind_stem:
        x = Quantize("int8_activation", name="behind_stem")(x)
    x = QuantConv2D(
        **{"filters": 8, "kernel_size": 3, "padding": "same", "pad_values": 1, "use_bias": False},
        input_quantizer="ste_sign",
        kernel_quantizer="binary_weight",
        name="binary",
    )(x)
    x = keras.layers.BatchNormalization()(x)
    x = QuantDepthwiseConv2D(3, name="depthwise", activation="relu", **EIGHT)(x)
    x = keras.layers.MaxPooling2D(2, 1)(x)
    x = keras.layers.Flatten()(x)
    x = QuantDense(5, name="classifier", **EIGHT)(x)
    if behind_last:
        x = Quantize("int8_activation", name="logits")(x)
    model = keras.Model(inputs, x)
    gamma = [1.5, -0.7, 0.4, -2.0, 1.0, 0.1, -0.3, 3.0]
    model.get_layer("norm").gamma.assign(gamma)
    for _ in range(5):
        model(images, training=True)
    return model


@pytest.fixture(scope="module")
def model(images):
    return network(images)


@pytest.fixture(scope="module")
def int8(model, images):
    return kgn.convert(model, inputs=images, float_layers="int8")


def written(graph, kind):
    (op,) = graph.of_kind(kind)
    return op


def scale_and_zero_point(graph, tensor):
    found = graph.tensors[tensor].quantization
    return float(found.scale[0]), int(found.zeroPoint[0])


def codes(latent):
    """Of a kernel whose last axis are the output channels."""
    scale = np.abs(latent).max(tuple(range(latent.ndim - 1))) / np.float32(127)
    return np.round(latent / scale).astype(int), scale


def test_the_float32_file_has_pairs_and_kernels_on_the_grid(model, images):
    converted = kgn.convert(model, inputs=images)
    assert converted.report.outputs.largest_difference <= 1e-5
    layers = {layer.name: layer for layer in converted.report.layers}
    assert (layers["stem"].status, layers["stem"].detail) == ("float32", "trained for int8")
    assert layers["binary"].status == "binary"
    graph = Graph(converted.content)
    pairs = graph.of_kind("QUANTIZE")
    quantizers = [
        model.get_layer("stem").input_quantizer,
        model.get_layer("behind_stem").quantizer,
        model.get_layer("depthwise").input_quantizer,
        model.get_layer("classifier").input_quantizer,
        model.get_layer("logits").quantizer,
    ]
    assert [scale_and_zero_point(graph, op.outputs[0]) for op in pairs] == [
        quantizer.scale_and_zero_point() for quantizer in quantizers
    ]
    for op in pairs:
        assert [one.kind for one in graph.consumers(op.outputs[0])] == ["DEQUANTIZE"]
    kernel = graph.value(written(graph, "FULLY_CONNECTED").inputs[1]).T
    expected, scale = codes(np.asarray(model.get_layer("classifier").kernel))
    np.testing.assert_allclose(kernel, expected * scale, rtol=1e-5, atol=1e-9)


def test_the_int8_file_has_the_trained_codes_and_scales_without_data(model, int8):
    assert [layer.status for layer in int8.report.layers] == [*("int8", "binary", "int8", "int8")]
    graph = Graph(int8.content)
    assert {op.kind: op.precision for op in float_ops(graph)} == dict.fromkeys(STATIC, "int8")
    stem, depthwise, dense = (
        written(graph, kind) for kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    )
    for op, before, behind in (
        (stem, model.get_layer("stem").input_quantizer, model.get_layer("behind_stem").quantizer),
        (
            depthwise,
            model.get_layer("depthwise").input_quantizer,
            model.get_layer("classifier").input_quantizer,
        ),
        (
            dense,
            model.get_layer("classifier").input_quantizer,
            model.get_layer("logits").quantizer,
        ),
    ):
        assert scale_and_zero_point(graph, op.inputs[0]) == before.scale_and_zero_point()
        assert scale_and_zero_point(graph, op.outputs[0]) == behind.scale_and_zero_point()
    found = graph.value(dense.inputs[1]).T
    np.testing.assert_array_equal(found, codes(np.asarray(model.get_layer("classifier").kernel))[0])
    latent = np.asarray(model.get_layer("depthwise").kernel)[..., 0]
    np.testing.assert_array_equal(graph.value(depthwise.inputs[1])[0], codes(latent)[0])
    # The batch norm behind the stem scales its channels, some of them by a negative number; pairs
    # of columns stand as channels, with one column of zeros in front.
    signs = np.sign(np.asarray(model.get_layer("norm").gamma))
    kernel = codes(np.asarray(model.get_layer("stem").kernel))[0] * signs.astype(int)
    merged = graph.value(stem.inputs[1])
    columns = merged.reshape(8, 7, -1, 3)
    (filled,) = np.nonzero(np.abs(columns).sum((0, 1, 3)))
    np.testing.assert_array_equal(columns[:, :, filled], kernel.transpose(3, 0, 1, 2))
    # Nothing is float but in front of the signs and of the depthwise convolution.
    assert [op.kind for op in graph.ops] == [
        *("QUANTIZE", "RESHAPE", "CONV_2D", "DEQUANTIZE", "KgnQuantize", "KgnConv2D"),
        *("QUANTIZE", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"),
        "DEQUANTIZE",
    ]


def test_int8_outputs_are_those_of_keras_within_a_step(model, int8, images):
    step, _ = model.get_layer("logits").quantizer.scale_and_zero_point()
    outputs = kgn.lite.Interpreter(int8.content).predict(images)
    differ = np.abs(outputs - model.predict(images, verbose=0)) / step
    # A sum at a threshold of a quantizer is a step apart, and so may be what follows.
    assert (np.round(differ) <= 1).mean() > 0.97 and np.median(differ) < 1e-3
    assert int8.report.changed_codes[0].share < 1e-3
    assert kgn.lite.verify(model, int8.content, images).ok


def test_int8_inputs_and_outputs_have_the_trained_scales(model, images):
    converted = kgn.convert(
        **{"model": model, "float_layers": "int8", "inputs": images},
        inference_input_type="int8",
        inference_output_type="int8",
    )
    graph = Graph(converted.content)
    quantizers = model.get_layer("stem").input_quantizer, model.get_layer("logits").quantizer
    for tensor, quantizer in zip((*graph.inputs, *graph.outputs), quantizers, strict=True):
        assert scale_and_zero_point(graph, tensor) == quantizer.scale_and_zero_point()
    assert graph.ops[0].kind == "RESHAPE" and graph.ops[-1].kind == "FULLY_CONNECTED"


def test_other_ranges_come_from_data(images):
    model = network(images, behind_last=False)
    message = r"int8 needs `representative_data`.*for {}.*Received: representative_data=None"
    with pytest.raises(ValueError, match=message.format("the ranges of ")):
        kgn.convert(model, float_layers="int8")
    with pytest.raises(ValueError, match=message.format("the ranges of ")):
        kgn.convert(model, inference_output_type="int8")
    ordinary = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=message.format("a model that was not trained")):
        kgn.convert(ordinary, float_layers="int8")
    converted = kgn.convert(model, float_layers="int8", representative_data=images)
    graph = Graph(converted.content)
    dense = written(graph, "FULLY_CONNECTED")
    trained = model.get_layer("classifier").input_quantizer.scale_and_zero_point()
    assert scale_and_zero_point(graph, dense.inputs[0]) == trained
    logits = model.predict(images, verbose=0)
    expected = (max(logits.max(), 0) - min(logits.min(), 0)) / 255
    assert scale_and_zero_point(graph, dense.outputs[0])[0] == pytest.approx(expected, rel=0.05)


def test_without_a_range_behind_it_a_layer_in_front_of_signs_writes_floats(images):
    model = network(images, behind_stem=False)
    graph = Graph(kgn.convert(model, float_layers="int8").content)
    stem = written(graph, "CONV_2D")
    assert {op.kind: op.precision for op in float_ops(graph)}["CONV_2D"] == "int8 dynamic range"
    assert graph.dtype(stem.inputs[1]) == np.int8
    kernel = codes(np.asarray(model.get_layer("stem").kernel))[0]
    columns = graph.value(stem.inputs[1]).reshape(8, 7, -1, 3)
    assert np.abs(columns).sum() == np.abs(kernel).sum()


@pytest.mark.parametrize("float_layers", ["float32", "int8"])
def test_verify_sees_another_scale(model, int8, float_layers):
    content = int8.content if float_layers == "int8" else kgn.convert(model).content
    graph = Graph(content)
    (quantize, *_) = graph.of_kind("QUANTIZE")
    scale, zero_point = scale_and_zero_point(graph, quantize.outputs[0])
    graph.tensors[quantize.outputs[0]].quantization = parameters(1.01 * scale, zero_point)
    report = kgn.lite.verify(model, graph.to_bytes())
    assert not report.ok and "int8 of scale" in str(report.problems[0])


def test_layers_of_other_kinds(images):
    """Groups, dilation, transposed convolutions, time, several calls."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input((10, 10, 3))
    shared = QuantConv2D(4, 3, padding="same", name="shared", **EIGHT)
    first = QuantConv2D(4, 3, dilation_rate=2, padding="same", name="dilated", **EIGHT)(inputs)
    second = keras.layers.Conv2D(4, 1, name="ordinary")(inputs)
    x = keras.layers.Concatenate()([shared(first), shared(second)])
    x = QuantConv2D(6, 3, groups=2, name="grouped", **EIGHT)(x)
    x = kgn.layers.QuantConv2DTranspose(5, 3, strides=2, name="transposed", **EIGHT)(x)
    x = keras.layers.Reshape((17, 85))(x)
    x = kgn.layers.QuantConv1D(3, 3, padding="causal", name="time", **EIGHT)(x)
    x = QuantDense(2, name="dense", **EIGHT)(x)
    model = keras.Model(inputs, Quantize("int8_activation", name="last")(x))
    for _ in range(3):
        model(images, training=True)
    float32 = kgn.convert(model, inputs=images)
    assert float32.report.verification.ok
    assert float32.report.outputs.largest_difference < 1e-4
    int8 = kgn.convert(model, inputs=images, float_layers="int8", representative_data=images)
    assert [layer.status for layer in int8.report.layers] == ["int8"] * 7
    assert int8.report.outputs.largest_difference < 0.05 * int8.report.outputs.output_range
    assert kgn.lite.verify(model, int8.content, images).ok


def test_the_summary_tells_8_bits(model):
    rows = {row.name: row for row in kgn.summary(model, print_fn=len).layers}
    assert [rows[name].precision for name in ("stem", "binary", "classifier")] == [
        *("W8A8", "W1A1", "W8A8")
    ]
    assert rows["stem"].float_macs > 0 == rows["stem"].binary_macs


def test_the_summary_tells_the_size_of_the_float32_file(model):
    summary = kgn.summary(model, print_fn=len)
    assert summary.file_bytes == pytest.approx(len(kgn.convert(model).content), rel=0.1)
    rows = {row.name: row for row in summary.layers}
    assert "behind_stem" not in rows  # ranges are no weights
    assert rows["stem"].float_weights == 7 * 7 * 3 * 8
    assert rows["classifier"].float_weights == 32 * 5 + 5
