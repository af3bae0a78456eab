"""A search whose trials take a blink; run as a script, it is killed in its third trial.

python -m tests.tuning.tiny_search FOLDER
"""

import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np

import keras_groupnet as kgn

generator = np.random.default_rng(0)
X = generator.normal(size=(32, 6)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")
TRIALS = 4


def build(method):
    """Three blocks of a dense layer."""
    inputs = keras.Input((6,))
    blocks = [
        kgn.Block(f"block{i}", (kgn.BlockLayer("fc", 6, 0),), residual=False) for i in range(3)
    ]
    x = method.build_blocks(inputs, blocks)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="out")(x))


def compile_model(model):
    """Without tracing, which takes longer than the training."""
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)


def tiny_search(folder, **options):
    """One step for a trial."""
    options = {
        "bases": (1, 2),
        "trials": TRIALS,
        "epochs": 1,
        "batch_size": 32,
        "compile_model": compile_model,
        "verbose": False,
    } | options
    return kgn.search(build, (X, Y), (X, Y), folder=folder, **options)


class Begun(keras.callbacks.Callback):
    """Notes each training that begins; kills the process in the one of that number."""

    def __init__(self, log, kill_at=0):
        super().__init__()
        self.log, self.kill_at = log, kill_at

    def on_train_batch_end(self, batch, logs=None):
        if batch:
            return
        with self.log.open("a") as log:
            log.write("begun\n")
        if len(self.log.read_text().splitlines()) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    tiny_search(folder, limit=400, callbacks=lambda: [Begun(folder.with_suffix(".log"), 3)])
