"""QONNX models: valid, quantized where the nets are, and equal to Keras."""

import collections

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_groupnet as kgn
from keras_groupnet.layers import QuantDense

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")
onnx = pytest.importorskip("onnx", reason="QONNX export needs onnx (extra `qonnx`)")

from tests.conversion.graphs import values  # noqa: E402
from tests.conversion.networks import conv, randomise, two_groups  # noqa: E402
from tests.interop.qonnx.evaluated import channels_first, evaluate  # noqa: E402


def agrees(model):
    """The QONNX model answers as the converted file; the number of its nodes of each kind."""
    content = kgn.convert(model).content
    exported = kgn.to_qonnx(content)
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((1, *t.shape[1:])).astype(np.float32) for t in model.inputs]
    for found, expected in zip(evaluate(exported, arrays), values(content, *arrays), strict=True):
        scale = np.abs(expected).max() + 1e-6
        np.testing.assert_allclose(found, channels_first(expected), atol=1e-5 * scale)
    return collections.Counter(node.op_type for node in exported.graph.node)


@pytest.mark.parametrize(
    ("options", "quantizers"),
    [
        ({"bits": 1, "scale_map": True}, {"BipolarQuant": 8 + 6}),  # kernels, then activations
        ({"bits": 2, "relu": True}, {"BipolarQuant": 8, "Quant": 6}),
        ({"bits": 4}, {"BipolarQuant": 8, "Quant": 6}),
        ({"bits": 32}, {"BipolarQuant": 8}),
    ],
    ids=["1 bit", "2 bits", "4 bits", "floats"],
)
def test_groups(options, quantizers):
    kinds = agrees(two_groups(bases=2, **options))
    assert {kind: kinds[kind] for kind in ("BipolarQuant", "Quant") if kinds[kind]} == quantizers
    assert (kinds["Pad"] > 0) == (options["bits"] == 1)  # by +1


def test_zoo():
    options = {"blocks": (1, 1), "filters": (8, 16), "stem": "cifar"}
    agrees(randomise(kgn.models.ResNet((16, 16, 3), 10, method="bi_real", **options)))


@pytest.mark.parametrize("padding", [{"padding": "valid", "strides": 2}, {"pad_values": -1.0}, {}])
def test_geometry(padding):
    inputs = keras.Input((9, 11, 6))
    x = kgn.layers.Quantize("ste_sign")(inputs)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = conv(8, groups=2, **padding)(x)
    agrees(randomise(keras.Model(inputs, layers.BatchNormalization()(x))))


def test_dense_layers_and_several_inputs_and_outputs():
    one, two = keras.Input((40,), name="one"), keras.Input((3, 4, 5), name="two")
    x = QuantDense(33, kernel_quantizer="binary_weight", input_quantizer="ste_sign")(one)
    y = layers.Dense(33, activation="sigmoid")(layers.Flatten()(two))
    model = keras.Model([one, two], [layers.Add()([x, y]), y, two])
    agrees(model)
    exported = kgn.to_qonnx(model)
    assert [value.name for value in exported.graph.input] == ["one", "two"]
    assert len(exported.graph.output) == 3


FLOAT = [
    layers.Conv2D(7, 3, strides=2, padding="same", activation="relu6"),
    layers.Conv2D(8, 3, groups=2, activation="relu"),
    layers.DepthwiseConv2D(3, depth_multiplier=2),
    layers.AveragePooling2D(3, 2, padding="same"),
    layers.GlobalMaxPooling2D(keepdims=True),
    layers.Dense(6, activation="tanh"),
    layers.Softmax(),
    layers.LayerNormalization(),
    layers.PReLU("glorot_uniform", shared_axes=(1, 2)),
    layers.ZeroPadding2D(((1, 2), (0, 3))),
    layers.Permute((3, 1, 2)),
    layers.Reshape((9, 44)),
    layers.Reshape((11, 4, 9)),
    layers.Activation("gelu"),
    layers.Activation("hard_silu"),
    lambda x: layers.Concatenate(axis=1)([x, layers.LeakyReLU(0.1)(x)]),
    lambda x: x * layers.GlobalAveragePooling2D()(x)[:, None, :1, None] + np.float32([1, 2, 3, 4]),
    lambda x: x[:, 1:-1:2, ::-1, 1],
    lambda x: ops.stack([x[:, 0], 2 * x[:, 1]], axis=2),
    lambda x: ops.sum(x, axis=(1, 3)),
    lambda x: ops.where(x > 0.5, x, ops.square(x) / (1 + ops.exp(x))),
]


def test_float_layers():
    inputs = keras.Input((9, 11, 4))
    agrees(randomise(keras.Model(inputs, [make(inputs) for make in FLOAT])))


def test_the_file_is_written_as_a_whole(tmp_path):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, layers.Dense(3)(inputs))
    exported = kgn.to_qonnx(model, tmp_path / "net.onnx")
    assert onnx.load(tmp_path / "net.onnx") == exported
    assert {entry.domain for entry in exported.opset_import} == {"", "qonnx.custom_op.general"}
    with pytest.raises(ValueError, match=r"ends in \.onnx.*net\.pb"):
        kgn.to_qonnx(model, tmp_path / "net.pb")
    with pytest.raises(ValueError, match="there is no folder"):
        kgn.to_qonnx(model, tmp_path / "none" / "net.onnx")


def test_an_op_that_onnx_lacks():
    inputs = keras.Input((4, 4, 4, 2))
    model = keras.Model(inputs, layers.Conv3D(2, 2)(inputs))
    with pytest.raises(ValueError, match="written as ONNX. Received: CONV_3D"):
        kgn.to_qonnx(model)
