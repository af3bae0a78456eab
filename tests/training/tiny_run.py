"""A tiny training run that uses everything a checkpoint has to keep:

    python -m tests.training.tiny_run FOLDER EPOCHS SEED

writes its final weights to FOLDER.npz.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from keras_groupnet import datasets, layers, training


def train(folder, epochs, steps_per_epoch=None):
    """Trains, going on from a checkpoint in `folder`; returns weights and optimizer variables."""
    # The seed of a run is that of its model, whatever the process was seeded with.
    inputs = keras.Input((8, 8, 1))
    x = layers.QuantConv2D(
        8, 3, kernel_quantizer="binary_weight", kernel_initializer=keras.initializers.HeNormal(1)
    )(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = layers.Quantize("approx_sign")(x)
    x = keras.layers.Dropout(0.3, seed=None)(keras.layers.Flatten()(x))
    x = keras.layers.Dense(10, kernel_initializer=keras.initializers.HeNormal(2))(x)
    model = keras.Model(inputs, x)

    data = datasets.digits()
    train_data = datasets.Batches(
        data.train_x[:160],
        data.train_y[:160],
        16,
        datasets.CropAndFlip(1, flip=False),
        seed=3,
        steps_per_epoch=steps_per_epoch,
    )
    plateau = training.reduce_when_saturated("val_loss", factor=0.5, patience=1)
    plateau.min_delta = 10.0  # no epoch is good enough: the learning rate falls every time
    checkpoint = training.ResumableCheckpoint(folder, train_data, [plateau])
    model.compile(
        training.SGDWithL2(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(
        train_data,
        validation_data=(data.test_x[:50], data.test_y[:50]),
        epochs=epochs,
        initial_epoch=checkpoint.resume(model),
        callbacks=[plateau, checkpoint],
        verbose=0,
    )
    variables = model.variables + model.optimizer.variables
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def main():
    folder, epochs, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    np.savez(folder.with_suffix(".npz"), *train(folder, epochs))


if __name__ == "__main__":
    main()
