"""Makes golden/larq: models of Larq and tf.keras with inputs and what they answered.

Run it where Larq is (TensorFlow, tf-keras, larq), with the folder to write to:

    TF_USE_LEGACY_KERAS=1 python tests/golden/make_larq.py tests/golden/larq

It writes NAME.h5 (`model.save`) and NAME.npz: inputs `x0`, `x1`, ... and outputs `y0`, `y1`, ...
"""

import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import larq as lq
import numpy as np
import tensorflow as tf

K = tf.keras.layers
SIGNS = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign"}


def conv2d():
    """Every 2-D layer, on one input."""
    x = tf.keras.Input((7, 6, 4), name="image")
    clipped = {"kernel_constraint": "weight_clip", **SIGNS}
    padded = {"padding": "same", "pad_values": 1.0}
    tern = {"depthwise_quantizer": "ste_tern", "pointwise_quantizer": "ste_sign"}
    layers = [
        lq.layers.QuantConv2D(3, 3, **clipped),
        lq.layers.QuantConv2D(3, (3, 2), strides=2, **padded, **SIGNS),
        lq.layers.QuantConv2D(3, 3, padding="same", dilation_rate=2, pad_values=-1.0, **SIGNS),
        lq.layers.QuantConv2D(4, 3, groups=2, padding="same", activation="relu", **SIGNS),
        lq.layers.QuantConv2D(2, 1, use_bias=False),
        lq.layers.QuantConv2D(2, 1, kernel_regularizer=tf.keras.regularizers.l2(0.1), **SIGNS),
        lq.layers.QuantDepthwiseConv2D(
            3, padding="same", pad_values=1.0, input_quantizer="ste_sign",
            depthwise_quantizer="ste_sign", depthwise_constraint="weight_clip",
        ),
        lq.layers.QuantDepthwiseConv2D(
            3, strides=2, depth_multiplier=2, input_quantizer="ste_sign",
            depthwise_quantizer=lq.quantizers.SteSign(clip_value=1.3),
        ),
        lq.layers.QuantDepthwiseConv2D(3),
        lq.layers.QuantSeparableConv2D(
            3, 3, depth_multiplier=2, input_quantizer="ste_sign", **tern
        ),
        lq.layers.QuantSeparableConv2D(3, 3, padding="same", pad_values=1.0, **tern),
        lq.layers.QuantConv2DTranspose(3, 3, strides=2, padding="same", **SIGNS),
        lq.layers.QuantConv2DTranspose(2, 2, **SIGNS),
    ]  # fmt: skip
    return tf.keras.Model(x, [layer(x) for layer in layers])


def conv1d():
    """Every 1-D layer."""
    x = tf.keras.Input((9, 4))
    layers = [
        lq.layers.QuantConv1D(3, 3, padding="same", pad_values=1.0, strides=2, **SIGNS),
        lq.layers.QuantConv1D(3, 2, padding="causal", kernel_quantizer="ste_sign"),
        lq.layers.QuantConv1D(3, 2, padding="causal"),
        lq.layers.QuantSeparableConv1D(
            3, 3, input_quantizer="ste_sign", depthwise_quantizer="ste_sign",
            pointwise_quantizer="ste_sign",
        ),
        lq.layers.QuantDense(5, **SIGNS),
    ]  # fmt: skip
    return tf.keras.Model(x, [layer(x) for layer in layers])


def conv3d():
    """Every 3-D layer."""
    x = tf.keras.Input((4, 5, 4, 2))
    layers = [
        lq.layers.QuantConv3D(3, 2, padding="same", pad_values=1.0, **SIGNS),
        lq.layers.QuantConv3D(3, 2, strides=2, **SIGNS),
        lq.layers.QuantConv3DTranspose(2, 2, strides=2, **SIGNS),
    ]
    return tf.keras.Model(x, [layer(x) for layer in layers])


