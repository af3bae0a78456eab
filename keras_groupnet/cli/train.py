"""`groupnet train`: trains a model of the zoo."""

import copy
from typing import TYPE_CHECKING

from absl import app, flags

from keras_groupnet.cli.data_flags import define_data_flags, load_data
from keras_groupnet.cli.model_flags import build_model, define_model_flags, has_stem

if TYPE_CHECKING:
    from keras_groupnet.training import Recipe

USAGE = """MODEL.keras [flags]

For instance: groupnet train digits.keras --model resnet --blocks 1,1 --filters 32,64 --bases 3"""
_SMALL_IMAGE = 64  # below, the stem of ImageNet would leave next to nothing


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    define_model_flags(values, "resnet18")
    define_data_flags(values, "digits")
    flags.DEFINE_enum(
        "recipe",
        "adam",
        ["adam", "paper"],
        "adam (0.002, batch 64, 40 epochs, cosine decay) or paper (Group-Net's SGD)",
        flag_values=values,
    )
    flags.DEFINE_integer("epochs", None, "instead of the recipe's", 1, flag_values=values)
    flags.DEFINE_integer("batch_size", None, "instead of the recipe's", 1, flag_values=values)
    flags.DEFINE_float("learning_rate", None, "instead of the recipe's", 0.0, flag_values=values)
    flags.DEFINE_string(
        "parent", None, ".keras file of the full-precision parent to start from", flag_values=values
    )
    flags.DEFINE_string(
        "teacher",
        None,
        ".keras file of the trained full-precision model, for methods that need one (rbcn)",
        flag_values=values,
    )
    flags.DEFINE_string(
        "checkpoint",
        None,
        "folder of checkpoints: the same command goes on where a killed run stopped",
        flag_values=values,
    )


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Trains and saves."""
    if len(positional) != 1 or not positional[0].endswith(".keras"):
        raise app.UsageError("Expected the .keras file to write.")
    import keras
    from rich.console import Console

    from keras_groupnet import methods, training, transfer_weights
    from keras_groupnet.cli.progress import progress_bar

    method = methods.get(values.method or "group_net")
    if method.needs_teacher and not values.teacher:
        raise app.UsageError(f"--method={method.name} needs --teacher=FILE.keras.")
    keras.utils.set_random_seed(values.seed)
    recipe = _recipe(values)
    batch_size = values.batch_size or recipe.batch_size
    data = load_data(values, batch_size, values.seed)
    shape = data.test[0][0].shape[1:]
    if has_stem(values.model) and not values["stem"].present and max(shape[:2]) < _SMALL_IMAGE:
        values["stem"].value, values["stem"].present = "cifar", 1
    model = build_model(values, shape, data.classes)
    if values.parent:
        transfer_weights(keras.models.load_model(values.parent), model, seed=values.seed)

    epochs = values.epochs or recipe.epochs
    if values.learning_rate:
        recipe.optimizer.learning_rate = values.learning_rate
    if values.recipe == "adam":
        rate = float(recipe.optimizer.learning_rate)
        recipe.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
            rate, epochs * len(data.train)
        )
    teacher = keras.models.load_model(values.teacher) if values.teacher else None
    trainer = method.trainer(model, teacher)
    trainer.compile(recipe.optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    # A callback that goes through the data again must not move on what `fit` reads.
    again = copy.copy(data.train)
    callbacks, first_epoch = [*recipe.callbacks, *method.callbacks(model, again)], 0
    if values.checkpoint:
        checkpoint = training.ResumableCheckpoint(values.checkpoint, data.train, recipe.callbacks)
        first_epoch = again.epoch = checkpoint.resume(trainer)
        callbacks.append(checkpoint)
    with progress_bar(model.name) as progress:
        trainer.fit(
            data.train,
            validation_data=data.test,
            epochs=epochs,
            initial_epoch=first_epoch,
            callbacks=[*callbacks, progress],
            verbose=0,
        )
    model.save(positional[0])
    loss, accuracy = trainer.evaluate(data.test, verbose=0)
    Console(highlight=False).print(
        f"{positional[0]}: test accuracy {100 * accuracy:.2f} %, loss {loss:.4f}",
        soft_wrap=True,
    )


def _recipe(values: flags.FlagValues) -> "Recipe":
    import keras

    from keras_groupnet import training

    if values.recipe == "adam":
        return training.Recipe(keras.optimizers.Adam(2e-3), [], batch_size=64, epochs=40)
    if values.model == "alexnet":
        return training.alexnet_recipe()
    return training.resnet_recipe(values.activation_bits if values.bases else 32)
