"""Makes golden/tfmot: models of tensorflow-model-optimization with inputs and what they answered.

Run it where that library is (TensorFlow, tf-keras, tensorflow-model-optimization 0.8.1), with the
folder to write to:

    TF_USE_LEGACY_KERAS=1 python tests/golden/make_tfmot.py tests/golden/tfmot
"""

import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

K = tf.keras.layers


def network():
    """A layer of each kind that is wrapped in its own way."""
    image = tf.keras.Input((8, 8, 3))
    x = K.Conv2D(4, 3, activation="relu", padding="same")(image)
    y = K.BatchNormalization()(K.Conv2D(4, 3, padding="same", use_bias=False)(x))
    x = K.Add()([x, K.ReLU()(y)])
    x = K.GlobalAveragePooling2D()(K.DepthwiseConv2D(3)(x))
    return tf.keras.Model(image, K.Dense(3, activation="softmax")(x))


def pruned():
    """Half of the weights."""
    schedule = tfmot.sparsity.keras.ConstantSparsity(0.5, 0, frequency=1)
    return tfmot.sparsity.keras.prune_low_magnitude(network(), pruning_schedule=schedule)


def clustered():
    """Four values."""
    linear = tfmot.clustering.keras.CentroidInitialization.LINEAR
    return tfmot.clustering.keras.cluster_weights(
        network(), number_of_clusters=4, cluster_centroids_init=linear
    )


def quantized():
    """Trained for 8 bits."""
    return tfmot.quantization.keras.quantize_model(network())


def write(folder: Path, name: str, model) -> None:
    """Trains a model a little, runs it and saves it."""
    generator = np.random.default_rng(0)
    x = generator.normal(0, 1, (16, 8, 8, 3)).astype("float32")
    model.compile("adam", "sparse_categorical_crossentropy")
    callbacks = [tfmot.sparsity.keras.UpdatePruningStep()] if name == "pruned" else []
    labels = generator.integers(0, 3, 16)
    model.fit(x, labels, epochs=20, batch_size=8, verbose=0, callbacks=callbacks)
    model.save(folder / f"{name}.h5", include_optimizer=False)
    np.savez_compressed(folder / f"{name}.npz", x=x, y=model.predict(x, verbose=0))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(exist_ok=True)
    for make in (pruned, clustered, quantized):
        tf.keras.utils.set_random_seed(0)
        write(target, make.__name__, make())
