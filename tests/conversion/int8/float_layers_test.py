from importlib.util import find_spec

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.int8.changed_codes import changed_codes
from keras_groupnet.conversion.int8.float_layers import quantize_float_layers
from keras_groupnet.conversion.int8.float_ops import float_ops
from keras_groupnet.conversion.int8.scheme import Scheme, scheme_of
from keras_groupnet.models import ResNet18
from tests.conversion.networks import activation, conv, two_groups

if not (find_spec("litert_quantizer") or find_spec("ai_edge_quantizer")):
    pytest.skip("the LiteRT quantizer is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).standard_normal((64, 9, 11, 3)).astype(np.float32)


def test_first_and_last_layers_become_int8(images):
    model = two_groups(1)
    result = kgn.convert(model, float_layers="int8", representative_data=images, inputs=images)
    statuses = [layer.status for layer in result.report.layers]
    assert statuses.count("int8") == 2 and statuses.count("binary") == 12 == len(statuses) - 2
    graph = Graph(result.content)
    kernels = graph.of_kind("CONV_2D", "FULLY_CONNECTED")
    assert [str(graph.constant(op.inputs[1]).dtype) for op in kernels] == ["int8", "int8"]
    assert result.report.file_bytes < kgn.convert(model).report.file_bytes
    changed = result.report.changed_codes
    assert len(changed) == 8 and 0 < changed[0].share < 0.02
    assert "int8 changes codes of" in str(result.report)


def test_the_deprecated_names(images):
    model = two_groups(1)
    with pytest.warns(DeprecationWarning, match="float_layers instead of first_last"):
        old = kgn.convert(model, first_last="int8", representative_data=images)
    with pytest.warns(DeprecationWarning, match="inputs instead of images"):
        new = kgn.convert(model, float_layers="int8", representative_data=images, images=images)
    assert old.content == new.content and new.report.outputs.samples == len(images)
    with pytest.warns(DeprecationWarning, match="float_layers instead of first_last"):
        old = kgn.convert(model, first_last="float")
    assert old.content == kgn.convert(model).content


def test_values_near_zero_keep_their_sign(images):
    """A static int8 output would round most of these to 0, which sign turns into +1."""
    inputs = keras.Input((9, 11, 3))
    x = keras.layers.Conv2D(16, 3, padding="same", name="loud")(inputs)
    model = keras.Model(inputs, conv(8, input_quantizer="ste_sign", name="signs")(x))
    # one loud channel stretches a per-tensor output range over the other, quiet ones
    kernel, bias = model.get_layer("loud").get_weights()
    kernel[..., 1:] *= 1e-3
    model.get_layer("loud").set_weights([kernel, bias])
    float32 = kgn.convert(model).content

    def flipped(scheme):
        int8 = quantize_float_layers(float32, images, scheme)
        (entry,) = changed_codes(float32, int8, images)
        assert entry.read_by == ("signs",)
        return entry.share

    assert flipped(scheme_of) < 0.02
    assert flipped(lambda graph, op: Scheme.STATIC) > 0.4


def every_kind(bits: int) -> keras.Model:
    """Each float kernel in front of a quantizer and behind the last one."""
    keras.utils.set_random_seed(bits)
    layers = keras.layers
    x = inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 3, padding="same", name="conv")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Conv2DTranspose(8, 3, 2, name="transpose")(x)
    x = conv(8)(activation(bits)(x))
    x = layers.Conv2DTranspose(4, 3, 2, padding="same", use_bias=False, name="transpose_2")(x)
    x = layers.DepthwiseConv2D(3, activation="relu6", name="depthwise_2")(x)
    x = layers.Conv2D(6, 3, groups=2, name="grouped_2")(x)
    x = layers.Conv2D(6, 3, dilation_rate=2, activation="relu", name="dilated_2")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(10, activation="relu", name="dense_2")(x)
    return keras.Model(inputs, layers.Dense(10, name="logits_2")(x))


@pytest.mark.parametrize("batch_size", [None, 8])
@pytest.mark.parametrize("bits", [1, 4])
def test_every_kind_of_float_layer(images, bits, batch_size):
    """Maps of any size, so shapes inside are computed; with transposed convolutions too."""
    float32 = kgn.convert(every_kind(bits), batch_size=batch_size, inputs=images[:8]).content
    int8 = quantize_float_layers(float32, images)
    precisions = [(op.kind, op.precision) for op in float_ops(Graph(int8))]
    assert precisions == [
        ("CONV_2D", "int8 dynamic range"),
        ("DEPTHWISE_CONV_2D", "int8 weight only"),
        ("TRANSPOSE_CONV", "int8 weight only"),
        ("TRANSPOSE_CONV", "int8"),
        ("DEPTHWISE_CONV_2D", "int8"),
        ("CONV_2D", "int8"),
        ("CONV_2D", "int8"),
        ("FULLY_CONNECTED", "int8"),
        ("FULLY_CONNECTED", "int8"),
    ]
    (entry,) = changed_codes(float32, int8, images)
    assert 0 < entry.share < 0.04
    expected = kgn.lite.Interpreter(float32).predict(images)
    outputs = kgn.lite.Interpreter(int8).predict(images)
    assert np.corrcoef(outputs.ravel(), expected.ravel())[0, 1] > 0.98


def test_neighbours_hand_over_int8(images):
    """Between the two dense layers nothing becomes float."""
    float32 = kgn.convert(every_kind(1), inputs=images[:8]).content
    graph = Graph(quantize_float_layers(float32, images))
    first, second = graph.of_kind("FULLY_CONNECTED")
    assert graph.producer(second.inputs[0]) is first


