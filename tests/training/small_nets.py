"""A residual net with one stage per size, of real or of binary convolutions."""

import keras

from keras_groupnet.layers import RectifiedConv2D


def residual_net(binary, filters=8, name=None):
    """Two stages for images (8, 8, 1)."""
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(filters, 3, padding="same")(inputs)
    for stage in (1, 2):
        if stage == 2:
            x = keras.layers.AveragePooling2D(2)(x)
        if binary:
            y = RectifiedConv2D(filters, 3, padding="same", input_quantizer="approx_sign")(x)
        else:
            y = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(
                keras.layers.ReLU()(x)
            )
        y = keras.layers.BatchNormalization()(y)
        x = keras.layers.Add(name=f"stage{stage}")([x, y])
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(keras.layers.ReLU()(x))
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x), name=name)
