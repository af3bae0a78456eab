from importlib.util import find_spec

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.graph import Graph
from keras_groupnet.models import ResNet18
from tests.conversion.networks import conv, two_groups

if not (find_spec("litert_quantizer") or find_spec("ai_edge_quantizer")):
    pytest.skip("the LiteRT quantizer is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).standard_normal((64, 9, 11, 3)).astype(np.float32)


def test_first_and_last_layers_become_int8(images):
    model = two_groups(1)
    result = kgn.convert(model, first_last="int8", representative_data=images, images=images)
    fates = [layer.fate for layer in result.report.layers]
    assert fates.count("int8") == 2 and fates.count("float") == 0
    graph = Graph(result.content)
    kernels = graph.of_kind("CONV_2D", "FULLY_CONNECTED")
    assert [str(graph.constant(op.inputs[1]).dtype) for op in kernels] == ["int8", "int8"]
    assert result.report.file_bytes < kgn.convert(model).report.file_bytes


def test_values_near_zero_keep_their_sign(images):
    """A static int8 output would round most of these to 0, which sign turns into +1."""
    inputs = keras.Input((9, 11, 3))
    x = keras.layers.Conv2D(16, 3, padding="same")(inputs)
    # one loud channel would stretch a per-tensor output range over the other, quiet ones
    model = keras.Model(inputs, conv(8, input_quantizer="ste_sign")(x))
    kernel, bias = model.layers[1].get_weights()
    kernel[..., 1:] *= 1e-3
    model.layers[1].set_weights([kernel, bias])
    result = kgn.convert(model, first_last="int8", representative_data=images, images=images)
    expected = model.predict_on_batch(images)
    answered = kgn.lite.Interpreter(result.content).predict(images)
    assert np.corrcoef(expected.ravel(), answered.ravel())[0, 1] > 0.98


def test_resnet18_of_1000_classes():
    """The classifier alone has 512 KB of int8 weights."""
    model = ResNet18(input_shape=(64, 64, 3), classes=1000, bases=1, activation_scale="none")
    data = np.random.default_rng(3).standard_normal((4, 64, 64, 3)).astype(np.float32)
    result = kgn.convert(model, first_last="int8", representative_data=data, images=data)
    (op,) = Graph(result.content).of_kind("FULLY_CONNECTED")
    assert Graph(result.content).value(op.inputs[1]).dtype == np.int8
    outputs = kgn.lite.Interpreter(result.content).predict(data)
    expected = model.predict_on_batch(data)
    assert np.corrcoef(outputs.ravel(), expected.ravel())[0, 1] > 0.95
