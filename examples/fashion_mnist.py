"""Trains a Group-Net on Fashion-MNIST, converts it, and runs the file on the whole test set.

    python examples/fashion_mnist.py --data FOLDER --bits 1 [--bases 3] [--epochs 6]

FOLDER holds the four original idx .gz files. Resumes where it stopped if --work is kept.
"""

import time

import keras
import numpy as np
from absl import app, flags

import keras_groupnet as kgn
from keras_groupnet.bench.benchmark import benchmark

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "Folder of the idx files.", required=True)
flags.DEFINE_integer("bits", 1, "Bits of the activations: 1, 2, 4 or 32.")
flags.DEFINE_integer("bases", 3, "K.")
flags.DEFINE_integer("epochs", 6, "Epochs.")
flags.DEFINE_string(
    "work", None, "Folder for checkpoints and the results; by default one for each net."
)
flags.DEFINE_enum(
    "float_layers", "float32", ["float32", "int8"], "What the layers that are not binary become."
)


def main(_):
    """Trains, converts, runs, prints."""
    keras.utils.set_random_seed(0)
    work = FLAGS.work or f"fashion_mnist_k{FLAGS.bases}_w1a{FLAGS.bits}"
    data = kgn.datasets.load("fashion_mnist", FLAGS.data).standardized()
    batches = kgn.datasets.Batches(data.train_x, data.train_y, batch_size=128, seed=0)
    model = kgn.models.ResNet(
        input_shape=data.train_x.shape[1:],
        classes=data.classes,
        blocks=(1, 1, 1),
        filters=(32, 64, 128),
        bases=FLAGS.bases,
        activation_bits=FLAGS.bits,
        activation_scale="none",
        stem="imagenet",
    )
    steps = FLAGS.epochs * len(batches)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    checkpoint = kgn.training.ResumableCheckpoint(work, batches)
    start = time.perf_counter()
    model.fit(
        batches,
        epochs=FLAGS.epochs,
        initial_epoch=checkpoint.resume(model),
        shuffle=False,  # `batches` shuffles itself, so that a resumed run sees the same order
        verbose=2,
        callbacks=[checkpoint],
    )
    seconds = time.perf_counter() - start

    path = f"{work}/model.tflite"
    converted = kgn.convert(
        model,
        path,
        inputs=data.test_x[:64],
        float_layers=FLAGS.float_layers,
        representative_data=data.train_x[:200],
    )
    print(converted.report)
    in_keras = model.predict(data.test_x, batch_size=500, verbose=0).argmax(-1)
    in_file = kgn.lite.Interpreter(path, num_threads=2).predict(data.test_x, 100).argmax(-1)
    (timing,) = benchmark({"ours": converted.content})
    print(
        f"W1A{FLAGS.bits} K={FLAGS.bases}: trained {seconds:.0f} s; "
        f"Keras {100 * np.mean(in_keras == data.test_y):.2f} %, "
        f"interpreter {100 * np.mean(in_file == data.test_y):.2f} % of {len(data.test_y)} images, "
        f"{np.sum(in_keras != in_file)} answers differ; "
        f"{len(converted.content)} bytes; {timing.median_ms:.3f} ms an image"
    )


if __name__ == "__main__":
    app.run(main)
