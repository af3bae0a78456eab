"""The ops of a file between its first and its last binary layer: each wiring has exactly these."""

import keras
import pytest
from keras import layers

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.layers import QuantConv2D, QuantDense, Quantize
from tests.conversion.networks import conv, randomise


class Shift(layers.Layer):
    """x + b, one b for each channel."""

    def build(self, input_shape):
        start = keras.initializers.RandomNormal(0, 0.3)
        self.b = self.add_weight(shape=input_shape[-1:], initializer=start)

    def call(self, x):
        return x + self.b


def batch_norm(x):
    return layers.BatchNormalization()(x)


def binary(x, filters=32, kernel_size=3, **options):
    return conv(filters, kernel_size, **options)(Quantize("ste_sign")(x))


def dense(x, units):
    options = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign", "use_bias": False}
    return QuantDense(units, **options)(x)


def prelu(x):
    slopes = keras.initializers.RandomUniform(-0.3, 0.5)
    return layers.PReLU(shared_axes=[1, 2], alpha_initializer=slopes)(x)


def rprelu(x):
    """ReActNet: prelu(x - gamma) + zeta."""
    return Shift()(prelu(Shift()(x)))


def binary_net(x):
    for _ in range(2):
        x = batch_norm(layers.MaxPooling2D(2)(binary(x)))
        x = layers.Activation("hard_tanh")(x)
    return dense(batch_norm(dense(layers.Flatten()(x), 16)), 10)


def res_net(x):
    for _ in range(2):
        x = layers.ReLU()(layers.Add()([x, batch_norm(binary(x))]))
    return x


def bi_real(x):
    for _ in range(2):
        x = layers.Add()([x, prelu(batch_norm(binary(x)))])
    return x


def react_net(x):
    for kernel_size in (3, 1):
        y = batch_norm(binary(Shift()(x), kernel_size=kernel_size))
        x = rprelu(layers.Add()([y, x]))
    return x


def react_net_down(x):
    x = rprelu(layers.Add()([batch_norm(binary(Shift()(x))), x]))
    halves = [batch_norm(binary(Shift()(x), kernel_size=1)) for _ in range(2)]
    return layers.Concatenate()([rprelu(layers.Add()([half, x])) for half in halves])


def react_net_joined(x):
    halves = [layers.Add()([batch_norm(binary(Shift()(x))), x]) for _ in range(2)]
    return binary(rprelu(layers.Concatenate()(halves)))


def real_to_binary(x):
    for _ in range(2):
        normed = batch_norm(x)
        gate = layers.GlobalAveragePooling2D(keepdims=True)(normed)
        gate = layers.Conv2D(8, 1, activation="relu")(gate)
        gate = layers.Conv2D(32, 1, activation="sigmoid")(gate)
        y = layers.PReLU(shared_axes=[1, 2])(layers.Multiply()([binary(normed), gate]))
        x = layers.Add()([y, x])
    return x


def quick_net(x):
    def block(x):
        y = QuantConv2D(
            x.shape[-1],
            3,
            padding="same",
            pad_values=1.0,
            activation="relu",
            input_quantizer="ste_sign",
            kernel_quantizer="ste_sign",
            use_bias=False,
        )(x)
        return layers.Add()([batch_norm(y), x])

    x = layers.ReLU()(block(block(x)))
    x = layers.MaxPooling2D(3, 1, padding="same")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x)
    return block(batch_norm(layers.Conv2D(64, 1, use_bias=False)(x)))


def dense_net(x):
    for _ in range(2):
        x = layers.Concatenate()([x, binary(batch_norm(x))])
    return x


def melius_net(x):
    x = layers.Concatenate()([x, binary(batch_norm(x))])
    y = binary(batch_norm(x))
    better = layers.Add()([x[..., 32:], y])
    return binary(layers.Concatenate()([x[..., :32], better]))


def u_net_skip(x):
    parts = [Quantize("ste_sign")(batch_norm(binary(x))) for _ in range(2)]
    return conv(32)(layers.Concatenate()(parts))


def u_net_up(x):
    x = Quantize("ste_sign")(batch_norm(binary(x)))
    deep = batch_norm(conv(32)(layers.MaxPooling2D(2)(x)))
    deep = Quantize("ste_sign")(layers.UpSampling2D(2)(deep))
    return conv(32)(layers.Concatenate()([deep, x]))


def odd_concatenation(x):
    parts = [Quantize("ste_sign")(batch_norm(binary(x, filters))) for filters in (20, 33)]
    return conv(32)(layers.Concatenate()(parts))


def zero_padding(x):
    x = batch_norm(conv(32, padding="valid")(layers.ZeroPadding2D(1)(Quantize("ste_sign")(x))))
    quantize = Quantize(kgn.quantizers.KBitActivation(2, beta=2.0))
    return conv(32, strides=2, padding="valid")(layers.ZeroPadding2D(1)(quantize(x)))


def dense_of_maps(x):
    return dense(batch_norm(dense(x, 64)), 32)


CONV, POOL, PACK, DENSE = "KgnConv2D", "KgnMaxPool2D", "KgnQuantize", "KgnDense"
GATE = ["MUL", "ADD", "CONV_2D", "CONV_2D", "LOGISTIC"]
WIRINGS = {
    binary_net: [PACK, CONV, POOL, CONV, POOL, "RESHAPE", DENSE, DENSE],
    res_net: [PACK, CONV, CONV],
    bi_real: [PACK, CONV, CONV],
    react_net: [PACK, CONV, CONV],
    react_net_down: [PACK, CONV, CONV, CONV, PACK],
    react_net_joined: [PACK, PACK, CONV, CONV, "CONCATENATION", PACK, CONV],
    real_to_binary: ["MEAN", PACK, *GATE, CONV, "MEAN", *GATE, CONV],
    quick_net: [PACK, CONV, CONV, "MAX_POOL_2D", "DEPTHWISE_CONV_2D", "CONV_2D", PACK, CONV],
    dense_net: [PACK, CONV, "CONCATENATION", PACK, CONV],
    melius_net: [
        *[PACK, CONV, "CONCATENATION", PACK, "STRIDED_SLICE", "STRIDED_SLICE", CONV],
        *["CONCATENATION", PACK, CONV],
    ],
    u_net_skip: [PACK, CONV, CONV, "CONCATENATION", CONV],
    u_net_up: [
        *[PACK, CONV, POOL, CONV, "RESHAPE", "TILE", "RESHAPE", "TILE", "RESHAPE"],
        *["CONCATENATION", CONV],
    ],
    odd_concatenation: [
        *[PACK, CONV, CONV, "KgnDequantize", "KgnDequantize", "CONCATENATION", PACK, CONV]
    ],
    zero_padding: [PACK, CONV, "PAD", CONV],
    dense_of_maps: [PACK, "RESHAPE", DENSE, DENSE, "RESHAPE"],
}


@pytest.mark.parametrize("wiring", WIRINGS, ids=lambda wiring: wiring.__name__)
def test_the_ops_of_a_wiring(wiring):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 32))
    model = randomise(keras.Model(inputs, wiring(inputs)))
    graph = Graph(kgn.convert(model).content)
    kinds = [op.kind for op in graph.ops]
    last = max(i for i, kind in enumerate(kinds) if kind in (CONV, DENSE, "RESHAPE"))
    assert sorted(kinds[: last + 1]) == sorted(WIRINGS[wiring]), kinds
    assert all(op.options["bits"] != 32 for op in graph.of_kind(CONV, DENSE))
