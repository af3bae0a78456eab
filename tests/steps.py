"""A few training steps of a small convolutional net on the digits."""

import keras
import numpy as np

from keras_groupnet import datasets
from keras_groupnet.layers import RepeatChannels


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
