"""Expands the networks of `keras.applications` (untrained), trains one step, converts and checks.

    python -m experiments.expand_applications [--only MobileNetV2] [--markdown FILE]

Prints one Markdown row for each network and number of activation bits: blocks found, seconds for
the expansion, the largest difference from the parent if all layers stay float (K = 1), the share of
multiply-accumulates that became low-bit, size of the file, how many of the images get the same
class from the file as from Keras, seconds for the strict conversion, which verifies.
"""

import os
import tempfile
import time

import keras
import numpy as np
from absl import app, flags

import keras_groupnet as kgn
from tests.expansion.applications_test import MODELS, application, images

FLAGS = flags.FLAGS
flags.DEFINE_multi_string("only", None, "Names of networks; all if not given.")
flags.DEFINE_string("markdown", None, "File to append the rows to.")
flags.DEFINE_integer("bases", 2, "K.")
flags.DEFINE_integer("images", 32, "Random images to compare on.")


def row(name: str, bits: int) -> str:
    """What became of a network."""
    parent = application(name)
    x = images(parent, FLAGS.images)
    exact = kgn.expand(parent, 1, 32, weight_bits=32, print_fn=None)
    outputs = parent.predict(x, verbose=0)
    difference = np.abs(exact.predict(x, verbose=0) - outputs).max() / np.abs(outputs).max()
    began = time.perf_counter()
    plan = kgn.plan_expansion(parent, FLAGS.bases, bits)
    net = plan.build()
    expanded = time.perf_counter() - began
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.train_on_batch(x[:4], np.arange(4))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.tflite")
        began = time.perf_counter()
        kgn.convert(net, path, strict=True)
        converted = time.perf_counter() - began
        found = kgn.lite.Interpreter(path).predict(x)
        size = os.path.getsize(path)
    same = (found.argmax(-1) == net.predict(x, verbose=0).argmax(-1)).sum()
    return (
        f"| {name} | {bits} | {len(plan.blocks)} | {expanded:.1f} | {difference:.1g} | "
        f"{plan.table.binary_share:.1%} | {size / 1e6:.2f} | {same}/{len(x)} | {converted:.0f} |"
    )


def main(_):
    """Prints the table."""
    header = "| network | A | blocks | s | float | low-bit MACs | MB | top-1 | s to convert |"
    rows = [header, "|---|---|---|---|---|---|---|---|---|"]
    print("\n".join(rows), flush=True)
    for name in FLAGS.only or MODELS:
        for bits in (1, 2):
            keras.utils.clear_session()
            keras.utils.set_random_seed(0)
            rows.append(row(name, bits))
            print(rows[-1], flush=True)
    if FLAGS.markdown:
        with open(FLAGS.markdown, "a") as file:
            file.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    app.run(main)
