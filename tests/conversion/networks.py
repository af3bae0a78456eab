"""Small Keras networks for the converter's tests."""

import keras
import numpy as np

from keras_groupnet.layers import ActivationScale, GroupSum, QuantConv2D, Quantize
from keras_groupnet.quantizers import ApproxSign, KBitActivation


def randomise(model: keras.Model, seed: int = 0) -> keras.Model:
    """Gives every batch norm statistics and every λ and bias a random value."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    generator.uniform(0.5, 1.5, gamma.shape)
                    * generator.choice([-1, 1], gamma.shape),
                    generator.normal(0, 0.3, beta.shape),
                    generator.normal(0, 1, mean.shape),
                    generator.uniform(0.5, 2, variance.shape),
                ]
            )
        elif isinstance(layer, GroupSum):
            layer.set_weights([generator.uniform(-0.5, 1, w.shape) for w in layer.get_weights()])
    return model


def activation(bits: int):
    """The layer that quantises activations to so many bits."""
    if bits == 32:
        return keras.layers.ReLU()
    return Quantize(ApproxSign() if bits == 1 else KBitActivation(bits, beta=1.5))


def conv(filters: int, kernel_size=3, **kwargs) -> QuantConv2D:
    """A binary convolution without input quantizer."""
    kwargs = {"padding": "same", "use_bias": False, "kernel_quantizer": "binary_weight"} | kwargs
    return QuantConv2D(filters, kernel_size, **kwargs)


def group(x, bits: int, bases: int = 3, relu: bool = False, scale_map: bool = False):
    """One group: shared batch norm and quantizer, K bases of two convolutions, skip, sum."""
    filters = x.shape[-1]
    pad = 1.0 if bits == 1 else 0.0
    norm = keras.layers.BatchNormalization()
    normed = norm(x)
    shared = activation(bits)(normed)
    scales = ActivationScale("xnor", 3, 1, "same")(normed) if scale_map else None
    branches = []
    for _ in range(bases):
        y = conv(filters, pad_values=pad)(shared)
        if scales is not None:
            y = keras.layers.Multiply()([y, scales])
        y = keras.layers.BatchNormalization()(y)
        y = conv(filters, pad_values=pad)(activation(bits)(y))
        if relu:
            y = keras.layers.ReLU()(y)
        y = keras.layers.BatchNormalization()(y)
        branches.append(keras.layers.Add()([y, x]))
    return GroupSum()(branches)


def two_groups(bits: int, **kwargs) -> keras.Model:
    """Stem, two groups, classifier, for 9×11×3 images and an odd number of channels."""
    keras.utils.set_random_seed(bits)
    inputs = keras.Input((9, 11, 3))
    x = keras.layers.Conv2D(35, 3, padding="same")(inputs)
    for _ in range(2):
        x = group(x, bits, **kwargs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return randomise(keras.Model(inputs, keras.layers.Dense(7)(x)))
