"""The bits that the summary says a layer reads are those of the ops in the file."""

import re

import keras
import pytest

import keras_groupnet as kgn
from keras_groupnet.deployment.summary import summarize

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

L, K = keras.layers, kgn.layers
ONE_BIT = {"kernel_quantizer": "binary_weight", "use_bias": False}


def conv(x, name="conv", **options):
    return K.QuantConv2D(8, 3, name=name, **(ONE_BIT | {"padding": "same"} | options))(x)


def dense(x, name="dense", **options):
    return K.QuantDense(5, name=name, **(ONE_BIT | options))(x)


def sign(x):
    return K.Quantize("ste_sign")(x)


def levels(x, bits):
    return K.Quantize(kgn.quantizers.KBitActivation(bits))(x)


CHAINS = {
    "float": lambda x: conv(x),
    "sign": lambda x: conv(sign(x)),
    "activation layer": lambda x: conv(L.Activation(kgn.quantizers.SteSign())(x)),
    "2 bits": lambda x: conv(levels(x, 2)),
    "3 bits are packed as 4": lambda x: conv(levels(x, 3)),
    "5 bits are not packed": lambda x: conv(levels(x, 5)),
    "padded with 1": lambda x: conv(sign(x), pad_values=1.0),
    "2 bits padded with 1": lambda x: conv(levels(x, 2), pad_values=1.0),
    "2 bits of its own padded with 1": lambda x: conv(
        x, pad_values=1.0, input_quantizer=kgn.quantizers.KBitActivation(2)
    ),
    "pooled": lambda x: conv(L.MaxPooling2D(2)(L.MaxPooling2D(2, 1)(sign(x)))),
    "averaged": lambda x: conv(L.AveragePooling2D(2)(sign(x))),
    "dropped": lambda x: conv(L.Dropout(0.5)(sign(x))),
    "concatenated": lambda x: conv(L.Concatenate()([sign(x), sign(x)])),
    "zeros around": lambda x: conv(L.ZeroPadding2D(1)(sign(x))),
    "zeros that the convolution would add": lambda x: conv(
        L.ZeroPadding2D(1)(sign(x)), padding="valid"
    ),
    "other zeros": lambda x: conv(L.ZeroPadding2D(1)(sign(x)), padding="valid", strides=2),
    "zeros around codes": lambda x: conv(
        L.ZeroPadding2D(1)(levels(x, 2)), padding="valid", strides=2
    ),
    "enlarged": lambda x: conv(L.UpSampling2D(2)(sign(x))),
    "codes beside codes": lambda x: conv(L.Concatenate()([levels(x, 2), levels(x, 2)])),
    "signs beside floats": lambda x: conv(L.Concatenate()([sign(x), x])),
    "sum": lambda x: conv(L.Add()([sign(x), x])),
    "flat": lambda x: dense(L.Flatten()(sign(x))),
    "pooled and flat": lambda x: dense(L.Flatten()(L.MaxPooling2D(2)(sign(x)))),
    "flat for two": lambda x: (lambda y: L.Add()([dense(y, "a"), dense(y, "b")]))(
        L.Flatten()(sign(x))
    ),
    "reshaped": lambda x: conv(L.Reshape((4, 16, 8))(sign(x))),
    "product of several axes": lambda x: dense(sign(x)),
    "product of its own quantizer": lambda x: dense(x, input_quantizer="ste_sign"),
    "pooled product": lambda x: dense(L.MaxPooling2D(2)(sign(x))),
    "two of one": lambda x: (lambda y: L.Add()([conv(y, "a"), conv(y, "b")]))(sign(x)),
    "bases": lambda x: conv(
        sign(x), kernel_quantizer=kgn.quantizers.WeightBases(2), name="several"
    ),
    "nested": lambda x: conv(keras.Sequential([K.Quantize("ste_sign"), L.MaxPooling2D(2)])(x)),
    "M-Filters": lambda x: K.ModulatedConv2D(4, 3, planes=2, name="m")(sign(x)),
    "M-Filters padded with 1": lambda x: K.ModulatedConv2D(
        4, 3, planes=2, padding="same", pad_values=1.0, name="m"
    )(sign(x)),
    "M-Filters of their own padded with 1": lambda x: K.ModulatedConv2D(
        4, 3, planes=2, padding="same", pad_values=1.0, input_quantizer="ste_sign", name="m"
    )(x),
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_summary_and_report_agree(chain):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 8))
    x = L.BatchNormalization()(L.Conv2D(8, 1)(inputs))
    model = keras.Model(inputs, chain(x))
    report = kgn.convert(model, strict=False).report
    found = {
        layer.name: re.match(r"(\d+)-bit|float32", layer.detail)[1] or 32
        for layer in report.layers
        if layer.status == "binary"
    }
    rows = {row.name: row.activation_bits for row in summarize(model).layers if row.binary_weights}
    assert rows == {name: int(bits) for name, bits in found.items()}
    assert rows
