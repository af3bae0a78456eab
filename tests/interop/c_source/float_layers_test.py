"""Keras' float layers, many at once: C answers as the interpreter does."""

import keras
import pytest
from keras import layers, ops

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

from tests.conversion.networks import randomise  # noqa: E402
from tests.interop.c_source.nets_test import agrees  # noqa: E402

WINDOWS = [
    layers.Conv2D(7, 3, strides=2, activation="relu"),
    layers.Conv2D(7, (3, 2), strides=2, padding="same", activation="relu6"),
    layers.Conv2D(4, 3, dilation_rate=(2, 3), padding="same"),
    layers.Conv2D(8, 3, groups=2),
    layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
    layers.DepthwiseConv2D(3, strides=2, padding="same"),
    layers.Conv2DTranspose(6, 3, strides=2, padding="same"),
    layers.Conv2DTranspose(6, 3, strides=2),
    layers.AveragePooling2D(3, 2, padding="same"),
    layers.MaxPooling2D(3, 2, padding="same"),
    layers.GlobalMaxPooling2D(),
    layers.UpSampling2D(2),
    layers.UpSampling2D((2, 3), interpolation="bilinear"),
    layers.Resizing(5, 17, interpolation="nearest"),
    layers.Resizing(5, 17),
    layers.Dense(6, activation="tanh"),
]
ELEMENTS = [
    *(keras.layers.Activation(name) for name in ("gelu", "selu", "softplus", "mish", "hard_silu")),
    *(keras.layers.Activation(name) for name in ("hard_sigmoid", "softsign", "log_softmax")),
    layers.LeakyReLU(0.1),
    layers.PReLU("glorot_uniform"),
    layers.ELU(0.3),
    layers.ReLU(6.0, 0.1, 0.5),
    layers.Softmax(axis=1),
    layers.BatchNormalization(),
    layers.LayerNormalization(),
    layers.UnitNormalization(),
    lambda x: ops.where(x > 0.5, x, -x),
    lambda x: ops.sqrt(ops.abs(x)) - ops.square(x) / (1 + ops.exp(x)),
    lambda x: ops.minimum(ops.maximum(x, 0.1 * x), ops.round(3 * x)),
    lambda x: x * layers.GlobalAveragePooling2D(keepdims=True)(x),
    lambda x: ops.sum(x, axis=(1, 3)),
    lambda x: ops.max(x, axis=2) - ops.min(x, axis=2, keepdims=False),
    lambda x: ops.prod(x, axis=-1),
]
MOVES = [
    layers.ZeroPadding2D(((1, 2), (0, 3))),
    layers.Cropping2D(((1, 2), (0, 3))),
    layers.Permute((3, 1, 2)),
    layers.Reshape((11, 36)),
    lambda x: layers.Concatenate(axis=1)([x, layers.ReLU()(x), x]),
    lambda x: x[:, 1:-1:2, ::-1, 1],
    lambda x: ops.split(x, [1, 3], axis=-1)[1],
    lambda x: ops.stack([x, x * 2], axis=2),
    lambda x: ops.unstack(x, axis=1)[2],
    lambda x: ops.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0)), mode="reflect"),
    lambda x: ops.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0)), mode="symmetric"),
    lambda x: ops.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0)), constant_values=-1.5),
    lambda x: ops.flip(x, axis=1),
    lambda x: ops.tile(x, (1, 2, 1, 3)),
    lambda x: ops.einsum("bijc,bkjc->bik", x, x),
]


@pytest.mark.parametrize("made", [WINDOWS, ELEMENTS, MOVES], ids=["windows", "elements", "moves"])
def test_layers(made, tmp_path):
    inputs = keras.Input((9, 11, 4))
    agrees(randomise(keras.Model(inputs, [make(inputs) for make in made])), tmp_path, samples=1)


def test_blocks_of_pixels(tmp_path):
    import tensorflow as tf

    class Blocks(layers.Layer):
        def call(self, x):
            return tf.nn.depth_to_space(x, 2), tf.nn.space_to_depth(x, 2)

    inputs = keras.Input((4, 6, 8))
    agrees(keras.Model(inputs, list(Blocks()(inputs))), tmp_path, samples=1)


def test_sequences_and_integers(tmp_path):
    words, image = keras.Input((6,), dtype="int32"), keras.Input((4, 4, 3), dtype="uint8")
    x = layers.Embedding(9, 8)(words)
    attended = layers.MultiHeadAttention(2, 4)(x, x)
    convolved = layers.Conv1D(6, 3, padding="causal", dilation_rate=2)(attended)
    scaled = layers.Rescaling(1 / 127.5, -1)(image)
    recurrent = layers.GRU(4, unroll=True)(x)
    agrees(keras.Model([words, image], [attended, convolved, scaled, recurrent]), tmp_path)
