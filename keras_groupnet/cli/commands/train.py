"""`groupnet train`: trains a model of the zoo in the stages of its method."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from absl import app, flags

from keras_groupnet.cli.data_flags import Data, check_data_flags, define_data_flags, load_data
from keras_groupnet.cli.loading import (
    check_imports,
    define_import_flag,
    import_modules,
    load_model,
)
from keras_groupnet.cli.model_flags import (
    build_model,
    check_model_flags,
    define_model_flags,
    flags_method,
    has_stem,
    integers,
)
from keras_groupnet.cli.paths import model_file, output_file, output_folder

if TYPE_CHECKING:
    import keras

    from keras_groupnet.methods import Method
    from keras_groupnet.training import Recipe, TrainingStage

USAGE = """MODEL.keras [flags]

For instance:      groupnet train digits.keras --model resnet --blocks 1,1 --filters 32,64 --bases 3
In several stages: groupnet train pcnn.keras --method pcnn --epochs 20,60 --checkpoint run"""
_SMALL_IMAGE = 64  # below, the stem of ImageNet would leave next to nothing
_EPOCHS, _BATCH_SIZE = 40, 64  # of --recipe=adam
_PROBE = 32  # images for the dead channels of --statistics
_LOSS, _METRICS = "sparse_categorical_crossentropy", ["accuracy"]


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    define_model_flags(values, "resnet18")
    define_data_flags(values, "digits")
    flags.DEFINE_enum(
        "recipe",
        "adam",
        ["adam", "paper"],
        "adam (0.002, batch 64, 40 epochs, cosine decay) or paper (the SGD of the method's paper)",
        flag_values=values,
    )
    flags.DEFINE_list(
        "epochs",
        None,
        "instead of the recipe's: of each stage, or one number for each stage: 10,30",
        flag_values=values,
    )
    flags.DEFINE_integer("batch_size", None, "instead of the recipe's", 1, flag_values=values)
    flags.DEFINE_float("learning_rate", None, "instead of the recipe's", 0.0, flag_values=values)
    flags.DEFINE_string(
        "parent", None, ".keras file of the full-precision parent to start from", flag_values=values
    )
    flags.DEFINE_string(
        "teacher",
        None,
        ".keras file of a trained full-precision model, for methods that learn from one; without "
        "it, one is trained first",
        flag_values=values,
    )
    flags.DEFINE_string(
        "checkpoint",
        None,
        "folder of checkpoints: the same command goes on where a killed run stopped",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "statistics",
        True,
        "with --checkpoint: statistics.csv of binary layers in the folder of each stage (flips, "
        "latent weights near zero, dead channels), and warnings of those that starve",
        flag_values=values,
    )
    define_import_flag(values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Trains and saves."""
    if len(positional) != 1:
        raise app.UsageError("Expected the .keras file to write.")
    target = output_file(positional[0], ".keras")
    given_files = {"parent": values.parent, "teacher": values.teacher}
    files = {name: model_file(path) for name, path in given_files.items() if path}
    folder = output_folder(values.checkpoint) if values.checkpoint else None
    given = integers("epochs", values.epochs) if values.epochs else None
    if given and min(given) < 1:
        raise app.UsageError(f"--epochs must be at least 1. Received: {','.join(values.epochs)}.")
    check_imports(values)
    check_data_flags(values)
    check_model_flags(values)

    from keras_groupnet import training
    from keras_groupnet.cli.progress import progress_bars
    from keras_groupnet.training.training_stage import needs_teacher

    import_modules(values)
    method = flags_method(values)
    if values.teacher and not needs_teacher(method):
        raise app.UsageError(f"--teacher: {method.name} learns from none. Leave it out.")
    recipe = _recipe(values)
    stages = _plan(values, method, given)
    models = {name: load_model(path) for name, path in files.items()}

    batch_size = values.batch_size or (
        _paper(values, method).batch_size if values.recipe == "paper" else _BATCH_SIZE
    )
    data = load_data(values, batch_size, values.seed)
    shape = data.test[0][0].shape[1:]
    if has_stem(values.model) and not values["stem"].present and max(shape[:2]) < _SMALL_IMAGE:
        values["stem"].value, values["stem"].present = "cifar", 1
    with progress_bars() as bars:
        result = training.fit(
            method,
            _builder(values, shape, data.classes, models.get("parent")),
            data.train,
            [stage.epochs for stage in stages],
            teacher=models.get("teacher"),
            recipe=recipe,
            loss=_LOSS,
            metrics=_METRICS,
            validation_data=data.test,
            callbacks=lambda stage: [
                bars.callback(f"{stage.number}/{len(stages)} {stage.method.name}"),
                *_statistics(values, stage, folder, data),
            ],
            folder=folder,
            seed=values.seed,
            verbose=0,
            announce=bars.print,
        )
        result.model.save(target)
        result.model.compile(loss=_LOSS, metrics=_METRICS)
        loss, accuracy = result.model.evaluate(data.test, verbose=0)
        bars.print(f"{target}: test accuracy {100 * accuracy:.2f} %, loss {loss:.4f}")


def _statistics(
    values: flags.FlagValues, stage: "TrainingStage", folder: Path | None, data: Data
) -> "list[keras.callbacks.Callback]":
    from keras_groupnet import training

    if folder is None or not values.statistics or stage.method.weight_bits == 32:
        return []
    images = data.test[0][0][:_PROBE]
    path = folder / stage.name / "statistics.csv"
    return [training.BinaryStatistics(path, probe=images if len(images) > 1 else None)]


def _builder(
    values: flags.FlagValues,
    shape: tuple[int, ...],
    classes: int,
    parent: "keras.Model | None",
) -> Callable[["Method"], "keras.Model"]:
    from keras_groupnet import transfer_weights

    def build(method: "Method") -> "keras.Model":
        # Without --method there is one stage, which the flags of Group-Net describe.
        model = build_model(values, shape, classes, method if values.method else None)
        if parent is not None:
            transfer_weights(parent, model, seed=values.seed)
        return model

    return build


def _plan(
    values: flags.FlagValues, method: "Method", epochs: list[int] | None
) -> "list[TrainingStage]":
    """The stages with their epochs; those of the recipe if none are given."""
    from keras_groupnet import training

    train_teacher = values.teacher is None
    stages = training.plan_stages(method, _EPOCHS, train_teacher)
    if epochs is None and values.recipe == "paper":
        epochs = [_paper(values, stage.method).epochs for stage in stages]
    if epochs is None:
        return stages
    try:
        return training.plan_stages(
            method, epochs[0] if len(epochs) == 1 else epochs, train_teacher
        )
    except ValueError as error:
        raise app.UsageError(f"--epochs: {error}.") from error


def _recipe(values: flags.FlagValues) -> "Callable[[TrainingStage, int], Recipe]":
    from keras_groupnet import training

    if values.recipe == "adam":
        rate = values.learning_rate or 2e-3
        return lambda stage, steps: training.adam_recipe(stage, steps, rate)

    def paper(stage: "TrainingStage", steps: int) -> "Recipe":
        recipe = _paper(values, stage.method)
        if values.learning_rate:
            recipe.optimizer.learning_rate = values.learning_rate
        return recipe

    return paper


def _paper(values: flags.FlagValues, method: "Method") -> "Recipe":
    from keras_groupnet import training

    if values.model == "alexnet" and method.name in ("group_net", "full_precision"):
        return training.alexnet_recipe()
    try:
        return training.method_recipe(method)
    except ValueError as error:
        raise app.UsageError(f"--recipe=paper: {error}; --recipe=adam is for all.") from error
