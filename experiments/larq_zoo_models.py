"""Makes the models of larq-zoo with random weights, for `import_larq_zoo.py`.

Run by the interpreter of an environment of its own (Python 3.11), with

    pip install "tensorflow-cpu==2.12.1" "larq==0.13.1" "typeguard<3" click
    pip install --no-deps "larq-zoo==2.3.2" "zookeeper==1.3.4" "larq-compute-engine==0.16.0"
    pip install "tensorflow-datasets==4.8.3" "tensorflow-metadata==1.12.0" "protobuf==3.20.3"

    python experiments/larq_zoo_models.py FOLDER [NAME ...]

It writes NAME.h5 (model.save), NAME.npy (images), NAME_float64.npy (the probabilities that the
model gives in float64, where no sign depends on the order of sums) and NAME.tflite (Larq's
converter). Files that are there are left.
"""

import os
import sys
from pathlib import Path

import larq_compute_engine as lce
import larq_zoo
import numpy as np
import tensorflow as tf

NAMES = (
    *("QuickNetSmall", "QuickNet", "QuickNetLarge", "BiRealNet", "BinaryDenseNet28"),
    *("BinaryDenseNet37", "BinaryDenseNet45", "BinaryResNetE18", "MeliusNet22"),
    *("RealToBinaryNet", "XNORNet", "DoReFaNet", "BinaryAlexNet"),
)


def make(name: str):
    """A model whose batch norms have the statistics of random images, so that all signs occur."""
    tf.keras.utils.set_random_seed(0)
    model = factory(name)(weights=None)
    generator = np.random.default_rng(0)
    norms = [x for x in model.layers if isinstance(x, tf.keras.layers.BatchNormalization)]
    for norm in norms:
        momentum, norm.momentum = norm.momentum, 0.0
        for variable in norm.trainable_variables:
            middle = 1.0 if "gamma" in variable.name else 0.0
            variable.assign(generator.uniform(middle - 0.5, middle + 0.5, variable.shape))
        norm.kept = momentum
    model(generator.normal(0, 1, (8, 224, 224, 3)).astype("float32"), training=True)
    for norm in norms:
        norm.momentum = norm.kept
    return model, generator.normal(0, 1, (4, 224, 224, 3)).astype("float32")


def write(folder: Path, name: str) -> None:
    """The model; the file renamed last says that the images are there, too."""
    model, images = make(name)
    np.save(folder / f"{name}.npy", images)
    unfinished = folder / f"unfinished_{name}.h5"
    model.save(unfinished, include_optimizer=False)
    os.replace(unfinished, folder / f"{name}.h5")


def answer(folder: Path, name: str) -> None:
    """The outputs in float64 (the last softmax stays in float32)."""
    tf.keras.backend.set_floatx("float64")
    images = np.load(folder / f"{name}.npy").astype("float64")
    outputs = load(folder, name).predict(images, verbose=0)
    tf.keras.backend.set_floatx("float32")
    np.save(folder / f"{name}_float64.npy", outputs)


def load(folder: Path, name: str):
    """The model that `write` wrote, built anew: the files of some cannot be loaded as a whole."""
    model = factory(name)(weights=None)
    model.load_weights(folder / f"{name}.h5")
    return model


def factory(name: str):
    """What makes a model of larq-zoo."""
    return getattr(larq_zoo.sota, name, None) or getattr(larq_zoo.literature, name)


def convert(folder: Path, name: str) -> None:
    """The file of Larq's converter."""
    unfinished = folder / f"unfinished_{name}.tflite"
    unfinished.write_bytes(lce.convert_keras_model(load(folder, name)))
    os.replace(unfinished, folder / f"{name}.tflite")


if __name__ == "__main__":
    target, *names = sys.argv[1:]
    for step, suffix in ((write, ".h5"), (answer, "_float64.npy"), (convert, ".tflite")):
        for each in names or NAMES:
            if not (Path(target) / f"{each}{suffix}").exists():
                tf.keras.backend.clear_session()
                step(Path(target), each)
                print(step.__name__, each, flush=True)