def quantizers():
    """Every quantizer of inputs and of kernels, in all its forms."""
    x = tf.keras.Input((12,))
    q = lq.quantizers
    inputs = [
        "ste_sign", "approx_sign", "swish_sign", "ste_heaviside", "dorefa_quantizer",
        q.SteSign(clip_value=None), q.SwishSign(beta=3.0), q.SteHeaviside(clip_value=0.5),
        q.DoReFa(k_bit=3), q.DoReFa(k_bit=1), q.NoOp(precision=1), "magnitude_aware_sign",
        q.SteTern(threshold_value=0.3),
    ]  # fmt: skip
    kernels = [
        "ste_sign", "approx_sign", "swish_sign", "magnitude_aware_sign", "ste_tern",
        q.MagnitudeAwareSign(clip_value=None), q.SteTern(threshold_value=0.2, clip_value=2.0),
        q.SteTern(ternary_weight_networks=True), q.DoReFa(k_bit=2, mode="weights"),
        q.DoReFa(k_bit=1, mode="weights"), q.NoOp(precision=1),
    ]  # fmt: skip
    outputs = [lq.layers.QuantDense(3, input_quantizer=each)(x) for each in inputs]
    outputs += [
        lq.layers.QuantDense(3, kernel_quantizer=each, kernel_constraint="weight_clip")(x)
        for each in kernels
    ]
    outputs.append(lq.layers.QuantConv2D(3, 1, kernel_quantizer="magnitude_aware_sign")(
        K.Reshape((2, 2, 3))(x)
    ))  # fmt: skip
    outputs.append(K.Activation(q.SteSign())(x))
    outputs.append(q.SteTern(threshold_value=0.5)(x))
    outputs.append(K.Activation(lq.activations.hard_tanh)(x))
    outputs.append(lq.layers.QuantDense(3, activation=q.SteSign())(x))
    outputs.append(lq.layers.QuantDense(3, activation=lq.activations.leaky_tanh)(x))
    return tf.keras.Model(x, outputs)


def sequential():
    """A network as Larq's tutorials write it."""
    kwargs = {"kernel_constraint": "weight_clip", "use_bias": False, **SIGNS}
    return tf.keras.Sequential([
        lq.layers.QuantConv2D(
            8, 3, kernel_quantizer="ste_sign", kernel_constraint="weight_clip", use_bias=False,
            input_shape=(12, 12, 1),
        ),
        K.MaxPooling2D(),
        K.BatchNormalization(scale=False),
        lq.layers.QuantConv2D(16, 3, **kwargs),
        K.BatchNormalization(scale=False),
        K.Flatten(),
        lq.layers.QuantDense(10, **kwargs),
        K.BatchNormalization(scale=False),
        K.Activation("softmax"),
    ])  # fmt: skip


def graph():
    """Several inputs and outputs, nested and shared models and layers, operators, functions."""
    first, second = tf.keras.Input((6, 6, 4), name="b"), tf.keras.Input((6, 6, 4), name="a")
    inner = tf.keras.Input((6, 6, 4))
    y = lq.layers.QuantConv2D(4, 3, padding="same", **SIGNS)(inner)
    y = K.BatchNormalization(trainable=False)(y)
    deep = tf.keras.Sequential([K.Conv2D(4, 1, input_shape=(6, 6, 4)), K.BatchNormalization()])
    nested = tf.keras.Model(inner, [deep(y) + inner, y], name="nested")
    shared = K.Conv2D(4, 1, name="shared")
    p, q = nested(first)
    r, _ = nested(second)
    x = tf.concat([shared(p), shared(q), 2.0 * r, 1.0 - q], axis=-1)
    x = tf.nn.relu(x) * 0.5 + x
    frozen = tf.keras.Sequential([K.DepthwiseConv2D(3), K.BatchNormalization()], name="frozen")
    frozen.trainable = False
    x = frozen(x)[:, 1:, :-1, ::2]
    x = tf.pad(x, [[0, 0], [1, 0], [0, 1], [0, 0]])
    a, b = tf.split(x, 2, axis=-1)
    mean = tf.reduce_mean(a, axis=[1, 2])
    return tf.keras.Model(
        [first, second],
        {"mean": mean, "gate": K.Dot(-1)([K.Dense(4)(mean), K.GlobalMaxPooling2D()(b)])},
    )


