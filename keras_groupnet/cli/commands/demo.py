"""`groupnet demo`: the whole road on scikit-learn's handwritten digits, in a few minutes."""

from typing import TYPE_CHECKING, Any

from absl import app, flags

from keras_groupnet.cli.model_flags import define_activation_bits
from keras_groupnet.cli.paths import output_folder

if TYPE_CHECKING:
    import keras

    from keras_groupnet.datasets import Dataset

USAGE = "[flags]"
_BATCH_SIZE = 32
_LEARNING_RATE = 2e-3


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_integer("bases", 3, "K", lower_bound=1, flag_values=values)
    define_activation_bits(values)
    flags.DEFINE_integer("epochs", 40, "of training", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("threads", 1, "of the interpreter", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("runs", 30, "timed runs of each file", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("seed", 0, "of weights and shuffling", flag_values=values)
    flags.DEFINE_string("output", None, "folder to keep the files in", flag_values=values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Trains, converts, runs, compares."""
    if positional:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(positional)}")
    folder = output_folder(values.output) if values.output else None
    import keras
    import numpy as np
    from rich.console import Console

    from keras_groupnet import datasets
    from keras_groupnet.bench.baselines import (
        FLOAT32,
        OURS,
        convert_with_baselines,
        print_comparison,
    )

    console = Console(highlight=False)
    keras.utils.set_random_seed(values.seed)
    data = datasets.load("digits")
    shape = data.train_x.shape[1:]
    groupnet, parent = _models(values, shape, data.classes, blocks=(1, 1), filters=(32, 64))
    console.print(
        f"{len(data.train_x)} handwritten digits to learn, {len(data.test_x)} others to test. "
        f"A ResNet of two blocks, each block being {values.bases} binary bases "
        f"(W1A{values.activation_bits}), and its float32 parent:"
    )
    for title, model in (("Group-Net", groupnet), ("float32", parent)):
        _train(title, model, data, values)

    console.print("Converting, and checking the files against Keras …")
    files = convert_with_baselines(groupnet, parent, data.train_x[:200])
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        groupnet.save(folder / "groupnet.keras")
        for name, content in files.items():
            (folder / f"{name}.tflite").write_bytes(content)
    options: dict[str, Any] = {"num_threads": values.threads, "runs": values.runs, "batch_size": 1}
    accuracies = _accuracies(files, {OURS: groupnet, FLOAT32: parent}, data, values.threads)
    print_comparison(files, f"{len(data.test_x)} test images", accuracies, **options)
    console.print("8x8 images are quickly done. The same bases where there is more to compute:")
    large = _models(values, (32, 32, 3), 10, blocks=(2, 2), filters=(128, 256))
    images = np.random.default_rng(values.seed).random((8, 32, 32, 3), np.float32)
    print_comparison(
        convert_with_baselines(*large, images),
        "ResNet with 4 blocks of 128 and 256 channels, 32x32 images, random weights",
        **options,
    )


def _models(
    values: flags.FlagValues, shape: tuple[int, ...], classes: int, **options: Any
) -> tuple["keras.Model", "keras.Model"]:
    """A Group-Net and its full-precision parent."""
    from keras_groupnet.models import ResNet

    options |= {"activation_bits": values.activation_bits, "stem": "cifar", "seed": values.seed}
    return (
        ResNet(shape, classes, values.bases, **options),
        ResNet(shape, classes, None, **options),
    )


def _train(title: str, model: "keras.Model", data: "Dataset", values: flags.FlagValues) -> None:
    import keras

    from keras_groupnet.cli.progress import progress_bars
    from keras_groupnet.datasets import Batches, CropAndFlip

    batches = Batches(
        data.train_x,
        data.train_y,
        _BATCH_SIZE,
        CropAndFlip(padding=1, flip=False),
        seed=values.seed,
    )
    decay = keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, len(batches) * values.epochs)
    model.compile(
        keras.optimizers.Adam(decay), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    with progress_bars() as bars:
        model.fit(batches, epochs=values.epochs, verbose=0, callbacks=[bars.callback(title)])


def _accuracies(
    files: dict[str, bytes],
    in_keras: dict[str, "keras.Model"],
    data: "Dataset",
    num_threads: int,
) -> dict[str, dict[str, str]]:
    """Two columns: test accuracy of the models in Keras, and of the files in the interpreter."""
    from keras_groupnet.lite import Interpreter

    def percent(answers: Any) -> str:
        return f"{100 * (answers.argmax(-1) == data.test_y).mean():.2f} %"

    return {
        "Keras": {
            name: percent(model.predict(data.test_x, batch_size=512, verbose=0))
            for name, model in in_keras.items()
        },
        "file": {
            name: percent(Interpreter(content, num_threads).predict(data.test_x))
            for name, content in files.items()
        },
    }
