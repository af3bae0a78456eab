"""How one run of a comparison is trained, measured and converted."""

import ast
import time
from typing import Any

import keras
import numpy as np

import keras_groupnet as kgn
from experiments.runs import TEACHER, Run, Settings
from keras_groupnet.deployment.summary import ModelSummary, summarize
from keras_groupnet.training.training_stage import needs_teacher

_EVALUATION_BATCH = 500


def make_method(text: str) -> kgn.methods.Method:
    """The method of `"name:option=value,option=value"`; values are numbers, words or tuples."""
    name, _, options = text.partition(":")
    values = {
        word.arg: word.value.id
        if isinstance(word.value, ast.Name)
        else ast.literal_eval(word.value)
        for word in ast.parse(f"_({options})", mode="eval").body.keywords
    }
    return type(kgn.methods.get(name))(**values) if values else kgn.methods.get(name)


def load_data(settings: Settings, folder: str | None) -> kgn.datasets.Dataset:
    """The data set as the settings say, standardized."""
    data = kgn.datasets.load(settings.data, folder)
    train_x, train_y, test_x = data.train_x, data.train_y, data.test_x
    if settings.images is not None:
        chosen = np.random.default_rng(0).permutation(len(train_x))[: settings.images]
        train_x, train_y = train_x[chosen], train_y[chosen]
    return kgn.datasets.Dataset(
        data.name,
        _shrunk(train_x, settings.shrink),
        train_y,
        _shrunk(test_x, settings.shrink),
        data.test_y,
        data.class_names,
    ).standardized()


def _shrunk(images, factor):
    count, height, width, channels = images.shape
    if height % factor or width % factor:
        raise ValueError(
            f"`shrink` must divide the size of the images, {height}x{width}. "
            f"Received: shrink={factor}"
        )
    squares = (count, height // factor, factor, width // factor, factor, channels)
    return images.reshape(squares).mean((2, 4))


def share_epochs(epochs: int, stages: int) -> list[int]:
    """The epochs of a run, shared among its stages.

    The stages before the last share half of them evenly (rounded down, at least one each), the last
    gets what remains.

    Raises:
        ValueError: if there are fewer epochs than stages.
    """
    if epochs < stages:
        raise ValueError(
            f"A method of {stages} stages needs as many epochs. Received: epochs={epochs}"
        )
    earlier = max(1, epochs // (2 * max(1, stages - 1)))
    return [earlier] * (stages - 1) + [epochs - earlier * (stages - 1)]


def train_run(
    run: Run, settings: Settings, data: kgn.datasets.Dataset, teacher: Run
) -> dict[str, Any]:
    """Trains a run, going on from its checkpoint if there is one, and returns its result."""
    method = make_method(run.method)
    epochs = share_epochs(settings.epochs, len(method.stages()))
    trained = kgn.training.fit(
        method,
        lambda stage: _model(stage, run.seed, settings, data),
        _batches(settings, data, run.seed),
        epochs,
        teacher=_load_teacher(teacher) if needs_teacher(method) else None,
        recipe=lambda stage, steps: _recipe(settings, steps),
        callbacks=lambda stage: [_Stopwatch()],
        folder=run.folder / "training",
        seed=run.seed,
        verbose=2,
    )
    student, histories = trained.model, list(trained.history.values())
    student.save(run.model_path)
    loss, accuracy = _evaluated(student, data)
    totals = summarize(student)
    float_operations, binary_operations = operations(totals)
    result = {
        "method": run.method,
        "seed": run.seed,
        "epochs": sum(epochs),
        "stages": len(epochs),
        "seconds": sum(sum(history["seconds"]) for history in histories),
        "cpu_seconds": sum(sum(history["cpu_seconds"]) for history in histories),
        "accuracy": accuracy,
        "loss": loss,
        "train_accuracy": histories[-1]["accuracy"][-1],
        "weight_bits": method.weight_bits,
        "activation_bits": method.activation_bits,
        "branches": method.branches,
        "parameters": student.count_params(),
        "estimated_bytes": totals.file_bytes,
        "float_operations": float_operations,
        "binary_operations": binary_operations,
        "backend": keras.backend.backend(),
    }
    keras.utils.clear_session()
    return result


def operations(totals: ModelSummary) -> tuple[int, int]:
    """Float and binary multiply-accumulates of an image.

    A binary weight times an activation of k bits is k binary operations; times a real one it is a
    real addition.
    """
    real, binary = totals.float_macs, 0
    for bits, macs in totals.binary_macs.items():
        if bits == 32:
            real += macs
        else:
            binary += bits * macs
    return real, binary


def convert_run(run: Run, data: kgn.datasets.Dataset) -> dict[str, Any]:
    """Converts a trained run and compares the file with Keras on the whole test set."""
    from keras_groupnet.bench.benchmark import benchmark

    model = keras.models.load_model(run.model_path)
    path = run.folder / "model.tflite"
    converted = kgn.convert(model, path, inputs=data.test_x[:64])
    in_keras = model.predict(data.test_x, batch_size=_EVALUATION_BATCH, verbose=0).argmax(-1)
    in_file = kgn.lite.Interpreter(path).predict(data.test_x, 100).argmax(-1)
    (timing,) = benchmark({run.method: converted.content})
    keras.utils.clear_session()
    return {
        "file_bytes": len(converted.content),
        "file_accuracy": float(np.mean(in_file == data.test_y)),
        "differing": int(np.sum(in_file != in_keras)),
        "milliseconds": timing.median_ms,
    }


class _Stopwatch(keras.callbacks.Callback):
    """Puts the time of each epoch into the history, where it survives a kill."""

    def on_train_begin(self, logs=None):
        self._start = (time.perf_counter(), time.process_time())

    def on_epoch_end(self, epoch, logs=None):
        now = (time.perf_counter(), time.process_time())
        logs["seconds"], logs["cpu_seconds"] = (
            b - a for a, b in zip(self._start, now, strict=True)
        )
        self._start = now


def _model(method, seed, settings, data):
    return kgn.models.ResNet(
        data.train_x.shape[1:],
        data.classes,
        blocks=(2,) * len(settings.stages),
        filters=settings.stages,
        stem="cifar",
        method=method,
        seed=seed,
    )


def _batches(settings, data, seed):
    augment = None
    if settings.crop or settings.flip:
        augment = kgn.datasets.CropAndFlip(settings.crop, settings.flip)
    return kgn.datasets.Batches(data.train_x, data.train_y, settings.batch_size, augment, seed=seed)


def _recipe(settings, steps):
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    optimizer = (
        keras.optimizers.Adam(rate)
        if settings.optimizer == "adam"
        else kgn.training.SGDWithL2(rate, momentum=0.9, nesterov=False, l2=1e-4)
    )
    return kgn.training.Recipe(optimizer, [], settings.batch_size, settings.epochs)


def _load_teacher(run):
    result = run.result() or {"error": "it has not finished"}
    if "error" in result:
        raise RuntimeError(f"The teacher {TEACHER}, seed {run.seed}, failed: {result['error']}")
    return keras.models.load_model(run.model_path)


def _evaluated(model, data):
    predictions = model.predict(data.test_x, batch_size=_EVALUATION_BATCH, verbose=0)
    answers = predictions[np.arange(len(predictions)), data.test_y]
    accuracy = np.mean(predictions.argmax(-1) == data.test_y)
    return float(-np.log(np.maximum(answers, 1e-12)).mean()), float(accuracy)
