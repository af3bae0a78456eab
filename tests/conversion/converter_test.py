"""Keras = converted file in the interpreter, for layers with every option and for whole nets."""

import os

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.passes import epilogue, fold_sums
from keras_groupnet.layers import QuantConv2D, QuantDense, QuantDepthwiseConv2D, Quantize
from keras_groupnet.quantizers import BinaryWeight, KBitActivation, SteSign
from tests.conversion.networks import activation, conv, randomise, two_groups


def assert_agrees(model: keras.Model, seed: int = 0, tolerance: float = 2e-4):
    """Converts. The file answers like Keras up to rounding (no quantizer behind another one)."""
    result = kgn.convert(model)
    assert all(layer.status == "binary" for layer in result.report.layers), str(result.report)
    images = np.random.default_rng(seed).standard_normal((3, *model.input_shape[1:]), np.float32)
    expected = model.predict_on_batch(images)
    answered = kgn.lite.Interpreter(result.content).predict(images)
    np.testing.assert_allclose(answered, expected, atol=tolerance * np.abs(expected).max())
    return result


def single(layer: keras.layers.Layer, shape=(9, 11, 35), bits: int | None = None) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input(shape)
    x = activation(bits)(inputs) if bits else inputs
    return randomise(keras.Model(inputs, layer(x)))


@pytest.mark.parametrize("bits", [1, 2, 4, 32])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel_size": 1},
        {"kernel_size": 5, "strides": 2},
        {"kernel_size": (3, 2), "strides": (2, 1)},
        {"padding": "valid"},
        {"dilation_rate": 2},
        {"groups": 5},
        {"use_bias": True, "bias_initializer": "random_normal"},
    ],
    ids=str,
)
def test_convolution(bits, options):
    assert_agrees(single(conv(10, **({"kernel_size": 3} | options)), bits=bits))


