"""Small models of what occurs in architectures."""

import keras
import numpy as np

from tests.expansion.random_networks import randomise

L = keras.layers


def images(count: int = 3, size: int = 8, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, size, size, channels)).astype("float32")


def residual_net(blocks: int = 3) -> keras.Model:
    """A stem, residual blocks of two convolutions, a classifier."""
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(inputs)
    x = L.BatchNormalization(name="stem_bn")(x)
    x = L.ReLU(name="stem_relu")(x)
    for number in range(1, blocks + 1):
        y = L.Conv2D(8, 3, padding="same", name=f"b{number}_conv1")(x)
        y = L.ReLU(name=f"b{number}_relu")(L.BatchNormalization(name=f"b{number}_bn1")(y))
        y = L.Conv2D(8, 3, padding="same", name=f"b{number}_conv2")(y)
        y = L.BatchNormalization(name=f"b{number}_bn2")(y)
        x = L.ReLU(name=f"b{number}_out")(L.Add(name=f"b{number}_add")([x, y]))
    x = L.GlobalAveragePooling2D(name="pool")(x)
    return randomise(keras.Model(inputs, L.Dense(4, name="fc")(x), name="residual_net"))


def plain_net() -> keras.Model:
    """Convolutions with biases and activations of their own, as in VGG."""
    return randomise(
        keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                L.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
                L.Conv2D(8, 3, padding="same", activation="relu", name="conv2"),
                L.MaxPooling2D(name="pool"),
                L.Conv2D(16, 3, padding="same", activation="relu", name="conv3"),
                L.Flatten(name="flatten"),
                L.Dense(16, activation="relu", name="fc1"),
                L.Dense(4, name="fc2"),
            ],
            name="plain_net",
        )
    )


def towers() -> keras.Model:
    """Two inputs, one model for both, two outputs."""
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(8, 3, name="t_conv1")(inputs)
    x = L.ReLU()(L.BatchNormalization()(x))
    x = L.Conv2D(8, 3, name="t_conv2")(x)
    x = L.BatchNormalization()(x)
    tower = keras.Model(inputs, L.GlobalAveragePooling2D()(x), name="tower")
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    difference = L.Subtract()([tower(left), tower(right)])
    outputs = {"same": L.Dense(1, name="same")(difference), "left": L.Dense(3)(tower(left))}
    return randomise(keras.Model({"left": left, "right": right}, outputs, name="towers"))


def attention_net(size: int = 8) -> keras.Model:
    """Squeeze and excitation around a convolution."""
    inputs = keras.Input((size, size, 3))
    x = L.Conv2D(8, 3, padding="same", name="stem")(inputs)
    y = L.Conv2D(8, 3, padding="same", activation="silu", name="conv")(x)
    z = L.GlobalAveragePooling2D(name="squeeze")(y)
    z = L.Reshape((1, 1, 8))(L.Dense(8, activation="sigmoid", name="excite")(z))
    x = L.Add()([L.Conv2D(8, 1, name="project")(L.Multiply()([y, z])), x])
    outputs = L.Dense(4, name="fc")(L.GlobalAveragePooling2D()(x))
    return randomise(keras.Model(inputs, outputs, name="attention_net"))
