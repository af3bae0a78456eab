"""Wrote every_layer.keras and every_layer.npz beside it:  python -m tests.layers.saved.make FOLDER

The files were written before the layers shared a base class and are never rewritten: later
versions must go on loading them. `every_layer.npz` has images `x` and the outputs `y` of the model.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from keras_groupnet import layers, quantizers


def every_layer() -> keras.Model:
    """A model that has every layer of the package, and quantizers with variables."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 2))
    x = layers.RepeatChannels(2)(inputs)
    q = layers.Quantize("ste_sign")(x)
    bases = [
        layers.QuantConv2D(
            8, 3, padding="same", pad_values=1, kernel_quantizer="binary_weight", use_bias=bias
        )(q)
        for bias in (False, True)
    ]
    scale = layers.ActivationScale("xnor", 3)(x)
    x = keras.layers.Multiply()([layers.GroupSum()(bases), scale])
    x = keras.layers.BatchNormalization()(x)
    x = layers.QuantDepthwiseConv2D(
        3,
        strides=2,
        padding="same",
        input_quantizer=quantizers.ApproxSign(),
        kernel_quantizer="magnitude_aware_sign",
    )(x)
    x = layers.QuantConv2D(
        4, (1, 3), input_quantizer="activation_bases", kernel_quantizer="subgroup_sign"
    )(x)
    x = layers.ModulatedConv2D(2, 3, planes=2, padding="same")(x)
    x = layers.ProjectionConv2D(2, 3, projections=2, padding="same", input_quantizer="approx_sign")(
        x
    )
    x = layers.RectifiedConv2D(4, 3, padding="same", input_quantizer="approx_sign")(x)
    x = keras.layers.Flatten()(x)
    y = layers.QuantDense(
        5,
        activation="softmax",
        input_quantizer=quantizers.KBitActivation(2, 1.5),
        kernel_quantizer=quantizers.KBitWeight(3),
    )(x)
    return keras.Model(inputs, y)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    model = every_layer()
    images = np.random.default_rng(0).standard_normal((4, 8, 8, 2)).astype("float32")
    model.save(folder / "every_layer.keras")
    outputs = keras.ops.convert_to_numpy(model(images))
    np.savez_compressed(folder / "every_layer.npz", x=images, y=outputs)
