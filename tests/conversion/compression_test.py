"""`convert(compress=..., cluster=...)` from the Keras model to the interpreter's answers."""

from functools import cache
from importlib.util import find_spec

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.passes import compress_kernels, fold_sums
from keras_groupnet.layers import QuantDense, QuantDepthwiseConv2D
from tests.conversion.networks import activation, conv, randomise


def net(p: float, bits: int = 1) -> keras.Model:
    """Convolutions of every kind; each weight is +1 with probability p."""
    keras.utils.set_random_seed(7)
    inputs = keras.Input((7, 6, 3))
    x = keras.layers.Conv2D(64, 3, padding="same")(inputs)
    for layer in (
        conv(128, name="wide"),
        conv(64, groups=2, dilation_rate=2, name="grouped"),
        conv(64, 1, name="pointwise"),
        QuantDepthwiseConv2D(
            3, padding="same", use_bias=False, kernel_quantizer="binary_weight", name="depthwise"
        ),
        conv(48, pad_values=1.0 if bits == 1 else 0.0, strides=2, name="strided"),
    ):
        x = keras.layers.BatchNormalization()(layer(activation(bits)(x)))
    x = keras.layers.Flatten()(activation(bits)(x))
    x = QuantDense(5, kernel_quantizer="binary_weight", name="dense")(x)
    model = randomise(keras.Model(inputs, x))
    random = np.random.default_rng(bits)
    for layer in model.layers:
        if getattr(layer, "kernel_quantizer", None) is not None:
            kernel, *rest = layer.get_weights()
            signs = np.where(random.random(kernel.shape) < p, 0.1, -0.1)
            layer.set_weights([signs, *rest])
    return model


@cache
def converted(p: float, bits: int = 1, compress: str | None = None):
    return kgn.convert(net(p, bits), compress=compress)


def answers(content: bytes, **options) -> np.ndarray:
    images = np.random.default_rng(1).standard_normal((5, 7, 6, 3), np.float32)
    return kgn.lite.Interpreter(content, delegate_options=options).predict(images)


@pytest.mark.parametrize("bits", [1, 2, 32])
def test_a_compressed_file_answers_like_the_packed_one(bits):
    packed = converted(0.8, bits).content
    compressed = converted(0.8, bits, "huffman").content
    assert len(compressed) < len(packed)
    np.testing.assert_array_equal(answers(compressed), answers(packed))
    if bits != 32:  # there sums differ in their order
        np.testing.assert_array_equal(answers(compressed, kernel="scalar"), answers(packed))


def test_report_of_skewed_kernels():
    report = converted(0.8, compress="huffman").report
    entries = {entry.name: entry for entry in report.compression}
    assert list(entries) == ["wide", "grouped", "pointwise", "depthwise", "strided", "dense"]
    for name in ("wide", "grouped", "depthwise", "strided"):
        entry = entries[name]
        assert not entry.skipped and entry.changed_kernels == entry.changed_weights == 0
        assert 0 < entry.least_bytes < entry.file_bytes < entry.packed_bytes
    wide = entries["wide"]
    assert wide.packed_bytes == 128 * 9 * 64 // 8 and wide.kernels == 128 * 64
    assert wide.entropy == pytest.approx(6.4974, abs=0.1)  # oracle H3; of a sample a little less
    assert wide.packed_bytes / wide.file_bytes == pytest.approx(1.379, abs=0.06)  # with the table
    for name in ("pointwise", "dense"):
        assert entries[name].skipped == "not 3x3"
        assert entries[name].file_bytes == entries[name].packed_bytes
    for layer in report.layers:
        if layer.status == "binary":
            assert layer.weight_bytes == entries[layer.name].file_bytes
    assert report.binary_bytes == sum(entry.file_bytes for entry in report.compression)
    text = str(report)
    assert "Compression of the binary weights" in text and "2 skipped, not 3x3" in text