def floats():
    """Layers that Keras 3 writes or computes differently."""
    x = tf.keras.Input((6, 6, 4))
    t = tf.keras.Input((5, 3))
    word = tf.keras.Input((4,), dtype="int32")
    images = [
        K.Activation("hard_sigmoid"), K.Dense(3, activation="hard_sigmoid"), K.LeakyReLU(0.3),
        K.PReLU(shared_axes=[1, 2]), K.ReLU(6.0, negative_slope=0.1, threshold=0.2),
        K.SeparableConv2D(3, 3, depth_multiplier=2), K.DepthwiseConv2D(3, activation="relu"),
        K.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1),
        K.BatchNormalization(axis=2), K.LayerNormalization(axis=[1, 3]), K.ELU(0.5),
        K.GroupNormalization(groups=2), K.UpSampling2D(2, interpolation="bilinear"),
        K.ZeroPadding2D(((1, 0), (0, 2))), K.Cropping2D(1), K.Normalization(),
        K.AveragePooling2D(3, strides=2, padding="same"), K.GlobalAveragePooling2D(keepdims=True),
        K.Rescaling(0.1, offset=1.0), K.Permute((3, 1, 2)), K.Resizing(4, 5), K.Softmax(axis=1),
        K.Dense(3, activation="gelu", kernel_constraint=tf.keras.constraints.MaxNorm(2.0)),
        K.SpatialDropout2D(0.5), K.RandomFlip(), K.GaussianNoise(1.0), K.Activation("swish"),
    ]  # fmt: skip
    series = [
        K.LSTM(3), K.GRU(3, return_sequences=True), K.Bidirectional(K.LSTM(2)),
        K.SimpleRNN(2), K.TimeDistributed(lq.layers.QuantDense(3, **SIGNS)),
        K.TimeDistributed(tf.keras.Sequential([K.Dense(2, input_shape=(3,)), K.ReLU()])),
        K.Conv1D(3, 3, padding="causal", dilation_rate=2), K.Conv1DTranspose(2, 2),
        K.RNN([K.LSTMCell(2), K.GRUCell(2)]),
    ]  # fmt: skip
    outputs = [layer(x) for layer in images] + [layer(t) for layer in series]
    outputs.append(K.Embedding(7, 2)(word))
    return tf.keras.Model([x, t, word], outputs)


MODELS = (conv1d, conv2d, conv3d, quantizers, sequential, graph, floats)


def write(folder: Path, name: str, model) -> None:
    """Gives a model weights, runs it and saves it."""
    generator = np.random.default_rng(0)
    weights = []
    for weight in model.weights:
        value = generator.normal(0, 0.5, weight.shape)
        if "variance" in weight.name:
            value = value**2 + 0.5
        weights.append(value if "count" not in weight.name else np.zeros(weight.shape))
    model.set_weights(weights)
    for layer in model.layers:
        if isinstance(layer, K.Normalization):
            layer.finalize_state()
    inputs = [
        generator.integers(0, 7, (2, *each.shape[1:])).astype("int32")
        if each.dtype == tf.int32
        else generator.normal(0, 1, (2, *each.shape[1:])).astype("float32")
        for each in model.inputs
    ]
    outputs = model.predict(inputs, verbose=0)
    if isinstance(outputs, dict):
        outputs = [outputs[key] for key in sorted(outputs)]
    outputs = outputs if isinstance(outputs, list) else [outputs]
    model.save(folder / f"{name}.h5", include_optimizer=False)
    arrays = {f"x{i}": each for i, each in enumerate(inputs)}
    arrays |= {f"y{i}": each for i, each in enumerate(outputs)}
    np.savez_compressed(folder / f"{name}.npz", **arrays)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(exist_ok=True)
    for make in MODELS:
        tf.keras.backend.clear_session()
        write(target, make.__name__, make())