def test_a_static_layer_reads_the_input_itself(images):
    inputs = keras.Input((9, 11, 3))
    x = keras.layers.Conv2D(4, 3, name="static")(inputs)
    y = conv(8, input_quantizer="ste_sign")(inputs)
    pools = [keras.layers.GlobalAveragePooling2D()(each) for each in (x, y)]
    model = keras.Model(inputs, keras.layers.Concatenate()(pools))
    float32 = kgn.convert(model).content
    int8 = quantize_float_layers(float32, images)
    assert [op.precision for op in float_ops(Graph(int8))] == ["int8"]
    expected = kgn.lite.Interpreter(float32).predict(images)
    np.testing.assert_allclose(kgn.lite.Interpreter(int8).predict(images), expected, atol=0.05)


def test_resnet18_of_1000_classes():
    """The classifier alone has 512 KB of int8 weights."""
    model = ResNet18(input_shape=(64, 64, 3), classes=1000, bases=1, activation_scale="none")
    data = np.random.default_rng(3).standard_normal((4, 64, 64, 3)).astype(np.float32)
    result = kgn.convert(model, float_layers="int8", representative_data=data, inputs=data)
    (op,) = Graph(result.content).of_kind("FULLY_CONNECTED")
    assert Graph(result.content).value(op.inputs[1]).dtype == np.int8
    outputs = kgn.lite.Interpreter(result.content).predict(data)
    expected = model.predict_on_batch(data)
    assert np.corrcoef(outputs.ravel(), expected.ravel())[0, 1] > 0.95
    entries = {entry.name: entry for entry in result.report.layers}
    for name, entry in entries.items():
        layer = model.get_layer(name)
        binary = isinstance(layer, kgn.layers.QuantConv2D)
        assert entry.status == ("binary" if binary else "int8"), entry
        # merged columns of the stem add zeros
        assert binary or entry.weight_bytes >= np.prod(layer.kernel.shape), entry
    report = kgn.lite.verify(model, result.content, inputs=data)
    assert report.ok, str(report)
    assert report.int8_layers == [n for n, entry in entries.items() if entry.status == "int8"]


def float_layers_of_every_kind() -> keras.Model:
    """Behind a binary layer: layers that become int8 in each way, and one that stays float32."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    picture = keras.Input((8, 8, 3), name="picture")
    words = keras.Input((5,), dtype="int32", name="words")
    x = layers.Conv2DTranspose(8, 3, 2, padding="same", name="transpose_in_front")(picture)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise_in_front")(x)
    x = conv(8, input_quantizer="ste_sign", name="binary")(x)
    x = layers.Conv2DTranspose(8, 3, 2, padding="same", name="transpose")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    y = layers.Embedding(20, 8, name="embedding")(words)
    pooled = [layers.GlobalAveragePooling2D()(x), layers.GlobalAveragePooling1D()(y)]
    x = layers.Dense(6, name="dense")(layers.Add()(pooled))
    return keras.Model({"picture": picture, "words": words}, {"scores": x})


def test_the_report_names_what_each_kind_of_layer_is():
    """Several inputs in a dict or list, and representative data likewise."""
    model = float_layers_of_every_kind()
    generator = np.random.default_rng(0)
    data = {
        "words": generator.integers(0, 20, (16, 5)).astype(np.int32),
        "picture": generator.standard_normal((16, 8, 8, 3)).astype(np.float32),
    }
    result = kgn.convert(model, float_layers="int8", representative_data=data, inputs=data)
    found = {x.name: (x.status, x.detail.rpartition(": ")[2]) for x in result.report.layers}
    assert found == {
        "transpose_in_front": ("int8", "int8 weight only"),
        "depthwise_in_front": ("int8", "int8 weight only"),
        "binary": ("binary", "1-bit activations"),
        "transpose": ("int8", "int8"),
        "depthwise": ("int8", "int8"),
        "embedding": ("float32", "an ordinary layer"),
        "dense": ("int8", "int8"),
    }
    (changed,) = result.report.changed_codes
    assert changed.read_by == ("binary",) and changed.codes == 16 * 16 * 16 * 8
    in_order = [data[name] for name in ("picture", "words")]
    again = kgn.convert(model, float_layers="int8", representative_data=in_order)
    assert again.content == result.content
    outputs = kgn.lite.Interpreter(result.content).predict(data)["scores"]
    expected = model.predict_on_batch(data)["scores"]
    assert np.corrcoef(outputs.ravel(), expected.ravel())[0, 1] > 0.98
    report = kgn.lite.verify(model, result.content)
    assert report.ok and "embedding" not in report.int8_layers, str(report)


def test_pictures_of_any_size():
    """Windows without padding: runtimes cannot begin with a size of 1."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 3, 2, activation="relu")(inputs)
    x = layers.Conv2D(8, 3, groups=4)(x)
    x = conv(8, input_quantizer="ste_sign")(x)
    model = keras.Model(inputs, layers.Conv2D(3, 2)(layers.Conv2DTranspose(4, 4, 2)(x)))
    generator = np.random.default_rng(0)
    data = generator.standard_normal((8, 16, 16, 3)).astype(np.float32)
    content = kgn.convert(model, float_layers="int8", representative_data=data, inputs=data).content
    larger = generator.standard_normal((2, 32, 24, 3)).astype(np.float32)
    outputs = kgn.lite.Interpreter(content).predict(larger)
    expected = model.predict_on_batch(larger)
    assert np.corrcoef(outputs.ravel(), expected.ravel())[0, 1] > 0.95
    assert kgn.lite.verify(model, content).ok
