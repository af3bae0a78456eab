"""A few training steps of a small convolutional net on the digits."""

import keras
import numpy as np

from keras_groupnet import datasets
from keras_groupnet.layers import RepeatChannels
from tests.tensors import array


def digits(samples=64):
    """Images (8, 8, 1) and labels."""
    data = datasets.digits()
    return data.train_x[:samples].astype("float32"), data.train_y[:samples]


def net(layer, copies=1):
    """A float convolution, `layer`, batch norm, pooling, classifier."""
    inputs = keras.Input((8, 8, 1))
    x = RepeatChannels(copies)(keras.layers.Conv2D(4, 3, use_bias=False)(inputs))
    x = layer(keras.layers.BatchNormalization()(x))
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(keras.layers.ReLU()(x))
    x = keras.layers.Dense(10)(x)
    return keras.Model(inputs, keras.layers.Activation("softmax", dtype="float32")(x))


def losses(model, steps=12, learning_rate=0.05):
    """The losses of so many steps on one batch, each before its step."""
    x, y = digits()
    model.compile(
        keras.optimizers.SGD(learning_rate, momentum=0.9), "sparse_categorical_crossentropy"
    )
    return np.array([float(np.mean(model.train_on_batch(x, y))) for _ in range(steps)])


def low_bit_layers(model):
    """Those whose kernels have fewer bits than floats."""
    return [layer for layer in model.layers if getattr(layer, "kernel_precision", 32) < 32]


def check_low_bit_learning(model, **options):
    """The low-bit layers learn, not only the float ones around them.

    The loss falls; latent kernels move and signs flip; and with the kernels that the low-bit layers
    started from, all else being trained, the loss is higher.
    """
    layers = low_bit_layers(model)
    before = [array(layer.kernel).copy() for layer in layers]
    values = losses(model, **({"steps": 20} | options))
    assert np.isfinite(values).all()
    assert values[-3:].mean() < values[0]
    flips = 0
    for layer, start in zip(layers, before, strict=True):
        assert not np.array_equal(array(layer.kernel), start), layer.name
        flips += (np.signbit(array(layer.kernel)) != np.signbit(start)).sum()
    if layers:
        assert flips
        trained = _loss(model)
        for layer, start in zip(layers, before, strict=True):
            layer.kernel.assign(start)
        assert trained < _loss(model)


def _loss(model):
    x, y = digits()
    probabilities = array(model(x, training=True))
    return -np.log(probabilities[np.arange(len(y)), y] + 1e-7).mean()
