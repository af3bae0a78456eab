"""Channels made dead on purpose, in nets of every kind."""

import keras
import numpy as np
import pytest

from keras_groupnet import layers, metrics
from keras_groupnet.deployment.layer_tree import layer_tree
from keras_groupnet.metrics.binary_layers import binary_layers
from tests.steps import digits


def conv(filters=4, **options):
    return layers.QuantConv2D(
        filters, 3, padding="same", kernel_quantizer="ste_sign", name="conv", **options
    )


def dead(model, probe=None, name="conv"):
    probe = digits(8)[0] if probe is None else probe
    (one,) = [one for one in binary_layers(model) if one.name.split("/")[-1] == name]
    return metrics.constant_channels(model, [one.layer], probe)[one.layer].tolist()


def biased(norm, channels=(1,)):
    """A batch norm that lets these channels have one sign only."""
    shift = np.zeros(norm.beta.shape)
    shift[list(channels)] = 100
    norm.beta.assign(shift)


DEAD_1 = [False, True, False, False]


@pytest.mark.parametrize("between", ["nothing", "pool", "flatten", "relu"])
def test_the_nearest_signs_count(between):
    inputs = keras.Input((8, 8, 1))
    convolution, norm = conv(), keras.layers.BatchNormalization()
    x = norm(convolution(inputs))
    if between == "pool":
        x = keras.layers.MaxPooling2D(2)(x)
    if between == "flatten":
        x = layers.QuantDense(3, input_quantizer="ste_sign", kernel_quantizer="ste_sign")(
            keras.layers.Flatten()(x)
        )
    elif between == "relu":
        x = keras.layers.ReLU()(x)  # the end of the way: no quantizer follows
    else:
        x = layers.Quantize("ste_sign")(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x) if x.ndim > 2 else x)
    assert dead(model) == [False] * 4
    biased(norm)
    if between == "relu":
        norm.beta.assign(-norm.beta)
    assert dead(model) == DEAD_1


def test_sums_of_bases_and_shortcuts_are_passed():
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.BatchNormalization()(conv()(inputs))
    other = keras.layers.Conv2D(4, 1, name="other")(inputs)
    norm = keras.layers.BatchNormalization()
    x = norm(keras.layers.Add()([layers.GroupSum()([x, other]), inputs]))
    second = layers.QuantConv2D(2, 1, input_quantizer="ste_sign", kernel_quantizer="ste_sign")
    model = keras.Model(inputs, second(x))
    probe = np.random.default_rng(0).normal(size=(4, 8, 8, 4)).astype("float32")
    assert dead(model, probe) == [False] * 4
    biased(norm)
    assert dead(model, probe) == DEAD_1


class Inside(keras.layers.Layer):
    """A layer of layers."""

    def __init__(self):
        super().__init__(name="inside")
        self.parts = [conv(), keras.layers.BatchNormalization(), layers.Quantize("ste_sign")]

    def build(self, shape):
        for part in self.parts:
            part.build(shape)
            shape = part.compute_output_shape(shape)

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inside = Inside()

    def call(self, x):
        return self.inside(x)


@pytest.mark.parametrize("kind", ["nested", "inside", "subclassed", "half"])
def test_layers_anywhere(kind):
    if kind == "half":
        keras.config.set_dtype_policy("mixed_float16")
    if kind == "nested":
        inner = keras.Sequential([keras.Input((8, 8, 1)), *Inside().parts], name="inner")
        model = keras.Sequential([keras.Input((8, 8, 1)), inner, keras.layers.Flatten()])
        norm = inner.layers[1]
    else:
        model = (
            Subclassed()
            if kind == "subclassed"
            else keras.Sequential([keras.Input((8, 8, 1)), Inside()])
        )
        model(digits(2)[0])
        norm = next(x for x in layer_tree(model) if hasattr(x, "beta"))
    assert dead(model) == [False] * 4
    biased(norm)
    assert dead(model) == DEAD_1


def test_a_shared_layer_is_dead_where_all_its_calls_are():
    inputs = keras.Input((8, 8, 1))
    convolution = conv()
    norms = [keras.layers.BatchNormalization() for _ in range(2)]
    ends = [layers.Quantize("ste_sign")(norm(convolution(inputs))) for norm in norms]
    model = keras.Model(inputs, ends)
    biased(norms[0], [1, 2])
    biased(norms[1], [1, 3])
    assert dead(model) == DEAD_1
