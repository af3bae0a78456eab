"""A tiny run of a method of two stages that uses everything that has to survive a kill:

    python -m tests.training.tiny_stages FOLDER

writes its final weights to FOLDER.npz. Nothing in it has a seed of its own, and no layer a name.
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_groupnet import datasets, layers, methods, training

EPOCHS = (3, 4)


def build(method):
    """A model of a stage of PCNN."""
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = layers.Quantize("approx_sign")(keras.layers.BatchNormalization()(x))
    x = layers.ProjectionConv2D(4, 3, projections=2, levels=method.levels)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


def batches():
    """160 digits in batches of 16, moved at random."""
    data = datasets.digits()
    augment = datasets.CropAndFlip(1, flip=False)
    return datasets.Batches(data.train_x[:160], data.train_y[:160], 16, augment, seed=3)


def recipe(stage, steps):
    """Momentum, and a learning rate that depends on the state of a callback."""
    plateau = training.reduce_when_saturated("loss", factor=0.5, patience=1)
    plateau.min_delta = 10.0  # no epoch is good enough: the learning rate falls every time
    return training.Recipe(training.SGDWithL2(0.05), [plateau], batch_size=16, epochs=1)


def train(folder=None, epochs=EPOCHS, **options):
    """Trains, going on from what is in `folder`."""
    arguments = {"recipe": recipe, "verbose": 0, "announce": lambda text: None} | options
    return training.fit(
        methods.PCNN(projections=2), build, batches(), epochs, folder=folder, **arguments
    )


class Slow(keras.callbacks.Callback):
    """Gives the killer time to hit an epoch."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)


def main():
    folder = Path(sys.argv[1])
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    model = train(folder, callbacks=lambda stage: [Slow()]).model
    np.savez(folder.with_suffix(".npz"), *[keras.ops.convert_to_numpy(v) for v in model.variables])


if __name__ == "__main__":
    main()
