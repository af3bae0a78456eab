"""Converts the ImageNet-sized Group-Nets of the paper (untrained) and compares file with Keras.

    python -m experiments.convert_imagenet_models [--only RESNET18_V1_W1A1] [--markdown FILE]

Prints one Markdown row a model: file size against the bound of 1 bit a binary weight and 4 bytes a
float parameter, largest difference from Keras, mismatched top-1, and the time of one image.
"""

import itertools
import time

import keras
import numpy as np
from absl import app, flags

import keras_groupnet as kgn
from keras_groupnet.bench.benchmark import benchmark
from tests.conversion.networks import randomise

FLAGS = flags.FLAGS
flags.DEFINE_multi_string("only", None, "Names of models to convert; all if not given.")
flags.DEFINE_string("markdown", None, "File to append the rows to.")
flags.DEFINE_integer("bases", 5, "K.")
flags.DEFINE_integer("images", 4, "Random images to compare on.")


def builders() -> dict:
    """Name → function that builds the model."""
    result = {}
    for partition, bits in itertools.product(("v1", "v2", "v3", "layerwise"), (1, 2, 4, 32)):
        result[f"RESNET18_{partition.upper()}_W1A{bits}"] = lambda p=partition, b=bits: (
            kgn.models.ResNet18(classes=1000, bases=FLAGS.bases, activation_bits=b, partition=p)
        )
    for bits in (1, 2, 4, 32):
        result[f"ALEXNET_GROUP_S1_W1A{bits}"] = lambda b=bits: kgn.models.AlexNet(
            classes=1000, bases=FLAGS.bases, activation_bits=b, partition="group_s1"
        )
    return result


def bound(model: keras.Model) -> float:
    """Bits of binary weights / 8 + 4 × float parameters, in bytes."""
    binary = sum(
        int(np.prod(layer.kernel.shape))
        for layer in model.layers
        if getattr(layer, "kernel_quantizer", None) is not None
    )
    return binary / 8 + 4 * (model.count_params() - binary)


def main(_):
    """Converts and prints."""
    header = "| model | MB | of bound | largest difference | range | top-1 | s to convert | ms |"
    print(header + "\n|---|---|---|---|---|---|---|---|", flush=True)
    for name, build in builders().items():
        if FLAGS.only and name not in FLAGS.only:
            continue
        keras.utils.clear_session()
        keras.utils.set_random_seed(0)
        model = build()
        randomise(model)  # batch norms as a trained net has them, so that folding them is tested
        shape = (FLAGS.images, *model.input_shape[1:])
        images = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        start = time.perf_counter()
        converted = kgn.convert(model, inputs=images, strict=False)
        seconds = time.perf_counter() - start
        report = converted.report
        (timing,) = benchmark({name: converted.content}, runs=10)
        row = (
            f"| {name} | {report.file_bytes / 1e6:.2f} | {report.file_bytes / bound(model):.3f} "
            f"| {report.largest_difference:.2g} | {report.output_range:.2g} "
            f"| {report.images - report.mismatched_top1}/{report.images} | {seconds:.0f} "
            f"| {timing.median_ms:.1f} |"
        )
        print(row, flush=True)
        if FLAGS.markdown:
            with open(FLAGS.markdown, "a") as file:
                file.write(row + "\n")


if __name__ == "__main__":
    app.run(main)