def test_uniform_kernels_stay_packed():
    report = converted(0.5, compress="huffman").report
    skipped = {entry.name: entry.skipped for entry in report.compression}
    # One channel a word: packed bits waste 31 of 32, which any code saves.
    assert [name for name, why in skipped.items() if not why] == ["depthwise"]
    assert all(why.startswith("no gain: ") for why in (skipped["wide"], skipped["grouped"]))


def test_only_compressed_ops_need_the_new_version():
    graph = Graph(converted(0.8, compress="huffman").content)
    ops = graph.of_kind("KgnConv2D", "KgnDense")
    versions = {graph.name(op.inputs[1]): op.options["version"] for op in ops}
    assert versions.pop("pointwise/kernel") == versions.pop("dense/kernel") == 1
    assert len(versions) == 4 and set(versions.values()) == {2}


def test_clustering_is_reported_and_changes_only_what_is_compressed():
    model = net(0.7)
    images = np.random.default_rng(1).standard_normal((5, 7, 6, 3), np.float32)
    result = kgn.convert(model, compress="huffman", cluster=32, inputs=images)
    plain = kgn.convert(model, compress="huffman", inputs=images).report
    for entry, lossless in zip(result.report.compression, plain.compression, strict=True):
        if entry.skipped:
            assert entry.changed_kernels == entry.changed_weights == 0
            continue
        assert 0 < entry.changed_kernels <= entry.changed_weights < 9 * entry.kernels
        assert entry.file_bytes < lossless.file_bytes
    # Of the clustered file, and not judged: it is far from Keras.
    assert result.report.largest_difference > 10 * plain.largest_difference
    expected = np.abs(answers(result.content) - model.predict_on_batch(images)).max()
    assert result.report.largest_difference == pytest.approx(expected)


def test_clustering_still_checks_the_conversion_itself(monkeypatch):
    right = fold_sums.scale_output
    monkeypatch.setattr(
        fold_sums,
        "scale_output",
        lambda graph, op, factor, offset: right(graph, op, factor, 0 * offset),
    )
    with pytest.raises(kgn.lite.ConversionError, match="does not compute what the model computes"):
        kgn.convert(net(0.8), compress="huffman", cluster=16)


def test_a_layer_that_does_not_pay_is_not_clustered():
    model = net(0.5)
    wide = kgn.convert(model, compress="huffman", cluster=500).report.compression[0]
    assert wide.skipped.startswith("no gain") and wide.changed_kernels == 0


@pytest.mark.skipif(
    not (find_spec("litert_quantizer") or find_spec("ai_edge_quantizer")),
    reason="the LiteRT quantizer is not installed",
)
def test_int8_and_compression_together():
    model = net(0.8)
    images = np.random.default_rng(1).standard_normal((8, 7, 6, 3), np.float32)
    options = {"float_layers": "int8", "representative_data": images}
    packed = kgn.convert(model, **options).content
    compressed = kgn.convert(model, compress="huffman", **options).content
    assert len(compressed) < len(packed)
    np.testing.assert_array_equal(answers(compressed), answers(packed))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"compress": "zip"}, "compress='zip'"),
        ({"cluster": 8}, "add compress='huffman'"),
        ({"compress": "huffman", "cluster": 0}, "from 1 to 512. Received: cluster=0"),
        ({"compress": "huffman", "cluster": 513}, "Received: cluster=513"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        kgn.convert(net(0.8), **arguments)


def test_a_code_that_restores_other_kernels_is_refused(monkeypatch):
    right = compress_kernels.encode
    monkeypatch.setattr(
        compress_kernels,
        "encode",
        lambda symbols: right(np.where(np.arange(len(symbols)) == 7, symbols[0] ^ 1, symbols)),
    )
    with pytest.raises(kgn.lite.ConversionError, match="its binary kernel; found another in"):
        kgn.convert(net(0.8), compress="huffman")
