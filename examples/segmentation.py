"""Trains a binary DeepLab to find the pixels of digits, converts it, and prints the mean IoU.

    python examples/segmentation.py [--bases 2] [--epochs 6] [--gates]

An image is one of the digits that come with scikit-learn, somewhere on a larger noisy canvas; its
pixels are the class 1, all others the class 0. Each base of a dilated block looks at distances of
its own (BPAC of Group-Net's journal version).
"""

import keras
import numpy as np
from absl import app, flags

import keras_groupnet as kgn

FLAGS = flags.FLAGS
flags.DEFINE_integer("bases", 2, "K.", 1)
flags.DEFINE_integer("epochs", 6, "Epochs.", 1)
flags.DEFINE_integer("images", None, "Use only so many training images.", 1)
flags.DEFINE_bool("gates", False, "Gates between groups.")
flags.DEFINE_string("output", None, "Path of the converted file.")

SIZE = 16


def canvases(digits, seed):
    """Images `(N, 16, 16, 1)` and the class of each pixel."""
    random = np.random.default_rng(seed)
    images = random.normal(0, 0.25, (len(digits), SIZE, SIZE, 1)).astype("float32")
    classes = np.zeros((len(digits), SIZE, SIZE), "int32")
    for image, target, digit in zip(images, classes, digits, strict=True):
        top, left = random.integers(0, SIZE - 8, 2, endpoint=True)
        image[top : top + 8, left : left + 8] += digit
        target[top : top + 8, left : left + 8] = digit[..., 0] > 0.5
    return images, classes


def mean_iou(classes, probabilities):
    """Intersection over union, the mean of both classes."""
    metric = keras.metrics.MeanIoU(num_classes=2, sparse_y_pred=False)
    metric.update_state(classes, probabilities)
    return float(metric.result())


def main(_):
    """Trains, converts, runs, prints."""
    keras.utils.set_random_seed(0)
    data = kgn.datasets.digits()
    train_x, train_y = canvases(data.train_x[: FLAGS.images], seed=0)
    test_x, test_y = canvases(data.test_x, seed=1)
    model = kgn.models.DeepLabV3(
        (SIZE, SIZE, 1),
        classes=2,
        bases=FLAGS.bases,
        gates=FLAGS.gates,
        stem="cifar",
        blocks=(1, 1, 1, 1),
        filters=(16, 16, 32, 32),
        aspp_filters=32,
        aspp_rates=(2, 4),
    )
    steps = FLAGS.epochs * -(-len(train_x) // 64)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        "sparse_categorical_crossentropy",
    )
    model.fit(train_x, train_y, batch_size=64, epochs=FLAGS.epochs, verbose=2)

    converted = kgn.convert(model, FLAGS.output, inputs=test_x[:16])
    print(converted.report)
    in_keras = mean_iou(test_y, model.predict(test_x, verbose=0))
    in_file = mean_iou(test_y, kgn.lite.Interpreter(converted.content).predict(test_x))
    nothing = mean_iou(test_y, np.eye(2)[np.zeros_like(test_y)])
    print(
        f"mean IoU: Keras {in_keras:.3f}, interpreter {in_file:.3f}, all background {nothing:.3f}; "
        f"{len(converted.content)} bytes"
    )


if __name__ == "__main__":
    app.run(main)