@pytest.mark.parametrize("pad_values", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("strides", [1, 2])
def test_padding_values(pad_values, strides):
    assert_agrees(single(conv(7, 3, pad_values=pad_values, strides=strides), bits=1))


@pytest.mark.parametrize("quantizer", ["ste_sign", "approx_sign"])
def test_input_quantizer_of_the_layer_itself(quantizer):
    assert_agrees(single(conv(7, 3, input_quantizer=quantizer)))


@pytest.mark.parametrize("scale", ["channel", "tensor", "none"])
def test_weight_scales(scale):
    assert_agrees(single(conv(7, 3, kernel_quantizer=BinaryWeight(scale)), bits=2))


@pytest.mark.parametrize("bits", [1, 2, 4, 32])
def test_dense(bits):
    layer = QuantDense(9, kernel_quantizer="binary_weight", bias_initializer="random_normal")
    assert_agrees(single(layer, (70,), bits))


def test_dense_on_more_axes():
    layer = QuantDense(9, kernel_quantizer="binary_weight", input_quantizer="ste_sign")
    assert_agrees(single(layer, (4, 5, 33)))


@pytest.mark.parametrize("bits", [1, 4, 32])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise(bits, multiplier):
    layer = QuantDepthwiseConv2D(
        3,
        depth_multiplier=multiplier,
        padding="same",
        use_bias=False,
        kernel_quantizer="binary_weight",
    )
    assert_agrees(single(layer, (6, 7, 37), bits))


def test_fixed_batch():
    content = kgn.convert(two_groups(1), batch_size=2).content
    interpreter = kgn.lite.Interpreter(content)
    assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [2, 9, 11, 3]
    assert interpreter.predict(np.zeros((4, 9, 11, 3))).shape == (4, 7)
    with pytest.raises(ValueError, match="multiple"):
        interpreter.predict(np.zeros((3, 9, 11, 3)))


def test_sequential_and_nested_models():
    inner = keras.Sequential([keras.Input((5, 5, 8)), Quantize("ste_sign"), conv(6)])
    model = keras.Sequential([keras.Input((5, 5, 8)), inner, keras.layers.BatchNormalization()])
    result = kgn.convert(model)
    assert [layer.status for layer in result.report.layers] == ["binary"]


def test_mixed_precision_model_converts():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = two_groups(1)
    finally:
        keras.config.set_dtype_policy("float32")
    report = kgn.convert(model).report
    assert report.mismatched_top1 == 0


def test_strict_refuses_a_layer_that_stays_float(tmp_path):
    model = single(conv(4, kernel_quantizer=None), bits=1)
    with pytest.raises(kgn.lite.ConversionError, match="no kernel quantizer"):
        kgn.convert(model, tmp_path / "model.tflite")
    assert os.listdir(tmp_path) == []
    report = kgn.convert(model, tmp_path / "model.tflite", strict=False).report
    assert [layer.status for layer in report.layers] == ["float32"]


def test_ternary_kernel_is_not_binary():
    def ternary(kernel):
        return keras.ops.sign(keras.ops.round(kernel * 20))

    model = single(QuantConv2D(4, 3, kernel_quantizer=ternary), bits=1)
    with pytest.raises(kgn.lite.ConversionError, match="does not say how many bits"):
        kgn.convert(model)


def test_foreign_activation_is_refused():
    class Squashed(KBitActivation):
        def __call__(self, inputs):
            return keras.ops.tanh(super().__call__(inputs))

    model = single(Quantize(Squashed(2)), (4, 4, 8))
    with pytest.raises(kgn.lite.ConversionError, match="neither sign"):
        kgn.convert(model)


def low_bit_behind(*layers, quantizer="ste_sign", channels=35):
    """A binary layer that reads a quantized tensor through other layers."""
    inputs = x = keras.Input((5, 6, channels))
    x = Quantize(quantizer)(x)
    for layer in layers:
        x = layer(x)
    x = QuantConv2D(4, 3, kernel_quantizer="binary_weight", name="slow")(x)
    return keras.Model(inputs, x)


def signs_beside_signs():
    inputs = keras.Input((5, 6, 35))
    x = keras.layers.Concatenate()([Quantize("ste_sign")(inputs), Quantize("ste_sign")(inputs)])
    return keras.Model(inputs, QuantConv2D(4, 3, kernel_quantizer="binary_weight", name="slow")(x))


@pytest.mark.parametrize(
    ("model", "levels"),
    [
        (lambda: low_bit_behind(keras.layers.AveragePooling2D((1, 2))), 3),
    ],
    ids=["averages"],
)
def test_strict_refuses_floats_in_the_place_of_few_levels(model, levels):
    with pytest.raises(kgn.lite.ConversionError, match=rf"'slow' \({levels} levels\)"):
        kgn.convert(model())
    (layer,) = kgn.convert(model(), strict=False).report.layers
    assert layer.status == "binary"
    assert layer.detail == f"float32 activations, though its input has {levels} levels"


@pytest.mark.parametrize(
    ("model", "bits"),
    [
        (lambda: low_bit_behind(quantizer=KBitActivation(3, beta=2.0)), 4),
        (lambda: low_bit_behind(keras.layers.ZeroPadding2D(), quantizer=KBitActivation(2)), 2),
        (lambda: low_bit_behind(keras.layers.UpSampling2D()), 1),
        (lambda: low_bit_behind(keras.layers.ZeroPadding2D()), 1),
        (signs_beside_signs, 1),
    ],
    ids=["3 bits", "padded codes", "upsampling", "padded signs", "concatenation"],
)
def test_what_moves_low_bit_values_keeps_them_packed(model, bits):
    report = assert_agrees(model()).report
    assert [layer.detail for layer in report.layers] == [f"{bits}-bit activations"]


def test_activation_of_a_quantizer_is_packed():
    inputs = keras.Input((5, 6, 35))
    x = keras.layers.Activation(SteSign())(inputs)
    model = keras.Model(inputs, QuantConv2D(4, 3, kernel_quantizer="binary_weight")(x))
    assert [layer.detail for layer in assert_agrees(model).report.layers] == ["1-bit activations"]


def test_many_levels_stay_floats():
    assert_agrees(low_bit_behind(quantizer=KBitActivation(8)))


def test_failed_verification_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")

    def scale_output(graph, op, factor, offset):
        """The pass's helper, but it forgets the offset."""
        right(graph, op, factor, 0 * offset)

    right = epilogue.scale_output
    monkeypatch.setattr(fold_sums, "scale_output", scale_output)
    with pytest.raises(kgn.lite.ConversionError, match="does not compute what the model computes"):
        kgn.convert(two_groups(1), path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["model.tflite"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"float_layers": "int4"}, "float_layers='int4'"),
        ({"float_layers": "int8"}, "representative_data"),
        ({"inference_input_type": "uint8"}, "representative_data"),
        ({"inference_output_type": "int16"}, "inference_output_type='int16'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        kgn.convert(two_groups(1), **arguments)


def test_subclassed_model_is_refused():
    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match="functional or Sequential"):
        kgn.convert(Subclassed())


@pytest.mark.parametrize("options", [{"dilation_rate": 2}, {"strides": 2}], ids=str)
def test_padding_by_ones_where_sizes_are_open(options):
    inputs = keras.Input((None, None, 8))
    quantizers = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign"}
    layer = QuantConv2D(4, 3, padding="same", pad_values=1.0, **quantizers, **options)
    model = keras.Model(inputs, layer(inputs))
    content = kgn.convert(model).content
    for height, width in ((11, 8), (6, 13)):
        x = np.random.default_rng(0).normal(size=(2, height, width, 8)).astype(np.float32)
        np.testing.assert_array_equal(kgn.lite.Interpreter(content).predict(x), model(x).numpy())
