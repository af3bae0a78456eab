"""Writes tests/golden/models/:  python -m tests.golden.make_models

A golden file is never rewritten: later versions must go on reading it. Add new names for new ops.
Each NAME.tflite has NAME.npz with images `x` and what the reference kernels answered, `y`.
"""

from pathlib import Path

import keras
import numpy as np

import keras_groupnet as kgn
from keras_groupnet.layers import QuantDense, QuantDepthwiseConv2D
from tests.conversion.networks import activation, conv, randomise, two_groups

FOLDER = Path(__file__).parent / "models"


def pooled(bits: int) -> keras.Model:
    """Strides, dilation, groups, packed pooling, a depthwise and a dense layer."""
    keras.utils.set_random_seed(10 + bits)
    inputs = keras.Input((12, 11, 6))
    x = conv(40, 5, strides=2, groups=2)(activation(bits)(inputs))
    x = keras.layers.BatchNormalization()(x)
    x = activation(bits)(keras.layers.MaxPooling2D(3, 2, padding="same")(x))
    x = QuantDepthwiseConv2D(
        3, padding="same", use_bias=False, kernel_quantizer="binary_weight", dilation_rate=2
    )(x)
    x = keras.layers.BatchNormalization()(x)
    x = activation(bits)(keras.layers.Flatten()(x))
    x = QuantDense(5, kernel_quantizer="binary_weight")(x)
    return randomise(keras.Model(inputs, x))


def main() -> None:
    """Writes the files that are not there yet."""
    models = {f"groups_w1a{bits}": two_groups(bits) for bits in (1, 2, 4, 32)}
    models |= {f"pooled_w1a{bits}": pooled(bits) for bits in (1, 2, 4)}
    models["scale_map"] = two_groups(1, bases=2, scale_map=True, relu=True)
    for name, model in models.items():
        path = FOLDER / f"{name}.tflite"
        if path.exists():
            continue
        images = np.random.default_rng(0).standard_normal((3, *model.input_shape[1:]), np.float32)
        content = kgn.convert(model, path, images=images).content
        reference = kgn.lite.Interpreter(content, delegate_options={"kernel": "scalar"})
        np.savez_compressed(FOLDER / f"{name}.npz", x=images, y=reference.predict(images))


if __name__ == "__main__":
    main()
